"""Sampler that draws no configuration of a finite space twice.

Training is deterministic, so a repeated configuration teaches nothing. A random sampler repeats
itself soon in a small space: of two configurations, two trials draw the same one half of the time.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from automodel_sk.search.study.seeding import DelegatingSampler

__all__ = ["DRAWS_PER_CONFIGURATION", "MOST_DRAWS", "DistinctSampler", "key_of"]

DRAWS_PER_CONFIGURATION = 20
MOST_DRAWS = 10_000
"""After so many repetitions, one is accepted, except in a grid."""


class DistinctSampler(DelegatingSampler):
    """Draw at random what no earlier trial has, and leave informed draws to another sampler.

    A trial's draw depends on the trials before it, not on their results or on when they end. It is
    therefore the same with any number of workers and after a resume, if parameters are drawn where
    trials are numbered: in `Study.ask`.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler
        Draws what this sampler does not: informed values, and repetitions once every configuration
        has been drawn.
    distributions : mapping of str to BaseDistribution
        All parameters.
    n_configurations : int
        Number of configurations in the space.
    seed : int
        Seed of this trial's draws.
    n_startup : int, optional
        Ended trials from which on `sampler` draws; if None, it never does.
    grid : mapping of str to sequence, optional
        All values of each parameter, if every point is to be drawn.
    """

    def __init__(
        self,
        sampler: BaseSampler,
        distributions: Mapping[str, BaseDistribution],
        n_configurations: int,
        seed: int,
        n_startup: int | None = None,
        grid: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        super().__init__(sampler)
        self._distributions = {n: d for n, d in distributions.items() if not d.single()}
        self._n_configurations = n_configurations
        self._seed, self._random = seed, RandomSampler(seed)
        self._n_startup, self._grid = n_startup, grid
        self._is_random = True

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Decide who draws this trial's parameters."""
        super().before_trial(study, trial)
        if self._n_startup is not None:
            ended = study.get_trials(
                deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)
            )
            self._is_random = len(ended) < self._n_startup

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters if they are drawn here."""
        if self._is_random:
            return dict(self._distributions)
        return super().infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw all parameters, or delegate."""
        if not self._is_random:
            return super().sample_relative(study, trial, search_space)
        return self._fresh(study, trial)

    def _fresh(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        """Return parameters that no earlier trial has; none if every draw repeats one."""
        names = list(self._distributions)
        taken = _taken(study, trial, names)
        if len(taken) >= self._n_configurations:
            return {}
        fixed = trial.system_attrs.get("fixed_params", {})
        begun = {n: v for n, v in trial.params.items() if n in self._distributions}
        for drawn in self._draws(study, trial, fixed):
            # An earlier attempt may have been cut off as it drew; its values are the same again.
            same = all(drawn[name] == value for name, value in begun.items())
            if same and key_of(drawn, names) not in taken:
                return drawn
        return {}

    def _draws(
        self, study: Study, trial: FrozenTrial, fixed: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield points with the fixed values: all of a grid in random order, else random ones."""
        if self._grid is not None:
            names = list(self._distributions)
            values = ([fixed[name]] if name in fixed else self._grid[name] for name in names)
            points = list(itertools.product(*values))
            random.Random(self._seed).shuffle(points)
            yield from (dict(zip(names, point, strict=True)) for point in points)
            return
        for _ in range(min(MOST_DRAWS, DRAWS_PER_CONFIGURATION * self._n_configurations)):
            yield {
                name: fixed[name]
                if name in fixed
                else self._random.sample_independent(study, trial, name, distribution)
                for name, distribution in self._distributions.items()
            }


def _taken(study: Study, trial: FrozenTrial, names: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the configurations of the trials before this one, whatever became of them."""
    earlier = (t for t in study.get_trials(deepcopy=False) if t.number < trial.number)
    known = ({**t.system_attrs.get("fixed_params", {}), **t.params} for t in earlier)
    return {key_of(params, names) for params in known if all(name in params for name in names)}


def key_of(params: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
    """Return what identifies a configuration; 1 and 1.0 are one number, as in storages.

    Examples
    --------
    >>> key_of({"a": 1, "b": "1"}, ["a", "b"])
    ('1.0', "'1'")
    """
    values = (params[name] for name in names)
    return tuple(repr(float(v) if type(v) is int else v) for v in values)
