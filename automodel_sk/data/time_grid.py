"""Frequencies as pandas offsets, and times laid on their grid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Day, Tick

from automodel_sk.exceptions import InvalidInputError

__all__ = ["DAY", "TimeGrid", "nanoseconds", "parse_frequency"]

DAY = 86_400 * 10**9
"""Nanoseconds of a day."""

_OUTDATED = {
    **{"M": "ME", "BM": "BME", "Q": "QE", "BQ": "BQE", "Y": "YE", "A": "YE", "H": "h", "T": "min"},
    **{"S": "s", "L": "ms", "U": "us", "N": "ns"},
}
_SPOKEN = {
    "yearly": "YE",
    "annual": "YE",
    "year": "YE",
    "quarterly": "QE",
    "quarter": "QE",
    "monthly": "ME",
    "month": "ME",
    "weekly": "W",
    "week": "W",
    "daily": "D",
    "day": "D",
    "business": "B",
    "hourly": "h",
    "hour": "h",
    "minutely": "min",
    "minute": "min",
    "second": "s",
}


def parse_frequency(freq: Any, name: str = "freq") -> BaseOffset | int:
    """Return a frequency as a pandas offset, or as a whole number of steps.

    Parameters
    ----------
    freq : str, int or pandas offset
        The step.
    name : str
        What the parameter is called, for messages.

    Returns
    -------
    pandas offset or int

    Raises
    ------
    InvalidInputError
        If pandas does not know it, or if it does not go forward.

    Examples
    --------
    >>> parse_frequency("2h")
    <2 * Hours>
    >>> parse_frequency("M")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: freq='M' is an outdated name; use freq="ME"
    """
    if isinstance(freq, (int, np.integer)) and not isinstance(freq, bool):
        _check_forward(freq, int(freq), name)
        return int(freq)
    if isinstance(freq, str):
        _refuse_other_names(freq, name)
    elif not isinstance(freq, (BaseOffset, pd.Timedelta)):
        raise InvalidInputError(
            f"{name} must be a pandas offset alias or a whole number, got {freq!r}; "
            f'try {name}="ME" or {name}=1'
        )
    try:
        offset: BaseOffset = to_offset(freq)
    except (ValueError, TypeError) as exc:
        raise InvalidInputError(
            f"{name}={freq!r} is no frequency that pandas knows; "
            f'try "h", "D", "B", "W", "ME", "QE" or "YE"'
        ) from exc
    _check_forward(freq, offset.n, name)
    return offset


@dataclass(frozen=True)
class TimeGrid:
    """Distinct times laid on the grid of a frequency.

    Parameters
    ----------
    positions : numpy.ndarray of int64, shape (n_times,)
        Where each time lies.
    on_grid : numpy.ndarray of bool, shape (n_times,)
        Whether the frequency can reach the time at all.
    width : int
        Distance in positions of one step.

    Examples
    --------
    >>> times = pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-04-30", "2020-05-15"])
    >>> grid = TimeGrid.of(times, "ME")
    >>> grid.steps(np.array([0, 1, 2]), np.array([1, 2, 3])).tolist()
    [1.0, 2.0, nan]
    """

    positions: npt.NDArray[np.int64]
    on_grid: npt.NDArray[np.bool_]
    width: int

    @classmethod
    def of(cls, times: pd.Index, freq: str | int | BaseOffset) -> TimeGrid:
        """Return the grid of ascending distinct times.

        Parameters
        ----------
        times : pandas.Index
            Dates or whole numbers, ascending, none missing.
        freq : str, int or pandas offset
            The step; of the same kind as the times.

        Returns
        -------
        TimeGrid

        Raises
        ------
        InvalidInputError
            If the frequency is unknown, or of another kind than the times.

        Examples
        --------
        >>> TimeGrid.of(pd.Index([1, 3]), 2).width
        2
        """
        offset = parse_frequency(freq)
        if isinstance(offset, int) == isinstance(times, pd.DatetimeIndex):
            kind = "dates" if isinstance(offset, int) else "whole numbers"
            example = '"D"' if isinstance(offset, int) else "1"
            raise InvalidInputError(
                f"freq={freq!r} does not fit times that are {kind}; pass e.g. freq={example}"
            )
        if isinstance(offset, int):
            return cls(times.to_numpy(np.int64), np.ones(len(times), dtype=bool), offset)
        dates = pd.DatetimeIndex(times)
        if isinstance(offset, (Tick, Day)):
            return cls._of_fixed(dates, offset)
        return cls._of_calendar(dates.tz_localize(None), offset)

    @classmethod
    def _of_fixed(cls, times: pd.DatetimeIndex, offset: BaseOffset) -> TimeGrid:
        """Lay times on steps of fixed length, of any phase."""
        whole_days = nanoseconds(offset) % DAY == 0
        # A day across a change of the clocks is a day on the wall, not 24 hours.
        wall = times.tz_localize(None) if whole_days else times
        per_unit = nanoseconds(to_offset(pd.Timedelta(1, unit=times.unit)))
        if nanoseconds(offset) % per_unit:
            wall, per_unit = wall.as_unit("ns"), 1
        return cls(wall.asi8, np.ones(len(times), dtype=bool), nanoseconds(offset) // per_unit)

    @classmethod
    def _of_calendar(cls, times: pd.DatetimeIndex, offset: BaseOffset) -> TimeGrid:
        """Lay times on the dates that a calendar offset reaches."""
        hourly = offset.base.name in ("bh", "cbh")
        dates = times if hourly else times.normalize()
        reached = (
            pd.date_range(dates[0], dates[-1], freq=offset.base, unit=dates.unit)
            if len(dates)
            else dates
        )
        positions = np.searchsorted(reached.asi8, dates.asi8)
        return cls(positions.astype(np.int64), dates.isin(reached), offset.n)

    def steps(self, earlier: Any, later: Any) -> npt.NDArray[np.float64]:
        """Return the number of steps between pairs of times.

        Parameters
        ----------
        earlier, later : numpy.ndarray of int, shape (n_pairs,)
            Positions in the array of times.

        Returns
        -------
        numpy.ndarray of float, shape (n_pairs,)
            NaN where no whole number of steps leads from one to the other.

        Examples
        --------
        >>> TimeGrid.of(pd.Index([1, 3, 4]), 2).steps(np.array([0, 1]), np.array([1, 2])).tolist()
        [1.0, nan]
        """
        distance = self.positions[later] - self.positions[earlier]
        whole = (distance % self.width == 0) & self.on_grid[earlier] & self.on_grid[later]
        return np.where(whole, distance / self.width, np.nan)

    def successors(self) -> npt.NDArray[np.int64]:
        """Return for each time the rank of the time one step later; -1 where there is none.

        Returns
        -------
        numpy.ndarray of int64, shape (n_times,)

        Examples
        --------
        >>> TimeGrid.of(pd.Index([1, 2, 4]), 1).successors().tolist()
        [1, -1, -1]
        """
        wanted = self.positions + self.width
        found = np.searchsorted(self.positions, wanted)
        inside = np.minimum(found, max(len(wanted) - 1, 0))
        hit = (self.positions[inside] == wanted) & self.on_grid & self.on_grid[inside]
        return np.where(hit, inside, -1)


def nanoseconds(offset: BaseOffset) -> int:
    """Return the length of a step of fixed length.

    Parameters
    ----------
    offset : pandas offset
        Days, or a unit below a day.

    Returns
    -------
    int
        Nanoseconds.

    Examples
    --------
    >>> nanoseconds(to_offset("2h")) == 2 * 3600 * 10**9
    True
    """
    if isinstance(offset, Day):
        return offset.n * DAY
    step: Any = offset
    return int(pd.Timedelta(step) // pd.Timedelta(1, unit="ns"))


def _refuse_other_names(freq: str, name: str) -> None:
    """Name the present alias for one that pandas has dropped, or for a word."""
    spoken = _SPOKEN.get(freq.strip().lower())
    if spoken:
        raise InvalidInputError(f'{name}={freq!r} is no pandas alias; use {name}="{spoken}"')
    match = re.fullmatch(r"(\d*)([A-Za-z]+)(-\w+)?", freq)
    if match and match[2] in _OUTDATED:
        alias = f"{match[1]}{_OUTDATED[match[2]]}{match[3] or ''}"
        raise InvalidInputError(f'{name}={freq!r} is an outdated name; use {name}="{alias}"')


def _check_forward(freq: Any, n: int, name: str) -> None:
    """Refuse a frequency that stands still or goes back."""
    if n < 1:
        raise InvalidInputError(f"{name} must go forward by at least one step, got {freq!r}; try 1")
