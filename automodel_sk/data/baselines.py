"""Baseline forecasts to compare a tuned model with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.times.wall_dates import day_zone, in_zone, on_wall
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "BASELINES",
    "BASELINE_COLUMN",
    "baseline_forecasts",
    "baseline_values",
    "seasonal_naive",
]

BASELINE_COLUMN = "SeasonalNaive"
BASELINES = {
    BASELINE_COLUMN: "the value one season before",
    "Naive": "the last value",
    "WindowAverage": "the mean of the last season",
    "RWD": "a straight line from the first value through the last",
}
"""The simple forecasts in words, by the names that statsforecast gives them."""

Array = npt.NDArray[np.float64]


def seasonal_naive(df: pd.DataFrame, h: int, freq: str | int, season: int) -> pd.DataFrame:
    """Forecast each step by the value one season earlier.

    Parameters
    ----------
    df : pandas.DataFrame
        Long frame with `unique_id`, `ds` and `y`; rows in any order, no gaps.
    h : int
        Steps to forecast after the end of each series.
    freq : str or int
        Step between rows.
    season : int
        Steps of one season. A shorter series repeats its last value.

    Returns
    -------
    pandas.DataFrame
        Columns `unique_id`, `ds` and ``SeasonalNaive``; `h` rows per series, sorted by series and
        time.

    Raises
    ------
    InvalidInputError
        If `h` or `season` is below 1, or there are no rows.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3, 4], "y": [5.0, 6.0, 7.0, 8.0]})
    >>> seasonal_naive(df, h=3, freq=1, season=2)["SeasonalNaive"].tolist()
    [7.0, 8.0, 7.0]
    """
    return baseline_forecasts(df, h, freq, season)[["unique_id", "ds", BASELINE_COLUMN]]


def baseline_forecasts(df: pd.DataFrame, h: int, freq: str | int, season: int) -> pd.DataFrame:
    """Forecast with every baseline.

    Parameters
    ----------
    df, h, freq, season
        As in `seasonal_naive`.

    Returns
    -------
    pandas.DataFrame
        Columns `unique_id`, `ds` and one per name in `BASELINES`.

    Raises
    ------
    InvalidInputError
        As in `seasonal_naive`.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3, 4], "y": [5.0, 6.0, 7.0, 8.0]})
    >>> baseline_forecasts(df, h=2, freq=1, season=2).drop(columns=["unique_id", "ds"])
       SeasonalNaive  Naive  WindowAverage   RWD
    0            7.0    8.0            7.5   9.0
    1            8.0    8.0            7.5  10.0
    """
    from utilsforecast.processing import make_future_dataframe

    _check(df, h, season)
    ordered = df.sort_values(["unique_id", "ds"], kind="stable")
    sizes = ordered.groupby("unique_id", observed=True).size()
    ends = sizes.to_numpy().cumsum()
    last_times = pd.Index(ordered["ds"].iloc[ends - 1])
    ends_on_wall = on_wall(pd.DataFrame({"ds": last_times}), freq)["ds"]
    future: pd.DataFrame = make_future_dataframe(
        sizes.index.to_series(), pd.Index(ends_on_wall), freq, h
    )
    future = in_zone(future, day_zone(last_times, freq))
    values = ordered["y"].to_numpy(dtype=float)
    return future.assign(**baseline_values(values, sizes.to_numpy(), h, season))


def baseline_values(
    y: Array, sizes: npt.NDArray[np.integer[Any]], h: int, season: int
) -> dict[str, Array]:
    """Return each baseline's values, series by series.

    Parameters
    ----------
    y : array of float, shape (n_rows,)
        The values of all series, one series after the other.
    sizes : array of int, shape (n_series,)
        Rows of each series, at least one.
    h, season : int
        As in `seasonal_naive`.

    Returns
    -------
    dict of str to array of float, shape (n_series * h,)
        By the names in `BASELINES`.

    Examples
    --------
    >>> baseline_values(np.array([5.0, 6.0, 7.0]), np.array([2, 1]), h=2, season=2)["Naive"]
    array([6., 6., 7., 7.])
    """
    ends, steps = sizes.cumsum(), np.arange(h)
    seasons = np.where(sizes >= season, season, 1)
    last, first = y[ends - 1], y[ends - sizes]
    behind = seasons[:, None] - steps % seasons[:, None]
    reach = np.minimum(sizes, season)
    sums = np.add.reduceat(np.r_[y, 0.0], np.c_[ends - reach, ends].ravel())[::2]
    slopes = (last - first) / np.maximum(sizes - 1, 1)
    return {
        BASELINE_COLUMN: y[ends[:, None] - behind].ravel(),
        "Naive": last.repeat(h),
        "WindowAverage": (sums / reach).repeat(h),
        "RWD": (last[:, None] + slopes[:, None] * (steps + 1)).ravel(),
    }


def _check(df: pd.DataFrame, h: int, season: int) -> None:
    for name, value in (("h", h), ("season", season)):
        if value < 1:
            raise InvalidInputError(f"{name} must be at least 1, got {value}; try {name}=12")
    if df.empty:
        raise InvalidInputError("df has no rows; pass columns unique_id, ds and y")
