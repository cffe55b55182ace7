"""Tune a neuralforecast model on a long frame: validate, analyse, choose, search, refit."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from numbers import Integral
from types import NoneType
from typing import TYPE_CHECKING, Any

from automodel_sk._utils.interrupts import exit_at_signals
from automodel_sk.arguments.boundary import TABLE, public
from automodel_sk.arguments.conversion import convert
from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.number_rule import NumberRule, shown
from automodel_sk.arguments.option import known_keywords, unknown_option
from automodel_sk.auto_model import AutoModel
from automodel_sk.catalog.models import MODEL_CATALOG, ModelCharacteristics, read_model_name
from automodel_sk.console.state import duration_text
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.frequency import season_length
from automodel_sk.data.times.steps import plain_frequency
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.state import exact_target
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.names import makes_ensemble, names_several
from automodel_sk.portfolio.presets import with_time_limit
from automodel_sk.search.initial_trials import earlier_configurations
from automodel_sk.search.planning import SearchPlan, UserInput, make_plan
from automodel_sk.search.prepared import treatment_of
from automodel_sk.search.progress import say
from automodel_sk.search.request_builder import start_workers_early
from automodel_sk.search.run import Fit, calibration_is_possible, search_and_refit
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search.study.study_key import study_key, tracked_id
from automodel_sk.search.summary import OptimizationSummary, conclusion, summarise
from automodel_sk.search_options import SearchOptions, with_options
from automodel_sk.selection.requested import object_name
from automodel_sk.tracking import SearchRecord, Tracker, make_tracker
from automodel_sk.tracking.records import data_record, model_record, report_file
from automodel_sk.training.build import is_padded
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.turns import search_turn

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

__all__ = [
    "MODEL_CATALOG",
    "AutoModelFactory",
    "ModelCharacteristics",
    "OptimizationConfig",
    "create_auto_model",
]

logger = logging.getLogger(__name__)

_HORIZON = NumberRule("h", 12, note="in steps of the data")


def _no_argument(name: str, known: Sequence[str]) -> str:
    """Return the sentence for an argument that the factory lacks; it may be an option."""
    options = list(OptimizationConfig.declared())
    sentence = unknown_option(name, [*known, *options])
    if name not in options:
        return sentence
    return (
        f"unknown argument {name!r}; options are passed together: AutoModelFactory(model_name, h,"
        f" OptimizationConfig({name}=...))"
    )


class AutoModelFactory:
    """Tune one or several models with a validated and tracked search.

    Parameters
    ----------
    model_name : str or sequence of str
        As in `create_auto_model`.
    h : int
        Forecast horizon, in steps of the data.
    optimization_config : OptimizationConfig, optional
        Options of the search. If None, the defaults.

    Attributes
    ----------
    config : OptimizationConfig
        Options of the search.

    Examples
    --------
    >>> factory = AutoModelFactory("NHITS", h=12)
    >>> factory.config.backend
    'optuna'
    """

    @known_keywords(_no_argument)
    def __init__(
        self,
        model_name: str | Sequence[str],
        h: int,
        optimization_config: OptimizationConfig | None = None,
    ) -> None:
        self.model_name = model_name
        self.h = h
        self.config = _as_options(optimization_config)
        self._summary: OptimizationSummary | None = None

    @public(dataset=Frame("dataset", optional=False), static_df=Frame("static_df"))
    @exit_at_signals()
    def create_auto_model(
        self,
        dataset: pd.DataFrame,
        config: Any = None,
        loss: Any = None,
        *,
        static_df: pd.DataFrame | None = None,
        futr_exog_list: Sequence[str] | None = None,
        hist_exog_list: Sequence[str] | None = None,
        stat_exog_list: Sequence[str] | None = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> AutoModel:
        """Search, refit on all the data, and return the fitted model.

        Parameters
        ----------
        dataset : DataFrame
            Long frame with `unique_id`, `ds`, `y` and exogenous columns; rows in any order, series
            of any length.
        config : mapping, SearchSpace or callable, optional
            The search space: a dict of Ray Tune domains, Optuna distributions and plain values, or
            a define-by-run function of an Optuna trial. Plain values alone are a fixed
            configuration, which is trained once. For several models, a dict of such dicts by model.
            If None, the default space of each model.
        loss : str or neuralforecast loss, optional
            Training loss. If None, the mean absolute error.
        static_df : DataFrame, optional
            One row per series, with `unique_id`.
        futr_exog_list, hist_exog_list, stat_exog_list : sequence of str, optional
            Columns known in the future, columns known only in the past, and static columns.
        id_col, time_col, target_col : str
            Names of the columns of series, times and values in the frames. The model's output uses
            them too.

        Returns
        -------
        AutoModel
            Fitted on every row, including the validation windows. An `AutoEnsemble` for several
            models, or if the option `ensemble` combines the best trials of one.

        Raises
        ------
        InvalidInputError
            An argument is invalid; carries the validator's findings.
        NoUsableTrialError
            Every trial failed; lists the reasons.
        StudyMismatchError
            A study of that name holds another search.
        SystemExit
            The process received SIGTERM or SIGHUP and the program has no handler of its own. The
            exit status is 143 or 129, and all finished trials are kept.
        """
        started = datetime.now().astimezone()
        earlier = earlier_configurations(self.config.warm_start)
        several = names_several(self.model_name)
        _check_order(self.model_name, self.h)
        model_name: Any = self.model_name if several else read_model_name(self.model_name)
        h = convert(_HORIZON, self.h)
        options = replace(self.config.converted(), warm_start=earlier or None)
        label = "auto" if several else model_name
        options = replace(options, study_name=options.study_name or _study_name(label, h))
        options = replace(options, freq=_plain(options.freq))
        combined = makes_ensemble(model_name, options.ensemble)
        names = ColumnNames(id_col, time_col, target_col)
        names.check_free("AutoEnsemble" if combined else str(model_name))
        names.check_present(dataset, "dataset")
        given = UserInput(
            model_name,
            h,
            names.own(dataset, "dataset"),
            config,
            loss,
            None if static_df is None else _static_values(static_df, names),
            futr_exog_list or (),
            hist_exog_list or (),
            stat_exog_list or (),
        )
        if combined:
            return self._search_and_combine(given, options, names)
        return self._search_one(given, options, names, started)

    def _search_one(
        self, given: UserInput, options: OptimizationConfig, names: ColumnNames, started: datetime
    ) -> AutoModel:
        """Search one model, within the preset's time if the user set no other limit."""
        limited = with_time_limit(options)
        budget = TimeBudget(_seconds(limited), refit=options.refit)
        say(f"{given.model_name}: checking the data", options.verbose)
        start_workers_early(options)
        with names.worded() if names.differ else nullcontext():
            plan = make_plan(given, limited)
        if plan.space.is_fixed and limited is not options:  # one training, not a search
            limited, budget = options, TimeBudget(None, refit=options.refit)
        _announce(plan, limited, is_preset=limited is not options)
        with search_turn(partial(_log_waiting, options)) as seconds:
            budget.add(seconds)
            begun = started + timedelta(seconds=seconds)
            return self._search(plan, limited, budget, begun, names)

    def _search_and_combine(
        self, given: UserInput, options: OptimizationConfig, names: ColumnNames
    ) -> AutoModel:
        """Search and combine the best trials; say how to resume if the search is stopped."""
        from automodel_sk.portfolio.create import create_ensemble

        try:
            model, self._summary = create_ensemble(given, options, names)
        except (KeyboardInterrupt, SystemExit):
            with suppress(OSError):  # the terminal may be gone
                self._say_interrupted(StudyLocation(str(options.study_name), options.storage))
            raise
        return model

    def _search(
        self,
        plan: SearchPlan,
        options: OptimizationConfig,
        budget: TimeBudget,
        started: datetime,
        names: ColumnNames,
    ) -> AutoModel:
        """Execute a plan with tracking."""
        tracker = make_tracker(
            options.use_mlflow,
            options.mlflow_tracking_uri,
            options.mlflow_experiment_name,
            options.mlflow_register_as,
        )
        key = _key_of(plan, options)
        with self._tracked(plan, options, tracker, names, started, key) as done:
            fit = search_and_refit(plan, options, budget, tracker, key)
            model = AutoModel(
                fit.fitted,
                replace(plan.task, pad_short_series=is_padded(plan.task, fit.config)),
                fit.config,
                best_step=fit.best_step,
                trained_steps=fit.steps,
                training_note=fit.note,
                records=fit.records,
                strategy=plan.strategy,
                profile=plan.profile,
                validation=plan.validation,
                scores=fit.scores,
                windows=fit.windows,
                season=options.season_length or season_length(plan.profile.freq),
                space=plan.space,
                columns=names,
                treatment=treatment_of(options, plan.profile),
            )
            model._state = replace(model.state, target=exact_target(plan.data.frame))
            if budget.is_limited and fit.scores is None and calibration_is_possible(plan):
                _calibrate_in_time(model, budget, options.verbose)
            done(fit, model)
        return model

    def get_optimization_summary(self) -> OptimizationSummary:
        """Return the summary of the last search.

        Returns
        -------
        OptimizationSummary
            A dict that prints as a table: trials by state, the algorithm and why it was chosen, the
            best score and configuration, seconds.

        Raises
        ------
        InvalidInputError
            There was no search yet.
        """
        if self._summary is None:
            raise InvalidInputError("no search has run yet; call create_auto_model(dataset) first")
        return self._summary

    @contextmanager
    def _tracked(
        self,
        plan: SearchPlan,
        options: OptimizationConfig,
        tracker: Tracker,
        names: ColumnNames,
        started: datetime,
        key: str | None,
    ) -> Iterator[Any]:
        """Open the tracker around a search, and close it with the outcome of the search."""
        location = StudyLocation(str(options.study_name), options.storage)
        record = _search_record(plan, options, names, tracked_id(location, key))
        tracker.start(record, wait=plan.strategy is None)
        models: list[AutoModel] = []

        def done(fit: Fit, model: AutoModel) -> None:
            self._conclude(plan, options, started, fit)
            say(conclusion(model, self.get_optimization_summary()), options.verbose)
            _advise(model, options)
            models.append(model)

        try:
            yield done
        except (KeyboardInterrupt, SystemExit):
            tracker.finish("KILLED")
            with suppress(OSError):  # the terminal may be gone
                self._say_interrupted(location)
            raise
        except BaseException:
            tracker.finish("FAILED")
            raise
        summary = self.get_optimization_summary()
        tracker.finish(
            "FINISHED",
            metrics=summary.metrics(),
            artifacts={**summary.artifacts(), **report_file(models[0])},
            model=model_record(models[0]),
        )

    def _say_interrupted(self, location: StudyLocation) -> None:
        """Say how to resume the search from the finished trials."""
        say(
            f"Interrupted. Finished trials are kept in {location};"
            f" study_name={location.study_name!r} resumes from them.",
            self.config.verbose and not location.in_memory,
        )

    def _conclude(
        self, plan: SearchPlan, options: OptimizationConfig, started: datetime, fit: Fit
    ) -> None:
        if fit.note is not None:
            logger.warning(fit.note)
        self._summary = summarise(plan, options, fit, started)


