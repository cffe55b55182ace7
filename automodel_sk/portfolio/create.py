"""Tune several models with one call: the portfolio's side of `create_auto_model`."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from automodel_sk._utils.by_reason import by_reason
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.preparation import WEIGHT
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.budget import PortfolioBudget, TrialsBudget
from automodel_sk.portfolio.conclusion import conclusion, time_line
from automodel_sk.portfolio.description import describe_plan
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.first_trials import within_budget
from automodel_sk.portfolio.names import names_several, read_names
from automodel_sk.portfolio.plan import PortfolioPlan, plan_portfolio
from automodel_sk.portfolio.plan_one import is_one_configuration, plan_one
from automodel_sk.portfolio.presets import with_preset, with_time_limit
from automodel_sk.portfolio.run import run_portfolio
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.unread import unread_by_all, unread_message
from automodel_sk.portfolio.workers import workers_of
from automodel_sk.search.planning import UserInput
from automodel_sk.search.progress import say
from automodel_sk.search.request_builder import start_workers_early
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search.study.study_key import study_key, tracked_id
from automodel_sk.search.summary import OptimizationSummary
from automodel_sk.selection.requested import object_name
from automodel_sk.tracking import make_tracker
from automodel_sk.tracking.base import SearchRecord
from automodel_sk.tracking.records import data_record, model_record, report_file
from automodel_sk.training.turns import search_turn

__all__ = ["create_ensemble"]

logger = logging.getLogger(__name__)


def create_ensemble(
    given: UserInput, options: OptimizationConfig, names: ColumnNames
) -> tuple[AutoEnsemble, OptimizationSummary]:
    """Search several models or one, combine the best trials, and fit them on all rows.

    Parameters
    ----------
    given : UserInput
        The user's input, with the engine's column names. One network by name is searched as
        without an ensemble.
    options : OptimizationConfig
        Converted options, with a study name.
    names : ColumnNames
        The user's names of the columns.

    Returns
    -------
    AutoEnsemble, OptimizationSummary
    """
    started = datetime.now().astimezone()
    one = None if names_several(given.model_name) else _of_one(given, options, names)
    plan, options, budget = one or _of_several(*_named(given, options), names)
    with search_turn(lambda: logger.info("another search runs in this process")) as waited:
        budget.add(waited)
        begun = started + timedelta(seconds=waited)
        return _tracked(plan, options, budget, names, begun)


_Planned = tuple[PortfolioPlan, OptimizationConfig, PortfolioBudget | TrialsBudget]


def _of_one(given: UserInput, options: OptimizationConfig, names: ColumnNames) -> _Planned | None:
    """Plan the search of one network; None if its configuration is fixed, so that there is none."""
    say(f"{given.model_name}: checking the data", options.verbose)
    limit = time_line(options, given.model_name)
    options = with_time_limit(options)
    budget = TrialsBudget(_seconds(options), refit=options.refit)
    start_workers_early(options)
    with names.worded() if names.differ else nullcontext():
        plan = plan_one(given, options)
    if is_one_configuration(plan):
        return None
    # Workers on other machines plan the same search from the options.
    options = replace(options, n_windows=plan.data.n_windows)
    say(limit, options.verbose)
    _announce_one(plan, options)
    return plan, options, budget


def _named(given: UserInput, options: OptimizationConfig) -> tuple[UserInput, OptimizationConfig]:
    """Return the arguments as those of several models: a fixed configuration is one trial."""
    name = given.model_name
    if names_several(name):
        return given, options
    config = None if given.config is None else {name: given.config}
    number = 1 if options.time_budget_hours is None else options.num_samples
    given = replace(given, model_name=[name], config=config)
    return given, replace(options, num_samples=number, warm_start=None)


def _of_several(given: UserInput, options: OptimizationConfig, names: ColumnNames) -> _Planned:
    say(time_line(options), options.verbose)
    options = with_preset(options)
    seconds = _seconds(options)
    budget = PortfolioBudget(seconds, refit=options.refit)
    start_workers_early(options)
    with names.worded() if names.differ else nullcontext():
        planned = plan_portfolio(given, options)
        workers = workers_of(planned, options)
        plan = within_budget(planned, seconds, workers)
    budget.share_refits(
        plan.refit_shares(workers), plan.refits_most, plan.refits_at_a_time(workers)
    )
    budget.of_networks(plan.networks)
    with names.worded() if names.differ else nullcontext():
        _announce(plan, options, by_name=read_names(given.model_name) is not None)
    return plan, options, budget


def _seconds(options: OptimizationConfig) -> float | None:
    hours = options.time_budget_hours
    return None if hours is None else hours * 3600


def _announce_one(plan: PortfolioPlan, options: OptimizationConfig) -> None:
    search = plan.alone
    assert search is not None
    assert search.strategy is not None
    for warning in search.validation.warnings:
        logger.warning(warning)
    say(f"Data: {plan.profile.in_words(options.season_length)}", options.verbose)
    windows = f"{plan.data.n_windows} validation windows of {plan.data.h} steps"
    say(f"Trials: {search.explanation} The best are combined by {windows}.", options.verbose)
    say(f"Algorithm: {search.strategy.description}", options.verbose)
    location = StudyLocation(str(options.study_name), options.storage)
    say(f"Study: {options.study_name!r} in {location}", options.verbose)


def _announce(plan: PortfolioPlan, options: OptimizationConfig, *, by_name: bool) -> None:
    for warning in plan.validation.warnings:
        logger.warning(warning)
    if WEIGHT in plan.data.frame.columns and (local := _without_weights(plan)):
        logger.warning(
            "column %r has no effect on %s, which take no weights; if they matter, name models that"
            " do: networks, 'LightGBM' and 'DirectLightGBM'",
            WEIGHT,
            ", ".join(local),
        )
    say(f"Data: {plan.profile.in_words(options.season_length)}", options.verbose)
    plural = "" if plan.data.n_windows == 1 else "s"
    windows = f"{plan.data.n_windows} validation window{plural} of {plan.data.h} steps"
    say(f"Models: {', '.join(plan.names)}; {windows}", options.verbose)
    say(f"Plan: {describe_plan(plan, options)}", options.verbose)
    if plan.sample_note is not None:
        say(f"Sample: {plan.sample_note}", options.verbose)
    for names, reason in by_reason(plan.left_out):
        say(f"Left out: {names}: {reason}", options.verbose)
    _announce_spaces(plan)
    _announce_columns(plan, options, by_name=by_name)
    location = StudyLocation(str(options.study_name), options.storage)
    say(f"Study: {options.study_name!r} in {location}", options.verbose)


def _announce_spaces(plan: PortfolioPlan) -> None:
    """Warn of search spaces without effect, with the reason."""
    for names, reason in by_reason({name: plan.left_out[name] for name in plan.unused_spaces}):
        logger.warning("config has a space of %s, which takes no part: %s", names, reason)


def _announce_columns(plan: PortfolioPlan, options: OptimizationConfig, *, by_name: bool) -> None:
    """Say which columns are left out of which models; of "auto", which chooses, only if asked."""
    message = unread_message(plan)
    if message is None:
        return
    if by_name or unread_by_all(plan):
        logger.warning(message)
    else:
        say(f"Columns: {message}", options.verbose)


def _without_weights(plan: PortfolioPlan) -> list[str]:
    """Return the models that rows of any weight count the same for."""
    return [name for name, member in plan.members.items() if member.family != "tree"]


def _tracked(
    plan: PortfolioPlan,
    options: OptimizationConfig,
    budget: PortfolioBudget | TrialsBudget,
    names: ColumnNames,
    started: datetime,
) -> tuple[AutoEnsemble, OptimizationSummary]:
    tracker = make_tracker(
        options.use_mlflow,
        options.mlflow_tracking_uri,
        options.mlflow_experiment_name,
        options.mlflow_register_as,
    )
    location = StudyLocation(str(options.study_name), options.storage)
    key = study_key(location, options.resume) if options.use_mlflow else None
    tracker.start(_search_record(plan, options, names, tracked_id(location, key)), wait=False)
    try:
        model = run_portfolio(plan, options, budget, tracker, names, key)
    except (KeyboardInterrupt, SystemExit):
        tracker.finish("KILLED")
        raise
    except BaseException:
        tracker.finish("FAILED")
        raise
    summary = _summary(model, plan, options, started)
    say(conclusion(model, summary["seconds"]), options.verbose)
    table = model.leaderboard()
    tracker.finish(
        "FINISHED",
        metrics=summary.metrics(),
        artifacts={**summary.artifacts(), "leaderboard.csv": table, **report_file(model)},
        model=model_record(model),
        by_model={} if plan.of_trials else _metrics_by_model(table, summary["metric"]),
    )
    return model, summary


def _metrics_by_model(table: pd.DataFrame, metric: str) -> dict[str, dict[str, float]]:
    """Return the metrics of each model: its best score, its weight and its trials."""
    tried = table[table["trial"].notna()]
    found = {}
    for name, rows in tried.groupby("model", sort=False):
        own = {
            "n_trials": len(rows),
            "n_failed": int((rows["state"] == "FAIL").sum()),
            "weight": rows["weight"].sum(),
            "seconds": rows["seconds"].sum(),
        }
        if rows["score"].notna().any():
            best = rows["score"].min()
            own |= {"best_score": best, "best_val_loss": best, metric: best}
        found[str(name)] = {name: float(value) for name, value in own.items()}
    return found


def _summary(
    model: AutoEnsemble, plan: PortfolioPlan, options: OptimizationConfig, started: datetime
) -> OptimizationSummary:
    """Return the summary of the search, as `get_optimization_summary` gives it."""
    trials = model.trials
    states = trials["state"]
    summary = OptimizationSummary(
        model_name=model.model_name,
        h=model.h,
        models=", ".join(plan.names),
        backend=options.backend,
        study_name=options.study_name,
        **_algorithm(plan),
        n_windows=plan.data.n_windows,
        metric=plan.objective.metric.name,
        n_trials=len(trials),
        n_complete=int((states == "COMPLETE").sum()),
        n_pruned=int((states == "PRUNED").sum()),
        n_failed=int((states == "FAIL").sum()),
        combination=model.combination.name,
        weights={name: round(weight, 3) for name, weight in model.weights.items()},
        left_out=model.left_out,
        best_score=model.best_score,
        best_config=model.best_config,
        seconds=round((datetime.now().astimezone() - started).total_seconds(), 3),
    )
    if plan.whole is not None:
        summary["sample"] = plan.sample_note
    summary.trials = trials
    return summary


def _algorithm(plan: PortfolioPlan) -> dict[str, str | None]:
    """Return what drew and pruned the trials of one network."""
    strategy = None if plan.alone is None else plan.alone.strategy
    if strategy is None:
        return {}
    names = {"algorithm": strategy.algorithm_name, "pruner": strategy.pruner_name}
    return {**names, "description": strategy.description}


def _search_record(
    plan: PortfolioPlan, options: OptimizationConfig, names: ColumnNames, study_id: str
) -> SearchRecord:
    settings = {k: v for k, v in options.to_dict().items() if k not in ("storage", "verbose")}
    settings.pop("mlflow_tracking_uri")
    settings["warm_start"] = len(options.warm_start or ()) if plan.of_trials else None
    settings |= {name: object_name(settings[name]) for name in ("sampler", "pruner")}
    facts = {
        **_algorithm(plan),
        "models": ", ".join(plan.names),
        "h": plan.data.h,
        "n_series": plan.profile.n_series,
        "n_rows": plan.profile.n_rows,
        "freq": plan.profile.freq,
        "n_windows": plan.data.n_windows,
        "metric": plan.objective.metric.name,
    }
    tags = {"automodel_sk.study_id": study_id}
    return SearchRecord(
        str(options.study_name),
        plan.names[0] if plan.of_trials else "auto",
        {**settings, **facts},
        tags,
        data_record(plan.prepared.data, names) if options.use_mlflow else None,
        by=None if plan.of_trials else MODEL,
        metric=_metric_of_trials(plan),
    )


def _metric_of_trials(plan: PortfolioPlan) -> str | None:
    """Return the name of the trials' scores; None for the training loss of one network's."""
    objective = plan.objective if plan.alone is None else plan.alone.objective
    return None if objective is None else objective.metric.name
