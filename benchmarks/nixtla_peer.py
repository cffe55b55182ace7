"""neuralforecast's Auto classes with Optuna and with Ray, used as documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.datasets import Dataset
from benchmarks.plan import Run
from benchmarks.spaces import QUIET_TRAINER, upstream_space

MODULES = ("neuralforecast", "neuralforecast.auto", "optuna", "ray.tune")
UNLIMITED = 10_000


def search(model: str, backend: str, data: Dataset, run: Run) -> dict[str, Any]:
    """Search and refit.

    With a time limit, its own `time_budget` ends the search: no new trial starts, the running one
    finishes, and the refit follows. The peer therefore gets more than the requested time.
    """
    import neuralforecast.auto
    from neuralforecast import NeuralForecast

    auto = getattr(neuralforecast.auto, f"Auto{model}")
    fixed = {**QUIET_TRAINER, "random_seed": run.seed}
    space = {**upstream_space(model, data.h, run.steps), **fixed}
    peer = auto(
        h=data.h,
        backend=backend,
        num_samples=run.trials if run.seconds is None else UNLIMITED,
        time_budget=run.seconds,
        **_BACKENDS[backend](auto, space, run.seed),
    )
    fitted = NeuralForecast(models=[peer], freq=data.freq)
    fitted.fit(data.train)
    losses = _LOSSES[backend](fitted.models[0].results)
    return {"predict": fitted.predict, "losses": losses, "trials": len(losses)}


def _on_optuna(auto: Any, space: dict[str, Any], seed: int) -> dict[str, Any]:
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed)  # its own default sampler, unseeded
    return {"config": auto._ray_config_to_optuna(space), "search_alg": sampler}


def _on_ray(_: Any, space: dict[str, Any], seed: int) -> dict[str, Any]:
    from neuralforecast.common._base_auto import RayOptions
    from ray import tune
    from ray.tune.search.basic_variant import BasicVariantGenerator

    quiet = tune.RunConfig(storage_path=str(Path.cwd() / "ray_results"), verbose=0)
    return {
        "config": space,
        "search_alg": BasicVariantGenerator(random_state=seed),
        "ray_options": RayOptions(run_config=quiet),
    }


def _study_losses(study: Any) -> list[tuple[float, float]]:
    """Return each trial's loss at its end; the peer reports no loss earlier."""
    ended = [trial for trial in study.trials if trial.value is not None]
    return [(trial.datetime_complete.timestamp(), trial.value) for trial in ended]


def _ray_losses(results: Any) -> list[tuple[float, float]]:
    ended = [result.metrics for result in results if result.metrics and "loss" in result.metrics]
    return [(float(last["timestamp"]), float(last["loss"])) for last in ended]


_BACKENDS = {"optuna": _on_optuna, "ray": _on_ray}
_LOSSES = {"optuna": _study_losses, "ray": _ray_losses}
