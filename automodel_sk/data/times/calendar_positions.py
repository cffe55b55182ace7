"""Compute the positions of dates on a calendar without generating the calendar."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.offsets import BaseOffset

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.data.times.wall_clock import as_integers

__all__ = ["MONTHS_PER_STEP", "calendar_positions"]

MONTHS_PER_STEP = {
    **dict.fromkeys(("ME", "MS", "BME", "BMS", "CBME", "CBMS", "WOM", "LWOM"), 1),
    **dict.fromkeys(("QE", "QS", "BQE", "BQS"), 3),
    **dict.fromkeys(("HYE", "HYS", "BHYE", "BHYS"), 6),
    **dict.fromkeys(("YE", "YS", "BYE", "BYS"), 12),
}
"""Months between the dates of an offset that reaches one date in each such span."""

_MOST_DAYS_PER_TIME = 40
_ALWAYS_DAYS = 3_700

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


def calendar_positions(times: pd.DatetimeIndex, base: BaseOffset) -> tuple[Integers, Booleans]:
    """Return the position of each time on a calendar, and whether the calendar contains it.

    A single distant time (such as the year 9999 for "open") is as cheap as any other: positions are
    computed, and a date range is generated only for rare offsets.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        Ascending wall-clock times; the time of day is ignored.
    base : pandas offset
        A single step.

    Returns
    -------
    positions : numpy.ndarray of int64
        Neighbours on the calendar differ by 1.
    on_grid : numpy.ndarray of bool
        Whether the offset reaches the time.

    Raises
    ------
    OverflowError
        If the dates are too far apart to generate the range.

    Examples
    --------
    >>> times = pd.DatetimeIndex(["2024-01-31", "2024-03-31", "9999-12-31"], dtype="M8[us]")
    >>> positions, on_grid = calendar_positions(times, pd.offsets.MonthEnd())
    >>> np.diff(positions).tolist(), on_grid.tolist()
    ([2, 95709], [True, True, True])
    """
    prefix = base.name.split("-")[0]
    dates = times.normalize()
    if prefix in MONTHS_PER_STEP:
        return _months(dates) // MONTHS_PER_STEP[prefix], _reached(dates, base)
    if prefix in ("SME", "SMS"):
        middle: int = getattr(base, "day_of_month")  # noqa: B009 - missing in pandas' types
        second = dates.day >= middle if prefix == "SMS" else dates.day > middle
        return 2 * _months(dates) + second, _reached(dates, base)
    if prefix in ("B", "C"):
        return _business_days(dates, base)
    if prefix == "W" and getattr(base, "weekday", None) is not None:
        days = dates.to_numpy("M8[D]").astype(np.int64)
        return days // 7, np.asarray(dates.weekday == getattr(base, "weekday"))  # noqa: B009
    return _written_out(times if prefix in ("bh", "cbh") else dates, base)


def _months(dates: pd.DatetimeIndex) -> Integers:
    return dates.year.to_numpy(np.int64) * 12 + dates.month.to_numpy(np.int64) - 1


def _reached(dates: pd.DatetimeIndex, base: BaseOffset) -> Booleans:
    """Return which dates an offset reaches: those that one step back and one forward restore."""
    with muted_warnings():  # of pandas, on performance
        return np.asarray((dates - base) + base == dates)


def _business_days(dates: pd.DatetimeIndex, base: Any) -> tuple[Integers, Booleans]:
    """Count the business days before each date in the offset's calendar."""
    days = dates.to_numpy("M8[D]")
    calendar = getattr(base, "calendar", None)
    if not isinstance(calendar, np.busdaycalendar):
        calendar = np.busdaycalendar()
    counted = np.busday_count(days[:1].repeat(len(days)), days, busdaycal=calendar)
    return counted.astype(np.int64), np.is_busday(days, busdaycal=calendar)


def _written_out(dates: pd.DatetimeIndex, base: BaseOffset) -> tuple[Integers, Booleans]:
    """Look dates up in the range that an offset generates, if the range is not too long."""
    if not len(dates):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)
    first, last = dates[[0, -1]].to_numpy("M8[D]").astype(np.int64)
    if last - first > _MOST_DAYS_PER_TIME * len(dates) + _ALWAYS_DAYS:
        raise OverflowError("the dates are too far apart")
    reached = pd.date_range(dates[0], dates[-1], freq=base, unit=dates.unit)
    positions = np.searchsorted(as_integers(reached), as_integers(dates))
    return np.asarray(positions, dtype=np.int64), dates.isin(reached)
