"""The ridge regression: right values, no look into the future, any horizon, safe files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from member_data import AWKWARD, data_of, panel_of, seasonal_data, seasonal_values

from automodel_sk.exceptions import SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members import linear_model
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.linear_model import RidgeShape, fit_ridge
from automodel_sk.portfolio.members.series import SeriesValues
from automodel_sk.portfolio.members.table import MEMBERS, available, load_member, member_of

RIDGE = member_of("RidgeRegression")


def error_of(name: str, data: PortfolioData) -> float:
    forecast = member_of(name).forecast_windows(data, Deadline()).point
    return float(np.abs(forecast - data.truth).mean())


def walks(n_series: int = 20, length: int = 100) -> PortfolioData:
    steps = np.random.default_rng(3).normal(size=(n_series, length))
    return data_of({f"s{i:02d}": walk for i, walk in enumerate(steps.cumsum(axis=1))})


def test_series_that_follow_one_linear_rule_are_forecast_exactly():
    steps = np.arange(80)
    series = {f"s{i}": 100.0 * i + 3.0**i * np.sin(2 * np.pi * (steps + i) / 12) for i in range(8)}
    data = data_of(series)
    sizes = np.ptp(data.truth, axis=2, keepdims=True)
    forecast = RIDGE.forecast_windows(data, Deadline()).point
    assert (np.abs(forecast - data.truth) / sizes).max() < 0.01


def test_a_seasonal_series_with_a_trend_is_forecast_better_than_by_its_last_season():
    data = seasonal_data(n_series=12, length=96)
    assert error_of("RidgeRegression", data) < 0.6 * error_of("SeasonalNaive", data)


def test_a_walk_without_a_season_is_forecast_near_its_last_value():
    data = walks()
    assert error_of("RidgeRegression", data) < 0.8 * error_of("SeasonalNaive", data)
    assert error_of("RidgeRegression", data) < 1.2 * error_of("Naive", data)
    yearly = replace(data, season=1)
    assert error_of("RidgeRegression", yearly) < 1.1 * error_of("Naive", yearly)


def test_the_coefficients_are_those_of_a_ridge_regression(monkeypatch: pytest.MonkeyPatch):
    series = SeriesValues.of(seasonal_data(n_series=3).frame)
    shape = RidgeShape(h=5, season=4, lookback=9)
    found = fit_ridge("", series, shape, Deadline())
    inputs, targets = windows_of(series, shape)
    naive = np.zeros((9, 5))
    naive[[5, 6, 7, 8, 5], np.arange(5)] = 1.0
    weights = np.ones((len(inputs), 1))
    for _ in range(3):
        roots = np.sqrt(weights)
        penalty = 0.05 * (weights * inputs**2).sum() / 9
        stacked = np.concatenate([roots * inputs, np.sqrt(penalty) * np.eye(9)])
        wanted = np.concatenate([roots * targets, np.sqrt(penalty) * naive])
        expected = np.linalg.lstsq(stacked, wanted)[0]
        errors = np.abs(targets - inputs @ expected).mean(axis=1, keepdims=True)
        weights = 1 / np.maximum(errors, 0.05)
    np.testing.assert_allclose(found.coefficients, expected, atol=1e-8)
    assert found.n_windows == len(inputs)
    monkeypatch.setattr(linear_model, "_BLOCK", 40)
    blocks = fit_ridge("", series, shape, Deadline())
    np.testing.assert_allclose(blocks.coefficients, expected, atol=1e-8)


def windows_of(series: SeriesValues, shape: RidgeShape) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets of all windows of all series, computed one at a time."""
    inputs, targets = [], []
    for i in range(len(series)):
        for end in range(shape.lookback, len(series[i]) - shape.h + 1):
            past, ahead = series[i][end - shape.lookback : end], series[i][end : end + shape.h]
            level = past[-shape.season :].mean()
            size = np.sqrt(np.mean((past - level) ** 2))
            inputs.append((past - level) / size)
            targets.append((ahead - level) / size)
    return np.array(inputs), np.array(targets)


