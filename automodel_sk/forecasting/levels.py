"""How much larger errors of each series are now than in the windows that it was judged on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["error_growth", "growth_since"]

Array = npt.NDArray[np.float64]

_LARGEST = 2.0
"""At most so much growth of the level, or so much shrinking, counts."""
_POWER = 0.5
"""Errors grow with the level, but less: with its square root, about. See docs/accuracy.md."""


def error_growth(cutoffs: pd.DataFrame, history: pd.DataFrame, h: int, season: int) -> Array:
    """Return how much larger the errors of each series are at its end than in each window.

    Errors grow with the square root of the level, which is the mean absolute value of the last
    rows: those of as many seasons as `h` steps reach into.

    Parameters
    ----------
    cutoffs : DataFrame, shape (n_series, n_windows)
        Last time before each window, by series.
    history : DataFrame with columns unique_id, ds, y
        The series, sorted.
    h : int
        Steps per window.
    season : int
        Steps of one season.

    Returns
    -------
    array of shape (n_series, n_windows)
        1 where a level is zero or unknown.

    Examples
    --------
    >>> history = pd.DataFrame({"unique_id": "a", "ds": range(6), "y": [1.0, 1, 2, 2, 3, 3]})
    >>> error_growth(pd.DataFrame({0: [1], 1: [3]}, index=["a"]), history, h=2, season=1)
    array([[1.41421356, 1.22474487]])
    """
    rows = season * -(-h // season)
    ids = history["unique_id"]
    now = _levels(history, rows).reindex(cutoffs.index).to_numpy(dtype=float)
    growth = []
    for name in cutoffs:
        past = history[(history["ds"] <= ids.map(cutoffs[name])).to_numpy()]
        then = _levels(past, rows).reindex(cutoffs.index).to_numpy(dtype=float)
        known = (now > 0) & (then > 0)
        growth.append(np.where(known, now / np.where(known, then, 1.0), 1.0))
    clipped: Array = np.clip(np.stack(growth, axis=1), 1 / _LARGEST, _LARGEST)
    return clipped**_POWER


def growth_since(errors: pd.DataFrame, history: pd.DataFrame, h: int, season: int) -> Array:
    """Return how much errors have grown since each window, by series and window.

    Parameters
    ----------
    errors : DataFrame with columns unique_id, cutoff
        Sorted by series and window, `h` rows per window, the same windows for every series.
    history, h, season
        As in `error_growth`.

    Returns
    -------
    array of shape (n_series, n_windows)
    """
    n_windows = len(errors) // h // errors["unique_id"].nunique()
    cutoffs = {
        window: errors.iloc[window * h :: n_windows * h].set_index("unique_id")["cutoff"]
        for window in range(n_windows)
    }
    return error_growth(pd.DataFrame(cutoffs), history, h, season)


def _levels(history: pd.DataFrame, rows: int) -> pd.Series[float]:
    """Return the mean absolute value of the last rows of each series."""
    last = history.groupby("unique_id", observed=True, sort=False).tail(rows)
    levels: pd.Series[float] = (
        last["y"].abs().groupby(last["unique_id"], observed=True, sort=False).mean()
    )
    return levels