@with_options
def create_auto_model(
    model_name: str | Sequence[str],
    h: int,
    dataset: pd.DataFrame,
    config: Any = None,
    loss: Any = None,
    *,
    static_df: pd.DataFrame | None = None,
    futr_exog_list: Sequence[str] | None = None,
    hist_exog_list: Sequence[str] | None = None,
    stat_exog_list: Sequence[str] | None = None,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
    **options: Unpack[SearchOptions],
) -> AutoModel:
    """Tune one or several models on a long frame with one call.

    Parameters
    ----------
    model_name : str or sequence of str
        ``"auto"`` for the naive, statistical, tree and neural models that suit the data; a list
        such as ``["NHITS", "AutoETS"]``; or one network, such as ``"NHITS"``. Several models are
        combined, and the result is an `AutoEnsemble`. Case does not matter in lists.
    h : int
        Forecast horizon, in steps of the data.
    dataset : DataFrame
        Long frame with `unique_id`, `ds`, `y` and exogenous columns; rows in any order, series of
        any length.
    config : mapping, SearchSpace or callable, optional
        The search space: a dict of Ray Tune domains, Optuna distributions and plain values, or a
        define-by-run function of an Optuna trial. Plain values alone are a fixed configuration,
        which is trained once. For several models, a dict of such dicts by model. If None, the
        default space of each model.
    loss : str or neuralforecast loss, optional
        Training loss. If None, the mean absolute error.
    static_df : DataFrame, optional
        One row per series, with `unique_id`.
    futr_exog_list, hist_exog_list, stat_exog_list : sequence of str, optional
        Columns known in the future, columns known only in the past, and static columns.
    id_col, time_col, target_col : str
        Names of the columns of series, times and values in the frames. The model's output uses them
        too.
    **options
        The options of the search, such as ``num_samples=50``; `OptimizationConfig` describes each.

    Returns
    -------
    AutoModel
        Fitted on every row. An `AutoEnsemble` for several models, or if the option `ensemble`
        combines the best trials of one.

    Raises
    ------
    InvalidInputError
        An argument is invalid.
    NoUsableTrialError
        Every trial failed.

    Examples
    --------
    >>> create_auto_model("NHITS", h=12, dataset=None, num_sample=5)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: unknown option 'num_sample'; did you mean ...
    """
    factory = AutoModelFactory(model_name, h, OptimizationConfig(**options))
    return factory.create_auto_model(
        dataset,
        config,
        loss,
        static_df=static_df,
        futr_exog_list=futr_exog_list,
        hist_exog_list=hist_exog_list,
        stat_exog_list=stat_exog_list,
        id_col=id_col,
        time_col=time_col,
        target_col=target_col,
    )


