"""Prepare what a fitted model forecasts from: history, future values and static values."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from automodel_sk.data.categories import check_cardinalities, check_known, vocabulary
from automodel_sk.data.panel import Panel
from automodel_sk.data.preparation import ID, align_static
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.future_values import future_values
from automodel_sk.forecasting.history import usable_history
from automodel_sk.forecasting.state import ModelState
from automodel_sk.validation.data.exogenous import Exogenous, check_static
from automodel_sk.validation.data.structure import Names
from automodel_sk.validation.result import Findings

__all__ = [
    "check_room",
    "checked_static",
    "first_steps",
    "forecast_inputs",
    "prepared_history",
    "prepared_static",
    "steps_to_compute",
]

_LONGEST = 100
"""Maximum horizon of a forecast, as a multiple of the model's own horizon."""


def prepared_history(
    state: ModelState, dataset: pd.DataFrame, *, trains_anew: bool = False
) -> pd.DataFrame:
    """Validate and prepare a history to forecast from.

    Raises
    ------
    InvalidInputError
        The rows can't be used, or hold only categories not seen in training, unless the model is
        trained anew on them.
    """
    frame = usable_history(
        dataset, state.task, state.freq, state.date_order, state.ids, state.treatment
    )
    if not trains_anew:
        check_known(frame, state.categories, "df")
    return frame


def prepared_static(
    state: ModelState,
    static_df: pd.DataFrame | None,
    frame: pd.DataFrame,
    *,
    trains_anew: bool = False,
) -> pd.DataFrame | None:
    """Return static values for a frame; those of the training data if none are given.

    Raises
    ------
    InvalidInputError
        Values can't be used, or none of the categories was seen in training, unless the model is
        trained anew on them.
    """
    task = state.task
    if static_df is None:
        stored = state.stored_static() if task.stat_exog else None
        return align_static(stored, frame, task.stat_exog)
    static = checked_static(static_df, frame, task.stat_exog, task.cat_exog)
    if static is not None and not trains_anew:
        check_known(static, state.categories, "static_df")
    return static


def checked_static(
    static_df: pd.DataFrame | None,
    frame: pd.DataFrame,
    columns: Sequence[str],
    categories: Sequence[str] = (),
) -> pd.DataFrame | None:
    """Return the static values that a user passes for a prepared frame, one row per series.

    Parameters
    ----------
    static_df : DataFrame, optional
        Frame with `unique_id` and the columns; rows of other series are ignored.
    frame : DataFrame
        The prepared long frame.
    columns : sequence of str
        Static columns that the model uses.
    categories : sequence of str
        Columns that may hold text.

    Raises
    ------
    InvalidInputError
        Columns, series or values are missing, there twice, or no finite numbers.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a", "a"], "ds": [1, 2], "y": [0.0, 0.0]})
    >>> static_df = pd.DataFrame({"unique_id": ["a", "b"], "size": [2.0, None]})
    >>> checked_static(static_df, frame, ["size"]).values.tolist()
    [['a', 2.0]]
    """
    if static_df is None or not columns:
        return align_static(static_df, frame, columns)
    table = static_df.reset_index() if ID not in static_df.columns else static_df
    if set(columns) <= set(table.columns):
        panel, findings = Panel.of(frame[ID], frame["ds"]), Findings()
        own = table[table[ID].isin(panel.ids)]
        exogenous = Exogenous([], [], list(columns), tuple(categories))
        check_static(own if len(own) else table, exogenous, panel, Names(), findings)
        findings.result(False).raise_if_invalid()
    return align_static(table, frame, columns)


def forecast_inputs(
    state: ModelState,
    dataset: pd.DataFrame | None,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
    h: int,
) -> dict[str, pd.DataFrame | None]:
    """Return the prepared frames to forecast from; the history is None for the training data."""
    if dataset is None and static_df is not None:
        words = wording()
        raise InvalidInputError(
            f"{words.frame('static_df')} is given without {words.how('dataset', 'data')}, and the"
            " training data keep their own static values; pass"
            f" {words.how('dataset', 'a file of series')} with it, or leave it out"
        )
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
