"""Which candidates can be fitted to all series in the time that is left after a search on some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.plan import PortfolioPlan

__all__ = ["affordable", "final_seconds"]

SPENT = 0.6
"""Share of the time left that the final members may be expected to take."""


def final_seconds(candidate: Candidate, plan: PortfolioPlan, workers: int) -> float:
    """Return roughly how long the final fit of a candidate takes.

    Parameters
    ----------
    candidate : Candidate
        What took its time on the windows of the sample.
    plan : PortfolioPlan
        The plan, with the number of all series.
    workers : int
        Processes that share the series of a statistical member.
    """
    return candidate.seconds * plan.refit_shares(workers).get(candidate.name, 1.0)


def affordable(
    candidates: Sequence[Candidate], plan: PortfolioPlan, left: float, workers: int
) -> list[Candidate]:
    """Return the candidates; those that all series leave no time for say so and get no weight.

    Parameters
    ----------
    candidates : sequence of Candidate
        All of them.
    plan : PortfolioPlan
        The plan; without a sample nothing changes.
    left : float
        Seconds left for the final members.
    workers : int
        As in `final_seconds`.

    Returns
    -------
    list of Candidate
        In the same order. The best ones come first in taking up time.
    """
    found = list(candidates)
    if plan.whole is None:
        return found
    spent = 0.0
    for place in sorted(range(len(found)), key=lambda i: found[i].score):
        own = found[place]
        if own.family != "statistical" or not own.is_complete:
            continue
        seconds = final_seconds(own, plan, workers)
        if spent + seconds <= SPENT * left:
            spent += seconds
            continue
        reason = (
            f"its fit to all {len(plan.final_data.lengths):,} series takes about {seconds:,.0f} s,"
            f" and {max(0.0, left - spent):,.0f} s are left"
        )
        found[place] = replace(own, state="PRUNED", reason=reason)
    return found
