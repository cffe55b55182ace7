"""Fit the final members of an ensemble on all rows, within the time that is left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from automodel_sk.auto_model import AutoModel
from automodel_sk.exceptions import SearchError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.budget import PortfolioBudget
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.combiners import Combination
from automodel_sk.portfolio.members.base import Deadline, FittedMember
from automodel_sk.portfolio.members.naive import naive_member
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.search import SearchedPortfolio
from automodel_sk.portfolio.store import kept_member
from automodel_sk.portfolio.team import WeightedMember
from automodel_sk.search.final_refit import BestTrial, final_model_of
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
    chosen = sorted(
        combination.weights.items(),
        key=lambda pair: (searched.candidates[pair[0]].family == "neural", -pair[1]),
    )
    for done, (place, weight) in enumerate(chosen):
        candidate = searched.candidates[place]
        seconds = max(0.0, budget.left()) / (len(chosen) - done)
        try:
            if candidate.family == "neural":
                member, note = _network(candidate, searched, plan, options, seconds)
            else:
                member, note = _other(candidate, plan, budget, folder)
        except Exception as exc:
            logger.warning("%s is left out of the ensemble: %s", candidate.name, exc)
            logger.debug("the final model failed", exc_info=True)
            continue
        fitted.append(WeightedMember(member, weight, candidate.number, note))
        on_progress((done + 1) / len(chosen))
    if not fitted:
        logger.warning("no member could be fitted; the forecasts repeat the last season")
        member = naive_member("SeasonalNaive").fit(plan.data, Deadline())
        fitted = [WeightedMember(member, 1.0)]
    total = sum(each.weight for each in fitted)
    return [replace(each, weight=each.weight / total) for each in fitted]


def _other(
    candidate: Candidate, plan: PortfolioPlan, budget: PortfolioBudget, folder: Path
) -> tuple[FittedMember, str | None]:
    """Return a member fitted to all rows, or as trained before the windows if time is short."""
    kept = kept_member(folder, candidate.name)
    short = budget.left() < _HOPELESS * budget.expected_refit(candidate.name)
    if kept is None or not short:
        try:
            seconds = max(_LEAST_SECONDS, budget.left())
            return plan.members[candidate.name].fit(plan.data, Deadline(seconds)), None
        except SearchError:
            if kept is None:
                raise
    assert kept is not None
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
    network = plan.networks[candidate.name]
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
    model = AutoModel(
        final.fitted,
        replace(network.task, pad_short_series=is_padded(network.task, candidate.config)),
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
