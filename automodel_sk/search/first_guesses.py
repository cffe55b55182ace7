"""Configurations worth trying before any sampler has learned: the model's own defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search.building import constructor_default
from automodel_sk.search_space import SearchSpace

__all__ = ["default_parameters"]


def default_parameters(model_name: str, space: SearchSpace) -> dict[str, Any]:
    """Return the tuned parameters' upstream defaults, as Optuna stores them.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.
    space : SearchSpace
        What is tuned; a default outside its domain is left to the sampler.

    Returns
    -------
    dict
        By flat name; empty for a function of a trial.
    """
    defaults = {name: constructor_default(model_name, name) for name in space.domains}
    encoded = (_encode(space, name, value) for name, value in defaults.items())
    return {name: value for parameter in encoded for name, value in parameter.items()}


def _encode(space: SearchSpace, name: str, value: Any) -> Mapping[str, Any]:
    """Return one parameter as Optuna stores it, nothing where the domain lacks the value."""
    alone = SearchSpace(domains={name: space.domains[name]})
    try:
        return alone.encode({name: value})
    except (InvalidInputError, TypeError, ValueError):
        return {}
