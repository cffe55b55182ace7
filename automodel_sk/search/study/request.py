"""The interface of a backend: its request with the limits, its callback and its results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.search_space import SearchSpace
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.trainer import SingleModel, Trainer
from automodel_sk.trials import Failure, TrialRecord

__all__ = [
    "SearchBackend",
    "SearchCallback",
    "SearchRequest",
    "TrialTimeoutError",
    "check_time",
    "timeout_failure",
]


@dataclass(frozen=True)
class SearchRequest:
    """One search over one model.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    space : SearchSpace
        The search space.
    strategy : SearchStrategy
        The algorithm and the pruner.
    num_samples : int
        Trials in all, including those of an earlier, stopped call.
    location : StudyLocation
        Where the study is stored.
    identity : mapping of str to str
        What must be unchanged for a stopped search to resume: data, space, model.
    key : str, optional
        Key of the study if this search creates it; a random one if None.
    resume : {"auto", "never", "overwrite"}
        What happens if the study exists.
    budget : TimeBudget
        The time for search and refit.
    random_seed : int
        Seeds each trial's sampler, together with the trial's number.
    workers : int
        Parallel trials, each in a process of its own; with 1, in the calling process.
    cpus, gpus, trials_per_gpu : float, optional
        As in `OptimizationConfig`; used by Ray.
    ray_address : str, optional
        The Ray cluster to search on.
    trial_timeout_minutes : float, optional
        A trial that takes longer fails; if it hangs, its worker process is killed.
    warm_start : sequence of mappings
        Configurations to try first.
    patience : int, optional
        Stop the search after this many consecutive trials without improvement.
    job : mapping, optional
        What a process on another machine needs to join the search, in JSON format.
    several : Trainer, optional
        Trains the trials if they are of several models; None if all are of the task's model.
    first : mapping, optional
        Values of the first trial after those of `warm_start`; the model's defaults if None.
    initial : sequence of mappings, optional
        Parameters of the first trials, as the study stores them. If None, `warm_start` and the
        model's defaults.
    make_sampler, make_pruner : callable, optional
        Return what draws and prunes the trials instead of the strategy's algorithm.
    is_over : callable, optional
        Returns whether to draw no further trials for a study; those that wait still run.
    metric : str
        Name of the metric that the trials' values are of, for readers of the study.
    """

    task: TrainingTask
    space: SearchSpace
    strategy: SearchStrategy
    num_samples: int
    location: StudyLocation
    identity: Mapping[str, str] = field(default_factory=dict)
    resume: str = "auto"
    budget: TimeBudget = field(default_factory=TimeBudget)
    random_seed: int = 42
    workers: int = 1
    cpus: float | None = None
    gpus: float | None = None
    trials_per_gpu: int | None = None
    ray_address: str | None = None
    trial_timeout_minutes: float | None = None
    warm_start: Sequence[Mapping[str, Any]] = ()
    patience: int | None = None
    job: Mapping[str, Any] | None = None
    several: Trainer | None = None
    initial: Sequence[Mapping[str, Any]] | None = None
    first: Mapping[str, Any] | None = None
    make_sampler: Callable[[int], Any] | None = None
    make_pruner: Callable[[], Any] | None = None
    is_over: Callable[[Any], bool] | None = None
    metric: str = "loss"
    key: str | None = None

    @property
    def trainer(self) -> Trainer:
        """What trains the trials."""
        return self.several or SingleModel(self.task)


class SearchCallback(Protocol):
    """Receives the events of a search, such as a progress bar or a tracker."""

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Handle one validation loss: the trial, the number of its report, the loss."""

    def on_trial_end(self, record: TrialRecord) -> None:
        """Handle the end of a trial."""


class SearchBackend(Protocol):
    """Runs the trials of a request until all are done or the time is up."""

    def run(
        self, request: SearchRequest, dataset: Any, callback: SearchCallback
    ) -> Sequence[TrialRecord]:
        """Return every ended trial of the study, including those of earlier calls."""


class TrialTimeoutError(Exception):
    """A trial exceeded its time limit."""


def timeout_failure(request: SearchRequest) -> Failure:
    """Return the failure of a trial that exceeded its time limit."""
    limit = request.trial_timeout_minutes
    return Failure("timeout", f"took longer than trial_timeout_minutes={limit:g}")


def check_time(request: SearchRequest, started: float) -> None:
    """Raise if a trial exceeds its time limit.

    Parameters
    ----------
    request : SearchRequest
        The search.
    started : float
        When the trial started, by `time.monotonic`.

    Raises
    ------
    TrialTimeoutError
        The limit is exceeded.
    """
    limit = request.trial_timeout_minutes
    if limit is not None and time.monotonic() - started > 60 * limit:
        raise TrialTimeoutError(timeout_failure(request).reason)
