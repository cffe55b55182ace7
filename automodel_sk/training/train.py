"""Train one configuration: build the model, train it, report each validation loss."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from automodel_sk.metrics import Forecast
from automodel_sk.training.build import build_model, effective_config, trained_module
from automodel_sk.training.devices import tensor_cores
from automodel_sk.training.objective import forecast_windows, validation_callbacks
from automodel_sk.training.patches.fused_optimizers import fused_optimizers
from automodel_sk.training.patches.isolation import (
    isolated_random_state,
    keyboard_interrupts,
    no_autologging,
    no_plugins,
    no_prints,
    no_signal_handlers,
    quiet,
)
from automodel_sk.training.patches.lazy_windows import cut_when_drawn
from automodel_sk.training.patches.torch_modes import plain_torch, threads
from automodel_sk.training.reasons import TrialDivergedError
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.trial_files import BestWeights
from automodel_sk.training.turns import training_turn
from automodel_sk.training.window_forecasts import BestForecasts

__all__ = [
    "RAN_TO_ITS_END",
    "Decision",
    "Outcome",
    "Report",
    "TrialDivergedError",
    "most_series_at_once",
    "since_best",
    "train_config",
    "training",
]


_SHORTEST_PATIENCE = 10
_MOST_NUMBERS_AT_ONCE = 2**24
_FAR_BEYOND_THE_SLOT = 1.25
"""A training that takes this many times its slot is validated once more and stopped."""


class Decision(Enum):
    """What happens to a training after one of its reports."""

    CONTINUE = "continue"
    PLATEAU = "no better for long"
    SLOT_OVER = "its time slot is over"
    PRUNE = "prune"
    OUT_OF_TIME = "out of time"


Report = Callable[[int, float], Decision]
"""Called after each validation with its number, from 1, and its loss."""


RAN_TO_ITS_END = (Decision.CONTINUE, Decision.PLATEAU, Decision.SLOT_OVER)
"""Decisions after which a trial counts as complete."""


class _Stop(Exception):  # noqa: N818 - control flow, never an error
    """Raised to stop a training early with a decision."""

    def __init__(self, verdict: Decision) -> None:
        super().__init__(verdict.value)
        self.verdict = verdict


@dataclass(frozen=True)
class Outcome:
    """The result of training one configuration.

    Parameters
    ----------
    score : float
        The best validation loss.
    best_step : int
        Training steps at the best loss.
    losses : dict
        Validation loss by training step.
    verdict : Decision
        Whether the training ran to its end.
    seconds : float
        Seconds of training and validation.
    notes : mapping
        What else is worth knowing, such as the series that a member could not forecast; plain
        numbers and texts.
    forecasts : str, optional
        Its forecasts of the validation windows as text, if they must travel with the result.
    """

    score: float
    best_step: int
    losses: dict[int, float] = field(default_factory=dict)
    verdict: Decision = Decision.CONTINUE
    seconds: float = 0.0
    notes: Mapping[str, Any] = field(default_factory=dict)
    forecasts: str | None = field(default=None, repr=False)


@contextmanager
def training(n_threads: int = 1) -> Iterator[None]:
    """Isolate training: restore logging, RNG state, thread count and SIGINT afterwards.

    Only one thread of a process trains at a time, since most of the state is global. Trials train
    on one torch thread each: several trials on one thread each finish sooner than one after another
    on several threads.
    """
    with (
        training_turn(),
        quiet(),
        isolated_random_state(),
        plain_torch(),
        threads(n_threads),
        no_prints(),
        no_autologging(),
        no_plugins(),
        no_signal_handlers(),
        fused_optimizers(),
        cut_when_drawn(),
        tensor_cores(),
        keyboard_interrupts(),
    ):
        yield


def train_config(
    task: TrainingTask, config: Mapping[str, Any], dataset: Any, report: Report
) -> Outcome:
    """Train one configuration and return its best validation loss.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    config : mapping
        The trial's configuration.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data, including the validation steps, which are held out.
    report : callable
        Called with each validation loss; its decision may stop the training.

    Returns
    -------
    Outcome
        Also if a decision stopped the training.

    Raises
    ------
    TrialDivergedError
        A validation loss was NaN or infinite.
    """
    losses: dict[int, float] = {}
    kept = _Kept(task, config, dataset)
    started = time.perf_counter()
    verdict = Decision.CONTINUE
    with training():
        model = build_model(task, config)
        _validate_many_at_once(trained_module(model), task, config, dataset)
        patience = _patience(task, config)
        callbacks = trained_module(model).trainer_kwargs.setdefault("callbacks", [])
        callbacks += [
            *validation_callbacks(model, task, kept.forecasts.take),
            _reporter(losses, kept, patience, report, _SlotEnd(task.slot_seconds, started)),
        ]
        try:
            model.fit(dataset, val_size=task.val_size)
        except _Stop as stop:
            verdict = stop.verdict
        except SystemExit:  # Ray stops a trial this way
            kept.write(model, complete=False)
            raise
        if not losses:
            raise TrialDivergedError(
                "no validation loss was reported; set val_check_steps <= max_steps"
            )
        kept.write(model, complete=verdict in RAN_TO_ITS_END)
    best_step = min(losses, key=lambda step: losses[step])
    return Outcome(losses[best_step], best_step, losses, verdict, time.perf_counter() - started)


class _Kept:
    """What a training leaves behind: the weights and forecasts of its best validation."""

    def __init__(self, task: TrainingTask, config: Mapping[str, Any], dataset: Any) -> None:
        self._task, self._config, self._dataset = task, config, dataset
        self.forecasts = BestForecasts(task)
        hold = self.forecasts.needs_a_pass
        self._weights = BestWeights(task.weights, task.keep, hold=hold)

    def note(self, module: Any, loss: float) -> None:
        """Take the validation that has just ended, if it is the best so far."""
        self._weights.note(module, loss)
        self.forecasts.note(loss)

    def write(self, model: Any, *, complete: bool) -> None:
        """Write the best validation's weights and forecasts to the task's folders."""
        self._weights.write(self._config, complete=complete)
        self.forecasts.write(self._config, lambda: self._forecast(model), complete=complete)

    def _forecast(self, model: Any) -> Forecast:
        trained_module(model).load_state_dict(self._weights.state)
        return forecast_windows(model, self._task, self._dataset)


@dataclass(frozen=True)
class _SlotEnd:
    """When a training that takes far longer than its slot is stopped."""

    slot_seconds: float | None
    started: float

    def is_over(self) -> bool:
        if self.slot_seconds is None:
            return False
        return time.perf_counter() - self.started > _FAR_BEYOND_THE_SLOT * self.slot_seconds


def _validate_many_at_once(
    module: Any, task: TrainingTask, config: Mapping[str, Any], dataset: Any
) -> None:
    """Raise the number of series per validation batch above neuralforecast's default of 32.

    A validation uses as many windows as a training step, which needs more memory than forecasting
    them, and at most 64 MB of rows.
    """
    if module.drop_last_loader:  # the series of an incomplete batch would not be validated
        module.valid_batch_size = dataset.n_groups
        return
    windows = module.windows_batch_size
    if module.MULTIVARIATE or windows is None or config.get("valid_batch_size") is not None:
        return
    series = min(most_series_at_once(dataset), windows // task.n_windows)
    module.valid_batch_size = max(module.valid_batch_size, series)


def most_series_at_once(dataset: Any) -> int:
    """Return how many series of a neuralforecast dataset fit into a batch of 64 MB of rows."""
    return int(_MOST_NUMBERS_AT_ONCE // (dataset.max_size * len(dataset.temporal_cols)))


def _patience(task: TrainingTask, config: Mapping[str, Any]) -> float:
    """Return the validations without improvement after which a training stops."""
    arguments = effective_config(task, config)
    stops_itself = (arguments.get("early_stop_patience_steps") or -1) > 0
    if task.plateau is None or stops_itself:
        return math.inf
    validations = int(arguments["max_steps"]) // int(arguments["val_check_steps"])
    return max(_SHORTEST_PATIENCE, math.ceil(task.plateau * validations))


def _reporter(
    losses: dict[int, float], kept: _Kept, patience: float, report: Report, slot: _SlotEnd
) -> Any:
    """Return a Lightning callback that records each validation loss and asks for a decision."""
    from pytorch_lightning.callbacks import Callback

    def decided(module: Any, loss: float) -> Decision:
        kept.note(module, loss)
        verdict = report(len(losses), loss)
        if verdict is not Decision.CONTINUE:
            return verdict
        if slot.is_over():
            return Decision.SLOT_OVER
        stale = since_best(list(losses.values())) >= patience
        return Decision.PLATEAU if stale else Decision.CONTINUE

    class ReportLosses(Callback):  # type: ignore[misc]  # upstream is untyped
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            # Lightning validates before it stops, also in the middle of an interval.
            trainer.should_stop = trainer.should_stop or slot.is_over()

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            step, loss = pl_module.valid_trajectories[-1]
            if not math.isfinite(loss):
                raise TrialDivergedError(f"the validation loss was {loss} after {step} steps")
            losses[int(step)] = float(loss)
            verdict = decided(pl_module, float(loss))
            if verdict is not Decision.CONTINUE:
                raise _Stop(verdict)

    return ReportLosses()


def since_best(losses: Sequence[float]) -> int:
    """Return the number of validations since the best one.

    Examples
    --------
    >>> since_best([3.0, 1.0, 2.0, 1.0])
    2
    """
    return len(losses) - 1 - losses.index(min(losses))
