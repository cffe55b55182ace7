"""Conformal prediction intervals from past errors, by series and by similar series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.preparation import observed_values
from automodel_sk.forecasting.common_factor import common_factors, multiplied
from automodel_sk.forecasting.levels import growth_since
from automodel_sk.forecasting.series_traits import SeriesTraits, describe_series
from automodel_sk.forecasting.shrinkage import expected_sizes

__all__ = ["ConformalScores"]

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

_ALIKE = 0.6
"""Distance of traits at which a series counts exp(-1/2) of one that is just alike."""
_SAME = 3.0
"""In units of `_ALIKE`: a series whose traits moved further is another one of that name."""
_STRANGE = 20.0
"""In units of `_ALIKE`: no two series that move are so far apart, still ones are from them."""
_ENOUGH_SCORES, _FEWEST, _MOST = 200, 10, 60
_SMALLEST = 1e-10
_SPREAD = 0.5
"""Of later errors' common size after one window. Measured, see docs/accuracy.md."""
_CHUNK = 2_000_000


class _Neighbours(NamedTuple):
    """Calibrated series similar to some others, and their weights."""

    places: Integers
    weights: Array
    nearest: Array

    def of(self, rows: Integers) -> _Neighbours:
        """Return the neighbours of some of the rows."""
        return _Neighbours(self.places[rows], self.weights[rows], self.nearest[rows])


