"""Fit the members of an ensemble to other data, side by side where that gives the same members."""

from __future__ import annotations

from typing import Any

from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.final_fits import MethodFit
from automodel_sk.portfolio.members.base import FittedMember
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.side_by_side import fitted_side_by_side, worth_moving
from automodel_sk.portfolio.team import Team
from automodel_sk.search.parts import Processes
from automodel_sk.search.scratch import scratch_folder
from automodel_sk.training.turns import search_turn_if_free

__all__ = ["refitted"]

_METHODS = ("statistical", "linear", "tree")
_NO_LIMIT = float("inf")


def refitted(team: Team, data: PortfolioData) -> Team:
    """Return the members of a team fitted to other data, the same as `Team.refit` returns.

    Also here, a member that fails is left out.

    Members without a training by gradients are fitted in worker processes if that gains time, many
    series of a statistical one by all of them. Networks are trained here: on one thread of another
    process their last digits would differ. While another thread searches, which uses the workers,
    all members are fitted here.

    Parameters
    ----------
    team : Team
        The members.
    data : PortfolioData
        The rows to fit them to.
    """
    with search_turn_if_free() as free, scratch_folder("refit") as folder:
        processes = Processes.of(OptimizationConfig()) if free else Processes()
        fits = {
            place: _fit_of(place, part.member, data, str(folder))
            for place, part in enumerate(team.parts)
            if part.member.family in _METHODS and part.member.name in MEMBERS
        }
        done: dict[int, FittedMember | Exception] = {}
        done |= _side_by_side(list(fits.values()), data, processes)
        for place, fit in fits.items():
            if place not in done:
                done[place] = _run(fit, data, processes)
        return team.refit(data, done)


def _run(fit: MethodFit, data: PortfolioData, processes: Processes) -> FittedMember | Exception:
    try:
        return fit.run(data, _NO_LIMIT, processes)[0]
    except Exception as exc:
        return exc


def _fit_of(place: int, member: Any, data: PortfolioData, folder: str) -> MethodFit:
    """Return what fits a member's method; the folder holds no earlier one."""
    candidate = Candidate(place, member.name, member.family)
    return MethodFit(candidate, MEMBERS[member.name].seconds(data), member.member, folder)


def _side_by_side(
    fits: list[MethodFit], data: PortfolioData, processes: Processes
) -> dict[int, FittedMember]:
    """Return the members that other processes fitted, by their places; failed ones are missing."""
    moved = worth_moving(fits, data, processes)
    if not moved:
        return {}
    results = fitted_side_by_side(moved, data, processes, _NO_LIMIT, gpus=0)
    return {
        fit.candidate.number: result[0]
        for fit, result in results
        if not isinstance(result, Exception)  # here it raises its own error
    }
