"""The fitted result: forecasts, the search behind them, and how to keep them."""

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
from automodel_sk.training.build import DEFAULT_MAX_STEPS, trained_module
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
"""A forecast may be so many times as long as the model's own horizon."""

_EACH = Either("refit", Flag("refit"), NumberRule("refit", 1))


class AutoModel:
    """A tuned and fitted forecasting model.

    Made by `create_auto_model`, `AutoModelFactory` and `AutoModel.load`.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        With the one model, fitted on all the data.
    task : TrainingTask
        Model, horizon, losses and exogenous columns.
    best_config : mapping
        The configuration that was fitted.
    best_step : int, optional
        Training steps after which its validation loss was best; None where it was
        not searched for.
    trained_steps : int, optional
        Training steps behind the model's weights; those that follow from `best_step`
        when None. `cross_validation` and `calibrate` train for as many.
    training_note : str, optional
        What a time budget cut of the final training; None where nothing.
    records : sequence of TrialRecord
        The trials.
    strategy : SearchStrategy, optional
        The algorithm and why it was chosen; None for a fixed configuration.
    profile : DatasetProfile, optional
        The data it was fitted on.
    validation : ValidationResult, optional
        What the validator found.
    scores : ConformalScores, optional
        Calibration of intervals for point losses.
    season : int
        Steps of one season of the data.
    space : SearchSpace, optional
        What was searched over; a saved model's lacks its functions.
    columns : ColumnNames, optional
        What the user calls the columns of series, times and values: frames are taken
        and given under these names.

    Attributes
    ----------
    best_score : float or None
        The best validation loss, None for a fixed configuration.
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
        """The user's names of columns, where frames have to be renamed."""
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
    def trials(self) -> pd.DataFrame:
        """The trials as a table, one row each; empty for a fixed configuration."""
        return trials_frame(self._records)

    @property
    def best_score(self) -> float | None:
        """The best validation loss, None for a fixed configuration."""
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
            Long frame with `unique_id`, `ds`, `y` and the exogenous columns that
            the model uses; series that were not trained on are welcome. The
            training data when None.
        futr_df : DataFrame, optional
            Future values of the `futr_exog_list` columns, with `unique_id` and `ds`.
        static_df : DataFrame, optional
            Static values of the series of `dataset`.
        level : float or sequence of float, optional
            Coverages in percent of prediction intervals, such as ``[80, 95]``.
        quantiles : float or sequence of float, optional
            Quantiles between 0 and 1, in place of `level`.
        h : int, optional
            Steps to forecast; the model's own horizon when None. Fewer are the first of
            those; more, at most a hundred times as many, where the model can. `futr_df`
            must reach to the next multiple of the model's horizon.

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds`, the model's name, and ``-lo-90`` /
            ``-hi-90`` or ``_ql0.05`` columns after it; `h` rows per series, in
            order of series and time. Quantiles never cross.

        Raises
        ------
        InvalidInputError
            Columns or future values are missing, or a quantile can't be given.
        """
        columns = quantile_columns(repr(self._fitted.models[0]), level, quantiles)
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
        """Return the steps to compute: the model's own horizon, or more where more are asked."""
        if h is not None and h > _LONGEST * self.h:
            raise InvalidInputError(
                f"h must be at most {_LONGEST} times the model's own horizon of {self.h}, got {h};"
                f" try h={_LONGEST * self.h}, or fit a model for a longer horizon"
            )
        steps = max(self.h, h or 0)
        if trained_module(self._fitted.models[0]).RECURRENT:
            return steps
        # A direct model forecasts its whole horizon again and again. Where the last time is
        # shorter, upstream reads its values off a window that begins too early.
        return -(-steps // self.h) * self.h

    def _inputs(
        self,
        dataset: pd.DataFrame | None,
        futr_df: pd.DataFrame | None,
        static_df: pd.DataFrame | None,
        h: int,
    ) -> dict[str, pd.DataFrame | None]:
        """Return what is forecast from, prepared; the training data where none is passed."""
        history = None if dataset is None else self._prepare(dataset)
        return {
            "history": history,
            "futr_df": self._prepare_future(futr_df, history, h),
            "static_df": None if history is None else self._static(static_df, history),
        }

    def _prepare(self, dataset: pd.DataFrame) -> pd.DataFrame:
        frame = usable_history(dataset, self._task, self.freq, self._date_order, self._fitted.uids)
        check_known(frame, self._fitted.categorical_vocab_, "df")
        return frame

    @property
    def _date_order(self) -> str | None:
        """The order of day and month in the text that the training data's times were."""
        return self.profile.date_order if self.profile else None

    def _prepare_future(
        self, futr_df: pd.DataFrame | None, history: pd.DataFrame | None, h: int
    ) -> pd.DataFrame | None:
        if history is None:
            ends = {"unique_id": self._fitted.uids, "ds": self._fitted.last_dates}
            history = pd.DataFrame({name: list(values) for name, values in ends.items()})
        task = self._task
        future = future_values(
            futr_df, task.futr_exog, history, h, self.freq, self._date_order, task.cat_exog
        )
        if future is not None:
            check_known(future, self._fitted.categorical_vocab_, "futr_df")
        return future

    def _static(self, static_df: pd.DataFrame | None, frame: pd.DataFrame) -> Any:
        """Return static values for a frame, those kept from the training where none are given."""
        if static_df is None and self._task.stat_exog:
            static_df = calibration.stored_static(self._fitted)
        return align_static(static_df, frame, self._task.stat_exog)

    def _check_room(self, frame: pd.DataFrame, static_df: pd.DataFrame | None) -> None:
        """Raise where data to train anew on hold more categories than the model has room for."""
        codes = vocabulary(self._task.cat_exog, frame, static_df)
        check_cardinalities(codes, self.best_config.get("categorical_cardinalities") or {})

    def _profile_of(self, dataset: pd.DataFrame) -> DatasetProfile:
        """Return the profile of data that take the place of those trained on so far."""
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
        """Return the scores of the intervals, calibrated at first need."""
        if self._scores is None:
            with training_turn():  # threads that all want intervals calibrate them once
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

        Trains the configuration once more without the last windows, forecasts
        them, and keeps the errors. Done by itself at the first `predict` that
        asks for intervals.

        Parameters
        ----------
        dataset : DataFrame, optional
            The series to calibrate on; the training data when None.
        n_windows : int, optional
            Held-out windows; as many as fit into the last third of the series, ten at
            most, when None. Series that are too short are left out: their intervals come
            from those of series that are like them.
        static_df : DataFrame, optional
            Static values of the series of `dataset`.

        Returns
        -------
        AutoModel
            Itself.

        Raises
        ------
        InvalidInputError
            All series are too short to hold out a window.
        """
        frame = stored_history(self._fitted) if dataset is None else self._prepare(dataset)
        windows = self._plan_windows(frame, n_windows)
        errors = self.cross_validation(
            frame if is_joint(self.model_name) else windows.of(frame),
            n_windows=windows.count,
            step_size=windows.step,
            static_df=static_df,
        )
        errors["error"] = errors["y"] - errors[repr(self._fitted.models[0])]
        self._scores = ConformalScores.from_cross_validation(errors, frame, self.h, self._season)
        return self

    def _plan_windows(
        self, frame: pd.DataFrame, n_windows: int | None = None, *, last_half: bool = True
    ) -> Windows:
        """Return the windows that calibrate the intervals, and say which series have none."""
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
        """Forecast past windows with the frozen best configuration, without a new search.

        Parameters
        ----------
        dataset : DataFrame, optional
            Long frame; the training data when None.
        n_windows : int
            Windows, counted from the end.
        step_size : int, optional
            Steps between windows; `h` when None.
        refit : bool or int
            Train anew for each window, or for each so many.
        static_df : DataFrame, optional
            Static values of the series of `dataset`.

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds`, `cutoff`, the model's name and `y`, which is
            NaN where `available_mask` is 0.
        """
        from neuralforecast import NeuralForecast

        frame = stored_history(self._fitted) if dataset is None else self._prepare(dataset)
        static = self._static(static_df, frame)
        zone = day_zone(frame["ds"], self.freq)
        frame = on_wall(frame, self.freq)
        self._check_room(frame, static)
        held_out = held_out_steps(self.h, n_windows, step_size)
        kept = long_enough(frame, held_out + 2)
        tested = of_series(frame, kept)
        _tell_left_out(frame, kept, held_out + 2)
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
        """Return what the best configuration scores on each validation window.

        It is trained once more as its trial was, without the windows and for as many
        steps as were best, in full precision. Where the trials were in full precision
        too, on the same kind of machine, that is the model that the search judged.
        Later calls use its forecasts again.

        Parameters
        ----------
        metrics : sequence of str or callable, optional
            As the `metric` of `OptimizationConfig`; that of the search, "mae", "rmse",
            "smape" and "mase" when None. Of a model trained for a quantile apart from the
            middle, that of the search and "mqloss".

        Returns
        -------
        DataFrame
            Columns `window` (1 for the earliest), `cutoff` (the last of its series),
            `metric`, the model's name and those of the simple forecasts: the mean
            over the series. NaN where a forecast lacks the quantiles to judge.

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
            steps=self._judged_steps(),
            season=self._season,
            static_df=self._static(None, stored_history(self._fitted)),
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
        """Tell what each past, future and static value adds to each forecast.

        Made by captum (``pip install 'automodel_sk[explain]'``) through neuralforecast.
        Models with a distribution loss can't be explained. Of quantiles the median is.

        Parameters
        ----------
        dataset, futr_df, static_df : DataFrame, optional
            As in `predict`.
        steps : sequence of int, optional
            Steps ahead to explain, from 1; all of them when None.
        method : str, optional
            "IntegratedGradients" (when None), "InputXGradient" (fast; when None for
            recurrent models, which the first can't explain) or "ShapleyValueSampling"
            (slow). Attributions of the first and the last add up to the forecast.

        Returns
        -------
        Explanation
            Its `attributions` are a table, its `importance()` sums them up.

        Raises
        ------
        InvalidInputError
            The model or its loss can't be explained so.
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
        """Draw possible futures, whose steps are related as those of the past are.

        At each step the paths are spread as the quantiles of `predict` are, whatever the
        loss, between the outermost that the model has (1% and 99%, or those it was
        trained for). They answer what quantiles can't: how likely a sum over the
        horizon is, or a peak.

        Parameters
        ----------
        dataset, futr_df, static_df : DataFrame, optional
            As in `predict`.
        n_paths : int
            Paths of each series.
        method : {"schaake_shuffle", "gaussian_copula"}, optional
            What relates the steps: the order of the values in past windows, or the
            autocorrelation of the past changes, under which the steps of a random walk
            are unrelated. The first when None, unless a series has fewer than two
            horizons of rows.
        seed : int, optional
            The same seed gives the same paths; that of the search when None.
        h : int, optional
            As in `predict`.

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds`, `sample_id` and the model's name; in order of
            series, path and time.

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
        """Read the search and say what to try next.

        Parameters
        ----------
        baselines : bool
            Also hold the model against simple forecasts on past windows, for which it is
            trained once more.

        Returns
        -------
        Diagnosis
            Findings, the most important first, each with its evidence and with values
            to try; empty where nothing stands out.
        """
        from automodel_sk.diagnosis import diagnose

        return diagnose(self, baselines=baselines)

    @public(dataset=Frame("dataset", optional=False))
    def refit(self, dataset: pd.DataFrame, *, static_df: pd.DataFrame | None = None) -> AutoModel:
        """Return a model of the same configuration trained anew on other data, without a search.

        Parameters
        ----------
        dataset : DataFrame
            Long frame.
        static_df : DataFrame, optional
            Static values of its series.

        Returns
        -------
        AutoModel
            A new one; this one is left as it was.
        """
        renewed = copy.copy(self)
        renewed._task = replace(self._task, n_series=dataset["unique_id"].nunique())
        renewed._scores = None
        frame = usable_history(dataset, renewed._task, self.freq, self._date_order)
        lengths = frame.groupby("unique_id", observed=True).size().to_numpy()
        renewed._task = replace(
            renewed._task,
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
        """Return a model trained on from this one's weights, on old and new data together.

        Parameters
        ----------
        dataset : DataFrame
            Long frame: the former rows as far as they matter, and the new ones.
        static_df : DataFrame, optional
            Static values of its series.
        max_steps : int, optional
            Training steps; a fifth of those of the final training when None.

        Returns
        -------
        AutoModel
            A new one; this one is left as it was.
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
        """Return the steps behind the model's weights, None for those of its configuration."""
        return self._steps_in_full() if self.trained_steps is None else self.trained_steps

    def _steps_in_full(self) -> int | None:
        """Return the steps of a training that nothing cuts short."""
        return None if self.best_step is None else final_steps(self.best_config, self.best_step)

    def _judged_steps(self) -> int | None:
        """Return the steps at the best validation, or those of a training that was cut shorter."""
        if self.best_step is None or self.trained_steps is None:
            return self.best_step or self.trained_steps
        return min(self.best_step, self.trained_steps)

    def to_neuralforecast(self) -> Any:
        """Return the fitted `NeuralForecast` object.

        Returns
        -------
        neuralforecast.NeuralForecast
            With one model, fitted on all the data; it keeps the training data.
        """
        return self._fitted

    @public()
    def save(self, path: str | Path) -> Path:
        """Write the model to a folder, without pickle.

        Parameters
        ----------
        path : str or Path
            The folder; one that holds a saved model is replaced, in one step.

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
        """Store the model in MLflow, without pickle; a tracked search does so by itself.

        Parameters
        ----------
        tracking_uri : str, optional
            Server or database; what is set in MLflow, else the file `mlflow.db`, when None.
        experiment_name : str
            The experiment, where there is no run yet.
        run_id : str, optional
            The run whose model it becomes; the one that is open, else a new one, when None.
        register_as : str, optional
            Name in MLflow's registry of which it becomes a new version.

        Returns
        -------
        str
            Its URI: ``mlflow.pyfunc.load_model(uri).predict(df)`` forecasts.

        Raises
        ------
        TrackingError
            The store doesn't take it.
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
        """Read a saved model; nothing in the folder is ever run.

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
            The folder is damaged, of a newer version, or no saved model.
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
        """Write a page on the model that opens in any browser, without a network.

        Parameters
        ----------
        path : str or Path
            The file; one of that name is replaced.
        futr_df : DataFrame, optional
            As in `predict`; without it a model of future-known variables is shown
            on held-out steps alone.

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
    """Return the first steps of each forecast; all where no number is given."""
    if h is None:
        return forecasts
    kept = forecasts.groupby(keys, observed=True, sort=False).cumcount() < h
    return forecasts if kept.all() else forecasts[kept].reset_index(drop=True)


def _check_rows(lengths: Any) -> None:
    """Raise where no series has a past and a future to train on."""
    if lengths.max() < 2:
        raise InvalidInputError(
            "dataset has a single row in each series, which leaves nothing to learn from; pass"
            " at least one series of 2 rows or more"
        )


def _tell_left_out(frame: pd.DataFrame, kept: Any, rows: int) -> None:
    """Say which series are too short for past windows, in one warning."""
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
