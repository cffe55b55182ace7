"""Forecast without a Lightning trainer, and in the middle of a training.

Written for neuralforecast 3.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["forecast_with", "restore_quantiles"]


def forecast_with(model: Any, trainer: Any, restart_seed: Callable[[int | None], Any]) -> None:
    """Make a model's forecasts use a trainer, and a function that seeds their random numbers.

    Parameters
    ----------
    model : neuralforecast model
    trainer : object
        Its ``predict(model, datamodule)`` returns the forecasts of each batch.
    restart_seed : callable
        Replaces the method that seeds the global generators.
    """
    model._restart_seed = restart_seed
    model._pred_trainer = trainer
    model._pred_trainer_kwargs = dict(model.trainer_kwargs)  # else it builds a trainer of its own


def restore_quantiles(model: Any) -> None:
    """Set a loss's quantiles to those that the model was built with, before it forecasts."""
    model._set_quantiles()
