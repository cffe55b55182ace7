"""What the estimator's parameter `model` names: one model, several, or "auto"."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.names import AUTO, names_several, read_names

__all__ = ["Abilities", "abilities", "known_names", "plain_names"]


@dataclass(frozen=True)
class Abilities:
    """What a model takes and forecasts; of several models, what at least one of them does.

    Parameters
    ----------
    future, past, static : bool
        Whether it takes columns with known future values, without, and static ones.
    insample : bool
        Whether it forecasts observed points.
    """

    future: bool = True
    past: bool = True
    static: bool = True
    insample: bool = True

    @property
    def exogenous(self) -> bool:
        """Whether it takes columns of X."""
        return self.future or self.past


def known_names(model: Any) -> tuple[str, ...] | None:
    """Return the names of the models as in the tables; None for "auto" and for what is no model.

    Examples
    --------
    >>> known_names(["nhits", "AutoETS"]), known_names("auto"), known_names("NHIT")
    (('NHITS', 'AutoETS'), None, None)
    """
    with suppress(Exception):  # fit reports what is no model; the constructor must not
        return read_names(model)
    return None


def plain_names(model: Any) -> Any:
    """Return the parameter as text or a list of text, for a file.

    Examples
    --------
    >>> plain_names("AUTO"), plain_names(("NHITS", "autoets")), plain_names("nhits")
    ('auto', ['NHITS', 'AutoETS'], 'NHITS')
    """
    names = read_names(model)
    if names is None:
        return AUTO
    several = names_several(model) and not isinstance(model, str)
    return list(names) if several else names[0]


def abilities(model: Any) -> Abilities:
    """Return what the models can do together.

    Parameters
    ----------
    model : str or sequence of str
        The estimator's parameter.

    Examples
    --------
    >>> abilities("AutoETS")
    Abilities(future=False, past=False, static=False, insample=True)
    >>> abilities(["AutoETS", "NHITS"]) == abilities("auto") == Abilities()
    True
    """
    names = known_names(model)
    return Abilities() if names is None else _together([_of_one(name) for name in names])


def _together(found: Sequence[Abilities]) -> Abilities:
    return Abilities(
        any(each.future for each in found),
        any(each.past for each in found),
        any(each.static for each in found),
        any(each.insample for each in found),
    )


def _of_one(name: str) -> Abilities:
    if name in MEMBERS:
        takes = MEMBERS[name].family == "tree"
        return Abilities(takes, takes, takes)
    row = MODEL_CATALOG[name]
    return Abilities(
        row.supports_future_exogenous,
        row.supports_historic_exogenous,
        row.supports_static,
        not row.multivariate,
    )
