"""The values of many series in one array, as local methods read them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.baselines import BASELINE_COLUMN, baseline_values
from automodel_sk.data.preparation import filled_target
from automodel_sk.portfolio.data import PortfolioData

__all__ = ["SeriesValues"]

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SeriesValues:
    """Values of all series, one series after the other.

    Parameters
    ----------
    values : array of float, shape (n_rows,)
        The values.
    sizes : array of int, shape (n_series,)
        Rows of each series.

    Examples
    --------
    >>> series = SeriesValues(np.array([1.0, 2.0, 9.0]), np.array([2, 1]))
    >>> len(series), series[0].tolist()
    (2, [1.0, 2.0])
    >>> series.baseline("Naive", h=2, season=1).tolist()
    [[2.0, 2.0], [9.0, 9.0]]
    """

    values: Array
    sizes: Integers

    @classmethod
    def of(cls, frame: pd.DataFrame) -> SeriesValues:
        """Read a prepared frame; unobserved rows repeat the last observed value."""
        sizes = frame.groupby("unique_id", observed=True, sort=False).size()
        values = filled_target(frame)["y"].to_numpy(dtype=float)
        return cls(values, np.asarray(sizes, dtype=np.int64))

    @classmethod
    def before_windows(cls, data: PortfolioData) -> SeriesValues:
        """Read the rows before each window: of the first series before each window, and so on."""
        parts = [cls.of(data.before(window)) for window in range(1, data.n_windows + 1)]
        n_series = len(parts[0])
        pieces = [part[i] for i in range(n_series) for part in parts]
        sizes = np.stack([part.sizes for part in parts], axis=1).ravel()
        return cls(np.concatenate(pieces), sizes)

    @cached_property
    def ends(self) -> Integers:
        """Position behind the last row of each series."""
        return self.sizes.cumsum()

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, position: int) -> Array:
        end = self.ends[position]
        return self.values[end - self.sizes[position] : end]

    def tail(self, rows: int) -> SeriesValues:
        """Return the last rows of each series.

        Examples
        --------
        >>> SeriesValues(np.array([1.0, 2.0, 9.0]), np.array([2, 1])).tail(1).values.tolist()
        [2.0, 9.0]
        """
        left = np.repeat(self.ends, self.sizes) - np.arange(len(self.values))
        return SeriesValues(self.values[left <= rows], np.minimum(self.sizes, rows))

    def taken(self, places: Integers) -> SeriesValues:
        """Return some of the series, in the given order.

        Examples
        --------
        >>> series = SeriesValues(np.array([1.0, 2.0, 9.0]), np.array([2, 1]))
        >>> series.taken(np.array([1, 0])).values.tolist()
        [9.0, 1.0, 2.0]
        """
        sizes = self.sizes[places]
        firsts = (self.ends - self.sizes)[places] - (sizes.cumsum() - sizes)
        return SeriesValues(self.values[np.repeat(firsts, sizes) + np.arange(sizes.sum())], sizes)

    def baseline(self, name: str, h: int, season: int) -> Array:
        """Return a baseline's forecasts, shape (n_series, h)."""
        return baseline_values(self.values, self.sizes, h, season)[name].reshape(-1, h)

    def seasonal_naive(self, h: int, season: int) -> Array:
        """Return the seasonal-naive forecasts, shape (n_series, h)."""
        return self.baseline(BASELINE_COLUMN, h, season)
