"""Forecast with a reconciled model, and refuse what would not add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.predict import with_conformal_quantiles
from automodel_sk.forecasting.state import ModelState

__all__ = ["coherent_forecast", "refuse_paths"]


def coherent_forecast(
    state: ModelState,
    forecasts: pd.DataFrame,
    history: pd.DataFrame | None,
    columns: Mapping[str, float],
    scores: Callable[[], ConformalScores],
) -> pd.DataFrame:
    """Return a reconciled model's forecast.

    Quantiles come from the errors of coherent forecasts whatever the loss, since those of the
    network are of forecasts before they are reconciled.

    Parameters
    ----------
    state : ModelState
        The model.
    forecasts : DataFrame
        Its forecasts without quantiles.
    history : DataFrame, optional
        Prepared rows that they start from; the training data if None.
    columns : mapping of str to float
        Quantiles by column name.
    scores : callable
        Returns the calibration of the quantiles; called only if there are any.
    """
    table = state.coherent(forecasts)
    if not columns:
        return table
    past = state.history() if history is None else history
    return with_conformal_quantiles(table, state.column, past, columns, scores())


def refuse_paths(state: ModelState) -> None:
    """Raise if a model is reconciled: paths are sampled for each series alone."""
    if state.reconciliation is not None:
        raise InvalidInputError(
            "a reconciled model simulates no paths: they are sampled for each series alone and"
            " don't add up; call predict(level=[80]), or simulate() of the model before reconcile"
        )
