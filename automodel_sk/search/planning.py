"""Plan the search of a model on prepared data: validate, choose the algorithm, build the space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from automodel_sk.catalog.losses import resolve_loss
from automodel_sk.catalog.models import get_characteristics, is_joint
from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS
from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.data.held_out import without_last
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import Metric, resolve_metric
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.network_spaces import first_config, network_space, panel_facts
from automodel_sk.search.prepared import PreparedData, SearchData, prepare_data
from automodel_sk.search.study.identity import loss_identity, metric_identity
from automodel_sk.search_algorithm_selector import (
    SearchAlgorithmSelector,
    SearchStrategy,
    recommend_num_samples,
)
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space
from automodel_sk.training.devices import trainer_options
from automodel_sk.training.objective import Objective, make_objective, outputs_of
from automodel_sk.training.task import PLATEAU, TrainingTask
from automodel_sk.validation import ValidationResult
from automodel_sk.validation.config.parameters import unknown_parameters
from automodel_sk.validation.data.categories import (
    categorical_names,
    named_categories,
    text_categories,
    with_text,
)
from automodel_sk.validation.search_checks import SearchArguments, validate_search

__all__ = ["SearchPlan", "UserInput", "make_plan", "plan_search"]

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

    model_name: Any
    h: int
    dataset: Any
    config: Any = None
    loss: Any = None
    static_df: Any = None
    futr_exog_list: Sequence[str] = ()
    hist_exog_list: Sequence[str] = ()
    stat_exog_list: Sequence[str] = ()

    def prepared(self, options: OptimizationConfig) -> PreparedData:
        """Return the data, read once for all models of a call."""
        return prepare_data(
            self.dataset,
            self.h,
            options,
            static_df=self.static_df,
            futr_exog=self.futr_exog_list,
            hist_exog=self.hist_exog_list,
            stat_exog=self.stat_exog_list,
            categories=named_categories(self.config),
        )


@dataclass(frozen=True)
class SearchPlan:
    """Everything that is decided before the first trial.

    Parameters
    ----------
    task : TrainingTask
        Model, horizon, losses, columns.
    space : SearchSpace
        The search space; fixed if a configuration was passed.
    data : SearchData
        The rows of trials and refit, and what is known about them.
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
    first : mapping
        Values that the first trial tries; empty for the model's own defaults.
    """

    task: TrainingTask
    space: SearchSpace
    data: SearchData
    validation: ValidationResult
    strategy: SearchStrategy | None
    num_samples: int
    explanation: str
    objective: Objective | None = None
    first: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """Prepared long frame."""
        return self.data.frame

    @property
    def static_df(self) -> pd.DataFrame | None:
        """One row per series, in the order of the frame."""
        return self.data.static_df

    @property
    def profile(self) -> DatasetProfile:
        """Characteristics of the data."""
        return self.data.profile

    @property
    def fingerprint(self) -> str:
        """Digest of the data."""
        return self.data.fingerprint

    @property
    def metric_name(self) -> str:
        """Name of what the trials' values are: a metric, or "loss" for the training loss."""
        return "loss" if self.objective is None else self.objective.metric.name

    def trial_data(self) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        """Return the rows that trials are trained and validated on, and their static values.

        Series that are too short for validation have few or no rows before the held-out ones and
        are left out. Models that forecast all series jointly need them to keep their positions, so
        there the held-out rows are masked instead.
        """
        kept, static = self.data.is_judged, self.static_df
        if is_joint(self.task.model_name):
            return without_last(self.frame, ~kept, self.task.val_size), static
        return self.data.judged, None if static is None else static[kept]

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
            **self.data.facts,
        }


