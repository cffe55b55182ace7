"""What is told of a search while it runs: to MLflow, or to nobody."""

from __future__ import annotations

from automodel_sk._utils.secrets import mask_secrets
from automodel_sk.tracking.base import (
    DataRecord,
    ModelRecord,
    NullTracker,
    SearchRecord,
    Tracker,
    TrialRecord,
    make_tracker,
)
from automodel_sk.tracking.mlflow.text import plain
from automodel_sk.tracking.mlflow.tracker import MLflowTracker

__all__ = [
    "DataRecord",
    "MLflowTracker",
    "ModelRecord",
    "NullTracker",
    "SearchRecord",
    "Tracker",
    "TrialRecord",
    "make_tracker",
    "mask_secrets",
    "plain",
]
