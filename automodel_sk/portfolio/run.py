"""The whole of a search over several models: trials, combination, final members, ensemble."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.times.wall_dates import day_zone
from automodel_sk.metrics import display_name, metric_name
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.affordable import affordable
from automodel_sk.portfolio.budget import PortfolioBudget, TrialsBudget
from automodel_sk.portfolio.candidates import Candidate, choose_among
from automodel_sk.portfolio.combiners import Combination, combine
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.final import fit_members
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.search import MOST_TRIALS, number_of_trials, search_portfolio
from automodel_sk.portfolio.search_one import search_one
from automodel_sk.portfolio.searched import SearchedPortfolio
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.store import trial_files
from automodel_sk.portfolio.team import WeightedMember
from automodel_sk.portfolio.window_errors import errors_by, mean_error, standard_error
from automodel_sk.portfolio.workers import workers_of
from automodel_sk.search.prepared import treatment_of
from automodel_sk.search.progress import Callbacks, ProgressBar, TrackerCallback, progress_bar
from automodel_sk.search.run import score_name_of
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.tracking import Tracker
from automodel_sk.training.task import REPORTS_PER_TRIAL

__all__ = ["run_portfolio"]

logger = logging.getLogger(__name__)


def run_portfolio(
    plan: PortfolioPlan,
    options: OptimizationConfig,
    budget: PortfolioBudget | TrialsBudget,
    tracker: Tracker,
    columns: ColumnNames,
    key: str | None = None,
) -> AutoEnsemble:
    """Run a plan: search, combine, fit the members.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan.
    options : OptimizationConfig
        How to search.
    budget : PortfolioBudget or TrialsBudget
        The time for everything; of trials for an ensemble of one network's.
    tracker : Tracker
        A started tracker that each trial is logged to.
    columns : ColumnNames
        The user's names of columns.
    key : str, optional
        Key of the study if it is created.

    Returns
    -------
    AutoEnsemble
    """
    location = StudyLocation(str(options.study_name), options.storage)
    identity = (plan.alone or plan).identity()
    with trial_files(location, identity) as folder, _progress(plan, options, budget) as bar:
        callback = Callbacks([TrackerCallback(tracker), bar])
        if isinstance(budget, TrialsBudget):
            searched = search_one(plan, options, budget, folder, callback, bar, key)
        else:
            searched = search_portfolio(plan, options, budget, folder, callback, key)
        searched = _affordable(searched, plan, options, budget)
        combination = _combined(searched.candidates, plan, options)
        bar.on_refit()
        members = fit_members(combination, searched, plan, options, budget, folder, bar.on_refit)
    for each in members:
        if each.note is not None:
            logger.warning("%s: %s", each.member.name, each.note)
    profile = plan.profile
    combination = _of_fitted(combination, members, searched.candidates, plan)
    return AutoEnsemble(
        members,
        plan.final_data,
        combination,
        judged=plan.data,
        candidates=searched.candidates,
        metric=_judged_by(plan, options),
        zone=day_zone(plan.prepared.data.frame["ds"], profile.freq),
        random_seed=options.random_seed,
        records=searched.records,
        profile=profile,
        validation=plan.validation,
        columns=columns,
        treatment=treatment_of(options, profile),
        left_out=_left_out(searched, plan, options),
    )


def _judged_by(plan: PortfolioPlan, options: OptimizationConfig) -> Any:
    """Return the metric of the candidates' scores: a function of the user's, or a name."""
    name = plan.objective.metric.name
    own = callable(options.metric) and metric_name(options.metric) == name
    return options.metric if own else name


def _of_fitted(
    combination: Combination,
    members: Sequence[WeightedMember],
    candidates: Sequence[Candidate],
    plan: PortfolioPlan,
) -> Combination:
    """Return the combination of the members that could be fitted, if some could not.

    Its errors are theirs: intervals must not be those of better forecasts.
    """
    places = {candidate.number: place for place, candidate in enumerate(candidates)}
    weights = {places[m.number]: m.weight for m in members if m.number in places}
    if set(weights) == set(combination.weights) or len(weights) < len(members):
        return combination
    forecasts = combine({i: candidates[i].forecasts for i in weights}, weights, combination.kind)
    errors = errors_by(plan.objective)(forecasts)
    return replace(
        combination,
        name="best" if len(weights) == 1 else combination.name,
        weights=weights,
        score=mean_error(errors),
        standard_error=standard_error(errors),
        forecasts=forecasts,
        errors=errors,
    )


def _affordable(
    searched: SearchedPortfolio,
    plan: PortfolioPlan,
    options: OptimizationConfig,
    budget: PortfolioBudget | TrialsBudget,
) -> SearchedPortfolio:
    """Take weight from candidates that could not be fitted to all series in time."""
    workers = workers_of(plan, options)
    candidates = affordable(searched.candidates, plan, budget.left(), workers)
    return replace(searched, candidates=candidates)


def _progress(
    plan: PortfolioPlan, options: OptimizationConfig, budget: PortfolioBudget | TrialsBudget
) -> AbstractContextManager[ProgressBar]:
    """Return the progress bar: its first trials have known models, their number may be open."""
    if plan.alone is not None:
        one, strategy = plan.alone, plan.alone.strategy
        reports = REPORTS_PER_TRIAL if strategy is None else strategy.n_reports
        label, metric = one.task.model_name, score_name_of(one)
        prunes = strategy is not None and strategy.pruner_name is not None
        trials, verbose = one.num_samples, options.verbose
        return progress_bar(trials, label, verbose, budget, reports, metric=metric, prunes=prunes)
    number = number_of_trials(plan, options)
    return progress_bar(
        None if number == MOST_TRIALS else number,
        "auto",
        options.verbose,
        budget,
        metric=display_name(plan.objective.metric.name),
        models=[str(first[MODEL]) for first in plan.initial],
    )


def _left_out(
    searched: SearchedPortfolio, plan: PortfolioPlan, options: OptimizationConfig
) -> dict[str, str]:
    """Return the models that had no trial, and why: what the plan says, or how the search ended."""
    tried = {candidate.name for candidate in searched.candidates}
    reason = "the search ended before its first trial; a larger time budget includes it"
    if searched.interrupted:
        reason = "the search was stopped before its first trial ended"
    elif len(searched.records) >= number_of_trials(plan, options):
        given = f"num_samples={options.num_samples}"
        reason = f"{given} left no trial for it; a larger num_samples includes it"
    return {**{name: reason for name in plan.names if name not in tried}, **plan.left_out}


def _combined(
    candidates: Sequence[Candidate], plan: PortfolioPlan, options: OptimizationConfig
) -> Combination:
    """Choose the combination of the candidates."""
    step = plan.data.step_size or plan.data.h
    return choose_among(
        candidates,
        errors_by(plan.objective),
        allowed=options.ensemble or "auto",
        overlap=-(-plan.data.h // step) - 1,
    )
