"""`AutoNeuralForecaster`: tuned neural forecasting models as an sktime estimator."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd
from sktime.forecasting.base import ForecastingHorizon
from sktime.utils.warnings import warn

from automodel_sk._utils.secrets import mask_secrets, remember_address
from automodel_sk.arguments.conversion import convert
from automodel_sk.arguments.option import known_keywords
from automodel_sk.data.wording import worded
from automodel_sk.estimator.base import ForecasterContract
from automodel_sk.estimator.checks import (
    HORIZON,
    check_calendar,
    check_exogenous,
    check_intervals,
    check_names,
)
from automodel_sk.estimator.code import code_of
from automodel_sk.estimator.context import Context
from automodel_sk.estimator.inputs import (
    PI_METHODS,
    check_choice,
    chosen_columns,
    columns_as_series,
    save_pickled,
    seed_of,
    training_loss,
)
from automodel_sk.estimator.insample import Rows, Window, predict_insample
from automodel_sk.estimator.static import static_frame, static_names
from automodel_sk.estimator.upstream import quantile_columns
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.forecasting.inputs import prepared_history, steps_to_compute
from automodel_sk.frames.clocks import Integers
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.search.study.identity import data_digests
from automodel_sk.search.study.storage import IN_MEMORY
from automodel_sk.validation.data.categories import named_categories

if TYPE_CHECKING:
    from automodel_sk.estimator.plots import ForecasterPlots

__all__ = ["AutoNeuralForecaster"]

_RENAMED = {"random_seed": "random_state"}


class AutoNeuralForecaster(ForecasterContract):
    """Tune a neural forecasting model on the data it is fitted to.

    Tunes any of neuralforecast's models with Optuna or Ray Tune. Supports single series, panels and
    hierarchies natively (one model for all), with any time index and horizon.

    Parameters
    ----------
    model : str or sequence of str, default="NHITS"
        Name of the model, a key of `automodel_sk.MODEL_CATALOG`. Several names, or "auto", are
        searched together and combined into an ensemble; names of statistical models such as
        "AutoETS" count as several.
    config : dict, callable or SearchSpace, optional
        Search space: Ray Tune or Optuna domains and constants by parameter name. A dict of
        constants only is trained once, without a search. By default the model's own search space.
        For several models, a dict of such spaces by model name.
    h : int, optional
        Forecast horizon of the model, by default up to the end of `fh`. If `h` is given, `fh` is
        optional in `fit` and may change at each `predict`.
    loss : neuralforecast loss or str, optional
        Training loss. By default determined by `pi_method`.
    pi_method : {"auto", "conformal", "quantile", "distribution"}, default="auto"
        Source of quantiles and intervals: errors on held-out windows ("conformal"), a
        multi-quantile loss ("quantile"), a Student t distribution ("distribution"), or whatever
        `loss` provides, which is conformal for point losses ("auto"). Several models have conformal
        intervals.
    hist_exog : sequence of hashable, default=()
        Columns of X without known future values. All others must be passed to `predict`.
    static : pandas.DataFrame, optional
        Numeric features that do not change over time, one row per series, indexed by the instance
        level (or levels) of `y`.
    on_update : {"refit", "continue", "search"}, default="refit"
        What `update` does with `update_params=True`: refit the best configuration on all data,
        continue training the fitted model on all data, or search again.
    num_samples : int, optional
        Number of trials, for several models those of networks; by default as many as fit in the
        time.
    backend : {"optuna", "ray"}, default="optuna"
        Search backend.
    cpus : float, optional, default=1
        CPUs the search may use, one per parallel trial; all CPUs of the machine if None.
    gpus : float, optional
        GPUs the search may use; if None, one if available.
    use_pruning : bool, default=True
        Whether to stop unpromising trials early.
    time_budget_hours : float, optional
        Time budget of search and refit together, in hours; by default that of `preset`, or none if
        `num_samples` is given.
    space : {"default", "neuralforecast"}, default="default"
        Search space of networks without `config`: the one that forecast best on public data, or
        neuralforecast's own.
    metric : str or callable, optional
        The metric to minimise, e.g. "mae", "mase", a metric of sktime or a function of ``(y_true,
        y_pred)``; by default the validation loss.
    n_windows : int, optional
        Number of validation windows of `h` steps. By default one, or two to five for an ensemble.
    step_size : int, optional
        Steps between validation windows; `h` if None.
    refit : {"full", "best_weights", "continue"}, default="full"
        Train the best configuration from scratch on all data, keep the best trial's weights, or
        continue training from them.
    warm_start : AutoModel, path, DataFrame or sequence of mappings, optional
        Configurations to try first: from an earlier model, its file or its trials.
    patience : int, optional
        Stop after this many consecutive trials without improvement.
    precision : str, default="auto"
        Lightning precision of the trials; "auto" measures which is fastest on this machine.
    refit_precision : str, default="32-true"
        Lightning precision of the refit.
    trials_per_gpu : int, optional
        Number of trials that share one GPU; if None, as many as its memory allows.
    trial_timeout_minutes : float, optional
        Minutes after which a trial fails.
    ray_address : str, optional
        Address of a Ray cluster to search on, with `backend="ray"`.
    freq : str, int or pandas offset, optional
        Frequency of the time index, if it neither carries one nor allows inferring it.
    season_length : int, optional
        Steps per season; by default that of the time index's frequency.
    strict_mode : bool, default=False
        Whether warnings about data and configuration are errors.
    preset : {"quick", "balanced", "best"}, default="quick"
        Time of a search without `time_budget_hours` or `num_samples`: 1, 5 or 30 minutes.
    ensemble : {"auto", "best", "mean", "median", "greedy"}, optional
        How several models, or the best trials of one, are combined; "auto" chooses on the
        validation windows. By default "auto" for several models, and the best trial alone for one.
    exclude : sequence of str, optional
        Models that "auto" leaves out.
    sampler : str or optuna.samplers.BaseSampler, optional
        What draws the trials of one model with the backend "optuna"; by default chosen for the
        search.
    pruner : str or optuna.pruners.BasePruner, optional
        What stops trials early with the backend "optuna"; by default chosen for the search.
    fill_gaps : {"zero", "ffill", "interpolate", "mask"}, optional
        How empty values of `y` between the first and the last one of a series are filled;
        ``"mask"`` marks them as not observed. If None, they are refused.
    calendar : bool or sequence of str, optional
        Columns of the calendar beside those of X, for all steps: True for those that suit the
        frequency, or some of "minute", "hour", "weekday", "day", "week", "month" and "quarter".
    holidays : str, optional
        Code of a country, or of a part of it, such as "DE" or "US-CA", whose public holidays are a
        column beside those of X.
    non_negative : bool or "auto", default=False
        Whether forecasts and quantiles below zero become zero; "auto" if `y` is never negative.
    study_name : str, optional
        Name of the study; with `storage`, an interrupted search resumes under this name. Searches
        of `update` add the last time of the data and a digest of them to it, as in
        "sales-2024-06-1a2b3c4d", unless `resume` is "overwrite".
    storage : str or Path, default=":memory:"
        Storage of the trials; by default in memory, so that nothing is left on disk.
    resume : {"auto", "never", "overwrite"}, default="auto"
        What to do if a study of this name exists.
    use_mlflow : bool, default=False
        Whether to track the search in MLflow.
    mlflow_tracking_uri : str, optional
        MLflow tracking server or file.
    mlflow_experiment_name : str, default="automodel_sk"
        MLflow experiment.
    mlflow_register_as : str, optional
        Name in MLflow's registry under which the fitted model is registered as a new version.
    random_state : int, RandomState, Generator or None, default=None
        Random seed of search and training; None means 42. Results are exactly reproducible if
        trials run one at a time (cpus=1) and their number is given (`num_samples`).
    verbose : bool, default=False
        Whether to show progress.

    Attributes
    ----------
    auto_model_ : AutoModel
        The fitted model, independent of sktime.
    best_config_ : dict
        Hyperparameters of the fitted model.
    best_score_ : float or None
        Validation loss of the best trial; None without a search.
    trials_ : pandas.DataFrame
        One row per trial.
    strategy_ : SearchStrategy or None
        The search algorithm and the reason for its choice; None without a search.
    leaderboard_ : pandas.DataFrame
        Everything that was tried beside the ensemble, the best first. Only for ensembles.
    weights_ : dict of str to float
        Weight of each member of the ensemble by name. Only for ensembles.
    members_ : dict of str to FittedMember
        The fitted members of the ensemble by name. Only for ensembles.
    pretrained_model_ : AutoModel
        The model that `pretrain` fitted, if it was called.

    Examples
    --------
    >>> from automodel_sk.forecaster import AutoNeuralForecaster
    >>> from sktime.datasets import load_airline
    >>> y = load_airline()
    >>> forecaster = AutoNeuralForecaster("MLP", config={"max_steps": 2, "input_size": 12})
    >>> y_pred = forecaster.fit(y, fh=[1, 2, 3]).predict()
    >>> y_pred.index.astype(str).tolist()
    ['1961-01', '1961-02', '1961-03']
    """

    @known_keywords()
    def __init__(
        self,
        model: str | Sequence[str] = "NHITS",
        config: Any = None,
        *,
        h: int | None = None,
        loss: Any = None,
        pi_method: str = "auto",
        hist_exog: Sequence[Any] = (),
        static: pd.DataFrame | None = None,
        on_update: str = "refit",
        num_samples: int | None = None,
        backend: str = "optuna",
        cpus: float | None = 1,
        gpus: float | None = None,
        use_pruning: bool = True,
        time_budget_hours: float | None = None,
        space: str = "default",
        metric: str | Callable[..., Any] | None = None,
        n_windows: int | None = None,
        step_size: int | None = None,
        refit: str = "full",
        warm_start: Any = None,
        patience: int | None = None,
        precision: str = "auto",
        refit_precision: str = "32-true",
        trials_per_gpu: int | None = None,
        trial_timeout_minutes: float | None = None,
        ray_address: str | None = None,
        freq: Any = None,
        season_length: int | None = None,
        strict_mode: bool = False,
        preset: str = "quick",
        ensemble: str | None = None,
        exclude: Sequence[str] | None = None,
        sampler: Any = None,
        pruner: Any = None,
        fill_gaps: str | None = None,
        calendar: bool | Sequence[str] | None = None,
        holidays: str | None = None,
        non_negative: bool | str = False,
        study_name: str | None = None,
        storage: str | Path | None = ":memory:",
        resume: str = "auto",
        use_mlflow: bool = False,
        mlflow_tracking_uri: str | None = None,
        mlflow_experiment_name: str = "automodel_sk",
        mlflow_register_as: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.config = config
        self.h = h
        self.loss = loss
        self.pi_method = pi_method
        self.hist_exog = hist_exog
        self.static = static
        self.on_update = on_update
        self.num_samples = num_samples
        self.backend = backend
        self.cpus = cpus
        self.gpus = gpus
        self.use_pruning = use_pruning
        self.time_budget_hours = time_budget_hours
        self.space = space
        self.metric = metric
        self.n_windows = n_windows
        self.step_size = step_size
        self.refit = refit
        self.warm_start = warm_start
        self.patience = patience
        self.precision = precision
        self.refit_precision = refit_precision
        self.trials_per_gpu = trials_per_gpu
        self.trial_timeout_minutes = trial_timeout_minutes
        self.ray_address = ray_address
        self.freq = freq
        self.season_length = season_length
        self.strict_mode = strict_mode
        self.preset = preset
        self.ensemble = ensemble
        self.exclude = exclude
        self.sampler = sampler
        self.pruner = pruner
        self.fill_gaps = fill_gaps
        self.calendar = calendar
        self.holidays = holidays
        self.non_negative = non_negative
        self.study_name = study_name
        self.storage = storage
        self.resume = resume
        self.use_mlflow = use_mlflow
        self.mlflow_tracking_uri = mlflow_tracking_uri
        self.mlflow_experiment_name = mlflow_experiment_name
        self.mlflow_register_as = mlflow_register_as
        self.random_state = random_state
        self.verbose = verbose
        self._y = self._X = None  # the base class expects these even if it keeps no data
        super().__init__()

    def _fit(
        self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None
    ) -> AutoNeuralForecaster:
        self._check_choices()
        self._context = self._learned(y, X)
        pretrained = getattr(self, "pretrained_model_", None)
        if pretrained is None:
            found = self._search(self._context, self._horizon(self._context, fh))
            self._adopt(found, self._context)
        else:
            self._adopt(pretrained, None)
        return self

    def _pretrain(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> AutoNeuralForecaster:
        self._check_choices()
        context = self._learned(*columns_as_series(y, X))
        self.pretrained_model_ = self._search(context, self._horizon(context, fh))
        return self

    def _pretrain_update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> AutoNeuralForecaster:
        if not hasattr(self, "pretrained_model_"):
            return self._pretrain(y, X, fh)
        context = self._learned(*columns_as_series(y, X))
        with worded(context.words):
            self.pretrained_model_ = self.pretrained_model_.refit(
                context.long, static_df=self._static(context)
            )
        return self

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> AutoNeuralForecaster:
        context = self._context.updated(y, X)
        context.cutoffs  # noqa: B018 - raises before anything is changed
        if update_params:
            self._adopt(_ON_UPDATE[self.on_update](self, context), context)
        else:
            self._check_usable(context)
        self._context = context
        return self

    def _check_usable(self, context: Context) -> None:
        """Raise any error that a later predict from these data would raise."""
        with worded(context.words):
            self._static(context)
            prepared_history(self.auto_model_.state, context.long)

    def _adopt(self, auto_model: Any, trained_on: Context | None) -> None:
        """Copy a fitted model's results to this estimator's attributes."""
        self.auto_model_ = auto_model
        self.best_config_ = auto_model.best_config
        self.best_score_ = auto_model.best_score
        self.trials_ = auto_model.trials
        self.strategy_ = auto_model.strategy
        self._trained_on = trained_on
        if isinstance(auto_model, AutoEnsemble):
            self.leaderboard_ = auto_model.leaderboard()
            self.weights_ = auto_model.weights
            self.members_ = auto_model.members

    def _is_trained_on(self, context: Context) -> bool:
        """Return whether the model was trained on exactly these data, and so keeps them."""
        return self._trained_on is context

    def _search(self, context: Context, h: int, own: Mapping[str, Any] | None = None) -> Any:
        from automodel_sk.auto_model_factory import create_auto_model

        exogenous = context.exogenous
        check_exogenous(self.model, self.hist_exog, exogenous.future, self.static)
        check_calendar(self.model, context.calendar)
        with worded(context.words):
            return create_auto_model(
                self.model,
                h,
                context.long,
                copy.deepcopy(self.config),
                training_loss(self.loss, self.pi_method),
                static_df=self._static(context),
                futr_exog_list=context.known_ahead,
                hist_exog_list=list(exogenous.past.values()),
                stat_exog_list=self._static_names(),
                **(self._options(context) | dict(own or {})),
            )

    def _refit(self, context: Context) -> Any:
        with worded(context.words):
            return self.auto_model_.refit(context.long, static_df=self._static(context))

    def _continue(self, context: Context) -> Any:
        with worded(context.words):
            return self.auto_model_.update(context.long, static_df=self._static(context))

    def _search_again(self, context: Context) -> Any:
        return self._search(context, self.auto_model_.h, self._later_study(context))

    def _later_study(self, context: Context) -> dict[str, Any]:
        """Return the name of a study by the end and the values of the data, of which it is one."""
        kept = self.storage == IN_MEMORY or self.resume == "overwrite"
        if self.study_name is None or kept:
            return {}
        last = int(context.cutoffs.argmax())
        end = context.layout.time(last, context.cutoffs[last])
        digest, _ = data_digests(context.long, None)
        return {"study_name": f"{self.study_name}-{end}-{digest[:8]}"}

    def _options(self, context: Context) -> dict[str, Any]:
        """Return the search's options: every field of OptimizationConfig is also a parameter."""
        options = {
            field.name: getattr(self, _RENAMED.get(field.name, field.name))
            for field in fields(OptimizationConfig)
        }
        season = self.season_length
        season = context.layout.clock.season if season is None else season
        random_seed = seed_of(self.random_state)
        computed = {"calendar": None, "holidays": None}  # from the index, by the context
        known = {"random_seed": random_seed, "freq": 1, "season_length": season}
        return options | computed | known

    def _learned(self, y: pd.DataFrame, X: pd.DataFrame | None) -> Context:
        """Return the context of new data."""
        return Context.learn(y, X, self.freq, self.hist_exog, self._calendar())

    def _calendar(self) -> tuple[tuple[str, ...], str | None]:
        """Return the parts of the calendar and the country whose holidays are columns."""
        rules = OptimizationConfig.rules()
        parts = convert(rules["calendar"], self.calendar)
        return parts, convert(rules["holidays"], self.holidays)

    def _static(self, context: Context) -> pd.DataFrame | None:
        if self.static is None:
            return None
        return static_frame(self.static, context.layout, named_categories(self.config))

    def _static_names(self) -> list[str]:
        return [] if self.static is None else list(static_names(self.static).values())

    def _horizon(self, context: Context, fh: ForecastingHorizon | None) -> int:
        """Return the forecast horizon of the model."""
        if self.h is not None:
            return int(convert(HORIZON, self.h))
        if fh is None:
            raise InvalidInputError("fh is missing; pass it, e.g. fh=12, or set h=12")
        return max(1, int(context.ahead(fh.to_pandas(), fh.is_relative, past=True).max()))

    def _check_choices(self) -> None:
        check_choice("pi_method", self.pi_method, PI_METHODS)
        check_intervals(self.model, self.pi_method, self.ensemble)
        check_choice("on_update", self.on_update, _ON_UPDATE)
        check_names("hist_exog", self.hist_exog)
        check_exogenous(self.model, self.hist_exog, (), self.static)

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> pd.DataFrame:
        context = self._context
        ahead = context.ahead(fh.to_pandas(), fh.is_relative, past=True)
        values = np.empty((*ahead.shape, 1))
        future = ahead > 0
        if future.any():
            values[future] = self._future_values(ahead, X, None)[future]
        if not future.all():
            series, points = np.nonzero(~future)
            values[~future, 0] = self._observed_values(series, ahead[series, points])
        return context.framed(values, ahead, context.y.columns)

    def _predict_quantiles(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        ahead = self._context.ahead(fh.to_pandas(), fh.is_relative)
        columns = quantile_columns(self, alpha)
        # sktime's coverages leave rounding errors: 0.8 becomes 0.09999999999999998 instead of 0.1
        values = self._future_values(ahead, X, [round(float(a), 10) for a in alpha])
        return self._context.framed(values, ahead, columns)

    def _future_values(
        self, ahead: Integers, X: pd.DataFrame | None, quantiles: list[float] | None
    ) -> npt.NDArray[np.float64]:
        """Return point forecasts or quantiles, shape (n_series, n_points, n_columns).

        Values are meaningless where `ahead` is not a step ahead.
        """
        context = self._context
        h = max(int(ahead.max()), self.auto_model_.h)
        with worded(context.words):
            result = self.auto_model_.predict(
                **self._past(context),
                futr_df=self._future_x(ahead, X, steps_to_compute(self.auto_model_.state, h)),
                quantiles=quantiles,
                h=h,
            )
        values = chosen_columns(result, quantiles)
        values = values.reshape(len(ahead), h, values.shape[1])
        return np.take_along_axis(values, np.maximum(ahead, 1)[:, :, None] - 1, axis=1)

    def _past(self, context: Context) -> dict[str, pd.DataFrame | None]:
        """Return the data to forecast from; None for those that the model keeps from training."""
        if self._is_trained_on(context):
            return {"dataset": None, "static_df": None}
        return {"dataset": context.long, "static_df": self._static(context)}

    def _future_x(self, ahead: Integers, X: pd.DataFrame | None, h: int) -> pd.DataFrame | None:
        """Return the future exogenous rows; those after the last requested step may be unknown.

        A model that forecasts all its steps at once uses X for all of them, so its forecasts depend
        on the values that replace unknown rows; a warning says so.
        """
        model = self.auto_model_
        if not model.state.task.futr_exog:  # no member of an ensemble may read columns
            return None
        last = np.maximum(ahead, 0).max(axis=1)
        looked_at = -(-last // model.h) * model.h
        if (
            (looked_at > last).any()
            and model.state.forecasts_blocks
            and self._context.repeats_x(X, h, looked_at)
        ):
            warn(
                f"X ends before the h={model.h} steps that {model.model_name} forecasts at once;"
                " its last row is repeated for the remaining steps. Pass X for all of them if it is"
                " known, or fit with the fh to forecast and without h",
                obj=self,
            )
        return self._context.future(X, h, last)

    def _observed_values(self, series: Integers, ahead: Integers) -> npt.NDArray[np.float64]:
        """Forecast observed points, each from the data that precede it."""
        context, static = self._context, self._static(self._context)
        # A series of one row is rejected; a second row, before the window, changes nothing.

        def predict(window: Window) -> pd.DataFrame:
            own = None if static is None else static.iloc[window.source]
            if own is not None:
                own = own.assign(unique_id=np.arange(len(own)))
            forecast: pd.DataFrame = self.auto_model_.predict(
                window.history, futr_df=window.future, static_df=own
            )
            return forecast

        steps, state = context.cutoffs[series] + ahead, self.auto_model_.state
        return predict_insample(
            context,
            series,
            steps,
            predict,
            Rows(state.past_rows, state.padded_rows, state.h, state.treatment.fill_gaps),
        )

    @property
    def plot(self) -> ForecasterPlots:
        """Plots of forecasts, errors and the search, such as ``forecaster.plot.forecast()``."""
        from automodel_sk.estimator.plots import EnsembleForecasterPlots, ForecasterPlots

        self.check_is_fitted()
        several = hasattr(self.auto_model_, "leaderboard")
        return EnsembleForecasterPlots(self) if several else ForecasterPlots(self)

    def report(self, path: str | Path = "report.html", X: pd.DataFrame | None = None) -> Path:
        """Write a report about the fitted model: an HTML file that needs no network.

        Parameters
        ----------
        path : str or Path
            The file to write; an existing file is replaced.
        X : pandas.DataFrame, optional
            Future exogenous data, as in `predict`; without them, a model that needs them is shown
            only on held-out steps.

        Returns
        -------
        Path
            The written file.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidInputError
            If the path can't be that of a file.
        MissingDependencyError
            If plotly is not installed, which the extra ``report`` brings.
        """
        from automodel_sk.report import write_report

        plots, code = self.plot, code_of(self)
        with worded(self._context.words):
            return write_report(plots, Path(path), code, X)

    def __repr__(self) -> str:
        """Return the call that creates the estimator, with passwords in addresses masked."""
        self._remember_addresses()
        return mask_secrets(super().__repr__())

    def _repr_html_inner(self) -> str:
        self._remember_addresses()
        return mask_secrets(super()._repr_html_inner())

    def _remember_addresses(self) -> None:
        """Register the passwords in addresses, so that all output masks them."""
        for name, known in OptimizationConfig.declared().items():
            address = getattr(self, name) if known.address else None
            if isinstance(address, str):
                remember_address(address)

    def save(self, path: str | Path | None = None, serialization_format: str = "pickle") -> Any:
        """Save the fitted forecaster.

        Parameters
        ----------
        path : str or Path, optional
            Target path. An existing saved forecaster is replaced. If None, returns an object that
            sktime's `load` accepts.
        serialization_format : {"pickle", "cloudpickle", "safe"}, default="pickle"
            "safe" writes a folder without pickles for `load`; loading it never runs code. Search
            spaces and loss objects are not saved: the loaded forecaster has the best configuration
            as `config`, and the model's own loss. The other formats are sktime's own: a zip file
            for `sktime.base.load`.

        Returns
        -------
        Path, ZipFile or tuple
            The folder, or the return value of sktime's `save`.
        """
        if serialization_format != "safe":
            return save_pickled(super().save, path, serialization_format)
        from automodel_sk.estimator.files import save_forecaster

        self.check_is_fitted()
        if path is None:
            raise InvalidInputError("path is missing; pass a folder, e.g. path='my_forecaster'")
        return save_forecaster(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> AutoNeuralForecaster:
        """Read a forecaster that was saved in the safe format, without running any code in it.

        Parameters
        ----------
        path : str or Path
            Folder written by `save(path, serialization_format="safe")`.

        Returns
        -------
        AutoNeuralForecaster
            A fitted forecaster.

        Raises
        ------
        ModelFileError
            If the folder is damaged or not a saved forecaster.
        """
        from automodel_sk.estimator.files import load_forecaster

        forecaster: AutoNeuralForecaster = load_forecaster(cls, Path(path))
        return forecaster

    @classmethod
    def load_from_path(cls, serial: Any) -> Any:
        """Read a forecaster from sktime's own zip file; prefer `sktime.base.load`.

        Parameters
        ----------
        serial : str or Path
            The file.

        Returns
        -------
        AutoNeuralForecaster

        Raises
        ------
        ModelFileError
            If there is no such file, or it is no zip file.
        """
        try:
            return super().load_from_path(serial)
        except (OSError, BadZipFile) as exc:
            raise ModelFileError(
                f"{serial} can't be read ({exc}); pass the zip file that save(path) wrote"
            ) from exc


_ON_UPDATE = {
    "refit": AutoNeuralForecaster._refit,
    "continue": AutoNeuralForecaster._continue,
    "search": AutoNeuralForecaster._search_again,
}
