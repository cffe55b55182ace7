"""Represent time points as integers on the regular grid of a time index.

A clock converts a time index to integers and back. Consecutive time points of a series differ by
`width` of these integers. Fixed steps (integers, periods, hours, days, weeks) are plain arithmetic;
calendar steps (month ends, business days) are counted along the calendar from an origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.frequencies import to_offset

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.data.frequency import season_length
from automodel_sk.data.times.number_times import dates_as_numbers
from automodel_sk.data.times.steps import plain_frequency
from automodel_sk.data.times.time_grid import TimeGrid
from automodel_sk.data.times.wall_clock import as_integers, index_of, localised, wall_times
from automodel_sk.data.wording import short_text, shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.irregular import inferred_frequency, irregularity

__all__ = [
    "CalendarClock",
    "Clock",
    "FixedClock",
    "IntegerClock",
    "PeriodClock",
    "clock_of",
]

Integers = npt.NDArray[np.int64]
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DAY = 86_400 * 10**9


_MOST_PER_UNIT, _ALWAYS = 100, 10_000


class Clock(Protocol):
    """The unit that a regular time index counts in."""

    @property
    def width(self) -> int:
        """Units between consecutive time points of a series."""

    @property
    def season(self) -> int:
        """Time points per season; 1 if there is no season."""

    @property
    def step(self) -> str | int:
        """The step between time points in pandas' notation: an alias or a number."""

    def units(self, times: pd.Index) -> Integers:
        """Convert time points to integers."""

    def times(self, units: Integers) -> pd.Index:
        """Convert integers to time points."""


@dataclass(frozen=True)
class IntegerClock:
    """Integer time points.

    Parameters
    ----------
    width : int
        Distance between consecutive time points.

    Examples
    --------
    >>> IntegerClock().units(pd.RangeIndex(3, 6)).tolist()
    [3, 4, 5]
    """

    width: int = 1
    season: int = field(default=1, init=False, repr=False)

    @property
    def step(self) -> int:
        """The width."""
        return self.width

    def units(self, times: pd.Index) -> Integers:
        """Return the time points themselves."""
        _require(pd.api.types.is_integer_dtype(times.dtype), times, "integers")
        return times.to_numpy(dtype=np.int64)

    def times(self, units: Integers) -> pd.Index:
        """Return an integer index."""
        return pd.Index(units)


@dataclass(frozen=True)
class PeriodClock:
    """Periods of one frequency.

    Parameters
    ----------
    dtype : pandas.PeriodDtype
        Dtype of the periods, which carries the frequency.

    Examples
    --------
    >>> months = pd.period_range("2024-01", periods=2, freq="M")
    >>> clock = PeriodClock(months.dtype)
    >>> clock.times(clock.units(months) + 2).astype(str).tolist()
    ['2024-03', '2024-04']
    """

    dtype: pd.PeriodDtype

    @property
    def width(self) -> int:
        """Ordinals between consecutive periods, such as 2 for a frequency of two months."""
        return int(self.dtype.freq.n)

    @property
    def season(self) -> int:
        """Periods per season."""
        return season_length(self.dtype.freq)

    @property
    def step(self) -> str:
        """The alias of the period frequency: M, unlike its offset's ME."""
        return str(self.dtype)[len("period[") : -1]

    def units(self, times: pd.Index) -> Integers:
        """Return the periods' ordinals."""
        _require(times.dtype == self.dtype, times, str(self.dtype))
        return as_integers(times)

    def times(self, units: Integers) -> pd.Index:
        """Return a PeriodIndex."""
        index: Any = pd.PeriodIndex
        periods: pd.Index = index.from_ordinals(units, freq=self.dtype.freq)
        return periods


@dataclass(frozen=True)
class FixedClock:
    """Timestamps at a fixed distance.

    Parameters
    ----------
    offset : pandas offset
        A multiple of hours, shorter units, days or weeks.
    unit : str
        Resolution of the index: "s", "ms", "us" or "ns".
    tz : tzinfo, optional
        Time zone. Days and weeks are counted on its wall clock, shorter steps in absolute time, as
        in pandas.

    Examples
    --------
    >>> hours = pd.date_range("2024-03-31", periods=4, freq="h", tz="Europe/Berlin")
    >>> clock = FixedClock(hours.freq, hours.unit, hours.tz)
    >>> (np.diff(clock.units(hours)) // clock.width).tolist()
    [1, 1, 1]
    """

    offset: pd.offsets.BaseOffset
    unit: str
    tz: Any = None

    @property
    def season(self) -> int:
        """Time points per season."""
        return season_length(self.offset)

    @property
    def step(self) -> str:
        """The offset's alias."""
        return str(self.offset.freqstr)

    @property
    def on_wall_clock(self) -> bool:
        """Whether steps follow the local calendar instead of absolute time."""
        return self.tz is not None and isinstance(self.offset, (pd.offsets.Day, pd.offsets.Week))

    @property
    def width(self) -> int:
        """Length of a step in the resolution of the index."""
        return _duration(self.offset) // _NANOSECONDS[self.unit]

    def units(self, times: pd.Index) -> Integers:
        """Convert timestamps to integers in the resolution of the index."""
        stamps = _stamps(times, self.tz, self.unit)
        return as_integers(wall_times(stamps) if self.on_wall_clock else stamps)

    def times(self, units: Integers) -> pd.Index:
        """Return a DatetimeIndex in the clock's time zone."""
        naive = pd.DatetimeIndex(units.astype(f"datetime64[{self.unit}]"))
        if self.tz is None:
            return naive
        if self.on_wall_clock:
            return localised(naive, self.tz)
        return naive.tz_localize("UTC").tz_convert(self.tz)


