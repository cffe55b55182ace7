"""All that is left of a search, on every engine: the own part of it and the others'."""

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
    study: AskTellStudy, request: SearchRequest, told: TrialNotifier, run_some: Callable[[], None]
) -> None:
    """Run what is left, then see the trials ended that other processes run.

    Parameters
    ----------
    study : AskTellStudy
        The study, which other processes may work on too.
    request : SearchRequest
        The search.
    told : TrialNotifier
        TrialNotifier of trials that ended elsewhere.
    run_some : callable
        Runs trials until none is left to begin.
    """
    waited = False
    while True:
        requeue_orphans(study, request.location)
        if trials_left(study, request) and not request.budget.search_is_over():
            begun = count_begun(study)
            run_some()
            # Workers know that a grid is at its end, and can't say so but by doing nothing.
            study.exhausted |= count_begun(study) == begun
        elif request.budget.search_is_over() or not (running := running_trials(study)):
            told.catch_up()  # the last may have ended since
            return
        else:
            if not waited:
                logger.warning("waiting for trials of other processes: %s", _listed(running))
            waited = True
            time.sleep(_POLL_SECONDS)
        told.catch_up()


def _listed(trials: Sequence[FrozenTrial]) -> str:
    owners = [(trial.number, owner_of(trial)) for trial in trials]
    return ", ".join(f"{number} on {owner}" if owner else str(number) for number, owner in owners)
