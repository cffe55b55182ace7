"""Naive and statistical members: right values, no look into the future, safe fallbacks."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from member_data import AWKWARD, data_of, panel_of, seasonal_data, seasonal_values

from automodel_sk.arguments.packages import refusal_without
from automodel_sk.data.baselines import seasonal_naive
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError, SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.naive import NAIVE_NAMES
from automodel_sk.portfolio.members.statistical import STATISTICAL_NAMES
from automodel_sk.portfolio.members.table import MEMBERS, available, load_member, member_of


def installed(package: str) -> bool:
    return refusal_without(package, "portfolio") is None


STATSFORECAST = pytest.mark.skipif(not installed("statsforecast"), reason="needs statsforecast")
SLOW = [STATSFORECAST, pytest.mark.slow]
STATISTICAL = [
    pytest.param(name, marks=SLOW if name == "AutoARIMA" else STATSFORECAST)
    for name in STATISTICAL_NAMES
]
LOCAL = [*NAIVE_NAMES, *STATISTICAL]
SEASONAL = [
    pytest.param(name, marks=STATSFORECAST)
    for name in ("AutoETS", "AutoCES", "DynamicOptimizedTheta")
]


def positive(data: PortfolioData) -> PortfolioData:
    return replace(data, frame=data.frame.assign(y=data.frame["y"].abs()))


def error_of(name: str, data: PortfolioData) -> float:
    forecast = member_of(name).forecast_windows(data, Deadline()).point
    return float(np.abs(forecast - data.truth).mean())


@pytest.mark.parametrize("name", SEASONAL)
def test_a_seasonal_series_with_a_trend_is_forecast_better_than_by_its_last_season(name: str):
    data = seasonal_data()
    assert error_of(name, data) < 0.7 * error_of("SeasonalNaive", data)
    assert error_of(name, data) < 1.0  # the noise is 0.5, the waves are 10 and more


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("step_size", [None, 2])
def test_windows_equal_forecasts_of_data_that_end_before_them(name: str, step_size: int | None):
    data = seasonal_data(n_series=2, step_size=step_size)
    windows = member_of(name).forecast_windows(data, Deadline())
    assert windows.point.shape == data.truth.shape
    assert windows.point.dtype == np.float32
    for window in (1, 2):
        cut = replace(data, frame=data.before(window))
        alone = member_of(name).fit(cut, Deadline()).predict()
        np.testing.assert_allclose(windows.point[:, window - 1], alone, rtol=1e-6)


@pytest.mark.parametrize("name", LOCAL)
def test_values_after_a_cutoff_change_nothing_before_it(name: str):
    data = seasonal_data(n_series=2)
    left = data.frame.groupby("unique_id").cumcount(ascending=False)
    poisoned = replace(data, frame=data.frame.assign(y=data.frame["y"].mask(left < 6, 9e6)))
    clean = member_of(name).forecast_windows(data, Deadline()).point
    other = member_of(name).forecast_windows(poisoned, Deadline()).point
    np.testing.assert_array_equal(clean, other)  # the last 6 rows are the last window


@pytest.mark.parametrize("name", LOCAL)
def test_awkward_series_are_forecast_by_finite_values(name: str):
    data = data_of(AWKWARD)
    assert data.is_judged.tolist() == [True, False, True, False, True]
    windows = member_of(name).forecast_windows(data, Deadline())
    assert np.isfinite(windows.point).all()
    np.testing.assert_allclose(windows.point[0], 4.0)
    np.testing.assert_allclose(windows.point[2], 0.0)
    fitted = member_of(name).fit(data, Deadline())
    forecast = fitted.predict()
    assert np.isfinite(forecast).all()
    np.testing.assert_allclose(forecast[0], 4.0)
    np.testing.assert_allclose(forecast[1], 3.0)
    np.testing.assert_allclose(forecast[4], 0.0)


@STATSFORECAST
def test_series_of_few_rows_fall_back_and_are_counted():
    data = data_of(AWKWARD)
    fitted = member_of("DynamicOptimizedTheta").fit(data, Deadline())
    assert fitted.describe() == {
        "season": 12,
        "n_fallbacks": 2,
        "reason": "fewer than 4 rows in a series",
    }
    np.testing.assert_allclose(fitted.predict()[3], 4.0)  # the last value, as seasonal naive


@STATSFORECAST
def test_a_series_whose_model_fails_falls_back_to_seasonal_naive():
    values = seasonal_values(60)
    data = data_of({"fails": values[:5], "works": values, "works too": values[:48]})
    fitted = member_of("AutoETS").fit(data, Deadline())
    assert fitted.describe()["n_fallbacks"] == 1
    assert fitted.describe()["reason"] == "NotImplementedError: tiny datasets"
    expected = seasonal_naive(data.frame, 6, "MS", 12)["SeasonalNaive"].to_numpy().reshape(-1, 6)
    np.testing.assert_allclose(fitted.predict()[0], expected[0], rtol=1e-6)
    assert not np.allclose(fitted.predict()[1], expected[1], rtol=1e-3)


@STATSFORECAST
def test_a_member_that_fails_on_most_series_is_refused():
    data = data_of({name: seasonal_values(60)[:5] for name in "abc"}, h=1, n_windows=1)
    with pytest.raises(SearchError, match=r"AutoETS forecast 0 of 3 series .*tiny datasets"):
        member_of("AutoETS").fit(data, Deadline())


@pytest.mark.parametrize("name", STATISTICAL)
def test_no_time_is_an_error_that_says_so(name: str):
    with pytest.raises(SearchError, match=r"0 of 8 .*no time left for 8 of 8 forecasts.*more time"):
        member_of(name).forecast_windows(seasonal_data(), Deadline(0.0))


@pytest.mark.parametrize("name", NAIVE_NAMES)
def test_naive_members_need_no_time(name: str):
    assert member_of(name).forecast_windows(seasonal_data(), Deadline(0.0)).n_fallbacks == 0


class Clock:
    """A clock that moves on by a step each time it is asked."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@STATSFORECAST