@pytest.mark.parametrize("step_size", [None, 2])
def test_each_window_is_forecast_by_the_coefficients_of_the_first_from_the_rows_before_it(
    step_size: int | None,
):
    data = seasonal_data(step_size=step_size)
    windows = RIDGE.forecast_windows(data, Deadline()).point
    assert windows.dtype == np.float32
    assert windows.shape == data.truth.shape
    fitted = RIDGE.fit(replace(data, frame=data.before(1)), Deadline())
    for window in (1, 2):
        np.testing.assert_allclose(
            windows[:, window - 1], fitted.predict(data.before(window)), rtol=1e-5
        )


def test_values_after_a_cutoff_change_nothing_before_it():
    data = seasonal_data()
    left = data.frame.groupby("unique_id").cumcount(ascending=False)
    clean = RIDGE.forecast_windows(data, Deadline()).point
    frame = data.frame.assign(y=data.frame["y"].mask(left < 6, 9e6))
    poisoned = RIDGE.forecast_windows(replace(data, frame=frame), Deadline()).point
    np.testing.assert_array_equal(clean, poisoned)  # the last 6 rows are the last window
    frame = data.frame.assign(y=data.frame["y"].mask(left < 12, 9e6))
    poisoned = RIDGE.forecast_windows(replace(data, frame=frame), Deadline()).point
    np.testing.assert_array_equal(clean[:, 0], poisoned[:, 0])
    assert not np.allclose(clean[:, 1], poisoned[:, 1])


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e5), (-3.0, 7.0)])
def test_another_unit_or_level_gives_the_same_forecast_in_it(scale: float, shift: float):
    data = seasonal_data()
    moved = replace(data, frame=data.frame.assign(y=data.frame["y"] * scale + shift))
    expected = RIDGE.fit(data, Deadline()).predict() * scale + shift
    np.testing.assert_allclose(RIDGE.fit(moved, Deadline()).predict(), expected, rtol=1e-4)


def test_awkward_series_are_forecast_by_finite_values_and_short_ones_counted():
    data = data_of(AWKWARD | {"long": seasonal_values(90)})
    windows = RIDGE.forecast_windows(data, Deadline())
    assert np.isfinite(windows.point).all()
    fitted = RIDGE.fit(data, Deadline())
    forecast, ids = fitted.predict(), list(data.frame["unique_id"].unique())
    assert np.isfinite(forecast).all()
    for name, value in {"constant": 4.0, "one row": 3.0, "three rows": 4.0, "zeros": 0.0}.items():
        np.testing.assert_allclose(forecast[ids.index(name)], value)
    assert fitted.describe()["n_fallbacks"] == 2
    assert fitted.describe()["reason"] == "fewer than 12 rows in a series"


def test_a_series_shorter_than_the_lookback_is_continued_backwards_by_its_season():
    fitted = RIDGE.fit(seasonal_data(n_series=12, length=96), Deadline())
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(48) / 12)
    assert fitted.describe()["lookback"] == 48
    short, long = (fitted.predict(panel_of({"new": wave[first:]})) for first in (24, 0))
    np.testing.assert_allclose(short, long, rtol=1e-5)


def test_a_longer_horizon_than_trained_is_forecast_on_from_the_forecasts():
    data = seasonal_data(n_series=12, length=96)
    fitted = RIDGE.fit(data, Deadline())
    longer = fitted.predict(h=20)
    assert longer.shape == (12, 20)
    np.testing.assert_allclose(longer[:, :6], fitted.predict(), rtol=1e-6)
    np.testing.assert_allclose(longer[:, 12:18], fitted.predict(), rtol=0.15)
    np.testing.assert_allclose(fitted.predict(h=2), longer[:, :2], rtol=1e-6)


def test_new_series_are_forecast_in_the_order_given():
    fitted = RIDGE.fit(seasonal_data(n_series=12, length=96), Deadline())
    new = {"b": seasonal_values(80, level=500.0), "a": seasonal_values(60)}
    both = fitted.predict(panel_of(new))
    alone = [fitted.predict(panel_of({name: values})) for name, values in new.items()]
    np.testing.assert_allclose(both, np.concatenate(alone), rtol=1e-6)
    np.testing.assert_allclose(both[0], seasonal_values(86, level=500.0)[80:], rtol=0.05)


