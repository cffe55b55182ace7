"""Run a Ray trial inside Ray's process: unpack the data and train one configuration."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.training.devices import trainer_options
from automodel_sk.training.reasons import failure_of
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Decision, Outcome, Report
from automodel_sk.training.trainer import Trainer

__all__ = ["LentDataset", "TrialFailedError", "train_on_ray"]


class TrialFailedError(Exception):
    """A trial could not be trained; holds the failure and the seconds it took."""


@dataclass(frozen=True)
class LentDataset:
    """A dataset whose arrays are stored once per machine in Ray's object store.

    Ray shares NumPy arrays without copying, but copies torch tensors.

    Parameters
    ----------
    shell : neuralforecast.tsdataset.TimeSeriesDataset
        The dataset without its tensors.
    arrays : mapping of str to array
        The tensors by attribute name.
    """

    shell: Any
    arrays: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def of(cls, dataset: Any) -> LentDataset:
        """Split a dataset into shell and arrays."""
        import torch

        tensors = {} if dataset is None else vars(dataset)  # no network takes part
        arrays = {k: v.numpy() for k, v in tensors.items() if torch.is_tensor(v)}
        shell = copy.copy(dataset)
        for name in arrays:
            setattr(shell, name, None)
        return cls(shell, arrays)

    def dataset(self) -> Any:
        """Reassemble the dataset on the same memory."""
        import torch

        dataset = copy.copy(self.shell)
        with muted_warnings():  # they are read-only and never written to
            for name, array in self.arrays.items():
                setattr(dataset, name, torch.from_numpy(array))
        return dataset


@dataclass
class _Attempts:
    """Information for the driver beside the losses."""

    started: float
    changed: dict[str, Any] = field(default_factory=dict)


def train_on_ray(job: Mapping[str, Any], trainer: Trainer, lent: LentDataset) -> None:
    """Train a trial's configuration; each validation loss goes to the driver, which may stop it.

    Parameters
    ----------
    job : mapping
        ``number``, ``config``, ``changed`` (changes made by an earlier attempt), ``slot`` (seconds
        that it should take) and ``limit`` (seconds after which it must end).
    trainer : Trainer
        Trains the configuration.
    lent : LentDataset
        The data.

    Raises
    ------
    TrialFailedError
        The trial could not be trained.
    """
    trainer = trainer.adapted(_on_this_machine)
    attempts = _Attempts(time.perf_counter(), dict(job["changed"]))
    try:
        outcome = trainer.train(
            job["config"],
            lent.dataset(),
            report=lambda: _reporter(trainer, job, attempts),
            on_change=attempts.changed.update,
            changed=attempts.changed,
            slot=job["slot"],
        )
        # A slot that is over ends a training with a validation before the next one is due.
        interval = trainer.interval({**job["config"], **attempts.changed})
        early = any(step % interval for step in outcome.losses)
        if outcome.notes or outcome.forecasts is not None or early:
            _pass_on(outcome, job, attempts)
    except Exception as exc:
        seconds = time.perf_counter() - attempts.started
        raise TrialFailedError(failure_of(exc), seconds) from None


def _pass_on(outcome: Outcome, job: Mapping[str, Any], attempts: _Attempts) -> None:
    """Send the driver what it does not learn from the losses."""
    from ray import tune

    found = {
        "notes": dict(outcome.notes),
        "forecasts": outcome.forecasts,
        "steps": list(outcome.losses),
    }
    seconds = time.perf_counter() - attempts.started
    tune.report(
        {"loss": outcome.score, "number": job["number"], "seconds": seconds, "outcome": found}
    )


def _on_this_machine(task: TrainingTask) -> TrainingTask:
    """Return a task with this machine's device and without a folder of another machine."""
    import ray

    device = trainer_options(None if ray.get_gpu_ids() else 0)
    options = {**task.trainer_options, **device}
    weights, forecasts = _if_here(task.weights), _if_here(task.forecasts)
    return replace(task, trainer_options=options, weights=weights, forecasts=forecasts)


def _if_here(folder: str | None) -> str | None:
    """Return a folder if this machine has it."""
    return folder if folder and Path(folder).is_dir() else None


def _reporter(trainer: Trainer, job: Mapping[str, Any], attempts: _Attempts) -> Report:
    from ray import tune

    interval = trainer.interval({**job["config"], **attempts.changed})

    def report(number: int, loss: float) -> Decision:
        # If the driver stops the trial, this raises SystemExit.
        tune.report(
            {
                "loss": loss,
                "number": job["number"],
                "report": number,
                "step": number * interval,
                "seconds": time.perf_counter() - attempts.started,
                "changed": dict(attempts.changed),
            }
        )
        over = job["limit"] is not None and time.perf_counter() - attempts.started > job["limit"]
        return Decision.OUT_OF_TIME if over else Decision.CONTINUE

    return report
