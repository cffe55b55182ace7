"""Place times on the grid of a frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Day, Tick

from automodel_sk.data.times.calendar_positions import calendar_positions
from automodel_sk.data.times.steps import DAY, nanoseconds, parse_frequency
from automodel_sk.data.times.wall_clock import as_integers, distances, wall_times
from automodel_sk.exceptions import InvalidInputError

__all__ = ["TimeGrid"]


@dataclass(frozen=True)
class TimeGrid:
    """Distinct times placed on the grid of a frequency.

    Parameters
    ----------
    positions : numpy.ndarray of int64, shape (n_times,)
        Position of each time on the grid.
    on_grid : numpy.ndarray of bool, shape (n_times,)
        Whether the frequency reaches the time.
    width : int
        Number of positions per step.

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
        """Build the grid of ascending, distinct times.

        Parameters
        ----------
        times : pandas.Index
            Dates or integers, ascending, without missing values.
        freq : str, int or pandas offset
            The frequency, of the same kind as the times.

        Returns
        -------
        TimeGrid

        Raises
        ------
        InvalidInputError
            If the frequency is unknown, or not of the same kind as the times.

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
        return cls._of_calendar(wall_times(dates), offset)

    @classmethod
    def _of_fixed(cls, times: pd.DatetimeIndex, offset: BaseOffset) -> TimeGrid:
        """Place times on a grid of fixed-length steps, whatever its offset."""
        whole_days = nanoseconds(offset) % DAY == 0
        # Across a daylight-saving change a day is one wall-clock day, not 24 hours.
        wall = wall_times(times) if whole_days else times
        unit: Any = pd.Timedelta(1, unit=times.unit)
        per_unit = nanoseconds(to_offset(unit))
        if nanoseconds(offset) % per_unit:
            wall, per_unit = wall.as_unit("ns"), 1
        return cls(
            as_integers(wall), np.ones(len(times), dtype=bool), nanoseconds(offset) // per_unit
        )

    @classmethod
    def _of_calendar(cls, times: pd.DatetimeIndex, offset: BaseOffset) -> TimeGrid:
        """Place times on the dates that a calendar offset reaches."""
        try:
            positions, on_grid = calendar_positions(times, offset.base)
        except (OverflowError, pd.errors.OutOfBoundsDatetime) as exc:
            raise InvalidInputError(
                f"the times reach from {times[0]} to {times[-1]}, too far apart for"
                f" freq={offset.freqstr!r}; correct them, or drop those rows"
            ) from exc
        return cls(positions, on_grid, offset.n)

    def steps(self, earlier: Any, later: Any) -> npt.NDArray[np.float64]:
        """Return the number of steps between pairs of times.

        Parameters
        ----------
        earlier, later : numpy.ndarray of int, shape (n_pairs,)
            Positions in the array of times.

        Returns
        -------
        numpy.ndarray of float, shape (n_pairs,)
            NaN if the times are not a whole number of steps apart.

        Examples
        --------
        >>> TimeGrid.of(pd.Index([1, 3, 4]), 2).steps(np.array([0, 1]), np.array([1, 2])).tolist()
        [1.0, nan]
        """
        distance = distances(self.positions[earlier], self.positions[later])
        whole = (
            (distance % np.uint64(self.width) == 0) & self.on_grid[earlier] & self.on_grid[later]
        )
        return np.where(whole, distance / self.width, np.nan)

    def successors(self) -> npt.NDArray[np.int64]:
        """Return the rank of the time one step after each time; -1 if there is none.

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
