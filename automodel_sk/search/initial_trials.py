"""Choose the configurations to try first: earlier ones, then the model's defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import SearchSpace
from automodel_sk.training.build import constructor_default

__all__ = ["default_parameters", "example_config", "initial_trials"]


def initial_trials(
    model_name: str,
    space: SearchSpace,
    earlier: Sequence[Mapping[str, Any]] = (),
    first: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return the initial trials' parameters as Optuna stores them.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.
    space : SearchSpace
        The search space.
    earlier : sequence of mappings
        Configurations of earlier searches. Missing parameters, and values outside their domain, are
        left to the sampler.
    first : mapping, optional
        Values that the space's author starts from; the model's defaults if None or empty.

    Returns
    -------
    list of dict
        The earlier configurations, then the first one, so that a search is never worse than it.
        Empty for a define-by-run function.
    """
    trials = [encoded_parameters(space, config) for config in earlier]
    trials.append(
        encoded_parameters(space, first) if first else default_parameters(model_name, space)
    )
    return [params for params in trials if params]


def default_parameters(model_name: str, space: SearchSpace) -> dict[str, Any]:
    """Return the upstream defaults of the tuned parameters as Optuna stores them.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.
    space : SearchSpace
        The search space; defaults outside their domain are left to the sampler.

    Returns
    -------
    dict
        By flat name; empty for a define-by-run function.
    """
    return encoded_parameters(space, {n: constructor_default(model_name, n) for n in space.domains})


def example_config(model_name: str, space: SearchSpace, random_seed: int) -> dict[str, Any]:
    """Return a configuration of a space: the model's defaults, and a random draw for the rest.

    Examples
    --------
    >>> example_config("NHITS", SearchSpace.parse({"max_steps": 100}), random_seed=1)
    {'max_steps': 100}
    """
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(random_seed))
    study.enqueue_trial(default_parameters(model_name, space))
    config: dict[str, Any] = space.suggest(study.ask())
    return config


def encoded_parameters(space: SearchSpace, config: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in config.items() if name in space.domains}
    encoded = (_encode(space, name, value) for name, value in known.items())
    return {name: value for parameter in encoded for name, value in parameter.items()}


def _encode(space: SearchSpace, name: str, value: Any) -> Mapping[str, Any]:
    """Return a parameter as Optuna stores it, or nothing if its domain lacks the value."""
    alone = SearchSpace(domains={name: space.domains[name]})
    try:
        return alone.encode({name: value})
    except (InvalidInputError, TypeError, ValueError):
        return {}