@dataclass(frozen=True)
class CalendarClock:
    """Timestamps at varying distances: months, quarters, business days.

    Parameters
    ----------
    offset : pandas offset
        Any offset without a fixed duration.
    unit : str
        Resolution of the index: "s", "ms", "us" or "ns".
    origin : pandas.Timestamp
        Time point number 0; it must lie on the offset.

    Examples
    --------
    >>> month_ends = pd.date_range("2024-01-31", periods=3, freq="ME")
    >>> clock = CalendarClock(month_ends.freq, "ns", month_ends[0])
    >>> clock.units(month_ends).tolist()
    [0, 1, 2]
    """

    offset: pd.offsets.BaseOffset
    unit: str
    origin: pd.Timestamp
    width: int = field(default=1, init=False)

    @property
    def season(self) -> int:
        """Time points per season."""
        return season_length(self.offset)

    @property
    def step(self) -> str:
        """The offset's alias."""
        return str(self.offset.freqstr)

    def units(self, times: pd.Index) -> Integers:
        """Return the numbers of the timestamps, counted from the origin."""
        stamps = wall_times(_stamps(times, self.origin.tz, self.unit))
        if not len(stamps):
            return np.empty(0, dtype=np.int64)
        last = _in_unit(index_of([self._origin_on_wall]), self.unit)
        every = pd.DatetimeIndex(stamps.append(last))
        order = np.argsort(as_integers(every), kind="stable")
        back = np.argsort(order, kind="stable")
        grid = TimeGrid.of(every[order], self.offset)
        positions, on_grid = grid.positions[back], grid.on_grid[back]
        steps, rest = np.divmod(positions[:-1] - positions[-1], self.offset.n)
        fits = on_grid[:-1] & (rest == 0) & self._at_the_hour(stamps)
        if not on_grid[-1]:
            base = self.offset.base
            origin = self._origin_on_wall
            self._raise_off_grid(origin, [base.rollback(origin), base.rollforward(origin)])
        if not fits.all():
            below = int(steps[~fits][0])
            near = [self._origin_on_wall + step * self.offset for step in (below, below + 1)]
            self._raise_off_grid(stamps[~fits][0], near)
        return np.asarray(steps, dtype=np.int64)

    def times(self, units: Integers) -> pd.Index:
        """Return a DatetimeIndex without a frequency; negative numbers precede the origin."""
        first, last = int(units.min(initial=0)), int(units.max(initial=0))
        origin = self._origin_on_wall
        unit = cast("Any", self.unit)
        try:
            if last - first > _MOST_PER_UNIT * len(units) + _ALWAYS:  # a few distant points
                grid: Any = index_of([origin + int(n) * self.offset for n in units])
            else:
                before = pd.date_range(end=origin, periods=1 - first, freq=self.offset, unit=unit)
                after = pd.date_range(origin, periods=last + 1, freq=self.offset, unit=unit)
                grid = before.append(after[1:]).take(units - first)
        except (OverflowError, pd.errors.OutOfBoundsDatetime) as exc:
            raise InvalidInputError(_beyond(self.step, origin)) from exc
        grid.freq = None  # pandas assigns a frequency of three months to months [2, 5]
        return localised(_in_unit(grid, self.unit), self.origin.tz)

    @cached_property
    def _origin_on_wall(self) -> pd.Timestamp:
        """The origin in wall-clock time, in which calendars are counted."""
        wall: pd.Timestamp = wall_times(index_of([self.origin]))[0]
        return wall

    def _at_the_hour(self, stamps: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
        """Return which timestamps have the origin's time of day; business hours have several."""
        if self.offset.base.name in ("bh", "cbh"):
            return np.ones(len(stamps), dtype=bool)
        origin = self._origin_on_wall
        return np.asarray(stamps - stamps.normalize() == origin - origin.normalize())

    def _raise_off_grid(self, stamp: pd.Timestamp, points: list[Any]) -> None:
        near = min(points, key=lambda point: abs(point - stamp))
        raise InvalidInputError(
            f"time {stamp} does not match the frequency {self.offset.freqstr!r} (the nearest point"
            f" is {near}); pass the data's own frequency, e.g. freq='D', or move the rows onto the"
            " grid"
        )


def clock_of(times: pd.Index, freq: str | int | pd.offsets.BaseOffset | None = None) -> Clock:
    """Determine the clock of a series' time points.

    Parameters
    ----------
    times : pandas.Index
        Time points of one series, in order: integers, periods or timestamps.
    freq : str, int or pandas offset, optional
        The frequency. By default that of the index, or the one inferred from its distances.

    Returns
    -------
    Clock
        An integer, period, fixed or calendar clock.

    Raises
    ------
    InvalidInputError
        If the index has another type, or no regular frequency.

    Examples
    --------
    >>> clock_of(pd.RangeIndex(0, 10, 2))
    IntegerClock(width=2)
    >>> clock_of(pd.date_range("2024-01-01", periods=4, freq="MS")).offset
    <MonthBegin>
    """
    if isinstance(times, pd.PeriodIndex):
        dtype: Any = times.dtype
        return PeriodClock(dtype)
    if pd.api.types.is_integer_dtype(times.dtype):
        return IntegerClock(_integer_step(times, freq))
    if not isinstance(times, pd.DatetimeIndex):
        raise InvalidInputError(
            f"the time index must hold integers, periods or time stamps, got {times.dtype}; "
            "convert it, e.g. with pd.to_datetime"
        )
    offset = _offset_of(times, freq)
    if _duration(offset):
        return FixedClock(offset, times.unit, times.tz)
    return CalendarClock(offset, times.unit, times[0])


def _integer_step(times: pd.Index, freq: str | int | pd.offsets.BaseOffset | None) -> int:
    if freq is None:
        _refuse_dates_as_numbers(times)
        gaps = np.diff(times.to_numpy(dtype=np.int64))
        return max(1, int(np.gcd.reduce(gaps))) if len(gaps) else 1
    if isinstance(freq, bool) or not isinstance(freq, (int, np.integer)) or freq < 1:
        raise InvalidInputError(
            f"freq must be a positive integer for an integer time index, got {shown(freq)}; "
            "try freq=1"
        )
    return int(freq)


def _refuse_dates_as_numbers(times: pd.Index) -> None:
    """Raise for integers such as 202401, where the step after 202412 would not be a month."""
    found = dates_as_numbers(times.unique().sort_values(), "times")
    if found is not None:
        raise InvalidInputError(
            f"the time index holds whole numbers that look like {found[0]} (first: {times[0]}); "
            f"convert its times, here for a single series: times = y.index.to_series(); "
            f"y.index = pd.DatetimeIndex({found[1]}); if they are plain numbers, pass freq=1"
        )


def _offset_of(
    times: pd.DatetimeIndex, freq: str | int | pd.offsets.BaseOffset | None
) -> pd.offsets.BaseOffset:
    """Return the frequency as an offset: given, taken from the index, or inferred."""
    if freq is not None:
        return _checked_offset(freq)
    if times.freq is not None:
        return times.freq
    alias = inferred_frequency(times)
    if alias is not None:
        return to_offset(alias)
    raise InvalidInputError(irregularity(times))


def _checked_offset(freq: Any) -> pd.offsets.BaseOffset:
    if type(freq) is pd.DateOffset:  # it has no name, so neither season nor saving would work
        plain_frequency(freq)
    try:
        with muted_warnings(FutureWarning):  # pandas 2 warns of names in lower case
            offset = to_offset(freq) if not isinstance(freq, (int, np.integer)) else None
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"freq={shown(freq)} is not a pandas frequency ({short_text(str(error))}); try freq='D'"
        ) from error
    if offset is None or offset.n < 1:
        raise InvalidInputError(
            f"freq must be a pandas frequency such as 'D' for a time-stamp index, got {shown(freq)}"
        )
    return cast("pd.offsets.BaseOffset", offset)


