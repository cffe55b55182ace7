"""Fit the final members of an ensemble on all rows, within the time that is left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.affordable import final_seconds
from automodel_sk.portfolio.budget import network_refit_seconds
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.combiners import Combination
from automodel_sk.portfolio.final_fits import Fit, MethodFit, NetworkFit, Result
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.naive import naive_member
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.searched import SearchedPortfolio
from automodel_sk.portfolio.side_by_side import fitted_side_by_side, worth_moving
from automodel_sk.portfolio.team import WeightedMember
from automodel_sk.search.final_refit import BestTrial
from automodel_sk.search.parts import Processes
from automodel_sk.training.time_budget import TimeBudget

__all__ = ["fit_members"]

logger = logging.getLogger(__name__)


def fit_members(
    combination: Combination,
    searched: SearchedPortfolio,
    plan: PortfolioPlan,
    options: OptimizationConfig,
    budget: TimeBudget,
    folder: Path,
    on_progress: Callable[[float], None],
) -> list[WeightedMember]:
    """Fit the members of a combination on all rows.

    Networks, trees, linear and statistical models are fitted side by side where there are several
    processes; with a sample, which leaves each of them many series, one after another. Each has a
    share of the time that is left; a network that has too little keeps the weights of its trial. A
    member that fails is left out, and its weight goes to the others.

    Parameters
    ----------
    combination : Combination
        Weights by position in ``searched.candidates``.
    searched : SearchedPortfolio
        The candidates.
    plan, options, budget
        As in `search_portfolio`.
    folder : Path
        Where trials left their forecasts, weights and members.
    on_progress : callable
        Called with the completed share.

    Returns
    -------
    list of WeightedMember
    """
    processes = Processes.of(options)
    chosen = sorted(
        combination.weights.items(),
        key=lambda pair: (searched.candidates[pair[0]].family == "neural", -pair[1]),
    )
    weights = {searched.candidates[place].number: weight for place, weight in chosen}
    fits = [
        _fit_of(searched.candidates[place], searched, plan, options, folder) for place, _ in chosen
    ]
    ended: dict[int, Result] = {}
    side_by_side = Processes() if searched.interrupted else processes
    for fit, result in _results(fits, plan, processes, side_by_side, budget, options.gpus):
        ended[fit.candidate.number] = result
        on_progress(len(ended) / len(fits))
    fitted = list(_usable(fits, ended, weights))
    if not fitted:
        logger.warning("no member could be fitted; the forecasts are those of a baseline")
        fitted = [_baseline(searched.candidates, plan)]
    total = sum(each.weight for each in fitted)
    return [replace(each, weight=each.weight / total) for each in fitted]


def _usable(
    fits: Sequence[Fit], ended: Mapping[int, Result], weights: Mapping[int, float]
) -> Iterator[WeightedMember]:
    """Yield the members that could be fitted, and warn of those that could not."""
    for fit in fits:
        number = fit.candidate.number
        result = ended[number]
        if isinstance(result, Exception):
            logger.warning("%s is left out of the ensemble: %s", fit.candidate.name, result)
            logger.debug("the final model failed", exc_info=result)
        else:
            member, note = result
            yield WeightedMember(member, weights[number], number, note)


def _baseline(candidates: Sequence[Candidate], plan: PortfolioPlan) -> WeightedMember:
    """Return the best naive candidate, which takes no time; seasonal naive if there is none."""
    naive = [each for each in candidates if each.family == "naive" and each.is_complete]
    best = min(naive, key=lambda each: each.score, default=None)
    member = naive_member("SeasonalNaive" if best is None else best.name)
    number = None if best is None else best.number
    return WeightedMember(member.fit(plan.final_data, Deadline()), 1.0, number)


def _fit_of(
    candidate: Candidate,
    searched: SearchedPortfolio,
    plan: PortfolioPlan,
    options: OptimizationConfig,
    folder: Path,
) -> Fit:
    """Return what fits a candidate."""
    alone = replace(candidate, forecasts=None, errors=None)
    if candidate.family != "neural":
        seconds = final_seconds(candidate, plan, Processes.of(options).workers)
        sampled = plan.whole is not None
        return MethodFit(alone, seconds, plan.members[candidate.name], str(folder), sampled)
    record = next(r for r in searched.records if r.number == candidate.number)
    record = replace(record, params=dict(candidate.config))
    task = searched.tasks[candidate.name]
    refit = "best_weights" if searched.interrupted else options.refit
    return NetworkFit(
        alone,
        network_refit_seconds(record),
        BestTrial(task, candidate.config, record.best_step, record.ran_to_its_end),
        plan.final_plan(candidate.name),
        replace(options, refit=refit),
        record,
        plan.data.season,
        None if refit == "full" else searched.dataset,
    )


def _results(
    fits: Sequence[Fit],
    plan: PortfolioPlan,
    processes: Processes,
    side_by_side: Processes,
    budget: TimeBudget,
    gpus: float | None,
) -> Iterator[tuple[Fit, Result]]:
    """Run all fits; here those that no other process does, or should have done and did not."""
    data = plan.final_data
    moved = [] if plan.whole is not None else worth_moving(fits, data, side_by_side)
    here = [fit for fit in fits if fit not in moved]
    yield from _one_after_another(here, plan, processes, budget)
    rest = list(moved)
    if moved:
        for fit, result in fitted_side_by_side(moved, data, side_by_side, budget.left(), gpus):
            rest.remove(fit)
            yield fit, result
    yield from _one_after_another(rest, plan, processes, budget)


def _one_after_another(
    fits: Sequence[Fit], plan: PortfolioPlan, processes: Processes, budget: TimeBudget
) -> Iterator[tuple[Fit, Result]]:
    """Run fits in this process."""
    for done, fit in enumerate(fits):
        seconds = max(0.0, budget.left()) * _share(fits[done:], plan)
        result: Result
        try:
            result = fit.run(plan.final_data, seconds, processes)
        except Exception as exc:
            result = exc
        yield fit, result


def _share(rest: Sequence[Fit], plan: PortfolioPlan) -> float:
    """Return the share of the time left for the first of the fits that are still to be run.

    Members without a training may take all of it unless there are so many series that it is scarce.
    """
    if plan.whole is None:
        return 1.0 if rest[0].candidate.family != "neural" else 1 / len(rest)
    seconds = [max(1.0, fit.expected) for fit in rest]
    return seconds[0] / sum(seconds)