def _static_values(static_df: pd.DataFrame, names: ColumnNames) -> Any:
    """Return static values under the engine's names; a user's own can't be checked before."""
    own = names.own(static_df, "static_df")
    if names.differ and "unique_id" not in own.columns:
        raise InvalidInputError(
            f"static_df has no column {names.id_col!r} (id_col); its columns are"
            f" {shown([str(name) for name in static_df.columns])}"
        )
    return convert(TABLE["static_df"], own)


def _as_options(options: Any) -> OptimizationConfig:
    """Return the options; a mapping is converted, and None means the defaults."""
    if options is None:
        return OptimizationConfig()
    if isinstance(options, OptimizationConfig):
        return options
    if isinstance(options, Mapping):
        return OptimizationConfig(**{str(name): value for name, value in options.items()})
    raise InvalidInputError(
        f"optimization_config must be an OptimizationConfig, got {shown(options)};"
        " try OptimizationConfig(num_samples=20)"
    )


def _check_order(model_name: Any, h: Any) -> None:
    """Raise if the first arguments were passed in another order."""
    kind: type = type(model_name)  # reading the class of an object may raise anything
    if issubclass(type(h), (str, list, tuple)) and issubclass(kind, Integral):
        raise InvalidInputError(
            f"model_name and h are swapped: got {shown(model_name)} and {shown(h)}; try"
            f" create_auto_model({shown(h)}, {shown(model_name)}, df)"
        )
    if hasattr(kind, "columns"):
        raise InvalidInputError(
            "model_name is a frame; pass it third, e.g. create_auto_model('NHITS', 12, df)"
        )
    if not issubclass(kind, (str, type, list, tuple, set, frozenset, NoneType)):
        raise InvalidInputError(
            f"model_name must be a name, a list of names or 'auto', got {shown(model_name)};"
            " try 'NHITS'"
        )


