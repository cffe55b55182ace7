"""Which models have a first trial within a time budget, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from automodel_sk.portfolio.budget import CHEAP_SHARE, CHEAP_SHARE_OF_SHORT_SEASONS
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.networks import SHORT_SEASON
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.space import MODEL

__all__ = ["cheap_share", "within_budget"]


def cheap_share(plan: PortfolioPlan) -> float:
    """Return the share of the workers' time for statistical and tree members together.

    All of it if no networks take part. If the user named the models, as much as for a network each.
    """
    costly = len(_costly(plan))
    if not plan.networks:
        return 1.0
    share = costly / (costly + len(plan.networks))
    short = plan.data.season <= SHORT_SEASON
    own = CHEAP_SHARE_OF_SHORT_SEASONS if short else CHEAP_SHARE
    return own if plan.is_auto else max(own, share)


def within_budget(plan: PortfolioPlan, seconds: float | None, workers: int) -> PortfolioPlan:
    """Return a plan whose first trials are in order and fit their share of the time.

    Naive members come first, then the other members without a training, the fastest first. With
    several workers the first network starts beside them. "auto" leaves out members that would take
    longer than what is left of their share; those that the user named are tried in any case.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan.
    seconds : float, optional
        The time for everything; no limit if None.
    workers : int
        Trials at a time.
    """
    costs = {name: MEMBERS[name].seconds(plan.data) for name in _costly(plan)}
    order = sorted(costs, key=lambda name: costs[name])
    allowed = cheap_share(plan) * min(2, workers) * (seconds or 0.0)
    too_slow: dict[str, str] = {}
    if plan.is_auto and seconds is not None:
        too_slow = _too_slow({name: costs[name] for name in order}, allowed)
    first = {str(params[MODEL]): params for params in plan.initial}
    naive = [name for name in first if name in MEMBERS and name not in costs]
    networks = [name for name in first if name not in MEMBERS]
    beside = 1 if workers > 1 else 0
    others = [name for name in order if name not in too_slow]
    names = [*naive, *networks[:beside], *others, *networks[beside:]]
    initial: Sequence[Mapping[str, Any]] = [first[name] for name in names]
    return replace(plan, initial=initial, left_out={**plan.left_out, **too_slow})


def _costly(plan: PortfolioPlan) -> list[str]:
    return [name for name in plan.members if MEMBERS[name].family != "naive"]


def _too_slow(costs: Mapping[str, float], allowed: float) -> dict[str, str]:
    """Return the members that do not fit, and why."""
    left, reasons = allowed, {}
    for name, cost in costs.items():
        if cost > left:
            reasons[name] = (
                f"it would take about {cost:.3g} s, and {max(left, 0):.3g} s of the time budget are"
                " left for it; raise time_budget_hours"
            )
        else:
            left -= cost
    return reasons
