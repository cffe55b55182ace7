"""Forecasts by value: right, of the right series, at the right times, from the past alone."""

from __future__ import annotations

import copy
import logging
import math
import os
import random
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ray import tune
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError

H = 12
QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
}

LEARNS: dict[str, Any] = {
    "input_size": 24,
    "max_steps": 250,
    "learning_rate": 5e-3,
    "windows_batch_size": 64,
    "scaler_type": "standard",
}
"""Of NLinear: learns a noiseless season within 3 seconds."""

TOUCHES = {**LEARNS, "max_steps": 15}
"""Enough steps for a wrong turn to show, not enough to learn."""


def fit(
    df: pd.DataFrame, config: Any = LEARNS, model: str = "NLinear", **options: Any
) -> AutoModel:
    """Train a fixed configuration, or search where the config has domains."""
    return create_auto_model(model, options.pop("h", H), df, config, **{**QUIET, **options})


def continuation(df: pd.DataFrame, h: int = H) -> pd.DataFrame:
    """Return the rows that follow each series of a noiseless panel of season 12."""
    frames = []
    for name, series in df.groupby("unique_id", sort=True, observed=True):
        offset = pd.tseries.frequencies.to_offset("ME")
        ds = pd.date_range(series["ds"].max() + offset, periods=h, freq="ME")
        season = series.sort_values("ds")["y"].to_numpy()[-12:]
        frames.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": np.resize(season, h)}))
    return pd.concat(frames, ignore_index=True)


def worst_error(forecast: pd.DataFrame, truth: pd.DataFrame, model: str = "NLinear") -> float:
    """Return the largest relative error; every true row must have its forecast."""
    joined = truth.merge(forecast, on=["unique_id", "ds"], how="left", validate="one_to_one")
    assert len(forecast) == len(truth)
    assert joined[model].notna().all()
    return float((joined[model] / joined["y"] - 1).abs().max())


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return seasonal_panel()


@pytest.fixture(scope="module")
def fitted(data: pd.DataFrame) -> AutoModel:
    return fit(data)


@pytest.fixture(scope="module")
def touched(data: pd.DataFrame) -> AutoModel:
    return fit(data, TOUCHES)


# By value


def test_a_fixed_configuration_forecasts_a_noiseless_season(fitted: AutoModel, data: pd.DataFrame):
    forecast = fitted.predict(data)
    assert list(forecast.columns) == ["unique_id", "ds", "NLinear"]
    assert worst_error(forecast, continuation(data)) < 0.02


def test_the_training_data_is_the_default_dataset(fitted: AutoModel, data: pd.DataFrame):
    pd.testing.assert_frame_equal(fitted.predict(), fitted.predict(data))


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("MLP", {"hidden_size": 32, "num_layers": 1, "learning_rate": 2e-3}),
        pytest.param(
            "NHITS",
            {"mlp_units": 3 * [[32, 32]], "learning_rate": 1e-3},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_search_forecasts_a_noiseless_season(model: str, more: dict[str, Any]):
    data = seasonal_panel(n_series=4, length=96)
    space = {**LEARNS, **more, "scaler_type": tune.choice(["standard", "robust"])}
    result = fit(data, space, model, num_samples=2)
    assert len(result.trials) == 2
    assert worst_error(result.predict(data), continuation(data), model) < 0.03


def test_the_best_trial_is_the_one_that_learned(data: pd.DataFrame):
    space = {**LEARNS, "max_steps": 80, "learning_rate": tune.grid_search([1e-7, 1e-2, 1e-6])}
    result = fit(data, space, num_samples=3, use_pruning=False)
    assert result.best_config["learning_rate"] == 1e-2
    assert result.best_score == result.trials["value"].min()
    assert worst_error(result.predict(), continuation(data)) < 0.02


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("NHITS", {"mlp_units": 3 * [[32, 32]], "learning_rate": 1e-3}),
        ("NLinear", {"training_data_availability_threshold": 1.0}),
    ],
    ids=["windows before a start", "full windows alone"],
)
def test_very_different_lengths(model: str, more: dict[str, Any], data: pd.DataFrame):
    lengths = {"s0": 30, "s1": 60, "s2": 120}
    uneven = pd.concat(
        [series.tail(lengths[name]) for name, series in data.groupby("unique_id")],
        ignore_index=True,
    )
    forecast = fit(uneven, {**LEARNS, **more}, model).predict(uneven)
    assert worst_error(forecast, continuation(data), model) < 0.02


