"""Metrics by value: each as utilsforecast computes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from utilsforecast import losses
from utilsforecast.processing import backtest_splits

from automodel_sk.data.held_out import HeldOutWindows, held_out_steps, hold_out
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import METRIC_NAMES, Forecast, metric_name, resolve_metric
from automodel_sk.training.objective import Objective, make_objective

H, N_WINDOWS, STEP, SEASON = 4, 3, 2, 12
ENDINGS = ["-median", "-lo-90", "-lo-80", "-hi-80", "-hi-90"]
SHIFTS = np.array([0.0, -9.0, -7.0, 6.0, 8.0])


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Return positive, noisy seasonal series of unequal length and end."""
    random = np.random.default_rng(3)
    frames = []
    for number, length in enumerate((60, 45, 71)):
        ds = pd.date_range("2010-01-31", periods=length + number, freq="ME")[number:]
        season = 10 * np.sin(2 * np.pi * np.arange(length) / SEASON)
        y = 100.0 * (number + 1) + season + random.normal(0, 3, length)
        frames.append(pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": y}))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def windows(history: pd.DataFrame) -> HeldOutWindows:
    return hold_out(history, H, N_WINDOWS, STEP, season=SEASON)


@pytest.fixture(scope="module")
def outputs(windows: HeldOutWindows) -> np.ndarray:
    """Return five quantile forecasts of each row."""
    random = np.random.default_rng(4)
    point = windows.frame["y"].to_numpy() + random.normal(0, 5, len(windows.frame))
    return point[:, None] + SHIFTS


@pytest.fixture(scope="module")
def table(windows: HeldOutWindows, outputs: np.ndarray) -> pd.DataFrame:
    """Return what neuralforecast's cross-validation would: the same forecasts, named."""
    columns = pd.DataFrame(outputs, columns=[f"M{ending}" for ending in ENDINGS])
    return pd.concat([windows.frame, columns.assign(M=outputs[:, 0])], axis=1)


def judged(metric: Any, history: pd.DataFrame, windows: HeldOutWindows) -> Objective:
    found = resolve_metric(metric, SEASON)
    assert found is not None
    return make_objective(found, windows, history)


# The windows


@pytest.mark.parametrize("step", [1, 2, 4, 7])
def test_windows_are_those_of_utilsforecast(history: pd.DataFrame, step: int):
    ours = hold_out(history, H, N_WINDOWS, step).frame
    splits = backtest_splits(
        history,
        n_windows=N_WINDOWS,
        h=H,
        id_col="unique_id",
        time_col="ds",
        freq="ME",
        step_size=step,
    )
    theirs = pd.concat([valid.merge(cutoffs, on="unique_id") for cutoffs, _, valid in splits])
    theirs = theirs.sort_values(["unique_id", "cutoff", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs)
    first = ours.groupby("unique_id")["cutoff"].min()
    held_out = history[history["ds"] > history["unique_id"].map(first)]
    assert set(held_out.groupby("unique_id").size()) == {held_out_steps(H, N_WINDOWS, step)}


def test_one_of_the_windows(history: pd.DataFrame, windows: HeldOutWindows):
    last = windows.window(N_WINDOWS)
    pd.testing.assert_frame_equal(last.frame, hold_out(history, H).frame)
    ends = history.groupby("unique_id")["y"].last()
    assert last.truth[:, -1].tolist() == ends.tolist()


def test_the_reference_is_the_value_one_season_before(
    history: pd.DataFrame, windows: HeldOutWindows
):
    keyed = history.set_index(["unique_id", "ds"])["y"]
    before = windows.frame["ds"] - pd.offsets.MonthEnd(SEASON)
    expected = keyed.loc[list(zip(windows.frame["unique_id"], before, strict=True))]
    assert windows.reference.tolist() == expected.tolist()


def test_a_series_too_short_is_named(history: pd.DataFrame):
    with pytest.raises(InvalidInputError, match="series 's1' has 45 rows, too few to hold out 48"):
        hold_out(history, 12, 4)


# By name


def of_library(name: str, table: pd.DataFrame, history: pd.DataFrame) -> float:
    """Return a metric as a user of utilsforecast computes it from a cross-validation."""
    quantiles = [0.05, 0.1, 0.5, 0.9, 0.95]
    ordered = ["M-lo-90", "M-lo-80", "M-median", "M-hi-80", "M-hi-90"]
    scale: dict[str, Any] = {"seasonality": SEASON, "train_df": history}
    several: dict[str, Any] = {"models": {"M": ordered}, "quantiles": np.array(quantiles)}
    special: dict[str, dict[str, Any]] = {
        "mase": scale,
        "msse": scale,
        "rmsse": scale,
        "spis": {"train_df": history},
        "quantile_loss": {"models": {"M": "M-median"}, "q": 0.5},
        "scaled_quantile_loss": {"models": {"M": "M-median"}, "q": 0.5, **scale},
        "mqloss": several,
        "scaled_mqloss": several | scale,
        "scaled_crps": several,
    }
    function: Callable[..., Any] = getattr(losses, name)
    arguments = {"models": ["M"], **special.get(name, {})}
    return float(function(table, **arguments)["M"].mean())


@pytest.mark.parametrize(
    "name", sorted({*METRIC_NAMES} - {"bias", "cfe", "huber", "rmae", "winkler_score"})
)
def test_a_name_is_the_function_of_utilsforecast(
    name: str,
    history: pd.DataFrame,
    windows: HeldOutWindows,
    outputs: np.ndarray,
    table: pd.DataFrame,
):
    if name == "linex":
        table = table.assign(M=table["y"] + (table["M"] - table["y"]) / 10)
        outputs = table[["M"]].to_numpy() + SHIFTS
    score = judged(name, history, windows).score(Forecast.of_outputs(outputs, ENDINGS))
    assert score == pytest.approx(of_library(name, table, history), rel=1e-12)


def test_intervals_are_judged_at_each_level(
    history: pd.DataFrame, windows: HeldOutWindows, outputs: np.ndarray, table: pd.DataFrame
):
    forecast = Forecast.of_outputs(outputs, ENDINGS)
    scores = [losses.winkler_score(table, ["M"], level)["M"].mean() for level in (80, 90)]
    both = judged("winkler_score", history, windows).score(forecast)
    wide = judged(partial(losses.winkler_score, level=90), history, windows).score(forecast)
    assert both == pytest.approx(np.mean(scores))
    assert wide == pytest.approx(scores[1])


@pytest.mark.parametrize("name", ["bias", "cfe"])
def test_a_signed_metric_is_judged_by_its_size(
    name: str,
    history: pd.DataFrame,
    windows: HeldOutWindows,
    outputs: np.ndarray,
    table: pd.DataFrame,
):
    expected = getattr(losses, name)(table, ["M"])["M"].abs().mean()
    for metric in (name, getattr(losses, name)):
        score = judged(metric, history, windows).score(Forecast.of_outputs(outputs, ENDINGS))
        assert score == pytest.approx(expected)


def test_relative_to_the_seasonal_naive_forecast(
    history: pd.DataFrame, windows: HeldOutWindows, outputs: np.ndarray, table: pd.DataFrame
):
    table = table.assign(naive=windows.reference)
    expected = losses.rmae(table, ["M"], baseline="naive")["M"].mean()
    objective = judged("rmae", history, windows)
    assert objective.score(Forecast.of_outputs(outputs, ENDINGS)) == pytest.approx(expected)
    assert objective.score(Forecast(windows.reference, {})) == pytest.approx(1.0)


def test_huber_is_half_a_square_near_zero_and_straight_beyond_one(
    history: pd.DataFrame, windows: HeldOutWindows
):
    truth = windows.frame["y"].to_numpy()
    objective = judged("huber", history, windows)
    assert objective.score(Forecast(truth + 0.5, {})) == pytest.approx(0.125)
    assert objective.score(Forecast(truth - 3, {})) == pytest.approx(2.5)


def test_every_error_of_utilsforecast_has_its_name():
    assert {*losses.__all__} - {"coverage", "calibration"} == {*METRIC_NAMES} - {"huber"}


def test_zeros_are_left_out_of_percentages(history: pd.DataFrame):
    zeros = history.assign(y=history["y"].where(history.index % 5 > 0, 0.0))
    windows = hold_out(zeros, H, N_WINDOWS, STEP)
    table = windows.frame.assign(M=windows.reference)
    for name in ("mape", "smape", "wape", "nd"):
        score = judged(name, zeros, windows).score(Forecast(windows.reference, {}))
        assert score == pytest.approx(getattr(losses, name)(table, ["M"])["M"].mean())


# Functions


def weighted(
    df: pd.DataFrame, models: list[str], id_col: str = "unique_id", target_col: str = "y"
) -> pd.DataFrame:
    """Return errors of which those of series s2 count ten times."""
    weights = np.where(df[id_col] == "s2", 10.0, 1.0)
    errors = df[models].sub(df[target_col], axis=0).abs().mul(weights, axis=0)
    return errors.groupby(df[id_col]).mean().reset_index()


def test_a_function_of_a_table(
    history: pd.DataFrame, windows: HeldOutWindows, outputs: np.ndarray, table: pd.DataFrame
):
    by_series = (table["M"] - table["y"]).abs().groupby(table["unique_id"]).mean()
    score = judged(weighted, history, windows).score(Forecast.of_outputs(outputs, ENDINGS))
    assert score == pytest.approx((by_series * [1.0, 1.0, 10.0]).mean())


def test_a_function_of_a_table_sees_the_past(
    history: pd.DataFrame, windows: HeldOutWindows, outputs: np.ndarray, table: pd.DataFrame
):
    metric = partial(losses.mase, seasonality=3)
    expected = losses.mase(table, ["M"], seasonality=3, train_df=history)["M"].mean()
    score = judged(metric, history, windows).score(Forecast.of_outputs(outputs, ENDINGS))
    assert score == pytest.approx(expected)


@pytest.mark.parametrize("metric", [mean_absolute_error, MeanAbsoluteError()])
def test_a_function_of_two_arrays(
    metric: Any, history: pd.DataFrame, windows: HeldOutWindows, outputs: np.ndarray
):
    forecast = Forecast.of_outputs(outputs, ENDINGS)
    expected = judged("mae", history, windows).score(forecast)
    assert judged(metric, history, windows).score(forecast) == pytest.approx(expected)


def test_a_function_of_two_arrays_gets_one_window_of_one_series_at_a_time(
    history: pd.DataFrame, windows: HeldOutWindows, outputs: np.ndarray
):
    worst = np.abs(outputs[:, 0] - windows.frame["y"].to_numpy()).reshape(-1, H).max(axis=1)
    objective = judged(lambda y, forecast: np.abs(y - forecast).max(), history, windows)
    score = objective.score(Forecast.of_outputs(outputs, ENDINGS))
    assert score == pytest.approx(worst.mean())


def test_a_forecast_that_is_no_number_is_the_worst(
    history: pd.DataFrame, windows: HeldOutWindows, outputs: np.ndarray
):
    broken = outputs.copy()
    broken[5, 3] = np.nan
    for metric in ("mae", "mase", "scaled_crps", weighted):
        objective = judged(metric, history, windows)
        assert objective.score(Forecast.of_outputs(broken, ENDINGS)) == np.inf


# Names and refusals


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("sMAPE", "smape"),
        ("scaled-CRPS", "scaled_crps"),
        (losses.mase, "utilsforecast.losses.mase"),
        (partial(losses.mase, seasonality=3), "utilsforecast.losses.mase(seasonality=3)"),
        (MeanAbsoluteError(), "sktime.performance_metrics.forecasting._mae.MeanAbsoluteError"),
    ],
)
def test_names(metric: Any, name: str):
    assert metric_name(metric) == name


