"""Run Optuna trials in worker processes: forward their events, replace workers that die."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import optuna

from automodel_sk.exceptions import SearchError, StorageError
from automodel_sk.search.optuna.workers.pool import WorkerPool, shared_pool, workers_are_possible
from automodel_sk.search.optuna.workers.stuck import StuckError, StuckWorkers
from automodel_sk.search.study.loop import TrialNotifier
from automodel_sk.search.study.ownership import local_pid, requeue_orphans, running_trials
from automodel_sk.search.study.request import SearchRequest, timeout_failure
from automodel_sk.search.study.storage import on_disk
from automodel_sk.search.study.trial_lifecycle import (
    force_fail,
    record_of,
    retry_after_crash,
    run_again,
)

__all__ = ["in_workers", "run_in_workers", "shareable"]

logger = logging.getLogger(__name__)

_MOST_DEATHS_FOR_NOTHING = 3
_ASKED_TO_END = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals that a trial never causes itself: somebody stopped its worker."""
_LOOK_SECONDS = 1.0
_SECONDS_TO_SAY_SO = 1.0
"""Grace period in which a trial that still reports can stop itself when its time is up."""


def in_workers(request: SearchRequest) -> bool:
    """Return whether trials run in worker processes, so that a hanging trial can be killed."""
    hanging = request.trial_timeout_minutes is not None and workers_are_possible()
    return request.workers > 1 or hanging


@contextmanager
def shareable(request: SearchRequest) -> Iterator[SearchRequest]:
    """Move an in-memory study to a file while workers share it."""
    if not in_workers(request):
        yield request
        return
    with on_disk(request.location) as location:
        yield replace(request, location=location)


def run_in_workers(
    study: optuna.Study, request: SearchRequest, dataset: Any, notifier: TrialNotifier
) -> None:
    """Run the remaining trials in parallel.

    Parameters
    ----------
    study : optuna.Study
        The study, opened, with orphaned trials queued again.
    request : SearchRequest
        The search.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data; workers share one copy.
    notifier : TrialNotifier
        Notified in this process of events in the workers and in other processes.
    """
    try:
        _run(shared_pool(), study, request, dataset, notifier)
    except StuckError as exc:
        logger.warning(
            "worker processes forked from this one hang (%s), probably on a lock held by another"
            " of its threads; the search continues in new processes",
            exc,
        )
        _run(shared_pool(), study, request, dataset, notifier)


def _run(
    pool: WorkerPool,
    study: optuna.Study,
    request: SearchRequest,
    dataset: Any,
    notifier: TrialNotifier,
) -> None:
    supervisor = _Supervisor(study, request, notifier, pool)
    try:
        for event in pool.run((request, dataset), request.workers):
            supervisor.handle(event)
    except BaseException:
        pool.close()
        with suppress(Exception):  # the error that ended the search takes precedence
            requeue_orphans(study, request.location)
        raise


class _Supervisor:
    """Handle the workers' events, and workers that have been silent for too long."""

    def __init__(
        self, study: optuna.Study, request: SearchRequest, notifier: TrialNotifier, pool: WorkerPool
    ) -> None:
        self._study, self._request, self._notifier, self._pool = study, request, notifier, pool
        self._deaths_for_nothing = 0
        self._looked = time.monotonic()
        self._since: dict[tuple[int, int], float] = {}
        self._overdue: set[int] = set()
        self._stuck = StuckWorkers() if pool.is_fork else None

    def handle(self, event: dict[str, Any]) -> None:
        """Handle one event, or the absence of one."""
        if "report" in event:
            self._notifier.on_report(*event["report"])
        elif "ended" in event:
            self._deaths_for_nothing = 0
            trial = self._study.get_trials(deepcopy=False)[event["ended"]]
            self._notifier.on_trial_end(record_of(trial, self._request))
        elif "storage" in event:
            raise StorageError(event["storage"])
        elif "died" in event and event["died"][1] != 0:
            self._replace(*event["died"])
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._check_workers()

    def _replace(self, pid: int, code: int) -> None:
        """Clean up after a dead worker and start another."""
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        owned = [t for t in running_trials(self._study) if local_pid(t) == pid]
        for trial in owned:
            if pid in self._overdue:
                seconds = time.monotonic() - self._since[trial.number, pid]
                force_fail(self._study, trial, timeout_failure(self._request), seconds)
            elif -code in _ASKED_TO_END and run_again(self._study, trial):
                logger.warning("trial %d: its worker was stopped (%s)", trial.number, how)
            else:
                retry_after_crash(self._study, self._request, trial, how)
        self._deaths_for_nothing += not owned
        if self._deaths_for_nothing > _MOST_DEATHS_FOR_NOTHING:
            raise SearchError(f"worker processes can't start: {self._pool.last_words()}")
        self._pool.add_worker()

    def _check_workers(self) -> None:
        """Kill workers whose trials take too long, and pick up trials of other processes."""
        self._looked = time.monotonic()
        self._notifier.catch_up()
        if self._stuck is not None:
            self._stuck.look(self._pool.workers())
        limit = self._request.trial_timeout_minutes
        if limit is None:
            return
        running = {(t.number, local_pid(t) or 0) for t in running_trials(self._study)}
        self._since = {key: self._since.get(key, self._looked) for key in running}
        for (_, pid), since in self._since.items():
            late = self._looked - since > 60 * limit + _SECONDS_TO_SAY_SO
            if late and self._pool.kill_worker(pid):
                self._overdue.add(pid)
