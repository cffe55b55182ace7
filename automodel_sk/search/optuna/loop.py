"""Run a study's trials one after another in one process, each to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import Trial

from automodel_sk._utils.interrupts import interrupts_remembered, raise_if_stopping
from automodel_sk.exceptions import TrackingError
from automodel_sk.search.optuna.lagging_pruner import LaggingPruner
from automodel_sk.search.study.attributes import PLANNED_REPORTS, changes_of, note_changes
from automodel_sk.search.study.distinct import DistinctSampler
from automodel_sk.search.study.loop import TrialNotifier
from automodel_sk.search.study.ownership import claim, heartbeats, requeue
from automodel_sk.search.study.request import (
    SearchCallback,
    SearchRequest,
    TrialTimeoutError,
    check_time,
    timeout_failure,
)
from automodel_sk.search.study.seeding import PerTrialSampler, reseeded
from automodel_sk.search.study.storage import (
    claiming,
    is_storage_failure,
    open_storage,
    readable_errors,
)
from automodel_sk.search.study.study import AskTellStudy, muted, trials_left
from automodel_sk.search.study.trial_lifecycle import (
    copy_duplicate,
    end,
    fail,
    find_duplicate,
    record_of,
)
from automodel_sk.search.study.upstream import discard_reports, frozen
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.training.reasons import failure_of
from automodel_sk.training.train import Decision, Outcome, Report
from automodel_sk.trials import TrialRecord

__all__ = ["pruner_of", "run_trial", "sampler_of", "work", "work_on"]

logger = logging.getLogger(__name__)

_IN_ORDER = ("QMCSampler", "BruteForceSampler")
"""Samplers that repeat no configuration by themselves."""


def work(request: SearchRequest, dataset: Any, callback: SearchCallback) -> None:
    """Run trials of a study that the parent has opened, until none is left."""
    with readable_errors(request.location), muted():
        storage = open_storage(request.location)
        name = request.location.study_name
        study = AskTellStudy(name, storage, sampler_of(request), pruner_of(request))
        work_on(study, request, dataset, TrialNotifier(study, request, callback))


def work_on(
    study: AskTellStudy, request: SearchRequest, dataset: Any, notifier: TrialNotifier
) -> None:
    """Run one trial after another until none is left or the time is up."""
    notifier.learn()
    with interrupts_remembered():
        while (trial := _next_trial(study, request)) is not None:
            record = run_trial(study, trial, request, dataset, notifier)
            if record is not None:
                notifier.on_trial_end(record)
            if request.budget.is_limited:
                notifier.learn()


def _next_trial(study: AskTellStudy, request: SearchRequest) -> Trial | None:
    """Claim a trial; one process at a time, so that no more trials start than requested."""
    raise_if_stopping()
    with claiming(request.location):
        if not trials_left(study, request) or request.budget.search_is_over():
            return None
        trial = study.ask()
        claim(trial)
        _draw(trial, request)
        return trial


def _draw(trial: Trial, request: SearchRequest) -> None:
    """Draw the parameters while no other process draws, so that no configuration is drawn twice.

    Infinite spaces hardly repeat one, and a function of a trial may take its time.
    """
    if request.make_sampler is not None or request.space.is_finite:
        with suppress(Exception):  # the trial draws again and reports it
            request.space.suggest(trial)


def run_trial(
    study: optuna.Study,
    trial: Trial,
    request: SearchRequest,
    dataset: Any,
    callback: SearchCallback,
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
    StorageError, TrackingError
        The study's storage or the tracker failed; the trial must be run again.
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
            if is_storage_failure(exc) or isinstance(exc, TrackingError):
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
    if request.several is not None:
        trial.set_user_attr(PLANNED_REPORTS, request.several.reports(config))
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


def sampler_of(request: SearchRequest) -> BaseSampler:
    """Return the strategy's sampler, seeded by each trial's number."""
    if request.make_sampler is not None:
        return PerTrialSampler(request.make_sampler, request.random_seed)
    selector, strategy = SearchAlgorithmSelector(backend="optuna"), request.strategy
    n_configurations = request.space.n_combinations
    is_grid = strategy.algorithm_name == "GridSampler"
    grid = request.space.optuna_grid() if is_grid else None

    def make(seed: int) -> BaseSampler:
        # Optuna's own grid knows the points of the trials alone that it drew itself, by number.
        sampler = (
            RandomSampler(seed) if is_grid else selector.get_optuna_sampler(strategy, seed=seed)
        )
        if n_configurations is None:
            return sampler
        distributions = request.space.optuna_distributions()
        n_startup = strategy.algorithm_kwargs.get("n_startup_trials")
        return DistinctSampler(sampler, distributions, n_configurations, seed, n_startup, grid)

    if strategy.algorithm_name in _IN_ORDER:
        # A fixed seed keeps the scrambling of the sequence.
        own = selector.get_optuna_sampler(strategy, seed=request.random_seed)
        return PerTrialSampler(partial(reseeded, own), request.random_seed)
    return PerTrialSampler(make, request.random_seed)


def pruner_of(request: SearchRequest) -> optuna.pruners.BasePruner:
    """Return the strategy's pruner; a median pruner sees trials that ended early too."""
    if request.make_pruner is not None:
        own: optuna.pruners.BasePruner = request.make_pruner()
        return own
    strategy = request.strategy
    pruner = SearchAlgorithmSelector(backend="optuna").get_optuna_pruner(strategy)
    if strategy.pruner_name != "MedianPruner":
        return pruner
    return LaggingPruner(pruner, **strategy.pruner_kwargs)
