"""Represent the rows of a long frame as series numbers and time ranks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.ids import number_ids, plain_ids
from automodel_sk.data.times.read import read_time_column
from automodel_sk.data.times.wall_clock import as_integers
from automodel_sk.data.wording import wording

__all__ = ["Panel"]

IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]

_SAMPLE = 10_000


@dataclass(frozen=True)
class Panel:
    """Series number and time rank of every row of a long frame.

    Parameters
    ----------
    ids : pandas.Index
        The series ids, in order of appearance.
    codes : numpy.ndarray of int, shape (n_rows,)
        Position in ``ids``; -1 if the id is missing.
    times : pandas.Index
        The distinct times, ascending.
    ranks : numpy.ndarray of int, shape (n_rows,)
        Position in ``times``; -1 if the time is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["b", "b", "a"], "ds": [2, 3, 2]})
    >>> panel = Panel.of(frame["unique_id"], frame["ds"])
    >>> panel.codes.tolist(), panel.ranks.tolist(), panel.lengths.tolist()
    ([0, 0, 1], [0, 1, 0], [2, 1])
    """

    ids: pd.Index
    codes: IntArray
    times: pd.Index
    ranks: IntArray

    @classmethod
    def of(cls, ids: pd.Series, times: pd.Series) -> Panel:
        """Build the panel from the id and time columns of a frame.

        Parameters
        ----------
        ids, times : pandas.Series
            The id and the time of each row.

        Returns
        -------
        Panel

        Raises
        ------
        InvalidInputError
            If the times are neither dates nor integers.

        Examples
        --------
        >>> Panel.of(pd.Series(["a"]), pd.Series([0.5]))
        Traceback (most recent call last):
            ...
        automodel_sk.exceptions.InvalidInputError: column None holds decimal numbers ...
        """
        codes, names = number_ids(plain_ids(ids))
        ranks, distinct = _rank_times(read_time_column(times))
        return cls(names, codes, distinct, ranks)

    @property
    def has_integer_times(self) -> bool:
        """Whether the times are integers instead of dates."""
        return not isinstance(self.times, pd.DatetimeIndex)

    @cached_property
    def lengths(self) -> IntArray:
        """Rows of each series, shape (n_series,)."""
        known = self.codes if self.is_complete else self.codes[self.codes >= 0]
        return np.bincount(known, minlength=len(self.ids))

    @cached_property
    def is_complete(self) -> bool:
        """Whether every row has an id and a time."""
        return bool(
            len(self.codes) == 0 or (int(self.codes.min()) >= 0 and int(self.ranks.min()) >= 0)
        )

    def complete(self) -> Panel:
        """Return the panel of the rows that have an id and a time."""
        if self.is_complete:
            return self
        kept = (self.codes >= 0) & (self.ranks >= 0)
        codes, found = pd.factorize(self.codes[kept])
        return Panel(self.ids[found], codes.astype(np.int32), self.times, self.ranks[kept])

    @cached_property
    def is_sorted(self) -> bool:
        """Whether the rows are grouped by series and sorted by time within each."""
        later = self.codes[1:] > self.codes[:-1]
        same = self.codes[1:] == self.codes[:-1]
        return bool((later | (same & (self.ranks[1:] >= self.ranks[:-1]))).all())

    @cached_property
    def in_order(self) -> tuple[IntArray, IntArray]:
        """Codes and ranks of a complete panel, sorted by both."""
        if self.is_sorted:
            return self.codes, self.ranks
        span = max(len(self.times), 1)
        keys = self.codes.astype(np.int64)
        keys *= span
        keys += self.ranks
        keys.sort()
        codes = np.repeat(np.arange(len(self.ids), dtype=self.codes.dtype), self.lengths)
        keys -= codes.astype(np.int64) * span
        return codes, keys.astype(self.ranks.dtype)

    def times_of(self, code: int) -> pd.Index:
        """Return the distinct times of one series, ascending."""
        occurs = np.zeros(len(self.times), dtype=bool)
        occurs[self.ranks[(self.codes == code) & (self.ranks >= 0)]] = True
        return self.times[occurs]

    def place(self, row: int) -> str:
        """Return the series and the time of a row, formatted for a message."""
        code, rank = self.codes[row], self.ranks[row]
        words = wording()
        name = words.series(self.ids[code]) if code >= 0 else "no series"
        if rank < 0:
            return f"{name} at no time"
        return f"{name} at {words.time(self.ids[code], self.times[rank])}"


def _rank_times(times: pd.Index) -> tuple[IntArray, pd.Index]:
    """Return the rank of each time, and the distinct times in order."""
    if times.hasnans or not _mostly_distinct(times):
        return _rank_by_lookup(times)
    if times.is_monotonic_increasing and times.is_unique:
        return np.arange(len(times), dtype=np.int32), times
    return _rank_by_sorting(times)


def _mostly_distinct(times: pd.Index) -> bool:
    """Estimate from a sample whether most times occur only once."""
    sample = times[:: max(len(times) // _SAMPLE, 1)]
    return sample.nunique() > len(sample) / 2


def _rank_by_lookup(times: pd.Index) -> tuple[IntArray, pd.Index]:
    """Rank times with few distinct values, using a hash table."""
    codes, distinct = pd.factorize(times)
    order = np.argsort(distinct, kind="stable")
    place = np.empty(len(order) + 1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    place[-1] = -1
    return place[codes], pd.Index(distinct)[order]


def _rank_by_sorting(times: pd.Index) -> tuple[IntArray, pd.Index]:
    """Rank times with many distinct values by sorting; a hash table would be slow and large."""
    order = np.argsort(
        as_integers(times) if isinstance(times, pd.DatetimeIndex) else times.to_numpy()
    )
    ordered = times[order]
    is_new = np.append(True, ordered[1:] != ordered[:-1])
    ranks = np.empty(len(times), dtype=np.int32)
    ranks[order] = np.cumsum(is_new, dtype=np.int32) - 1
    return ranks, ordered[is_new]
