"""The rows of a panel as integers: series numbers and steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.frames.clocks import Integers

__all__ = ["Rows", "find_rows", "instances_of", "number_series", "sorting_order", "time_level"]


@dataclass(frozen=True)
class Rows:
    """The position of each row of a container: its series and its step on the grid.

    Parameters
    ----------
    series : numpy.ndarray of int, shape (n_rows,)
        Number of the series.
    steps : numpy.ndarray of int, shape (n_rows,)
        Step on the grid of its series.
    """

    series: Integers
    steps: Integers

    def keys(self, like: Rows | None = None) -> Integers:
        """Return one integer per row that sorts by series, then by step."""
        both = (self, like) if like is not None and len(like.steps) else (self,)
        low = min(int(rows.steps.min(initial=0)) for rows in both)
        high = max(int(rows.steps.max(initial=0)) for rows in both)
        return self.series * (high - low + 1) + (self.steps - low)

    def take(self, order: npt.NDArray[Any]) -> Rows:
        """Return a selection of the rows."""
        return Rows(self.series[order], self.steps[order])


def time_level(index: pd.Index) -> tuple[pd.Index, Integers | None]:
    """Return the distinct time points, and the position of each row's time among them."""
    if not isinstance(index, pd.MultiIndex):
        return index, None
    level, codes = index.levels[-1], np.asarray(index.codes[-1], dtype=np.int64)
    used = np.bincount(codes, minlength=len(level)) > 0
    return (level, codes) if used.all() else (level[used], (np.cumsum(used) - 1)[codes])


def number_series(index: pd.Index) -> tuple[Integers, Integers]:
    """Return each row's series number, by first appearance, and each series' first row."""
    if not isinstance(index, pd.MultiIndex):
        return np.zeros(len(index), dtype=np.int64), np.zeros(1, dtype=np.int64)
    key = np.asarray(index.codes[0], dtype=np.int64)
    for codes, level in zip(index.codes[1:-1], index.levels[1:-1], strict=True):
        key = key * (len(level) + 1) + codes + 1  # a missing value has code -1
    starts = np.flatnonzero(np.append(True, np.diff(key) != 0))
    run_numbers, unique = pd.factorize(key[starts])
    series = np.repeat(run_numbers, np.diff(np.append(starts, len(key)))).astype(np.int64)
    first_rows = np.full(len(unique), len(key), dtype=np.int64)
    np.minimum.at(first_rows, run_numbers, starts)
    return series, first_rows


def instances_of(index: pd.Index, first_rows: Integers) -> pd.Index | None:
    """Return the ids of the series at the given rows; None without instance levels."""
    if not isinstance(index, pd.MultiIndex):
        return None
    instances: pd.Index = index[first_rows].droplevel(-1)
    return instances.remove_unused_levels() if isinstance(instances, pd.MultiIndex) else instances


def sorting_order(rows: Rows) -> npt.NDArray[np.intp] | None:
    """Return the order that sorts the rows; None if they are sorted already."""
    keys = rows.keys()
    return None if (np.diff(keys) >= 0).all() else np.argsort(keys, kind="stable")


def find_rows(have: Rows, wanted: Rows) -> tuple[Integers, Integers]:
    """Find rows among others.

    Parameters
    ----------
    have, wanted : Rows
        The rows to search, and the rows to find.

    Returns
    -------
    places : numpy.ndarray of int, shape (n_wanted,)
        Position of each wanted row in `have`; -1 if it is missing.
    twice : numpy.ndarray of int
        Positions of duplicate rows in `have`.

    Examples
    --------
    >>> have = Rows(np.array([0, 0, 1]), np.array([5, 6, 5]))
    >>> places, _ = find_rows(have, Rows(np.array([1, 0]), np.array([5, 7])))
    >>> places.tolist()
    [2, -1]
    """
    have_keys, wanted_keys = have.keys(wanted), wanted.keys(have)
    order = np.argsort(have_keys, kind="stable")
    if not len(order):
        return np.full(len(wanted_keys), -1), order
    at = order[np.minimum(np.searchsorted(have_keys[order], wanted_keys), len(order) - 1)]
    twice = order[1:][np.diff(have_keys[order]) == 0]
    return np.where(have_keys[at] == wanted_keys, at, -1), twice
