"""The leaderboard of an ensemble, and its errors on rows that came after the training data."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.baselines import baseline_forecasts
from automodel_sk.data.calendar import with_calendar
from automodel_sk.data.preparation import (
    filled_target,
    observed_values,
    prepare_frame,
    read_times,
)
from automodel_sk.data.times.wall_dates import on_wall
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.future_values import check_columns, times_after
from automodel_sk.forecasting.inputs import prepared_history, prepared_static
from automodel_sk.portfolio.later_rows import (
    LaterWindow,
    known_ahead,
    later_windows,
    rows_after,
)
from automodel_sk.portfolio.later_scores import leaderboard_on, with_later_scores
from automodel_sk.portfolio.leaderboard import LEFT_OUT, Leaderboard, leaderboard
from automodel_sk.portfolio.state import NAME, EnsembleState
from automodel_sk.portfolio.team import UNABLE, Inputs, Team

__all__ = ["standings"]

logger = logging.getLogger(__name__)


def standings(
    state: EnsembleState,
    test_df: pd.DataFrame | None = None,
    futr_df: pd.DataFrame | None = None,
    static_df: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the leaderboard; see `AutoEnsemble.leaderboard`.

    Parameters
    ----------
    state : EnsembleState
        The ensemble; nothing is trained.
    test_df : DataFrame, optional
        Long frame with rows after the training data.
    futr_df, static_df : DataFrame, optional
        As in `AutoEnsemble.leaderboard`.

    Returns
    -------
    DataFrame

    Raises
    ------
    InvalidInputError
        If no row came later, rows are missing in between, or a series was not trained on.
    """
    record = state.record
    table = leaderboard(record.judged, state.combination, record.naive_score)
    parts = state.team.by_name.items()
    names = {part.number: name for name, part in parts if part.number is not None}
    of_candidate = table["trial"].notna()
    own = table["trial"].map(names).where(of_candidate, table["member"])
    weight = table["trial"].map(state.weights_by_number).fillna(0.0)
    table = table.assign(member=own, weight=weight.where(of_candidate, 1.0).astype(float))
    if test_df is not None:
        table = with_later_scores(table, _later(state, test_df, futr_df, static_df))
    found = Leaderboard(table)
    found.attrs[LEFT_OUT] = dict(state.left_out)
    return found


def _later(
    state: EnsembleState,
    test_df: pd.DataFrame,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
) -> pd.DataFrame:
    """Return the errors of members, ensemble and baselines on later rows."""
    data = state.data
    frame = on_wall(prepared_history(state, test_df), data.freq)
    if static_df is not None:
        data = replace(data, static_df=prepared_static(state, static_df, frame))
    later = rows_after(data, frame)
    sizes = later.groupby("unique_id", observed=True).size()
    longest = int(sizes.max())
    if len(sizes) < len(state.ids) or (sizes <= (longest - 1) // data.h * data.h).any():
        state = _before_reconciling(state)
    times = on_wall(times_after(state.history(), data.freq, longest + data.h), data.freq)
    known = known_ahead(later, state.task.futr_exog, _future(state, futr_df))
    forecasts = [_forecasts(state, window) for window in later_windows(data, later, times, known)]
    if not forecasts:
        raise InvalidInputError(
            f"the future values of {', '.join(state.asked_ahead)} are known for less than the"
            f" {data.h} steps of a forecast; pass later rows, or the values of the next steps too:"
            f" {wording().how('futr_df', '--futr')}"
        )
    joined = pd.concat(forecasts, ignore_index=True)
    reached = later.merge(joined[["unique_id", "ds"]], on=["unique_id", "ds"])
    train = observed_values(data.frame)[["unique_id", "ds", "y"]]
    return leaderboard_on(joined, observed_values(reached), train, data.season)


def _before_reconciling(state: EnsembleState) -> EnsembleState:
    """Return the ensemble without its reconciliation, which needs all series in each window."""
    if state.reconciliation is None:
        return state
    logger.warning(
        "errors on later rows are of the forecasts before they are reconciled, since not all series"
        " have rows in each window"
    )
    return replace(state, reconciliation=None)


def _future(state: EnsembleState, futr_df: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return future values that were passed, of any steps, with wall-clock times."""
    own = state.asked_ahead
    if futr_df is None or not own:
        return None
    given = check_columns(futr_df, own, state.h)
    future = prepare_frame(read_times(given, state.date_order), own, with_target=False)
    future = with_calendar(future, state.task.futr_exog)
    wall: pd.DataFrame = on_wall(future, state.data.freq)
    return wall


def _forecasts(state: EnsembleState, window: LaterWindow) -> pd.DataFrame:
    """Return the forecasts of a window by the baselines, the members and the ensemble."""
    data, team = window.data, state.team
    table = baseline_forecasts(filled_target(data.frame), data.h, data.freq, data.season)
    for name in team.names:
        table[name] = _point(state, team.alone(name), name, window)
    table[NAME] = _point(state, team, NAME, window)
    return table


def _point(state: EnsembleState, team: Team, name: str, window: LaterWindow) -> Any:
    """Return the forecasts that `predict` would give; NaN if no member can make them."""
    data = window.data
    try:
        inputs = Inputs(data.frame, window.future, data.static_df)
        point = team.point(inputs, data.frame, data.h)
    except UNABLE as exc:
        logger.warning("%s gets no errors on later rows: %s", name, exc)
        return np.nan
    table = pd.DataFrame({name: point.ravel()})
    if state.reconciliation is not None:
        times = times_after(data.frame, data.freq, data.h)
        table = state.coherent(times.assign(**{name: table[name]}), name)
    return state.treatment.of_forecast(table)[name].to_numpy()
