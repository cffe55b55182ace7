"""Choose the weights of an ensemble again, on rows that none of its members was trained on."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.held_out import held_out_steps, of_series
from automodel_sk.data.times.wall_dates import day_zone, on_wall
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import computable
from automodel_sk.portfolio.candidates import Candidate, choose_among
from automodel_sk.portfolio.later_rows import EveryWindow, with_past
from automodel_sk.portfolio.state import EnsembleState, configurations, task_of
from automodel_sk.portfolio.team import UNABLE, Inputs, Team
from automodel_sk.portfolio.window_record import WindowRecord, window_errors

__all__ = ["reweighted"]

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float32]


def reweighted(
    state: EnsembleState,
    frame: pd.DataFrame,
    static_df: pd.DataFrame | None,
    n_windows: int | None,
) -> EnsembleState:
    """Return an ensemble of the same members with weights chosen on newer rows.

    Parameters
    ----------
    state : EnsembleState
        The ensemble.
    frame : DataFrame
        Prepared rows, newer ones among them.
    static_df : DataFrame, optional
        One row per series, in the order of the frame.
    n_windows : int, optional
        Number of windows; if None, as many as fit, at most those of the search.

    Returns
    -------
    EnsembleState

    Raises
    ------
    InvalidInputError
        If no series has a horizon of newer rows, or no member can forecast them.
    """
    zone = day_zone(frame["ds"], state.freq)
    rows = with_past(state.data, on_wall(frame, state.freq))
    data = _windows_of(state, rows, static_df, n_windows)
    candidates = _judged_again(state, data)
    metric = computable(state.record.metric) or "mase"
    combination = choose_among(
        candidates, window_errors(data, metric), allowed=state.combination.allowed, tuned=False
    )
    parts = tuple(
        replace(state.team.parts[place], weight=weight, number=candidates[place].number)
        for place, weight in combination.weights.items()
    )
    team = Team(parts, combination.kind)
    return replace(
        state,
        team=team,
        task=task_of(team, state.data, state.task.random_seed, state.task.metric),
        combination=combination,
        record=WindowRecord(data, candidates, combination.forecasts, metric, zone),
        scores=None,
        config=configurations(team),
        renewed=False,
    )


def _windows_of(
    state: EnsembleState,
    frame: pd.DataFrame,
    static_df: pd.DataFrame | None,
    n_windows: int | None,
) -> EveryWindow:
    """Return the series with newer rows, and windows that lie within these."""
    h, own = state.h, state.data
    ends = own.frame.groupby("unique_id", observed=True, sort=False)["ds"].last()
    end = frame["unique_id"].map(ends)
    # A series needs a row before its windows; one not seen in training has newer rows alone.
    is_new = (end.isna() | (frame["ds"] > end)).to_numpy()
    sizes = frame.groupby("unique_id", observed=True, sort=False).size().to_numpy()
    newer = np.add.reduceat(is_new.astype(int), np.r_[0, sizes.cumsum()[:-1]])
    if (newer >= h).any() and not (newer[sizes > h] >= h).any():
        raise InvalidInputError(
            f"dataset has {newer.max()} rows of a series after the training data and none before"
            " them, reweight needs these too; pass both, e.g. pd.concat([past, newer])"
        )
    newer = np.minimum(newer, sizes - 1)
    kept = newer >= h
    if not kept.any():
        raise InvalidInputError(
            f"dataset has at most {newer.max()} rows of a series after the training data, reweight"
            f" needs {h}; pass newer rows and those before them"
        )
    fitting = int(newer[kept].min()) // h
    count = n_windows or min(state.record.data.n_windows, fitting)
    kept &= newer >= held_out_steps(h, count)
    if not kept.any():
        raise InvalidInputError(
            f"n_windows={count} windows of {h} steps take {held_out_steps(h, count)} newer rows,"
            f" dataset has {newer.max()}; try n_windows={fitting}"
        )
    static = None if static_df is None else static_df[kept].reset_index(drop=True)
    return EveryWindow(
        of_series(frame, kept),
        h,
        own.freq,
        season=own.season,
        static_df=static,
        n_windows=count,
        **state.columns_read,
    )


def _judged_again(state: EnsembleState, data: EveryWindow) -> tuple[Candidate, ...]:
    """Return the members as candidates, with their forecasts of the windows."""
    found, refusals = [], []
    for place, (name, part) in enumerate(state.team.by_name.items()):
        known = state.record.of_number(part.number)
        number = place if part.number is None else part.number
        if known is None:
            known = Candidate(number, part.member.name, part.member.family)
        try:
            forecasts = _forecasts(state.team.alone(name), data)
            found.append(replace(known, state="COMPLETE", forecasts=forecasts, errors=None))
        except UNABLE as exc:
            logger.warning("%s gets no weight: %s", name, exc)
            refusals.append(exc)
            failed = replace(known, state="FAIL", reason=str(exc), forecasts=None, errors=None)
            found.append(failed)
    if len(refusals) == len(found):
        raise refusals[0]
    return tuple(found)


def _forecasts(alone: Team, data: EveryWindow) -> Array:
    """Return the forecasts of all windows by one member."""
    point = [
        alone.point(
            Inputs(data.before(window), data.of_window(window), data.static_df),
            data.before(window),
            data.h,
        )
        for window in range(1, data.n_windows + 1)
    ]
    return np.stack(point, axis=1).astype(np.float32)
