"""Plot forecasts and prediction intervals after the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.catalog.losses import trained_quantiles
from automodel_sk.evaluation.backtest import Backtest
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import plan_windows
from automodel_sk.forecasting.predict import loss_family
from automodel_sk.plots.figure_spec import Band, FigureSpec, Line, Subplot

if TYPE_CHECKING:
    from automodel_sk.forecasting.state import ModelState

__all__ = ["LEVELS", "forecasts", "levels_within_reach", "series_to_show"]

LEVELS = (80.0, 95.0)
"""Coverages in percent that are shown where none are asked for."""


_MEMBER_COLOURS = ("statistical", "tree", "other", "pretrained", "alarm")


def levels_within_reach(state: ModelState) -> list[float]:
    """Return the usual interval levels that a model can provide, else its widest one.

    Parameters
    ----------
    state : ModelState
        A fitted model. One trained on quantiles provides none outside them; one with a point loss
        needs series long enough to calibrate intervals.

    Returns
    -------
    list of float
        Levels in percent; empty if there are no intervals.
    """
    loss = state.loss
    if loss_family(loss) == "point":
        return list(LEVELS) if _can_calibrate(state) else []
    known = trained_quantiles(loss)
    if not known:
        return list(LEVELS)
    widest = round(200 * min(max(known) - 0.5, 0.5 - min(known)), 4)
    return [level for level in LEVELS if level <= widest] or [widest] * (widest > 0)


def _can_calibrate(state: ModelState) -> bool:
    if state.scores is None:
        try:
            plan_windows(state.history(), state.h)
        except InvalidInputError:
            return False
    return True


def series_to_show(known: Any, ids: Sequence[Any] | None, max_ids: int) -> list[Any]:
    """Return the series to show: the requested ones, or the first ones.

    Examples
    --------
    >>> series_to_show(["a", "b", "c"], None, 2), series_to_show(["a", "b", "c"], ["c"], 2)
    (['a', 'b'], ['c'])
    """
    names = list(dict.fromkeys(known))
    wanted = names[:max_ids] if ids is None else list(ids)
    unknown = [name for name in wanted if name not in set(names)]
    if unknown or not wanted:
        found = f"{unknown[0]!r}, which is not a series of the data" if unknown else "no series"
        raise InvalidInputError(f"ids names {found}; try ids={names[:2]!r}")
    return wanted


def forecasts(
    past: pd.DataFrame,
    ahead: pd.DataFrame | None,
    column: str,
    ids: Sequence[Any],
    level: Sequence[float],
    test: Backtest | None = None,
    actual: pd.DataFrame | None = None,
    members: Mapping[str, pd.DataFrame] | None = None,
) -> FigureSpec:
    """Return one panel per series with history, forecast and intervals.

    Parameters
    ----------
    past : DataFrame
        Long frame with the history to show.
    ahead : DataFrame, optional
        The forecast with its intervals.
    column : str
        Column of the model.
    ids : sequence
        The series, in display order.
    level : sequence of float
        Interval levels in percent.
    test : Backtest, optional
        Backtest whose forecast of the last window is shown.
    actual : DataFrame, optional
        Observed values to show.
    members : mapping of str to DataFrame, optional
        Forecasts of an ensemble's members by name, each in a column of that name.

    Returns
    -------
    FigureSpec
    """
    by_series = {name: _of(past, name) for name in ids}
    panels = [
        Subplot(
            [
                *([] if ahead is None else _intervals(before, _of(ahead, name), column, level)),
                Line(before["ds"], before["y"], "history", "past"),
                *([] if test is None else [_held_out(test, name)]),
                *([] if actual is None else [_what_came(before, _of(actual, name))]),
                *_members(before, members or {}, name),
                *([] if ahead is None else [_joined(before, _of(ahead, name), column)]),
            ],
            str(name),
        )
        for name, before in by_series.items()
    ]
    columns = 1 if len(panels) < 4 else 2
    return FigureSpec(panels, columns, (9.0 if columns == 1 else 5.6, 2.9))


def _of(frame: pd.DataFrame, name: Any) -> pd.DataFrame:
    own: pd.DataFrame = frame[frame["unique_id"] == name]
    return own


def _intervals(
    before: pd.DataFrame, after: pd.DataFrame, column: str, level: Sequence[float]
) -> Iterator[Band]:
    """Yield the bands, widest and faintest first; each starts where the history ends."""
    for coverage in sorted(level, reverse=True):
        times, low = _from_the_end(before, after, f"{column}-lo-{coverage:.10g}")
        _, high = _from_the_end(before, after, f"{column}-hi-{coverage:.10g}")
        strength = 0.13 + 0.6 * (1 - coverage / 100)
        yield Band(times, low, high, f"{coverage:g}% interval", "model", strength)


def _joined(before: pd.DataFrame, after: pd.DataFrame, column: str) -> Line:
    """Return the forecast, preceded by the last observation."""
    times, values = _from_the_end(before, after, column)
    return Line(times, values, f"{column} forecast", "model", width=2.0)


def _members(
    before: pd.DataFrame, members: Mapping[str, pd.DataFrame], series: Any
) -> Iterator[Line]:
    """Yield the forecasts of members as thin lines, each in its own colour."""
    for place, (name, table) in enumerate(members.items()):
        times, values = _from_the_end(before, _of(table, series), name)
        colour = _MEMBER_COLOURS[place % len(_MEMBER_COLOURS)]
        dashed = place >= len(_MEMBER_COLOURS)
        yield Line(times, values, name, colour, dashed=dashed, width=1.1)


def _what_came(before: pd.DataFrame, later: pd.DataFrame) -> Line:
    return Line(*_from_the_end(before, later, "y"), "actual", "alarm")


def _from_the_end(
    before: pd.DataFrame, after: pd.DataFrame, column: str
) -> tuple[pd.Series, pd.Series]:
    """Return times and values from the last observation onwards."""
    end = before.tail(1)
    return pd.concat([end["ds"], after["ds"]]), pd.concat([end["y"], after[column]])


def _held_out(test: Backtest, name: Any) -> Line:
    own = _of(test.forecasts, name)
    own = own[own["cutoff"] == own["cutoff"].max()]
    label = "what it would have forecast"
    return Line(own["ds"], own[test.model], label, "other", dashed=True)