def make_plan(given: UserInput, options: OptimizationConfig) -> SearchPlan:
    """Prepare the data and plan the search of one model on them.

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
    prepared = given.prepared(options)
    return plan_search(prepared, given.model_name, options, config=given.config, loss=given.loss)


def plan_search(
    prepared: PreparedData,
    model_name: str,
    options: OptimizationConfig,
    *,
    config: Any = None,
    loss: Any = None,
    category_frames: tuple[Any, Any] | None = None,
) -> SearchPlan:
    """Plan the search of one model: validate it, choose the algorithm and build the space.

    Parameters
    ----------
    prepared : PreparedData
        The data, which several models may share.
    model_name : str
        Key of `MODEL_CATALOG`.
    options : OptimizationConfig
        How to search.
    config, loss
        As in `create_auto_model`.
    category_frames : tuple of DataFrame, optional
        The rows and static values whose text is embedded; those of the data if None.

    Returns
    -------
    SearchPlan

    Raises
    ------
    InvalidInputError
        Carries the validator's findings about the data and the model.
    """
    columns = (*prepared.futr_exog, *prepared.hist_exog, *prepared.stat_exog)
    frames = category_frames or (prepared.dataset, prepared.static_df)
    implied = text_categories(config, model_name, columns, *frames)
    config = with_text(config, implied)
    report = _validate(prepared, model_name, config, options)
    report.raise_if_invalid()
    _check_loss(loss, prepared.profile)
    space, first = _space(prepared, model_name, config, options.space)
    space = space.with_defaults(**implied)
    data = prepared.data
    categories = categorical_names(config) or tuple(implied.get("cat_exog_list", ()))
    task = _task(prepared, model_name, options, categories, loss)
    metric = resolve_metric(options.metric, data.season)
    objective = None
    if metric is not None and space.needs_validation:
        objective = _objective(metric, task, data)
    num_samples, explanation = _trial_count(model_name, options, data.profile, space)
    strategy = _strategy(options, task, data.profile, space, num_samples)
    num_samples = 0 if strategy is None else strategy.num_samples
    # A fixed configuration is trained as neuralforecast trains it.
    task = replace(task, average_weights=strategy is not None)
    return SearchPlan(
        task, space, data, report, strategy, num_samples, explanation, objective, first
    )


def _validate(
    prepared: PreparedData, model_name: str, config: Any, options: OptimizationConfig
) -> ValidationResult:
    # The tracking server is checked when the tracker starts, the frequency with the data.
    elsewhere = ("backend", "freq", "use_mlflow", "mlflow_tracking_uri", "mlflow_experiment_name")
    asked = SearchArguments(
        model_name,
        prepared.h,
        config,
        prepared.dataset,
        prepared.static_df,
        (prepared.futr_exog, prepared.hist_exog, prepared.stat_exog),
        options.backend,
        {name: value for name, value in options.to_dict().items() if name not in elsewhere},
    )
    return validate_search(asked, prepared.checked)


def _check_loss(loss: Any, profile: DatasetProfile) -> None:
    """Raise before any trial if a count loss is used with a negative target."""
    resolved = resolve_loss(loss)
    name = getattr(resolved, "distribution", None) or type(resolved).__name__
    if profile.has_negatives and name in _OF_COUNTS:
        raise InvalidInputError(
            f"loss {name} is for values of at least 0, and 'y' holds negative ones; pass another"
            " loss, e.g. loss='normal', or correct the values"
        )


def _space(
    prepared: PreparedData, model_name: str, config: Any, which: str
) -> tuple[SearchSpace, Mapping[str, Any]]:
    """Return the search space, and the values that the first trial tries if not the model's own."""
    first: Mapping[str, Any] = {}
    if config is not None:
        space = SearchSpace.parse(config)
    elif which == "neuralforecast":
        space = neuralforecast_space(model_name, prepared.h, prepared.profile.n_series)
    else:
        facts = panel_facts(prepared.data)
        space, first = network_space(model_name, facts), first_config(model_name, facts)
    tuned = [*space.domains, *space.constants]
    return space.without(*_OWNED, *unknown_parameters(tuned, model_name)), first


def _task(
    prepared: PreparedData,
    model_name: str,
    options: OptimizationConfig,
    categories: tuple[str, ...],
    loss: Any,
) -> TrainingTask:
    data = prepared.data
    return TrainingTask(
        model_name=model_name,
        h=data.h,
        val_size=data.held_out,
        n_series=data.profile.n_series,
        loss=resolve_loss(loss),
        random_seed=options.random_seed,
        futr_exog=tuple(prepared.futr_exog),
        hist_exog=tuple(prepared.hist_exog),
        stat_exog=tuple(prepared.stat_exog),
        cat_exog=categories,
        trainer_options=trainer_options(options.gpus),
        plateau=PLATEAU if options.use_pruning else None,
        lengths=data.lengths,
        step_size=options.step_size,
        metric=options.metric,
        has_mask=MASK in data.frame.columns,
    )


def _objective(metric: Metric, task: TrainingTask, data: SearchData) -> Objective:
    """Return the tested objective of the trials."""
    objective = make_objective(metric, data.windows, data.judged)
    if is_joint(task.model_name):
        objective = replace(objective, series=data.is_judged)
    objective.check(outputs_of(task))
    return objective


def _trial_count(
    model_name: str, options: OptimizationConfig, profile: DatasetProfile, space: SearchSpace
) -> tuple[int, str]:
    if not space.needs_validation:
        return 0, "A fixed configuration is trained once, without a search."
    if space.is_fixed:
        return 1, "A fixed configuration that stops early is trained once beforehand, to see when."
    if options.num_samples is not None:
        return options.num_samples, f"{options.num_samples} trials, as requested."
    complexity = get_characteristics(model_name).complexity
    number, why = recommend_num_samples(complexity, profile.size, space.complexity)
    limited = options.time_budget_hours is not None
    return number, f"{why} As many are run as fit into the time budget." if limited else why


def _strategy(
    options: OptimizationConfig,
    task: TrainingTask,
    profile: DatasetProfile,
    space: SearchSpace,
    num_samples: int,
) -> SearchStrategy | None:
    if not space.needs_validation:
        return None
    return SearchAlgorithmSelector(backend=options.backend).select_algorithm(
        model_complexity=get_characteristics(task.model_name).complexity,
        dataset_size=profile.size,
        num_samples=num_samples,
        config=space,
        use_pruning=options.use_pruning,
        random_seed=options.random_seed,
        n_reports=_reports(task, space),
        sampler=options.sampler,
        pruner=options.pruner,
    )


def _reports(task: TrainingTask, space: SearchSpace) -> int:
    """Return how many validations the shortest trial of a space makes."""
    steps = (space.bounds_of("max_steps") or (DEFAULT_MAX_STEPS, DEFAULT_MAX_STEPS))[0]
    interval = space.bounds_of("val_check_steps")
    open_interval = task.check_interval(int(steps))
    return max(1, int(steps) // int(interval[1] if interval else open_interval))
