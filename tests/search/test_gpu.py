"""Searches on a GPU; skipped where there is none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ray import tune
from series import seasonal_panel

from automodel_sk import create_auto_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
]

SPACE: dict[str, Any] = {
    "max_steps": 50,
    "input_size": 24,
    "scaler_type": "standard",
    "learning_rate": tune.loguniform(1e-4, 1e-2),
}


@pytest.mark.parametrize("backend", ["optuna", "ray"])
@pytest.mark.parametrize("trials_per_gpu", [1, 2, None])
def test_trials_share_a_gpu(backend: str, trials_per_gpu: int | None) -> None:
    panel = seasonal_panel(length=132)
    held_out = panel.groupby("unique_id").cumcount(ascending=False) < 12
    model = create_auto_model(
        "NHITS",
        12,
        panel[~held_out],
        SPACE,
        num_samples=4,
        backend=backend,
        trials_per_gpu=trials_per_gpu,
        use_mlflow=False,
        verbose=False,
        storage=":memory:",
    )
    assert (model.trials["state"] != "FAIL").all()
    assert model.to_neuralforecast().models[0].trainer_kwargs["accelerator"] == "gpu"
    merged = model.predict().merge(panel[held_out], on=["unique_id", "ds"])
    assert (merged["NHITS"] - merged["y"]).abs().mean() < 0.1 * merged["y"].mean()


@pytest.mark.parametrize("precision", ["auto", "bf16-mixed", "32-true"])
def test_every_precision_trains(precision: str) -> None:
    model = create_auto_model(
        "NHITS",
        12,
        seasonal_panel(),
        SPACE,
        num_samples=2,
        precision=precision,
        use_mlflow=False,
        verbose=False,
        storage=":memory:",
    )
    assert (model.trials["state"] != "FAIL").all()
