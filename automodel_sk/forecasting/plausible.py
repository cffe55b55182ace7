"""Find forecasts that are far beyond everything a series ever was.

A network is judged on series that are long enough for the validation windows. On shorter ones,
whose windows are padded with zeros, its scaling can divide by almost nothing, and its forecasts be
off by orders of magnitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.preparation import observed_values

__all__ = ["far_from_past", "ranges_of", "stored_ranges"]

Array = npt.NDArray[np.float64]
Ranges = tuple[Array, Array]

REACH = 10.0
"""A forecast may lie beyond the past values by so many times their range, or largest value."""


def ranges_of(past: pd.DataFrame) -> Ranges:
    """Return the smallest and the largest observed value of each series of a prepared frame.

    Examples
    --------
    >>> past = pd.DataFrame({"unique_id": ["a", "a", "b"], "y": [1.0, 3.0, 5.0]})
    >>> [side.tolist() for side in ranges_of(past)]
    [[1.0, 5.0], [3.0, 5.0]]
    """
    sizes = past.groupby("unique_id", observed=True, sort=False).size().to_numpy()
    values = observed_values(past)["y"].to_numpy(dtype=float)
    return _by_series(values, sizes.cumsum() - sizes)


def stored_ranges(fitted: Any) -> Ranges:
    """Return the ranges of the series that a `NeuralForecast` object was fitted to."""
    data = fitted.dataset
    columns = list(data.temporal_cols)
    table = data.temporal.numpy().astype(float)
    values = table[:, columns.index("y")]
    if "available_mask" in columns:
        values = np.where(table[:, columns.index("available_mask")] != 0, values, np.nan)
    return _by_series(values, np.asarray(data.indptr[:-1]))


def _by_series(values: Array, starts: npt.NDArray[Any]) -> Ranges:
    """Return minimum and maximum from each start to the next; NaN if nothing is known."""
    return np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)


def far_from_past(point: Array, ranges: Ranges) -> npt.NDArray[np.bool_]:
    """Return which series are forecast far beyond their past values.

    Parameters
    ----------
    point : array of shape (n_series, h)
        Forecasts.
    ranges : tuple of two arrays of shape (n_series,)
        The result of `ranges_of`, in the same order.

    Examples
    --------
    >>> ranges = np.array([1.0, 1.0]), np.array([2.0, 2.0])
    >>> far_from_past(np.array([[3.0, 9.0], [3.0, 1e4]]), ranges).tolist()
    [False, True]
    """
    low, high = ranges
    reach = REACH * np.maximum.reduce([high - low, np.abs(low), np.abs(high)])
    with np.errstate(invalid="ignore"):
        above = (point > (high + reach)[:, None]).any(axis=1)
        below = (point < (low - reach)[:, None]).any(axis=1)
    return np.asarray(above | below, dtype=bool)
