"""The members of a portfolio by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Family, FittedMember, Member
from automodel_sk.portfolio.members.files import MemberFile, read_member
from automodel_sk.portfolio.members.linear import FittedLinear, LinearMember, linear_seconds
from automodel_sk.portfolio.members.local import FittedLocal, LocalMember
from automodel_sk.portfolio.members.naive import naive_member
from automodel_sk.portfolio.members.pretrained import chronos_member, chronos_seconds
from automodel_sk.portfolio.members.statistical import (
    statistical_member,
    statistical_seconds,
    zero_share,
)
from automodel_sk.portfolio.members.tree import FittedTree, TreeMember, tree_seconds

__all__ = [
    "MEMBERS",
    "MemberRow",
    "available",
    "by_name_only",
    "load_member",
    "member_of",
    "unused_columns",
]

MANY_ZEROS = 0.3
"""Share of zeros from which a method for intermittent demand takes part in "auto"."""


_BY_NAME_ONLY = "takes part by name only"


def _naive_seconds(_name: str, data: PortfolioData) -> float:
    return 1e-5 * len(data.lengths) + 0.05


@dataclass(frozen=True)
class MemberRow:
    """What is known of a member before it is built.

    Parameters
    ----------
    name : str
        Name in the leaderboard.
    family : str
        Family that it belongs to.
    build : callable
        Function of the name that returns the member.
    needs : str, optional
        Package that must be installed.
    in_auto : bool
        Whether "auto" takes it; others take part by name only.
    cost : callable
        Function of the name and the data: seconds that the windows and the fit take, roughly.
    """

    name: str
    family: Family
    build: Callable[[str], Member]
    needs: str | None = None
    in_auto: bool = True
    cost: Callable[[str, PortfolioData], float] = _naive_seconds

    def seconds(self, data: PortfolioData) -> float:
        """Return roughly how long the windows and the fit take on one core."""
        return self.cost(self.name, data)


def _statistical(name: str, in_auto: bool = True) -> MemberRow:
    return MemberRow(
        name, "statistical", statistical_member, "statsforecast", in_auto, statistical_seconds
    )


def _tree(name: str) -> Member:
    return TreeMember(name, direct=False)


def _direct_tree(name: str) -> Member:
    return TreeMember(name, direct=True)


MEMBERS: dict[str, MemberRow] = {
    row.name: row
    for row in (
        MemberRow("SeasonalNaive", "naive", naive_member),
        MemberRow("Naive", "naive", naive_member),
        MemberRow("WindowAverage", "naive", naive_member),
        MemberRow("RWD", "naive", naive_member),
        MemberRow("RidgeRegression", "linear", LinearMember, cost=linear_seconds),
        _statistical("DynamicOptimizedTheta"),
        MemberRow("LightGBM", "tree", _tree, "lightgbm", cost=tree_seconds),
        MemberRow("DirectLightGBM", "tree", _direct_tree, "lightgbm", cost=tree_seconds),
        _statistical("CrostonOptimized"),
        _statistical("AutoCES"),
        _statistical("AutoETS"),
        _statistical("TSB", in_auto=False),
        _statistical("AutoARIMA", in_auto=False),
        _statistical("MFLES", in_auto=False),
        MemberRow(
            "Chronos2", "pretrained", chronos_member, "chronos", in_auto=False, cost=chronos_seconds
        ),
    )
}
"""Members that are no neural networks, by name, in the order in which "auto" runs them."""

_BY_LOWER = {name.lower(): name for name in MEMBERS}


def member_of(name: str) -> Member:
    """Return a member by name.

    Parameters
    ----------
    name : str
        A name in `MEMBERS`; case does not matter.

    Raises
    ------
    InvalidInputError
        If there is none of this name.

    Examples
    --------
    >>> member_of("seasonalnaive").name
    'SeasonalNaive'
    """
    known = _BY_LOWER.get(name.lower()) if isinstance(name, str) else None
    if known is None:
        close = get_close_matches(str(name).lower(), _BY_LOWER, n=1)
        hint = f"did you mean {_BY_LOWER[close[0]]!r}?" if close else f"try {list(MEMBERS)}"
        raise InvalidInputError(f"unknown member {str(name)[:100]!r}; {hint}")
    row = MEMBERS[known]
    return row.build(row.name)


def available(data: PortfolioData) -> dict[str, str | None]:
    """Return the members that "auto" considers, each with the reason it is left out.

    Parameters
    ----------
    data : PortfolioData
        The data.

    Returns
    -------
    dict of str to str or None
        By name, in the order in which they run; None for members that take part.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": 1.0})
    >>> available(PortfolioData(frame, h=2, freq=1, season=1))["CrostonOptimized"]
    'fewer than 30% of the values are zeros'
    """
    return {row.name: _left_out(row, data) for row in MEMBERS.values() if row.in_auto}


def by_name_only() -> dict[str, str]:
    """Return the members that "auto" does not consider, and why.

    Examples
    --------
    >>> sorted(by_name_only())
    ['AutoARIMA', 'Chronos2', 'MFLES', 'TSB']
    """
    return {row.name: _BY_NAME_ONLY for row in MEMBERS.values() if not row.in_auto}


def _left_out(row: MemberRow, data: PortfolioData) -> str | None:
    if row.name == "CrostonOptimized" and zero_share(data) <= MANY_ZEROS:
        return f"fewer than {MANY_ZEROS:.0%} of the values are zeros"
    return row.build(row.name).refusal(data)


def unused_columns(name: str, data: PortfolioData) -> tuple[str, ...]:
    """Return the exogenous columns that a member does not use: all of them, but for trees.

    Parameters
    ----------
    name : str
        A name in `MEMBERS`.
    data : PortfolioData
        The data.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": 1.0, "price": 2.0})
    >>> data = PortfolioData(frame, h=2, freq=1, season=1, futr_exog=("price",))
    >>> unused_columns("AutoETS", data), unused_columns("LightGBM", data)
    (('price',), ())
    """
    if MEMBERS[member_of(name).name].family == "tree":
        return ()
    return (*data.futr_exog, *data.hist_exog, *data.stat_exog)


def load_member(folder: Path) -> FittedMember:
    """Return a member that was saved; nothing is unpickled.

    Parameters
    ----------
    folder : Path
        The folder that `FittedMember.save` wrote.

    Raises
    ------
    ModelFileError
        A file is missing, unknown or damaged.
    """
    name = read_member(folder, MemberFile).name
    if name not in MEMBERS:
        raise ModelFileError(f"{folder} holds {name!r}, which is no member of this version")
    member = member_of(name)
    if isinstance(member, LocalMember):
        return FittedLocal.load(folder, member)
    if isinstance(member, LinearMember):
        return FittedLinear.load(folder, member)
    if isinstance(member, TreeMember):
        return FittedTree.load(folder, member)
    raise ModelFileError(f"{folder} holds {name!r}, which cannot be loaded")
