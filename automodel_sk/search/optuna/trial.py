"""Run one Optuna trial until it is complete, pruned or failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial

from automodel_sk._utils.interrupts import raise_if_stopping
from automodel_sk.search.study.attributes import changes_of, note_changes
from automodel_sk.search.study.ownership import heartbeats, requeue
from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.storage import is_storage_failure
from automodel_sk.search.study.timeout import TrialTimeoutError, check_time, timeout_failure
from automodel_sk.search.study.trial_lifecycle import (
    copy_duplicate,
    end,
    fail,
    find_duplicate,
    record_of,
)
from automodel_sk.search.study.upstream import discard_reports, frozen
from automodel_sk.training.reasons import failure_of
from automodel_sk.training.train import Decision, Outcome, Report
from automodel_sk.trials import TrialRecord

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["run_trial"]

logger = logging.getLogger(__name__)


def run_trial(
    study: Study, trial: Trial, request: SearchRequest, dataset: Any, callback: SearchCallback
) -> TrialRecord | None:
    """Train a trial's configuration and record the result in the study.

    Parameters
    ----------
    study : optuna.Study
        The study that the trial belongs to.
    trial : optuna.trial.Trial
        A running trial.
    request : SearchRequest
        The search.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.
    callback : SearchCallback
        Called with each validation loss.

    Returns
    -------
    TrialRecord or None
        The ended trial; a failure is recorded, not raised. None if another process considered this
        one dead and took over the trial.

    Raises
    ------
    StorageError
        The study's storage failed; the trial must be run again.
    """
    started = time.monotonic()
    with heartbeats(trial), suppress(UpdateFinishedTrialError):
        try:
            config = request.space.suggest(trial)
            duplicate = find_duplicate(study, trial, request)
            if duplicate is None:
                end(study, trial, _train(trial, config, request, dataset, callback))
            else:
                copy_duplicate(study, trial, duplicate)
        except (KeyboardInterrupt, SystemExit):  # including the one of a user's own signal handler
            requeue(study, trial)
            raise
        except Exception as exc:
            if is_storage_failure(exc):
                with suppress(Exception):
                    requeue(study, trial)
                raise
            logger.debug("trial %d failed", trial.number, exc_info=True)
            late = isinstance(exc, TrialTimeoutError)
            failure = timeout_failure(request) if late else failure_of(exc)
            fail(study, trial, failure, time.monotonic() - started)
    ended = frozen(study, trial)
    return record_of(ended, request) if ended.state.is_finished() else None


def _train(
    trial: Trial,
    config: Mapping[str, Any],
    request: SearchRequest,
    dataset: Any,
    callback: SearchCallback,
) -> Outcome:
    """Train a trial's configuration with the changes of an earlier attempt."""
    started = time.monotonic()
    return request.trainer.train(
        config,
        dataset,
        report=lambda: _reporter(trial, config, request, callback, started),
        on_change=lambda changed: note_changes(trial, changed),
        changed=changes_of(trial, config),
        slot=request.trainer.slot(config),
    )


def _reporter(
    trial: Trial,
    config: Mapping[str, Any],
    request: SearchRequest,
    callback: SearchCallback,
    started: float,
) -> Report:
    """Return a callback that passes each loss to the pruner and the search callback."""
    discard_reports(trial)
    losses: list[float] = []
    config = {**config, **changes_of(trial, config)}
    interval = request.trainer.interval(config)
    budget = request.budget.of_trial(config)

    def report(number: int, loss: float) -> Decision:
        losses.append(loss)
        trial.report(loss, step=number)
        callback.on_report(trial.number, number, loss)
        raise_if_stopping()
        check_time(request, started)
        by_step = {(k + 1) * interval: value for k, value in enumerate(losses)}
        if budget.is_over(by_step):
            return Decision.OUT_OF_TIME
        return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE

    return report
