"""Wall-clock days in time zones where some midnights do not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["localised", "wall_times"]


def wall_times(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return times as a wall clock shows them, with skipped midnights restored.

    Where clocks go forward at midnight, the day begins at 01:00. If all other times are at
    midnight, this one is moved to midnight too; otherwise daily steps would have a gap.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        Times with or without a time zone.

    Returns
    -------
    pandas.DatetimeIndex
        Times without a time zone.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-04-25", "2024-04-26 01:00"], tz="Africa/Cairo")
    >>> wall_times(days).astype(str).tolist()
    ['2024-04-25', '2024-04-26']
    """
    wall = times.tz_localize(None)
    if times.tz is None or not len(times):
        return wall
    of_day = wall - wall.normalize()
    usual = _commonest(of_day)
    odd = np.flatnonzero(np.asarray((of_day != usual) & (of_day <= _LONGEST_SKIP + usual)))
    if not len(odd):
        return wall if len(times) > 1 else _single(times, wall)
    meant = wall[odd].normalize() + usual
    skipped = np.asarray(localised(meant, times.tz) == times[odd])
    values = wall.asi8.copy()
    values[odd[skipped]] = meant.as_unit(wall.unit).asi8[skipped]
    restored: Any = pd.DatetimeIndex(values.view(f"M8[{wall.unit}]"))
    return pd.DatetimeIndex(restored)


def localised(wall: pd.DatetimeIndex, zone: Any) -> pd.DatetimeIndex:
    """Return wall-clock times in a time zone; a skipped time becomes the next one that exists.

    Parameters
    ----------
    wall : pandas.DatetimeIndex
        Times without a time zone.
    zone : tzinfo or None
        The zone; None keeps the times without one.

    Returns
    -------
    pandas.DatetimeIndex

    Examples
    --------
    >>> localised(pd.DatetimeIndex(["2024-04-26"]), "Africa/Cairo")[0]
    Timestamp('2024-04-26 01:00:00+0300', tz='Africa/Cairo')
    """
    if zone is None:
        return wall
    first = np.ones(len(wall), dtype=bool)
    return wall.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")


_LONGEST_SKIP = pd.Timedelta(hours=3)


def _single(times: pd.DatetimeIndex, wall: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return one wall-clock time; the moment after a skipped midnight becomes midnight."""
    midnight = wall.normalize()
    return midnight if bool((localised(midnight, times.tz) == times).all()) else wall


def _commonest(of_day: pd.TimedeltaIndex) -> Any:
    """Return the most common time of day; the earliest if several are."""
    values, counts = np.unique(of_day.asi8, return_counts=True)
    return pd.TimedeltaIndex(values[counts.argmax()].reshape(1).view(f"m8[{of_day.unit}]"))[0]
