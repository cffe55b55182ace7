"""The forecasts of the validation windows that trials leave: those of a cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from neuralforecast import NeuralForecast
from neuralforecast.tsdataset import TimeSeriesDataset

from automodel_sk.catalog.losses import resolve_loss
from automodel_sk.data.held_out import held_out_steps, hold_out
from automodel_sk.metrics import resolve_metric
from automodel_sk.training.build import build_model, trained_module
from automodel_sk.training.objective import make_objective
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Decision, Outcome, Report, train_config, training
from automodel_sk.training.trial_files import stored_weights
from automodel_sk.training.window_forecasts import kept_forecasts, stored_forecasts

H, N_WINDOWS, STEP, SEASON = 4, 3, 2, 12
CONFIG: dict[str, Any] = {
    "input_size": 8,
    "max_steps": 6,
    "val_check_steps": 2,
    "windows_batch_size": 16,
    "learning_rate": 5e-3,
    "scaler_type": "standard",
}


def noisy_panel(lengths: tuple[int, ...] = (50, 41, 63)) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frames = []
    for number, length in enumerate(lengths):
        ds = pd.date_range("2010-01-31", periods=80, freq="ME")[-length:]
        season = 10 * np.sin(2 * np.pi * np.arange(length) / SEASON)
        y = 100.0 * (number + 1) + season + random.normal(0, 2, length)
        frames.append(pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": y}))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return noisy_panel()


def task_of(data: pd.DataFrame, model: str, metric: Any, loss: Any, folder: Path) -> TrainingTask:
    lengths = data.groupby("unique_id").size().to_numpy()
    task = TrainingTask(
        model,
        h=H,
        val_size=held_out_steps(H, N_WINDOWS, STEP),
        n_series=len(lengths),
        loss=resolve_loss(loss),
        step_size=STEP,
        lengths=lengths,
        trainer_options={"accelerator": "cpu", "devices": 1},
        forecasts=str(folder),
    )
    found = resolve_metric(metric, SEASON)
    if found is None:
        return task
    windows = hold_out(data, H, N_WINDOWS, STEP, season=SEASON)
    return replace(task, objective=make_objective(found, windows, data))


def go_on(*_: Any) -> Decision:
    return Decision.CONTINUE


def train(
    task: TrainingTask,
    data: pd.DataFrame,
    config: Mapping[str, Any] = CONFIG,
    report: Report = go_on,
) -> Outcome:
    dataset, *_ = TimeSeriesDataset.from_df(data)
    return train_config(task, config, dataset, report)


def cross_validated(
    task: TrainingTask, data: pd.DataFrame, config: Mapping[str, Any], steps: int
) -> pd.DataFrame:
    """Return what neuralforecast's own cross-validation forecasts after so many steps."""
    with training():
        model = build_model(task, config)
        trained_module(model).trainer_kwargs["max_steps"] = steps
        return NeuralForecast([model], freq="ME").cross_validation(
            data, n_windows=N_WINDOWS, step_size=STEP
        )


def ordered(values: pd.Series) -> np.ndarray:
    return values.to_numpy().reshape(-1, N_WINDOWS, H)


RECURRENT = {"recurrent": True, "encoder_hidden_size": 8, "inference_input_size": 20}
CASES = [
    ("NLinear", None, {}),
    ("TSMixer", None, {"ff_dim": 8}),
    ("LSTM", None, RECURRENT),
    ("MLP", "mqloss", {"hidden_size": 8}),
]


@pytest.mark.parametrize("metric", ["mae", None])
@pytest.mark.parametrize(("model", "loss", "more"), CASES)
def test_they_are_those_of_a_cross_validation(
    model: str, loss: Any, more: dict[str, Any], metric: Any, data: pd.DataFrame, tmp_path: Path
) -> None:
    task, config = task_of(data, model, metric, loss, tmp_path), {**CONFIG, **more}
    outcome = train(task, data, config)
    table = cross_validated(task, data, config, outcome.best_step)
    kept = kept_forecasts(str(tmp_path), config)
    assert kept is not None
    assert kept.complete
    assert kept.loss == outcome.score
    assert kept.point.dtype == np.float32
    assert kept.point.shape == (3, N_WINDOWS, H)
    name = model if model in table else f"{model}-median"
    np.testing.assert_allclose(kept.point, ordered(table[name]), rtol=1e-5)
    np.testing.assert_array_equal(stored_forecasts(str(tmp_path), config), kept.point)
    assert len(kept.quantiles) == (0 if loss is None else 5)
    for ending, q in (("-lo-80.0", 0.1), ("-hi-90", 0.95)):
        if f"{model}{ending}" in table:
            np.testing.assert_allclose(kept.quantiles[q], ordered(table[f"{model}{ending}"]), 1e-5)
    if task.objective is not None:
        assert task.objective.score(kept.forecast) == pytest.approx(outcome.score, rel=1e-5)


def test_those_of_a_distribution_are_those_that_were_scored(
    data: pd.DataFrame, tmp_path: Path
) -> None:
    task, config = task_of(data, "MLP", "mae", "normal", tmp_path), {**CONFIG, "hidden_size": 8}
    outcome = train(task, data, config)
    kept = kept_forecasts(str(tmp_path), config)
    assert kept is not None
    assert task.objective.score(kept.forecast) == pytest.approx(outcome.score, rel=1e-5)
    assert set(kept.quantiles) >= {0.1, 0.5, 0.9}
    assert (kept.quantiles[0.1] < kept.quantiles[0.9]).all()


