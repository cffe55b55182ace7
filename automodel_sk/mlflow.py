"""Models of this package in MLflow: log them, and load them back as what they were.

MLflow's own `mlflow.pyfunc.load_model` loads the same models for serving, with `predict` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from automodel_sk.arguments.boundary import public
from automodel_sk.arguments.kinds import Names, Text

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["load_model", "log_model"]

_URI = Text("model_uri", "models:/sales-forecast/1", longest=4000)
_REQUIREMENTS = Names("pip_requirements", "automodel_sk==0.1.0", "requirements")


@public(pip_requirements=_REQUIREMENTS)
def log_model(
    model: Any,
    tracking_uri: str | None = None,
    experiment_name: str = "automodel_sk",
    *,
    run_id: str | None = None,
    register_as: str | None = None,
    pip_requirements: Sequence[str] | None = None,
) -> str:
    """Store a fitted model in MLflow, without pickle.

    Parameters
    ----------
    model : AutoModel, AutoEnsemble or AutoNeuralForecaster
        The model; of a fitted forecaster, its `auto_model_`.
    tracking_uri, experiment_name, run_id, register_as : optional
        As in `AutoModel.log_to_mlflow`.
    pip_requirements : sequence of str, optional
        What a server installs to load the model, such as the address of a wheel. If None, the
        installed versions of the packages that forecasts need.

    Returns
    -------
    str
        URI of the model, which `load_model` and `mlflow.pyfunc.load_model` take.

    Raises
    ------
    InvalidInputError
        The model is none of this package, or is not fitted.
    TrackingError
        The store rejects it.

    Examples
    --------
    >>> log_model("NHITS")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: model must be a fitted AutoModel, AutoEnsemble or ...
    """
    from automodel_sk.tracking.mlflow.model_log import log_model as log
    from automodel_sk.tracking.records import model_record

    record = model_record(_fitted(model))
    if pip_requirements:
        record = replace(record, requirements=tuple(pip_requirements))
    return log(record, tracking_uri, experiment_name, run_id=run_id, register_as=register_as)


@public(model_uri=_URI)
def load_model(model_uri: str, tracking_uri: str | None = None) -> AutoModel:
    """Load a model that a search, `log_model` or `AutoModel.log_to_mlflow` stored in MLflow.

    Parameters
    ----------
    model_uri : str
        ``"models:/MODEL_ID"``, ``"models:/NAME/VERSION"``, ``"models:/NAME@ALIAS"``,
        ``"runs:/RUN_ID/NAME"``, or a folder of MLflow.
    tracking_uri : str, optional
        URI of the store; that set in MLflow if None.

    Returns
    -------
    AutoModel
        The model, or an `AutoEnsemble`, with all its methods. Nothing in the store is executed.

    Raises
    ------
    TrackingError
        There is no such model, or the store does not answer.
    ModelFileError
        The model was not logged by this package, or is damaged.
    """
    from automodel_sk.auto_model import AutoModel
    from automodel_sk.tracking.mlflow.model_load import downloaded_model

    with downloaded_model(model_uri, tracking_uri) as folder:
        return AutoModel.load(folder)


def _fitted(model: Any) -> AutoModel:
    """Return a fitted model, of a forecaster too."""
    from automodel_sk.auto_model import AutoModel
    from automodel_sk.exceptions import InvalidInputError

    own = getattr(model, "auto_model_", model)
    if not isinstance(own, AutoModel):
        raise InvalidInputError(
            "model must be a fitted AutoModel, AutoEnsemble or AutoNeuralForecaster, got"
            f" {type(model).__name__}; pass what create_auto_model returned"
        )
    return own