def test_integer_times():
    data = seasonal_panel()
    data["ds"] = data.groupby("unique_id").cumcount() + 7
    forecast = fit(data).predict(data)
    expected = np.tile(np.arange(127, 139), 3)
    assert forecast["ds"].tolist() == expected.tolist()
    truth = 100 + 10 * np.sin(2 * np.pi * np.arange(120, 132) / 12)
    levels = np.repeat([1.0, 2.0, 3.0], H)
    assert np.allclose(forecast["NLinear"] / levels, np.tile(truth, 3), rtol=0.02)


# Of the right series


def test_shuffled_rows_give_identical_forecasts(touched: AutoModel, data: pd.DataFrame):
    shuffled = data.sample(frac=1, random_state=3)
    again = fit(shuffled, TOUCHES)
    expected = touched.predict(data)
    pd.testing.assert_frame_equal(again.predict(shuffled), expected)
    pd.testing.assert_frame_equal(touched.predict(shuffled), expected)
    pd.testing.assert_frame_equal(again.predict(), expected)


def test_interleaved_series_give_identical_forecasts(touched: AutoModel, data: pd.DataFrame):
    interleaved = data.sort_values("ds", kind="stable")
    pd.testing.assert_frame_equal(fit(interleaved, TOUCHES).predict(), touched.predict())


def test_relabelled_series_keep_their_own_forecasts(fitted: AutoModel, data: pd.DataFrame):
    labels = {"s0": "s2", "s1": "s0", "s2": "s1"}
    relabelled = data.assign(unique_id=data["unique_id"].map(labels))
    assert worst_error(fitted.predict(relabelled), continuation(relabelled)) < 0.02
    assert worst_error(fit(relabelled).predict(), continuation(relabelled)) < 0.02
    known = fitted.predict(data).set_index(["unique_id", "ds"])["NLinear"].rename(labels, level=0)
    moved = fitted.predict(relabelled).set_index(["unique_id", "ds"])["NLinear"]
    pd.testing.assert_series_equal(moved, known.sort_index(), check_freq=False, rtol=1e-5)


@pytest.mark.parametrize(
    "rename",
    [
        {"s0": 30, "s1": 4, "s2": 100},
        {"s0": "10", "s1": "9", "s2": "é"},
    ],
    ids=["numbers", "text that sorts unlike numbers"],
)
def test_ids_of_any_kind(rename: dict[str, Any], fitted: AutoModel, data: pd.DataFrame):
    renamed = data.assign(unique_id=data["unique_id"].map(rename))
    forecast = fitted.predict(renamed)
    assert set(forecast["unique_id"]) == set(rename.values())
    assert worst_error(forecast, continuation(renamed)) < 0.02
    trained = fit(renamed, TOUCHES).predict()
    assert trained["unique_id"].drop_duplicates().tolist() == sorted(rename.values())
    assert trained["unique_id"].dtype == renamed["unique_id"].dtype


def test_categorical_ids(touched: AutoModel, data: pd.DataFrame):
    kinds = pd.CategoricalDtype(["s2", "unused", "s0", "s1"])
    categorical = data.astype({"unique_id": kinds})
    expected = touched.predict(data)
    for forecast in (touched.predict(categorical), fit(categorical, TOUCHES).predict()):
        pd.testing.assert_frame_equal(forecast.astype({"unique_id": "str"}), expected)


def test_new_series_get_their_own_continuation(fitted: AutoModel, data: pd.DataFrame):
    new = seasonal_panel(n_series=7, length=60, start="2018-03-31").query("unique_id > 's4'")
    assert set(new["unique_id"]) == {"s5", "s6"}
    assert worst_error(fitted.predict(new), continuation(new)) < 0.02
    both = pd.concat([new, data.query("unique_id != 's1'")]).sample(frac=1, random_state=0)
    forecast = fitted.predict(both)
    assert forecast["unique_id"].drop_duplicates().tolist() == ["s0", "s2", "s5", "s6"]
    assert worst_error(forecast, continuation(both)) < 0.02


