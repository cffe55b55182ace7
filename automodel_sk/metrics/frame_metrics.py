"""Call metrics with utilsforecast's signature: from a frame to one value per window."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.held_out import HeldOutWindows
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics.forecast import MODEL, Forecast, column_of_quantile

__all__ = ["errors_of_table", "no_quantiles"]

Array = npt.NDArray[np.float64]
_NONE = inspect.Parameter.empty


def errors_of_table(
    name: str,
    function: Callable[..., Any],
    windows: HeldOutWindows,
    forecast: Forecast,
    *,
    season: int,
    train: pd.DataFrame | None,
) -> Array:
    """Return the value of a metric function for each series and window.

    Parameters
    ----------
    name : str
        Name of the metric.
    function : callable
        Function with utilsforecast's signature ``(df, models, id_col, target_col, ...)``.
    windows : HeldOutWindows
        The observed values.
    forecast : Forecast
        The forecasts.
    season : int
        Steps of one season, for functions that take it.
    train : DataFrame, optional
        The history, for functions that take it.

    Returns
    -------
    array of float
        In the order of the windows if the result has series ids and cutoffs.

    Raises
    ------
    InvalidInputError
        If the forecast lacks the quantiles that the function needs, or the function returned
        something other than a frame.
    """
    parameters = inspect.signature(function).parameters
    table = forecast.frame(windows).assign(SeasonalNaive=windows.reference).dropna(subset="y")
    calls = _models(name, parameters, forecast)
    common = _arguments(parameters, season, train)
    results = [function(table, **call, **common) for call in calls]
    errors: Array = np.mean([_column_of(name, result, windows) for result in results], axis=0)
    return errors


def _arguments(
    parameters: Mapping[str, inspect.Parameter], season: int, train: pd.DataFrame | None
) -> dict[str, Any]:
    """Return the function's arguments besides the frame and the models."""
    columns = {"id_col": "unique_id", "time_col": "ds", "target_col": "y", "cutoff_col": "cutoff"}
    given = {**columns, "train_df": train}
    settings = {"seasonality": season, "baseline": "SeasonalNaive"}
    open_settings = {
        name: value
        for name, value in settings.items()
        if name in parameters and parameters[name].default is _NONE
    }
    return {k: v for k, v in given.items() if k in parameters} | open_settings


def _models(
    name: str, parameters: Mapping[str, inspect.Parameter], forecast: Forecast
) -> list[dict[str, Any]]:
    """Return the calls to make: for points, one quantile, several quantiles, or each interval."""
    if "level" in parameters:
        levels = _levels(name, parameters["level"].default, forecast)
        return [{"models": [MODEL], "level": level} for level in levels]
    if "quantiles" in parameters:
        quantiles = _quantiles(name, parameters["quantiles"].default, forecast)
        columns = [_quantile_column(name, q, forecast) for q in quantiles]
        return [{"models": {MODEL: columns}, "quantiles": np.array(quantiles)}]
    if "q" in parameters:
        default = parameters["q"].default
        q = 0.5 if default is _NONE else round(float(default), 6)
        return [{"models": {MODEL: _quantile_column(name, q, forecast)}, "q": q}]
    return [{"models": [MODEL]}]


def _quantiles(name: str, default: Any, forecast: Forecast) -> list[float]:
    """Return the quantiles to evaluate: the function's default, or all that the loss provides."""
    if default is not _NONE:
        return [round(float(q), 6) for q in default]
    if not forecast.quantiles:
        raise InvalidInputError(no_quantiles(name))
    return sorted(forecast.quantiles)


def _quantile_column(name: str, q: float, forecast: Forecast) -> str:
    """Return the column of a quantile; a point forecast serves as the median."""
    if q in forecast.quantiles:
        return column_of_quantile(q)
    if q == 0.5 and not forecast.quantiles:
        return MODEL
    if not forecast.quantiles:
        raise InvalidInputError(no_quantiles(name))
    raise InvalidInputError(
        f"metric {name!r} scores the quantile {q:g}, but the loss gives"
        f" {', '.join(f'{known:g}' for known in sorted(forecast.quantiles))}; name it in the loss,"
        f" for example loss=MQLoss(quantiles=[{q:g}, 0.5])"
    )


def no_quantiles(name: str) -> str:
    """Return the error message for a quantile metric with a loss that has no quantiles."""
    return (
        f"metric {name!r} scores quantiles, but the loss gives none; try loss='mqloss', or a"
        " metric of point forecasts, for example metric='mae'"
    )


def _levels(name: str, default: Any, forecast: Forecast) -> list[float]:
    """Return the levels to evaluate: the function's default, or all that the loss provides."""
    known = [int(level) if level == int(level) else level for level in forecast.levels]
    if not known:
        raise InvalidInputError(no_quantiles(name))
    if default is _NONE:
        return known
    if default not in known:
        raise InvalidInputError(
            f"metric {name!r} scores intervals of level {default}, but the loss gives"
            f" {', '.join(map(str, known))}; name it in the loss, for example"
            f" loss=MQLoss(level=[{default}])"
        )
    return [float(default) if default != int(default) else int(default)]


def _column_of(name: str, result: Any, windows: HeldOutWindows) -> Array:
    """Return a result's column in the order of the windows if it is known, else unchanged."""
    if not isinstance(result, pd.DataFrame) or MODEL not in result.columns:
        raise InvalidInputError(
            f"metric {name!r} must return a DataFrame with a column for each of models, got"
            f" {type(result).__name__}; see utilsforecast.losses.mae, or pass a function of"
            " y_true and y_pred, for example metric=lambda y, f: abs(y - f).max()"
        )
    keys = ["unique_id", "cutoff"]
    if set(keys) <= set(result.columns) and not result.duplicated(keys).any():
        order = pd.MultiIndex.from_frame(windows.frame[keys].iloc[:: windows.h])
        result = result.set_index(keys).reindex(order)
    values: Array = result[MODEL].to_numpy(dtype=float)
    return values
