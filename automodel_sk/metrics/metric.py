"""Resolve the metric that a search minimises: by name, from utilsforecast, or a custom function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.data.held_out import HeldOutWindows
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics.array_metrics import (
    METRIC_NAMES,
    QUICK,
    QUICK_OF_QUANTILES,
    SCALED,
    known_name,
)
from automodel_sk.metrics.forecast import Forecast
from automodel_sk.metrics.frame_metrics import errors_of_table, no_quantiles
from automodel_sk.metrics.names import metric_name

__all__ = ["Metric", "resolve_metric"]

Array = npt.NDArray[np.float64]
_BEST_AT_A_LEVEL = ("coverage", "calibration")
_ROUNDING = 1e-9
"""A scale below this share of a series' largest value is rounding: forecasts are in float32."""


@dataclass(frozen=True)
class Metric:
    """A metric of forecasts of held-out windows, to be minimised.

    Parameters
    ----------
    name : str
        Name of the metric.
    function : callable
        Function of two arrays of windows, of an array and several quantile arrays, of a frame, or
        of two arrays of one window.
    kind : {"arrays", "quantiles", "table", "pair"}
        Which of these signatures the function has.
    scaled : callable, optional
        Frame function that divides this metric's values by a scale.
    season : int
        Steps of one season.
    """

    name: str
    function: Callable[..., Any]
    kind: str
    scaled: Callable[..., Any] | None = None
    season: int = 1

    @property
    def label(self) -> str:
        """Return the metric's label: its name, and its season if it has one."""
        table = self.scaled or (self.function if self.kind == "table" else None)
        parameters = {} if table is None else inspect.signature(table).parameters
        seasonal = "seasonality" in parameters or "baseline" in parameters
        return f"{self.name} of season {self.season}" if seasonal else self.name

    @property
    def needs_history(self) -> bool:
        """Return whether each evaluation needs the history, instead of once per search."""
        return self.kind == "table" and "train_df" in inspect.signature(self.function).parameters

    @property
    def scores_a_quantile(self) -> bool:
        """Return whether it is the error of one quantile, such as the pinball loss."""
        table = self.scaled or (self.function if self.kind == "table" else None)
        return table is not None and "q" in inspect.signature(table).parameters

    def errors(
        self, windows: HeldOutWindows, forecast: Forecast, train: pd.DataFrame | None = None
    ) -> Array:
        """Return the value for each series and window, before scaling.

        Parameters
        ----------
        windows : HeldOutWindows
            The observed values.
        forecast : Forecast
            The forecasts.
        train : DataFrame, optional
            The history, for metrics that use it.

        Returns
        -------
        array of float
        """
        if self.kind == "table":
            return self._of_table(self.function, windows, forecast, train)
        point = forecast.point.reshape(-1, windows.h)
        if self.kind == "pair":
            pairs = zip(windows.truth, point, strict=True)
            return np.array([self._of_pair(truth, values) for truth, values in pairs])
        quantiles = _stacked(self.name, forecast, windows.h) if self.kind == "quantiles" else ()
        errors: Array = self.function(windows.truth, *(quantiles or (point,)))
        return errors

    def _of_pair(self, truth: Array, forecast: Array) -> float:
        """Apply a function to one window's observed steps; NaN if there are none."""
        observed = ~np.isnan(truth)
        if not observed.any():
            return float("nan")
        return _number(self.name, self.function(truth[observed], forecast[observed]))

    def _of_table(
        self,
        function: Callable[..., Any],
        windows: HeldOutWindows,
        forecast: Forecast,
        train: pd.DataFrame | None,
    ) -> Array:
        return errors_of_table(
            self.name, function, windows, forecast, season=self.season, train=train
        )

    def weights(self, windows: HeldOutWindows, history: pd.DataFrame) -> Array | float:
        """Return the factors to multiply the values with: one over the scale.

        Parameters
        ----------
        windows : HeldOutWindows
            The held-out windows.
        history : DataFrame
            Long frame of the series at least up to the last cutoff.

        Returns
        -------
        array of float, or 1.0 without a scale
            Infinite where the scale is zero but for rounding.
        """
        if self.scaled is None:
            return 1.0
        off_by_one = windows.truth.ravel() + 1.0
        probe = Forecast(off_by_one, {0.5: off_by_one})
        past = history[["unique_id", "ds", "y"]]
        unscaled = self.errors(windows, probe)
        # The mean, by which some divide, may be negative.
        weights = np.abs(self._of_table(self.scaled, windows, probe, past) / unscaled)
        power = 2 if self.name == "msse" else 1
        sizes = past["y"].abs().groupby(past["unique_id"], observed=True).max()
        ids = windows.frame["unique_id"].to_numpy()[:: windows.h]
        least = _ROUNDING * sizes.reindex(ids).to_numpy(dtype=float)
        return np.where(weights * least**power > 1, np.inf, weights)


