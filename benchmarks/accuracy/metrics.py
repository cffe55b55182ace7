"""The errors of a forecast, defined as in the fev benchmark."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.task import QUANTILES, Array, Dataset, Forecast


def errors(data: Dataset, forecast: Forecast) -> dict[str, float]:
    """Return all errors of a forecast.

    ``wape`` is the WQL of a forecast whose quantiles all equal its point.
    """
    truth = data.truth
    return {
        "mase": mase(truth, forecast.point, scales(data)),
        "wql": wql(truth, forecast.quantiles),
        "wape": float(np.abs(truth - forecast.point).sum() / np.abs(truth).sum()),
        "smape": smape(truth, forecast.point),
        "coverage80": coverage(truth, forecast.quantiles[..., 0], forecast.quantiles[..., -1]),
    }


def scales(data: Dataset) -> Array:
    """Return the in-sample mean absolute seasonal difference of each series."""
    return np.array([_scale(values, data.season) for values in data.history()])


def _scale(values: Array, season: int) -> float:
    if len(values) <= season:
        return float("nan")
    return float(np.mean(np.abs(values[season:] - values[:-season])))


def mase(truth: Array, point: Array, scale: Array) -> float:
    """Return the mean absolute scaled error; series without a usable scale are left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.abs(truth - point) / scale[:, None]
    return float(np.mean(scaled[np.isfinite(scaled)]))


def wql(truth: Array, quantiles: Array) -> float:
    """Return twice the summed pinball loss per summed absolute value, averaged over the levels."""
    error = truth[..., None] - quantiles
    levels = np.array(QUANTILES)
    pinball = np.maximum(levels * error, (levels - 1) * error)
    return float(np.mean(2 * pinball.sum(axis=(0, 1)) / np.abs(truth).sum()))


def smape(truth: Array, point: Array) -> float:
    """Return the mean of 2|y - f| / (|y| + |f|); a step where both are zero counts as zero."""
    size = np.abs(truth) + np.abs(point)
    ratio = np.divide(2 * np.abs(truth - point), size, out=np.zeros_like(size), where=size > 0)
    return float(ratio.mean())


def coverage(truth: Array, low: Array, high: Array) -> float:
    """Return the share of values inside their interval."""
    return float(np.mean((low <= truth) & (truth <= high)))
