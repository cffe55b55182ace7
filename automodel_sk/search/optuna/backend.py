"""Search with Optuna: a study that outlives its process, with trials run one after another."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from automodel_sk.search.optuna.loop import pruner_of, sampler_of, work_on
from automodel_sk.search.optuna.parallel import in_workers, run_in_workers, shareable
from automodel_sk.search.optuna.workers.pool import NoProcessError
from automodel_sk.search.study.loop import TrialNotifier, run_remaining
from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.search_spec import write_search_spec
from automodel_sk.search.study.storage import readable_errors
from automodel_sk.search.study.study import (
    AskTellStudy,
    ended_records,
    muted,
    open_study,
)
from automodel_sk.trials import TrialRecord

__all__ = ["OptunaBackend"]

logger = logging.getLogger(__name__)


class OptunaBackend:
    """Run trials in this process, or in parallel worker processes.

    The study's storage holds the entire state: if the process ends, the same request resumes from
    it.
    """

    def run(
        self, request: SearchRequest, dataset: Any, callback: SearchCallback
    ) -> Sequence[TrialRecord]:
        """Run the remaining trials.

        Parameters
        ----------
        request : SearchRequest
            The search.
        dataset : neuralforecast.tsdataset.TimeSeriesDataset
            The data, including the validation steps.
        callback : SearchCallback
            Called with each report and each ended trial.

        Returns
        -------
        list of TrialRecord
            All ended trials of the study by number, including those of earlier calls.

        Raises
        ------
        StorageError
            The storage cannot be used.
        StudyMismatchError
            A study with that name holds another search.
        """
        with readable_errors(request.location), muted(), shareable(request) as request:
            study = open_study(request, sampler_of(request), pruner_of(request))
            if request.job is not None:
                write_search_spec(study, request)
            notifier = TrialNotifier(study, request, callback)
            notifier.catch_up()
            run_remaining(
                study, request, notifier, lambda: _run_some(study, request, dataset, notifier)
            )
            return ended_records(study, request)


def _run_some(
    study: AskTellStudy, request: SearchRequest, dataset: Any, notifier: TrialNotifier
) -> None:
    if in_workers(request):
        try:
            run_in_workers(study, request, dataset, notifier)
            return
        except NoProcessError as exc:
            logger.warning(
                "no worker process can be started (%s): trials run in this process, one after"
                " another; free memory or processes to run them in parallel",
                exc,
            )
    work_on(study, request, dataset, notifier)
