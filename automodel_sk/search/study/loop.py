"""Run the remaining trials, wait for those of other processes, and notify of each that ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from optuna import Study
from optuna.trial import FrozenTrial

from automodel_sk.search.study.ownership import owner_of, requeue_orphans, running_trials
from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.study import AskTellStudy, count_begun, trials_left
from automodel_sk.search.study.trial_lifecycle import record_of
from automodel_sk.trials import TrialRecord

__all__ = ["TrialNotifier", "run_remaining"]

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


class TrialNotifier:
    """Forward events to the search callback and the time budget, each ended trial once.

    Parameters
    ----------
    study : optuna.Study
        The study, which other processes may work on too.
    request : SearchRequest
        The search; its budget learns from each trial.
    callback : SearchCallback
        The callback to notify.
    """

    def __init__(self, study: Study, request: SearchRequest, callback: SearchCallback) -> None:
        self._study, self._request, self._callback = study, request, callback
        self._numbers: set[int] = set()
        self._learnt: set[int] = set()

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Pass on one validation loss."""
        self._callback.on_report(number, step, loss)

    def on_trial_end(self, record: TrialRecord) -> None:
        """Pass on an ended trial, once."""
        if record.number not in self._numbers:
            self._numbers.add(record.number)
            self._request.budget.note(record)
            self._callback.on_trial_end(record)

    def learn(self) -> None:
        """Let the time budget learn from trials that ended in other processes."""
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state.is_finished() and trial.number not in self._numbers | self._learnt:
                self._learnt.add(trial.number)
                self._request.budget.note(record_of(trial, self._request))

    def catch_up(self) -> None:
        """Pass on ended trials not seen before: earlier ones and those of other processes."""
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state.is_finished() and trial.number not in self._numbers:
                self.on_trial_end(record_of(trial, self._request))


def run_remaining(
    study: AskTellStudy,
    request: SearchRequest,
    notifier: TrialNotifier,
    run_some: Callable[[], None],
) -> None:
    """Run the remaining trials, then wait until those of other processes have ended.

    Parameters
    ----------
    study : AskTellStudy
        The study, which other processes may work on too.
    request : SearchRequest
        The search.
    notifier : TrialNotifier
        Notified of trials that ended in other processes.
    run_some : callable
        Runs trials until none is left to start.

    Notes
    -----
    If a signal or an error ends it, trials that this thread has begun, or left without an owner,
    are queued again: a signal may arrive between two lines, when nothing holds a new trial yet.
    """
    try:
        _run_all(study, request, notifier, run_some)
    except BaseException:
        with suppress(Exception):  # what ended the search takes precedence
            requeue_orphans(study, request.location)
        raise


def _run_all(
    study: AskTellStudy,
    request: SearchRequest,
    notifier: TrialNotifier,
    run_some: Callable[[], None],
) -> None:
    waited = False
    while True:
        requeue_orphans(study, request.location)
        if trials_left(study, request) and not request.budget.search_is_over():
            begun = count_begun(study)
            run_some()
            # Workers know when a grid is exhausted and can only signal it by doing nothing.
            study.exhausted |= count_begun(study) == begun
        elif request.budget.search_is_over() or not (running := running_trials(study)):
            notifier.catch_up()  # the last may have ended since
            return
        else:
            if not waited:
                logger.warning("waiting for trials of other processes: %s", _listed(running))
            waited = True
            time.sleep(_POLL_SECONDS)
        notifier.catch_up()


def _listed(trials: Sequence[FrozenTrial]) -> str:
    owners = [(trial.number, owner_of(trial)) for trial in trials]
    return ", ".join(f"{number} on {owner}" if owner else str(number) for number, owner in owners)
