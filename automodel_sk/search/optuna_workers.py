"""Optuna trials in worker processes: their events passed on, the dead ones replaced."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from automodel_sk.exceptions import SearchError
from automodel_sk.search.request import SearchListener, SearchRequest
from automodel_sk.search.storage import StudyLocation
from automodel_sk.search.trial_state import record_of, requeue_orphans, survive
from automodel_sk.search.worker_pool import shared_pool

__all__ = ["run_in_workers", "shareable"]

_MOST_DEATHS_FOR_NOTHING = 3


@contextmanager
def shareable(request: SearchRequest) -> Iterator[SearchRequest]:
    """Give workers a lock to claim trials by, and a study in memory a file for as long."""
    if request.workers <= 1:
        yield request
        return
    with tempfile.TemporaryDirectory(prefix="automodel_sk-study-") as folder:
        location = request.location
        if location.in_memory:
            location = StudyLocation(location.study_name, folder)
        yield replace(request, location=location, claims=str(Path(folder) / "claims.lock"))


def run_in_workers(
    study: optuna.Study, request: SearchRequest, dataset: Any, listener: SearchListener
) -> None:
    """Run the trials that are left, several at a time.

    Parameters
    ----------
    study : optuna.Study
        Opened, with orphans queued again.
    request : SearchRequest
        The search; `claims` names its lock.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data; workers share one copy.
    listener : SearchListener
        Told in this process of what happens in the workers.
    """
    pool = shared_pool()
    for_nothing = 0
    try:
        for event in pool.run((request, dataset), request.workers):
            if "report" in event:
                listener.on_report(*event["report"])
            elif "ended" in event:
                trial = study.get_trials(deepcopy=False)[event["ended"]]
                record = record_of(trial, request)
                request.budget.note(record)
                listener.on_trial_end(record)
            elif "died" in event and event["died"][1] != 0:
                for_nothing += not _settle_death(study, request, *event["died"])
                if for_nothing > _MOST_DEATHS_FOR_NOTHING:
                    raise SearchError(f"worker processes can't start: {pool.last_words()}")
                pool.add_worker()
    except BaseException:
        pool.close()
        requeue_orphans(study)
        raise


def _settle_death(study: optuna.Study, request: SearchRequest, pid: int, code: int) -> bool:
    """Settle what a dead worker left half done; False where it had no trial."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        owner = trial.user_attrs.get("owner")
        if owner is not None and json.loads(owner)[1] == pid:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            survive(study, request, trial, how)
            return True
    return False
