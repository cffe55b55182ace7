"""Infer the frequency of a time index, or say where it is irregular."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.frequency import likely_frequency, monthly_advice
from automodel_sk.data.times.steps import step_alias
from automodel_sk.data.times.time_grid import TimeGrid
from automodel_sk.data.times.wall_clock import as_integers, distances

__all__ = ["inferred_frequency", "irregularity"]

_JUMP_PER_TIME, _LEAST_JUMP = 50, 1_000
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_MOST_FILLED = 4
"""Rows after gaps are filled, per row before: beyond that, most of the data would be invented."""


def inferred_frequency(times: pd.DatetimeIndex) -> str | None:
    """Return the frequency of regular times.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        Time points of one series.

    Returns
    -------
    str or None
        A pandas alias; None if the times are not regular, or fewer than three.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=9)
    >>> inferred_frequency(days), inferred_frequency(days[::2]), inferred_frequency(days.delete(3))
    ('B', '2B', None)
    """
    if len(times) < 3 or not (times.is_monotonic_increasing and times.is_unique):
        return None
    # pandas knows no steps of several business days.
    return pd.infer_freq(times) or likely_frequency(times, least=1.0)


def irregularity(times: pd.DatetimeIndex) -> str:
    """Say where times break their regular grid, and what to do.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        Time points of one series, without a frequency.

    Examples
    --------
    >>> print(irregularity(pd.bdate_range("2024-01-01", periods=9).delete(3)))
    the time index has no regular frequency: 2024-01-03 00:00:00 is followed by 2024-01-05 ...
    """
    if len(times) < 3:
        return (
            f"{len(times)} time points are too few to infer a frequency; "
            "pass it, e.g. freq='ME' or freq='D'"
        )
    if times.has_duplicates:
        return (
            f"the time index holds {times[times.duplicated()][0]} more than once; keep one row of "
            "each time, e.g. y = y[~y.index.duplicated(keep='last')]"
        )
    monthly = monthly_advice(times, "times")
    if monthly is not None:
        return (
            f"the times are all on day {times.day.max()} of each month, which is not a pandas "
            'frequency; convert them to periods, e.g. y.index = y.index.to_period("M")'
        )
    numbers = as_integers(times)
    gaps = distances(numbers[:-1], numbers[1:])
    far = gaps > max(_JUMP_PER_TIME * len(times), _LEAST_JUMP) * np.median(gaps)
    far |= numbers[1:] < numbers[:-1]
    if far.any():
        return f"the time index jumps: {_pair(times, far)}; correct that time, or drop such rows"
    return _filling(times, gaps)


def _filling(times: pd.DatetimeIndex, gaps: npt.NDArray[np.uint64]) -> str:
    """Name the first gap, and the step to fill it with if most of the rows are there."""
    step = likely_frequency(times)
    if step is not None:
        ranks = np.arange(len(times))
        odd = TimeGrid.of(times, step).steps(ranks[:-1], ranks[1:]) != 1
    else:
        values, counts = np.unique(gaps, return_counts=True)
        odd = gaps != values[counts.argmax()]
        common = int(np.gcd.reduce(gaps))
        if gaps.sum() // common < _MOST_FILLED * len(times):
            step = step_alias(common * _NANOSECONDS[times.unit])
    fix = "pass the frequency, e.g. freq='B', and a row for each of its times"
    if step is not None:
        fix = f"fill the missing rows (y.asfreq({step!r}).interpolate())"
    return f"the time index has no regular frequency: {_pair(times, odd)}; {fix}"


def _pair(times: pd.DatetimeIndex, wrong: npt.NDArray[np.bool_]) -> str:
    """Name the first two times between which something is wrong."""
    first = int(np.flatnonzero(wrong)[0])
    return f"{times[first]} is followed by {times[first + 1]}"
