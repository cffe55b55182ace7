"""Run the trials of several models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from automodel_sk.catalog.scales import ModelComplexity
from automodel_sk.exceptions import NoUsableTrialError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.budget import PortfolioBudget
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.first_trials import cheap_share
from automodel_sk.portfolio.members.base import Deadline, Member
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.sampler import PATIENCE, is_over, make_pruner, make_sampler
from automodel_sk.portfolio.searched import SearchedPortfolio, run_until_stopped, with_candidates
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.store import model_folder
from automodel_sk.portfolio.trainer import PortfolioTrainer
from automodel_sk.portfolio.window_errors import Errors, errors_by
from automodel_sk.portfolio.window_store import WindowStore
from automodel_sk.portfolio.workers import gpu_share, workers_of
from automodel_sk.search.backends import make_backend
from automodel_sk.search.optuna.objects import check_sendable
from automodel_sk.search.request_builder import training_data
from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.search_spec import describe_portfolio
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector, SearchStrategy
from automodel_sk.selection.algorithm_tables import SearchFacts
from automodel_sk.selection.requested import object_name, pruner_for
from automodel_sk.training.task import REPORTS_PER_TRIAL, TrainingTask

__all__ = [
    "MOST_TRIALS",
    "dataset_of",
    "number_of_trials",
    "portfolio_request",
    "search_portfolio",
]

MOST_TRIALS = 10_000
KEPT_WEIGHTS = 3
"""Trials of each network whose weights are kept, so that they can be members unchanged."""


def search_portfolio(
    plan: PortfolioPlan,
    options: OptimizationConfig,
    budget: PortfolioBudget,
    folder: Path,
    callback: SearchCallback,
    key: str | None = None,
) -> SearchedPortfolio:
    """Run the trials until they are done, the time is up, or the user stops them.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan.
    options : OptimizationConfig
        How to search.
    budget : PortfolioBudget
        The time for search and final models.
    folder : Path
        Where trials leave their forecasts and weights.
    callback : SearchCallback
        Receives the events.
    key : str, optional
        Key of the study if it is created.

    Returns
    -------
    SearchedPortfolio

    Raises
    ------
    NoUsableTrialError
        No model could forecast the windows; lists the reasons.
    """
    request = replace(portfolio_request(plan, options, budget, folder), key=key)
    trainer = request.several
    assert isinstance(trainer, PortfolioTrainer)
    dataset = dataset_of(plan)
    ended = run_until_stopped(
        lambda notified: make_backend(options.backend).run(request, dataset, notified), callback
    )
    store = WindowStore(plan, trainer.tasks, request.location, folder)
    searched = with_candidates(ended, plan, store, trainer.tasks, dataset, budget)
    if not any(candidate.is_complete for candidate in searched.candidates):
        first = max((r.number for r in searched.records), default=-1) + 1
        naive = _at_once(plan, errors_by(plan.objective), first)
        searched = replace(searched, candidates=[*searched.candidates, *naive])
    if all(candidate.forecasts is None for candidate in searched.candidates):
        raise NoUsableTrialError(_reasons(searched.candidates))
    return searched


def _at_once(plan: PortfolioPlan, errors_of: Errors, first_number: int) -> list[Candidate]:
    """Return the naive members as candidates, where time sufficed for no trial at all."""
    candidates = []
    for number, (name, member) in enumerate(_naive_members(plan).items(), first_number):
        point = member.forecast_windows(plan.data, Deadline()).point
        candidates.append(Candidate(number, name, "naive", "COMPLETE", {}, point, errors_of(point)))
    return candidates


def _naive_members(plan: PortfolioPlan) -> dict[str, Member]:
    return {n: m for n, m in plan.members.items() if MEMBERS[n].family == "naive"}


def portfolio_request(
    plan: PortfolioPlan, options: OptimizationConfig, budget: PortfolioBudget, folder: Path
) -> SearchRequest:
    """Return the request for a backend: one study for the trials of all models."""
    workers, trials = workers_of(plan, options), number_of_trials(plan, options)
    location = StudyLocation(str(options.study_name), options.storage)
    cheap = [str(params[MODEL]) for params in plan.initial if params[MODEL] in plan.members]
    trainer = PortfolioTrainer(
        {name: _task_of(plan, name, options, folder) for name in plan.networks},
        plan.members,
        plan.data,
        plan.objective,
        str(folder),
        budget,
        tuple(plan.networks),
        workers,
        cheap=[n for n in cheap if MEMBERS[n].family != "naive"],
        cheap_share=cheap_share(plan),
        in_study=location.is_url,
    )
    patience = options.patience if options.patience is not None else PATIENCE
    request = SearchRequest(
        task=_any_task(plan, options),
        space=plan.spaces,  # type: ignore[arg-type]  # has what trials use of a search space
        strategy=_strategy(plan, options),
        num_samples=trials,
        location=location,
        identity=plan.identity(),
        resume=options.resume,
        budget=budget,
        random_seed=options.random_seed,
        workers=max(1, min(workers, trials)),
        cpus=options.cpus,
        gpus=options.gpus,
        trials_per_gpu=gpu_share(plan, options),
        ray_address=options.ray_address,
        trial_timeout_minutes=options.trial_timeout_minutes,
        several=trainer,
        initial=plan.initial,
        make_sampler=make_sampler(plan.spaces),
        job=_described(plan, options),
        is_over=partial(is_over, spaces=plan.spaces, patience=patience),
        metric=plan.objective.metric.name,
        make_pruner=make_pruner(_pruner(plan, options)) if options.use_pruning else None,
    )
    check_sendable(request)
    return request


def _task_of(
    plan: PortfolioPlan, name: str, options: OptimizationConfig, folder: Path
) -> TrainingTask:
    """Return a network's task, which keeps forecasts and weights."""
    task = plan.networks[name].task
    own = model_folder(folder, name)
    task = _with_precision(task, options)
    return replace(task, forecasts=own, weights=own, keep=KEPT_WEIGHTS)


