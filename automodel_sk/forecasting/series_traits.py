"""Traits of a series computed from its values: the size and the kind of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["N_TRAITS", "SeriesTraits", "describe_series", "series_scales"]

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

_ROUNDING = 1e-5
"""Steps below this share of a series' size are rounding: models work in float32."""

_ZERO, _CONSTANT = -80.0, -40.0
"""Stand for the logarithm of the share of steps that move, where none does."""

_SMALLEST_RATIO = 1e-4

N_TRAITS = 5


@dataclass(frozen=True)
class SeriesTraits:
    """Scale and traits of each series.

    Parameters
    ----------
    ids : array of shape (n_series,)
        The series ids.
    units : array of shape (n_series,)
        Mean absolute seasonal difference (of single steps if that is rounding noise); for a
        constant series its mean absolute value, or 1 if that is zero too.
    traits : array of shape (n_series, 5)
        Logarithms of the share of steps that change, of how much large steps stand out, and of the
        sizes of single, second and seasonal differences in units. Similar series are close to each
        other, whatever their level and scale.
    ends : array of shape (n_series,)
        The last value of each series.

    Examples
    --------
    >>> still = describe_series(np.array(["a"] * 4), np.full(4, 7.0), season=1)
    >>> still.units, still.moves
    (array([7.]), array([False]))
    """

    ids: npt.NDArray[Any]
    units: Array
    traits: Array
    ends: Array

    @property
    def moves(self) -> npt.NDArray[np.bool_]:
        """Which series change at all."""
        moves: npt.NDArray[np.bool_] = self.traits[:, 0] > _CONSTANT
        return moves

    def taken(self, places: npt.NDArray[Any]) -> SeriesTraits:
        """Return the traits of some series, selected by position or mask."""
        parts = (self.ids, self.units, self.traits, self.ends)
        return SeriesTraits(*(part[places] for part in parts))


def describe_series(ids: npt.NDArray[Any], y: Array, season: int) -> SeriesTraits:
    """Return the traits of each series.

    Parameters
    ----------
    ids : array of shape (n_rows,)
        Series of each row; the rows of a series are contiguous.
    y : array of shape (n_rows,)
        The target, in time order within each series; NaN if it was not observed.
    season : int
        Steps of one season.

    Returns
    -------
    SeriesTraits
        In the order of the series.
    """
    rows = _Rows.of(ids, y)
    single, seasonal = rows.differences(1), rows.differences(season)
    size = rows.mean(np.abs(y))
    units, shifts = rows.mean(seasonal), seasonal
    is_rounding = units <= _ROUNDING * size
    units = np.where(is_rounding, rows.mean(single), units)
    shifts = np.where(np.repeat(is_rounding, rows.lengths), single, seasonal)
    moved = np.where(np.isnan(single), np.nan, single > _ROUNDING * np.repeat(size, rows.lengths))
    share = rows.mean(moved)
    is_still = (share == 0) | (units <= 0)
    units = np.where(is_still, np.where(size > 0, size, 1.0), units)
    stands_out = np.sqrt(rows.mean(shifts**2)) / units
    ratios = [
        share,
        stands_out**1.5,
        *(rows.mean(d) / units for d in (single, rows.second_differences(), seasonal)),
    ]
    traits = np.log(np.maximum(np.stack(ratios, axis=1), _SMALLEST_RATIO))
    traits[is_still] = 0.0
    traits[is_still, 0] = np.where(size > 0, _CONSTANT, _ZERO)[is_still]
    return SeriesTraits(ids[rows.starts], units, traits, rows.last())


def series_scales(ids: npt.NDArray[Any], y: Array, season: int) -> tuple[npt.NDArray[Any], Array]:
    """Return the typical size of each series' seasonal steps.

    Parameters
    ----------
    ids, y, season
        As in `describe_series`.

    Returns
    -------
    ids : array of shape (n_series,)
    scales : array of shape (n_series,)
        Mean absolute seasonal difference, in units of the target, never zero.

    Examples
    --------
    >>> series_scales(np.array(["a", "a", "a"]), np.array([1.0, 3.0, 5.0]), season=1)
    (array(['a'], dtype='<U1'), array([2.]))
    """
    described = describe_series(ids, y, season)
    return described.ids, described.units


@dataclass(frozen=True)
class _Rows:
    """The rows of several series, one series after the other."""

    y: Array
    starts: Integers
    lengths: Integers

    @classmethod
    def of(cls, ids: npt.NDArray[Any], y: Array) -> _Rows:
        starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
        return cls(y, starts, np.diff(np.r_[starts, len(ids)]))

    def mean(self, values: Array) -> Array:
        """Return the mean of each series' known values; 0 if there are none."""
        known = ~np.isnan(values)
        counts = np.add.reduceat(known.astype(float), self.starts)
        sums: Array = np.add.reduceat(np.where(known, values, 0.0), self.starts)
        return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)

    def last(self) -> Array:
        """Return each series' last known value; 0 if there is none."""
        known = np.where(np.isnan(self.y), -1, np.arange(len(self.y)))
        place = np.maximum.reduceat(known, self.starts)
        last: Array = np.where(place >= 0, self.y[place], 0.0)
        return last

    def _lagged(self, values: Array, lag: int) -> Array:
        """Return the values `lag` rows earlier; NaN before the start of a series."""
        position = np.arange(len(values)) - np.repeat(self.starts, self.lengths)
        before = np.full(len(values), np.nan)
        has_past = np.flatnonzero(position >= lag)
        before[has_past] = values[has_past - lag]
        return before

    def differences(self, lag: int) -> Array:
        return np.abs(self.y - self._lagged(self.y, lag))

    def second_differences(self) -> Array:
        steps = self.y - self._lagged(self.y, 1)
        return np.abs(steps - self._lagged(steps, 1))
