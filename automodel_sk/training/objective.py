"""What a trial is judged by: a metric of its forecasts of the held-out windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.held_out import HeldOutWindows
from automodel_sk.data.preparation import observed_values
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import Forecast, Metric
from automodel_sk.training.build import trained_module
from automodel_sk.training.task import TrainingTask

__all__ = [
    "Objective",
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
        What is minimised.
    windows : HeldOutWindows
        What came true.
    weights : float or array of float, one for each series and window
        What the metric's figures are multiplied with.
    train : DataFrame, optional
        The past, where the metric looks at it.
    series : array of bool, optional
        Which of the series that a model forecasts are judged; all of them when None.
    """

    metric: Metric
    windows: HeldOutWindows
    weights: Array | float = 1.0
    train: pd.DataFrame | None = None
    series: npt.NDArray[np.bool_] | None = None

    def score(self, forecast: Forecast) -> float:
        """Return the mean over windows and series, infinite where a forecast is no number."""
        values = [forecast.point, *forecast.quantiles.values()]
        if not all(np.isfinite(v).all() for v in values):
            return float("inf")
        return float(pd.Series(self.by_window(forecast)).mean())

    def by_window(self, forecast: Forecast) -> Array:
        """Return the metric for each series and window."""
        return self.metric.errors(self.windows, forecast, self.train) * self.weights

    def check(self, endings: Sequence[str]) -> None:
        """Raise where the metric can't judge a model, tried on a seasonal-naive forecast.

        Parameters
        ----------
        endings : sequence of str
            The model's outputs, by the endings of their columns.

        Raises
        ------
        InvalidInputError
            The metric fails, looks at quantiles that there are not, or is not
            finite.
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
                f"metric {name!r} fails on a seasonal-naive forecast"
                f" ({type(exc).__name__}: {exc}); mend it, or try metric='mae'"
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
    """Return an objective, its scales read off the past.

    Parameters
    ----------
    metric : Metric
        What is minimised.
    windows : HeldOutWindows
        The windows.
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
    """Return the endings of the columns that a model of a task forecasts.

    Examples
    --------
    >>> outputs_of(TrainingTask("NHITS", h=12, val_size=12))
    ['']
    """
    if task.loss is None or task.model_name == "HINT":
        return [""]  # HINT reconciles means; its quantiles are drawn anew at each call
    return list(task.loss.output_names)


def validation_callbacks(model: Any, task: TrainingTask) -> list[Any]:
    """Return what makes a model validate itself on the task's windows, by its metric.

    Parameters
    ----------
    model : neuralforecast model
        Untrained.
    task : TrainingTask
        With the windows' step and an objective, where there is one.

    Returns
    -------
    list of Lightning callbacks
        None for one window and the training loss: that is upstream's own way.
    """
    if task.objective is not None:
        return [_judge(model, task)]
    return [_stepper(task.step_size or task.h)] if task.n_windows > 1 else []


def _stepper(step_size: int) -> Any:
    """Return a callback that validates windows so far apart, not those that training draws."""
    from pytorch_lightning.callbacks import Callback

    class StepBetweenWindows(Callback):  # type: ignore[misc]  # upstream is untyped
        trained_with = 1

        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            self.trained_with, pl_module.step_size = pl_module.step_size, step_size

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            pl_module.step_size = self.trained_with

    return StepBetweenWindows()


def _judge(model: Any, task: TrainingTask) -> Any:
    """Return a callback that puts the metric in the validation loss's place.

    The model forecasts the windows in its validation step as it does when it
    predicts. Upstream's epoch end then logs the metric as the loss, so that
    early stopping follows it as well.
    """
    import torch
    from pytorch_lightning.callbacks import Callback

    outputs: list[Any] = []

    class JudgeForecasts(Callback):  # type: ignore[misc]  # upstream is untyped
        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            outputs.clear()
            pl_module.validation_step = partial(_forecast_into, outputs, pl_module, task)

        def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            score = task.objective.score(_collected(outputs, model, task.objective.series))
            pl_module.validation_step_outputs[:] = [torch.tensor([score, 1.0], dtype=torch.float64)]

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            del pl_module.validation_step

    return JudgeForecasts()


def _forecast_into(
    outputs: list[Any], module: Any, task: TrainingTask, batch: Any, batch_idx: int
) -> None:
    """Forecast the held-out windows of a batch of series; training goes on as if it had not."""
    import torch

    module.predict_step_size = task.step_size or task.h
    module.test_size = task.val_size
    try:
        with unchanged_loss(module.loss), torch.random.fork_rng():
            torch.manual_seed(task.random_seed)
            module._set_quantiles()
            outputs.append(module.predict_step(batch, batch_idx).detach())
    finally:
        module.test_size = 0


@contextmanager
def unchanged_loss(loss: Any) -> Iterator[None]:
    """Give a loss its quantiles back: asked for others, it forgets its own."""
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
    endings = list(model.loss.output_names)
    table = values.flatten().double().cpu().numpy().reshape(-1, len(endings))
    reconciling = getattr(model, "SP", None)
    if reconciling is None:
        return Forecast.of_outputs(_rows_of(table, judged), endings)
    means = table[:, endings.index("")].reshape(len(reconciling), -1)
    return Forecast(_rows_of((reconciling @ means).reshape(-1, 1), judged).ravel(), {})


def _rows_of(table: Array, judged: npt.NDArray[np.bool_] | None) -> Array:
    """Return the rows of the series that are judged; each has the same number of them."""
    if judged is None:
        return table
    chosen: Array = table.reshape(len(judged), -1, table.shape[1])[judged]
    return chosen.reshape(-1, table.shape[1])
