"""The average of the weights: what it holds, and which trainings end with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from neuralforecast import NeuralForecast
from neuralforecast.models import NHITS
from pytorch_lightning.callbacks import LambdaCallback
from ray import tune
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.training.refit import fit_final
from automodel_sk.training.weight_average import EVERY, averaged_weights, share_of_newest

H = 12
FIXED: dict[str, Any] = {"max_steps": 40, "input_size": 24, "hidden_size": 8, "num_layers": 2}
SPACE = {**FIXED, "learning_rate": tune.loguniform(1e-3, 1e-2)}
OPTIONS: dict[str, Any] = {
    "use_mlflow": False,
    "verbose": False,
    "cpus": 1,
    "storage": ":memory:",
}


def shares(number: int) -> np.ndarray:
    """Return the share of each of so many weights in their average."""
    each = np.array([share_of_newest(k) for k in range(1, number + 1)])
    return each * np.append(np.cumprod((1 - each)[:0:-1])[::-1], 1.0)


@pytest.mark.parametrize("number", [1, 2, 10, 1000])
def test_shares_sum_to_one_and_grow(number: int) -> None:
    assert shares(number).sum() == pytest.approx(1)
    assert (np.diff(shares(number)) >= 0).all()


@pytest.mark.parametrize("number", [100, 1000])
def test_the_mean_age_is_an_eighteenth_of_the_training(number: int) -> None:
    ages = number - np.arange(1, number + 1)
    assert ages @ shares(number) == pytest.approx(number / 18, rel=0.1)


def test_a_training_ends_with_the_average_of_its_weights() -> None:
    states: list[dict[str, torch.Tensor]] = []

    def keep(trainer: Any, module: Any, *_: Any) -> None:
        if trainer.global_step % EVERY == 0 or trainer.global_step == 23:  # the last one
            states.append({name: value.clone() for name, value in module.state_dict().items()})

    own = LambdaCallback(on_train_batch_end=keep)
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu"}
    model = NHITS(H, input_size=24, max_steps=23, callbacks=[own], **quiet)
    fitted = NeuralForecast([model], freq="ME")
    with averaged_weights(fitted.models[0]):
        fitted.fit(seasonal_panel())
    assert len(states) == 5
    for name, value in fitted.models[0].state_dict().items():
        expected = sum(share * state[name] for share, state in zip(shares(5), states, strict=True))
        assert torch.allclose(value, expected, atol=1e-6), name
    assert len(fitted.models[0].trainer_kwargs["callbacks"]) == 1  # the user's own


@pytest.mark.parametrize("batches", [1, 4])
def test_the_last_step_counts_however_few_there_are(batches: int) -> None:
    """Also where several batches make one step, of which the first ones change nothing."""
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu"}
    quiet |= {"accumulate_grad_batches": batches, "batch_size": 1}
    forecasts = []
    for steps in (3, 5, 7, 8):
        model = NHITS(H, input_size=24, max_steps=steps, **quiet)
        fitted = NeuralForecast([model], freq="ME")
        with averaged_weights(fitted.models[0]):
            fitted.fit(seasonal_panel())
        forecasts.append(tuple(fitted.predict()["NHITS"]))
    assert len(set(forecasts)) == 4


def test_a_training_that_stops_before_the_first_addition_keeps_its_weights() -> None:
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu"}
    forecasts = []
    for wanted in (True, False):
        model = NHITS(H, input_size=24, max_steps=EVERY - 1, **quiet)
        fitted = NeuralForecast([model], freq="ME")
        with averaged_weights(fitted.models[0], wanted=wanted):
            fitted.fit(seasonal_panel())
        forecasts.append(fitted.predict()["NHITS"])
    pd.testing.assert_series_equal(*forecasts)


def anew(model: AutoModel, frame: pd.DataFrame, *, averages: bool) -> pd.Series:
    """Return the forecasts of the configuration, trained with or without the average."""
    task = replace(model.state.task, average_weights=averages)
    steps = model.state.steps_in_full
    fitted = fit_final(task, model.state.config, frame, model.state.freq, steps=steps)
    return fitted.predict()["MLP"]


@pytest.mark.parametrize(("space", "averages"), [(SPACE, True), (FIXED, False)])
def test_a_search_ends_with_the_average_and_a_fixed_configuration_without(
    space: dict[str, Any], averages: bool
) -> None:
    panel = seasonal_panel()
    model = create_auto_model("MLP", H, panel, space, num_samples=1, **OPTIONS)
    forecast = model.predict()["MLP"]
    assert np.allclose(forecast, anew(model, panel, averages=averages), rtol=1e-6)
    assert not np.allclose(forecast, anew(model, panel, averages=not averages), rtol=1e-6)


def test_later_trainings_average_as_the_first(tmp_path: Path) -> None:
    panel = seasonal_panel()
    past = panel.groupby("unique_id").head(-H)
    model = create_auto_model("MLP", H, panel, SPACE, num_samples=1, **OPTIONS)
    windows = model.cross_validation(n_windows=1)["MLP"]
    assert np.allclose(windows, anew(model, past, averages=True), rtol=1e-6)
    refitted = model.refit(past)
    assert np.allclose(refitted.predict()["MLP"], anew(refitted, past, averages=True), rtol=1e-6)
    folder = model.save(tmp_path / "model")
    again = AutoModel.load(folder).refit(past)
    pd.testing.assert_frame_equal(again.predict(), refitted.predict())
    manifest = json.loads((folder / "automodel.json").read_text())
    del manifest["task"]["average_weights"]  # as models were saved before there was an average
    (folder / "automodel.json").write_text(json.dumps(manifest))
    assert not AutoModel.load(folder).state.task.average_weights
