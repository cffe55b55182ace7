"""Which model the next trial trains, and with which parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from automodel_sk.portfolio.space import MODEL
from automodel_sk.search.optuna.lagging_pruner import is_behind

__all__ = ["PortfolioPruner", "PortfolioSampler", "is_stalled", "make_sampler"]

WORTH_SEARCHING = 1.15
"""A model is searched further if its best score is within this factor of the best network's."""

PATIENCE = 10
"""The search ends after so many trials in a row that are none of the `LEADERS` best."""

LEADERS = 5
_STARTUP_TRIALS = 4
_BEFORE_PRUNING = 0.25


def make_sampler(tuned: Sequence[str]) -> Any:
    """Return a function that makes the sampler for a seed; it can be sent to other processes."""
    return partial(PortfolioSampler, tuple(tuned))


class PortfolioSampler(BaseSampler):
    """Draw the model among those worth searching, then its parameters with TPE.

    Parameters
    ----------
    tuned : sequence of str
        Models with parameters to tune.
    seed : int
        Seed of this trial's draws.
    """

    def __init__(self, tuned: Sequence[str], seed: int) -> None:
        self._tuned = tuned
        self._random = np.random.default_rng(seed)
        self._tpe = TPESampler(
            n_startup_trials=_STARTUP_TRIALS, seed=seed, constant_liar=True, multivariate=False
        )

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return nothing: which parameters a trial has depends on its model."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw the model, or one of its parameters."""
        if param_name == MODEL:
            return self._model(study)
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)

    def _model(self, study: Study) -> str:
        """Draw a model: the better it is and the less it was tried, the likelier."""
        trials = _of_models(study, self._tuned)
        best = {name: min((v for v, _ in runs), default=np.inf) for name, runs in trials.items()}
        lowest = min(best.values(), default=np.inf)
        if not np.isfinite(lowest):
            return str(self._random.choice(list(self._tuned)))
        worth = [name for name, value in best.items() if value <= WORTH_SEARCHING * lowest]
        weights = np.array([1 / (1 + len(trials[name])) for name in worth])
        return str(self._random.choice(worth, p=weights / weights.sum()))


def _of_models(study: Study, names: Sequence[str]) -> dict[str, list[tuple[float, int]]]:
    """Return value and number of each ended trial, by model."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in names}
    for trial in study.get_trials(deepcopy=False):
        value = best_value(trial)
        name = trial.params.get(MODEL)
        if trial.state.is_finished() and value is not None and name in found:
            found[name].append((value, trial.number))
    return found


def best_value(trial: FrozenTrial) -> float | None:
    """Return a trial's best validation loss, or None if it has none or failed."""
    if trial.state is TrialState.FAIL:
        return None
    reported = [v for v in trial.intermediate_values.values() if np.isfinite(v)]
    return min(reported, default=trial.value if trial.state is TrialState.COMPLETE else None)


def is_stalled(study: Study, tuned: Sequence[str], patience: int | None) -> bool:
    """Return whether none of the last trials is among the best, or no model has parameters.

    Parameters
    ----------
    study : optuna.Study
        The study.
    tuned : sequence of str
        Models with parameters to tune.
    patience : int, optional
        Trials in a row outside the best ones after which the search ends; never if None.
    """
    if patience is None or not tuned:
        return not tuned
    ended = sorted(pair for runs in _of_models(study, tuned).values() for pair in runs)
    leaders = {number for _, number in ended[:LEADERS]}
    newest = sorted((number for _, number in ended), reverse=True)[:patience]
    return len(ended) >= patience + len(tuned) and leaders.isdisjoint(newest)


class PortfolioPruner(BasePruner):
    """Prune searched networks that lag behind the curves of all networks.

    The first configuration of each model is never pruned: a model that starts slowly may end well,
    and its curve is what later trials are compared with. Curves are compared by their share of the
    training, so that models of different speed compete on equal terms.
    """

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether to prune a running trial at its latest report."""
        if "fixed_params" in trial.system_attrs:
            return False
        losses = list(trial.intermediate_values.values())
        curves = [
            list(np.minimum.accumulate(list(other.intermediate_values.values())))
            for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if len(other.intermediate_values) > 1
        ]
        longest = max(map(len, curves), default=0)
        if len(losses) < max(3, _BEFORE_PRUNING * longest):
            return False
        return len(curves) >= 2 and is_behind(losses, curves)
