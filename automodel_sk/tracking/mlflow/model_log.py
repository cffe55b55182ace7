"""Log a fitted model to MLflow outside of a search."""

from __future__ import annotations

import time

from automodel_sk._utils.secrets import shown_address
from automodel_sk.exceptions import TrackingError
from automodel_sk.tracking.base import ModelRecord
from automodel_sk.tracking.mlflow.guard import MODEL_SECONDS, guarded, reason_of
from automodel_sk.tracking.mlflow.model import check_registered_name, register_model, write_model
from automodel_sk.tracking.mlflow.store import Point, Store, source_tags, usable_run
from automodel_sk.tracking.mlflow.target import Target, check_installed, find_target
from automodel_sk.tracking.mlflow.text import flat_params

__all__ = ["log_model"]


def log_model(
    model: ModelRecord,
    tracking_uri: str | None = None,
    experiment_name: str = "automodel_sk",
    *,
    run_id: str | None = None,
    register_as: str | None = None,
) -> str:
    """Store a fitted model in MLflow; see `AutoModel.log_to_mlflow`.

    Parameters
    ----------
    model : ModelRecord
        The model.
    tracking_uri, experiment_name, register_as : str, optional
        As in `MLflowTracker`.
    run_id : str, optional
        The run to attach the model to; if None, the active run or else a new one.

    Returns
    -------
    str
        URI of the model, for ``mlflow.pyfunc.load_model``.

    Raises
    ------
    TrackingError
        If the store rejects it.
    InvalidInputError
        If the registry does not accept the name `register_as`.
    """
    check_registered_name(register_as)
    check_installed()
    target = find_target(tracking_uri, experiment_name)
    try:
        with guarded(MODEL_SECONDS):
            return _log(model, target, run_id or target.parent_run_id, register_as)
    except TrackingError as error:
        problem = str(error)
    except Exception as error:
        problem = (
            f"{reason_of(error, target.uri)}; check the server, or pass another tracking_uri such"
            " as 'sqlite:///mlflow.db'"
        )
    # Raised outside the handler, so that no cause containing a password is shown.
    raise TrackingError(f"MLflow at {shown_address(target.uri)} did not store the model: {problem}")


def _log(model: ModelRecord, target: Target, run_id: str | None, register_as: str | None) -> str:
    store = Store.open(target)
    if run_id is not None:
        store = Store(store.client, usable_run(store.client, run_id, "run_id").info.experiment_id)
        model_id = write_model(store, run_id, model)
    else:
        run_id, model_id = _log_in_a_new_run(store, model)
    if register_as is not None:
        register_model(store, run_id, model_id, register_as)
    return f"models:/{model_id}"


def _log_in_a_new_run(store: Store, model: ModelRecord) -> tuple[str, str]:
    """Store a model in a new run; return the ids of both."""
    now = round(1000 * time.time())
    run_id = store.create_run(model.name, source_tags(), now)
    status = "FAILED"
    try:
        model_id = write_model(store, run_id, model)
        points = [Point(name, float(value), now, 0) for name, value in model.metrics.items()]
        store.write(run_id, flat_params(model.params), points, model_id)
        status = "FINISHED"
    finally:
        store.end(run_id, status, round(1000 * time.time()))
    return run_id, model_id
