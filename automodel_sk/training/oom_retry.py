"""One candidate's training on any engine: where memory runs out, again with smaller batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from automodel_sk.training.memory import is_out_of_memory, smaller_batches
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Outcome, Report, train_config

__all__ = ["train_within_memory"]

logger = logging.getLogger(__name__)

OnSmaller = Callable[[Mapping[str, Any]], None]
"""TrialNotifier of all that was changed, each time that memory ran out."""


def train_within_memory(
    task: TrainingTask,
    config: Mapping[str, Any],
    dataset: Any,
    report: Callable[[], Report],
    on_smaller: OnSmaller,
    changed: Mapping[str, Any] | None = None,
) -> Outcome:
    """Train; where memory runs out, again with half the batch.

    Parameters
    ----------
    task : TrainingTask
        What is the same for all candidates.
    config : mapping
        The candidate's configuration.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.
    report : callable
        Makes what hears of each validation loss, anew for each attempt.
    on_smaller : callable
        TrialNotifier of all that was changed, each time that memory ran out.
    changed : mapping, optional
        What an earlier attempt has changed.

    Returns
    -------
    Outcome
    """
    changed = dict(changed or {})
    while True:
        try:
            return train_config(task, {**config, **changed}, dataset, report())
        except Exception as exc:
            smaller = smaller_batches({**config, **changed}) if is_out_of_memory(exc) else None
            if smaller is None:
                raise
            changed |= smaller
            on_smaller(changed)
            logger.warning("a trial ran out of memory; again with %s", changed)
