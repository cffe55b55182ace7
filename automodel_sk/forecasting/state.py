"""What is known about a fitted model: the network, its data and the search behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS
from automodel_sk.data.calendar import without_calendar
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.held_out import hold_out, least_rows, long_enough, of_series
from automodel_sk.data.treatment import Treatment
from automodel_sk.forecasting.calibration import Windows, stored_static
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.digests import digest_of
from automodel_sk.forecasting.predict import stored_history
from automodel_sk.forecasting.reconciliation import Reconciliation
from automodel_sk.forecasting.window_errors import enough_windows, table_of_windows
from automodel_sk.metrics import metric_name
from automodel_sk.training.build import module_of, network_of
from automodel_sk.training.refit_steps import final_steps
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.window_forecasts import KeptForecasts
from automodel_sk.trials import TrialRecord

if TYPE_CHECKING:
    from automodel_sk.data.analysis import DatasetProfile
    from automodel_sk.search_algorithm_selector import SearchStrategy
    from automodel_sk.search_space import SearchSpace
    from automodel_sk.validation import ValidationResult

__all__ = ["ModelState", "exact_target"]


def exact_target(frame: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    """Return the values of a prepared frame's target, if single precision changes any of them.

    Examples
    --------
    >>> exact_target(pd.DataFrame({"y": [0.5, 2.0]})), exact_target(pd.DataFrame({"y": [0.1]}))
    (None, array([0.1]))
    """
    values = frame["y"].to_numpy(dtype=np.float64)
    is_same = np.array_equal(values.astype(np.float32).astype(np.float64), values)
    return None if is_same else values


@dataclass(frozen=True, eq=False)
class ModelState:
    """All that forecasts, plots, reports, files and servers need to know about a fitted model.

    Functions of these rooms take the state, or read it from `AutoModel.state`, instead of private
    attributes of `AutoModel`. What derives from `fitted` is a property or a method here, so that an
    ensemble, which has no single network, overrides it in a subclass.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        With one model, fitted on all the data.
    task : TrainingTask
        Model, horizon, losses and exogenous columns.
    config : mapping
        The fitted configuration.
    best_step : int, optional
        Training steps at the best validation loss; None for a fixed configuration.
    trained_steps : int, optional
        Training steps behind the weights; derived from `best_step` if None.
    note : str, optional
        How a time budget shortened the refit.
    records : sequence of TrialRecord
        The trials of the search.
    season : int
        Number of steps in one season of the data.
    space : SearchSpace, optional
        The search space.
    strategy : SearchStrategy, optional
        The search algorithm; None for a fixed configuration.
    profile : DatasetProfile, optional
        Characteristics of the training data.
    validation : ValidationResult, optional
        Findings of the validator.
    scores : ConformalScores, optional
        Calibration of prediction intervals for point losses.
    windows : KeptForecasts, optional
        Forecasts of the validation windows by the best trial.
    columns : ColumnNames
        The user's names for the columns of series, times and values.
    reconciliation : Reconciliation, optional
        What makes the forecasts of a hierarchy add up; None if nothing does.
    treatment : Treatment
        What is done to data before the model sees them, and to forecasts.
    levels : tuple of float
        Levels of the intervals that `automodel-sk predict` gives if none are asked for.
    target : array, optional
        The values of the target in double precision, from `exact_target`; None where those in
        single precision, which the model trains on, are the same.
    """

    fitted: Any
    task: TrainingTask
    config: Mapping[str, Any]
    best_step: int | None = None
    trained_steps: int | None = None
    note: str | None = None
    records: Sequence[TrialRecord] = ()
    season: int = 1
    space: SearchSpace | None = None
    strategy: SearchStrategy | None = None
    profile: DatasetProfile | None = None
    validation: ValidationResult | None = None
    scores: ConformalScores | None = None
    windows: KeptForecasts | None = None
    columns: ColumnNames = field(default_factory=ColumnNames)
    reconciliation: Reconciliation | None = None
    treatment: Treatment = field(default_factory=Treatment)
    levels: tuple[float, ...] = ()
    target: npt.NDArray[np.float64] | None = None

    @property
    def model_name(self) -> str:
        """Name of the tuned model, such as ``"NHITS"``."""
        return self.task.model_name

    @property
    def h(self) -> int:
        """Forecast horizon, in steps of the data."""
        return self.task.h

    @property
    def network(self) -> Any:
        """The fitted neuralforecast model, possibly wrapped."""
        return network_of(self.fitted)

    @property
    def module(self) -> Any:
        """The trained module of the network."""
        return module_of(self.fitted)

    @property
    def freq(self) -> str | int:
        """Frequency of the data."""
        freq: str | int = self.fitted.freq
        return freq

    @property
    def ids(self) -> Any:
        """The ids of the training series, in order."""
        return self.fitted.uids

    @property
    def column(self) -> str:
        """The name of the column of point forecasts."""
        return repr(self.network)

    @property
    def loss(self) -> Any:
        """The loss of the model, which decides where quantiles come from."""
        return self.network.loss

    @property
    def categories(self) -> Mapping[str, Mapping[Any, int]]:
        """The categories seen in training, by column."""
        known: Mapping[str, Mapping[Any, int]] = self.fitted.categorical_vocab_
        return known

    @property
    def asked_ahead(self) -> tuple[str, ...]:
        """The columns whose future values have to be passed: not those of the calendar."""
        known = self.task.futr_exog
        return known if isinstance(self.freq, int) else without_calendar(known)

    @property
    def date_order(self) -> str | None:
        """The order of day and month in the training data's times, if they were text."""
        return self.profile.date_order if self.profile else None

    @property
    def past_rows(self) -> int:
        """Number of past rows that a forecast reads."""
        names = ("input_size", "inference_input_size")
        return max(2, *(getattr(self.network, name, None) or 0 for name in names))

    @property
    def padded_rows(self) -> int:
        """Number of rows that a history that begins too late is padded to: all that are read."""
        return self.past_rows

    @property
    def forecasts_blocks(self) -> bool:
        """Whether all steps of the horizon are forecast at once, from the future of all of them."""
        return not self.module.RECURRENT

    def fingerprint(self) -> str:
        """Return a digest of what the forecasts depend on beside their inputs."""
        weights = self.module.state_dict().items()
        parts = [part for name, value in weights for part in (name, value.cpu().numpy())]
        calibration = [] if self.scores is None else [self.scores.errors]
        return digest_of(self.model_name, self.h, self.task.random_seed, *calibration, *parts)

    def history(self) -> pd.DataFrame:
        """Return the prepared training data."""
        return stored_history(self.fitted)

    def exact_history(self) -> pd.DataFrame:
        """Return the prepared training data with the target as it was given."""
        frame = self.history()
        exact = frame["y"].astype(np.float64) if self.target is None else self.target
        return frame.assign(y=exact)

    def ends(self) -> pd.DataFrame:
        """Return the last time of each training series."""
        return pd.DataFrame(
            {"unique_id": list(self.fitted.uids), "ds": pd.Index(self.fitted.last_dates)}
        )

    def stored_static(self) -> pd.DataFrame:
        """Return the static values of the training series."""
        return stored_static(self.fitted)

    def kept_forecasts(self) -> tuple[Windows, pd.DataFrame, pd.DataFrame] | None:
        """Return past windows, forecasts of them and their data, if the search kept enough."""
        task, frame = self.task, self.history()
        if self.windows is None or not enough_windows(*self.windows.point.shape[:2]):
            return None
        sizes = frame.groupby("unique_id", observed=True, sort=False).size()
        judged = long_enough(frame, least_rows(sizes.to_numpy(), task.h, task.val_size))
        tested = of_series(frame, judged)
        held_out = hold_out(tested, task.h, task.n_windows, task.step_size)
        ids, left_out = sizes.index[judged], tuple(sizes.index[~judged])
        windows = Windows(task.n_windows, task.step_size or task.h, ids, left_out)
        table = table_of_windows(self.windows.point, held_out, self.column)
        return windows, self.coherent(table), tested

    def coherent(self, table: pd.DataFrame, column: str | None = None) -> pd.DataFrame:
        """Return forecasts that add up if the model is reconciled."""
        rule, name = self.reconciliation, column or self.column
        if rule is None:
            return table
        kept = [c for c in table.columns if c in ("unique_id", "ds", "cutoff", "y", name)]
        return rule.of_table(table[kept], name)

    def coherent_windows(self, point: npt.NDArray[Any], ids: Any) -> npt.NDArray[Any]:
        """Return forecasts of windows that add up if the model is reconciled."""
        return point if self.reconciliation is None else self.reconciliation.of_windows(point, ids)

    @property
    def best_score(self) -> float | None:
        """The best validation loss; None for a fixed configuration."""
        complete = [r.value for r in self.records if r.ran_to_its_end]
        reported = [r.best_loss for r in self.records if r.state != "FAIL"]
        scores = [score for score in complete if score is not None]
        return min(scores or [loss for loss in reported if loss is not None], default=None)

    @property
    def metric_name(self) -> str:
        """Name of the metric that `best_score` is a value of; "loss" for the training loss."""
        return "loss" if self.task.metric is None else metric_name(self.task.metric)

    @property
    def steps_in_full(self) -> int | None:
        """The steps of a training that is not cut short; None for those of the configuration."""
        return None if self.best_step is None else final_steps(self.config, self.best_step)

    @property
    def training_steps(self) -> int | None:
        """The steps behind the weights, or None for those of the configuration."""
        return self.steps_in_full if self.trained_steps is None else self.trained_steps

    @property
    def number_of_steps(self) -> int:
        """The steps behind the weights."""
        return self.training_steps or int(self.config.get("max_steps", DEFAULT_MAX_STEPS))

    @property
    def best_steps(self) -> int | None:
        """The steps at the best validation, or fewer if the training was cut short."""
        if self.best_step is None or self.trained_steps is None:
            return self.best_step or self.trained_steps
        return min(self.best_step, self.trained_steps)