def _with_precision(task: TrainingTask, options: OptimizationConfig) -> TrainingTask:
    precision = "32-true" if options.precision == "auto" else options.precision
    return replace(task, trainer_options={**task.trainer_options, "precision": precision})


def _described(plan: PortfolioPlan, options: OptimizationConfig) -> dict[str, Any]:
    """Return the search in JSON format, for workers on other machines."""
    losses = [network.task.loss for network in plan.networks.values()]
    columns = ("futr_exog", "hist_exog", "stat_exog")
    return describe_portfolio(
        plan.names,
        {name: network.space for name, network in plan.networks.items()},
        plan.data.h,
        losses[0] if losses else None,
        {name: getattr(plan.data, name) for name in columns},
        number_of_trials(plan, options),
        options,
        is_auto=plan.is_auto,
    )


def _any_task(plan: PortfolioPlan, options: OptimizationConfig) -> TrainingTask:
    for network in plan.networks.values():
        return _with_precision(network.task, options)
    data = plan.data
    return TrainingTask(next(iter(plan.members)), data.h, data.held_out, len(data.lengths))


def _strategy(plan: PortfolioPlan, options: OptimizationConfig) -> SearchStrategy:
    words = f"Defaults of {len(plan.names)} models first, then TPE for the best of them"
    return SearchStrategy(
        "TPESampler",
        pruner_name=object_name(options.pruner or "MedianPruner") if options.use_pruning else None,
        description=f"{words}.",
        backend=options.backend,
        random_seed=options.random_seed,
        num_samples=number_of_trials(plan, options),
        n_reports=REPORTS_PER_TRIAL,
    )


def _pruner(plan: PortfolioPlan, options: OptimizationConfig) -> Any:
    """Return the pruner that the user asked for, or None for the portfolio's own."""
    if not isinstance(options.pruner, str):
        return options.pruner
    facts = SearchFacts(ModelComplexity.MODERATE, plan.profile.size, 1, None)
    chosen = pruner_for(
        "optuna",
        facts,
        options.pruner,
        n_trials=number_of_trials(plan, options),
        n_reports=REPORTS_PER_TRIAL,
    )
    named = SearchStrategy("", pruner_name=chosen.name, pruner_kwargs=chosen.kwargs)
    return SearchAlgorithmSelector("optuna").get_optuna_pruner(named)


def number_of_trials(plan: PortfolioPlan, options: OptimizationConfig) -> int:
    """Return the trials in all: `num_samples` counts those of networks only."""
    cheap = sum(params[MODEL] in plan.members for params in plan.initial)
    if not plan.spaces.tuned:
        return len(plan.initial)
    if options.num_samples is not None:
        return cheap + options.num_samples
    return MOST_TRIALS


def dataset_of(plan: PortfolioPlan) -> Any:
    """Return the rows for all networks; each reads the columns that it supports."""
    for network in plan.networks.values():
        shared = replace(network, data=plan.prepared.data)
        return training_data(shared, plan.category_codes())
    return None


def _reasons(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return "the time budget was used up before the first model; raise time_budget_hours"
    lines = [f"  {each.name}: {each.reason or each.state.lower()}" for each in candidates]
    return "no model could forecast the validation windows:\n" + "\n".join(lines)
