"""Fit the final members of an ensemble on all rows, within the time that is left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from automodel_sk.auto_model import AutoModel
from automodel_sk.exceptions import SearchError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.affordable import final_seconds
from automodel_sk.portfolio.blocks import fit_in_blocks
from automodel_sk.portfolio.budget import PortfolioBudget
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.combiners import Combination
from automodel_sk.portfolio.members.base import Deadline, FittedMember
from automodel_sk.portfolio.members.naive import naive_member
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.members.tree import FittedTree
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.search import SearchedPortfolio
from automodel_sk.portfolio.store import kept_member
from automodel_sk.portfolio.team import WeightedMember
from automodel_sk.search.final_refit import BestTrial, final_model_of
from automodel_sk.search.optuna.workers.pool import workers_wanted
from automodel_sk.training.build import is_padded
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

__all__ = ["fit_members"]

logger = logging.getLogger(__name__)

_HOPELESS = 0.5
"""A refit that would take twice the time that is left is not begun."""
_LEAST_SECONDS = 1.0


def fit_members(
    combination: Combination,
    searched: SearchedPortfolio,
    plan: PortfolioPlan,
    options: OptimizationConfig,
    budget: PortfolioBudget,
    folder: Path,
    on_progress: Callable[[float], None],
) -> list[WeightedMember]:
    """Fit the members of a combination on all rows.

    Members without a training come first. The time that is left is divided among the networks; one
    that has too little keeps the weights of its trial. A member that fails is left out, and its
    weight goes to the others.

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
    fitted: list[WeightedMember] = []
    workers = workers_wanted(options)
    chosen = sorted(
        combination.weights.items(),
        key=lambda pair: (searched.candidates[pair[0]].family == "neural", -pair[1]),
    )
    for done, (place, weight) in enumerate(chosen):
        candidate = searched.candidates[place]
        rest = [searched.candidates[i] for i, _ in chosen[done:]]
        seconds = max(0.0, budget.left()) * _share(rest, plan, workers)
        try:
            if candidate.family == "neural":
                member, note = _network(candidate, searched, plan, options, seconds)
            else:
                member, note = _other(candidate, plan, budget, folder, seconds, workers)
        except Exception as exc:
            logger.warning("%s is left out of the ensemble: %s", candidate.name, exc)
            logger.debug("the final model failed", exc_info=True)
            continue
        fitted.append(WeightedMember(member, weight, candidate.number, note))
        on_progress((done + 1) / len(chosen))
    if not fitted:
        logger.warning("no member could be fitted; the forecasts are those of a baseline")
        fitted = [_baseline(searched.candidates, plan)]
    total = sum(each.weight for each in fitted)
    return [replace(each, weight=each.weight / total) for each in fitted]


def _baseline(candidates: Sequence[Candidate], plan: PortfolioPlan) -> WeightedMember:
    """Return the best naive candidate, which takes no time; seasonal naive if there is none."""
    naive = [each for each in candidates if each.family == "naive" and each.is_complete]
    best = min(naive, key=lambda each: each.score, default=None)
    member = naive_member("SeasonalNaive" if best is None else best.name)
    number = None if best is None else best.number
    return WeightedMember(member.fit(plan.final_data, Deadline()), 1.0, number)


def _share(rest: Sequence[Candidate], plan: PortfolioPlan, workers: int) -> float:
    """Return the share of the time left for the first of the candidates still to be fitted.

    Members without a training may take all of it unless there are so many series that it is scarce.
    """
    if plan.whole is None:
        return 1.0 if rest[0].family != "neural" else 1 / len(rest)
    seconds = [max(1.0, final_seconds(candidate, plan, workers)) for candidate in rest]
    return seconds[0] / sum(seconds)


def _other(
    candidate: Candidate,
    plan: PortfolioPlan,
    budget: PortfolioBudget,
    folder: Path,
    seconds: float,
    workers: int,
) -> tuple[FittedMember, str | None]:
    """Return a member fitted to all rows, or as trained before the windows if time is short."""
    kept = kept_member(folder, candidate.name)
    short = budget.left() < _HOPELESS * budget.expected_refit(candidate.name)
    if kept is None or not short:
        try:
            member = plan.members[candidate.name]
            deadline = Deadline(max(_LEAST_SECONDS, seconds))
            return fit_in_blocks(member, plan.final_data, deadline, workers), None
        except SearchError:
            if kept is None:
                raise
    assert kept is not None
    if plan.whole is not None and isinstance(kept, FittedTree):
        kept = kept.on(plan.final_data)
    return kept, (
        "the time budget left no time to train on all rows: the member was trained on those before"
        " the validation windows; raise time_budget_hours"
    )


def _network(
    candidate: Candidate,
    searched: SearchedPortfolio,
    plan: PortfolioPlan,
    options: OptimizationConfig,
    seconds: float,
) -> tuple[FittedMember, str | None]:
    """Return a network's final model, trained in some seconds."""
    record = next(r for r in searched.records if r.number == candidate.number)
    network = plan.final_plan(candidate.name)
    trainer = searched.request.several
    task = trainer.tasks[candidate.name]  # type: ignore[union-attr]  # a PortfolioTrainer
    own = TimeBudget(seconds if options.time_budget_hours is not None else None)
    own.note(_as_single(record, candidate))
    refit = "best_weights" if searched.interrupted else options.refit
    best = BestTrial(task, candidate.config, record.best_step, record.state == "COMPLETE")
    final = final_model_of(
        best,
        network,
        replace(options, refit=refit),
        lambda: searched.dataset,
        own,
        lambda _share: None,
    )
    padded = is_padded(network.task, candidate.config)
    model = AutoModel(
        final.fitted,
        replace(network.task, objective=None, pad_short_series=padded),
        candidate.config,
        best_step=record.best_step,
        trained_steps=final.steps,
        training_note=final.note,
        records=[_as_single(record, candidate)],
        profile=network.profile,
        season=plan.data.season,
        space=network.space,
    )
    return NeuralMember(model), final.note


def _as_single(record: TrialRecord, candidate: Candidate) -> TrialRecord:
    """Return a trial as one of a search over its model alone."""
    return replace(record, params=dict(candidate.config))
