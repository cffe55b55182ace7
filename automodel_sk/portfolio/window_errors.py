"""Errors of window forecasts: of arrays of shape (series, windows, steps)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.metrics import Forecast
from automodel_sk.metrics.array_metrics import QUICK
from automodel_sk.training.objective import Objective

__all__ = [
    "Cells",
    "Errors",
    "Forecasts",
    "ScaledErrors",
    "errors_by",
    "mean_error",
    "standard_error",
    "times_worse",
]

Array = npt.NDArray[np.float64]
Forecasts = npt.NDArray[np.float32]
Cells = npt.NDArray[np.bool_]
Errors = Callable[[Forecasts], Array]
"""From forecasts of shape (series, windows, steps) to errors of shape (series, windows)."""


@dataclass(frozen=True, eq=False)
class ScaledErrors:
    """Mean absolute errors in units of each series' scale, as in MASE.

    Parameters
    ----------
    truth : array, shape (n_series, n_windows, h)
        Observed values; NaN where there are none.
    scale : array, shape (n_series,) or (n_series, n_windows)
        Scale of the errors, such as the mean absolute seasonal difference. Series whose scale is
        zero or not finite do not count, unless there are no others.

    Examples
    --------
    >>> errors = ScaledErrors(np.array([[[1.0, np.nan]], [[4.0, 8.0]]]), np.array([1.0, 2.0]))
    >>> errors(np.array([[[3.0, 9.0]], [[5.0, 5.0]]], dtype=np.float32)).tolist()
    [[2.0], [1.0]]
    """

    truth: npt.NDArray[np.floating]
    scale: npt.NDArray[np.floating]

    def __call__(self, forecasts: Forecasts) -> Array:
        """Return the errors of forecasts, shape (n_series, n_windows); NaN where nothing counts."""
        sizes = np.abs(forecasts - self._truth)
        if self._mask is not None:
            sizes *= self._mask
        return np.asarray(sizes.sum(axis=-1) * self._weights)

    @cached_property
    def _observed(self) -> Cells:
        observed: Cells = ~np.isnan(self.truth)
        return observed

    @cached_property
    def _truth(self) -> Forecasts:
        return np.where(self._observed, self.truth, 0.0).astype(np.float32)

    @cached_property
    def _mask(self) -> Forecasts | None:
        return None if self._observed.all() else self._observed.astype(np.float32)

    @cached_property
    def _weights(self) -> Array:
        """Return one over the number of observed steps and the scale of each window."""
        steps = self._observed.sum(axis=-1)
        return np.asarray(1 / (np.where(steps > 0, steps, np.nan) * self.usable_scale))

    @cached_property
    def usable_scale(self) -> Array:
        """Scale of each series and window; NaN where it is of no use, and 1 if it nowhere is."""
        scale = np.asarray(self.scale, dtype=np.float64)
        scale = np.broadcast_to(scale.reshape(len(scale), -1), self.truth.shape[:2])
        usable = np.isfinite(scale) & (scale > 0)
        return np.where(usable, scale, np.nan) if usable.any() else np.ones_like(scale)


def errors_by(objective: Objective) -> Errors:
    """Return the errors of an objective: those of its metric, as a function of forecasts.

    Series whose scale is zero do not count, unless there are no others.

    Parameters
    ----------
    objective : Objective
        A metric of point forecasts, and the windows.

    Returns
    -------
    callable

    Examples
    --------
    >>> import pandas as pd
    >>> from automodel_sk.data.held_out import hold_out
    >>> from automodel_sk.metrics import resolve_metric
    >>> from automodel_sk.training.objective import make_objective
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(5), "y": [0.0, 2.0, 4.0, 6.0, 9.0]})
    >>> windows = hold_out(df, h=1, n_windows=2)
    >>> forecasts = np.full((1, 2, 1), 7.0, dtype=np.float32)
    >>> errors_by(make_objective(resolve_metric("mase"), windows, df))(forecasts).tolist()
    [[0.5, 1.0]]
    >>> errors_by(make_objective(resolve_metric("rmse"), windows, df))(forecasts).tolist()
    [[1.0, 2.0]]
    """
    n_windows = int(objective.windows.numbers.max())
    shape = (-1, n_windows)
    truth = objective.windows.truth.reshape(*shape, objective.windows.h)
    weights = np.broadcast_to(np.asarray(objective.weights, dtype=float), len(truth) * n_windows)
    with np.errstate(divide="ignore"):
        scaled = ScaledErrors(truth, 1 / weights.reshape(shape))
    if objective.metric.function is QUICK["mae"]:
        return scaled
    metric = replace(objective, weights=1.0)

    def errors_of(forecasts: Forecasts) -> Array:
        values = metric.by_window(Forecast(forecasts.ravel().astype(float), {}))
        return np.asarray(values.reshape(shape) / scaled.usable_scale)

    return errors_of


def mean_error(errors: Array, cells: Cells | None = None) -> float:
    """Return the mean of the chosen errors, ignoring NaN; infinite if there are none.

    Examples
    --------
    >>> mean_error(np.array([[1.0, np.nan], [2.0, 6.0]]))
    3.0
    >>> mean_error(np.array([[1.0, 5.0]]), np.array([[True, False]]))
    1.0
    """
    chosen = errors if cells is None else errors[cells]
    mean = float(chosen.mean(dtype=np.float64)) if chosen.size else np.nan
    if np.isnan(mean):
        known = chosen[~np.isnan(chosen)]
        mean = float(known.mean(dtype=np.float64)) if known.size else np.inf
    return mean


def times_worse(errors: Any, ratio: float) -> Any:
    """Return errors that are so many times as large, and negative ones so much nearer to zero.

    Metrics such as -R2 have negative values, of which a multiple would be better.

    Parameters
    ----------
    errors : float or array
        The errors.
    ratio : float
        At least 1.

    Examples
    --------
    >>> times_worse(np.array([2.0, -2.0, np.nan]), 1.5).tolist()
    [3.0, -1.0, nan]
    """
    return errors * np.where(np.asarray(errors) < 0, 2 - ratio, ratio)


def standard_error(values: Array) -> float | None:
    """Return the standard error of the mean over series and windows, ignoring NaN.

    All series of a window share its time, and all windows of a series its nature. So deviations
    are summed by series and by window, and the larger part counts, after Cameron, Gelbach and
    Miller (2011).

    Parameters
    ----------
    values : array, shape (n_series, n_windows)

    Returns
    -------
    float or None
        None where there are fewer than two values.

    Examples
    --------
    >>> standard_error(np.array([[1.0], [3.0]])), standard_error(np.array([[1.0, 3.0]]))
    (1.0, 1.0)
    >>> standard_error(np.array([[1.0, 3.0], [1.0, 3.0], [1.0, 3.0]]))
    1.0
    """
    known = ~np.isnan(values)
    if known.sum() < 2:
        return None
    deviations = np.where(known, values - np.nanmean(values), 0.0) / known.sum()
    n_series, n_windows = (int(known.any(axis=axis).sum()) for axis in (1, 0))
    by_series = _variance(deviations.sum(axis=1), n_series)
    by_window = _variance(deviations.sum(axis=0), n_windows)
    by_both = by_series + by_window - _variance(deviations, int(known.sum()))
    clustered = by_both if min(n_series, n_windows) > 1 else 0.0
    return float(np.sqrt(max(clustered, by_series, by_window)))


def _variance(deviations: Array, n: int) -> float:
    """Return the variance of a sum of `n` independent deviations; 0 where there is only one."""
    return float((deviations**2).sum()) * n / (n - 1) if n > 1 else 0.0
