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
    "Pace",
    "fitted_steps",
    "fitted_to_slot",
    "measured_pace",
    "no_more_steps",
]

STEPS = ("max_steps", "val_check_steps")
"""The arguments that are fitted to a slot."""

LEAST_STEPS = 30
"""A training of fewer steps tells nothing about its configuration."""

_TIMED_STEPS = 6
_SLOT_SHARE = 0.9
_MEASURING_SHARE = 0.1
_VALIDATION_SHARE = 0.2
_FEWEST_VALIDATIONS = 5


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
        Empty without a slot, or if all steps fit.
    """
    if task.slot_seconds is None or effective_config(task, config)["max_steps"] <= LEAST_STEPS:
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
        Time for training and validation. At least `LEAST_STEPS` are made, whatever their time.
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
    >>> fitted_steps(task, {"max_steps": 1000}, 0.1, Pace(step=0.05, validation=0.1))
    {'max_steps': 30, 'val_check_steps': 6}
    """
    whole = effective_config(task, config)
    most, interval = whole["max_steps"], whole["val_check_steps"]
    if pace.seconds(most, interval) <= seconds or most <= LEAST_STEPS:
        return {}
    if config.get("val_check_steps") is not None:
        steps = _whole(seconds / max(pace.step + pace.validation / interval, 1e-9), most)
        steps = max(LEAST_STEPS, steps)
        return {"max_steps": steps, "val_check_steps": min(interval, steps)}
    affordable = _whole(_VALIDATION_SHARE * seconds / max(pace.validation, 1e-9), REPORTS_PER_TRIAL)
    validations = max(_FEWEST_VALIDATIONS, affordable)
    steps = _whole((seconds - validations * pace.validation) / max(pace.step, 1e-9), most)
    steps = max(LEAST_STEPS, steps)
    return {"max_steps": steps, "val_check_steps": math.ceil(steps / validations)}


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
        The measurement ends after this time, but not before the second step.

    Returns
    -------
    Pace
    """
    brief = {"max_steps": _TIMED_STEPS, "val_check_steps": _TIMED_STEPS}
    times = _Times(clock, clock() + most_seconds)
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
    ends_at: float
    steps: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    def is_over(self) -> bool:
        return len(self.steps) >= 2 and self.clock() >= self.ends_at

    def pace(self) -> Pace:
        """Return the median step, without the first one, and the validation."""
        each = [after - before for before, after in zip(self.steps, self.steps[1:], strict=False)]
        step = median(each) if each else 0.0
        whole = len(self.validation) == 2
        # A validation runs the forward pass only: a third of a step's work.
        return Pace(step, self.validation[1] - self.validation[0] if whole else step / 3)


def _stopwatch(times: _Times) -> Any:
    """Return a Lightning callback that notes when steps and validations end."""
    from pytorch_lightning.callbacks import Callback

    class Stopwatch(Callback):  # type: ignore[misc]  # upstream is untyped
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            times.steps.append(times.clock())
            trainer.should_stop = trainer.should_stop or times.is_over()

        def on_validation_start(self, *_: Any) -> None:
            times.validation[:] = [times.clock()]

        def on_validation_end(self, *_: Any) -> None:
            times.validation.append(times.clock())

    return Stopwatch()
