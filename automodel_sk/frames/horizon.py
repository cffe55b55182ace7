"""Convert a forecasting horizon to steps after the end of each series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.clocks import IntegerClock, Integers
from automodel_sk.frames.layout import Layout

__all__ = ["steps_ahead"]


def steps_ahead(
    layout: Layout, cutoffs: Integers, values: pd.Index, relative: bool, *, past: bool = False
) -> Integers:
    """Count the steps from the end of each series to each point of the horizon.

    Parameters
    ----------
    layout : Layout
        Layout of the series.
    cutoffs : numpy.ndarray of int, shape (n_series,)
        Last observed step of each series.
    values : pandas.Index
        The horizon: integers, durations or offsets if relative, else time points.
    relative : bool
        Whether the horizon counts from the end of each series.
    past : bool, default=False
        Whether observed points are allowed; 0 is the last observation.

    Returns
    -------
    numpy.ndarray of int, shape (n_series, n_points)
        1 is the step after the last observation.

    Raises
    ------
    InvalidInputError
        If a point lies between the time points of the series or in the observed past.

    Examples
    --------
    >>> y = pd.DataFrame({"y": 1.0}, index=pd.period_range("2024-01", periods=3, freq="M"))
    >>> layout = Layout.learn(y)
    >>> until = pd.PeriodIndex(["2024-05"], freq="M")
    >>> steps_ahead(layout, np.array([2]), until, relative=False).tolist()
    [[2]]
    """
    steps = _relative(layout, cutoffs, values) if relative else _absolute(layout, cutoffs, values)
    if not past and (steps < 1).any():
        series = int(np.flatnonzero((steps < 1).any(axis=1))[0])
        last = layout.time(series, int(cutoffs[series]))
        raise InvalidInputError(
            f"fh={shown(list(values))} reaches into the past of {layout.describe(series)}, which "
            f"ends at {last}; here only later points can be forecast, e.g. fh=[1, 2]"
        )
    return steps


def _relative(layout: Layout, cutoffs: Integers, values: pd.Index) -> Integers:
    """Return the same steps for every series."""
    if not pd.api.types.is_integer_dtype(values.dtype):
        end: Any = layout.index(cutoffs[:1, None], np.zeros(1, dtype=np.int64))
        last = (end.get_level_values(-1) if isinstance(end, pd.MultiIndex) else end)[0]
        points = pd.Index([_later(last, duration) for duration in values])
        steps = _steps(layout, points)[:1] - cutoffs[0]
    elif isinstance(layout.clock, IntegerClock) and layout.clock.width > 1:
        steps = _whole_steps(values.to_numpy(dtype=np.int64), layout.clock.width)[None, :]
    else:
        steps = values.to_numpy(dtype=np.int64)[None, :]
    return np.repeat(steps, len(cutoffs), axis=0)


def _later(last: Any, duration: Any) -> Any:
    try:
        return last + duration
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"fh={shown(duration)} can't be counted from {last}, a {type(last).__name__}; "
            "pass steps ahead, e.g. fh=[1, 2]"
        ) from error


def _absolute(layout: Layout, cutoffs: Integers, values: pd.Index) -> Integers:
    return _steps(layout, values) - cutoffs[:, None]


def _steps(layout: Layout, points: pd.Index) -> Integers:
    """Return the step of each time point on the grid of each series."""
    units = layout.clock.units(points) - layout.origin
    steps, rest = np.divmod(units[None, :] - layout.phases[:, None], layout.clock.width)
    if rest.any():
        series, point = np.argwhere(rest)[0]
        raise InvalidInputError(
            f"fh={points[point]} lies between two time points of {layout.describe(int(series))}; "
            "pass points on the series' frequency, or steps ahead such as fh=[1, 2]"
        )
    return np.asarray(steps)


def _whole_steps(distances: Integers, width: int) -> Integers:
    """Convert integer distances to steps of an integer index with gaps."""
    steps, rest = np.divmod(distances, width)
    if rest.any():
        raise InvalidInputError(
            f"fh={distances[np.flatnonzero(rest)[0]]} lies between two time points: the integer "
            f"index advances by {width}; pass multiples of it, e.g. fh=[{width}, {2 * width}]"
        )
    return steps
