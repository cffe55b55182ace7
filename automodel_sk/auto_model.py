"""The fitted model: its forecasts, the search behind it, and how to save it."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.arguments.boundary import public
from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.kinds import Choices, Either, Flag
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.catalog.models import is_joint
from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS
from automodel_sk.data.categories import check_cardinalities, check_known, vocabulary
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.held_out import held_out_steps, long_enough, of_series, with_unobserved_rows
from automodel_sk.data.preparation import MASK, align_static, observed_only, read_times
from automodel_sk.data.times.wall_dates import day_zone, in_zone, on_wall
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting import calibration
from automodel_sk.forecasting.calibration import Windows
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.explanation import METHODS
from automodel_sk.forecasting.future_values import future_values
from automodel_sk.forecasting.history import usable_history
from automodel_sk.forecasting.predict import forecast, stored_history, tidy
from automodel_sk.metrics.quantiles import quantile_columns
from automodel_sk.training.build import trained_module
from automodel_sk.training.refit import final_model, fit_final, padded_for, train_on
from automodel_sk.training.refit_steps import final_steps
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import training
from automodel_sk.training.turns import training_turn
from automodel_sk.trials import TrialRecord, trials_frame

if TYPE_CHECKING:
    from automodel_sk.data.analysis import DatasetProfile
    from automodel_sk.diagnosis import Diagnosis
    from automodel_sk.forecasting.explanation import Explanation
    from automodel_sk.plots import ModelPlots
    from automodel_sk.search_algorithm_selector import SearchStrategy
    from automodel_sk.search_space import SearchSpace
    from automodel_sk.validation import ValidationResult

__all__ = ["AutoModel"]

logger = logging.getLogger(__name__)

_UPDATE_SHARE = 0.2
_MOST_NAMES = 30
_LONGEST = 100
"""Maximum horizon of a forecast, as a multiple of the model's own horizon."""

_EACH = Either("refit", Flag("refit"), NumberRule("refit", 1))