@pytest.mark.parametrize(
    ("lengths", "h", "season", "expected"),
    [
        ([200] * 10, 12, 12, RidgeShape(12, 12, 48)),
        ([190, *[200] * 9], 12, 12, RidgeShape(12, 12, 48)),
        ([70] * 40, 12, 12, RidgeShape(12, 12, 48)),
        ([40] * 40, 12, 12, RidgeShape(12, 12, 27)),
        ([20] * 100, 8, 1, RidgeShape(8, 1, 8)),
        ([12] * 100, 6, 1, RidgeShape(6, 1, 5)),
        ([40] * 30, 6, 52, RidgeShape(6, 1, 6)),
        ([2_000] * 3, 24, 24, RidgeShape(24, 24, 168)),
        ([2_000] * 3, 24, 168, RidgeShape(24, 168, 672)),
        ([20_000] * 3, 24, 8_766, RidgeShape(24, 1, 24)),
    ],
)
def test_the_lookback_fits_season_horizon_and_lengths(
    lengths: list[int], h: int, season: int, expected: RidgeShape
):
    assert RidgeShape.of(np.array(lengths), h, season) == expected


def test_one_short_series_gets_a_lookback_for_which_it_has_windows():
    shape = RidgeShape.of(np.array([60]), 6, 12)
    assert 13 <= shape.lookback <= 60 - 6 - shape.lookback + 1


def test_too_few_windows_are_refused():
    data = data_of({"a": seasonal_values(30)})
    assert "fewer than 20" in str(RIDGE.refusal(data))
    assert available(data)["RidgeRegression"] == RIDGE.refusal(data)
    with pytest.raises(SearchError, match=r"RidgeRegression found .* needs 20"):
        RIDGE.forecast_windows(data, Deadline())
    assert RIDGE.refusal(seasonal_data()) is None


def test_no_time_is_an_error_that_says_so():
    with pytest.raises(SearchError, match=r"RidgeRegression had no time left .*more time"):
        RIDGE.forecast_windows(seasonal_data(), Deadline(0.0))


def test_many_windows_are_sampled(monkeypatch: pytest.MonkeyPatch):
    data = walks()
    monkeypatch.setattr(linear_model, "MOST_PRODUCTS", 5e5)
    fitted = RIDGE.fit(data, Deadline())
    most = int(5e5 / (48 * 54))
    assert fitted.describe()["n_training_windows"] == most < 20 * (100 - 54 + 1)
    again = RIDGE.fit(data, Deadline())
    np.testing.assert_array_equal(again.predict(), fitted.predict())
    assert error_of("RidgeRegression", data) < 0.9 * error_of("SeasonalNaive", data)


def test_unobserved_values_are_not_learned_from():
    data = seasonal_data(n_series=8, length=96)
    left = data.frame.groupby("unique_id").cumcount(ascending=False)
    hidden = (left >= 60) & (left < 80)
    frame = data.frame.assign(
        y=data.frame["y"].mask(hidden, 0.0), available_mask=np.where(hidden, 0.0, 1.0)
    )
    forecast = RIDGE.fit(replace(data, frame=frame), Deadline()).predict()
    np.testing.assert_allclose(forecast, RIDGE.fit(data, Deadline()).predict(), rtol=0.03)


@pytest.mark.parametrize("freq", ["MS", 2])
def test_a_saved_regression_forecasts_the_same(freq: str | int, tmp_path: Path):
    data = seasonal_data(freq=freq)
    fitted = RIDGE.fit(data, Deadline())
    fitted.save(tmp_path)
    loaded = load_member(tmp_path)
    assert (loaded.name, loaded.family) == ("RidgeRegression", "linear")
    assert loaded.describe() == fitted.describe()
    np.testing.assert_array_equal(loaded.predict(h=9), fitted.predict(h=9))
    np.testing.assert_array_equal(loaded.predict(data.frame), fitted.predict(data.frame))
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["member.json", "ridge.safetensors"]


def test_the_cost_grows_with_the_rows_and_stays_bounded():
    row = MEMBERS["RidgeRegression"]
    assert row.seconds(seasonal_data()) < 0.2
    hourly = {f"s{i}": np.arange(20_000.0) for i in range(20)}
    assert 0.5 < row.seconds(data_of(hourly, 1, h=96, season=24)) < 15
