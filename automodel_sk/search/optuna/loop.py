"""Run a study's trials one after another in one process."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import Trial

from automodel_sk._utils.interrupts import raise_if_stopping
from automodel_sk.search.optuna.lagging_pruner import LaggingPruner
from automodel_sk.search.optuna.trial import run_trial
from automodel_sk.search.study.distinct import DistinctSampler
from automodel_sk.search.study.notifier import TrialNotifier
from automodel_sk.search.study.ownership import claim
from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.storage import claiming, open_storage, readable_errors
from automodel_sk.search.study.study import AskTellStudy, muted, trials_left
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector

__all__ = ["pruner_of", "sampler_of", "work", "work_on"]


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


def sampler_of(request: SearchRequest) -> BaseSampler:
    """Return the strategy's sampler, seeded by each trial's number."""
    if request.make_sampler is not None:
        return PerTrialSampler(request.make_sampler, request.random_seed)
    selector, strategy = SearchAlgorithmSelector(backend="optuna"), request.strategy
    n_configurations = request.space.n_combinations

    def make(seed: int) -> BaseSampler:
        sampler = selector.get_optuna_sampler(strategy, seed=seed)
        if n_configurations is None:
            return sampler
        distributions = request.space.optuna_distributions()
        n_startup = strategy.algorithm_kwargs.get("n_startup_trials")
        return DistinctSampler(sampler, distributions, n_configurations, seed, n_startup)

    if strategy.algorithm_name == "GridSampler":
        # A fixed seed keeps the order of the grid.
        return selector.get_optuna_sampler(strategy, seed=request.random_seed)
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
