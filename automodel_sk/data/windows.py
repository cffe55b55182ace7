"""Count the training windows of a panel, as neuralforecast draws them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from automodel_sk.data.panel import IntArray

__all__ = ["WindowShape", "count_windows"]


@dataclass(frozen=True)
class WindowShape:
    """Past and future steps of a training window, and how much of it must be observed.

    Parameters
    ----------
    input_size, h : int
        Past and future steps.
    step_size : int
        Steps between the starts of two windows.
    start_padding_enabled : bool
        Whether each series is zero-padded at its start.
    min_available : tuple of two floats in [0, 1]
        Fractions of past and future that must be observed; at least one step of each.

    Examples
    --------
    >>> WindowShape(24, 12).least_observed(n_series=1)
    (1, 1)
    """

    input_size: int
    h: int
    step_size: int = 1
    start_padding_enabled: bool = False
    min_available: tuple[float, float] = (0.0, 0.0)

    @property
    def padding(self) -> int:
        """Number of zeros before the start of the longest series."""
        return self.input_size - 1 if self.start_padding_enabled else 0

    def least_observed(self, n_series: int) -> tuple[int, int]:
        """Return how many steps of the past and of the future must be observed.

        Parameters
        ----------
        n_series : int
            Series per window.

        Returns
        -------
        tuple of two int

        Examples
        --------
        >>> WindowShape(24, 12, min_available=(0.5, 1.0)).least_observed(n_series=2)
        (24, 24)
        """
        past, future = self.min_available
        return (
            max(1, int(self.input_size * past * n_series)),
            max(1, int(self.h * future * n_series)),
        )


def count_windows(
    lengths: IntArray, shape: WindowShape, val_size: int = 0, multivariate: bool = False
) -> int:
    """Return the number of distinct training windows.

    Series are aligned at their ends and zero-padded to the longest one, so a window may be only
    partly observed.

    Parameters
    ----------
    lengths : numpy.ndarray of int, shape (n_series,)
        Rows per series.
    shape : WindowShape
        The shape of the windows.
    val_size : int
        Steps at the end of each series that are held out of training.
    multivariate : bool
        Whether one window holds all series.

    Returns
    -------
    int

    Examples
    --------
    >>> count_windows(np.array([10, 8]), WindowShape(4, 2))
    12
    """
    total = int(lengths.max()) - val_size
    if total < 1 or total + shape.padding < shape.input_size:
        return 0
    trained = lengths - val_size
    trained = trained[trained > 0]
    if multivariate:
        return _count_joint(trained, total, shape, len(lengths))
    past, future = shape.least_observed(1)
    end = total + shape.padding - shape.input_size
    earliest = np.maximum(end - trained + past, 0)
    counts = (end - future) // shape.step_size - (earliest - 1) // shape.step_size
    return int(np.maximum(counts, 0).sum())


def _count_joint(trained: IntArray, total: int, shape: WindowShape, n_series: int) -> int:
    """Count windows over all series at once, from the number of observed rows per step."""
    begun = np.cumsum(np.bincount(total - trained, minlength=total))
    per_step = np.concatenate([np.zeros(shape.padding), begun, np.zeros(shape.h)])
    before: npt.NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(per_step)])
    starts = np.arange(0, total + shape.padding - shape.input_size + 1, shape.step_size)
    middle = starts + shape.input_size
    past, future = shape.least_observed(n_series)
    enough = before[middle] - before[starts] >= past
    enough &= before[middle + shape.h] - before[middle] >= future
    return int(enough.sum())
