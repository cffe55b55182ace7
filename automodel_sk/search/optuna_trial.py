"""One Optuna trial from its parameters to its end: complete, pruned or failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.trial import Trial

from automodel_sk.search.candidate import train_within_memory
from automodel_sk.search.request import SearchListener, SearchRequest
from automodel_sk.search.training import Outcome, Report, Verdict
from automodel_sk.search.trial_state import (
    claim,
    copy_twin,
    end,
    fail,
    find_twin,
    frozen,
    record_of,
    requeue,
)
from automodel_sk.tracking import TrialRecord

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["run_trial"]

logger = logging.getLogger(__name__)


def run_trial(
    study: Study, trial: Trial, request: SearchRequest, dataset: Any, listener: SearchListener
) -> TrialRecord:
    """Train a trial's candidate and tell the study how it ended.

    Parameters
    ----------
    study : optuna.Study
        The study that asked.
    trial : optuna.trial.Trial
        A running trial.
    request : SearchRequest
        The search.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.
    listener : SearchListener
        Told of each validation loss.

    Returns
    -------
    TrialRecord
        The ended trial; a failure is recorded, not raised.
    """
    claim(trial)
    started = time.perf_counter()
    try:
        config = request.space.suggest(trial)
        twin = find_twin(study, trial, request)
        if twin is None:
            end(study, trial, _train(trial, config, request, dataset, listener))
        else:
            copy_twin(study, trial, twin)
    except KeyboardInterrupt:
        requeue(study, trial)
        raise
    except Exception as exc:
        logger.debug("trial %d failed", trial.number, exc_info=True)
        fail(study, trial, f"{type(exc).__name__}: {exc}", time.perf_counter() - started)
    return record_of(frozen(study, trial), request)


def _train(
    trial: Trial,
    config: Mapping[str, Any],
    request: SearchRequest,
    dataset: Any,
    listener: SearchListener,
) -> Outcome:
    """Train a trial's configuration, with what an earlier attempt has changed."""
    return train_within_memory(
        request.task,
        config,
        dataset,
        report=lambda: _reporter(trial, request, listener),
        on_smaller=lambda changed: trial.set_user_attr("retried_with", dict(changed)),
        changed=trial.user_attrs.get("retried_with"),
    )


def _reporter(trial: Trial, request: SearchRequest, listener: SearchListener) -> Report:
    """Return what passes each loss on to the pruner and the listener."""
    started = time.monotonic()

    def report(number: int, loss: float) -> Verdict:
        trial.report(loss, step=number)
        listener.on_report(trial.number, number, loss)
        if request.budget.search_is_over(time.monotonic() - started):
            return Verdict.OUT_OF_TIME
        return Verdict.PRUNE if trial.should_prune() else Verdict.GO_ON

    return report
