"""One ridge regression of all series: from their last values to all steps of the horizon at once.

Each window is centred on the mean of its last season and divided by the size of its deviations from
it, so that series of any level and unit share the coefficients. The penalty draws these towards the
seasonal-naive forecast. They are found in closed form, from sums over blocks of windows, and twice
again with windows weighted by the inverse of their error, so that absolute errors count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from automodel_sk.exceptions import SearchError
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.series import SeriesValues

__all__ = [
    "LEAST_WINDOWS",
    "MOST_LOOKBACK",
    "RidgeModel",
    "RidgeShape",
    "fit_ridge",
    "forecast_ridge",
    "n_windows",
    "short_series",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PENALTY = 0.05
"""Penalty on squared distances from the seasonal-naive coefficients, in units of the mean square of
the inputs."""

MOST_LOOKBACK, LEAST_WINDOWS = 1_024, 20
MOST_PRODUCTS = 2e9
"""Products that sums over all windows may take; from more windows, a sample is drawn."""

ROUNDS = 2  # of weighting windows by their errors
_LEAST_ERROR = 0.05
_SEASONS, _LEAST_LOOKBACK = 4, 6
_DAYS, _DAY, _WEEK = 7, 24, 168
_SHORT_QUANTILE = 0.1  # this share of the series may be too short for a single window
_SHORTEST = 3
_OBSERVED = 0.9  # share of a window's rows that must have been observed
_FLAT = 1e-9
_CLIP = 20.0
_BLOCK = 4_000_000


@dataclass(frozen=True)
class RidgeShape:
    """Sizes of a regression.

    Parameters
    ----------
    h : int
        Steps that are forecast at once.
    season : int
        Steps of the season whose mean is the level of a window.
    lookback : int
        Values that a forecast is made from.
    """

    h: int
    season: int
    lookback: int

    @classmethod
    def of(cls, sizes: Integers, h: int, season: int) -> RidgeShape:
        """Return the sizes for series of so many rows.

        A season that is too long for the series is ignored.

        Examples
        --------
        >>> RidgeShape.of(np.array([200, 200]), h=12, season=12)
        RidgeShape(h=12, season=12, lookback=48)
        """
        seasonal = cls(h, season, _lookback(sizes, h, season))
        if season < seasonal.lookback and n_windows(sizes, seasonal.width) >= LEAST_WINDOWS:
            return seasonal
        return cls(h, 1, _lookback(sizes, h, 1))

    @property
    def width(self) -> int:
        """Rows of a window: those to forecast from, and those to forecast."""
        return self.lookback + self.h

    @property
    def least_rows(self) -> int:
        """Rows that a series must have to be forecast by the regression."""
        return max(self.season, _SHORTEST)

    @property
    def most_windows(self) -> int:
        """Windows that the regression is fitted to."""
        return max(int(MOST_PRODUCTS / self.products(1)), self.lookback)

    def products(self, windows: int) -> int:
        """Return how many products so many windows take."""
        return windows * self.lookback * self.width


def _lookback(sizes: Integers, h: int, season: int) -> int:
    """Return a lookback that most series are long enough for, and that there are windows for."""
    # Seasons of 24, 48, ... steps are days, which differ by the day of the week.
    seasons = _DAYS if season % _DAY == 0 and season % _WEEK else _SEASONS
    wanted = max(seasons * season, h, _LEAST_LOOKBACK)
    room = int(np.quantile(sizes, _SHORT_QUANTILE)) - h - 1
    least = max(season + 1, _SHORTEST)
    lookback = min(wanted, max(room, least), MOST_LOOKBACK)
    while lookback > least and n_windows(sizes, lookback + h) < lookback:
        lookback -= 1
    return lookback


def n_windows(sizes: Integers, width: int) -> int:
    """Return how many windows of so many rows series have.

    Examples
    --------
    >>> n_windows(np.array([5, 2]), 4)
    2
    """
    return int(np.maximum(sizes - width + 1, 0).sum())


@dataclass(frozen=True)
class RidgeModel:
    """A fitted regression.

    Parameters
    ----------
    shape : RidgeShape
        Its sizes.
    coefficients : array, shape (lookback, h)
        Weight of each value in the forecast of each step.
    n_windows : int
        Windows that it was fitted to.
    """

    shape: RidgeShape
    coefficients: Floats
    n_windows: int


def fit_ridge(
    name: str,
    series: SeriesValues,
    shape: RidgeShape,
    deadline: Deadline,
    observed: Flags | None = None,
) -> RidgeModel:
    """Fit the regression to the windows of all series.

    Parameters
    ----------
    name : str
        Name of the member, for messages.
    series : SeriesValues
        The values.
    shape : RidgeShape
        Sizes of the regression.
    deadline : Deadline
        When to be done.
    observed : array of bool, optional
        Which values were observed; all by default.

    Returns
    -------
    RidgeModel

    Raises
    ------
    SearchError
        There are too few windows, or no time is left.
    """
    places = _places(series.sizes, shape, observed)
    if len(places) < LEAST_WINDOWS:
        raise SearchError(
            f"{name} found {len(places)} stretches of {shape.width} rows to train on and needs"
            f" {LEAST_WINDOWS}; pass longer series, or leave it out"
        )
    coefficients = _coefficients(name, series.values, places, shape, deadline)
    for _ in range(ROUNDS):
        coefficients = _coefficients(name, series.values, places, shape, deadline, coefficients)
    return RidgeModel(shape, coefficients, len(places))


def _coefficients(
    name: str,
    values: Floats,
    places: Integers,
    shape: RidgeShape,
    deadline: Deadline,
    former: Floats | None = None,
) -> Floats:
    """Return the coefficients, with windows weighted by the errors of former ones."""
    squares = np.zeros((shape.lookback, shape.lookback))
    products = np.zeros((shape.lookback, shape.h))
    for inputs, targets in _blocks(values, places, shape):
        if deadline.left() <= 0:
            raise SearchError(
                f"{name} had no time left to train; give it more time, or leave it out"
            )
        weighted = inputs * _weights(inputs, targets, former)
        squares += weighted.T @ inputs
        products += weighted.T @ targets
    return _solved(squares, products, shape)


def _weights(inputs: Floats, targets: Floats, coefficients: Floats | None) -> Floats | float:
    """Return one over the mean absolute error of each window; 1 before there are coefficients."""
    if coefficients is None:
        return 1.0
    errors = np.abs(targets - inputs @ coefficients).mean(axis=1, keepdims=True)
    return np.asarray(1 / np.maximum(errors, _LEAST_ERROR))


def _solved(squares: Floats, products: Floats, shape: RidgeShape) -> Floats:
    """Return the coefficients with the least squared errors and distances from seasonal naive."""
    naive = np.zeros_like(products)
    if shape.season > 1:  # else the level is the last value
        steps = np.arange(shape.h)
        naive[shape.lookback - shape.season + steps % shape.season, steps] = 1.0
    penalty = max(PENALTY * np.trace(squares) / shape.lookback, np.finfo(float).tiny)
    penalised = squares + penalty * np.eye(shape.lookback)
    return np.asarray(naive + np.linalg.solve(penalised, products - squares @ naive))


def _places(sizes: Integers, shape: RidgeShape, observed: Flags | None) -> Integers:
    """Return where the windows begin, or where a sample of them does."""
    counts = np.maximum(sizes - shape.width + 1, 0)
    behind = counts.cumsum()
    total = int(behind[-1])
    drawn = np.arange(total)
    if total > shape.most_windows:
        drawn = np.sort(np.random.default_rng(0).integers(0, total, shape.most_windows))
    series = np.searchsorted(behind, drawn, side="right")
    places = np.asarray((sizes.cumsum() - sizes - behind + counts)[series] + drawn)
    if observed is None or observed.all():
        return places
    known = np.concatenate([[0], observed.cumsum()])
    mostly = known[places + shape.width] - known[places] >= _OBSERVED * shape.width
    return places[mostly] if mostly.sum() >= LEAST_WINDOWS else places


def _blocks(values: Floats, places: Integers, shape: RidgeShape) -> Iterator[tuple[Floats, Floats]]:
    """Yield the inputs and targets of the windows that are not flat, without level and size."""
    size = max(_BLOCK // shape.width, 1)
    for first in range(0, len(places), size):
        windows = values[places[first : first + size, None] + np.arange(shape.width)]
        level = _level(windows[:, : shape.lookback], shape)
        inputs, targets = np.split(windows - level, [shape.lookback], axis=1)
        spread = np.sqrt(np.mean(inputs**2, axis=1, keepdims=True))
        moving = (spread > _FLAT * np.abs(level))[:, 0] & np.isfinite(spread[:, 0])
        spread = spread[moving]
        yield inputs[moving] / spread, np.clip(targets[moving] / spread, -_CLIP, _CLIP)


def _level(inputs: Floats, shape: RidgeShape) -> Floats:
    return np.asarray(inputs[:, -shape.season :].mean(axis=1, keepdims=True))


def forecast_ridge(
    model: RidgeModel, series: SeriesValues, h: int, season: int
) -> npt.NDArray[np.float32]:
    """Forecast the steps after the end of each series.

    Parameters
    ----------
    model : RidgeModel
        The regression. Steps beyond its own are forecast from its forecasts.
    series : SeriesValues
        The values. Those too short for the regression get the seasonal-naive forecast.
    h : int
        Steps to forecast.
    season : int
        Season of the seasonal-naive forecast.

    Returns
    -------
    array of float32, shape (n_series, h)
    """
    point = series.seasonal_naive(h, season)
    long = np.flatnonzero(~short_series(series, model.shape))
    size = max(_BLOCK // (model.shape.width + h), 1)
    for first in range(0, len(long), size):
        rows = long[first : first + size]
        point[rows] = _ahead(model, _last_values(series, rows, model.shape), h)
    return point.astype(np.float32)


def _ahead(model: RidgeModel, known: Floats, h: int) -> Floats:
    """Forecast from the last values of each series, a horizon of the regression at a time."""
    for _ in range(0, h, model.shape.h):
        inputs = known[:, -model.shape.lookback :]
        level = _level(inputs, model.shape)
        known = np.hstack([known, level + (inputs - level) @ model.coefficients])
    return known[:, model.shape.lookback :][:, :h]


def _last_values(series: SeriesValues, rows: Integers, shape: RidgeShape) -> Floats:
    """Return the last values of some series; missing ones before the first repeat its season."""
    starts, ends = (series.ends - series.sizes)[rows, None], series.ends[rows, None]
    from_start = ends - shape.lookback + np.arange(shape.lookback) - starts
    from_start = np.where(from_start < 0, from_start % shape.season, from_start)
    return np.asarray(series.values[starts + from_start])


def short_series(series: SeriesValues, shape: RidgeShape) -> Flags:
    """Return which series are too short to be forecast by the regression."""
    return np.asarray(series.sizes < shape.least_rows)
