"""Expected error size of each series, shrunk towards similar series."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["ExpectedSizes", "expected_sizes"]

Array = npt.NDArray[np.float64]

_NO_COMPANY = 0.5
_LEAST_OF_THE_REST = 1.0


class ExpectedSizes(NamedTuple):
    """Logarithms of mean absolute errors.

    Parameters
    ----------
    new : array of shape (n_series,)
        For a future window, from all held-out windows.
    held_out : array of shape (n_series, n_windows)
        For each held-out window, from the other windows.
    alike : array of shape (n_series,)
        From similar series only, as for a series without held-out windows.
    """

    new: Array
    held_out: Array
    alike: Array


def expected_sizes(
    errors: Array, places: npt.NDArray[np.intp], weights: Array, independent: bool
) -> ExpectedSizes:
    """Estimate the expected error size of each series.

    An empirical Bayes estimate: a series' own size is a draw around the size of similar series. The
    variance of these draws is estimated among the similar series, minus the chance variation
    between windows of one series (as limma moderates variances; Smyth, 2004).

    Parameters
    ----------
    errors : array of shape (n_series, n_windows, h)
        Absolute errors, above zero.
    places, weights : arrays of shape (n_series, n_neighbours)
        The similar series of each series, including itself, and their weights.
    independent : bool
        Whether differences between windows measure chance variation; if not, or with one window,
        all similar series get the same size.

    Returns
    -------
    ExpectedSizes

    Examples
    --------
    >>> both = np.array([[0, 1], [1, 0]]), np.ones((2, 2))
    >>> errors = np.array([[[2.0], [2.0], [2.0]], [[8.0], [8.0], [8.0]]])
    >>> np.exp(expected_sizes(errors, *both, independent=True).new)
    array([2., 8.])
    """
    means = errors.mean(axis=2)
    own = np.log(means.mean(axis=1))
    others = weights * (places != np.arange(len(errors))[:, None])
    count = others.sum(axis=1)
    centre = np.where(count < _NO_COMPANY, own, _average(own[places], others))
    alike = np.repeat(centre[:, None], means.shape[1], axis=1)
    if means.shape[1] == 1 or not independent:
        return ExpectedSizes(centre, alike, centre)
    chance = _average(np.log(means).var(axis=1, ddof=1)[places], weights)
    spread = _average((own[places] - centre[:, None]) ** 2, others)
    differ = np.maximum(spread - chance / means.shape[1], 0.0)
    prior = differ + (differ + chance / means.shape[1]) / np.maximum(count, _NO_COMPANY)
    new = _shrunk(own, centre, prior, chance / means.shape[1])
    noise = chance[:, None] / (means.shape[1] - 1)
    held_out = _shrunk(_of_the_rest(means, own), alike, prior[:, None], noise)
    alone = (count < _NO_COMPANY)[:, None]
    return ExpectedSizes(new, np.where(alone, alike, held_out), centre)


def _average(values: Array, weights: Array) -> Array:
    total = np.maximum(weights.sum(axis=1), 1e-300)
    averages: Array = (values * weights).sum(axis=1) / total
    return averages


def _of_the_rest(means: Array, own: Array) -> Array:
    """Return each series' size from all windows but one; bounded if one window has all errors."""
    rest = (means.sum(axis=1, keepdims=True) - means) / (means.shape[1] - 1)
    bounded: Array = np.maximum(np.log(np.maximum(rest, 1e-300)), own[:, None] - _LEAST_OF_THE_REST)
    return bounded


def _shrunk(own: Array, centre: Array, prior: Array, noise: Array) -> Array:
    """Average a series' own size and that of similar series, weighted by their precision."""
    trust: Any = np.divide(prior, prior + noise, out=np.ones_like(prior + noise), where=noise > 0)
    shrunk: Array = centre + trust * (own - centre)
    return shrunk