def test_series_that_are_not_reached_in_time_fall_back_and_are_counted():
    data = seasonal_data(n_series=5)
    late = Deadline(8.5, clock=Clock(1.0))  # asked once per series and window: 8 of 10
    found = member_of("DynamicOptimizedTheta").forecast_windows(data, late)
    whole = member_of("DynamicOptimizedTheta").forecast_windows(data, Deadline()).point
    naive = member_of("SeasonalNaive").forecast_windows(data, Deadline()).point
    assert found.n_fallbacks == 2
    assert found.reason == "no time left for 2 of 10 forecasts"
    same = (found.point == whole).all(axis=2)
    assert same.sum() == 8
    np.testing.assert_array_equal(found.point[~same], naive[~same])


@pytest.mark.parametrize("name", LOCAL)
def test_a_saved_member_forecasts_the_same(name: str, tmp_path: Path):
    data = positive(seasonal_data(n_series=3))
    fitted = member_of(name).fit(data, Deadline())
    fitted.save(tmp_path)
    loaded = load_member(tmp_path)
    assert (loaded.name, loaded.family) == (name, MEMBERS[name].family)
    assert loaded.describe() == fitted.describe()
    np.testing.assert_array_equal(loaded.predict(), fitted.predict())
    np.testing.assert_allclose(loaded.predict(data.frame), fitted.predict(), rtol=1e-6)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "forecasts.safetensors",
        "member.json",
    ]


@pytest.mark.parametrize("name", LOCAL)
def test_new_series_and_other_horizons_are_forecast_from_the_given_rows(name: str):
    fitted = member_of(name).fit(seasonal_data(n_series=2), Deadline())
    new = panel_of({"new": seasonal_values(80, level=500.0)})
    forecast = fitted.predict(new, h=15)
    assert forecast.shape == (1, 15)
    again = member_of(name).fit(PortfolioData(new, h=15, freq="MS", season=12), Deadline())
    np.testing.assert_allclose(forecast, again.predict(), rtol=1e-6)
    assert fitted.predict(h=2).shape == (2, 2)
    with pytest.raises(InvalidInputError, match="forecasts of 6 steps, got h=15; pass the rows"):
        fitted.predict(h=15)


@pytest.mark.parametrize("name", LOCAL)
def test_forecasts_are_in_the_order_of_the_series_given(name: str):
    series = {key: positive_wave(i) for i, key in enumerate("abc")}
    fitted = member_of(name).fit(data_of(series), Deadline())
    turned = fitted.predict(panel_of(dict(reversed(series.items()))))
    np.testing.assert_allclose(turned, fitted.predict()[::-1], rtol=1e-6)


def positive_wave(i: int) -> list[float]:
    return list(seasonal_values(50 + i, level=20.0 * (i + 1)))


@pytest.mark.parametrize("name", LOCAL)
def test_integer_times_make_no_difference(name: str):
    dated, whole = seasonal_data(n_series=2), seasonal_data(n_series=2, freq=2)
    forecasts = [member_of(name).forecast_windows(d, Deadline()).point for d in (dated, whole)]
    np.testing.assert_array_equal(*forecasts)


@pytest.mark.parametrize("name", LOCAL)
def test_unobserved_rows_repeat_the_value_before(name: str):
    data = seasonal_data(n_series=2)
    gone = data.frame.groupby("unique_id").cumcount() == 30
    masked = data.frame.assign(
        y=data.frame["y"].mask(gone, 0.0), available_mask=np.where(gone, 0.0, 1.0)
    )
    filled = data.frame.assign(y=data.frame["y"].where(~gone, data.frame["y"].shift()))
    member = member_of(name)
    forecasts = [
        member.fit(replace(data, frame=frame), Deadline()).predict() for frame in (masked, filled)
    ]
    np.testing.assert_array_equal(*forecasts)
    np.testing.assert_array_equal(member.fit(data, Deadline()).predict(masked), forecasts[1])


