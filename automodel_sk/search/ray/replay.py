"""Restore a searcher after a stop by replaying the study's trials to it."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState

from automodel_sk.search.ray.searcher import IdleProposer, Proposer
from automodel_sk.search.study.attributes import count_of
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.seeding import seed_of_trial

__all__ = ["PROPOSED", "RESULTS_SEEN", "pass_result", "replayed"]

RESULTS_SEEN = "results_seen"
"""Trial attribute: the number of ended trials that its searcher had received."""

PROPOSED = "proposed"
"""Trial attribute: set if the searcher proposed the trial; others are initial trials."""


def replayed(study: optuna.Study, request: SearchRequest) -> Proposer:
    """Return a searcher after replaying the study's proposals and results in their order.

    Parameters
    ----------
    study : optuna.Study
        The study.
    request : SearchRequest
        Its strategy names the searcher.

    Returns
    -------
    Proposer
    """
    trials = study.get_trials(deepcopy=False)
    own = [trial for trial in trials if PROPOSED in trial.user_attrs]
    proposer = _replayed(trials, own, request)
    if proposer.differs and proposer.takes_initial_trials:
        # Of other settings, such as more trials: it learns from all as from initial trials.
        proposer = _replayed(trials, [], request)
    return proposer


def _replayed(
    trials: list[FrozenTrial], own: list[FrozenTrial], request: SearchRequest
) -> Proposer:
    """Return a searcher that proposed some of the trials, and was given the others."""
    proposed = {trial.number for trial in own}
    initial_trials = [_whole(trial, request) for trial in trials if trial.number not in proposed]
    proposer = Proposer(request.strategy, request.space, initial_trials)
    ended = iter(_in_order_of_end(trials))
    for trial in trials:
        if RESULTS_SEEN in trial.user_attrs or trial.state is not TrialState.WAITING:
            while proposer.results_seen < count_of(trial, RESULTS_SEEN) and (
                seen := next(ended, None)
            ):
                pass_result(proposer, seen)
            if trial.number in proposed:
                proposer.propose()
            proposer.begin(trial.number, _known(trial))
    for trial in ended:
        pass_result(proposer, trial)
    return proposer


def pass_result(proposer: Proposer | IdleProposer, trial: FrozenTrial) -> None:
    """Report an ended trial to a searcher: its best loss, pruned or not."""
    losses = trial.intermediate_values.values()
    failed = trial.state is TrialState.FAIL or not losses
    proposer.end(trial.number, None if failed else min(losses))


def _in_order_of_end(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    ended = [trial for trial in trials if trial.datetime_complete is not None]
    return sorted(ended, key=lambda trial: (trial.datetime_complete, trial.number))


def _known(trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters that a trial has, or was enqueued with but has not drawn yet."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}


def _whole(trial: FrozenTrial, request: SearchRequest) -> dict[str, Any]:
    """Return all parameters that an initial trial has, or will draw when it starts."""
    space = request.space
    if space.function is not None or trial.params.keys() >= space.optuna_distributions().keys():
        return dict(trial.params)
    sampler = RandomSampler(seed_of_trial(request.random_seed, trial.number))
    scratch = optuna.create_study(sampler=sampler)
    scratch.enqueue_trial(trial.system_attrs.get("fixed_params", {}))
    drawn = scratch.ask()
    space.suggest(drawn)
    return dict(drawn.params)
