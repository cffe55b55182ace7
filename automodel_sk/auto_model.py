"""The fitted model: its forecasts, the search behind it, and how to save it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import pandas as pd

from automodel_sk.arguments.boundary import public
from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.kinds import Choices, Either, Flag
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.treatment import Treatment
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.coherent import coherent_forecast, refuse_paths
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.explanation import METHODS
from automodel_sk.forecasting.forecast_files import TO, forecasts_to
from automodel_sk.forecasting.hierarchy import SUMMING, reconciled
from automodel_sk.forecasting.inputs import (
    first_steps,
    forecast_inputs,
    prepared_static,
    steps_to_compute,
)
from automodel_sk.forecasting.past_windows import calibrated, forecast_past_windows
from automodel_sk.forecasting.predict import forecast, loss_family
from automodel_sk.forecasting.reconciliation import METHODS as RECONCILIATIONS
from automodel_sk.forecasting.retrain import refitted, updated
from automodel_sk.forecasting.state import ModelState
from automodel_sk.metrics.quantiles import quantile_columns
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.turns import training_turn
from automodel_sk.training.window_forecasts import KeptForecasts
from automodel_sk.trials import TrialRecord, trials_frame

if TYPE_CHECKING:
    from automodel_sk.data.analysis import DatasetProfile
    from automodel_sk.diagnosis import Diagnosis
    from automodel_sk.forecasting.explanation import Explanation
    from automodel_sk.plots import ModelPlots
    from automodel_sk.search_algorithm_selector import SearchStrategy
    from automodel_sk.search_space import SearchSpace
    from automodel_sk.validation import ValidationResult

__all__ = ["AutoModel", "scored"]

T = TypeVar("T")
M = TypeVar("M", bound="AutoModel")

_TEST_ROWS = Frame("test_df", optional=False, columns=("unique_id", "ds", "y"))
_EACH = Either("refit", Flag("refit"), NumberRule("refit", 1))


class _OfState(Generic[T]):
    """An attribute of a model that lives in its state."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, model: Any, owner: Any = None) -> T:
        return cast(T, self if model is None else getattr(model.state, self._name))

    def __set__(self, model: AutoModel, value: T) -> None:
        changed: dict[str, Any] = {self._name: value}
        model._state = replace(model.state, **changed)


def scored(model: AutoModel) -> str:
    """Return the best score under its metric's name, where that is a name of Python.

    A metric that is a function has a path as its name.
    """
    name = model.metric_name.rpartition(".")[2]
    return f"best_{name if name.isidentifier() else 'score'}={model.best_score:.6g}"


