"""The search spaces that a user gives by the name of the model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from automodel_sk.arguments.number_rule import nearest
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.search_space import SearchSpace

__all__ = ["by_model", "check_given"]


def by_model(config: Any) -> Any:
    """Return search spaces by the models' names as in the tables; other keys are kept.

    Examples
    --------
    >>> by_model({"nhits": {"max_steps": 5}, "AutoEST": {}})
    {'NHITS': {'max_steps': 5}, 'AutoEST': {}}
    """
    if not isinstance(config, Mapping):
        return config
    known = {name.lower(): name for name in (*MEMBERS, *MODEL_CATALOG)}
    return {known.get(str(name).lower(), name): space for name, space in config.items()}


def check_given(config: Any, names: Sequence[str], others: Collection[str] = ()) -> None:
    """Raise unless a user's config holds search spaces by the names of models.

    Parameters
    ----------
    config : mapping, optional
        As from `by_model`.
    names : sequence of str
        The models that are considered.
    others : collection of str
        Models that are left out of these data, of which a space is no mistake: with others they
        might take part.

    Raises
    ------
    InvalidInputError
        Says what is wrong, and what to pass.
    """
    if config is None:
        return
    if not isinstance(config, Mapping) or not all(
        isinstance(value, (Mapping, SearchSpace)) for value in config.values()
    ):
        raise InvalidInputError(
            "config must hold one search space by model name where several models are tuned, got"
            f" {shown(config)}; try config={{'NHITS': {{'max_steps': 500}}}}"
        )
    for name in config:
        if name in others and name not in MEMBERS:
            continue
        if name not in names and name not in others:
            meant = nearest(str(name), names)
            hint = f"did you mean {meant!r}?" if meant else f"choose from {', '.join(names)}"
            raise InvalidInputError(
                f"config has a space of {shown(name)}, which takes no part; {hint}"
            )
        if name in MEMBERS:
            raise InvalidInputError(
                f"config has a space of {shown(name)}, which has no parameters to tune; leave it"
                " out of config"
            )