def _beyond(step: str, last: Any) -> str:
    """Say that time points exceed the range of the index."""
    return (
        f"steps of freq={step!r} from {last} lead beyond the last time that the index can hold; "
        'give it a coarser unit, e.g. y.index = y.index.as_unit("us")'
    )


def _duration(offset: pd.offsets.BaseOffset) -> int:
    """Return the nanoseconds of a fixed step; 0 for a calendar step."""
    if isinstance(offset, pd.offsets.Day):
        return int(offset.n) * _DAY
    if isinstance(offset, pd.offsets.Week):
        return int(offset.n) * 7 * _DAY
    return int(offset.nanos) if isinstance(offset, pd.offsets.Tick) else 0


def _stamps(times: pd.Index, tz: Any, unit: str) -> pd.DatetimeIndex:
    _require(isinstance(times, pd.DatetimeIndex), times, "time stamps")
    stamps = pd.DatetimeIndex(times)
    _require(
        (stamps.tz is None) == (tz is None), times, f"time stamps in zone {tz}" if tz else "no zone"
    )
    return _in_unit(stamps if tz is None else stamps.tz_convert(tz), unit)


def _in_unit(stamps: Any, unit: str) -> pd.DatetimeIndex:
    """Convert the index to a resolution."""
    converted: pd.DatetimeIndex = stamps.as_unit(unit)
    return converted


def _require(fits: bool, times: pd.Index, wanted: str) -> None:
    if not fits:
        raise InvalidInputError(
            f"time points must be of the kind seen in fit ({wanted}), got {times.dtype}; "
            "convert the index to that type"
        )
