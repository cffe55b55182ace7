"""Callbacks for Ray Tune: for a new trial, at each report, when a trial ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError
from ray.tune import Callback, Stopper
from ray.tune.search import Searcher

from automodel_sk.search.ray.trainable import TrialFailedError
from automodel_sk.search.ray.trials import RayTrials

__all__ = ["Failures", "TrialEvents", "TrialSource", "TrialStopper"]

_DIED = "its worker process has died"


class Failures:
    """Keep errors of this package's callbacks, which Ray would treat as a trial's failure."""

    def __init__(self) -> None:
        self.first: BaseException | None = None

    def kept(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function and keep the exception that it raises."""
        try:
            return call(*args, **kwargs)
        except BaseException as exc:
            self.first = self.first or exc
            raise


class _Unsaved:
    """Excluded from Ray's own saved state, since the study holds everything needed."""

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return type(None), ()

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class TrialSource(_Unsaved, Searcher):  # type: ignore[misc]  # upstream is untyped
    """Supply Ray with the study's trials."""

    def __init__(self, trials: RayTrials, failures: Failures) -> None:
        super().__init__(metric="loss", mode="min")
        self._trials, self._failures = trials, failures

    def suggest(self, trial_id: str) -> Any:
        """Return the job of the next trial."""
        job = None if self._failures.first else self._failures.kept(self._trials.next_job)
        over = self._trials.is_over or self._failures.first is not None
        return Searcher.FINISHED if job is None and over else job

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Do nothing: the callback handles it."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Do nothing."""

    def save(self, checkpoint_path: str) -> None:
        """Do nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing."""


class TrialStopper(_Unsaved, Stopper):  # type: ignore[misc]
    """Stop trials whose time is up, and the whole search after an error in a callback."""

    def __init__(self, trials: RayTrials, failures: Failures) -> None:
        self._trials, self._failures = trials, failures

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """Return whether a trial must stop at this report."""
        ended = result.get("done") or "outcome" in result
        return not ended and self._trials.must_stop(result)

    def stop_all(self) -> bool:
        """Return whether the search must stop."""
        return self._failures.first is not None


class TrialEvents(_Unsaved, Callback):  # type: ignore[misc]
    """Record events of trials in the study as they occur."""

    def __init__(self, trials: RayTrials, failures: Failures) -> None:
        self._trials, self._kept = trials, failures.kept

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Record that a process has started a trial."""
        self._kept(self._trials.start, trial.config["number"])

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: Mapping[str, Any], **info: Any
    ) -> None:
        """Record a validation loss."""
        self._kept(self._trials.report, result)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Record the end of a trial, whether complete or stopped."""
        self._kept(self._trials.end, trial.config["number"])

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Record that a trial failed or that its process died."""
        self._kept(self._fail, trial.config["number"], _error_of(trial))

    def on_step_begin(self, iteration: int, trials: Any, **info: Any) -> None:
        """Kill the processes of hanging trials."""
        late = {number for number in self._trials.running if self._trials.is_late(number)}
        for trial in trials if late else ():
            actor = trial.temporary_state.ray_actor
            if trial.config["number"] in late and actor is not None:
                ray.kill(actor)

    def _fail(self, number: int, error: BaseException | None) -> None:
        if number not in self._trials.running:
            return  # a callback of this package failed
        if isinstance(error, RayTaskError) and isinstance(error.cause, TrialFailedError):
            self._trials.fail(number, *error.cause.args)
        else:
            self._trials.die(number, _death_of_process(error))


def _error_of(trial: Any) -> BaseException | None:
    """Return the error that ended a trial, which Ray writes to a file next to the trial."""
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return None
    error: BaseException = cloudpickle.loads(Path(path).read_bytes())
    return error


def _death_of_process(error: BaseException | None) -> str | None:
    """Return how a process died, or None if its machine was lost."""
    if isinstance(error, OutOfMemoryError):
        return "its machine ran low on memory"
    if _DIED in str(error) or not isinstance(error, RayActorError):
        return "killed, or crashed"
    return None
