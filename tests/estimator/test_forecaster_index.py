"""Forecast indices are those that sktime's NaiveForecaster gives."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import ForecastingHorizon
from sktime.forecasting.naive import NaiveForecaster

from automodel_sk.frames import Layout, last_steps, to_engine
from automodel_sk.frames.horizon import steps_ahead

N = 30
INDICES = {
    "month begin": pd.date_range("2020-01-01", periods=N, freq="MS"),
    "month end": pd.date_range("2020-01-31", periods=N, freq="ME"),
    "two months": pd.date_range("2020-01-01", periods=N, freq="2MS"),
    "quarter begin": pd.date_range("2020-01-01", periods=N, freq="QS"),
    "quarter end": pd.date_range("2020-01-31", periods=N, freq="QE-NOV"),
    "year end": pd.date_range("2000-01-31", periods=N, freq="YE"),
    "weekly": pd.date_range("2020-01-01", periods=N, freq="W-WED"),
    "two weeks": pd.date_range("2020-01-05", periods=N, freq="2W-SUN"),
    "business day": pd.date_range("2020-01-01", periods=N, freq="B"),
    "business month": pd.date_range("2020-01-01", periods=N, freq="BME"),
    "day": pd.date_range("2020-01-01", periods=N, freq="D"),
    "day in a zone": pd.date_range("2020-03-01", periods=N, freq="D", tz="Europe/Berlin"),
    "hour in a zone": pd.date_range("2020-03-28", periods=N, freq="h", tz="Europe/Berlin"),
    "15 minutes": pd.date_range("2020-03-28", periods=N, freq="15min"),
    "range": pd.RangeIndex(5, 5 + N),
    "integer": pd.Index(np.arange(3, 3 + N)),
    "month period": pd.period_range("2020-01", periods=N, freq="M"),
    "two-month period": pd.period_range("2020-01", periods=N, freq="2M"),
    "quarter period": pd.period_range("2020-01", periods=N, freq="Q"),
    "week period": pd.period_range("2020-01", periods=N, freq="W-WED"),
    "day period": pd.period_range("2020-01", periods=N, freq="D"),
}
HORIZONS = ["next", "gapped", "absolute"]


def horizon(kind: str, index: pd.Index) -> ForecastingHorizon:
    if kind == "next":
        return ForecastingHorizon([1, 2, 3])
    if kind == "gapped":
        return ForecastingHorizon([2, 5])
    step = getattr(index, "freq", None) or 1
    if isinstance(index, pd.PeriodIndex):
        step = 1
    return ForecastingHorizon(
        type(index)([index[-1] + 2 * step, index[-1] + 4 * step])
        if not isinstance(index, pd.RangeIndex)
        else pd.Index([index[-1] + 2, index[-1] + 4]),
        is_relative=False,
    )


def single(index: pd.Index) -> pd.DataFrame:
    return pd.DataFrame({"v": np.arange(len(index), dtype=float)}, index=index.rename("when"))


def panel(index: pd.Index) -> pd.DataFrame:
    """Two series, listed out of alphabetical order, of unequal lengths and ends."""
    parts = {"b": single(index), "a": single(index[4:-2])}
    return pd.concat(parts, names=["shop", "when"])


def hierarchy(index: pd.Index) -> pd.DataFrame:
    """Ids that merge when they are summed or joined as text."""
    parts = {("ab", "c"): single(index), ("a", "bc"): single(index[2:]), ("a", "b"): single(index)}
    return pd.concat(parts, names=["region", "shop", "when"])


def no_frequency(index: pd.Index) -> pd.DataFrame:
    return single(pd.DatetimeIndex(index, freq=None) if hasattr(index, "tz") else index)


CONTAINERS = {
    "single": single,
    "no frequency": no_frequency,
    "panel": panel,
    "hierarchy": hierarchy,
}


@lru_cache
def naive(name: str, container: str) -> NaiveForecaster:
    return NaiveForecaster().fit(CONTAINERS[container](INDICES[name]))


def naive_index(name: str, container: str, fh: ForecastingHorizon) -> pd.Index:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return naive(name, container).predict(fh).index


def at_midnight(index: pd.Index) -> pd.Index:
    ids, times = (index.get_level_values(level) for level in (0, 1))
    return pd.MultiIndex.from_arrays([ids, times.normalize()], names=index.names)


@pytest.mark.parametrize("kind", HORIZONS)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("name", INDICES)
def test_index_equals_naive_forecasters(name: str, container: str, kind: str) -> None:
    y = CONTAINERS[container](INDICES[name])
    fh = horizon(kind, INDICES[name])

    layout = Layout.learn(y)
    cutoffs = last_steps(to_engine(layout, y))
    ahead = steps_ahead(layout, cutoffs, fh.to_pandas(), fh.is_relative)
    index = layout.index(cutoffs[:, None] + ahead)

    expected = naive_index(name, container, fh)
    if name == "day in a zone" and container == "panel":
        expected = at_midnight(expected)  # sktime adds days as 24 hours on pandas 2
    pd.testing.assert_index_equal(index.set_names(expected.names), expected)
    assert index.names == y.index.names
    assert getattr(index, "tz", None) == getattr(expected, "tz", None)
    if getattr(expected, "freq", None) is not None:
        assert index.freq == expected.freq


@pytest.mark.parametrize("fh", [pd.to_timedelta([2, 5], unit="D"), [pd.offsets.Day(2)]])
def test_durations_count_as_steps(fh: object) -> None:
    y = single(INDICES["day"])
    layout = Layout.learn(y)
    ahead = steps_ahead(layout, np.array([N - 1]), pd.Index(fh), relative=True)
    assert ahead[0, 0] == 2
