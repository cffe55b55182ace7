"""Which model the next trial trains, and with which parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, repeat
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from automodel_sk.portfolio.space import MODEL, PortfolioSpace
from automodel_sk.portfolio.window_errors import times_worse
from automodel_sk.search.optuna.lagging_pruner import is_behind
from automodel_sk.search.study.attributes import PLANNED_REPORTS, count_of
from automodel_sk.search.study.distinct import DRAWS_PER_CONFIGURATION, MOST_DRAWS, key_of

__all__ = [
    "PortfolioPruner",
    "PortfolioSampler",
    "SparingPruner",
    "is_over",
    "is_stalled",
    "make_pruner",
    "make_sampler",
]

WORTH_SEARCHING = 1.15
"""A model is searched further if its best score is within this factor of the best network's."""

PATIENCE = 10
"""The search ends after so many trials in a row that are none of the `LEADERS` best."""

LEADERS = 5
_STARTUP_TRIALS = 4
_INFORMED_DRAWS = 10
"""TPE may prefer what was tried; then the rest of a small space is drawn at random."""
_BEFORE_PRUNING = 0.25


def make_sampler(spaces: PortfolioSpace) -> Any:
    """Return a function that makes the sampler for a seed; it can be sent to other processes."""
    return partial(PortfolioSampler, spaces)


def make_pruner(pruner: BasePruner | None) -> Callable[[], BasePruner]:
    """Return a function that makes the pruner; it can be sent to other processes.

    Parameters
    ----------
    pruner : optuna.pruners.BasePruner, optional
        The user's; None for the portfolio's own.
    """
    return PortfolioPruner if pruner is None else partial(SparingPruner, copy.deepcopy(pruner))


class PortfolioSampler(BaseSampler):
    """Draw the model among those worth searching, then its parameters with TPE.

    A configuration of a finite space is drawn once; a model whose space is used up is left out.

    Parameters
    ----------
    spaces : PortfolioSpace
        The search space of each model.
    seed : int
        Seed of this trial's draws.
    """

    def __init__(self, spaces: PortfolioSpace, seed: int) -> None:
        self._spaces = spaces
        self._tuned = spaces.tuned
        self._random = np.random.default_rng(seed)
        self._blind = RandomSampler(seed)
        self._tpe = TPESampler(
            n_startup_trials=_STARTUP_TRIALS, seed=seed, constant_liar=True, multivariate=False
        )

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters; a trial has those of its model."""
        return self._spaces.optuna_distributions()

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw a model and its parameters; nothing for a trial that has its model."""
        if MODEL in {*trial.system_attrs.get("fixed_params", {}), *trial.params}:
            return {}
        model = self._model(study)
        own = self._spaces.tuned_of(model)
        taken, size = _tried(study, model, own), self._spaces.spaces[model].n_combinations
        most = 0 if size is None else min(MOST_DRAWS, DRAWS_PER_CONFIGURATION * size)
        for sampler in chain(repeat(self._tpe, _INFORMED_DRAWS), repeat(self._blind, most)):
            drawn = {n: sampler.sample_independent(study, trial, n, d) for n, d in own.items()}
            if key_of(drawn, own) not in taken:
                break
        return {MODEL: model, **drawn}

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
        left = [name for name in self._tuned if not _is_used_up(study, self._spaces, name)]
        left = left or list(self._tuned)
        if not np.isfinite(lowest):
            return str(self._random.choice(left))
        most = times_worse(lowest, WORTH_SEARCHING)
        worth = [name for name in left if best[name] <= most] or left
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


def _tried(study: Study, model: str, names: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the configurations of a model that trials have or will have."""
    known = (
        {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        for trial in study.get_trials(deepcopy=False)
    )
    own = (params for params in known if params.get(MODEL) == model)
    return {key_of(params, names) for params in own if all(name in params for name in names)}


def _is_used_up(study: Study, spaces: PortfolioSpace, model: str) -> bool:
    """Return whether every configuration of a model has been tried."""
    size = spaces.spaces[model].n_combinations
    return size is not None and len(_tried(study, model, spaces.tuned_of(model))) >= size


def is_over(study: Study, spaces: PortfolioSpace, patience: int | None) -> bool:
    """Return whether to draw no further trials: the search is stalled, or nothing is left to try.

    Parameters
    ----------
    study : optuna.Study
        The study.
    spaces : PortfolioSpace
        The search space of each model.
    patience : int, optional
        As in `is_stalled`.
    """
    tuned = spaces.tuned
    return is_stalled(study, tuned, patience) or all(
        _is_used_up(study, spaces, model) for model in tuned
    )


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


class SparingPruner(BasePruner):
    """Prune what the user's pruner prunes, but never the first configuration of a model.

    Parameters
    ----------
    pruner : optuna.pruners.BasePruner
        The user's pruner.
    """

    def __init__(self, pruner: BasePruner) -> None:
        self._pruner = pruner

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether to prune a running trial at its latest report."""
        return "fixed_params" not in trial.system_attrs and self._pruner.prune(study, trial)


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
        planned = count_of(trial, PLANNED_REPORTS)
        curves = [
            _best_so_far(other, planned)
            for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if len(other.intermediate_values) > 1
        ]
        longest = max(map(len, curves), default=0)
        if len(losses) < max(3, _BEFORE_PRUNING * longest):
            return False
        return len(curves) >= 2 and is_behind(losses, curves)


def _best_so_far(trial: FrozenTrial, planned: int) -> list[float]:
    """Return the best loss of an ended trial at each report of one that plans so many reports.

    It is infinite where the ended trial had not yet reported at that share of its training. Reports
    are compared by number if it is not known how many were planned.
    """
    best = np.minimum.accumulate(list(trial.intermediate_values.values())).tolist()
    own = count_of(trial, PLANNED_REPORTS)
    if not own or not planned:
        return list(best)
    made = [number * own // planned for number in range(1, -(-len(best) * planned // own) + 1)]
    return [best[min(count, len(best)) - 1] if count else np.inf for count in made]