@pytest.mark.parametrize("name", LOCAL)
def test_refit_forecasts_other_data(name: str):
    first, second = seasonal_data(n_series=2), seasonal_data(n_series=3, length=80)
    refitted = member_of(name).fit(first, Deadline()).refit(second)
    np.testing.assert_array_equal(
        refitted.predict(), member_of(name).fit(second, Deadline()).predict()
    )


@STATSFORECAST
def test_only_the_last_2500_rows_of_a_series_are_used():
    values = seasonal_values(2_700, season=7)
    changed = np.r_[np.full(200, 1e6), values[200:]]
    member = member_of("DynamicOptimizedTheta")
    forecasts = [
        member.fit(data_of({"a": y}, "D", season=7), Deadline()).predict()
        for y in (values, changed)
    ]
    np.testing.assert_array_equal(*forecasts)


@STATSFORECAST
@pytest.mark.parametrize("name", ["AutoETS", "AutoCES", "DynamicOptimizedTheta"])
def test_weekly_seasons_are_forecast(name: str):
    data = data_of({"a": seasonal_values(260, season=52)}, "W", season=52, h=13)
    assert error_of(name, data) < 0.8 * error_of("SeasonalNaive", data)


def intermittent() -> PortfolioData:
    rng = np.random.default_rng(1)
    return data_of({k: rng.poisson(0.4, 60).astype(float) for k in "abcd"}, season=1)


def test_auto_takes_a_method_for_intermittent_demand_only_where_there_is_any():
    reasons = available(seasonal_data())
    assert reasons["CrostonOptimized"] == "fewer than 30% of the values are zeros"
    assert reasons["SeasonalNaive"] is None
    assert "TSB" not in reasons
    if installed("statsforecast"):
        assert reasons["AutoETS"] is None
        assert available(intermittent())["CrostonOptimized"] is None


@STATSFORECAST
def test_intermittent_demand_is_forecast_by_its_mean_rather_than_its_last_value():
    data = intermittent()
    assert error_of("CrostonOptimized", data) < error_of("Naive", data)
    below = replace(data, frame=data.frame.assign(y=data.frame["y"] - 1))
    assert member_of("TSB").refusal(below) == "needs values of zero or more"


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "statsforecast", None)  # as if it were not installed
    cure = "install.* 'automodel_sk\\[portfolio\\]'"
    assert "pip install 'automodel_sk[portfolio]'" in str(available(seasonal_data())["AutoETS"])
    with pytest.raises(MissingDependencyError, match=f"AutoETS needs statsforecast; {cure}"):
        member_of("AutoETS").forecast_windows(seasonal_data(), Deadline())


@STATSFORECAST
def test_series_too_short_for_any_model_are_refused():
    data = data_of({"a": [1.0, 2.0, 3.0, 4.0]}, h=1, n_windows=1)
    assert member_of("AutoCES").refusal(data) == "fewer than 4 rows before the windows"


def test_names_are_found_in_any_case_and_wrong_ones_corrected():
    assert member_of("autoets").name == "AutoETS"
    with pytest.raises(InvalidInputError, match="unknown member 'AutoTES'; did you mean 'AutoETS'"):
        member_of("AutoTES")
    with pytest.raises(InvalidInputError, match="unknown member 'x'; try "):
        member_of("x")


def test_costs_rise_with_rows_and_are_small_for_naive_members():
    small, large = seasonal_data(n_series=2), seasonal_data(n_series=40)
    for row in MEMBERS.values():
        assert 0 < row.seconds(small) < row.seconds(large), row.name
    assert MEMBERS["SeasonalNaive"].seconds(large) < 0.1


def test_frames_are_not_changed():
    data = seasonal_data()
    before = data.frame.copy()
    member_of("SeasonalNaive").fit(data, Deadline()).predict(data.frame)
    pd.testing.assert_frame_equal(data.frame, before)


@pytest.mark.parametrize("name", SEASONAL)
def test_rows_too_few_for_the_model_are_forecast_all_the_same(name: str, caplog):
    data = positive(seasonal_data())
    fitted = member_of(name).fit(data, Deadline())
    rows = data.frame.groupby("unique_id", sort=False)
    for count in range(1, 8):
        short = rows.head(count).reset_index(drop=True)
        assert np.isfinite(fitted.predict(short)).all()
    if name == "AutoETS":  # which refuses five rows as tiny
        assert "seasonal-naive forecasts take their place" in caplog.text
