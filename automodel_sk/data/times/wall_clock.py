"""Indexes of times: as integers, of one time, and wall-clock days where midnights are skipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["as_integers", "distances", "index_of", "localised", "wall_times"]


def as_integers(times: pd.Index) -> npt.NDArray[np.int64]:
    """Return dates or periods as integers in their own resolution; integers as they are.

    Parameters
    ----------
    times : pandas.Index
        Dates with or without a time zone, periods, durations or integers.

    Returns
    -------
    numpy.ndarray of int64

    Examples
    --------
    >>> as_integers(pd.DatetimeIndex(["1970-01-02"], dtype="M8[s]")).tolist()
    [86400]
    """
    return np.asarray(times.astype("int64"))


def distances(some: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Return how far integers are from others, before or after them, however far that is.

    Nanoseconds of 292 years and more, such as from 1715 to 2015, overflow where the result is
    signed: the times would seem to go backwards.

    Parameters
    ----------
    some, others : numpy.ndarray of int64, shape (n_pairs,)
        Times as integers of one resolution.

    Returns
    -------
    numpy.ndarray of uint64, shape (n_pairs,)

    Examples
    --------
    >>> years = as_integers(pd.DatetimeIndex(["1715-01-01", "2015-01-01"], dtype="M8[ns]"))
    >>> (distances(years, years[::-1]) // (24 * 60 * 60 * 10**9)).tolist()
    [109573, 109573]
    """
    first, last = np.minimum(some, others), np.maximum(some, others)
    return last.astype(np.uint64) - first.astype(np.uint64)


def index_of(stamps: list[pd.Timestamp]) -> pd.DatetimeIndex:
    """Return timestamps of one zone as an index, in their own resolution.

    The constructor of pandas 2 would convert them to nanoseconds, which end in the year 2262.

    Parameters
    ----------
    stamps : list of pandas.Timestamp
        At least one time.

    Returns
    -------
    pandas.DatetimeIndex

    Examples
    --------
    >>> index_of([pd.Timestamp("9999-12-31").as_unit("us")])
    DatetimeIndex(['9999-12-31'], dtype='datetime64[us]', freq=None)
    """
    naive = pd.DatetimeIndex(np.array([stamp.asm8 for stamp in stamps]))
    zone = stamps[0].tz
    return naive if zone is None else naive.tz_localize("UTC").tz_convert(zone)


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
    distinct = wall.unique()  # many series may end at the same skipped midnight
    usual = _commonest(distinct - distinct.normalize())
    of_day = wall - wall.normalize()
    odd = np.flatnonzero(np.asarray((of_day != usual) & (of_day <= _LONGEST_SKIP + usual)))
    if not len(odd):
        return wall if usual == _MIDNIGHT else _at_midnight(times, wall)
    meant = wall[odd].normalize() + usual
    skipped = np.asarray(localised(meant, times.tz) == times[odd])
    values = as_integers(wall).copy()
    values[odd[skipped]] = as_integers(meant.as_unit(wall.unit))[skipped]
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
_MIDNIGHT = pd.Timedelta(0)


def _at_midnight(times: pd.DatetimeIndex, wall: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return wall-clock times; if each is the moment after a skipped midnight, these midnights."""
    distinct = times.unique()
    midnights = distinct.tz_localize(None).normalize()
    are_skipped = bool((localised(midnights, times.tz) == distinct).all())
    return wall.normalize() if are_skipped else wall


def _commonest(of_day: pd.TimedeltaIndex) -> Any:
    """Return the most common time of day; the earliest if several are."""
    values, counts = np.unique(as_integers(of_day), return_counts=True)
    return pd.TimedeltaIndex(values[counts.argmax()].reshape(1).view(f"m8[{of_day.unit}]"))[0]
