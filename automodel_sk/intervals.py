"""Prediction intervals: conformal ones for point losses, tidy quantiles for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "ConformalScores",
    "interpolate_quantiles",
    "levels_to_quantiles",
    "quantile_columns",
    "quantile_of",
    "series_scales",
]

Array = npt.NDArray[np.float64]

_ROUNDING = 1e-5
"""Steps below this share of a series' size are rounding: models work in float32."""


def quantile_of(ending: str) -> float | None:
    """Return the quantile that an output of upstream's naming is, None for others.

    Parameters
    ----------
    ending : str
        What the output's column has after the model's name.

    Returns
    -------
    float or None

    Examples
    --------
    >>> [quantile_of(ending) for ending in ("", "-median", "-lo-80", "-hi-80", "_ql0.05")]
    [None, 0.5, 0.1, 0.9, 0.05]
    """
    if ending == "-median":
        return 0.5
    if ending.startswith("_ql"):
        return float(ending.removeprefix("_ql"))
    for side, sign in (("-lo-", -1.0), ("-hi-", 1.0)):
        if ending.startswith(side):
            return round(0.5 + sign * float(ending.removeprefix(side)) / 200, 12)
    return None


def levels_to_quantiles(levels: Sequence[float]) -> dict[str, float]:
    """Return the quantile at each end of central intervals, by column suffix.

    Parameters
    ----------
    levels : sequence of float
        Coverages in percent, above 0 and below 100.

    Returns
    -------
    dict of str to float
        From the lowest quantile to the highest.

    Raises
    ------
    InvalidInputError
        A level is not between 0 and 100.

    Examples
    --------
    >>> levels_to_quantiles([90])
    {'-lo-90': 0.05, '-hi-90': 0.95}
    """
    for level in levels:
        if not 0 < level < 100:
            raise InvalidInputError(
                f"level must lie between 0 and 100 percent, got {level}; try level=[80, 95]"
            )
    ordered = sorted(set(levels))
    low = {f"-lo-{level:g}": round(0.5 - level / 200, 12) for level in reversed(ordered)}
    high = {f"-hi-{level:g}": round(0.5 + level / 200, 12) for level in ordered}
    return {**low, **high}


def quantile_columns(
    name: str, level: Sequence[float] | None, quantiles: Sequence[float] | None
) -> dict[str, float]:
    """Return the quantiles asked for by the names of their columns.

    Parameters
    ----------
    name : str
        Name of the model.
    level : sequence of float, optional
        Coverages in percent.
    quantiles : sequence of float, optional
        Quantiles between 0 and 1, in place of `level`.

    Returns
    -------
    dict of str to float
        Empty where neither is given.

    Raises
    ------
    InvalidInputError
        Both are given, or a value lies out of range.

    Examples
    --------
    >>> quantile_columns("NHITS", [80], None)
    {'NHITS-lo-80': 0.1, 'NHITS-hi-80': 0.9}
    >>> quantile_columns("NHITS", None, [0.5])
    {'NHITS_ql0.5': 0.5}
    """
    if level is not None and quantiles is not None:
        raise InvalidInputError("level and quantiles are both given; pass one of them")
    if level is not None:
        return {f"{name}{ending}": q for ending, q in levels_to_quantiles(list(level)).items()}
    for quantile in quantiles or ():
        if not 0 < quantile < 1:
            raise InvalidInputError(
                f"quantiles must lie between 0 and 1, got {quantile}; try quantiles=[0.1, 0.9]"
            )
    return {f"{name}_ql{q:g}": float(q) for q in sorted(set(quantiles or ()))}


def series_scales(ids: npt.NDArray[Any], y: Array, season: int) -> tuple[npt.NDArray[Any], Array]:
    """Return the typical size of each series' seasonal steps.

    Parameters
    ----------
    ids : array of shape (n_rows,)
        Series of each row, sorted.
    y : array of shape (n_rows,)
        The target, in time order within each series.
    season : int
        Steps of one season; short series fall back to single steps.

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
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    lengths = np.diff(np.r_[starts, len(ids)])
    size = _mean_size(y, starts, lengths)
    scales = _mean_difference(y, starts, lengths, season)
    for fallback in (_mean_difference(y, starts, lengths, 1), size):
        scales = np.where(scales > _ROUNDING * size, scales, fallback)
    return ids[starts], np.where(scales > 0, scales, 1.0)


def _mean_difference(
    y: Array, starts: npt.NDArray[np.intp], lengths: npt.NDArray[np.intp], lag: int
) -> Array:
    """Return each series' mean absolute difference at a lag, 0 where it is too short."""
    position = np.arange(len(y)) - np.repeat(starts, lengths)
    usable = position >= lag
    differences = np.zeros(len(y))
    differences[usable] = np.abs(y[usable] - y[np.flatnonzero(usable) - lag])
    counts = np.add.reduceat(usable.astype(float), starts)
    sums: Array = np.add.reduceat(differences, starts)
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def _mean_size(y: Array, starts: npt.NDArray[np.intp], lengths: npt.NDArray[np.intp]) -> Array:
    sums: Array = np.add.reduceat(np.abs(y), starts)
    return sums / lengths


