"""How a search trains one trial: with one model or the trial's own, within slot and memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from automodel_sk.training.build import constructor_default, effective_config
from automodel_sk.training.memory import BATCHES, is_out_of_memory, smaller_batches
from automodel_sk.training.pace import fitted_to_slot
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Outcome, Report, train_config

__all__ = [
    "OnChange",
    "SingleModel",
    "Trainer",
    "planned_reports",
    "smaller_than_trained",
    "train_within_memory",
]

logger = logging.getLogger(__name__)

OnChange = Callable[[Mapping[str, Any]], None]
"""Receives all changes to the configuration, each time they change."""


class Trainer(Protocol):
    """Trains the configurations of a search's trials."""

    def train(
        self,
        config: Mapping[str, Any],
        dataset: Any,
        report: Callable[[], Report],
        on_change: OnChange,
        changed: Mapping[str, Any],
        slot: float | None = None,
    ) -> Outcome:
        """Train a configuration, in about `slot` seconds.

        The other arguments are those of `train_within_memory`.
        """

    def slot(self, config: Mapping[str, Any]) -> float | None:
        """Return the seconds that a trial may take if it starts now; None without a limit."""

    def interval(self, config: Mapping[str, Any]) -> int:
        """Return the training steps between two reports of a configuration."""

    def reports(self, config: Mapping[str, Any]) -> int:
        """Return how many reports a configuration makes unless it ends early."""

    def smaller(self, config: Mapping[str, Any]) -> dict[str, int] | None:
        """Return smaller batches for a configuration that lacked memory; None if impossible."""

    def keep(self, config: Mapping[str, Any], outcome: Outcome) -> Outcome:
        """Store what a result brought from another machine; return what the study keeps of it."""

    def adapted(self, change: Callable[[TrainingTask], TrainingTask]) -> Trainer:
        """Return this trainer with changed tasks, as another machine needs them."""


@dataclass(frozen=True)
class SingleModel:
    """Train every trial with the same model.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    """

    task: TrainingTask

    def train(
        self,
        config: Mapping[str, Any],
        dataset: Any,
        report: Callable[[], Report],
        on_change: OnChange,
        changed: Mapping[str, Any],
        slot: float | None = None,
    ) -> Outcome:
        """Train a configuration."""
        return train_within_memory(self.task, config, dataset, report, on_change, changed)

    def slot(self, config: Mapping[str, Any]) -> float | None:
        """Return None: the time budget stops a trial, not a slot of its own."""

    def interval(self, config: Mapping[str, Any]) -> int:
        """Return the training steps between two reports of a configuration."""
        return int(effective_config(self.task, config)["val_check_steps"])

    def reports(self, config: Mapping[str, Any]) -> int:
        """Return how many reports a configuration makes unless it ends early."""
        return planned_reports(self.task, config)

    def smaller(self, config: Mapping[str, Any]) -> dict[str, int] | None:
        """Return smaller batches for a configuration that lacked memory."""
        return smaller_than_trained(self.task, config)

    def keep(self, config: Mapping[str, Any], outcome: Outcome) -> Outcome:
        """Return the result: forecasts and weights are made again where they are needed."""
        return outcome

    def adapted(self, change: Callable[[TrainingTask], TrainingTask]) -> SingleModel:
        """Return this trainer with a changed task."""
        return SingleModel(change(self.task))


def planned_reports(task: TrainingTask, config: Mapping[str, Any]) -> int:
    """Return how many validations a configuration makes unless it ends early.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    config : mapping
        The configuration.

    Examples
    --------
    >>> planned_reports(TrainingTask("NHITS", h=12, val_size=12), {"max_steps": 500})
    100
    """
    trained = effective_config(task, config)
    return max(1, int(trained["max_steps"]) // int(trained["val_check_steps"]))


def smaller_than_trained(task: TrainingTask, config: Mapping[str, Any]) -> dict[str, int] | None:
    """Return smaller batches than a configuration is trained with; None if there are none.

    What the configuration leaves open is the model's own default, and no batch holds more windows
    than there are.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    config : mapping
        The configuration that ran out of memory.

    Examples
    --------
    >>> smaller_than_trained(TrainingTask("TSMixer", h=12, val_size=12), {"max_steps": 500})
    {'windows_batch_size': 16}
    """
    trained = effective_config(task, config)
    model_name = trained["model"] if task.model_name == "HINT" else task.model_name
    defaults = {name: constructor_default(model_name, name) for name in BATCHES}
    return smaller_batches({**defaults, **trained})


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
            if not is_out_of_memory(exc):
                raise
            smaller = smaller_than_trained(task, {**config, **changed})
            if smaller is None:
                raise
            changed |= smaller
            on_change(changed)
            logger.warning("a trial ran out of memory; retrying with %s", changed)
