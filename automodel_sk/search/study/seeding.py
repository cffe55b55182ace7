"""Sampler that is seeded with each trial's number.

A sampler's generator lives in its process and is lost with it. Here it is seeded for each trial
from the search's seed and the trial's number. Trial 17 therefore draws the same values whether or
not the search was stopped before it, and two processes of one search never draw the same stream.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

__all__ = ["DelegatingSampler", "PerTrialSampler", "reseeded", "seed_of_trial"]


def seed_of_trial(random_seed: int, number: int) -> int:
    """Return the seed of a trial's sampler.

    Examples
    --------
    >>> seed_of_trial(42, 0) == seed_of_trial(42, 0) != seed_of_trial(42, 1)
    True
    """
    return int(np.random.SeedSequence([random_seed, number]).generate_state(1)[0])


def reseeded(sampler: BaseSampler, seed: int) -> BaseSampler:
    """Seed all random generators of a sampler, those of samplers in it too; return the sampler.

    `BaseSampler.reseed_rng` draws a seed that nobody knows, so that a search can't be repeated.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler
        Changed in place; what it has learned stays.
    seed : int
        The seed.

    Examples
    --------
    >>> from optuna.samplers import TPESampler
    >>> one, other = reseeded(TPESampler(), 3), reseeded(TPESampler(seed=9), 3)
    >>> one._rng.rng.random() == other._rng.rng.random()
    True
    """
    for place, (name, value) in enumerate(sorted(getattr(sampler, "__dict__", {}).items())):
        own = seed_of_trial(seed, place)
        if isinstance(value, BaseSampler):
            reseeded(value, own)
        elif isinstance(value, np.random.Generator):
            setattr(sampler, name, np.random.default_rng(own))
        else:
            generator = getattr(value, "rng", value)  # Optuna makes its generators on first use
            if isinstance(generator, (np.random.RandomState, random.Random)):
                generator.seed(own)
    return sampler


class DelegatingSampler(BaseSampler):
    """Leave everything to another sampler; subclasses do some of it themselves.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler
        The other sampler.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Delegate."""
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Delegate."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Delegate."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Delegate."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Delegate."""
        self._sampler.after_trial(study, trial, state, values)


class PerTrialSampler(DelegatingSampler):
    """Delegate each trial to a sampler made for it.

    Parameters
    ----------
    make : callable
        Returns a sampler for a seed.
    random_seed : int
        The search's seed.
    """

    def __init__(self, make: Callable[[int], BaseSampler], random_seed: int) -> None:
        super().__init__(make(random_seed))
        self._make = make
        self._random_seed = random_seed

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Create the trial's sampler."""
        self._sampler = self._make(seed_of_trial(self._random_seed, trial.number))
        super().before_trial(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw with the trial's sampler, after what an earlier attempt drew."""
        values = super().sample_relative(study, trial, search_space)
        self._draw_again(study, trial, {*values, *trial.system_attrs.get("fixed_params", {})})
        return values

    def _draw_again(self, study: Study, trial: FrozenTrial, others: Collection[str]) -> None:
        """Repeat the draws of an earlier attempt, so that the remaining ones are the same."""
        for name, distribution in trial.distributions.items():
            if name not in others and not distribution.single():
                self._sampler.sample_independent(study, trial, name, distribution)