class AutoModel:
    """A tuned and fitted forecasting model.

    Returned by `create_auto_model`, `AutoModelFactory` and `AutoModel.load`.

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
    season : int
        Number of steps in one season of the data.
    space : SearchSpace, optional
        The search space; functions in it are not available in a saved model.
    columns : ColumnNames, optional
        The user's names for the columns of series, times and values, used in all input and output
        frames.

    Attributes
    ----------
    best_score : float or None
        The best validation loss; None for a fixed configuration.
    trials : DataFrame
        One row per trial, with Optuna's column names.

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
        season: int = 1,
        space: SearchSpace | None = None,
        columns: ColumnNames | None = None,
    ) -> None:
        self._fitted = fitted
        self._task = task
        self._records = list(records)
        self._scores = scores
        self._season = season
        self.best_config = dict(best_config)
        self.best_step = best_step
        self.trained_steps = trained_steps
        self.training_note = training_note
        self.strategy = strategy
        self.profile = profile
        self.validation = validation
        self.space = space
        self.columns = columns or ColumnNames()

    @property
    def _columns(self) -> ColumnNames | None:
        """The user's column names, if frames have to be renamed."""
        return self.columns if self.columns.differ else None

    @property
    def model_name(self) -> str:
        """Name of the tuned model, such as ``"NHITS"``."""
        return self._task.model_name

    @property
    def h(self) -> int:
        """Forecast horizon, in steps of the data."""
        return self._task.h

    @property
    def freq(self) -> str | int:
        """Frequency of the data."""
        freq: str | int = self._fitted.freq
        return freq

    @property
    def _ids(self) -> Any:
        """The ids of the training series, in order."""
        return self._fitted.uids

    @property
    def _column(self) -> str:
        """The name of the column of point forecasts."""
        return repr(self._fitted.models[0])

    @property
    def _loss(self) -> Any:
        """The loss of the model, which decides where quantiles come from."""
        return self._fitted.models[0].loss

    @property
    def _categories(self) -> Mapping[str, Mapping[Any, int]]:
        """The categories seen in training, by column."""
        known: Mapping[str, Mapping[Any, int]] = self._fitted.categorical_vocab_
        return known

    @property
    def _past_rows(self) -> int:
        """Number of past rows that a forecast reads."""
        model = self._fitted.models[0]
        sizes = (getattr(model, name, None) or 0 for name in ("input_size", "inference_input_size"))
        return max(2, *sizes)

    @property
    def _forecasts_blocks(self) -> bool:
        """Whether all steps of the horizon are forecast at once, from the future of all of them."""
        return not trained_module(self._fitted.models[0]).RECURRENT

    def _history(self) -> pd.DataFrame:
        """Return the prepared training data."""
        return stored_history(self._fitted)

    def _ends(self) -> pd.DataFrame:
        """Return the last time of each training series."""
        ends = {"unique_id": self._fitted.uids, "ds": self._fitted.last_dates}
        return pd.DataFrame({name: list(values) for name, values in ends.items()})

    def _kept_forecasts(self) -> tuple[Windows, pd.DataFrame] | None:
        """Return forecasts of past windows of the training data, if the search kept them."""
        return None

    def _stored_static(self) -> pd.DataFrame:
        """Return the static values of the training series."""
        return calibration.stored_static(self._fitted)

    @property
    def trials(self) -> pd.DataFrame:
        """Table of the trials, one row each; empty for a fixed configuration."""
        return trials_frame(self._records)

    @property
    def best_score(self) -> float | None:
        """The best validation loss; None for a fixed configuration."""
        losses = [
            min(r.intermediate_values.values())
            for r in self._records
            if r.state != "FAIL" and r.intermediate_values
        ]
        complete = [r.value for r in self._records if r.state == "COMPLETE" and r.value is not None]
        return min(complete) if complete else min(losses, default=None)

    @public()
    def predict(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        level: float | Sequence[float] | None = None,
        quantiles: float | Sequence[float] | None = None,
        h: int | None = None,
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

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds` and the model's name, followed by columns that end in
            ``-lo-90`` / ``-hi-90`` or ``_ql0.05``; `h` rows per series, sorted by series and time.
            Quantiles never cross.

        Raises
        ------
        InvalidInputError
            Columns or future values are missing, or a quantile is not available.
        """
        columns = quantile_columns(self._column, level, quantiles)
        steps = self._steps(h)
        result = forecast(
            self._fitted,
            **self._inputs(dataset, futr_df, static_df, steps),
            columns=columns,
            scores=self._calibrated,
            seed=self._task.random_seed,
            h=steps,
        )
        return _first_steps(result, ["unique_id"], h)

    def _steps(self, h: int | None) -> int:
        """Return the number of steps to compute: at least the model's own horizon."""
        if h is not None and h > _LONGEST * self.h:
            raise InvalidInputError(
                f"h must be at most {_LONGEST} times the model's own horizon of {self.h}, got {h};"
                f" try h={_LONGEST * self.h}, or fit a model for a longer horizon"
            )
        steps = max(self.h, h or 0)
        if not self._forecasts_blocks:
            return steps
        # A direct model forecasts its whole horizon repeatedly. If the last block is shorter,
        # neuralforecast reads its values from a window that starts too early.
        return -(-steps // self.h) * self.h

    def _inputs(
        self,
        dataset: pd.DataFrame | None,
        futr_df: pd.DataFrame | None,
        static_df: pd.DataFrame | None,
        h: int,
    ) -> dict[str, pd.DataFrame | None]:
        """Return the prepared frame to forecast from; the training data if none is passed."""
        history = None if dataset is None else self._prepare(dataset)
        return {
            "history": history,
            "futr_df": self._prepare_future(futr_df, history, h),
            "static_df": None if history is None else self._static(static_df, history),
        }

    def _prepare(self, dataset: pd.DataFrame) -> pd.DataFrame:
        frame = usable_history(dataset, self._task, self.freq, self._date_order, self._ids)
        check_known(frame, self._categories, "df")
        return frame

    @property
    def _date_order(self) -> str | None:
        """The order of day and month in the training data's times, if they were text."""
        return self.profile.date_order if self.profile else None

    def _prepare_future(
        self, futr_df: pd.DataFrame | None, history: pd.DataFrame | None, h: int
    ) -> pd.DataFrame | None:
        if history is None:
            history = self._ends()
        task = self._task
        future = future_values(
            futr_df, task.futr_exog, history, h, self.freq, self._date_order, task.cat_exog
        )
        if future is not None:
            check_known(future, self._categories, "futr_df")
        return future

    def _static(self, static_df: pd.DataFrame | None, frame: pd.DataFrame) -> Any:
        """Return static values for a frame; those of the training data if none are given."""
        if static_df is None and self._task.stat_exog:
            static_df = self._stored_static()
        return align_static(static_df, frame, self._task.stat_exog)

    def _check_room(self, frame: pd.DataFrame, static_df: pd.DataFrame | None) -> None:
        """Raise if data for retraining have more categories than the model supports."""
        codes = vocabulary(self._task.cat_exog, frame, static_df)
        check_cardinalities(codes, self.best_config.get("categorical_cardinalities") or {})

    def _profile_of(self, dataset: pd.DataFrame) -> DatasetProfile:
        """Return the profile of data that replace the training data."""
        from automodel_sk.data.analysis import analyse_dataset

        task, order = self._task, self._date_order
        profile = analyse_dataset(
            read_times(dataset, order),
            freq=self.freq,
            futr_exog=task.futr_exog,
            hist_exog=task.hist_exog,
            stat_exog=task.stat_exog,
        )
        return replace(profile, date_order=order)

    def _calibrated(self) -> ConformalScores:
        """Return the calibration scores of the intervals, computing them on first use."""
        if self._scores is None:
            with training_turn():  # concurrent threads calibrate only once
                if self._scores is None:
                    self.calibrate()
        if self._scores is None:  # pragma: no cover - calibrate sets it or raises
            raise InvalidInputError("the intervals are not calibrated; call calibrate(dataset)")
        return self._scores

    @public()
    def calibrate(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        n_windows: int | None = None,
        static_df: pd.DataFrame | None = None,
    ) -> AutoModel:
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
        frame = self._history() if dataset is None else self._prepare(dataset)
        windows = self._plan_windows(frame, n_windows)
        errors = self.cross_validation(
            frame if is_joint(self.model_name) else windows.of(frame),
            n_windows=windows.count,
            step_size=windows.step,
            static_df=static_df,
        )
        errors["error"] = errors["y"] - errors[self._column]
        self._scores = ConformalScores.from_cross_validation(errors, frame, self.h, self._season)
        return self

    def _plan_windows(
        self, frame: pd.DataFrame, n_windows: int | None = None, *, last_half: bool = True
    ) -> Windows:
        """Return the windows to calibrate intervals on, and report series without any."""
        windows = calibration.plan_windows(
            frame, self.h, n_windows, last_half=last_half, together=is_joint(self.model_name)
        )
        if windows.left_out:
            logger.warning(
                "series %s: too short to hold out %d steps; their intervals come from the errors"
                " of series that are like them",
                calibration.named(windows.left_out),
                self.h + (windows.count - 1) * windows.step,
            )
        return windows

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
        from neuralforecast import NeuralForecast

        frame = self._history() if dataset is None else self._prepare(dataset)
        static = self._static(static_df, frame)
        zone = day_zone(frame["ds"], self.freq)
        frame = on_wall(frame, self.freq)
        self._check_room(frame, static)
        held_out = held_out_steps(self.h, n_windows, step_size)
        kept = long_enough(frame, held_out + 2)
        tested = of_series(frame, kept)
        _warn_left_out(frame, kept, held_out + 2)
        if is_joint(self.model_name):
            frame = with_unobserved_rows(frame, held_out + 1, self.freq)
        else:
            frame, static = tested, None if static is None else static[kept]
        task = padded_for(self._task, self.best_config, frame, held_out)
        with training():
            model = final_model(task, self.best_config, self._training_steps())
            result: pd.DataFrame = NeuralForecast([model], freq=self.freq).cross_validation(
                frame,
                static_df=static,
                n_windows=n_windows,
                step_size=step_size or self.h,
                refit=refit,
            )
        result = result[result["unique_id"].isin(tested["unique_id"].unique())]
        result = observed_only(tidy(result.reset_index(drop=True), model), frame)
        return in_zone(result, zone)

    @public()
    def validation_scores(self, metrics: Sequence[Any] | None = None) -> pd.DataFrame:
        """Return the scores of the best configuration on each validation window.

        The model is trained once more like its trial: without the windows, for the best number of
        steps, in full precision. If the trials also ran in full precision, on the same kind of
        machine, it is the model that the search scored. Later calls reuse its forecasts.

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
        from automodel_sk.evaluation.validation_scores import window_scores

        return window_scores(
            self._fitted,
            self._task,
            self.best_config,
            steps=self._best_steps(),
            season=self._season,
            static_df=self._static(None, self._history()),
            metrics=metrics,
        )

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

        inputs = self._inputs(dataset, futr_df, static_df, self.h)
        return explain(self._fitted, **inputs, steps=steps, method=method)

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
        from automodel_sk.forecasting.simulation import simulate

        steps = self._steps(h)
        paths = simulate(
            self._fitted,
            **self._inputs(dataset, futr_df, static_df, steps),
            scores=self._calibrated,
            n_paths=n_paths,
            method=method,
            seed=self._task.random_seed if seed is None else seed,
            h=steps,
        )
        return _first_steps(paths, ["unique_id", "sample_id"], h)

    @public()
    def diagnose(self, *, baselines: bool = False) -> Diagnosis:
        """Analyse the search and suggest what to try next.

        Parameters
        ----------
        baselines : bool
            Also compare the model with baselines on past windows, which trains it once more.

        Returns
        -------
        Diagnosis
            Findings, the most important first, each with its evidence and with values to try; empty
            if there are none.
        """
        from automodel_sk.diagnosis import diagnose

        return diagnose(self, baselines=baselines)

    @public(dataset=Frame("dataset", optional=False))
    def refit(self, dataset: pd.DataFrame, *, static_df: pd.DataFrame | None = None) -> AutoModel:
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
        renewed = copy.copy(self)
        renewed._scores = None
        frame = usable_history(dataset, self._task, self.freq, self._date_order)
        lengths = frame.groupby("unique_id", observed=True).size().to_numpy()
        renewed._task = replace(
            self._task,
            n_series=len(lengths),
            lengths=lengths,
            has_mask=MASK in frame.columns,
        )
        _check_rows(lengths)
        renewed.trained_steps, renewed.training_note = self._steps_in_full(), None
        static = self._static(static_df, frame)
        self._check_room(frame, static)
        renewed._fitted = fit_final(
            renewed._task,
            self.best_config,
            frame,
            self.freq,
            static_df=static,
            steps=renewed.trained_steps,
        )
        renewed.profile = self._profile_of(dataset)
        return renewed

    @public(dataset=Frame("dataset", optional=False))
    def update(
        self,
        dataset: pd.DataFrame,
        *,
        static_df: pd.DataFrame | None = None,
        max_steps: int | None = None,
    ) -> AutoModel:
        """Return a model trained further from this one's weights, on old and new data together.

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
        renewed = copy.copy(self)
        renewed._scores = None
        frame = self._prepare(dataset)
        _check_rows(frame.groupby("unique_id", observed=True).size().to_numpy())
        trained = self._training_steps() or int(
            self.best_config.get("max_steps", DEFAULT_MAX_STEPS)
        )
        renewed._fitted = train_on(
            self._fitted,
            frame,
            static_df=self._static(static_df, frame),
            steps=max_steps or max(1, round(trained * _UPDATE_SHARE)),
        )
        renewed.profile = self._profile_of(dataset)
        return renewed

    def _training_steps(self) -> int | None:
        """Return the steps behind the model's weights, or None for those of its configuration."""
        return self._steps_in_full() if self.trained_steps is None else self.trained_steps

    def _steps_in_full(self) -> int | None:
        """Return the steps of a training that is not cut short."""
        return None if self.best_step is None else final_steps(self.best_config, self.best_step)

    def _best_steps(self) -> int | None:
        """Return the steps at the best validation, or fewer if the training was cut short."""
        if self.best_step is None or self.trained_steps is None:
            return self.best_step or self.trained_steps
        return min(self.best_step, self.trained_steps)

    def to_neuralforecast(self) -> Any:
        """Return the fitted `NeuralForecast` object.

        Returns
        -------
        neuralforecast.NeuralForecast
            With one model, fitted on all the data; it contains the training data.
        """
        return self._fitted

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
        from automodel_sk.persistence import save_auto_model

        return save_auto_model(self, Path(path))

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

        Raises
        ------
        ModelFileError
            The folder is damaged, of a newer version, or not a saved model.
        """
        from automodel_sk.persistence import load_auto_model

        return load_auto_model(Path(path), cls)

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
        """
        from automodel_sk.report import recipe, write_report

        return write_report(self.plot, Path(path), recipe(self), futr_df)

    def _repr_html_(self) -> str:
        """Return a card for notebooks."""
        from automodel_sk.report.card import card

        return card(self)

    def __repr__(self) -> str:
        score = "" if self.best_score is None else f", best_score={self.best_score:.6g}"
        trials = f", trials={len(self._records)}" if self._records else ""
        return f"AutoModel({self.model_name!r}, h={self.h}{score}{trials})"


def _first_steps(forecasts: pd.DataFrame, keys: list[str], h: int | None) -> pd.DataFrame:
    """Return the first steps of each forecast, or all if no number is given."""
    if h is None:
        return forecasts
    kept = forecasts.groupby(keys, observed=True, sort=False).cumcount() < h
    return forecasts if kept.all() else forecasts[kept].reset_index(drop=True)


def _check_rows(lengths: Any) -> None:
    """Raise if no series has a past and a future to train on."""
    if lengths.max() < 2:
        raise InvalidInputError(
            "dataset has a single row in each series, which leaves nothing to learn from; pass"
            " at least one series of 2 rows or more"
        )


def _warn_left_out(frame: pd.DataFrame, kept: Any, rows: int) -> None:
    """Report the series that are too short for past windows in one warning."""
    short = [wording().name(name) for name in frame["unique_id"].unique()[~kept]]
    if short:
        shown = ", ".join(short[:_MOST_NAMES]) + (", ..." if len(short) > _MOST_NAMES else "")
        logger.warning(
            "%d of %d series have fewer than the %d rows that past windows take, and are left"
            " out: %s",
            len(short),
            len(kept),
            rows,
            shown,
        )
