"""The layout of a container's index: series, time grid and level names."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.times.wall_clock import as_integers, distances
from automodel_sk.data.wording import show_time, shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.clocks import CalendarClock, Clock, Integers, clock_of
from automodel_sk.frames.rows import (
    Rows,
    instances_of,
    number_series,
    time_level,
)

__all__ = ["Layout"]


_MOST = float(np.iinfo(np.int64).max)
_LEAST_STEPS, _OTHER_LENGTH, _MOST_LOOKED_AT = 3, 1.5, 20


@dataclass(frozen=True)
class Layout:
    """The layout of a container's index; converts rows to integers and back.

    Parameters
    ----------
    clock : Clock
        Grid of the time index.
    time_name : hashable, optional
        Name of the time level.
    instances : pandas.Index or pandas.MultiIndex, optional
        Ids of the series, in the order of their numbers; None for a single series without instance
        levels.
    phases : numpy.ndarray of int, shape (n_series,)
        Offset of each series' time points from multiples of the grid's width; nonzero if a series
        runs between the points of another (:00 and :30).

    Examples
    --------
    >>> y = pd.DataFrame({"sales": [1.0, 2.0, 3.0]}, index=pd.period_range("2024-01", periods=3))
    >>> layout = Layout.learn(y)
    >>> layout.rows(y.index).steps.tolist()
    [0, 1, 2]
    >>> layout.index(np.array([[3, 5]])).astype(str).tolist()
    ['2024-01-04', '2024-01-06']
    """

    clock: Clock
    time_name: Hashable
    instances: pd.Index | None
    phases: Integers
    origin: int = 0

    @classmethod
    def learn(cls, y: pd.DataFrame, freq: Any = None) -> Layout:
        """Determine the layout of a container.

        Parameters
        ----------
        y : pandas.DataFrame
            A single series, panel or hierarchy in sktime's format.
        freq : str, int or pandas offset, optional
            Frequency, if the index neither carries one nor allows inferring it.

        Returns
        -------
        Layout
            Layout with all series in `y`.

        Raises
        ------
        InvalidInputError
            If the index has no regular frequency.
        """
        times, codes = time_level(y.index)
        series, first_rows = number_series(y.index)
        clock = clock_of(_longest(times, codes, series, len(first_rows)), freq)
        if freq is None and codes is not None:
            _refuse_two_frequencies(y.index, clock, times[codes], series)
        units = _units_of_level(clock, times, codes)
        origin = 0 if isinstance(clock, CalendarClock) else int(units.min())
        return cls(
            clock=clock,
            time_name=y.index.names[-1],
            instances=instances_of(y.index, first_rows),
            phases=(units[first_rows] - origin) % clock.width,
            origin=origin,
        )

    @property
    def n_series(self) -> int:
        """Number of known series."""
        return len(self.phases)

    def extended(self, y: pd.DataFrame) -> Layout:
        """Return a layout extended by the series of `y`; known ones keep their number."""
        if self.instances is None or not isinstance(y.index, pd.MultiIndex):
            return self
        _, first_rows = number_series(y.index)
        found = instances_of(y.index, first_rows)
        assert found is not None
        found = self._ordered(found)
        new = self.instances.get_indexer(found) < 0
        if not new.any():
            return self
        units = self.clock.units(y.index[first_rows[new]].get_level_values(-1))
        return replace(
            self,
            instances=self.instances.append(found[new]).set_names(self.instances.names),
            phases=np.append(self.phases, (units - self.origin) % self.clock.width),
        )

    def knows(self, index: pd.Index) -> npt.NDArray[np.bool_]:
        """Return for each row of an index whether its series is known."""
        if self.instances is None or not isinstance(index, pd.MultiIndex):
            return np.ones(len(index), dtype=bool)
        series, first_rows = number_series(index)
        found = instances_of(index, first_rows)
        assert found is not None
        return np.asarray(self.instances.get_indexer(self._ordered(found))[series] >= 0)

    def rows(self, index: pd.Index) -> Rows:
        """Convert the rows of an index to series numbers and steps.

        Parameters
        ----------
        index : pandas.Index
            Index of `y` or `X`; every series must be known.

        Returns
        -------
        Rows
            Series number and step per row.

        Raises
        ------
        InvalidInputError
            If a series is unknown or a time point is not on the grid of its series.
        """
        series = self._series_of(index)
        units = _units_of_level(self.clock, *time_level(index)) - self.origin - self.phases[series]
        steps, rest = np.divmod(units, self.clock.width)
        if rest.any():
            row = int(np.flatnonzero(rest)[0])
            raise InvalidInputError(
                f"{self.describe(int(series[row]))}: time {index[row : row + 1][0]} lies between "
                "two time points of the series' frequency; move the row onto the grid or pass the "
                "finer frequency, e.g. freq='h'"
            )
        return Rows(series, steps)

    def index(self, steps: Integers, series: Integers | None = None) -> pd.Index:
        """Return the container's index for the given steps of each series.

        Parameters
        ----------
        steps : numpy.ndarray of int, shape (n_series, n_steps)
            Steps on each series' grid.
        series : numpy.ndarray of int, shape (n_series,), optional
            Numbers of the series; all by default.

        Returns
        -------
        pandas.Index
            Time index, or a MultiIndex of instance levels and time; `n_series * n_steps` rows.
        """
        numbers = np.arange(self.n_series) if series is None else series
        return self.index_of(Rows(np.repeat(numbers, steps.shape[1]), steps.ravel()))

    def index_of(self, rows: Rows) -> pd.Index:
        """Return the container's index for rows of any series.

        Parameters
        ----------
        rows : Rows
            Series number and step per row.

        Returns
        -------
        pandas.Index
            One entry per row; `rows` converts it back to the same numbers.
        """
        units = rows.steps * self.clock.width + self.phases[rows.series] + self.origin
        if (np.abs(rows.steps * float(self.clock.width) + self.origin) > _MOST).any():
            raise InvalidInputError(
                f"steps of freq={self.clock.step!r} lead beyond the last time that the index can "
                'hold; give it a coarser unit, e.g. y.index = y.index.as_unit("us")'
            )
        if self.instances is None:
            return self._time_index(units).rename(self.time_name)
        unique, codes = np.unique(units, return_inverse=True)
        instances = _as_multi(self.instances)
        levels: list[Any] = [*instances.levels, self._time_index(unique)]
        all_codes: list[Any] = [np.asarray(level)[rows.series] for level in instances.codes]
        return pd.MultiIndex(
            levels=levels,
            codes=[*all_codes, codes.ravel()],
            names=[*instances.names, self.time_name],
            verify_integrity=False,
        )

    def describe(self, series: int) -> str:
        """Return the name of a series for a message."""
        return "the series" if self.instances is None else f"series {shown(self.instances[series])}"

    def time(self, series: int, step: int) -> str:
        """Return a time point of a series for a message."""
        point = self.index(np.array([[step]]), np.array([series]))[0]
        return show_time(point if self.instances is None else point[-1])

    def place(self, series: int, step: int) -> str:
        """Return a time point for a message, with its series if there are several."""
        of_series = "" if self.instances is None else f" of {self.describe(series)}"
        return self.time(series, step) + of_series

    def _time_index(self, units: Integers) -> pd.Index:
        """Return the time points, with a frequency if they are contiguous."""
        times = self.clock.times(units)
        offset = getattr(self.clock, "offset", None)
        contiguous = len(units) > 0 and bool((np.diff(units) == self.clock.width).all())
        if offset is None or not contiguous:
            return times
        try:
            return pd.DatetimeIndex(times, freq=offset)
        except Exception:  # a clock change moved a day off the grid; pytz has errors of its own
            return times

    def _series_of(self, index: pd.Index) -> Integers:
        if self.instances is None:
            return np.zeros(len(index), dtype=np.int64)
        series, first_rows = number_series(index)
        found = self._ordered(instances_of(index, first_rows))
        numbers = self.instances.get_indexer(found)
        if (numbers < 0).any():
            raise InvalidInputError(
                f"series {shown(found[numbers < 0][0])} is unknown; pass its history first, with"
                " update(y, update_params=False)"
            )
        return np.asarray(numbers, dtype=np.int64)[series]

    def in_order(self, instances: pd.Index) -> pd.Index:
        """Return ids of series with their levels in the order of fit, if they have its names.

        Examples
        --------
        >>> shops = pd.MultiIndex.from_tuples([("A", 1), ("A", 2)], names=["region", "shop"])
        >>> y = pd.concat({shop: pd.DataFrame({"y": [1.0]}) for shop in shops}, names=shops.names)
        >>> Layout.learn(y).in_order(shops.swaplevel()).tolist()
        [('A', 1), ('A', 2)]
        """
        known = [] if self.instances is None else list(self.instances.names)
        names = list(instances.names)
        same = len(names) == len(known) == len(set(known)) and set(names) == set(known)
        if names == known or None in known or not same:
            return instances
        ordered: pd.Index = instances.reorder_levels(known)  # type: ignore[attr-defined]
        return ordered

    def _ordered(self, found: pd.Index | None) -> pd.Index:
        self._check_levels(found)
        assert found is not None
        return self.in_order(found)

    def _check_levels(self, found: pd.Index | None) -> None:
        known = 0 if self.instances is None else self.instances.nlevels
        seen = 0 if found is None else found.nlevels
        if known != seen:
            raise InvalidInputError(
                f"data must have the {known} instance level(s) seen in fit, got {seen}; "
                "pass the container that fit got, with new rows"
            )


def _units_of_level(clock: Clock, times: pd.Index, codes: Integers | None) -> Integers:
    units = clock.units(times)
    return units if codes is None else units[codes]


def _longest(times: pd.Index, codes: Integers | None, series: Integers, n_series: int) -> pd.Index:
    """Return the time points of the longest series, in order."""
    if codes is None:
        return times
    longest = np.bincount(series, minlength=n_series).argmax()
    own = pd.unique(codes[series == longest])
    return times if len(own) == len(times) and times.is_monotonic_increasing else times[own]


def _refuse_two_frequencies(
    index: pd.Index, clock: Clock, times: pd.Index, series: Integers
) -> None:
    """Raise if series have steps of very different length, such as months among days."""
    if not isinstance(times, pd.DatetimeIndex) or len(times) < 2:
        return
    order = np.argsort(series, kind="stable")
    owners = series[order][1:]
    within = owners == series[order][:-1]
    numbers = as_integers(times)[order]
    steps, owners = distances(numbers[:-1], numbers[1:])[within], owners[within]
    if not len(steps):
        return
    grouped = pd.Series(steps).groupby(owners)
    usual, size = grouped.median().to_numpy(), grouped.size().to_numpy()
    ratio = usual / max(float(usual[size.argmax()]), 1.0)
    odd = (size >= _LEAST_STEPS) & ((ratio > _OTHER_LENGTH) | (ratio < 1 / _OTHER_LENGTH))
    suspects = np.unique(owners)[odd]
    for number in suspects[:_MOST_LOOKED_AT]:
        try:
            own = clock_of(times[series == number])
        except InvalidInputError:
            continue
        if own.step != clock.step:
            name = index[series == number][0][:-1]
            name = name if len(name) > 1 else name[0]
            raise InvalidInputError(
                f"y holds series of two frequencies: most keep {clock.step!r}, {shown(name)} keeps"
                f" {own.step!r}; fit one forecaster for each, or aggregate to one, e.g. days to"
                " months"
            )


def _as_multi(instances: pd.Index) -> pd.MultiIndex:
    if isinstance(instances, pd.MultiIndex):
        return instances
    return pd.MultiIndex.from_arrays([instances], names=[instances.name])
