"""Losses by the names that the field uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_sk.exceptions import InvalidInputError

__all__ = ["LOSS_NAMES", "resolve_loss"]

_POINT: Mapping[str, tuple[str, dict[str, Any]]] = {
    "mae": ("MAE", {}),
    "mse": ("MSE", {}),
    "rmse": ("RMSE", {}),
    "mape": ("MAPE", {}),
    "smape": ("SMAPE", {}),
    "huber": ("HuberLoss", {}),
}
_PROBABILISTIC: Mapping[str, tuple[str, dict[str, Any]]] = {
    "mqloss": ("MQLoss", {"level": [80, 90]}),
    "normal": ("DistributionLoss", {"distribution": "Normal", "level": [80, 90]}),
    "studentt": ("DistributionLoss", {"distribution": "StudentT", "level": [80, 90]}),
    "poisson": ("DistributionLoss", {"distribution": "Poisson", "level": [80, 90]}),
    "negativebinomial": (
        "DistributionLoss",
        {"distribution": "NegativeBinomial", "level": [80, 90]},
    ),
}
LOSS_NAMES = (*_POINT, *_PROBABILISTIC)


def resolve_loss(loss: Any) -> Any:
    """Return a loss object for a name; objects and None pass through.

    Parameters
    ----------
    loss : str, neuralforecast loss or None
        One of `LOSS_NAMES`, or an instance such as ``MQLoss(level=[90])``.

    Returns
    -------
    neuralforecast loss or None

    Raises
    ------
    InvalidInputError
        The name is unknown, or a class was passed instead of an instance.

    Examples
    --------
    >>> resolve_loss("mea")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: loss must be one of mae, mse, ...
    """
    if isinstance(loss, type):
        raise InvalidInputError(
            f"loss must be an instance, got the class {loss.__name__}; try loss={loss.__name__}()"
        )
    if isinstance(loss, str):
        return _make(loss, {**_POINT, **_PROBABILISTIC})
    if loss is not None and not hasattr(loss, "outputsize_multiplier"):
        raise InvalidInputError(
            f"loss must be a loss of neuralforecast or one of {', '.join(LOSS_NAMES)},"
            f" got {type(loss).__name__}; try loss='mae'"
        )
    return loss


def _make(name: str, table: Mapping[str, tuple[str, dict[str, Any]]]) -> Any:
    key = name.lower().replace("_", "").replace("-", "")
    if key not in table:
        raise InvalidInputError(f"loss must be one of {', '.join(table)}, got {name!r}")
    from neuralforecast.losses import pytorch

    class_name, arguments = table[key]
    return getattr(pytorch, class_name)(**arguments)
