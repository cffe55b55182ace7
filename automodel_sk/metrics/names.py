"""The names of metrics: for programs, and as texts spell them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from automodel_sk.metrics.array_metrics import METRIC_NAMES, known_name

__all__ = ["SavedMetric", "computable", "display_name", "metric_name", "saved_metric"]

_SPELT = {"smape": "sMAPE", "rmae": "rMAE", "huber": "Huber", "bias": "bias"}
_ACRONYM = 5
"""Letters of the longest metric whose name is an acronym."""
_MODULES = re.compile(r"^(?:[\w<>]+\.)+(?=[\w<])")


@dataclass(frozen=True)
class SavedMetric:
    """A metric that was a function, of a model that was saved: its name is kept, not its code.

    Parameters
    ----------
    name : str
        As from `metric_name`.
    """

    name: str


def saved_metric(name: str | None) -> str | SavedMetric | None:
    """Return the metric of a saved model by its name.

    Examples
    --------
    >>> saved_metric("mase"), saved_metric("shop.worst_day")
    ('mase', SavedMetric(name='shop.worst_day'))
    """
    return name if name is None or name in METRIC_NAMES else SavedMetric(name)


def computable(metric: Any) -> Any:
    """Return a metric, or None if it is a function that was not saved.

    Examples
    --------
    >>> computable("mae"), computable(SavedMetric("shop.worst_day"))
    ('mae', None)
    """
    return None if isinstance(metric, SavedMetric) else metric


def metric_name(metric: Any) -> str:
    """Return the name of a metric; it is the same in every process.

    Parameters
    ----------
    metric : str, callable or None
        As in `OptimizationConfig`.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> metric_name(None), metric_name("MASE"), metric_name(partial(np.quantile, q=0.9))
    ('default', 'mase', 'numpy.quantile(q=0.9)')
    """
    if metric is None:
        return "default"
    if isinstance(metric, SavedMetric):
        return metric.name
    if isinstance(metric, str):
        return known_name(metric) or metric
    if isinstance(metric, partial):
        fixed = [*map(repr, metric.args), *(f"{k}={v!r}" for k, v in metric.keywords.items())]
        return f"{metric_name(metric.func)}({', '.join(fixed)})"
    named = metric if hasattr(metric, "__qualname__") else type(metric)
    return f"{named.__module__}.{named.__qualname__}"


def display_name(name: str) -> str:
    """Return a metric's name as texts, tables and plots spell it.

    Acronyms are in capitals; of a function of the user's, the module is left out.

    Parameters
    ----------
    name : str
        As from `metric_name`; "loss" for the training loss.

    Examples
    --------
    >>> display_name("mase"), display_name("smape"), display_name("scaled_crps")
    ('MASE', 'sMAPE', 'scaled_crps')
    >>> display_name("shop.metrics.worst_day"), display_name("numpy.quantile(q=0.9)")
    ('worst_day', 'quantile(q=0.9)')
    """
    if name in METRIC_NAMES:
        return _SPELT.get(name, name.upper() if len(name) <= _ACRONYM else name)
    return _MODULES.sub("", name)
