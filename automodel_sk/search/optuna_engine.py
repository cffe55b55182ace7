"""The search on Optuna: a study that outlives its process, one trial after another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import optuna
from filelock import FileLock
from optuna.samplers import BaseSampler
from optuna.trial import Trial

from automodel_sk.search.optuna_trial import run_trial
from automodel_sk.search.optuna_workers import run_in_workers, shareable
from automodel_sk.search.request import SearchListener, SearchRequest
from automodel_sk.search.seeding import PerTrialSampler
from automodel_sk.search.storage import open_storage
from automodel_sk.search.study import (
    AskTellStudy,
    ended_records,
    muted,
    open_study,
    trials_left,
)
from automodel_sk.search.trial_state import requeue_orphans
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.tracking import TrialRecord

__all__ = ["OptunaEngine"]


class OptunaEngine:
    """Runs trials in this process, or in worker processes side by side.

    The study's storage is the only state: whatever ends the process, the same
    request goes on from there.
    """

    def run(
        self, request: SearchRequest, dataset: Any, listener: SearchListener
    ) -> Sequence[TrialRecord]:
        """Run the trials that are left.

        Parameters
        ----------
        request : SearchRequest
            The search.
        dataset : neuralforecast.tsdataset.TimeSeriesDataset
            The data, the validation steps included.
        listener : SearchListener
            Told of each report and each ended trial.

        Returns
        -------
        list of TrialRecord
            All ended trials of the study by number, earlier calls' included.

        Raises
        ------
        StorageError
            The storage can't be used.
        StudyMismatchError
            A study of that name holds another search.
        """
        with muted(), shareable(request) as request:
            study = open_study(request, _sampler(request), _pruner(request))
            requeue_orphans(study)
            for record in ended_records(study, request):
                request.budget.note(record)
                listener.on_trial_end(record)
            if request.workers > 1 and trials_left(study, request):
                run_in_workers(study, request, dataset, listener)
            else:
                work_on(study, request, dataset, listener)
            return ended_records(study, request)


def work(request: SearchRequest, dataset: Any, listener: SearchListener) -> None:
    """Run trials of a study that the parent has opened, until none is left."""
    with muted():
        storage = open_storage(request.location)
        name = request.location.study_name
        study = AskTellStudy(name, storage, _sampler(request), _pruner(request))
        for record in ended_records(study, request):
            request.budget.note(record)
        work_on(study, request, dataset, listener)


def work_on(
    study: AskTellStudy, request: SearchRequest, dataset: Any, listener: SearchListener
) -> None:
    """Run one trial after another until none is left or time is up."""
    while (trial := _next_trial(study, request)) is not None:
        record = run_trial(study, trial, request, dataset, listener)
        request.budget.note(record)
        listener.on_trial_end(record)


def _next_trial(study: AskTellStudy, request: SearchRequest) -> Trial | None:
    """Claim a trial; one worker at a time, so that none is begun too many."""
    lock = nullcontext() if request.claims is None else FileLock(request.claims)
    with lock:
        if trials_left(study, request) and not request.budget.search_is_over():
            return study.ask()
    return None


def _sampler(request: SearchRequest) -> BaseSampler:
    selector = SearchAlgorithmSelector(backend="optuna")

    def make(seed: int) -> BaseSampler:
        return selector.get_optuna_sampler(request.strategy, seed=seed)

    if request.strategy.algorithm_name == "GridSampler":
        return make(request.random_seed)  # its seed orders the grid: it must stay
    return PerTrialSampler(make, request.random_seed)


def _pruner(request: SearchRequest) -> optuna.pruners.BasePruner:
    return SearchAlgorithmSelector(backend="optuna").get_optuna_pruner(request.strategy)
