"""Run the remaining trials, then wait for those of other processes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial

from automodel_sk.search.study.notifier import TrialNotifier
from automodel_sk.search.study.ownership import owner_of, requeue_orphans, running_trials
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.study import AskTellStudy, count_begun, trials_left

__all__ = ["run_remaining"]

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


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
    """
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