def test_a_season_tells_scaled_metrics_apart():
    names = ("mase", "rmae", "mae")
    found = [resolve_metric(name, season) for name in names for season in (7, 12)]
    assert [metric.label for metric in found if metric] == [
        "mase of season 7",
        "mase of season 12",
        "rmae of season 7",
        "rmae of season 12",
        "mae",
        "mae",
    ]


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("maee", "got 'maee'; did you mean 'mae'?"),
        (5, "got 5; try metric='mae'"),
        (MeanAbsoluteError, "got <class"),
        ("coverage", "'coverage' is best at its nominal level, not at its minimum"),
        (r2_score, r"better when larger.*metric=lambda y, f: -r2_score\(y, f\)"),
        (lambda y: 0.0, r"must take \(y_true, y_pred\) or .* it takes \(y\)"),
    ],
)
def test_what_is_no_metric(metric: Any, message: str):
    with pytest.raises(InvalidInputError, match=message):
        resolve_metric(metric)


@pytest.mark.parametrize(
    ("metric", "endings", "message"),
    [
        ("scaled_crps", [""], "scores quantiles, but the loss gives none; try loss='mqloss'"),
        ("winkler_score", ["-median"], "scores quantiles, but the loss gives none"),
        (
            partial(losses.winkler_score, level=95),
            ENDINGS,
            "of level 95, but the loss gives 90, 80",
        ),
        (
            partial(losses.quantile_loss, q=0.7),
            ENDINGS,
            "scores the quantile 0.7, but the loss gives 0.05, 0.1, 0.5, 0.9, 0.95",
        ),
        (lambda y, f: "good", [""], "must return a number, got str"),
        (lambda df, models: 1.0, [""], "must return a DataFrame .* got float"),
        (lambda y, f: 1 / 0, [""], "fails on a seasonal-naive forecast .ZeroDivisionError"),
        (lambda y, f: float("nan"), [""], "is nan for a seasonal-naive forecast"),
    ],
)
def test_what_cannot_be_judged(
    metric: Any, endings: list[str], message: str, history: pd.DataFrame, windows: HeldOutWindows
):
    with pytest.raises(InvalidInputError, match=message):
        judged(metric, history, windows).check(endings)


