"""Training on from fitted weights: it refines the model, and never ruins it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from neuralforecast.models import MLP

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.training.restart import LEAST_RATE, WARM_UP, gentle_restart, rate_after

H = 7
WEEK = np.array([10, 20, 30, 40, 50, 60, 75.5])
OPTIONS: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "storage": ":memory:"}


def weekly_panel(length: int = 140) -> pd.DataFrame:
    """Return three series that repeat a week, with a little noise."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=length)
    series = [
        (number + 1) * (np.resize(WEEK, length) + rng.normal(size=length)) for number in range(3)
    ]
    parts = [
        pd.DataFrame({"unique_id": name, "ds": days, "y": values})
        for name, values in zip("abc", series, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def error(model: AutoModel) -> float:
    """Return the error of the next week's forecast; the noise alone makes 1.6 or so."""
    truth = np.concatenate([(number + 1) * WEEK for number in range(3)])
    return float(np.abs(model.predict()[model.model_name] - truth).mean())


@pytest.mark.parametrize("name", ["NHITS", "MLP", "LSTM"])
def test_the_same_data_leave_a_good_model_good(name: str) -> None:
    panel = weekly_panel()
    model = create_auto_model(name, H, panel, {"input_size": 14, "max_steps": 60}, **OPTIONS)
    before = error(model)
    assert before < 3
    for steps in (1, 5, None):  # one step at the whole rate would make the error 20 or more
        assert error(model.update(panel, max_steps=steps)) < before + 1
    several = model.update(panel).update(panel).update(panel)
    assert error(several) < before + 1


def test_a_model_that_has_not_learned_enough_learns_on() -> None:
    panel = weekly_panel()
    model = create_auto_model("MLP", H, panel, {"input_size": 14, "max_steps": 8}, **OPTIONS)
    assert error(model.update(panel, max_steps=100)) < 0.5 * error(model)


def test_the_module_is_restored() -> None:
    model = MLP(h=1, input_size=2, learning_rate=0.008, max_steps=300, num_lr_decays=3)
    rates = []
    with gentle_restart(model, done=200):
        made = model.configure_optimizers()
        for _ in range(WARM_UP + 2):
            rates.append(made["optimizer"].param_groups[0]["lr"])
            made["optimizer"].step()
            made["lr_scheduler"]["scheduler"].step()
    assert rates[0] == pytest.approx(0.002 / WARM_UP)
    assert (np.diff(rates[: WARM_UP + 1]) > 0).all()
    assert rates[WARM_UP:] == pytest.approx([0.002, 0.002])
    assert model.learning_rate == 0.008
    assert model.configure_optimizers()["optimizer"].param_groups[0]["lr"] == 0.008


def test_a_schedule_that_ends_at_zero_leaves_something_to_learn_with() -> None:
    cosine = {
        "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR,
        "lr_scheduler_kwargs": {"T_max": 50},
    }
    model = MLP(h=1, input_size=2, learning_rate=0.01, **cosine)
    assert rate_after(model, 25) == pytest.approx(0.005)
    assert rate_after(model, 50) == pytest.approx(LEAST_RATE * 0.01)