@dataclass(frozen=True)
class ConformalScores:
    """Absolute errors on held-out windows, scaled to be comparable between series.

    Split conformal prediction with a normalised score (Lei et al., 2018, "Distribution-free
    predictive inference for regression"): an error is divided by the expected error size of its
    series, and an interval is a quantile of these scores times that size. With one scale and one
    pool for all series, coverage is right only on average: in a panel of active and inactive
    series, the intervals of the active ones are far too narrow. Therefore:

    - The expected size of a series comes from its errors in the *other* windows, because a new
      forecast only has past windows to rely on. It is shrunk towards similar series by empirical
      Bayes: fully if these differ no more than windows do by chance, hardly if each series has its
      own error size.
    - The interval of a series that never changed includes its constant value.
    - Scores are pooled over similar series, weighted by similarity (localized conformal prediction,
      Guan, 2023; a Mondrian taxonomy without edges). Similarity compares how often a series
      changes, how much large steps stand out, and the relative sizes of single, second and seasonal
      differences. These traits are also known for series that were not calibrated: they take the
      size, in units of their seasonal difference, and the scores from similar series.

    - Errors are brought to the level that a series has at its end, as errors of series that grow do
      too.
    - All series of a window share its time, so that scores of few windows show neither how quiet
      nor how rough other times are. Quantiles are those of the scores times a common factor, which
      is log-normal with mean 1 and spreads the less the more windows there are.

    Libraries that keep scores per series (mlforecast, statsforecast, neuralforecast) have two
    scores for each quantile after two windows, and none for a new series.

    Parameters
    ----------
    errors : array of shape (n_series, n_windows, h)
        Absolute errors by series, window and step, in the units of `series`.
    series : SeriesTraits
        Traits of the calibrated series.
    season : int
        Steps of one season, used for the traits of other series.
    overlapping : bool
        Whether windows overlap; overlapping windows don't show how errors vary by chance.
    spread : float
        Standard deviation of the logarithm of the size that all later errors have in common, in
        units of the size of the scores.

    Examples
    --------
    >>> known = describe_series(np.array(["a"] * 9), np.arange(9.0), season=1)
    >>> scores = ConformalScores(np.arange(1.0, 20.0).reshape(1, 19, 1), known, season=1)
    >>> scores.quantiles(np.array([[50.0]]), known, [0.05, 0.5, 0.95])
    array([[[32., 50., 68.]]])
    """

    errors: Array
    series: SeriesTraits
    season: int
    overlapping: bool = False
    spread: float = 0.0

    @classmethod
    def from_cross_validation(
        cls, errors: pd.DataFrame, history: pd.DataFrame, h: int, season: int
    ) -> ConformalScores:
        """Build the scores from the errors of a cross-validation.

        Parameters
        ----------
        errors : DataFrame with columns unique_id, cutoff, ds, error
            Signed errors for all steps of each window, with the same windows for every series; NaN
            for a step that was not observed.
        history : DataFrame with columns unique_id, ds, y
            The series, sorted; series without errors are ignored.
        h : int
            Steps per window.
        season : int
            Steps of one season.
        """
        ordered = errors.sort_values(["unique_id", "cutoff", "ds"], kind="stable")
        own = observed_values(history[history["unique_id"].isin(ordered["unique_id"].unique())])
        own = own.sort_values(["unique_id", "ds"], kind="stable")
        series = describe_series(own["unique_id"].to_numpy(), own["y"].to_numpy(float), season)
        sizes = ordered["error"].abs().to_numpy(dtype=float).reshape(len(series.ids), -1, h)
        sizes = _filled(sizes) * growth_since(ordered, own, h, season)[:, :, None]
        overlapping = bool(ordered.duplicated(["unique_id", "ds"]).any())
        spread = _SPREAD / np.sqrt(1 if overlapping else sizes.shape[1])
        return cls(sizes / series.units[:, None, None], series, season, overlapping, float(spread))

    def describe(self, history: pd.DataFrame) -> SeriesTraits:
        """Return the traits of the series to forecast.

        Parameters
        ----------
        history : DataFrame with columns unique_id, ds, y
            Sorted; rows that `available_mask` marks as unobserved are ignored.

        Returns
        -------
        SeriesTraits
        """
        history = observed_values(history)
        ids, y = history["unique_id"].to_numpy(), history["y"].to_numpy(dtype=float)
        return describe_series(ids, y, self.season)

    def quantiles(self, point: Array, series: SeriesTraits, quantiles: Sequence[float]) -> Array:
        """Return quantiles around point forecasts.

        Parameters
        ----------
        point : array of shape (n_series, h)
            Point forecasts.
        series : SeriesTraits
            Traits of the series to forecast.
        quantiles : sequence of float
            Between 0 and 1.

        Returns
        -------
        array of shape (n_series, h, n_quantiles)
            Sorted, so that they never cross.
        """
        h = point.shape[1]
        coverages = sorted({round(abs(2 * q - 1), 12) for q in quantiles})
        radii = dict(zip(coverages, self.radii(series, coverages), strict=True))
        sides = []
        least = _to_the_value_it_always_had(point, series)
        for quantile in quantiles:
            radius = radii[round(abs(2 * quantile - 1), 12)]
            radius = np.pad(radius, ((0, 0), (0, max(0, h - radius.shape[1]))), mode="edge")
            radius = np.maximum(radius[:, :h], least)
            sides.append(point + np.sign(quantile - 0.5) * radius)
        order = np.argsort(np.argsort(quantiles))
        stacked: Array = np.sort(np.stack(sides, axis=-1), axis=-1)[..., order]
        return stacked

    def radii(self, series: SeriesTraits, coverages: Sequence[float]) -> Array:
        """Return the half-widths of central intervals.

        Parameters
        ----------
        series : SeriesTraits
            Traits of the series to forecast.
        coverages : sequence of float
            Between 0 and 1.

        Returns
        -------
        array of shape (n_coverages, n_series, h)
        """
        places = self._places(series)
        radii = np.empty((len(coverages), len(places), self.errors.shape[2]))
        known = places >= 0
        if known.any():
            radii[:, known] = self._of_known(places[known], series.taken(known), coverages)
        if not known.all():
            radii[:, ~known] = self._of_new(series.taken(~known), coverages)
        return radii

    def strangers(self, series: SeriesTraits) -> Flags:
        """Return which changing series are similar to no calibrated one.

        Their intervals are those of a seasonal-naive forecast with normally distributed errors.

        Parameters
        ----------
        series : SeriesTraits
            Traits of the series to forecast.

        Returns
        -------
        array of bool, shape (n_series,)
        """
        strange: Flags = self._near(series.traits).nearest > _STRANGE
        return strange & series.moves & (self._places(series) < 0)

    def _places(self, series: SeriesTraits) -> Integers:
        """Return the position of each series among the calibrated ones; -1 for new or changed ones.

        A series that changed in the past and is constant now still counts as the same.
        """
        places = pd.Index(self.series.ids).get_indexer(pd.Index(series.ids))
        then = self.series.taken(places)
        moved = np.linalg.norm(then.traits - series.traits, axis=1) / _ALIKE
        same = (places >= 0) & ((moved <= _SAME) | (then.moves & ~series.moves))
        found: Integers = np.where(same, places, -1)
        return found

    def _of_known(
        self, places: Integers, series: SeriesTraits, coverages: Sequence[float]
    ) -> Array:
        then = self.series.taken(places)
        units = np.where(series.moves, series.units, then.units)
        near = self._own.of(places)
        scores = self._floored / np.exp(self._sizes.held_out)[:, :, None]
        return _scaled(self._sizes.new[places], units, self._pooled(scores, near, coverages))

    def _of_new(self, series: SeriesTraits, coverages: Sequence[float]) -> Array:
        near = self._near(series.traits, widen=True)
        sizes = np.average(self._sizes.new[near.places], weights=near.weights, axis=1)
        scores = self._floored / np.exp(self._sizes.alike)[:, None, None]
        radii = _scaled(sizes, series.units, self._pooled(scores, near, coverages))
        radii[:, near.nearest > _STRANGE] = 0.0
        guessed = (near.nearest > _STRANGE) & series.moves
        radii[:, guessed] = _of_seasonal_steps(series.units[guessed], coverages)
        return radii

    def _pooled(self, scores: Array, near: _Neighbours, coverages: Sequence[float]) -> Array:
        return _pooled(scores, near, coverages, common_factors(self.spread))

    @cached_property
    def _floored(self) -> Array:
        return np.maximum(self.errors, _SMALLEST)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.series.traits / _ALIKE)

    @cached_property
    def _own(self) -> _Neighbours:
        """The neighbours of each calibrated series, including itself."""
        return self._near(self.series.traits)

    @cached_property
    def _sizes(self) -> Any:
        independent = not self.overlapping
        return expected_sizes(self._floored, self._own.places, self._own.weights, independent)

    def _near(self, traits: Array, *, widen: bool = False) -> _Neighbours:
        """Return the most similar series; with `widen`, the nearest one always counts."""
        n_series, n_windows, _ = self.errors.shape
        count = min(max(_FEWEST, -(-_ENOUGH_SCORES // n_windows)), _MOST, n_series)
        distances, places = self._tree.query(traits / _ALIKE, k=np.arange(1, count + 1))
        nearest = distances[:, 0]
        if widen:
            distances = distances / np.maximum(nearest, 1.0)[:, None]
        return _Neighbours(places, np.exp(-(distances**2) / 2), nearest)


def _filled(sizes: Array) -> Array:
    """Fill missing errors with that step's error in another window, or with the mean."""
    for shift in range(1, sizes.shape[1]):
        sizes = np.where(np.isnan(sizes), np.roll(sizes, shift, axis=1), sizes)
    known = ~np.isnan(sizes)
    counts = known.sum(axis=(1, 2), keepdims=True)
    sums = np.where(known, sizes, 0.0).sum(axis=(1, 2), keepdims=True)
    filled: Array = np.where(known, sizes, sums / np.maximum(counts, 1))
    return filled


def _to_the_value_it_always_had(point: Array, series: SeriesTraits) -> Array:
    """Return the distance of a constant series from its forecast; 0 for series that change.

    There each training has an offset of its own, which other trainings do not reveal.
    """
    ends = series.ends[:, None]
    distance = np.abs(point - ends) * (1 + 1e-9) + 1e-12 * np.abs(ends)
    return np.where(series.moves[:, None], 0.0, distance)


def _scaled(sizes: Array, units: Array, radii: Array) -> Array:
    """Return half-widths in the target's units; zero where the errors are zero."""
    scale = np.where(sizes > np.log(10 * _SMALLEST), np.exp(sizes) * units, 0.0)
    scaled: Array = radii * scale[:, None]
    return scaled


def _of_seasonal_steps(units: Array, coverages: Sequence[float]) -> Array:
    """Return the half-widths of a seasonal-naive forecast with normally distributed errors."""
    per_unit = [NormalDist(sigma=np.sqrt(np.pi / 2)).inv_cdf((1 + c) / 2) for c in coverages]
    radii: Array = np.multiply.outer(np.array(per_unit), units)[:, :, None]
    return radii


def _pooled(
    scores: Array,
    near: _Neighbours,
    coverages: Sequence[float],
    factors: tuple[Array, Array],
) -> Array:
    """Return quantiles of the neighbours' scores by step, shape (n_coverages, n_series, h).

    A step with too few scores for its quantile borrows those of neighbouring steps, the more the
    higher the coverage. The borrowed ones may be smaller, so that a quantile is never below those
    that rest on fewer steps: an interval holds all narrower ones, whichever are asked for.
    Each score counts once for each of the factors that it is multiplied by, with their shares.
    """
    _, n_windows, h = scores.shape
    radii = np.zeros((len(coverages), len(near.places), h))
    for rows in _chunks(len(near.places), near.places.shape[1] * n_windows * h):
        counts = near.weights[rows].sum(axis=1) * n_windows
        reach = _reach(counts, coverages, h)
        own, weights = scores[near.places[rows]], near.weights[rows]
        for steps in _ladder(int(reach.max(initial=0)), h):
            # The highest coverage for which the scores of so many steps are enough.
            most = np.ones(len(counts)) if steps == h - 1 else 1 - 1 / (counts * max(1, steps))
            asked = np.minimum(np.array(coverages)[:, None], np.maximum(most, 0.0))
            for step in range(h):
                pool = own[:, :, :, _part(step, steps, h)]
                values = _weighted_quantiles(*multiplied(pool, weights, *factors), asked)
                larger = np.maximum(values, radii[:, rows, step])
                radii[:, rows, step] = np.where(reach >= steps, larger, radii[:, rows, step])
    return radii


def _reach(counts: Array, coverages: Sequence[float], h: int) -> Array:
    """Return how many steps to either side scores are borrowed from, (n_coverages, n_series)."""
    needed = 1 / np.maximum(1 - np.array(coverages)[:, None], 1e-9)
    lacking = needed / counts > 1 + 1e-9
    doublings = np.ceil(np.log2(np.maximum(needed / counts, 2.0)) - 1e-9)
    reach: Array = np.where(lacking, np.minimum(h - 1, 2**doublings), 0)
    return reach


def _ladder(reach: int, h: int) -> list[int]:
    """Return the numbers of steps that scores may be borrowed from, up to a reach."""
    powers = [2**k for k in range(1, max(reach, 1).bit_length() + 1) if 2**k < h - 1]
    return [steps for steps in sorted({0, *powers, h - 1}) if steps <= reach]


def _part(step: int, reach: int, h: int) -> slice:
    """Return the steps around a step; the range has the same length at both ends of the horizon."""
    first = max(0, min(step - reach, h - 2 * reach - 1))
    return slice(first, max(step, first + 2 * reach) + 1)


def _weighted_quantiles(pool: Array, weights: Array, coverages: Array) -> Array:
    """Return finite-sample quantiles of each row's weighted scores, as the coverages of the rows.

    Both have the shape (n_coverages, n_rows).
    """
    each = np.broadcast_to(weights[:, :, None, None], pool.shape).reshape(len(pool), -1)
    flat = pool.reshape(len(pool), -1)
    order = np.argsort(flat, axis=1)
    ranks = np.cumsum(np.take_along_axis(each, order, axis=1), axis=1)
    rising = np.take_along_axis(flat, order, axis=1)
    found = []
    for coverage in coverages:
        wanted = (ranks[:, -1:] + 1) * coverage[:, None] - 1e-9
        place = np.minimum((ranks < wanted).sum(axis=1), flat.shape[1] - 1)
        found.append(np.take_along_axis(rising, place[:, None], axis=1)[:, 0])
    return np.array(found)


def _chunks(n_rows: int, size: int) -> Iterator[slice]:
    """Yield slices of rows that each fit into memory."""
    step = max(1, _CHUNK // max(size, 1))
    for first in range(0, n_rows, step):
        yield slice(first, first + step)
