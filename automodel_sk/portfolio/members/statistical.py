"""Statistical members: one model per series, from statsforecast."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.arguments.packages import need, refusal_without
from automodel_sk.exceptions import SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.local import LocalForecasts, LocalMember
from automodel_sk.portfolio.members.series import SeriesValues

__all__ = ["STATISTICAL_NAMES", "statistical_member", "statistical_seconds", "zero_share"]

Array = npt.NDArray[np.float64]
Forecast = Callable[[Array, int], Array]

LONGEST = 2_500
"""Last steps of a series that a model is fitted to."""

SHORTEST = 4
"""Rows below which no model is fitted."""

_MOST_ETS_SEASON = 24
_WILD = 1_000.0
_PROBE = 8


def _ets(season: int) -> Any:
    """Return AutoETS; longer seasons than it supports are removed by STL first, and put back."""
    from statsforecast import models

    if season <= _MOST_ETS_SEASON:
        return models.AutoETS(season_length=season)
    return models.MSTL(season_length=season, trend_forecaster=models.AutoETS(model="ZZN"))


def _model(name: str, season: int) -> Any:
    """Return the model of statsforecast."""
    from statsforecast import models

    if name == "AutoETS":
        return _ets(season)
    if name == "CrostonOptimized":
        return models.CrostonOptimized()
    if name == "TSB":
        return models.TSB(alpha_d=0.1, alpha_p=0.1)
    return getattr(models, name)(season_length=season)


STATISTICAL_NAMES = (
    "DynamicOptimizedTheta",
    "AutoCES",
    "AutoETS",
    "CrostonOptimized",
    "TSB",
    "AutoARIMA",
    "MFLES",
)

_SECONDS_PER_ROW = {
    "DynamicOptimizedTheta": 4e-5,
    "AutoCES": 3e-5,
    "AutoETS": 5e-4,
    "AutoARIMA": 3e-3,
    "MFLES": 2e-4,
}
"""Measured on one core with seasons of 12 and 24."""

INTERMITTENT = ("CrostonOptimized", "TSB")


@dataclass(frozen=True)
class _Statistical:
    """A model of statsforecast, fitted to each series in turn."""

    name: str

    def __call__(
        self, series: SeriesValues, h: int, season: int, deadline: Deadline
    ) -> LocalForecasts:
        """Forecast the steps after the end of each series.

        Series whose model fails, forecasts no usable values or is not reached before the deadline
        get the seasonal-naive forecast.

        Raises
        ------
        SearchError
            If that are more than half of the series that are long enough.
        """
        need("statsforecast", "portfolio", self.name)
        run = _Run(self.name, series, h, season, deadline)
        with muted_warnings(), np.errstate(all="ignore"):
            return run.forecasts()

    def refusal(self, data: PortfolioData) -> str | None:
        """Return why the model cannot forecast these data, or None if it can."""
        if (missing := refusal_without("statsforecast", "portfolio")) is not None:
            return missing
        if data.lengths.max() - data.held_out < SHORTEST:
            return f"fewer than {SHORTEST} rows before the windows"
        if self.name in INTERMITTENT and bool((data.frame["y"] < 0).any()):
            return "needs values of zero or more"
        return None


@dataclass
class _Run:
    """One pass over many series."""

    name: str
    series: SeriesValues
    h: int
    season: int
    deadline: Deadline
    n_fallbacks: int = 0
    reason: str | None = None
    failed: int = field(default=0)

    def forecasts(self) -> LocalForecasts:
        """Forecast all series, those that time does not suffice for by seasonal naive."""
        self.point = self.series.seasonal_naive(self.h, self.season)
        short = self.series.sizes < SHORTEST
        if short.any():
            self._fall_back(int(short.sum()), f"fewer than {SHORTEST} rows in a series")
        todo = np.flatnonzero(~short & ~_constant(self.series))
        # A partial result is fair if the series that time sufficed for are a random sample.
        np.random.default_rng(0).shuffle(todo)
        done = self._forecast_in_time(todo)
        if done < len(todo):
            late = len(todo) - done
            self._fall_back(late, f"no time left for {late} of {len(todo)} forecasts")
        self._check(len(todo), done)
        return LocalForecasts(self.point, self.n_fallbacks, self.reason)

    def _forecast_in_time(self, todo: npt.NDArray[np.int64]) -> int:
        """Forecast one series after the other; return how many were reached in time."""
        model = _model(self.name, self.season)
        start, slowest = time.monotonic(), 0.0
        for done, position in enumerate(todo):
            left = self.deadline.left()
            if left <= slowest:
                return done
            begun = time.monotonic()
            if done == _PROBE and (begun - start) / _PROBE * (len(todo) - done) > 2 * left:
                return done  # more than half would not be reached: give the time back
            self._forecast_one(model, int(position))
            slowest = max(slowest, time.monotonic() - begun)
        return len(todo)

    def _forecast_one(self, model: Any, position: int) -> None:
        y = self.series[position][-LONGEST:]
        try:
            found = np.asarray(model.forecast(y=y, h=self.h)["mean"], dtype=float)
            _check_values(found, y)
        except Exception as exc:  # a model may raise anything on one series
            self.failed += 1
            self._fall_back(1, f"{type(exc).__name__}: {str(exc)[:200]}")
        else:
            self.point[position] = found

    def _fall_back(self, count: int, reason: str) -> None:
        self.n_fallbacks += count
        self.reason = self.reason or reason

    def _check(self, wanted: int, done: int) -> None:
        lost = wanted - done + self.failed
        if 2 * lost > wanted:
            raise SearchError(
                f"{self.name} forecast {wanted - lost} of {wanted} series and windows"
                f" ({self.reason}); give it more time, or leave it out"
            )


def _check_values(found: Array, y: Array) -> None:
    """Raise if a forecast is not finite, or beyond any plausible size."""
    if not np.isfinite(found).all():
        raise ValueError("the forecast is not finite")
    if np.abs(found).max() > _WILD * np.abs(y).max():
        raise ValueError(f"the forecast is over {_WILD:,.0f} times the largest value")


def _constant(series: SeriesValues) -> npt.NDArray[np.bool_]:
    """Return which series hold one value only, which any model would repeat."""
    starts = series.ends - series.sizes
    most = np.maximum.reduceat(series.values, starts)
    return np.asarray(most == np.minimum.reduceat(series.values, starts))


def zero_share(data: PortfolioData) -> float:
    """Return the share of zeros among the values.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(4), "y": [0.0, 0.0, 0.0, 2.0]})
    >>> zero_share(PortfolioData(frame, h=1, freq=1, season=1))
    0.75
    """
    return float((data.frame["y"] == 0).mean())


def statistical_member(name: str) -> LocalMember:
    """Return the member of a model of statsforecast.

    Parameters
    ----------
    name : str
        One of `STATISTICAL_NAMES`.

    Examples
    --------
    >>> statistical_member("AutoETS").family
    'statistical'
    """
    return LocalMember(name, "statistical", _Statistical(name))


def statistical_seconds(name: str, data: PortfolioData) -> float:
    """Return roughly how long a model takes for the windows and the fit, on one core.

    Parameters
    ----------
    name : str
        One of `STATISTICAL_NAMES`.
    data : PortfolioData
        The data.

    Notes
    -----
    Measured for 600 monthly series of 60 to 100 rows and two windows: DynamicOptimizedTheta 4 s,
    AutoCES 3.5 s, AutoETS 85 s, CrostonOptimized and TSB below 1 s.
    """
    rows = np.minimum(data.lengths, LONGEST).sum() * (data.n_windows + 1)
    per_row = _SECONDS_PER_ROW.get(name, 2e-6)
    if data.season == 1 and name in ("AutoCES", "AutoETS"):
        per_row /= 10
    return float(1.0 + per_row * rows)