class AutoModel:
    """A tuned and fitted forecasting model.

    Returned by `create_auto_model`, `AutoModelFactory` and `AutoModel.load`.

    Attributes
    ----------
    best_score : float or None
        The best validation score, of the metric `metric_name`; None for a fixed configuration.
    best_config : dict
        The fitted configuration.
    best_step : int or None
        Training steps at the best validation score; None for a fixed configuration.
    trained_steps : int or None
        Training steps behind the model's weights, if they were counted.
    training_note : str or None
        How a time budget shortened the refit; None if it did not.
    trials : DataFrame
        One row per trial, with Optuna's column names.
    strategy : SearchStrategy or None
        The search algorithm and why it was chosen; None for a fixed configuration.
    profile : DatasetProfile or None
        Characteristics of the training data.
    validation : ValidationResult or None
        Findings of the validator.
    space : SearchSpace or None
        The search space; functions in it are not available in a saved model.

    Examples
    --------
    >>> from automodel_sk import create_auto_model
    >>> values = [float(step % 4) for step in range(40)]
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": values})
    >>> config = {"max_steps": 2, "input_size": 8}
    >>> model = create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False)
    >>> model
    AutoModel('MLP', h=2)
    >>> model.predict().columns.tolist(), model.predict()["ds"].tolist()
    (['unique_id', 'ds', 'MLP'], [40, 41])
    >>> model.predict(level=[80]).columns.tolist()
    ['unique_id', 'ds', 'MLP', 'MLP-lo-80', 'MLP-hi-80']
    >>> model.cross_validation(n_windows=2)["cutoff"].unique().tolist()
    [35, 37]
    >>> newer = pd.DataFrame({"unique_id": "b", "ds": range(50), "y": [*values, *values[:10]]})
    >>> model.refit(newer).predict()["ds"].tolist()
    [50, 51]
    >>> model.update(newer, max_steps=1).predict()["unique_id"].tolist()
    ['b', 'b']
    >>> model.to_neuralforecast().models
    [MLP]
    """

    def __init__(
        self,
        fitted: Any,
        task: TrainingTask,
        best_config: Mapping[str, Any],
        *,
        best_step: int | None = None,
        trained_steps: int | None = None,
        training_note: str | None = None,
        records: Sequence[TrialRecord] = (),
        strategy: SearchStrategy | None = None,
        profile: DatasetProfile | None = None,
        validation: ValidationResult | None = None,
        scores: ConformalScores | None = None,
        windows: KeptForecasts | None = None,
        season: int = 1,
        space: SearchSpace | None = None,
        columns: ColumnNames | None = None,
        treatment: Treatment | None = None,
    ) -> None:
        """Keep what a search found.

        Parameters
        ----------
        fitted : neuralforecast.NeuralForecast
            With one model, fitted on all the data.
        task : TrainingTask
            Model, horizon, losses and exogenous columns.
        best_config : mapping
            The fitted configuration.
        best_step : int, optional
            Training steps at the best validation loss; None for a fixed configuration.
        trained_steps : int, optional
            Training steps behind the model's weights. If None, derived from `best_step`.
            `cross_validation` and `calibrate` train for as many steps.
        training_note : str, optional
            How a time budget shortened the refit; None if it did not.
        records : sequence of TrialRecord
            The trials of the search.
        strategy : SearchStrategy, optional
            The search algorithm and why it was chosen; None for a fixed configuration.
        profile : DatasetProfile, optional
            Characteristics of the training data.
        validation : ValidationResult, optional
            Findings of the validator.
        scores : ConformalScores, optional
            Calibration of prediction intervals for point losses.
        windows : KeptForecasts, optional
            Forecasts of the validation windows by the best trial, which `validation_scores` uses.
        season : int
            Number of steps in one season of the data.
        space : SearchSpace, optional
            The search space; functions in it are not available in a saved model.
        columns : ColumnNames, optional
            The user's names for the columns of series, times and values, used in all input and
            output frames.
        treatment : Treatment, optional
            What is done to data before the model sees them, and to forecasts.
        """
        self._state = ModelState(
            fitted,
            task,
            dict(best_config),
            best_step=best_step,
            trained_steps=trained_steps,
            note=training_note,
            records=list(records),
            season=season,
            space=space,
            strategy=strategy,
            profile=profile,
            validation=validation,
            scores=scores,
            windows=windows,
            columns=columns or ColumnNames(),
            treatment=treatment or Treatment(),
        )

    best_config = _OfState[dict[str, Any]]("config")
    best_step = _OfState[int | None]("best_step")
    trained_steps = _OfState[int | None]("trained_steps")
    training_note = _OfState[str | None]("note")
    strategy = _OfState["SearchStrategy | None"]("strategy")
    profile = _OfState["DatasetProfile | None"]("profile")
    validation = _OfState["ValidationResult | None"]("validation")
    space = _OfState["SearchSpace | None"]("space")
    columns = _OfState[ColumnNames]("columns")
    levels = _OfState[tuple[float, ...]]("levels")
    _task = _OfState[TrainingTask]("task")
    _records = _OfState[list[TrialRecord]]("records")
    _scores = _OfState[ConformalScores | None]("scores")

    @property
    def state(self) -> ModelState:
        """All that is known about the model, frozen; read by plots, reports, files and servers."""
        return self._state

    @property
    def _columns(self) -> ColumnNames | None:
        """The user's column names, if frames have to be renamed."""
        return self.columns if self.columns.differ else None

    @property
    def model_name(self) -> str:
        """Name of the tuned model, such as ``"NHITS"``."""
        return self.state.model_name

    @property
    def h(self) -> int:
        """Forecast horizon, in steps of the data."""
        return self.state.h

    @property
    def freq(self) -> str | int:
        """Frequency of the data."""
        return self.state.freq

    @property
    def trials(self) -> pd.DataFrame:
        """Table of the trials, one row each; empty for a fixed configuration."""
        return trials_frame(self.state.records, self.state.metric_name)

    @property
    def best_score(self) -> float | None:
        """The best validation score, of the metric `metric_name`; None without a search."""
        return self.state.best_score

    @property
    def metric_name(self) -> str:
        """Name of the metric of `best_score`, such as ``"mae"``; "loss" for the training loss."""
        return self.state.metric_name

    @public(to=TO)
    def predict(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        level: float | Sequence[float] | None = None,
        quantiles: float | Sequence[float] | None = None,
        h: int | None = None,
        to: str | Path | None = None,
    ) -> pd.DataFrame:
        """Forecast the steps after the end of each series.

        Parameters
        ----------
        dataset : DataFrame, optional
            Long frame with `unique_id`, `ds`, `y` and the exogenous columns that the model uses.
            Series not seen in training are allowed. If None, the training data.
        futr_df : DataFrame, optional
            Future values of the `futr_exog_list` columns, with `unique_id` and `ds`.
        static_df : DataFrame, optional
            Static values of the series in `dataset`.
        level : float or sequence of float, optional
            Coverage of the prediction intervals in percent, such as ``[80, 95]``.
        quantiles : float or sequence of float, optional
            Quantiles between 0 and 1, instead of `level`.
        h : int, optional
            Number of steps to forecast. If None, the model's own horizon. A smaller number returns
            the first steps only. A larger number, up to a hundred times the model's horizon, is
            possible if the model supports it; `futr_df` must then reach to the next multiple of the
            model's horizon.
        to : str or Path, optional
            Folder for the forecasts, for very many series: they are written to Parquet files of
            10,000 series each, and never held in memory together. A call that was stopped resumes
            at the block where it stopped, if model and inputs are the same.

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds` and the model's name, followed by columns that end in
            ``-lo-90`` / ``-hi-90`` or ``_ql0.05``; `h` rows per series, sorted by series and time.
            Quantiles never cross. With `to`, the files: columns `path`, `n_series`, `n_rows`.

        Raises
        ------
        InvalidInputError
            Columns or future values are missing, or a quantile is not available; or `to` holds
            other files.
        StorageError
            The folder `to` cannot be written.
        """
        state = self.state
        columns = quantile_columns(state.column, level, quantiles)
        steps = steps_to_compute(state, h)
        inputs = forecast_inputs(state, dataset, futr_df, static_df, steps)

        def ahead(_rows: Any, own: Mapping[str, pd.DataFrame | None]) -> pd.DataFrame:
            result = forecast(
                state.fitted,
                **own,
                columns=columns if state.reconciliation is None else {},
                scores=self._calibrated,
                seed=state.task.random_seed,
                h=steps,
            )
            if state.reconciliation is not None:
                scores = self._calibrated
                result = coherent_forecast(state, result, own["history"], columns, scores)
            return first_steps(state.treatment.of_forecast(result), ["unique_id"], h)

        if to is None:
            return ahead(None, inputs)
        if columns and loss_family(state.loss) == "point":
            self._calibrated()  # before the digest of all that forecasts depend on
        asked = [columns, h, state.treatment.non_negative]
        return forecasts_to(self.state, Path(to), inputs, asked, ahead)

    def _calibrated(self) -> ConformalScores:
        """Return the calibration scores of the intervals, computing them on first use."""
        if self.state.scores is None:
            with training_turn():  # concurrent threads calibrate only once
                if self.state.scores is None:
                    self.calibrate()
        if self.state.scores is None:  # pragma: no cover - calibrate sets it or raises
            raise InvalidInputError("the intervals are not calibrated; call calibrate(dataset)")
        return self.state.scores

    def _keep(self, state: ModelState) -> None:
        """Take the calibration of a state that was derived from this model's."""
        self._scores = state.scores

    @public()
    def calibrate(
        self: M,
        dataset: pd.DataFrame | None = None,
        *,
        n_windows: int | None = None,
        static_df: pd.DataFrame | None = None,
    ) -> M:
        """Calibrate the prediction intervals of a model with a point loss.

        Trains the configuration once more without the last windows, forecasts those windows, and
        stores the errors. The first `predict` that needs intervals does this automatically.

        Parameters
        ----------
        dataset : DataFrame, optional
            The series to calibrate on. If None, the training data.
        n_windows : int, optional
            Number of held-out windows. If None, as many as fit into the last third of the series,
            at most ten. Series that are too short are left out and use the intervals of similar
            series.
        static_df : DataFrame, optional
            Static values of the series in `dataset`.

        Returns
        -------
        AutoModel
            The model itself.

        Raises
        ------
        InvalidInputError
            All series are too short to hold out a window.
        """
        self._scores = self._new_scores(dataset, n_windows, static_df)
        return self

    def _new_scores(
        self, dataset: pd.DataFrame | None, n_windows: int | None, static_df: pd.DataFrame | None
    ) -> ConformalScores | None:
        """Return the scores that calibrate the intervals."""
        state = calibrated(
            self.state,
            dataset,
            n_windows=n_windows,
            static_df=static_df,
            cross_validation=self._past_windows,  # intervals are laid around unclipped forecasts
        )
        return state.scores

    @public(n_windows=NumberRule("n_windows", 1), refit=_EACH)
    def cross_validation(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        n_windows: int = 1,
        step_size: int | None = None,
        refit: bool | int = False,
        static_df: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Forecast past windows with the best configuration, without a new search.

        Parameters
        ----------
        dataset : DataFrame, optional
            Long frame. If None, the training data.
        n_windows : int
            Number of windows, counted from the end.
        step_size : int, optional
            Steps between windows. If None, `h`.
        refit : bool or int
            Whether to retrain for each window, or after how many windows.
        static_df : DataFrame, optional
            Static values of the series in `dataset`.

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds`, `cutoff`, the model's name and `y`, which is NaN where
            `available_mask` is 0.
        """
        table = self._past_windows(
            dataset, n_windows=n_windows, step_size=step_size, refit=refit, static_df=static_df
        )
        return self.state.treatment.of_forecast(table)

    def _past_windows(self, dataset: pd.DataFrame | None, **windows: Any) -> pd.DataFrame:
        return forecast_past_windows(self.state, dataset, **windows)

    @public()
    def validation_scores(self, metrics: Sequence[Any] | None = None) -> pd.DataFrame:
        """Return the scores of the best configuration on each validation window.

        They are computed from the forecasts that the best trial made during the search. A model
        that was loaded, refitted or trained without a search is trained once more like its trial:
        without the windows, for the best number of steps, in full precision. Later calls reuse its
        forecasts.

        Parameters
        ----------
        metrics : sequence of str or callable, optional
            Like the `metric` of `OptimizationConfig`. If None, the metric of the search, "mae",
            "rmse", "smape" and "mase"; for a model trained for a quantile other than the median,
            the metric of the search and "mqloss".

        Returns
        -------
        DataFrame
            Columns `window` (1 for the earliest), `cutoff` (the latest of its series), `metric`,
            the model's name and the names of the baselines: the mean over the series. NaN if a
            forecast lacks the quantiles that a metric needs.

        Examples
        --------
        >>> from automodel_sk import create_auto_model
        >>> df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": [0.0, 1.0, 2.0, 3.0] * 10})
        >>> config = {"max_steps": 2, "input_size": 8}
        >>> model = create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False)
        >>> model.validation_scores(["mae"]).drop(columns="MLP")
           window  cutoff metric  SeasonalNaive  Naive  WindowAverage       RWD
        0       1      37    mae            1.5    1.5            1.5  1.459459
        """
        return self._window_scores(metrics)

    def _window_scores(self, metrics: Sequence[Any] | None) -> pd.DataFrame:
        from automodel_sk.evaluation.validation_scores import window_scores

        state = self.state
        return window_scores(
            state.fitted,
            state.task,
            state.config,
            steps=state.best_steps,
            season=state.season,
            static_df=prepared_static(state, None, state.history()),
            metrics=metrics,
            kept=state.windows,
            reconciliation=state.reconciliation,
        )

    @public(test_df=_TEST_ROWS)
    def evaluate(
        self,
        test_df: pd.DataFrame,
        metrics: Sequence[Any] | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        by_series: bool = False,
    ) -> pd.DataFrame:
        """Return the errors on rows that came after the training data, next to the baselines'.

        The model forecasts from the end of its training data; nothing is trained.

        Parameters
        ----------
        test_df : DataFrame
            Long frame with the rows that follow the training data, at most `h` of each series, and
            the `futr_exog_list` columns. Rows of the training data are ignored. A value of NaN was
            not observed and does not count.
        metrics : sequence of str or callable, optional
            As in `validation_scores`: names of functions in `utilsforecast.losses`, or functions.
        futr_df : DataFrame, optional
            Future values of the `futr_exog_list` columns, if `test_df` has fewer than `h` steps.
        by_series : bool
            Whether to return the errors of each series instead of their mean.

        Returns
        -------
        DataFrame
            Columns `metric`, the model's name and the names of the baselines; with `by_series`, a
            row for each series and metric, and the column `unique_id` first. NaN where a forecast
            lacks the quantiles that a metric needs.

        Raises
        ------
        InvalidInputError
            A series was not trained on; no row came after the training data, one is missing, or
            there are more than `h`.

        Examples
        --------
        >>> from automodel_sk import create_auto_model
        >>> values = [0.0, 1.0, 2.0, 3.0] * 11
        >>> df = pd.DataFrame({"unique_id": "a", "ds": range(44), "y": values})
        >>> config = {"max_steps": 2, "input_size": 8}
        >>> model = create_auto_model("MLP", 4, df[:40], config, use_mlflow=False, verbose=False)
        >>> model.evaluate(df[40:], ["mae", "rmse"])[["metric", "SeasonalNaive", "Naive"]]
          metric  SeasonalNaive     Naive
        0    mae       1.500000  1.500000
        1   rmse            1.870829  1.870829
        """
        from automodel_sk.evaluation.out_of_sample import evaluate

        own = self._forecasters()
        return evaluate(self, own, test_df, metrics, futr_df=futr_df, by_series=by_series)

    def _forecasters(self) -> dict[str, Callable[..., pd.DataFrame]]:
        """Return the functions whose forecasts `evaluate` judges, by name of their column."""
        return {self.state.column: self.predict}

    @public(method=Choices("method", METHODS, optional=True))
    def explain(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        steps: Sequence[int] | None = None,
        method: str | None = None,
    ) -> Explanation:
        """Compute how much each past, future and static value contributes to each forecast.

        Uses captum (``pip install 'automodel_sk[explain]'``) through neuralforecast. Models with a
        distribution loss cannot be explained. For quantile losses, the median is explained.

        Parameters
        ----------
        dataset, futr_df, static_df : DataFrame, optional
            As in `predict`.
        steps : sequence of int, optional
            Steps ahead to explain, from 1. If None, all steps.
        method : str, optional
            "IntegratedGradients" (the default), "InputXGradient" (fast; the default for recurrent
            models, which do not support the first) or "ShapleyValueSampling" (slow). Attributions
            of the first and the last method sum to the forecast.

        Returns
        -------
        Explanation
            Its `attributions` are a table, which its `importance()` summarises.

        Raises
        ------
        InvalidInputError
            The model or its loss does not support the method.
        MissingDependencyError
            captum is not installed.
        """
        from automodel_sk.forecasting.explanation import explain

        inputs = forecast_inputs(self.state, dataset, futr_df, static_df, self.h)
        return explain(self.state.fitted, **inputs, steps=steps, method=method)

    @public()
    def simulate(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        n_paths: int = 100,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        method: str | None = None,
        seed: int | None = None,
        h: int | None = None,
    ) -> pd.DataFrame:
        """Sample possible futures whose steps are correlated as in the past.

        At each step, the paths are distributed like the quantiles of `predict`, whatever the loss,
        between the outermost quantiles of the model (1% and 99%, or those it was trained for). They
        answer questions that quantiles cannot, such as the probability of a sum over the horizon or
        of a peak.

        Parameters
        ----------
        dataset, futr_df, static_df : DataFrame, optional
            As in `predict`.
        n_paths : int
            Number of paths per series.
        method : {"schaake_shuffle", "gaussian_copula"}, optional
            How steps are correlated: by the ranks of values in past windows, or by the
            autocorrelation of past changes, which leaves the steps of a random walk uncorrelated.
            If None, the first method, unless a series has fewer rows than two horizons.
        seed : int, optional
            Seed of the paths. If None, the seed of the search.
        h : int, optional
            As in `predict`.

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds`, `sample_id` and the model's name, sorted by series, path and
            time.

        Raises
        ------
        InvalidInputError
            As in `predict`; or a series is too short for the method.
        """
        state, steps = self.state, steps_to_compute(self.state, h)
        refuse_paths(state)
        inputs = forecast_inputs(state, dataset, futr_df, static_df, steps)
        seed = state.task.random_seed if seed is None else seed
        paths = self._paths(inputs, steps, n_paths=n_paths, method=method, seed=seed)
        return first_steps(state.treatment.of_forecast(paths), ["unique_id", "sample_id"], h)

    def _paths(self, inputs: Mapping[str, Any], steps: int, **sampling: Any) -> pd.DataFrame:
        from automodel_sk.forecasting.simulation import simulate

        return simulate(self.state.fitted, **inputs, scores=self._calibrated, h=steps, **sampling)

    @public()
    def diagnose(self, *, baselines: bool = False) -> Diagnosis:
        """Analyse the search and suggest what to try next.

        Parameters
        ----------
        baselines : bool
            Also compare the model with baselines on past windows, which trains it once more.
            Without effect for an ensemble, of which baselines are candidates.

        Returns
        -------
        Diagnosis
            Findings, the most important first, each with its evidence and with values to try; empty
            if there are none.
        """
        from automodel_sk.diagnosis import diagnose

        return diagnose(self, baselines=baselines)

    @public(dataset=Frame("dataset", optional=False))
    def refit(self: M, dataset: pd.DataFrame, *, static_df: pd.DataFrame | None = None) -> M:
        """Return a model of the same configuration retrained on other data, without a search.

        Parameters
        ----------
        dataset : DataFrame
            Long frame.
        static_df : DataFrame, optional
            Static values of its series.

        Returns
        -------
        AutoModel
            A new model; this one is not changed.
        """
        return self._with(self._refitted(dataset, static_df))

    def _refitted(self, dataset: pd.DataFrame, static_df: pd.DataFrame | None) -> ModelState:
        return refitted(self.state, dataset, static_df)

    @public(dataset=Frame("dataset", optional=False))
    def update(
        self: M,
        dataset: pd.DataFrame,
        *,
        static_df: pd.DataFrame | None = None,
        max_steps: int | None = None,
    ) -> M:
        """Return a model trained further from this one's weights, on old and new data together.

        The learning rate is the one at which the training ended, reached over the first 20 steps.

        Parameters
        ----------
        dataset : DataFrame
            Long frame with the relevant previous rows and the new ones.
        static_df : DataFrame, optional
            Static values of its series.
        max_steps : int, optional
            Number of training steps. If None, a fifth of those of the refit.

        Returns
        -------
        AutoModel
            A new model; this one is not changed.
        """
        return self._with(self._updated(dataset, static_df, max_steps))

    def _updated(
        self, dataset: pd.DataFrame, static_df: pd.DataFrame | None, max_steps: int | None
    ) -> ModelState:
        return updated(self.state, dataset, static_df, max_steps)

    @public(S_df=SUMMING, method=Choices("method", RECONCILIATIONS))
    def reconcile(self: M, S_df: Any, *, method: str = "mint_shrink") -> M:
        """Return a model whose forecasts of a hierarchy add up, without training it again.

        Parameters
        ----------
        S_df : DataFrame or hierarchicalforecast.utils.SMatrix
            The summing matrix: a row for each series of the model in any order, a column
            `unique_id`, and a column for each bottom series, 1 where the row's series contains it.
            ``aggregate(df, spec)`` of ``hierarchicalforecast.utils`` makes it.
        method : str
            How forecasts of the bottom series are derived. All others are their sums.

            - "bottom_up": their own forecasts.
            - "ols": the coherent forecasts nearest to those of all series.
            - "wls_struct": the same, a series of n bottom series having n times the variance.
            - "wls_var", "mint_shrink", "mint_cov": the coherent forecasts of least variance, given
              the variances of past errors, their shrunk covariances, or their covariances.

        Returns
        -------
        AutoModel
            A new model; this one is not changed. Its `predict`, `cross_validation`,
            `validation_scores`, intervals, plots and report are those of coherent forecasts, also
            after saving, loading and retraining. Intervals come from errors of coherent forecasts
            of past windows whatever the loss; they hold series by series and don't add up.

        Raises
        ------
        InvalidInputError
            S_df lacks series of the model, has others, or is no summing matrix; or past windows of
            some series are too short for errors.
        MissingDependencyError
            hierarchicalforecast is not installed, and `method` is not "bottom_up".

        Notes
        -----
        Past errors are those of the search on its validation windows. If there are too few of them,
        the best configuration is trained once more without the last windows, as for intervals.
        """
        return self._with(reconciled(self.state, S_df, method))

    def _with(self: M, state: ModelState) -> M:
        """Return a model of another state."""
        if state.reconciliation is not None:
            state.reconciliation.check_series(state.ids)
        renewed = copy.copy(self)
        renewed._state = state
        return renewed

    def to_neuralforecast(self) -> Any:
        """Return the fitted `NeuralForecast` object.

        Returns
        -------
        neuralforecast.NeuralForecast
            With one model, fitted on all the data; it contains the training data.
        """
        return self.state.fitted

    @public()
    def to_onnx(self, path: str | Path) -> Path:
        """Write the network to an ONNX file, with the scaling of its inputs and outputs.

        The file is checked: `onnxruntime` must forecast with it what `predict` does.
        `OnnxForecaster` forecasts long frames with it, without torch.

        Parameters
        ----------
        path : str or Path
            The file; an existing one is replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InvalidInputError
            The network can't be exported; the message gives the reason.
        MissingDependencyError
            onnx, onnxscript or onnxruntime is not installed.
        StorageError
            The file cannot be written.
        """
        from automodel_sk.onnx.export import export

        return export(self.state, Path(path))

    @public()
    def save(self, path: str | Path) -> Path:
        """Write the model to a folder, without pickle.

        Parameters
        ----------
        path : str or Path
            The folder. If it holds a saved model, that model is replaced in one step.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ModelFileError
            The folder exists and holds something else.
        """
        from automodel_sk.persistence.models import save_auto_model

        return save_auto_model(self.state, Path(path))

    @public()
    def log_to_mlflow(
        self,
        tracking_uri: str | None = None,
        experiment_name: str = "automodel_sk",
        *,
        run_id: str | None = None,
        register_as: str | None = None,
    ) -> str:
        """Store the model in MLflow, without pickle; a tracked search does this automatically.

        Parameters
        ----------
        tracking_uri : str, optional
            URI of a server or database. If None, the one set in MLflow, or else the file
            `mlflow.db`.
        experiment_name : str
            Name of the experiment, used if there is no run yet.
        run_id : str, optional
            The run to attach the model to. If None, the active run, or else a new one.
        register_as : str, optional
            Name in MLflow's registry to register the model under as a new version.

        Returns
        -------
        str
            URI of the model: ``mlflow.pyfunc.load_model(uri).predict(df)`` forecasts.

        Raises
        ------
        TrackingError
            The store rejects it.
        """
        from automodel_sk.tracking.mlflow.model_log import log_model
        from automodel_sk.tracking.records import model_record

        return log_model(
            model_record(self),
            tracking_uri,
            experiment_name,
            run_id=run_id,
            register_as=register_as,
        )

    @classmethod
    @public()
    def load(cls, path: str | Path) -> AutoModel:
        """Read a saved model; nothing in the folder is executed.

        Parameters
        ----------
        path : str or Path
            The folder that `save` wrote.

        Returns
        -------
        AutoModel
            An `AutoEnsemble` if the folder holds several models.

        Raises
        ------
        ModelFileError
            The folder is damaged, of a newer version, or not a saved model.
        """
        from automodel_sk.persistence.models import load_any_model

        return load_any_model(Path(path), cls)

    @property
    def plot(self) -> ModelPlots:
        """Plots of forecasts, errors and the search, such as ``model.plot.forecast()``."""
        from automodel_sk.plots import ModelPlots

        return ModelPlots(self)

    @public()
    def report(
        self, path: str | Path = "report.html", *, futr_df: pd.DataFrame | None = None
    ) -> Path:
        """Write a report of the model as an HTML page that needs no network.

        Parameters
        ----------
        path : str or Path
            The file; an existing one is replaced.
        futr_df : DataFrame, optional
            As in `predict`. Without it, a model with future-known variables is shown on held-out
            steps only.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        MissingDependencyError
            If plotly is not installed, which the extra ``report`` brings.
        """
        from automodel_sk.report import write_report

        return write_report(self.plot, Path(path), self._code(), futr_df)

    def _code(self) -> str:
        """Return the code that makes the model again."""
        from automodel_sk.report import model_code

        return model_code(self)

    def summary(self) -> str:
        """Return the error beside the baselines', the trials and the configuration, in a few lines.

        Returns
        -------
        str
            Shows as it is in a console and in a notebook. The error is left out if it would take a
            training, as for a loaded model.

        Examples
        --------
        >>> from automodel_sk import create_auto_model
        >>> df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": [0.0, 1.0, 2.0, 3.0] * 10})
        >>> config = {"max_steps": 2, "input_size": 8}
        >>> create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False).summary()
        MLP: forecasts 2 steps of 1 series
        configuration: max_steps=2, input_size=8
        """
        from automodel_sk.report.summary import model_summary

        return model_summary(self)

    def _repr_html_(self) -> str:
        """Return a card for notebooks."""
        from automodel_sk.report.card import card

        return card(self)

    def __repr__(self) -> str:
        score = "" if self.best_score is None else f", {scored(self)}"
        records = self.state.records
        trials = f", trials={len(records)}" if records else ""
        return f"AutoModel({self.model_name!r}, h={self.h}{score}{trials})"
