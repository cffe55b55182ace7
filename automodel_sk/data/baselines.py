"""Forecasts without a model, to hold a tuned one against."""

from __future__ import annotations

import numpy as np
import pandas as pd

from automodel_sk.exceptions import InvalidInputError

__all__ = ["BASELINE_COLUMN", "seasonal_naive"]

BASELINE_COLUMN = "SeasonalNaive"


def seasonal_naive(df: pd.DataFrame, h: int, freq: str | int, season: int) -> pd.DataFrame:
    """Forecast each step by the value one season before it.

    Parameters
    ----------
    df : pandas.DataFrame
        Long frame with `unique_id`, `ds` and `y`; rows in any order, no gaps.
    h : int
        Steps to forecast after the end of each series.
    freq : str or int
        Step between rows.
    season : int
        Steps of one season. A series shorter than that repeats its last value.

    Returns
    -------
    pandas.DataFrame
        Columns `unique_id`, `ds` and ``SeasonalNaive``; `h` rows per series, in
        order of series and time.

    Raises
    ------
    InvalidInputError
        `h` or `season` is below 1, or there are no rows.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3, 4], "y": [5.0, 6.0, 7.0, 8.0]})
    >>> seasonal_naive(df, h=3, freq=1, season=2)["SeasonalNaive"].tolist()
    [7.0, 8.0, 7.0]
    """
    from utilsforecast.processing import make_future_dataframe

    _check(df, h, season)
    ordered = df.sort_values(["unique_id", "ds"], kind="stable")
    sizes = ordered.groupby("unique_id", observed=True).size()
    ends = sizes.to_numpy().cumsum()
    seasons = np.where(sizes.to_numpy() >= season, season, 1)
    behind = seasons[:, None] - np.arange(h) % seasons[:, None]
    values = ordered["y"].to_numpy(dtype=float)[ends[:, None] - behind]
    last_times = pd.Index(ordered["ds"].iloc[ends - 1])
    future: pd.DataFrame = make_future_dataframe(sizes.index.to_series(), last_times, freq, h)
    return future.assign(**{BASELINE_COLUMN: values.ravel()})


def _check(df: pd.DataFrame, h: int, season: int) -> None:
    for name, value in (("h", h), ("season", season)):
        if value < 1:
            raise InvalidInputError(f"{name} must be at least 1, got {value}; try {name}=12")
    if df.empty:
        raise InvalidInputError("df has no rows; pass columns unique_id, ds and y")
