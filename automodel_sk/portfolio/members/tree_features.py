"""What a tree sees of a series at one time: lags, seasonal lags, levels and known columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from automodel_sk.portfolio.members.tree_panel import TreePanel

__all__ = ["Rows", "TreeFeatures", "reach"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LAGS = 7
_CYCLES = 3
_SCALE_SEASONS = 3
_LEAST_SCALE_ROWS = 24
_BLOCK = 100_000


def reach(season: int) -> int:
    """Return how many rows before a time its features use.

    Examples
    --------
    >>> reach(12), reach(1)
    (50, 26)
    """
    return max((_CYCLES + 1) * season, _LEAST_SCALE_ROWS + season, _LAGS) + 1 + (season > 1)


@dataclass(frozen=True)
class Rows:
    """Which values to forecast: by their origin (the last known row) and the steps after it.

    Parameters
    ----------
    series, origin, lead : array of int, shape (n_rows,)
        Number of the series, position of the origin, steps from there.
    """

    series: Integers
    origin: Integers
    lead: Integers

    def part(self, first: int, end: int) -> Rows:
        """Return some of the rows."""
        return Rows(self.series[first:end], self.origin[first:end], self.lead[first:end])


class TreeFeatures:
    """Features of rows, and the base and scale that their targets are relative to.

    Everything is known at the origin, or known of the future: no feature changes with a later value
    of the target. Targets are differences to the value one season earlier (the last value where
    there is none), divided by the mean seasonal difference of the last seasons: a tree that
    predicts zero is the seasonal-naive forecast, and its loss weighs series as MASE does.

    Parameters
    ----------
    panel : TreePanel
        The values.
    season : int
        Steps of one season.
    calendar : array, shape (n_rows, n_parts)
        Parts of the date of each row.
    """

    def __init__(self, panel: TreePanel, season: int, calendar: Floats) -> None:
        self.panel, self.season, self.calendar = panel, season, calendar
        # Sums over rows of all series stay exact only if all are of one size.
        sums = np.add.reduceat(np.abs(np.nan_to_num(panel.y)), panel.starts)
        known = np.add.reduceat((~np.isnan(panel.y)).astype(float), panel.starts)
        self.unit = np.where(sums > 0, sums / np.maximum(known, 1), 1.0)
        self.y = panel.y / self.unit[panel.series]
        self._total = np.r_[0.0, np.nancumsum(self.y)]
        self._moves = {lag: self._summed_moves(lag) for lag in {1, season}}

    def _summed_moves(self, lag: int) -> Floats:
        """Return sums over rows of the absolute differences to `lag` rows before."""
        moved: Floats = np.zeros(len(self.y))
        moved[lag:] = np.abs(self.y[lag:] - self.y[:-lag])
        inside = np.arange(len(self.y)) - np.repeat(self.panel.starts, self.panel.sizes) >= lag
        sums = np.cumsum(np.where(inside, np.nan_to_num(moved), 0.0))
        return np.concatenate([np.zeros(1), sums])

    def fill(self, positions: Integers, values: Floats) -> None:
        """Enter forecasts as values that later rows build on; `values` are in units of `y`."""
        self.y[positions] = values
        self._total = np.r_[0.0, np.nancumsum(self.y)]
        self._moves = {lag: self._summed_moves(lag) for lag in self._moves}

    def base_and_scale(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return what targets are relative to, in units of each series' mean size."""
        reference = self._at(rows, self._reference(rows))
        last = self.y[rows.origin]
        return np.where(np.isnan(reference), last, reference), self._scale(rows)

    @property
    def n_features(self) -> int:
        """Number of features."""
        one = np.zeros(1, dtype=np.int64)
        return int(self.of(Rows(one, one, one)).shape[1])

    def of(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return the features, shape (n_rows, n_features)."""
        blocks = range(0, max(len(rows.series), 1), _BLOCK)  # of rows, to save memory
        return np.concatenate([self._of(rows.part(first, first + _BLOCK)) for first in blocks])

    def _of(self, rows: Rows) -> npt.NDArray[np.float32]:
        base, scale = self.base_and_scale(rows)
        reference = self._reference(rows)
        m, panel = self.season, self.panel
        target = rows.origin + rows.lead
        level, before = self._mean(rows, 0), self._mean(rows, max(m, 4))
        relative = [self._at(rows, rows.origin - lag) for lag in range(_LAGS)]
        places = {c * m + d for c in range(_CYCLES) for d in (-1, 0, 1)} - {0} if m > 1 else set()
        relative += [self._at(rows, reference - place) for place in sorted(places)]
        relative += [level, level + level - before]
        columns = [(value - base) / scale for value in relative]
        columns += [(level - before) / scale, level / scale, rows.lead.astype(float)]
        known = panel.futr[target]
        earlier = np.clip(reference, panel.starts[rows.series], None)
        blocks = [
            np.stack(columns, axis=1),
            self.calendar[target],
            known,
            known - panel.futr[earlier],
            panel.hist[rows.origin],
            panel.stat[rows.series],
        ]
        return np.concatenate(blocks, axis=1).astype(np.float32)

    def _reference(self, rows: Rows) -> Integers:
        """Return the last position before the origin that is whole seasons before the target."""
        cycles = -(-rows.lead // self.season)
        return rows.origin + rows.lead - cycles * self.season

    def _at(self, rows: Rows, positions: Integers) -> Floats:
        """Return values, NaN before the start of a series and after the origin."""
        known = (positions >= self.panel.starts[rows.series]) & (positions <= rows.origin)
        return np.where(known, self.y[np.where(known, positions, rows.origin)], np.nan)

    def _mean(self, rows: Rows, skipped: int) -> Floats:
        """Return the mean of the last season that ends some rows before the origin."""
        width = max(self.season, 4)
        start = self.panel.starts[rows.series]
        end = np.maximum(rows.origin + 1 - skipped, start)
        first = np.maximum(end - width, start)
        sums = self._total[end] - self._total[first]
        return np.where(end > first, sums / np.maximum(end - first, 1), self.y[rows.origin])

    def _scale(self, rows: Rows) -> Floats:
        """Return the mean seasonal difference of the last seasons, or of neighbouring rows."""
        seasonal, steps = (self._mean_move(rows, lag) for lag in (self.season, 1))
        scale = np.where(seasonal > 1e-9, seasonal, steps)
        return np.where(scale > 1e-9, scale, np.maximum(np.abs(self.y[rows.origin]), 1e-3))

    def _mean_move(self, rows: Rows, lag: int) -> Floats:
        sums = self._moves[lag]
        first = self.panel.starts[rows.series] + lag
        width = max(_SCALE_SEASONS * self.season, _LEAST_SCALE_ROWS)
        begin = np.maximum(rows.origin + 1 - width, first)
        count = rows.origin + 1 - begin
        moved = sums[rows.origin + 1] - sums[np.minimum(begin, rows.origin + 1)]
        return np.where(count > 0, moved / np.maximum(count, 1), 0.0)
