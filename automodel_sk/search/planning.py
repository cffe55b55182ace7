"""Make a plan from the user's input: validate, analyse, choose an algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from automodel_sk.catalog.losses import resolve_loss
from automodel_sk.catalog.models import get_characteristics, is_joint
from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS
from automodel_sk.data.analysis import DatasetProfile, analyse_dataset
from automodel_sk.data.held_out import (
    held_out_steps,
    hold_out,
    least_rows,
    long_enough,
    of_series,
    without_last,
)
from automodel_sk.data.preparation import (
    MASK,
    WEIGHT,
    align_static,
    date_order,
    prepare_frame,
    read_times,
)
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import Metric, resolve_metric
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.optuna.workers.pool import workers_wanted
from automodel_sk.search.study.identity import (
    data_digest,
    data_facts,
    loss_identity,
    metric_identity,
)
from automodel_sk.search_algorithm_selector import (
    SearchAlgorithmSelector,
    SearchStrategy,
    recommend_num_samples,
)
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.default_spaces import default_search_space
from automodel_sk.training.devices import trainer_options
from automodel_sk.training.objective import Objective, make_objective, outputs_of
from automodel_sk.training.task import PLATEAU, TrainingTask
from automodel_sk.validation import ValidationResult, validate_all
from automodel_sk.validation.config.parameters import unknown_parameters
from automodel_sk.validation.data.categories import categorical_names

__all__ = ["SearchPlan", "UserInput", "make_plan"]

_OF_COUNTS = ("Poisson", "NegativeBinomial", "Tweedie", "PMM", "NBMM")
_OWNED = ("h", "loss", "valid_loss", "n_series", "random_seed")


@dataclass(frozen=True)
class UserInput:
    """The user's input apart from the options.

    Parameters
    ----------
    model_name, h, dataset, config, loss, static_df
        As in `create_auto_model`.
    futr_exog_list, hist_exog_list, stat_exog_list : sequence of str
        Exogenous columns by kind.
    """

    model_name: str
    h: int
    dataset: Any
    config: Any = None
    loss: Any = None
    static_df: Any = None
    futr_exog_list: Sequence[str] = ()
    hist_exog_list: Sequence[str] = ()
    stat_exog_list: Sequence[str] = ()


@dataclass(frozen=True)
class SearchPlan:
    """Everything that is decided before the first trial.

    Parameters
    ----------
    task : TrainingTask
        Model, horizon, losses, columns.
    space : SearchSpace
        The search space; fixed if a configuration was passed.
    frame : DataFrame
        Prepared long frame.
    static_df : DataFrame, optional
        One row per series, in the order of the frame.
    profile : DatasetProfile
        Characteristics of the data.
    validation : ValidationResult
        Findings of the validator.
    strategy : SearchStrategy, optional
        None for a fixed configuration.
    num_samples : int
        Trials in all; 0 for a fixed configuration.
    explanation : str
        How the number of trials was determined.
    objective : Objective, optional
        Scores the trials instead of the validation loss.
    """

    task: TrainingTask
    space: SearchSpace
    frame: pd.DataFrame
    static_df: pd.DataFrame | None
    profile: DatasetProfile
    validation: ValidationResult
    strategy: SearchStrategy | None
    num_samples: int
    explanation: str
    objective: Objective | None = None

    def trial_data(self) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        """Return the rows that trials are trained and validated on, and their static values.

        Series that are too short for validation have few or no rows before the held-out ones and
        are left out. Models that forecast all series jointly need them to keep their positions, so
        there the held-out rows are masked instead.
        """
        least = least_rows(self.profile.lengths, self.task.h, self.task.val_size)
        kept = long_enough(self.frame, least)
        if is_joint(self.task.model_name):
            return without_last(self.frame, ~kept, self.task.val_size), self.static_df
        static = self.static_df
        return of_series(self.frame, kept), None if static is None else static[kept]

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the data."""
        return data_digest(self.frame, self.static_df)

    def identity(self) -> dict[str, str]:
        """Return what must be unchanged for a stopped search to resume."""
        task = self.task
        label = None if self.objective is None else self.objective.metric.label
        columns = {
            "columns known ahead": task.futr_exog,
            "historic columns": task.hist_exog,
            "static columns": task.stat_exog,
            "mask and weights": [name for name in (MASK, WEIGHT) if name in self.frame],
        }
        return {
            "model": task.model_name,
            "horizon": str(task.h),
            "search space": self.space.fingerprint(),
            **{kind: ", ".join(names) or "none" for kind, names in columns.items()},
            "loss": loss_identity(task.loss),
            "metric": metric_identity(task.metric, label),
            "validation windows": f"{task.n_windows} in {task.val_size} steps",
            **data_facts(self.frame, self.static_df),
        }


def make_plan(given: UserInput, options: OptimizationConfig) -> SearchPlan:
    """Validate the input, analyse the data, choose the algorithm and build the space.

    Parameters
    ----------
    given : UserInput
        Model, data, space, loss, columns.
    options : OptimizationConfig
        How to search.

    Returns
    -------
    SearchPlan

    Raises
    ------
    InvalidInputError
        Carries the validator's findings.
    """
    dataset = read_times(given.dataset)
    report = _validate(given, dataset, options)
    report.raise_if_invalid()
    profile = analyse_dataset(
        dataset,
        freq=options.freq,
        futr_exog=given.futr_exog_list,
        hist_exog=given.hist_exog_list,
        static_df=given.static_df,
    )
    profile = replace(profile, date_order=date_order(given.dataset))
    _check_loss(given.loss, profile)
    space = _space(given, profile)
    task = _task(given, options, profile, space)
    frame = prepare_frame(dataset, [*task.futr_exog, *task.hist_exog])
    task = replace(task, has_mask=MASK in frame.columns)
    static = align_static(given.static_df, frame, task.stat_exog)
    season = options.season_length or profile.season_length
    metric = resolve_metric(options.metric, season)
    objective = None
    if metric is not None and space.needs_validation:
        objective = _objective(metric, season, task, frame, profile)
    num_samples, explanation = _trial_count(given, options, profile, space)
    strategy = _strategy(given, options, task, profile, space, num_samples)
    num_samples = 0 if strategy is None else strategy.num_samples
    return SearchPlan(
        task, space, frame, static, profile, report, strategy, num_samples, explanation, objective
    )


