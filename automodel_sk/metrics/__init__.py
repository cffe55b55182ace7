"""Metrics that a search can minimise instead of the validation loss."""

from automodel_sk.metrics.array_metrics import METRIC_NAMES
from automodel_sk.metrics.forecast import Forecast
from automodel_sk.metrics.metric import Metric, resolve_metric
from automodel_sk.metrics.names import (
    SavedMetric,
    computable,
    display_name,
    metric_name,
    saved_metric,
)

__all__ = [
    "METRIC_NAMES",
    "Forecast",
    "Metric",
    "SavedMetric",
    "computable",
    "display_name",
    "metric_name",
    "resolve_metric",
    "saved_metric",
]