def test_a_scale_of_zero_names_the_series(history: pd.DataFrame):
    flat = history.assign(y=history["y"].where(history["unique_id"] != "s1", 5.0))
    windows = hold_out(flat, H, N_WINDOWS, STEP, season=SEASON)
    with pytest.raises(InvalidInputError, match=r"'mase' is nan .* first of series 's1'"):
        judged("mase", flat, windows).check([""])


def test_a_scale_of_rounding_errors_is_zero(history: pd.DataFrame):
    wave = 1e6 * np.sin(2 * np.pi * history.groupby("unique_id").cumcount() / SEASON)
    is_wave = history["unique_id"] == "s1"
    repeated = history.assign(y=history["y"].mask(is_wave, wave))
    windows = hold_out(repeated, H, N_WINDOWS, STEP, season=SEASON)
    of_wave = (windows.frame["unique_id"] == "s1").to_numpy()[::H]
    for name in ("mase", "rmsse", "msse"):
        objective = judged(name, repeated, windows)
        assert np.isinf(objective.weights[of_wave]).all(), name
        assert np.isfinite(objective.weights[~of_wave]).all(), name
        with pytest.raises(InvalidInputError, match=r"first of series 's1'"):
            objective.check([""])
        scored = objective.of_scaled_series().score(Forecast(windows.reference + 1.0, {}))
        others = hold_out(repeated[~is_wave], H, N_WINDOWS, STEP, season=SEASON)
        alone = judged(name, repeated[~is_wave], others)
        assert scored == pytest.approx(alone.score(Forecast(others.reference + 1.0, {})))


def test_a_scale_below_zero_turns_no_metric_around() -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": range(20), "y": -10.0 - np.arange(20) % 3})
    held_out = hold_out(frame, 3)
    objective = make_objective(resolve_metric("spis"), held_out, frame)
    truth = held_out.truth.ravel()
    right, wrong = (objective.score(Forecast(truth + shift, {})) for shift in (0.0, 100.0))
    assert right == 0.0 < wrong
