"""Score a trial with a metric of its forecasts of the held-out windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.catalog.models import is_joint
from automodel_sk.data.held_out import HeldOutWindows, least_rows
from automodel_sk.data.preparation import observed_values
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import Forecast, Metric
from automodel_sk.training.build import trained_module
from automodel_sk.training.patches.upstream import restore_quantiles
from automodel_sk.training.task import TrainingTask

__all__ = [
    "Objective",
    "forecast_windows",
    "make_objective",
    "outputs_of",
    "unchanged_loss",
    "validation_callbacks",
]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Objective:
    """A metric and the windows that it is computed on.

    Parameters
    ----------
    metric : Metric
        The metric to minimise.
    windows : HeldOutWindows
        The held-out windows with their actual values.
    weights : float or array of float, one for each series and window
        Factors that the metric's values are multiplied by.
    train : DataFrame, optional
        The training data, for metrics that need them.
    series : array of bool, optional
        Which of the forecast series are scored; all of them if None.
    """

    metric: Metric
    windows: HeldOutWindows
    weights: Array | float = 1.0
    train: pd.DataFrame | None = None
    series: npt.NDArray[np.bool_] | None = None

    def score(self, forecast: Forecast) -> float:
        """Return the mean over windows and series, or infinity if a forecast is NaN."""
        values = [forecast.point, *forecast.quantiles.values()]
        if not all(np.isfinite(v).all() for v in values):
            return float("inf")
        return float(pd.Series(self.by_window(forecast)).mean())

    def of_scaled_series(self) -> Objective:
        """Return the objective without series that have no error scale, unless none has one."""
        weights = np.asarray(self.weights, dtype=float)
        usable = np.isfinite(weights)
        if usable.all() or not usable.any():
            return self
        return replace(self, weights=np.where(usable, weights, np.nan))

    def by_window(self, forecast: Forecast) -> Array:
        """Return the metric for each series and window."""
        return self.metric.errors(self.windows, forecast, self.train) * self.weights

    def check(self, endings: Sequence[str]) -> None:
        """Raise if the metric cannot score a model; tested on a seasonal-naive forecast.

        Parameters
        ----------
        endings : sequence of str
            The model's outputs, by the suffixes of their columns.

        Raises
        ------
        InvalidInputError
            The metric raises, needs quantiles that the model does not forecast, or is not finite.
        """
        outputs = np.tile(self.windows.reference[:, None], len(endings))
        name = self.metric.name
        try:
            with np.errstate(all="ignore"):
                values = self.by_window(Forecast.of_outputs(outputs, list(endings)))
        except InvalidInputError:
            raise
        except Exception as exc:
            raise InvalidInputError(
                f"metric {name!r} fails on a seasonal-naive forecast ({type(exc).__name__}:"
                f" {exc}); fix it, or try metric='mae'"
            ) from exc
        unusable = np.isinf(values) | np.isinf(self.weights)
        if unusable.any() or np.isnan(values).all():
            place = int(unusable.argmax())
            series = self.windows.frame["unique_id"].iloc[place * self.windows.h]
            raise InvalidInputError(
                f"metric {name!r} is {values[place]} for a seasonal-naive forecast, first of"
                f" {wording().series(series)}: it may divide by zero, as by the errors of a series"
                " that repeats itself; leave such series out, or try metric='mae'"
            )


def make_objective(metric: Metric, windows: HeldOutWindows, history: pd.DataFrame) -> Objective:
    """Return an objective whose scales are computed from the training data.

    Parameters
    ----------
    metric : Metric
        The metric to minimise.
    windows : HeldOutWindows
        The held-out windows.
    history : DataFrame
        Long frame of the series, sorted.

    Returns
    -------
    Objective

    Examples
    --------
    >>> from automodel_sk.data.held_out import hold_out
    >>> from automodel_sk.metrics import resolve_metric
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(5), "y": [0.0, 2.0, 4.0, 6.0, 9.0]})
    >>> objective = make_objective(resolve_metric("mase"), hold_out(df, h=1), df)
    >>> objective.score(Forecast(np.array([6.0]), {}))
    1.5
    """
    history = observed_values(history)
    with np.errstate(all="ignore"):
        weights = metric.weights(windows, history)
    train = history[["unique_id", "ds", "y"]] if metric.needs_history else None
    return Objective(metric, windows, weights, train)


def outputs_of(task: TrainingTask) -> list[str]:
    """Return the suffixes of the columns that a task's model forecasts.

    Examples
    --------
    >>> outputs_of(TrainingTask("NHITS", h=12, val_size=12))
    ['']
    """
    if task.loss is None or task.model_name == "HINT":
        return [""]  # HINT reconciles means; its quantiles are redrawn at each call
    return list(task.loss.output_names)


def validation_callbacks(
    model: Any, task: TrainingTask, on_forecast: Callable[[Forecast], None] | None = None
) -> list[Any]:
    """Return callbacks that validate a model on the task's windows with its metric.

    Parameters
    ----------
    model : neuralforecast model
        Untrained.
    task : TrainingTask
        Provides the step between windows and the objective, if any.
    on_forecast : callable, optional
        Called with the forecasts of each validation if there is an objective.

    Returns
    -------
    list of Lightning callbacks
        Empty for one window and the training loss, which neuralforecast handles itself.
    """
    if task.objective is not None:
        return [_metric_callback(model, task, on_forecast)]
    return [_window_step_callback(task.step_size or task.h)] if task.n_windows > 1 else []


def _window_step_callback(step_size: int) -> Any:
    """Return a callback that sets the step between validation windows, not training windows."""
    from pytorch_lightning.callbacks import Callback

    class StepBetweenWindows(Callback):  # type: ignore[misc]  # upstream is untyped
        trained_with = 1

        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            self.trained_with, pl_module.step_size = pl_module.step_size, step_size

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            pl_module.step_size = self.trained_with

    return StepBetweenWindows()


def _metric_callback(
    model: Any, task: TrainingTask, on_forecast: Callable[[Forecast], None] | None
) -> Any:
    """Return a callback that replaces the validation loss with the metric.

    The model forecasts the windows in its validation step exactly as in `predict`. Neuralforecast's
    epoch end then logs the metric as the loss, so that early stopping uses it too.
    """
    import torch
    from pytorch_lightning.callbacks import Callback

    outputs: list[Any] = []

    class JudgeForecasts(Callback):  # type: ignore[misc]  # upstream is untyped
        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            outputs.clear()
            pl_module.validation_step = partial(_forecast_into, outputs, pl_module, task)

        def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            forecast = _collected(outputs, model, task.objective.series)
            if on_forecast is not None:
                on_forecast(forecast)
            score = task.objective.score(forecast)
            pl_module.validation_step_outputs[:] = [torch.tensor([score, 1.0], dtype=torch.float64)]

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            del pl_module.validation_step

    return JudgeForecasts()


def _forecast_into(
    outputs: list[Any], module: Any, task: TrainingTask, batch: Any, batch_idx: int
) -> None:
    """Forecast the held-out windows of a batch of series without affecting training."""
    import torch

    module.predict_step_size = task.step_size or task.h
    module.test_size = task.val_size
    try:
        with unchanged_loss(module.loss), torch.random.fork_rng():
            torch.manual_seed(task.random_seed)
            restore_quantiles(module)
            outputs.append(module.predict_step(batch, batch_idx).detach())
    finally:
        module.test_size = 0


@contextmanager
def unchanged_loss(loss: Any) -> Iterator[None]:
    """Restore a loss's quantiles afterwards, since asking for others overwrites its own."""
    names = ("q", "quantiles", "output_names", "has_predicted")
    before = {name: getattr(loss, name) for name in names if hasattr(loss, name)}
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(loss, name, value)