def _stacked(name: str, forecast: Forecast, h: int) -> tuple[Array, Array]:
    """Return the quantile forecasts as one stacked array, and their quantiles."""
    known = sorted(forecast.quantiles)
    if not known:
        raise InvalidInputError(no_quantiles(name))
    values = np.array([forecast.quantiles[q].reshape(-1, h) for q in known])
    return values, np.array(known)[:, None, None]


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"metric {name!r} must return a number, got {type(value).__name__};"
            " for example metric=lambda y, f: abs(y - f).max()"
        ) from None


def resolve_metric(metric: Any, season: int = 1) -> Metric | None:
    """Return the metric; None for the validation loss.

    Parameters
    ----------
    metric : str, callable or None
        One of `METRIC_NAMES`; a function with utilsforecast's signature ``(df, models, id_col,
        target_col, ...)``; or a function of ``(y_true, y_pred)``.
    season : int
        Steps of one season, for metrics scaled by the errors of a seasonal-naive forecast.

    Returns
    -------
    Metric or None

    Raises
    ------
    InvalidInputError
        If the name is unknown, the metric can't be minimised, or it is not a function.

    Examples
    --------
    >>> resolve_metric("sMAPE").name
    'smape'
    >>> resolve_metric("coverage")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: metric 'coverage' is best at its nominal ...
    """
    if metric is None:
        return None
    if callable(metric) and not isinstance(metric, type):
        return _by_name(_name_in_library(metric), season) or _of_callable(metric, season)
    if isinstance(metric, str):
        if metric.lower() in _BEST_AT_A_LEVEL:
            raise InvalidInputError(
                f"metric {metric!r} is best at its nominal level, not at its minimum; try"
                " metric='winkler_score' or metric='scaled_crps'"
            )
        found = _by_name(known_name(metric), season)
        if found is not None:
            return found
    meant = nearest(metric, METRIC_NAMES) if isinstance(metric, str) else None
    hint = f"did you mean {meant!r}?" if meant else "try metric='mae'"
    raise InvalidInputError(
        f"metric must be one of {', '.join(METRIC_NAMES)}, or a function of (y_true, y_pred),"
        f" got {shown(metric)}; {hint}"
    )


def _name_in_library(metric: Callable[..., Any]) -> str | None:
    """Return the name of a function if it is utilsforecast's own."""
    name: str = getattr(metric, "__name__", "")
    ours = getattr(metric, "__module__", "") == "utilsforecast.losses" and name in METRIC_NAMES
    return name if ours else None


def _by_name(name: str | None, season: int) -> Metric | None:
    if name is None:
        return None
    from utilsforecast import losses

    base = SCALED.get(name, name)
    scaled = getattr(losses, name) if name in SCALED else None
    for kind, quick in (("arrays", QUICK), ("quantiles", QUICK_OF_QUANTILES)):
        if base in quick:
            return Metric(name, quick[base], kind, scaled, season)
    return Metric(name, getattr(losses, base), "table", scaled, season)


def _check_direction(name: str, metric: Callable[..., Any]) -> None:
    """Raise if a higher value is better, according to scikit-learn's names and sktime's tags."""
    tag = getattr(metric, "get_tag", None)
    is_score = name.startswith("sklearn.") and name.endswith("_score")
    if is_score or (tag is not None and not tag("lower_is_better", True, raise_error=False)):
        raise InvalidInputError(
            f"metric {name!r} is better when larger, but the search minimises; negate it, for"
            f" example metric=lambda y, f: -{name.rpartition('.')[2]}(y, f)"
        )


def _of_callable(metric: Callable[..., Any], season: int) -> Metric:
    """Distinguish frame functions from functions of two arrays by their parameters."""
    name = metric_name(metric)
    _check_direction(name, metric)
    try:
        parameters = list(inspect.signature(metric).parameters.values())
    except ValueError:  # C functions without a signature
        return Metric(name, metric, "pair")
    if [p.name for p in parameters[:2]] == ["df", "models"]:
        return Metric(name, metric, "table", season=season)
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.kind in positional and p.default is p.empty]
    takes_all = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    if len(required) == 2 or (len(required) < 2 and takes_all):
        return Metric(name, metric, "pair")
    raise InvalidInputError(
        f"metric {name!r} must take (y_true, y_pred) or (df, models, id_col, target_col), it"
        f" takes ({', '.join(p.name for p in parameters)}); for example"
        " metric=lambda y, f: abs(y - f).max()"
    )
