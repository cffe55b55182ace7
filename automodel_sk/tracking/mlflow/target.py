"""Choose the store for a search: the one that the user has configured, or a local file."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from automodel_sk.exceptions import MissingDependencyError
from automodel_sk.tracking.mlflow.guard import absolute_uri

__all__ = [
    "DEFAULT_DATABASE",
    "DEFAULT_EXPERIMENT",
    "Target",
    "check_installed",
    "default_uri",
    "find_target",
]

DEFAULT_DATABASE = "mlflow.db"
DEFAULT_EXPERIMENT = "automodel_sk"
_VARIABLES = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_EXPERIMENT_ID",
)
"""The environment variables by which MLflow is told where to write."""


@dataclass(frozen=True)
class Target:
    """The target of tracking: a store, an experiment, and optionally a parent run.

    `experiment_id` takes precedence if it is known. If only the parent run is known, its experiment
    is used.
    """

    uri: str
    experiment_name: str
    experiment_id: str | None = None
    parent_run_id: str | None = None


def check_installed() -> None:
    """Raise if MLflow is not installed; its import, of seconds, is left to whoever needs it."""
    if "mlflow" not in sys.modules and find_spec("mlflow") is None:
        raise MissingDependencyError(
            "use_mlflow=True needs the package mlflow; install it with `pip install mlflow`, "
            "or pass use_mlflow=False"
        )


def default_uri() -> str:
    """Return the URI of the local file as an absolute path."""
    return f"sqlite:///{Path(DEFAULT_DATABASE).absolute()}"


def find_target(tracking_uri: str | None, experiment_name: str) -> Target:
    """Return the store to write to, with the user's active run in it, if any, as parent.

    MLflow's environment variables and `mlflow.set_experiment` apply in MLflow's own store:
    ``MLFLOW_RUN_ID`` as the active run, and the experiment if none is named here.
    """
    if "mlflow" not in sys.modules and not any(name in os.environ for name in _VARIABLES):
        # Nobody has set anything, and the import would take seconds.
        uri = default_uri() if tracking_uri is None else absolute_uri(tracking_uri)
        return Target(uri, experiment_name)

    import mlflow

    active = mlflow.active_run()
    if tracking_uri is not None:
        uri = absolute_uri(tracking_uri)
    elif active is not None or mlflow.is_tracking_uri_set():
        uri = absolute_uri(mlflow.get_tracking_uri())
    else:
        uri = default_uri()
    if absolute_uri(mlflow.get_tracking_uri()) != uri:
        return Target(uri, experiment_name)
    if active is None:
        return _of_environment(Target(uri, experiment_name))
    return Target(uri, experiment_name, active.info.experiment_id, active.info.run_id)


def _of_environment(target: Target) -> Target:
    """Return the run and the experiment that the environment sets for MLflow."""
    run_id = os.environ.get("MLFLOW_RUN_ID")
    if run_id:
        return replace(target, parent_run_id=run_id)
    if target.experiment_name != DEFAULT_EXPERIMENT:
        return target
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if name:
        return replace(target, experiment_name=name)
    # mlflow.set_experiment exports its experiment for processes that start later.
    return replace(target, experiment_id=os.environ.get("MLFLOW_EXPERIMENT_ID") or None)