def _collected(
    outputs: list[Any], model: Any, judged: npt.NDArray[np.bool_] | None = None
) -> Forecast:
    """Return the forecasts of all batches in order of series, window and step."""
    import torch

    values = torch.vstack(outputs)
    if trained_module(model).MULTIVARIATE:
        values = values.swapaxes(0, 2).swapaxes(1, 2)
    table = values.flatten().double().cpu().numpy()
    return _of_table(table, model, judged)


def _of_table(table: Array, model: Any, judged: npt.NDArray[np.bool_] | None) -> Forecast:
    """Return the forecasts in a model's flattened outputs; HINT's are reconciled."""
    endings = list(model.loss.output_names)
    table = table.reshape(-1, len(endings))
    reconciling = getattr(model, "SP", None)
    if reconciling is None:
        return Forecast.of_outputs(_rows_of(table, judged), endings)
    means = table[:, endings.index("")].reshape(len(reconciling), -1)
    return Forecast(_rows_of((reconciling @ means).reshape(-1, 1), judged).ravel(), {})


def forecast_windows(model: Any, task: TrainingTask, dataset: Any) -> Forecast:
    """Return a trained model's forecasts of the validation windows of the judged series.

    Parameters
    ----------
    model : neuralforecast model
        Trained.
    task : TrainingTask
        Provides the windows.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data, including the validation steps.

    Returns
    -------
    Forecast
        One row per series, window and step.
    """
    import torch

    module = trained_module(model)
    module.test_size = task.val_size
    try:
        with unchanged_loss(module.loss), torch.random.fork_rng():
            step_size = task.step_size or task.h
            # Those of the validation; a model that is shown its random seed restarts it.
            table = module.predict(dataset, step_size=step_size, random_seed=task.random_seed)
            return _of_table(np.asarray(table, dtype=float), model, _judged(task))
    finally:
        module.test_size = 0


def _judged(task: TrainingTask) -> npt.NDArray[np.bool_] | None:
    """Return which of the forecast series are long enough for validation; None for all."""
    if not is_joint(task.model_name) or task.lengths is None:
        return None
    judged: npt.NDArray[np.bool_] = task.lengths >= least_rows(task.lengths, task.h, task.val_size)
    return judged


def _rows_of(table: Array, judged: npt.NDArray[np.bool_] | None) -> Array:
    """Return the rows of the scored series; each has the same number of rows."""
    if judged is None:
        return table
    chosen: Array = table.reshape(len(judged), -1, table.shape[1])[judged]
    return chosen.reshape(-1, table.shape[1])
