"""Forecast with an ensemble: the steps ahead, and past windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.held_out import held_out_steps, long_enough, of_series
from automodel_sk.data.times.wall_dates import day_zone, in_zone, on_wall
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.future_values import of_steps, times_after
from automodel_sk.forecasting.inputs import prepared_history, prepared_static
from automodel_sk.forecasting.past_windows import warn_left_out
from automodel_sk.forecasting.predict import warn_of_non_finite, with_conformal_quantiles
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.later_rows import EveryWindow
from automodel_sk.portfolio.members.base import NotSupportedByMemberError
from automodel_sk.portfolio.refits import refitted
from automodel_sk.portfolio.state import NAME, EnsembleState
from automodel_sk.portfolio.team import UNABLE, Inputs, Team

__all__ = ["forecast_ahead", "forecast_past"]

Array = npt.NDArray[np.float64]


def forecast_ahead(
    state: EnsembleState,
    team: Team,
    name: str,
    inputs: Mapping[str, pd.DataFrame | None],
    steps: int,
    columns: Mapping[str, float],
    scores: Callable[[], ConformalScores],
) -> pd.DataFrame:
    """Return the combined forecast of members, with quantiles if any are asked for.

    Parameters
    ----------
    state : EnsembleState
        The ensemble.
    team : Team
        Its members, or some of them.
    name : str
        Column of the point forecasts.
    inputs : mapping of str to DataFrame
        The result of `forecast_inputs`.
    steps : int
        Steps to forecast.
    columns : mapping of str to float
        Quantiles by column name.
    scores : callable
        Returns the calibration of the quantiles; called only if there are any.

    Returns
    -------
    DataFrame
        Columns unique_id, ds, `name` and those of `columns`.
    """
    past = state.history() if inputs["history"] is None else inputs["history"]
    times, longer = times_after(past, state.freq, steps), steps > state.h
    given = _given(state, {**inputs, "futr_df": of_steps(inputs["futr_df"], times)}, longer)
    refusals = InvalidInputError if longer else NotSupportedByMemberError
    point = team.point(given, past, steps, left_out_for=(refusals,))
    table = state.coherent(times.assign(**{name: point.ravel()}), name)
    if columns:
        table = with_conformal_quantiles(table, name, past, columns, scores())
    warn_of_non_finite(table, name)
    return table


def _given(state: EnsembleState, inputs: Mapping[str, pd.DataFrame | None], longer: bool) -> Inputs:
    """Return what the members forecast from, in wall-clock times."""
    own = {name: on_wall(inputs[name], state.freq) for name in ("history", "futr_df")}
    static = inputs["static_df"]
    if own["history"] is None and longer:  # members keep forecasts of their own horizon alone
        own["history"], static = state.data.frame, state.data.static_df
    return Inputs(own["history"], own["futr_df"], static)


def forecast_past(
    state: EnsembleState,
    dataset: pd.DataFrame | None = None,
    *,
    n_windows: int = 1,
    step_size: int | None = None,
    refit: bool | int = False,
    static_df: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Forecast past windows with the members and weights of an ensemble.

    See `AutoEnsemble.cross_validation`.
    """
    frame = state.history() if dataset is None else prepared_history(state, dataset)
    static = prepared_static(state, static_df, frame)
    zone = day_zone(frame["ds"], state.freq)
    frame = on_wall(frame, state.freq)
    rows = held_out_steps(state.h, n_windows, step_size) + 2
    kept = long_enough(frame, rows)
    warn_left_out(frame, kept, rows)
    own = state.data
    data = EveryWindow(
        of_series(frame, kept),
        own.h,
        own.freq,
        season=own.season,
        static_df=None if static is None else static[kept].reset_index(drop=True),
        n_windows=n_windows,
        step_size=step_size,
        **state.columns_read,
    )
    point = _past_windows(state.team, data, int(refit))
    truth = data.windows.frame
    table = truth[["unique_id", "ds", "cutoff"]].assign(**{NAME: point.ravel()})
    return state.coherent(in_zone(table.assign(y=truth["y"]), zone))


def _past_windows(original: Team, data: EveryWindow, every: int) -> Array:
    """Train without the windows and forecast them, shape (n_series, n_windows, h)."""
    team, points = original, []
    for window in range(1, data.n_windows + 1):
        past = data.before(window)
        if window == 1 or (every and (window - 1) % every == 0):
            team = refitted(original, _to_train_on(data, past))
        inputs = Inputs(past, data.of_window(window), data.static_df)
        points.append(team.point(inputs, past, data.h, left_out_for=UNABLE))
    return np.stack(points, axis=1)


def _to_train_on(data: EveryWindow, past: pd.DataFrame) -> PortfolioData:
    """Return the rows before a window as data of their own, of one window at most."""
    settings: dict[str, Any] = {
        name: getattr(data, name) for name in PortfolioData.__dataclass_fields__
    }
    return replace(PortfolioData(**settings), frame=past, n_windows=1, step_size=None)