@dataclass(frozen=True)
class ConformalScores:
    """Errors on held-out windows, pooled over series on a common scale.

    Each series' absolute errors are divided by its own typical seasonal step,
    so that all series tell of each other and a series never seen has intervals
    too: split conformal prediction with a scaled score (Lei et al., 2018,
    "Distribution-free predictive inference for regression").

    Parameters
    ----------
    scores : array of shape (n_scores, h)
        Scaled absolute errors by horizon step.
    season : int
        Season of the scale.

    Examples
    --------
    >>> scores = ConformalScores(np.arange(1.0, 20.0).reshape(-1, 1), season=1)
    >>> scores.radius(0.9)
    array([18.])
    """

    scores: Array
    season: int

    @classmethod
    def from_cross_validation(
        cls, errors: pd.DataFrame, history: pd.DataFrame, h: int, season: int
    ) -> ConformalScores:
        """Pool the errors of a cross-validation.

        Parameters
        ----------
        errors : DataFrame with columns unique_id, cutoff, ds, error
            Signed errors, all steps of each window.
        history : DataFrame with columns unique_id, ds, y
            The series, sorted, for their scales.
        h : int
            Steps of each window.
        season : int
            Steps of one season.
        """
        ids, scales = series_scales(
            history["unique_id"].to_numpy(), history["y"].to_numpy(dtype=float), season
        )
        scale = pd.Series(scales, index=pd.Index(ids))
        ordered = errors.sort_values(["unique_id", "cutoff", "ds"], kind="stable")
        scaled = ordered["error"].abs().to_numpy() / scale.loc[ordered["unique_id"]].to_numpy()
        return cls(scaled.reshape(-1, h), season)

    def radius(self, coverage: float) -> Array:
        """Return the scaled half width of central intervals, by horizon step.

        Where a step has too few scores for its quantile, the neighbouring
        steps' are pooled with them.

        Parameters
        ----------
        coverage : float
            Between 0 and 1.

        Returns
        -------
        array of shape (h,)
        """
        n, h = self.scores.shape
        needed = int(np.ceil(1.0 / max(1.0 - coverage, 1e-9)))
        reach = 0 if n >= needed else min(h - 1, -(-needed // n))
        return np.array([self._quantile(k, reach, coverage) for k in range(h)])

    def _quantile(self, step: int, reach: int, coverage: float) -> float:
        """Return the finite-sample quantile of the scores around a step."""
        first = max(0, min(step - reach, self.scores.shape[1] - 2 * reach - 1))
        pool = np.sort(self.scores[:, first : max(step, first + 2 * reach) + 1], axis=None)
        rank = int(np.ceil((len(pool) + 1) * coverage - 1e-9))
        return float(pool[min(max(rank, 1), len(pool)) - 1])

    def quantiles(self, point: Array, scales: Array, quantiles: Sequence[float]) -> Array:
        """Return quantiles around point forecasts.

        Parameters
        ----------
        point : array of shape (n_series, h)
            Point forecasts.
        scales : array of shape (n_series,)
            The series' scales, from `series_scales`.
        quantiles : sequence of float
            Between 0 and 1.

        Returns
        -------
        array of shape (n_series, h, n_quantiles)
            Never crossing.
        """
        h = point.shape[1]
        sides = []
        for quantile in quantiles:
            radius = self.radius(abs(2 * quantile - 1)) * (quantile != 0.5)
            radius = np.pad(radius, (0, max(0, h - len(radius))), mode="edge")[:h]
            sides.append(point + np.sign(quantile - 0.5) * scales[:, None] * radius)
        order = np.argsort(np.argsort(quantiles))
        stacked: Array = np.sort(np.stack(sides, axis=-1), axis=-1)[..., order]
        return stacked


def interpolate_quantiles(known: Sequence[float], values: Array, wanted: Sequence[float]) -> Array:
    """Return quantiles between those that a model was trained for.

    Parameters
    ----------
    known : sequence of float
        Trained quantiles, rising.
    values : array of shape (n_rows, n_known)
        Their forecasts; sorted here, so that they never cross.
    wanted : sequence of float
        Quantiles asked for, within the trained range.

    Returns
    -------
    array of shape (n_rows, n_wanted)

    Raises
    ------
    InvalidInputError
        A quantile lies outside the trained range.

    Examples
    --------
    >>> interpolate_quantiles([0.1, 0.5, 0.9], np.array([[1.0, 2.0, 4.0]]), [0.5, 0.7])
    array([[2., 3.]])
    """
    low, high = known[0], known[-1]
    outside = [q for q in wanted if not low - 1e-9 <= q <= high + 1e-9]
    if outside:
        raise InvalidInputError(
            f"quantile {outside[0]:g} lies outside those that the model was trained for"
            f" ({low:g} to {high:g}); train with a wider loss, for example"
            f" MQLoss(quantiles={sorted({*(round(k, 6) for k in known), *outside})})"
        )
    rising = np.sort(values, axis=1)
    position = np.interp(wanted, known, np.arange(len(known), dtype=float))
    left = np.floor(position).astype(int)
    right = np.minimum(left + 1, len(known) - 1)
    share = position - left
    blended: Array = rising[:, left] * (1 - share) + rising[:, right] * share
    return blended
