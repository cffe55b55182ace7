"""Refit: train the best configuration on all the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from automodel_sk.data.preparation import MASK
from automodel_sk.training.build import (
    build_model,
    effective_config,
    further_callback,
    is_padded,
    module_of,
    trained_module,
)
from automodel_sk.training.inference import detach_leftovers, private_copy
from automodel_sk.training.objective import forecast_windows
from automodel_sk.training.patches.upstream import same_codes
from automodel_sk.training.restart import gentle_restart
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.train import training
from automodel_sk.training.weight_average import averaged_weights
from automodel_sk.training.window_forecasts import KeptForecasts, by_window

__all__ = [
    "final_model",
    "fit_final",
    "fit_with_weights",
    "padded_for",
    "repeat_forecasts",
    "repeat_trial",
    "steps_of",
    "task_of",
    "train_on",
]


def final_model(task: TrainingTask, config: Mapping[str, Any], steps: int | None = None) -> Any:
    """Return the untrained model for the refit: no early stopping, no held-out data.

    Parameters
    ----------
    task : TrainingTask
        The task of the search.
    config : mapping
        The best configuration.
    steps : int, optional
        Training steps, 0 for none; if None, those of the configuration. The learning-rate schedule
        stays that of the configuration's `max_steps`.

    Returns
    -------
    neuralforecast model
    """
    # Pad as in the trials, which held rows out.
    task = replace(task, val_size=0, pad_short_series=is_padded(task, config))
    model = build_model(task, {**config, "early_stop_patience_steps": -1})
    if steps is not None:
        trained_module(model).trainer_kwargs["max_steps"] = steps
    return model


def task_of(task: TrainingTask, frame: Any) -> TrainingTask:
    """Return a task with the series of another frame: their number, lengths and unobserved rows.

    Parameters
    ----------
    task : TrainingTask
        The task of the search.
    frame : DataFrame
        Long frame, sorted.
    """
    lengths = frame.groupby("unique_id", observed=True, sort=False).size().to_numpy()
    return replace(task, n_series=len(lengths), lengths=lengths, has_mask=MASK in frame.columns)


def padded_for(
    task: TrainingTask, config: Mapping[str, Any], frame: Any, held_out: int
) -> TrainingTask:
    """Return a frame's task that pads series if there would otherwise be no window to train on.

    Parameters
    ----------
    task, config
        As in `final_model`.
    frame : DataFrame
        Long frame.
    held_out : int
        Rows at the end of each series that are not trained on.
    """
    settled = replace(task, lengths=None, pad_short_series=False)
    size = effective_config(settled, config)["input_size"]
    task = task_of(task, frame)
    assert task.lengths is not None
    longest = int(task.lengths.max())
    return replace(task, pad_short_series=True) if longest - held_out <= size else task


def fit_final(
    task: TrainingTask,
    config: Mapping[str, Any],
    frame: Any,
    freq: str | int,
    *,
    static_df: Any = None,
    steps: int | None = None,
    budget: TimeBudget | None = None,
    on_progress: Callable[[float], None] | None = None,
    n_threads: int = 1,
) -> Any:
    """Train the final model on every row, including the validation windows.

    Parameters
    ----------
    task, config, steps
        As in `final_model`.
    frame : DataFrame
        Long frame, sorted, with only the columns that the model uses.
    freq : str or int
        Frequency of `frame`.
    static_df : DataFrame, optional
        One row per series, in the order of the series in `frame`.
    budget : TimeBudget, optional
        Training stops when the budget is used up.
    on_progress : callable, optional
        Called with the completed share after each step.
    n_threads : int, default 1
        Threads to train on; nothing else trains at the same time.

    Returns
    -------
    neuralforecast.NeuralForecast
        The fitted object.
    """
    from neuralforecast import NeuralForecast

    with training(n_threads):
        fitted = NeuralForecast(models=[final_model(task, config, steps)], freq=freq)
        with (
            averaged_weights(module_of(fitted), wanted=task.average_weights),
            _watched(module_of(fitted), budget, on_progress),
        ):
            fitted.fit(frame, static_df=static_df, val_size=0)
    detach_leftovers(module_of(fitted))
    return fitted


def fit_with_weights(
    task: TrainingTask,
    config: Mapping[str, Any],
    frame: Any,
    freq: str | int,
    weights: Mapping[str, Any],
    *,
    static_df: Any = None,
) -> Any:
    """Return the final model with a trial's weights, without further training.

    Parameters
    ----------
    task, config, frame, freq, static_df
        As in `fit_final`; forecasts start from the end of the frame.
    weights : mapping of str to tensor
        The module's state.

    Returns
    -------
    neuralforecast.NeuralForecast
    """
    from neuralforecast import NeuralForecast

    with training():
        fitted = NeuralForecast(models=[final_model(task, config, steps=0)], freq=freq)
        fitted.fit(frame, static_df=static_df, val_size=0)
    module = module_of(fitted)
    module.load_state_dict(weights)
    module.trainer_kwargs["max_steps"] = int(module.max_steps)
    return fitted


def repeat_trial(
    task: TrainingTask, config: Mapping[str, Any], dataset: Any, steps: int
) -> Mapping[str, Any]:
    """Retrain a trial for a number of steps and return its weights.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share; the seed makes the repetition exact.
    config : mapping
        The trial's configuration.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data, including the validation steps, which are held out.
    steps : int
        Training steps.
    """
    with training():
        model = _trained_again(task, config, dataset, steps)
    state: Mapping[str, Any] = trained_module(model).state_dict()
    return state


def repeat_forecasts(
    task: TrainingTask, config: Mapping[str, Any], dataset: Any, steps: int
) -> KeptForecasts:
    """Retrain a trial for a number of steps and return its forecasts of the validation windows.

    For trials whose forecasts were not kept: those of an earlier call, or of another machine.

    Parameters
    ----------
    task, config, dataset, steps
        As in `repeat_trial`; `steps` are those of the best validation.

    Returns
    -------
    KeptForecasts
        Its loss is NaN.
    """
    with training():
        model = _trained_again(task, config, dataset, steps)
        forecast = forecast_windows(model, task, dataset)
    quantiles = {q: by_window(values, task) for q, values in forecast.quantiles.items()}
    return KeptForecasts(by_window(forecast.point, task), quantiles, math.nan)


def _trained_again(task: TrainingTask, config: Mapping[str, Any], dataset: Any, steps: int) -> Any:
    model = build_model(task, {**config, "early_stop_patience_steps": -1})
    trained_module(model).trainer_kwargs["max_steps"] = steps
    model.fit(dataset, val_size=task.val_size)
    return model


def steps_of(fitted: Any) -> int:
    """Return the number of steps actually made in a fitted model's last training."""
    trajectory = module_of(fitted).train_trajectories
    return int(trajectory[-1][0]) + 1 if trajectory else 0