def test_one_series_alone_forecasts_as_among_others(fitted: AutoModel, data: pd.DataFrame):
    together = fitted.predict(data).query("unique_id == 's1'").reset_index(drop=True)
    alone = fitted.predict(data.query("unique_id == 's1'"))
    pd.testing.assert_frame_equal(alone, together, rtol=1e-5)


def test_a_series_shorter_than_the_input_at_predict(fitted: AutoModel, data: pd.DataFrame):
    short = data.groupby("unique_id").tail(15)
    forecast = fitted.predict(short)
    assert len(forecast) == 3 * H
    assert np.isfinite(forecast["NLinear"]).all()
    assert forecast.groupby("unique_id")["ds"].min().eq(continuation(short)["ds"].min()).all()


# At the right times


@pytest.mark.parametrize("freq", ["ME", "MS", "QE", "W-WED", "B", "D", "h", "15min", "YE", "2D"])
def test_forecasts_are_of_the_next_periods(freq: str):
    times = pd.date_range("2003-02-01", periods=41, freq=freq)
    values = 50 + 10 * np.sin(np.arange(36))
    ends_early = pd.DataFrame({"unique_id": "a", "ds": times[:30], "y": values[:30]})
    ends_late = pd.DataFrame({"unique_id": "b", "ds": times[:36], "y": values})
    data = pd.concat([ends_late, ends_early], ignore_index=True)
    config = {"input_size": 8, "max_steps": 2, "windows_batch_size": 8}
    result = fit(data, config, h=5)
    for forecast in (result.predict(), result.predict(data)):
        by_series = {k: list(v) for k, v in forecast.groupby("unique_id")["ds"]}
        assert by_series == {"a": list(times[30:35]), "b": list(times[36:41])}
        assert forecast["ds"].dtype == data["ds"].dtype


def test_times_with_a_time_zone():
    times = pd.date_range("2024-03-30", periods=56, freq="h", tz="Europe/Berlin")
    data = pd.DataFrame({"unique_id": "a", "ds": times[:50], "y": np.sin(np.arange(50.0))})
    config = {"input_size": 8, "max_steps": 2, "windows_batch_size": 8}
    assert fit(data, config, h=6).predict()["ds"].tolist() == times[50:].tolist()


# From the past alone


def test_no_future_value_reaches_a_forecast(touched: AutoModel, data: pd.DataFrame):
    future = continuation(data).assign(y=1e9)
    expected = touched.predict(data)
    pd.testing.assert_frame_equal(touched.predict(data, futr_df=future), expected)
    pd.testing.assert_frame_equal(touched.predict(futr_df=future), expected)


def test_no_value_after_a_cutoff_reaches_its_forecast(touched: AutoModel, data: pd.DataFrame):
    poisoned = data.copy()
    last = poisoned.groupby("unique_id").cumcount(ascending=False) < H
    poisoned.loc[last, "y"] = 1e9
    for refit in (False, True):
        honest = touched.cross_validation(data, n_windows=1, refit=refit)
        tempted = touched.cross_validation(poisoned, n_windows=1, refit=refit)
        assert (tempted["y"] == 1e9).all()
        pd.testing.assert_series_equal(tempted["NLinear"], honest["NLinear"])


