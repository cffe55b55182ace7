"""The search spaces shared by the contestants."""

from __future__ import annotations

from typing import Any

QUIET_TRAINER = {
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "enable_progress_bar": False,
    "logger": False,
}
"""What a user passes who wants no output; it spares the peers Lightning's fixed costs."""


def upstream_space(model: str, h: int, steps: int) -> dict[str, Any]:
    """Return neuralforecast's default search space of a model as Ray domains.

    The number of training steps is fixed, so that all trials cost the same. The model's seed is not
    part of the space: it is set to the same value for all contestants.
    """
    import neuralforecast.auto

    space = getattr(neuralforecast.auto, f"Auto{model}").get_default_config(h, backend="ray")
    owned = ("h", "loss", "valid_loss", "random_seed")
    kept = {name: domain for name, domain in space.items() if name not in owned}
    return {**kept, "max_steps": steps}


def gru_distributions(h: int) -> dict[str, Any]:
    """Return the tuned parameters of a GRU as Optuna distributions, as sktime accepts them."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    return {
        "input_size": CategoricalDistribution([h, 2 * h, 3 * h]),
        "encoder_hidden_size": CategoricalDistribution([16, 32, 64]),
        "encoder_n_layers": IntDistribution(1, 2),
        "decoder_hidden_size": CategoricalDistribution([16, 32, 64]),
        "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
        "scaler_type": CategoricalDistribution(["robust", "standard"]),
    }