def _study_name(model_name: Any, h: Any) -> str:
    """Return a name with the current time, for a study without a name."""
    moment = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    known = model_name if issubclass(type(model_name), str) else "model"
    return f"{known}-h{h}-{moment}"


def _plain(freq: Any) -> Any:
    """Return a frequency as the text or number to save; other values go to the validator."""
    with suppress(Exception):  # an object may raise anything when inspected
        return freq if freq is None else plain_frequency(freq)
    return freq


def _seconds(options: OptimizationConfig) -> float | None:
    hours = options.time_budget_hours
    return hours * 3600 if isinstance(hours, (int, float)) else None


def _announce(plan: SearchPlan, options: OptimizationConfig, *, is_preset: bool) -> None:
    """Announce the search, warnings first."""
    for warning in plan.validation.warnings:
        logger.warning(warning)
    say(f"Data: {plan.profile.in_words(options.season_length)}", options.verbose)
    if plan.strategy is not None:
        say(f"Trials: {plan.explanation}", options.verbose)
        say(f"Time: {_time_limit(options, is_preset=is_preset)}", options.verbose)
        say(f"Algorithm: {plan.strategy.description}", options.verbose)
        location = StudyLocation(str(options.study_name), options.storage)
        say(f"Study: {options.study_name!r} in {location}", options.verbose)