def train_on(
    fitted: Any,
    config: Mapping[str, Any],
    frame: Any,
    *,
    static_df: Any = None,
    steps: int,
    done: int,
    budget: TimeBudget | None = None,
) -> Any:
    """Continue training a copy of a fitted model from its current weights.

    The first steps are small, and the learning rate is that after the steps already done: else
    the fresh optimizer would move all weights away from where they were.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        The fitted object; it is not changed.
    config : mapping
        Its configuration.
    frame, static_df : DataFrame
        As in `fit_final`.
    steps : int
        Training steps.
    done : int
        Steps behind the current weights.
    budget : TimeBudget, optional
        Training stops when the budget is used up.

    Returns
    -------
    neuralforecast.NeuralForecast
    """
    with training():
        continued = private_copy(fitted)
        module = module_of(continued)
        _pad_short_series(module, frame)
        _take_unobserved_rows(module, config, frame)
        steps_before = module.trainer_kwargs["max_steps"]
        module.trainer_kwargs["max_steps"] = steps
        with (
            gentle_restart(module, done),
            _watched(module, budget, None),
            same_codes(continued),
        ):
            continued.fit(frame, static_df=static_df, val_size=0)
    module.trainer_kwargs["max_steps"] = steps_before
    detach_leftovers(module)
    return continued


def _pad_short_series(module: Any, frame: Any) -> None:
    """Pad series from now on if the shortest has no full window, as a new model would."""
    import torch

    shortest = int(frame.groupby("unique_id", observed=True).size().min())
    if module.start_padding_enabled or shortest >= module.input_size:
        return
    module.start_padding_enabled = True
    module.hparams["start_padding_enabled"] = True
    module.padder_train = torch.nn.ConstantPad1d((module.input_size - 1, module.h), 0.0)
    module.min_insample_fraction = 0.0  # only windows of whole histories so far


def _take_unobserved_rows(module: Any, config: Mapping[str, Any], frame: Any) -> None:
    """Train on windows with unobserved rows, as a new model would, unless that was ruled out."""
    if MASK in frame.columns and "training_data_availability_threshold" not in config:
        module.min_insample_fraction = 0.0


@contextmanager
def _watched(
    module: Any, budget: TimeBudget | None, on_progress: Callable[[float], None] | None
) -> Iterator[None]:
    """Report the progress of a training and stop it when time is up; callbacks are restored."""
    from pytorch_lightning.callbacks import LambdaCallback

    def after_step(trainer: Any, *_: Any) -> None:
        if on_progress is not None:
            on_progress(trainer.global_step / trainer.max_steps)
        late = budget is not None and budget.left() <= 0
        trainer.should_stop = trainer.should_stop or late

    with further_callback(module, LambdaCallback(on_train_batch_end=after_step)):
        yield
