"""Fit a trial's training steps to a time slot, by the measured speed of its configuration."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from automodel_sk.training.build import build_model, effective_config, trained_module
from automodel_sk.training.objective import validation_callbacks
from automodel_sk.training.task import REPORTS_PER_TRIAL, TrainingTask
from automodel_sk.training.train import training

__all__ = [
    "LEAST_STEPS",
    "STEPS",
    "TIMED_STEPS",
    "Pace",
    "fitted_steps",
    "fitted_to_slot",
    "measured_pace",
    "no_more_steps",
]

STEPS = ("max_steps", "val_check_steps")
"""The arguments that are fitted to a slot."""

TIMED_STEPS = 6
"""Steps of a measurement; a configuration of no more steps is not measured."""

LEAST_STEPS = 30
"""A training of fewer steps tells little about its configuration; fewer are made if these take more
than a small share of the slot."""

_SLOT_SHARE = 0.9
_SPARE_SHARE = 0.1
_MEASURING_SHARE = 0.1
_VALIDATION_SHARE = 0.2
_FEWEST_VALIDATIONS = 5
_FAR_TOO_LONG = 10
_MOST_VALIDATION_SHARE = 0.5
"""Fewer validations than the fewest are made where they would take more of the time than this."""


@dataclass(frozen=True)
class Pace:
    """How fast a configuration trains on this machine.

    Parameters
    ----------
    step : float
        Seconds per training step.
    validation : float
        Seconds per validation.
    """

    step: float
    validation: float = 0.0

    def seconds(self, steps: int, interval: int) -> float:
        """Return the duration of a training with a validation every `interval` steps."""
        return steps * self.step + steps // interval * self.validation


def fitted_to_slot(
    task: TrainingTask,
    config: Mapping[str, Any],
    dataset: Any,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, int]:
    """Return the changes to a configuration with which it fits into its task's slot.

    Parameters
    ----------
    task : TrainingTask
        Its `slot_seconds` includes the time of this measurement.
    config : mapping
        The trial's configuration.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.
    clock : callable
        Returns the time in seconds.

    Returns
    -------
    dict
        Empty without a slot, or if all steps fit. If a step takes longer than the slot, one is
        made, so that the trial says how bad that is.
    """
    if task.slot_seconds is None or effective_config(task, config)["max_steps"] <= TIMED_STEPS:
        return {}
    started = clock()
    pace = measured_pace(task, config, dataset, _MEASURING_SHARE * task.slot_seconds, clock)
    seconds = _SLOT_SHARE * task.slot_seconds - (clock() - started)
    return fitted_steps(task, config, seconds, pace)


def fitted_steps(
    task: TrainingTask, config: Mapping[str, Any], seconds: float, pace: Pace
) -> dict[str, int]:
    """Return `max_steps` and `val_check_steps` of a training that takes at most some time.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    config : mapping
        The trial's configuration; its own `val_check_steps` is kept.
    seconds : float
        Time for training and validation. At least one step is made, whatever its time, and
        `LEAST_STEPS` if these take at most a tenth of the task's slot.
    pace : Pace
        Speed of the configuration.

    Returns
    -------
    dict
        Empty if all steps of the configuration fit.

    Examples
    --------
    >>> task = TrainingTask("NHITS", h=12, val_size=12)
    >>> fitted_steps(task, {"max_steps": 1000}, 60.0, Pace(step=0.05, validation=0.1))
    {}
    >>> fitted_steps(task, {"max_steps": 1000}, 30.0, Pace(step=0.05, validation=0.1))
    {'max_steps': 480, 'val_check_steps': 8}
    >>> fitted_steps(task, {"max_steps": 1000}, 0.3, Pace(step=0.05, validation=0.1))
    {'max_steps': 4, 'val_check_steps': 4}
    """
    whole = effective_config(task, config)
    most, interval = whole["max_steps"], whole["val_check_steps"]
    if pace.seconds(most, interval) <= seconds:
        return {}
    least = _least_steps(task, pace, most)
    if config.get("val_check_steps") is not None:
        steps = _whole(seconds / max(pace.step + pace.validation / interval, 1e-9), most)
        if steps < interval:  # one validation, at the end
            steps = max(least, min(interval - 1, _steps_beside(1, seconds, pace, most)))
        return {"max_steps": steps, "val_check_steps": min(interval, steps)}
    validations = _validations(seconds, pace)
    steps = max(least, _steps_beside(validations, seconds, pace, most))
    return {"max_steps": steps, "val_check_steps": math.ceil(steps / validations)}


def _least_steps(task: TrainingTask, pace: Pace, most: int) -> int:
    """Return the steps that are made even where measuring has used up the slot."""
    spare = _SPARE_SHARE * (task.slot_seconds or 0.0)
    return max(1, min(LEAST_STEPS, most, _whole(spare / max(pace.step, 1e-9), most)))


def _validations(seconds: float, pace: Pace) -> int:
    """Return how many validations some time is enough for, beside the steps."""
    each = max(pace.validation, 1e-9)
    wanted = _whole(_VALIDATION_SHARE * seconds / each, REPORTS_PER_TRIAL)
    possible = _whole(_MOST_VALIDATION_SHARE * seconds / each, REPORTS_PER_TRIAL)
    return max(1, wanted, min(_FEWEST_VALIDATIONS, possible))


def _steps_beside(validations: int, seconds: float, pace: Pace, most: int) -> int:
    """Return the steps that fit into some time beside a number of validations."""
    return _whole((seconds - validations * pace.validation) / max(pace.step, 1e-9), most)


def _whole(value: float, most: int) -> int:
    return max(0, math.floor(min(value + 1e-9, most)))


def no_more_steps(changed: Mapping[Any, Any], config: Mapping[str, Any]) -> dict[str, int]:
    """Return only those changes that reduce a configuration's steps, ignoring all others.

    Parameters
    ----------
    changed : mapping
        Changes as returned by `fitted_steps`, or from an untrusted source.
    config : mapping
        The configuration to change.

    Examples
    --------
    >>> no_more_steps({"max_steps": 200, "val_check_steps": 5, "logger": True}, {"max_steps": 500})
    {'max_steps': 200, 'val_check_steps': 5}
    >>> no_more_steps({"max_steps": 10**9, "val_check_steps": 5}, {"max_steps": 500})
    {}
    """
    from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS

    steps, interval = (changed.get(name) for name in STEPS)
    most = int(config.get("max_steps") or DEFAULT_MAX_STEPS)
    if type(steps) is not int or type(interval) is not int or not 1 <= interval <= steps <= most:
        return {}
    return {"max_steps": steps, "val_check_steps": interval}


def measured_pace(
    task: TrainingTask,
    config: Mapping[str, Any],
    dataset: Any,
    most_seconds: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """Train a configuration for a few steps with one validation, and time them.

    Parameters
    ----------
    task, config, dataset, clock
        As in `fitted_to_slot`.
    most_seconds : float
        The measurement ends after this time, but not before the second step; after the first one,
        which is the slowest, if that alone took ten times as long.

    Returns
    -------
    Pace
    """
    brief = {"max_steps": TIMED_STEPS, "val_check_steps": TIMED_STEPS}
    times = _Times(clock, most_seconds)
    with training():
        model = build_model(task, {**config, **brief, "early_stop_patience_steps": -1})
        callbacks = trained_module(model).trainer_kwargs.setdefault("callbacks", [])
        callbacks += [*validation_callbacks(model, task), _stopwatch(times)]
        model.fit(dataset, val_size=task.val_size)
    return times.pace()


@dataclass
class _Times:
    """When the steps and the validation of a training ended."""

    clock: Callable[[], float]
    most: float
    began: float = math.nan
    steps: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    def is_over(self) -> bool:
        """Return whether the time is up, after the second step or a first one of far too long."""
        most = self.most if len(self.steps) > 1 else _FAR_TOO_LONG * self.most
        return self.steps[-1] - self.began >= most

    def pace(self) -> Pace:
        """Return the median step, without the first one if there are others, and the validation."""
        each = [after - before for before, after in zip(self.steps, self.steps[1:], strict=False)]
        step = median(each) if each else self.steps[0] - self.began
        whole = len(self.validation) == 2
        # A validation runs the forward pass only: a third of a step's work.
        return Pace(step, self.validation[1] - self.validation[0] if whole else step / 3)


def _stopwatch(times: _Times) -> Any:
    """Return a Lightning callback that notes when steps and validations end."""
    from pytorch_lightning.callbacks import Callback

    class Stopwatch(Callback):  # type: ignore[misc]  # upstream is untyped
        def on_train_batch_start(self, *_: Any) -> None:
            if not times.steps:
                times.began = times.clock()

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            times.steps.append(times.clock())
            trainer.should_stop = trainer.should_stop or times.is_over()

        def on_validation_start(self, *_: Any) -> None:
            times.validation[:] = [times.clock()]

        def on_validation_end(self, *_: Any) -> None:
            times.validation.append(times.clock())

    return Stopwatch()
