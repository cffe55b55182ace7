"""Which models a search over several considers, and why it leaves others out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automodel_sk.catalog.models import is_joint
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.table import MEMBERS, available, by_name_only, member_of
from automodel_sk.portfolio.names import read_names
from automodel_sk.portfolio.networks import networks_for, other_networks

__all__ = ["considered", "not_considered"]

_EXCLUDED = "excluded by the call"


def considered(
    model_name: Any, data: PortfolioData, exclude: Sequence[str] = ()
) -> dict[str, str | None]:
    """Return the models to consider, each with the reason it is left out, if any.

    Parameters
    ----------
    model_name : str or sequence of str
        "auto", or names.
    data : PortfolioData
        The data.
    exclude : sequence of str
        Names of models to leave out.

    Raises
    ------
    InvalidInputError
        A name is unknown, or all of them are excluded.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": 1.0})
    >>> considered(["Naive", "MLP"], PortfolioData(frame, h=4, freq=1, season=1))
    {'Naive': None, 'MLP': None}
    """
    wanted, excluded = read_names(model_name), _read(exclude)
    found: dict[str, str | None] = {}
    if wanted is None:
        found = available(data)
        wanted = networks_for(data.season, _has_covariates(data))
    for name in wanted:
        is_member = name in MEMBERS
        found[name] = member_of(name).refusal(data) if is_member else _too_short(name, data)
    found = {name: reason for name, reason in found.items() if name not in excluded}
    if not found:
        raise InvalidInputError("exclude leaves out every model; name fewer of them")
    return found


def not_considered(
    model_name: Any, data: PortfolioData, exclude: Sequence[str] = ()
) -> dict[str, str]:
    """Return why models are not even considered: "auto" has others, or the user excludes them.

    Parameters
    ----------
    model_name, data, exclude
        As in `considered`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": 1.0})
    >>> data = PortfolioData(frame, h=4, freq=1, season=1)
    >>> not_considered("auto", data, ["Naive"])["Naive"]
    'excluded by the call'
    >>> not_considered(["Naive", "MLP"], data)
    {}
    """
    found: dict[str, str] = {}
    if read_names(model_name) is None:
        found = {**by_name_only(), **other_networks(data.season, _has_covariates(data))}
    return {**found, **dict.fromkeys(_read(exclude), _EXCLUDED)}


def _has_covariates(data: PortfolioData) -> bool:
    return bool(data.futr_exog or data.hist_exog or data.stat_exog)


def _read(exclude: Sequence[str]) -> tuple[str, ...]:
    """Return the names of models to leave out, as in the tables."""
    try:
        return (read_names(list(exclude)) or ()) if exclude else ()
    except InvalidInputError as exc:
        raise InvalidInputError(f"exclude: {exc}") from None


def _too_short(name: str, data: PortfolioData) -> str | None:
    """Return why a network cannot be trained on the rows before the windows."""
    if is_joint(name) and not data.is_judged.all():
        return "it forecasts all series jointly, and some are too short for the windows"
    if data.lengths.max() - data.held_out <= data.h:
        return f"the series are too short: at most {data.h} rows before the validation windows"
    return None
