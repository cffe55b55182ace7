"""Forecast observed points, each from the data that precede it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.gaps import fill_gaps
from automodel_sk.estimator.context import Context
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.clocks import Integers

__all__ = ["Rows", "Window", "insample_windows", "predict_insample"]

_MOST_ROWS = 2_000_000


@dataclass(frozen=True)
class Window:
    """Pieces of history that end before observed points, each as a separate series.

    Parameters
    ----------
    history : pandas.DataFrame
        Long frame, one series per point.
    future : pandas.DataFrame, optional
        Future exogenous values of the steps after each piece.
    source : numpy.ndarray of int, shape (n_points,)
        The series that each piece comes from.
    step : numpy.ndarray of int, shape (n_points,)
        The step after the piece at which the point lies; 1 is the first.
    """

    history: pd.DataFrame
    future: pd.DataFrame | None
    source: Integers
    step: Integers


@dataclass(frozen=True)
class Rows:
    """The rows that a model reads to forecast a point.

    Parameters
    ----------
    length : int
        Number of past rows that the model uses.
    least : int
        Number of rows that a shorter history is padded to.
    h : int
        Forecast horizon of the model.
    fill_gaps : str, optional
        How the model fills empty values.
    """

    length: int
    least: int
    h: int
    fill_gaps: str | None = None


def predict_insample(
    context: Context,
    series: Integers,
    steps: Integers,
    predict: Callable[[Window], pd.DataFrame],
    rows: Rows,
) -> npt.NDArray[np.float64]:
    """Forecast observed points, each from the data that precede it.

    Parameters
    ----------
    context : Context
        The observed data.
    series, steps : numpy.ndarray of int, shape (n_points,)
        The points: series number, and step on its grid.
    predict : callable
        Function that returns the forecast of a window: `h` rows for each of its series.
    rows : Rows
        What the model reads.

    Returns
    -------
    numpy.ndarray of float, shape (n_points,)
        One step ahead. The last points, `h` steps after which columns of X are not known, are
        forecast up to `h` steps ahead. The first observation has no past and is used as its own.
    """
    parts = []
    for window in insample_windows(context, series, steps, rows):
        values = predict(window).iloc[:, 2].to_numpy(dtype=np.float64)
        parts.append(
            values.reshape(len(window.step), -1)[np.arange(len(window.step)), window.step - 1]
        )
    return np.concatenate(parts)


def insample_windows(
    context: Context, series: Integers, steps: Integers, rows: Rows
) -> Iterator[Window]:
    """Cut out the history before each point; too short a history repeats its first value.

    Parameters
    ----------
    context, series, steps, rows
        As in `predict_insample`.

    Yields
    ------
    Window
        A batch of as many points as fit into memory.

    Examples
    --------
    >>> y = pd.DataFrame({"y": [1.0, 2.0, 3.0]}, index=pd.RangeIndex(3))
    >>> points = np.array([0, 0]), np.array([1, 2])
    >>> (window,) = insample_windows(Context.learn(y), *points, Rows(length=2, least=2, h=1))
    >>> window.history["y"].tolist()
    [1.0, 1.0, 1.0, 2.0]
    """
    long = context.long
    starts = np.flatnonzero(np.append(True, np.diff(long["unique_id"].to_numpy()) > 0))
    ends = np.append(starts[1:], len(long))
    first = long["ds"].to_numpy()[starts]
    _check_started(context, series, steps, first)
    place = starts[series] + steps - first[series]
    known, ahead = _known_ahead(context, rows.h)
    begin = place
    if ahead is not None:
        last = ends[series] + known[series] - rows.h
        begin = np.minimum(place, np.maximum(last, starts[series]))
    pieces = _Pieces(long, _without_gaps(long, rows.fill_gaps), ahead, starts, rows)
    reach = rows.length + (0 if ahead is None else rows.h)
    for chunk in np.array_split(np.arange(len(place)), -(-len(place) * reach // _MOST_ROWS)):
        yield pieces.window(series[chunk], begin[chunk], place[chunk])


def _known_ahead(context: Context, h: int) -> tuple[Integers, pd.DataFrame | None]:
    """Return how many steps after the end of each series are known, and the columns known ahead.

    The columns are those of all rows of the series, and of `h` steps after the end of each.
    """
    known = context.known_steps(h)
    if not context.known_ahead:
        return known, None
    columns = ["unique_id", "ds", *context.known_ahead]
    both = pd.concat([context.long[columns], context.future(None, h, known)], ignore_index=True)
    return known, both.sort_values(["unique_id", "ds"], kind="stable")[context.known_ahead]


def _without_gaps(long: pd.DataFrame, how: str | None) -> pd.DataFrame:
    """Return the rows with their gaps filled, as the model fills them."""
    if how is None or not long["y"].isna().any():
        return long
    return fill_gaps(long, how, 1)[0]


def _last_known(long: pd.DataFrame) -> pd.Series[float]:
    return long.groupby("unique_id", sort=False)["y"].ffill()


@dataclass(frozen=True)
class _Pieces:
    """The series that pieces are cut out of.

    Parameters
    ----------
    given, filled : pandas.DataFrame
        The rows of the series, and the same with their gaps filled.
    ahead : pandas.DataFrame, optional
        The second result of `_known_ahead`.
    starts : numpy.ndarray of int, shape (n_series,)
        The first row of each series.
    rows : Rows
        What the model reads.
    """

    given: pd.DataFrame
    filled: pd.DataFrame
    ahead: pd.DataFrame | None
    starts: Integers
    rows: Rows

    def window(self, source: Integers, begin: Integers, place: Integers) -> Window:
        """Cut pieces that end before the rows `begin`."""
        start, rows = self.starts[source], self.rows
        back = np.arange(-rows.length, 0)
        past = begin[:, None] + back
        is_read = (past >= start[:, None]) | (back >= -rows.least)
        past = np.maximum(past, start[:, None])
        # Trees read the place in the season.
        steps = self.given["ds"].to_numpy()[start] + begin - start
        history = _series(self.filled.drop(columns=["unique_id", "ds"]), past, steps - rows.length)
        if rows.fill_gaps == "interpolate":
            history["y"] = self._known_before(past)
        history = history[is_read.ravel()].reset_index(drop=True)
        future = None
        if self.ahead is not None:
            later = begin[:, None] + np.arange(rows.h) + rows.h * source[:, None]
            future = _series(self.ahead, later, steps)
        return Window(history, future, source, place - begin + 1)

    def _known_before(self, past: Integers) -> npt.NDArray[Any]:
        """Return the target, without the values behind gaps that a piece ends in."""
        known = ~np.isnan(self.given["y"].to_numpy(dtype=np.float64))[past]
        is_bounded = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
        filled, last = self.filled["y"].to_numpy()[past], _last_known(self.given).to_numpy()[past]
        return np.where(is_bounded, filled, last).ravel()


def _series(values: pd.DataFrame, rows: Integers, first_steps: Integers) -> pd.DataFrame:
    """Return the rows as one new series per line of `rows`, from the given step on."""
    n_points, n_steps = rows.shape
    keys: dict[str, Any] = {
        "unique_id": np.repeat(np.arange(n_points), n_steps),
        "ds": (first_steps[:, None] + np.arange(n_steps)).ravel(),
    }
    taken = values.take(rows.ravel()).reset_index(drop=True)
    return pd.concat([pd.DataFrame(keys), taken], axis=1)


def _check_started(context: Context, series: Integers, steps: Integers, first: Integers) -> None:
    before = steps < first[series]
    if before.any():
        point = int(np.flatnonzero(before)[0])
        number = int(series[point])
        raise InvalidInputError(
            f"fh reaches to {context.layout.time(number, int(steps[point]))}, before the start of "
            f"{context.layout.describe(number)} at "
            f"{context.layout.time(number, int(first[number]))}; pass later points, e.g. fh=[0, 1]"
        )
