"""Report a search to MLflow while it runs, or to no tracker."""

from __future__ import annotations

from automodel_sk._utils.secrets import mask_secrets
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.tracking.base import (
    DataRecord,
    ModelRecord,
    NullTracker,
    SearchRecord,
    Tracker,
)
from automodel_sk.tracking.mlflow.tracker import MLflowTracker

__all__ = [
    "DataRecord",
    "MLflowTracker",
    "ModelRecord",
    "NullTracker",
    "SearchRecord",
    "Tracker",
    "make_tracker",
    "mask_secrets",
]


def make_tracker(
    use_mlflow: bool,
    tracking_uri: str | None = None,
    experiment_name: str = "automodel_sk",
    register_as: str | None = None,
) -> Tracker:
    """Return the tracker that the options ask for.

    Parameters
    ----------
    use_mlflow : bool
        Whether to track the search in MLflow.
    tracking_uri : str, optional
        As in `MLflowTracker`.
    experiment_name : str
        As in `MLflowTracker`.
    register_as : str, optional
        As in `MLflowTracker`.

    Returns
    -------
    Tracker
        An `MLflowTracker` or a `NullTracker`.

    Raises
    ------
    InvalidInputError
        If `register_as` is given without MLflow.

    Examples
    --------
    >>> type(make_tracker(use_mlflow=False)).__name__
    'NullTracker'
    >>> make_tracker(use_mlflow=True, tracking_uri="http://me:secret@mlflow:5000")
    MLflowTracker(tracking_uri='http://***@mlflow:5000', experiment_name='automodel_sk')
    """
    if use_mlflow:
        return MLflowTracker(tracking_uri, experiment_name, register_as)
    if register_as is not None:
        raise InvalidInputError(
            f"mlflow_register_as={register_as!r} needs MLflow; pass use_mlflow=True,"
            " or leave mlflow_register_as out"
        )
    return NullTracker()
