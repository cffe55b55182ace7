"""Train one configuration within its time slot and the memory, with fewer steps or windows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from automodel_sk.training.memory import is_out_of_memory, smaller_batches
from automodel_sk.training.pace import fitted_to_slot
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Outcome, Report, train_config

__all__ = ["train_within_memory"]

logger = logging.getLogger(__name__)

OnChange = Callable[[Mapping[str, Any]], None]
"""Receives all changes to the configuration, each time they change."""


def train_within_memory(
    task: TrainingTask,
    config: Mapping[str, Any],
    dataset: Any,
    report: Callable[[], Report],
    on_change: OnChange,
    changed: Mapping[str, Any] | None = None,
) -> Outcome:
    """Train a configuration, halving the batch each time memory runs out.

    If the task has a time slot, the configuration is first reduced to the steps that fit into it.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    config : mapping
        The trial's configuration.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.
    report : callable
        Returns a new callback for the validation losses of each attempt.
    on_change : callable
        Called with all changes to the configuration, before the training that they apply to.
    changed : mapping, optional
        Changes made by an earlier attempt.

    Returns
    -------
    Outcome
    """
    changed = dict(changed or {})
    while True:
        try:
            fitted = fitted_to_slot(task, {**config, **changed}, dataset)
            if fitted:
                changed |= fitted
                on_change(changed)
            return train_config(task, {**config, **changed}, dataset, report())
        except Exception as exc:
            smaller = smaller_batches({**config, **changed}) if is_out_of_memory(exc) else None
            if smaller is None:
                raise
            changed |= smaller
            on_change(changed)
            logger.warning("a trial ran out of memory; retrying with %s", changed)
