"""Prepare what a fitted model forecasts from: history, future values and static values."""

from __future__ import annotations

import pandas as pd

from automodel_sk.data.categories import check_cardinalities, check_known, vocabulary
from automodel_sk.data.preparation import align_static
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.future_values import future_values
from automodel_sk.forecasting.history import usable_history
from automodel_sk.forecasting.state import ModelState

__all__ = [
    "check_room",
    "first_steps",
    "forecast_inputs",
    "prepared_history",
    "prepared_static",
    "steps_to_compute",
]

_LONGEST = 100
"""Maximum horizon of a forecast, as a multiple of the model's own horizon."""


def prepared_history(state: ModelState, dataset: pd.DataFrame) -> pd.DataFrame:
    """Validate and prepare a history to forecast from.

    Raises
    ------
    InvalidInputError
        The rows can't be used, or hold categories not seen in training.
    """
    frame = usable_history(
        dataset, state.task, state.freq, state.date_order, state.ids, state.treatment
    )
    check_known(frame, state.categories, "df")
    return frame


def prepared_static(
    state: ModelState, static_df: pd.DataFrame | None, frame: pd.DataFrame
) -> pd.DataFrame | None:
    """Return static values for a frame; those of the training data if none are given."""
    if static_df is None and state.task.stat_exog:
        static_df = state.stored_static()
    return align_static(static_df, frame, state.task.stat_exog)


def forecast_inputs(
    state: ModelState,
    dataset: pd.DataFrame | None,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
    h: int,
) -> dict[str, pd.DataFrame | None]:
    """Return the prepared frames to forecast from; the history is None for the training data."""
    history = None if dataset is None else prepared_history(state, dataset)
    return {
        "history": history,
        "futr_df": _prepared_future(state, futr_df, history, h),
        "static_df": None if history is None else prepared_static(state, static_df, history),
    }


def _prepared_future(
    state: ModelState, futr_df: pd.DataFrame | None, history: pd.DataFrame | None, h: int
) -> pd.DataFrame | None:
    history = state.ends() if history is None else history
    task = state.task
    future = future_values(
        futr_df, task.futr_exog, history, h, state.freq, state.date_order, task.cat_exog
    )
    if future is not None:
        check_known(future, state.categories, "futr_df")
    return future


def check_room(state: ModelState, frame: pd.DataFrame, static_df: pd.DataFrame | None) -> None:
    """Raise if data for retraining have more categories than the model supports."""
    codes = vocabulary(state.task.cat_exog, frame, static_df)
    check_cardinalities(codes, state.config.get("categorical_cardinalities") or {})


def steps_to_compute(state: ModelState, h: int | None) -> int:
    """Return the number of steps to compute for a forecast: at least the model's own horizon."""
    if h is not None and h > _LONGEST * state.h:
        raise InvalidInputError(
            f"h must be at most {_LONGEST} times the model's own horizon of {state.h}, got {h};"
            f" try h={_LONGEST * state.h}, or fit a model with a longer horizon"
        )
    steps = max(state.h, h or 0)
    if not state.forecasts_blocks:
        return steps
    # A direct model forecasts its whole horizon repeatedly. If the last block is shorter,
    # neuralforecast reads its values from a window that starts too early.
    return -(-steps // state.h) * state.h


def first_steps(forecasts: pd.DataFrame, keys: list[str], h: int | None) -> pd.DataFrame:
    """Return the first steps of each forecast, or all if no number is given.

    Examples
    --------
    >>> forecasts = pd.DataFrame({"unique_id": ["a", "a", "b", "b"], "ds": [5, 6, 8, 9]})
    >>> first_steps(forecasts, ["unique_id"], 1)["ds"].tolist()
    [5, 8]
    """
    if h is None:
        return forecasts
    kept = forecasts.groupby(keys, observed=True, sort=False).cumcount() < h
    return forecasts if kept.all() else forecasts[kept].reset_index(drop=True)