def _validate(given: UserInput, dataset: Any, options: OptimizationConfig) -> ValidationResult:
    # The tracking server is checked when the tracker starts.
    tracked = ("use_mlflow", "mlflow_tracking_uri", "mlflow_experiment_name")
    asked = {name: value for name, value in options.to_dict().items() if name not in tracked}
    return validate_all(
        config=given.config,
        model_class_name=given.model_name,
        dataset=dataset,
        h=given.h,
        futr_exog_list=tuple(given.futr_exog_list),
        hist_exog_list=tuple(given.hist_exog_list),
        stat_exog_list=tuple(given.stat_exog_list),
        static_df=given.static_df,
        **asked,
    )


def _check_loss(loss: Any, profile: DatasetProfile) -> None:
    """Raise before any trial if a count loss is used with a negative target."""
    resolved = resolve_loss(loss)
    name = getattr(resolved, "distribution", None) or type(resolved).__name__
    if profile.has_negatives and name in _OF_COUNTS:
        raise InvalidInputError(
            f"loss {name} is for values of at least 0, and 'y' holds negative ones; pass another"
            " loss, e.g. loss='normal', or correct the values"
        )


def _space(given: UserInput, profile: DatasetProfile) -> SearchSpace:
    if given.config is None:
        space = default_search_space(given.model_name, given.h, profile.n_series)
    else:
        space = SearchSpace.parse(given.config)
    tuned = [*space.domains, *space.constants]
    return space.without(*_OWNED, *unknown_parameters(tuned, given.model_name))


def _task(
    given: UserInput,
    options: OptimizationConfig,
    profile: DatasetProfile,
    space: SearchSpace,
) -> TrainingTask:
    loss = resolve_loss(given.loss)
    val_size = held_out_steps(given.h, options.n_windows, options.step_size)
    return TrainingTask(
        model_name=given.model_name,
        h=given.h,
        val_size=val_size,
        n_series=profile.n_series,
        loss=loss,
        random_seed=options.random_seed,
        futr_exog=tuple(given.futr_exog_list),
        hist_exog=tuple(given.hist_exog_list),
        stat_exog=tuple(given.stat_exog_list),
        cat_exog=categorical_names(given.config),
        trainer_options=trainer_options(options.gpus),
        plateau=PLATEAU if options.use_pruning else None,
        lengths=profile.lengths,
        step_size=options.step_size,
        metric=options.metric,
    )


def _objective(
    metric: Metric, season: int, task: TrainingTask, frame: pd.DataFrame, profile: DatasetProfile
) -> Objective:
    """Return the tested objective of the trials, or None for the training loss."""
    judged = long_enough(frame, least_rows(profile.lengths, task.h, task.val_size))
    past = of_series(frame, judged)
    windows = hold_out(past, task.h, task.n_windows, task.step_size, season=season)
    objective = make_objective(metric, windows, past)
    if is_joint(task.model_name):
        objective = replace(objective, series=judged)
    objective.check(outputs_of(task))
    return objective


def _trial_count(
    given: UserInput, options: OptimizationConfig, profile: DatasetProfile, space: SearchSpace
) -> tuple[int, str]:
    if not space.needs_validation:
        return 0, "A fixed configuration is trained once, without a search."
    if space.is_fixed:
        return 1, "A fixed configuration that stops early is trained once beforehand, to see when."
    if options.num_samples is not None:
        return options.num_samples, f"{options.num_samples} trials, as asked for."
    characteristics = get_characteristics(given.model_name)
    steps = (space.bounds_of("max_steps") or (DEFAULT_MAX_STEPS, DEFAULT_MAX_STEPS))[1]
    revised = options.time_budget_hours is not None and options.backend == "optuna"
    number, why = recommend_num_samples(
        characteristics.complexity,
        profile.size,
        space.complexity,
        time_budget_hours=None if revised else options.time_budget_hours,
        minutes_per_trial=max(0.01, characteristics.typical_training_time_minutes * steps / 1000),
        n_parallel=workers_wanted(options),
    )
    return number, f"{why} As many are run as fit into the time budget." if revised else why


def _strategy(
    given: UserInput,
    options: OptimizationConfig,
    task: TrainingTask,
    profile: DatasetProfile,
    space: SearchSpace,
    num_samples: int,
) -> SearchStrategy | None:
    if not space.needs_validation:
        return None
    return SearchAlgorithmSelector(backend=options.backend).select_algorithm(
        model_complexity=get_characteristics(given.model_name).complexity,
        dataset_size=profile.size,
        num_samples=num_samples,
        config=space,
        use_pruning=options.use_pruning,
        random_seed=options.random_seed,
        n_reports=_reports(task, space),
    )


def _reports(task: TrainingTask, space: SearchSpace) -> int:
    """Return how many validations the shortest trial of a space makes."""
    steps = (space.bounds_of("max_steps") or (DEFAULT_MAX_STEPS, DEFAULT_MAX_STEPS))[0]
    interval = space.bounds_of("val_check_steps")
    open_interval = task.check_interval(int(steps))
    return max(1, int(steps) // int(interval[1] if interval else open_interval))
