"""Forecast observed points, each from the data that precede it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.estimator.context import Context
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.clocks import Integers

__all__ = ["Window", "insample_windows", "predict_insample"]

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


def predict_insample(
    context: Context,
    series: Integers,
    steps: Integers,
    predict: Callable[[Window], pd.DataFrame],
    *,
    length: int,
    least: int,
    h: int,
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
    length : int
        Number of past rows that the model uses.
    least : int
        Number of rows that a shorter history is padded to.
    h : int
        Forecast horizon of the model.

    Returns
    -------
    numpy.ndarray of float, shape (n_points,)
        One step ahead. With future exogenous columns the last points, whose future is unknown, are
        forecast up to `h` steps ahead. The first observation has no past and is used as its own.
    """
    parts = []
    for window in insample_windows(context, series, steps, length=length, least=least, h=h):
        values = predict(window).iloc[:, 2].to_numpy(dtype=np.float64)
        parts.append(
            values.reshape(len(window.step), -1)[np.arange(len(window.step)), window.step - 1]
        )
    return np.concatenate(parts)


def insample_windows(
    context: Context, series: Integers, steps: Integers, *, length: int, least: int, h: int
) -> Iterator[Window]:
    """Cut out the history before each point; too short a history repeats its first value.

    Parameters
    ----------
    context, series, steps, length, least, h
        As in `predict_insample`.

    Yields
    ------
    Window
        A batch of as many points as fit into memory.

    Examples
    --------
    >>> y = pd.DataFrame({"y": [1.0, 2.0, 3.0]}, index=pd.RangeIndex(3))
    >>> points = np.array([0, 0]), np.array([1, 2])
    >>> (window,) = insample_windows(Context.learn(y), *points, length=2, least=2, h=1)
    >>> window.history["y"].tolist()
    [1.0, 1.0, 1.0, 2.0]
    """
    long, future = context.long, bool(context.known_ahead)
    starts = np.flatnonzero(np.append(True, np.diff(long["unique_id"].to_numpy()) > 0))
    ends = np.append(starts[1:], len(long))
    first = long["ds"].to_numpy()[starts]
    _check_started(context, series, steps, first)
    place = starts[series] + steps - first[series]
    begin = np.minimum(place, np.maximum(ends[series] - h, starts[series])) if future else place
    reach = length + (h if future else 0)
    for chunk in np.array_split(np.arange(len(place)), -(-len(place) * reach // _MOST_ROWS)):
        bounds, rows = (starts[series[chunk]], ends[series[chunk]]), (length, least, h)
        yield _window(context, series[chunk], begin[chunk], place[chunk], bounds, rows)


def _window(
    context: Context,
    source: Integers,
    begin: Integers,
    place: Integers,
    bounds: tuple[Integers, Integers],
    rows: tuple[int, int, int],
) -> Window:
    """Cut pieces that end before the rows `begin` out of series that lie within `bounds`."""
    long, (start, end), (length, least, h) = context.long, bounds, rows
    back = np.arange(-length, 0)
    past = begin[:, None] + back
    is_read = (past >= start[:, None]) | (back >= -least)
    past = np.maximum(past, start[:, None])
    steps = long["ds"].to_numpy()[start] + begin - start  # trees read the place in the season
    history = _series(long.drop(columns=["unique_id", "ds"]), past, steps - length)
    history = history[is_read.ravel()].reset_index(drop=True)
    future = None
    if context.known_ahead:
        ahead = np.minimum(begin[:, None] + np.arange(h), end[:, None] - 1)
        future = _series(long[context.known_ahead], ahead, steps)
    return Window(history, future, source, place - begin + 1)


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
