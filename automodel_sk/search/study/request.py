"""What an engine is asked for, whom it tells, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.search_space import SearchSpace
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

__all__ = ["SearchBackend", "SearchCallback", "SearchRequest"]


@dataclass(frozen=True)
class SearchRequest:
    """One search over one model.

    Parameters
    ----------
    task : TrainingTask
        What is the same for all trials.
    space : SearchSpace
        What is tuned.
    strategy : SearchStrategy
        The algorithm and the pruner.
    num_samples : int
        Trials in all, those of an earlier, stopped call included.
    location : StudyLocation
        Where the study lives.
    identity : mapping of str to str
        What must be the same for a stopped search to go on: data, space, model.
    resume : {"auto", "never", "overwrite"}
        What happens when the study exists.
    budget : TimeBudget
        The time for search and refit.
    random_seed : int
        Seeds each trial's sampler, together with the trial's number.
    workers : int
        Trials that run at a time, each in a process of its own; with 1, in the
        calling process.
    cpus, gpus, trials_per_gpu : float, optional
        As in `OptimizationConfig`; Ray shares them out.
    ray_address : str, optional
        The Ray cluster to search on.
    trial_timeout_minutes : float, optional
        A trial that takes longer fails; where it hangs, its worker process is killed.
    warm_start : sequence of mappings
        Configurations to try before any other.
    patience : int, optional
        The search ends once so many trials in a row were no better than the best.
    job : mapping, optional
        What a process of another machine needs to join the search, as JSON holds it.
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


class SearchCallback(Protocol):
    """TrialNotifier how a search goes: a progress bar, a tracker."""

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Hear of one validation loss: the trial, its report's number, the loss."""

    def on_trial_end(self, record: TrialRecord) -> None:
        """Hear of a trial that ended."""


class SearchBackend(Protocol):
    """Runs the trials of a request until they are all done or time is up."""

    def run(
        self, request: SearchRequest, dataset: Any, listener: SearchCallback
    ) -> Sequence[TrialRecord]:
        """Return every ended trial of the study, earlier calls' included."""