def _time_limit(options: OptimizationConfig, *, is_preset: bool) -> str:
    """Return how long search and refit may take, and how to change that unless it was asked for."""
    option = wording().option("time_budget_hours=0.2", "--time-budget 10m")
    if options.time_budget_hours is None:
        return (
            "no limit" if option is None else f"no limit; {option} limits search and final training"
        )
    limit = f"up to {duration_text(options.time_budget_hours * 3600)}"
    limit += f" (preset {options.preset})" if is_preset else ""
    return f"{limit}; {option} changes it" if is_preset and option is not None else limit


def _calibrate_in_time(model: AutoModel, budget: TimeBudget, verbose: bool) -> None:
    """Calibrate the intervals if there is time left, else report the expected duration."""
    seconds = budget.seconds_a_step * budget.slower_refit * (model.trained_steps or 0)
    if seconds <= budget.left():
        model.calibrate()
    else:
        say(
            f"Intervals: the time budget left no time for their calibration; predict(level=...)"
            f" will train once more, for about {seconds:.2g} s.",
            verbose,
        )


def _advise(model: AutoModel, options: OptimizationConfig) -> None:
    """Report the most important finding of the search, if any."""
    if options.verbose:
        for finding in model.diagnose()[:1]:
            say(f"To try next: {finding}")


def _log_waiting(options: OptimizationConfig) -> None:
    message = (
        "Another search runs in this process; this one starts when it has ended. Search in"
        " processes of their own to run them side by side."
    )
    logger.info(message)
    say(message, options.verbose)


def _key_of(plan: SearchPlan, options: OptimizationConfig) -> str | None:
    """Return the key of the study for the tracker; a fixed configuration goes on with no study."""
    if not options.use_mlflow:
        return None
    location = StudyLocation(str(options.study_name), options.storage)
    return study_key(location, "never" if plan.strategy is None else options.resume)


def _search_record(
    plan: SearchPlan, options: OptimizationConfig, names: ColumnNames, study_id: str
) -> SearchRecord:
    settings = {k: v for k, v in options.to_dict().items() if k not in ("storage", "verbose")}
    settings["warm_start"] = len(options.warm_start or ())
    settings |= {name: object_name(settings[name]) for name in ("sampler", "pruner")}
    settings["metric"] = plan.metric_name
    facts = {
        "model_name": plan.task.model_name,
        "h": plan.task.h,
        "n_series": plan.profile.n_series,
        "n_rows": plan.profile.n_rows,
        "freq": plan.profile.freq,
        "trials": plan.num_samples,
        "algorithm": plan.strategy.algorithm_name if plan.strategy else "none",
        "pruner": plan.strategy.pruner_name if plan.strategy else None,
        "search_space": json.dumps(
            {k: repr(v) for k, v in {**plan.space.constants, **plan.space.domains}.items()}
        ),
    }
    tags = {"automodel_sk.study_id": study_id}
    settings.pop("mlflow_tracking_uri")
    return SearchRecord(
        str(options.study_name),
        plan.task.model_name,
        {**settings, **facts},
        tags,
        data_record(plan.data, names) if options.use_mlflow else None,
        metric=None if plan.objective is None else plan.metric_name,
    )
