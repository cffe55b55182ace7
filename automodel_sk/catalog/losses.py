"""Look up losses by their common names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.exceptions import InvalidInputError

__all__ = ["LOSS_NAMES", "point_quantile", "resolve_loss", "trained_quantiles"]

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


def trained_quantiles(loss: Any) -> list[float]:
    """Return the quantiles that a loss trains a model for, in the order of its outputs.

    Parameters
    ----------
    loss : neuralforecast loss

    Returns
    -------
    list of float
        A single one for ``QuantileLoss(q=0.9)``; empty for point losses, distributions and implicit
        quantiles.

    Examples
    --------
    >>> from neuralforecast.losses.pytorch import MAE, HuberQLoss, MQLoss
    >>> [trained_quantiles(loss) for loss in (MQLoss(level=[80]), HuberQLoss(q=0.9), MAE())]
    [[0.5, 0.1, 0.9], [0.9], []]
    """
    if hasattr(loss, "update_quantile"):
        return []
    if hasattr(loss, "quantiles"):
        return [round(float(q), 6) for q in loss.quantiles]  # 0.1 is kept as 0.10000000149
    return [round(float(loss.q), 6)] if hasattr(loss, "q") else []


def point_quantile(loss: Any) -> float:
    """Return the quantile that a model's point forecast represents, 0.5 for a mean as well.

    Examples
    --------
    >>> from neuralforecast.losses.pytorch import MAE, MQLoss
    >>> point_quantile(MQLoss(quantiles=[0.9, 0.95])), point_quantile(MAE())
    (0.9, 0.5)
    """
    known = trained_quantiles(loss) or [0.5]
    return min(max(0.5, min(known)), max(known))


def _make(name: str, table: Mapping[str, tuple[str, dict[str, Any]]]) -> Any:
    key = name.lower().replace("_", "").replace("-", "")
    if key not in table:
        meant = nearest(key, table)
        hint = f"did you mean {meant!r}?" if meant else "try 'mae'"
        raise InvalidInputError(
            f"loss must be one of {', '.join(table)}, got {shown(name)}; {hint}"
        )
    from neuralforecast.losses import pytorch

    class_name, arguments = table[key]
    return getattr(pytorch, class_name)(**arguments)
