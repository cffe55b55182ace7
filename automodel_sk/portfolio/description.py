"""Say what a search over several models will do before it starts, and how long it will take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from automodel_sk.catalog.models import get_characteristics
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.budget import CHEAP_SHARE, end_times, first_slot
from automodel_sk.portfolio.members.table import MEMBERS, unused_columns
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.rules import MOST_MEMBERS
from automodel_sk.portfolio.workers import workers_of
from automodel_sk.search.network_spaces import MAX_STEPS

__all__ = ["PlanDescription", "describe_plan", "ignored_columns"]


@dataclass(frozen=True)
class PlanDescription:
    """What a search over several models will do, with rough estimates of its time.

    Parameters
    ----------
    members : mapping of str to float
        Seconds that each member without a training takes for the windows, on one core.
    networks : mapping of str to float
        Seconds of each network's first training.
    stages : mapping of str to float
        Seconds of ``"members"``, ``"first trainings"``, ``"search"`` and ``"final models"`` with
        all workers; NaN where nothing limits the search.
    n_windows, h, n_series : int
        What every candidate is judged on.
    budget : float
        Seconds in all; infinite without a limit.
    workers : int
        Trials at a time.

    Examples
    --------
    >>> stages = {"members": 4.0, "first trainings": 60.0, "search": 26.0, "final models": 30.0}
    >>> print(PlanDescription({"AutoETS": 4.0}, {"NHITS": 60.0}, stages, 2, 12, 30, 120.0, 1))
    1 member in about 4 s, first training of 1 network in 1 min, search for 26 s, final models in
    30 s; budget 2 min, 1 at a time
    """

    members: Mapping[str, float]
    networks: Mapping[str, float]
    stages: Mapping[str, float]
    n_windows: int
    h: int
    n_series: int
    budget: float
    workers: int

    def __str__(self) -> str:
        parts = []
        if self.members:
            count = _count(len(self.members), "member")
            parts.append(f"{count} in about {_time(self.stages['members'])}")
        if self.networks:
            count = _count(len(self.networks), "network")
            parts.append(f"first training of {count} in {_time(self.stages['first trainings'])}")
            parts.append(f"search for {_time(self.stages['search'])}")
        parts.append(f"final models in {_time(self.stages['final models'])}")
        limit = f"budget {_time(self.budget)}" if math.isfinite(self.budget) else "no time budget"
        return f"{', '.join(parts)}; {limit}, {self.workers} at a time"


def describe_plan(plan: PortfolioPlan, options: OptimizationConfig) -> PlanDescription:
    """Return what a plan will do and roughly how long each stage takes.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan.
    options : OptimizationConfig
        Time budget and workers; a preset must have been filled in.

    Returns
    -------
    PlanDescription

    Notes
    -----
    Times of members are those of `MEMBERS`, times of networks those of the catalog; with a budget
    none takes longer than its slot.
    """
    workers = workers_of(plan, options)
    hours = options.time_budget_hours
    total = math.inf if hours is None else 3600.0 * hours
    most = CHEAP_SHARE * total * min(2, workers)
    tried = [name for name in plan.members if name not in plan.left_out]
    members = {name: min(MEMBERS[name].seconds(plan.data), most) for name in tried}
    of_members = max([sum(members.values()) / workers, *members.values()], default=0.0)
    networks = _first_trainings(plan, total - of_members, workers)
    final = _final_seconds(plan, members, networks, total, workers)
    first = max([sum(networks.values()) / workers, *networks.values()], default=0.0)
    first = min(first, max(0.0, total - of_members - final))
    search = max(0.0, total - of_members - first - final)
    stages = {
        "members": of_members,
        "first trainings": first,
        "search": search if math.isfinite(search) else math.nan,
        "final models": final,
    }
    data = plan.data
    judged = int(data.is_judged.sum())
    return PlanDescription(
        members, networks, stages, data.n_windows, data.h, judged, total, workers
    )


def _first_trainings(plan: PortfolioPlan, left: float, workers: int) -> dict[str, float]:
    """Return the seconds of each network's first training."""
    found = {}
    for place, (name, network) in enumerate(plan.networks.items()):
        minutes = get_characteristics(name).typical_training_time_minutes
        steps = (network.space.bounds_of("max_steps") or (MAX_STEPS, MAX_STEPS))[1]
        seconds = 60 * (minutes if math.isfinite(minutes) else 1.0) * steps / 1000
        if math.isfinite(left):
            slot = first_slot(max(0.0, left), len(plan.networks) - place, workers)
            left -= min(seconds, slot) / workers
            seconds = min(seconds, slot)
        found[name] = seconds
    return found


def _final_seconds(
    plan: PortfolioPlan,
    members: Mapping[str, float],
    networks: Mapping[str, float],
    total: float,
    workers: int,
) -> float:
    shares = plan.refit_shares(workers)
    tried = {**members, **networks}.items()
    seconds = sorted((shares[name] * of_trial for name, of_trial in tried), reverse=True)
    ends = end_times(seconds[:MOST_MEMBERS], plan.refits_at_a_time(workers))
    return min(max(ends, default=0.0), plan.refits_most * total)


def ignored_columns(plan: PortfolioPlan) -> dict[str, tuple[str, ...]]:
    """Return the exogenous columns that each model of a plan does not read, where there are any."""
    data = plan.data
    every = (*data.futr_exog, *data.hist_exog, *data.stat_exog)
    found = {name: unused_columns(name, data) for name in plan.members if name not in plan.left_out}
    for name, network in plan.networks.items():
        task = network.task
        read = {*task.futr_exog, *task.hist_exog, *task.stat_exog}
        found[name] = tuple(column for column in every if column not in read)
    return {name: columns for name, columns in found.items() if columns}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return "as many trials as asked for"
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.2g} min"
