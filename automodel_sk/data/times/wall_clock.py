"""Days on the wall clock of a time zone, where some midnights do not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["localised", "wall_times"]


def wall_times(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return times as the clock on the wall shows them, a day's skipped hour put back.

    Where clocks go forward at midnight, the day begins at 01:00. Among times that all
    stand at midnight it is that day's midnight, or steps of a day would have a gap.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        With or without a time zone.

    Returns
    -------
    pandas.DatetimeIndex
        Without a time zone.

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
    """Return times on the wall in a time zone; a skipped time is the first that exists after it.

    Parameters
    ----------
    wall : pandas.DatetimeIndex
        Without a time zone.
    zone : tzinfo or None
        The zone; None for none.

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
    """Return one time on the wall: midnight, where it is the moment after a skipped midnight."""
    midnight = wall.normalize()
    return midnight if bool((localised(midnight, times.tz) == times).all()) else wall


def _commonest(of_day: pd.TimedeltaIndex) -> Any:
    """Return the commonest time of day; the earliest of several."""
    values, counts = np.unique(of_day.asi8, return_counts=True)
    return pd.TimedeltaIndex(values[counts.argmax()].reshape(1).view(f"m8[{of_day.unit}]"))[0]
