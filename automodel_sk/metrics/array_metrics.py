"""Error metrics of held-out windows by name: on arrays, and from utilsforecast."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["METRIC_NAMES", "QUICK", "QUICK_OF_QUANTILES", "SCALED", "known_name"]

Array = npt.NDArray[np.float64]
Errors = Callable[..., Array]


def _mean(values: Array) -> Array:
    """Return the mean of each row, ignoring NaN."""
    means: Array = pd.DataFrame(values).mean(axis=1).to_numpy()
    return means


def _sum(values: Array) -> Array:
    """Return the sum of each row, ignoring NaN; NaN if a row has no values."""
    sums: Array = pd.DataFrame(values).sum(axis=1, min_count=1).to_numpy()
    return sums


def _mape(y: Array, forecast: Array) -> Array:
    return _mean(np.abs(y - forecast) / np.abs(np.where(y == 0, np.nan, y)))


def _smape(y: Array, forecast: Array) -> Array:
    size = np.abs(y) + np.abs(forecast)
    return _mean(np.abs(y - forecast) / np.where(size == 0, 1, size))


def _wape(y: Array, forecast: Array) -> Array:
    size = _sum(np.abs(y))
    errors: Array = _sum(np.abs(y - forecast)) / np.where(size == 0, np.nan, size)
    return errors


def _pinball(y: Array, forecasts: Array, quantiles: Array) -> Array:
    short = y - forecasts
    return _mean(np.maximum(quantiles * short, (quantiles - 1) * short).mean(axis=0))


def _crps(y: Array, forecasts: Array, quantiles: Array) -> Array:
    size = _sum(np.abs(y)) + np.finfo(float).eps
    errors: Array = 2 * _pinball(y, forecasts, quantiles) * (~np.isnan(y)).sum(axis=1) / size
    return errors


def _huber(y: Array, forecast: Array) -> Array:
    from scipy.special import huber

    return _mean(np.asarray(huber(1.0, y - forecast), dtype=float))


# Steps with a NaN target, which were not observed, are ignored. utilsforecast has these metrics
# too, except "huber", but grouping a frame takes milliseconds at each validation.
QUICK: Mapping[str, Errors] = {
    "mae": lambda y, forecast: _mean(np.abs(y - forecast)),
    "mse": lambda y, forecast: _mean(np.square(y - forecast)),
    "rmse": lambda y, forecast: np.sqrt(_mean(np.square(y - forecast))),
    "mape": _mape,
    "smape": _smape,
    "huber": _huber,
    "wape": _wape,
    "nd": _wape,
    "bias": lambda y, forecast: np.abs(_mean(forecast - y)),
    "cfe": lambda y, forecast: np.abs(_sum(forecast - y)),
    "pis": lambda y, forecast: _sum(np.abs(forecast - y)),
}
# The same for all quantiles at once: arrays of shape (quantiles, windows, steps).
QUICK_OF_QUANTILES: Mapping[str, Errors] = {"mqloss": _pinball, "scaled_crps": _crps}
# Metrics divided by a scale that does not depend on the forecast, so it is computed only once.
SCALED: Mapping[str, str] = {
    "mase": "mae",
    "msse": "mse",
    "rmsse": "rmse",
    "spis": "pis",
    "rmae": "mae",
    "scaled_quantile_loss": "quantile_loss",
    "scaled_mqloss": "mqloss",
}
_OTHERS = ("quantile_loss", "winkler_score", "tweedie_deviance", "linex")
METRIC_NAMES = (*QUICK, *QUICK_OF_QUANTILES, *SCALED, *_OTHERS)


def known_name(name: str) -> str | None:
    """Return the known metric name that a spelling denotes, or None."""
    key = name.lower().replace("_", "").replace("-", "")
    return next((known for known in METRIC_NAMES if known.replace("_", "") == key), None)
