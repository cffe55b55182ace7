"""The factor that all errors of a later time have in common, as a few values and their shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["common_factors", "multiplied"]

Array = npt.NDArray[np.float64]

_NODES, _SHARES = (-np.sqrt(3.0), 0.0, np.sqrt(3.0)), (1 / 6, 2 / 3, 1 / 6)
"""Of a normal distribution: three values and weights with its first five moments."""


def common_factors(spread: float) -> tuple[Array, Array]:
    """Return values of a log-normal factor with mean 1, and their shares.

    Parameters
    ----------
    spread : float
        Standard deviation of its logarithm; without any, the only value is 1.

    Examples
    --------
    >>> common_factors(0.0)
    (array([1.]), array([1.]))
    >>> factors, shares = common_factors(0.5)
    >>> factors.round(2), round(float(factors @ shares), 2)
    (array([0.37, 0.88, 2.1 ]), 1.0)
    """
    if spread <= 0:
        return np.ones(1), np.ones(1)
    return np.exp(spread * np.array(_NODES) - spread**2 / 2), np.array(_SHARES)


def multiplied(pool: Array, weights: Array, factors: Array, shares: Array) -> tuple[Array, Array]:
    """Return scores times each factor, and their weights, along the second axis."""
    return (
        np.concatenate([pool * factor for factor in factors], axis=1),
        np.concatenate([weights * share for share in shares], axis=1),
    )