def test_training_never_sees_the_validation_values(
    data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    honest = _train_candidate(data, monkeypatch)
    poisoned = data.copy()
    last = poisoned.groupby("unique_id").cumcount(ascending=False) < H
    poisoned.loc[last, "y"] = 1e6
    tempted = _train_candidate(poisoned, monkeypatch)
    assert len(honest["training"]) == TOUCHES["max_steps"]
    assert tempted["training"] == honest["training"]
    for one, other in zip(honest["weights"], tempted["weights"], strict=True):
        assert np.array_equal(one, other)
    assert min(tempted["validation"]) > 1e5 > 1e3 > max(honest["validation"])


def _train_candidate(df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Train one candidate and return its losses and its weights."""
    from neuralforecast.tsdataset import TimeSeriesDataset

    from automodel_sk.training import train as training
    from automodel_sk.training.task import TrainingTask

    built: list[Any] = []
    build = training.build_model
    with monkeypatch.context() as patched:
        patched.setattr(training, "build_model", lambda *a: built.append(build(*a)) or built[-1])
        dataset, *_ = TimeSeriesDataset.from_df(df)
        task = TrainingTask("NLinear", h=H, val_size=H, n_series=3)
        seen: list[float] = []
        report = lambda number, loss: seen.append(loss) or training.Decision.CONTINUE  # noqa: E731
        outcome = training.train_config(task, TOUCHES, dataset, report)
    assert list(outcome.losses.values()) == seen
    assert outcome.score == min(seen)
    return {
        "training": list(built[0].train_trajectories),
        "validation": seen,
        "weights": [p.detach().numpy() for p in built[0].parameters()],
    }


def test_the_refit_learns_from_the_last_window(data: pd.DataFrame):
    shifted = data.copy()
    last = shifted.groupby("unique_id").cumcount(ascending=False) < H
    shifted.loc[last, "y"] += 50
    space = {**TOUCHES, "learning_rate": tune.uniform(4e-3, 5e-3)}
    usual = fit(data, space, num_samples=1).predict(data)["NLinear"]
    moved = fit(shifted, space, num_samples=1).predict(data)["NLinear"]
    assert (moved - usual).abs().max() > 0.5


def test_the_final_model_trains_for_the_best_step(data: pd.DataFrame):
    space = {**TOUCHES, "learning_rate": tune.choice([5e-3, 1e-2])}
    result = fit(data, space, num_samples=2)
    assert steps_of(result) == result.best_step
    assert result.best_step == result.trials.loc[result.trials["value"].idxmin(), "best_step"]


def test_the_final_model_trains_for_half_of_a_trials_steps_at_least(data: pd.DataFrame):
    result = fit(data, {**TOUCHES, "learning_rate": tune.choice([5e-3, 1e-2])}, num_samples=1)
    result.best_step = 2
    assert steps_of(result.refit(data)) == math.ceil(TOUCHES["max_steps"] / 2) > 2


def steps_of(result: AutoModel) -> int:
    return len(result.to_neuralforecast().models[0].train_trajectories)


# Nothing is left behind


def test_what_the_user_passes_is_never_changed(data: pd.DataFrame):
    frame = data.sample(frac=1, random_state=1).set_axis(np.arange(1000, 1000 + len(data)))
    frame["price"] = frame["y"] % 7
    static = pd.DataFrame({"unique_id": ["s2", "s0", "s1"], "size": [3, 1, 2]}, index=[9, 8, 7])
    future = continuation(data).assign(price=1)[["price", "ds", "unique_id"]]
    config = {
        **TOUCHES,
        "mlp_units": tune.choice([[[8, 8]] * 3, [[16, 16]] * 3]),
        "n_freq_downsample": [2, 2, 1],
    }
    columns = {"futr_exog_list": ["price"], "stat_exog_list": ["size"]}
    passed = (frame, static, future)
    before, config_before = [f.copy(deep=True) for f in passed], copy.deepcopy(config)
    result = fit(frame, config, "NHITS", num_samples=1, static_df=static, **columns)
    result.predict(frame, futr_df=future, static_df=static)
    for one, other in zip(passed, before, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert columns == {"futr_exog_list": ["price"], "stat_exog_list": ["size"]}
    assert list(config) == list(config_before)
    assert config["mlp_units"].categories == config_before["mlp_units"].categories
    assert {k: v for k, v in config.items() if k != "mlp_units"} == {
        k: v for k, v in config_before.items() if k != "mlp_units"
    }


def test_what_predict_returns_belongs_to_the_user(touched: AutoModel):
    first = touched.predict()
    expected = first.copy()
    first.loc[:, "NLinear"] = 0.0
    first.loc[:, "unique_id"] = "?"
    pd.testing.assert_frame_equal(touched.predict(), expected)


def _process_state() -> dict[str, Any]:
    """Return what a search must not change in the user's process."""
    import torch

    loggers = {"": logging.getLogger().level}
    for name, entry in logging.Logger.manager.loggerDict.items():
        if isinstance(entry, logging.Logger):
            loggers[name] = (entry.level, entry.disabled, tuple(map(repr, entry.handlers)))
    return {
        "python": random.getstate(),
        "numpy": tuple(map(str, np.random.get_state())),  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "precision": torch.get_float32_matmul_precision(),
        "dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "warnings": list(warnings.filters),
        "loggers": loggers,
        "interrupt": signal.getsignal(signal.SIGINT),
        "terminate": signal.getsignal(signal.SIGTERM),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_search_leaves_the_process_as_it_was(
    cpus: int,
    touched: AutoModel,
    data: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = _process_state()
    space = {**TOUCHES, "learning_rate": tune.loguniform(1e-4, 1e-2)}
    result = fit(data, space, num_samples=2, h=6, cpus=cpus)
    result.predict(data)
    result.cross_validation(n_windows=1)
    result.predict(data, level=[80])
    with pytest.raises(InvalidInputError):
        fit(data, {**TOUCHES, "no_such_parameter": 1})
    after = _process_state()
    new_loggers = {k: v for k, v in after["loggers"].items() if k not in before["loggers"]}
    assert all(not handlers for _, _, handlers in new_loggers.values())
    after["loggers"] = {k: after["loggers"][k] for k in before["loggers"]}
    changed = {k: (before[k], after[k]) for k in before if before[k] != after[k]}
    assert not changed
    assert list(tmp_path.iterdir()) == []


def test_a_search_says_nothing_when_told_to_be_quiet(
    data: pd.DataFrame, capfd: pytest.CaptureFixture[str]
):
    fit(data, {**TOUCHES, "learning_rate": tune.loguniform(1e-4, 1e-2)}, num_samples=1).predict()
    assert capfd.readouterr() == ("", "")


# Seeds


@pytest.fixture(scope="module")
def searches(data: pd.DataFrame) -> dict[str, AutoModel]:
    space = {
        **TOUCHES,
        "learning_rate": tune.loguniform(1e-4, 1e-2),
        "input_size": tune.choice([12, 24]),
    }
    seeds = {"first": 42, "second": 42, "other": 7}
    return {k: fit(data, space, num_samples=3, random_seed=v) for k, v in seeds.items()}


def test_the_same_seed_gives_the_same_search(searches: dict[str, AutoModel]):
    first, second = searches["first"], searches["second"]
    timing = ["datetime_start", "datetime_complete", "duration"]
    pd.testing.assert_frame_equal(
        first.trials.drop(columns=timing), second.trials.drop(columns=timing)
    )
    assert first.best_config == second.best_config
    pd.testing.assert_frame_equal(first.predict(), second.predict())


def test_another_seed_gives_another_search(searches: dict[str, AutoModel]):
    first, other = searches["first"], searches["other"]
    drawn = [set(s.trials["params_learning_rate"].iloc[1:]) for s in (first, other)]
    assert not drawn[0] & drawn[1], "all but the first trial, the model's defaults, are drawn"
    assert not np.allclose(first.predict()["NLinear"], other.predict()["NLinear"], rtol=1e-6)


def test_the_seed_reaches_a_fixed_configuration(touched: AutoModel, data: pd.DataFrame):
    again, other = fit(data, TOUCHES), fit(data, TOUCHES, random_seed=7)
    pd.testing.assert_frame_equal(again.predict(), touched.predict())
    assert not np.allclose(other.predict()["NLinear"], touched.predict()["NLinear"], rtol=1e-6)


def test_the_random_state_before_a_call_has_no_influence(touched: AutoModel, data: pd.DataFrame):
    import torch

    state = torch.get_rng_state()
    torch.manual_seed(999)
    try:
        pd.testing.assert_frame_equal(fit(data, TOUCHES).predict(), touched.predict())
    finally:
        torch.set_rng_state(state)