def test_they_are_of_the_best_validation_not_of_the_last(
    data: pd.DataFrame, tmp_path: Path
) -> None:
    config = {**CONFIG, "learning_rate": 100.0}  # each step makes it worse
    for metric in ("mae", None):
        folder = tmp_path / str(metric)
        folder.mkdir()
        task = task_of(data, "NLinear", metric, None, folder)
        outcome = train(task, data, config)
        assert outcome.best_step < 6
        table = cross_validated(task, data, config, outcome.best_step)
        kept = stored_forecasts(str(folder), config)
        np.testing.assert_allclose(kept, ordered(table["NLinear"]), rtol=1e-5)


def test_hierarchies_are_kept_reconciled(data: pd.DataFrame, tmp_path: Path) -> None:
    ends = pd.date_range("2010-01-31", periods=40, freq="ME")
    wide = data[data["unique_id"] != "s2"].groupby("unique_id").tail(40)
    wide = wide.assign(ds=np.tile(ends, 2))
    total = wide.groupby("ds", as_index=False)["y"].sum().assign(unique_id="a_total")
    frame = pd.concat([total[wide.columns], wide], ignore_index=True)
    summing = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    hint = {"model": "MLP", "S": summing, "reconciliation": "BottomUp", "hidden_size": 8}
    for metric in ("mae", None):
        folder = tmp_path / str(metric)
        folder.mkdir()
        train(task_of(frame, "HINT", metric, "normal", folder), frame, {**CONFIG, **hint})
        kept = stored_forecasts(str(folder), {**CONFIG, **hint})
        assert kept is not None
        assert kept.shape == (3, N_WINDOWS, H)
        np.testing.assert_allclose(kept[0], kept[1] + kept[2], rtol=1e-5)


def test_a_series_that_is_too_short_to_be_judged_is_left_out_of_a_joint_models(
    tmp_path: Path,
) -> None:
    data = noisy_panel((50, 12, 63))
    whole = task_of(data, "TSMixer", None, None, tmp_path)
    config = {**CONFIG, "ff_dim": 8, "start_padding_enabled": True}
    train(whole, data, config)
    kept = stored_forecasts(str(tmp_path), config)
    assert kept is not None
    assert kept.shape == (2, N_WINDOWS, H)
    assert abs(kept[0].mean() - 100) < 60
    assert abs(kept[1].mean() - 300) < 60


@pytest.mark.parametrize("metric", ["mae", None])
def test_a_pruned_trial_keeps_its_own_and_a_complete_one_takes_their_place(
    metric: Any, data: pd.DataFrame, tmp_path: Path
) -> None:
    task = task_of(data, "NLinear", metric, None, tmp_path)

    def prune(number: int, loss: float) -> Decision:
        return Decision.PRUNE if number == 2 else Decision.CONTINUE

    pruned = train(task, data, report=prune)
    kept = kept_forecasts(str(tmp_path), CONFIG)
    assert kept is not None
    assert (kept.complete, kept.loss) == (False, pruned.score)
    table = cross_validated(task, data, CONFIG, pruned.best_step)
    np.testing.assert_allclose(kept.point, ordered(table["NLinear"]), rtol=1e-5)
    whole = train(task, data)
    kept = kept_forecasts(str(tmp_path), CONFIG)
    assert kept is not None
    assert (kept.complete, kept.loss) == (True, whole.score)
    assert len(list(tmp_path.iterdir())) == 1
    train(task, data, report=prune)
    assert len(list(tmp_path.iterdir())) == 1


def test_keeping_them_changes_no_training(data: pd.DataFrame, tmp_path: Path) -> None:
    for metric in ("mae", None):
        kept = task_of(data, "MLP", metric, "normal", tmp_path)
        config = {**CONFIG, "hidden_size": 8}
        losses = train(kept, data, config).losses
        assert losses == train(replace(kept, forecasts=None), data, config).losses


def test_a_file_that_was_damaged_counts_as_none(data: pd.DataFrame, tmp_path: Path) -> None:
    train(task_of(data, "NLinear", "mae", None, tmp_path), data)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    assert stored_forecasts(str(tmp_path), CONFIG) is None
    assert stored_forecasts(str(tmp_path), {**CONFIG, "max_steps": 8}) is None


def test_the_weights_of_the_best_trials_are_kept(data: pd.DataFrame, tmp_path: Path) -> None:
    weights, forecasts = tmp_path / "weights", tmp_path / "forecasts"
    weights.mkdir()
    forecasts.mkdir()
    task = task_of(data, "NLinear", "mae", None, forecasts)
    task = replace(task, weights=str(weights), keep=2)
    configs = [{**CONFIG, "learning_rate": rate} for rate in (5e-3, 1.0, 1e-4, 2e-3)]
    scores = [train(task, data, config).score for config in configs]
    best = sorted(range(4), key=lambda place: scores[place])[:2]
    found = [stored_weights(str(weights), config) for config in configs]
    assert [place for place, state in enumerate(found) if state is not None] == sorted(best)
    assert all(stored_forecasts(str(forecasts), config) is not None for config in configs)
    model = build_model(task, configs[best[0]])
    state = found[best[0]]
    assert state is not None
    model.load_state_dict(state)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in state.items())
