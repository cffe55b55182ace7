"""The private state of sktime's base class: the only module that uses it, besides overrides.

Sktime has no public way to restore a fitted forecaster, or to undo an update that failed. Written
for sktime 1.1 and 1.2; ``tests/estimator/test_forecaster_upstream.py`` fails if a release changes
one of these names.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from sktime.datatypes import VectorizedDF
from sktime.forecasting.base import BaseForecaster

__all__ = [
    "columns_of",
    "horizon_of",
    "is_split",
    "is_vectorized",
    "mtype_of",
    "own_horizon",
    "quantile_columns",
    "restore_fit",
    "series_name_of",
    "set_fitted",
    "taking_missing",
    "unchanged_on_error",
]


def is_vectorized(forecaster: Any) -> bool:
    """Return whether a forecaster was fitted on several columns, with a copy of itself for each."""
    return bool(getattr(forecaster, "_is_vectorized", False))


def is_split(y: Any) -> bool:
    """Return whether checked data have several columns, each for a forecaster of its own."""
    return isinstance(y, VectorizedDF)


def columns_of(forecaster: Any) -> list[Any]:
    """Return the columns of the series that a forecaster checked last, of any container."""
    return list(forecaster._y_metadata["feature_names"])


def mtype_of(forecaster: Any) -> str:
    """Return the type of the series that a forecaster was fitted on, such as ``"pd.Series"``."""
    return str(forecaster._y_metadata["mtype"])


def series_name_of(forecaster: Any) -> Any:
    """Return the name of the series that a forecaster was fitted on."""
    return forecaster._converter_store_y.get("name")


def horizon_of(forecaster: Any) -> Any:
    """Return the horizon that was last passed to a forecaster, or None."""
    return forecaster._fh


def quantile_columns(forecaster: Any, alpha: list[float]) -> pd.MultiIndex:
    """Return the columns of a frame of quantiles."""
    columns: pd.MultiIndex = forecaster._get_columns("predict_quantiles", alpha=alpha)
    return columns


def own_horizon(forecaster: Any, fh: Any, pred_int: bool) -> Any:
    """Return the checked horizon of this call, whatever other threads request in the meantime.

    The base class stores it on the estimator and returns the stored one.
    """
    copied: Any = copy.copy(forecaster)
    checked = BaseForecaster._check_fh(copied, fh, pred_int)
    forecaster._fh = copied._fh
    return checked


@contextmanager
def taking_missing(forecaster: Any) -> Iterator[None]:
    """Let the base class take missing values that were checked before."""
    forecaster.set_tags(**{"capability:missing_values": True})
    try:
        yield
    finally:
        forecaster.set_tags(**{"capability:missing_values": False})


@contextmanager
def unchanged_on_error(forecaster: Any) -> Iterator[None]:
    """Undo what `update` stored if it raises, also in the forecasters of several columns."""
    several = list(forecaster.forecasters_.to_numpy().ravel()) if is_vectorized(forecaster) else []
    before = [(one, _attributes(one)) for one in (forecaster, *several)]
    try:
        yield
    except BaseException:
        for one, attributes in before:
            vars(one).update(attributes)
        raise


def _attributes(forecaster: Any) -> dict[str, Any]:
    """Return the attributes; those that are changed in place are copied."""
    return {**vars(forecaster), "_converter_store_y": dict(forecaster._converter_store_y)}


def restore_fit(forecaster: Any, y: Any, fh: Any) -> None:
    """Restore the state that the base class has after ``fit(y, fh=fh)``."""
    _, inner = forecaster._check_X_y(y=y)
    forecaster._update_y_X(inner)
    forecaster._is_vectorized = False
    if fh is not None:
        forecaster._check_fh(fh)


def set_fitted(forecaster: Any, pretrained: tuple[str, ...] = ()) -> None:
    """Mark a forecaster as fitted.

    Parameters
    ----------
    forecaster : BaseForecaster
        A restored forecaster.
    pretrained : tuple of str
        The attributes that `pretrain` has set.
    """
    forecaster._state = "fitted"
    if pretrained:
        forecaster._pretrained_attrs = list(pretrained)
