"""The search on Optuna: a study that outlives its process, one trial after another."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import Trial

from automodel_sk.search.optuna.parallel import in_workers, run_in_workers, shareable
from automodel_sk.search.optuna.trial import run_trial
from automodel_sk.search.optuna.workers.pool import NoProcessError
from automodel_sk.search.study.loop import go_through
from automodel_sk.search.study.notifier import Told
from automodel_sk.search.study.ownership import claim
from automodel_sk.search.study.request import SearchListener, SearchRequest
from automodel_sk.search.study.search_spec import write_job
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.storage import claiming, open_storage, readable_errors
from automodel_sk.search.study.study import (
    AskTellStudy,
    ended_records,
    muted,
    open_study,
    trials_left,
)
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.tracking import TrialRecord

__all__ = ["OptunaEngine"]

logger = logging.getLogger(__name__)


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
        with readable_errors(request.location), muted(), shareable(request) as request:
            study = open_study(request, _sampler(request), _pruner(request))
            if request.job is not None:
                write_job(study, request)
            told = Told(study, request, listener)
            told.catch_up()
            go_through(study, request, told, lambda: _run_some(study, request, dataset, told))
            return ended_records(study, request)


def _run_some(study: AskTellStudy, request: SearchRequest, dataset: Any, told: Told) -> None:
    if in_workers(request):
        try:
            run_in_workers(study, request, dataset, told)
            return
        except NoProcessError as exc:
            logger.warning(
                "no worker process can be started (%s): trials run in this process, one after"
                " another; free memory or processes for more at a time",
                exc,
            )
    work_on(study, request, dataset, told)


def work(request: SearchRequest, dataset: Any, listener: SearchListener) -> None:
    """Run trials of a study that the parent has opened, until none is left."""
    with readable_errors(request.location), muted():
        storage = open_storage(request.location)
        name = request.location.study_name
        study = AskTellStudy(name, storage, _sampler(request), _pruner(request))
        for record in ended_records(study, request):
            request.budget.note(record)
        work_on(study, request, dataset, Told(study, request, listener))


def work_on(study: AskTellStudy, request: SearchRequest, dataset: Any, told: Told) -> None:
    """Run one trial after another until none is left or time is up."""
    while (trial := _next_trial(study, request)) is not None:
        record = run_trial(study, trial, request, dataset, told)
        if record is not None:
            told.on_trial_end(record)


def _next_trial(study: AskTellStudy, request: SearchRequest) -> Trial | None:
    """Claim a trial; one process at a time, so that none is begun too many."""
    with claiming(request.location):
        if not trials_left(study, request) or request.budget.search_is_over():
            return None
        trial = study.ask()
        claim(trial)
        return trial


def _sampler(request: SearchRequest) -> BaseSampler:
    selector = SearchAlgorithmSelector(backend="optuna")

    def make(seed: int) -> BaseSampler:
        return selector.get_optuna_sampler(request.strategy, seed=seed)

    if request.strategy.algorithm_name == "GridSampler":
        return make(request.random_seed)  # its seed orders the grid: it must stay
    return PerTrialSampler(make, request.random_seed)


def _pruner(request: SearchRequest) -> optuna.pruners.BasePruner:
    return SearchAlgorithmSelector(backend="optuna").get_optuna_pruner(request.strategy)
