"""Windows held out at the end of each series, as neuralforecast's cross-validation cuts them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.panel import IntArray
from automodel_sk.data.preparation import filled_target, observed_values
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = ["HeldOutWindows", "held_out_steps", "hold_out"]

Array = npt.NDArray[np.float64]


def held_out_steps(h: int, n_windows: int = 1, step_size: int | None = None) -> int:
    """Return the steps at the end of a series that windows take up.

    Parameters
    ----------
    h : int
        Steps of a window.
    n_windows : int
        Windows.
    step_size : int, optional
        Steps from one window to the next; `h` when None.

    Returns
    -------
    int

    Examples
    --------
    >>> held_out_steps(12), held_out_steps(12, 3), held_out_steps(12, 3, step_size=1)
    (12, 36, 14)
    """
    return h + (n_windows - 1) * (step_size or h)


@dataclass(frozen=True)
class HeldOutWindows:
    """What came true in windows that were held out.

    Parameters
    ----------
    frame : DataFrame
        Columns unique_id, ds, cutoff and y; in order of series, window and step.
    h : int
        Steps of a window.
    numbers : array of int, shape (n_rows,)
        The window of each row, 1 for the earliest.
    reference : array of float, shape (n_rows,)
        The value one season before, the last before the cutoff where there is none.
    """

    frame: pd.DataFrame
    h: int
    numbers: IntArray
    reference: Array

    @property
    def truth(self) -> Array:
        """Return what came true, a row for each window of each series."""
        return self.frame["y"].to_numpy(dtype=float).reshape(-1, self.h)

    def window(self, number: int) -> HeldOutWindows:
        """Return one of the windows of all series."""
        chosen = self.numbers == number
        return replace(
            self,
            frame=self.frame[chosen].reset_index(drop=True),
            numbers=self.numbers[chosen],
            reference=self.reference[chosen],
        )


def hold_out(
    frame: pd.DataFrame,
    h: int,
    n_windows: int = 1,
    step_size: int | None = None,
    *,
    season: int = 1,
) -> HeldOutWindows:
    """Return the windows at the end of each series.

    Parameters
    ----------
    frame : DataFrame
        Long frame, sorted by series and time; each series has more rows than
        are held out. The target of rows whose `available_mask` is 0 becomes NaN.
    h, n_windows, step_size
        As in `held_out_steps`.
    season : int
        Steps of one season.

    Returns
    -------
    HeldOutWindows

    Raises
    ------
    InvalidInputError
        A series is too short.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(5), "y": [0.0, 1.0, 2.0, 3.0, 4.0]})
    >>> hold_out(df, h=2, n_windows=2, step_size=1).frame.values.tolist()
    [['a', 2, 1, 2.0], ['a', 3, 1, 3.0], ['a', 3, 2, 3.0], ['a', 4, 2, 4.0]]
    """
    sizes = frame.groupby("unique_id", observed=True, sort=False).size().to_numpy()
    ends = sizes.cumsum()
    steps = held_out_steps(h, n_windows, step_size)
    if sizes.min() <= steps:
        shortest = frame["unique_id"].iloc[ends[sizes.argmin()] - 1]
        raise InvalidInputError(
            f"{wording().series(shortest)} has {sizes.min()} rows,"
            f" too few to hold out {steps}; leave it out, or lower h or n_windows"
        )
    starts = (ends - sizes)[:, None]
    firsts = ends[:, None] - steps
    firsts = firsts + np.arange(n_windows) * (step_size or h)
    rows = (firsts[:, :, None] + np.arange(h)).ravel()
    seasons = np.where(firsts - starts >= season, season, 1)[:, :, None]
    before = (firsts[:, :, None] - seasons + np.arange(h) % seasons).ravel()
    chosen = frame[["unique_id", "ds"]].iloc[rows].reset_index(drop=True)
    chosen["cutoff"] = frame["ds"].iloc[firsts.ravel() - 1].repeat(h).array
    values = observed_values(frame)["y"].to_numpy(dtype=float)
    filled = filled_target(frame)["y"].to_numpy(dtype=float)
    numbers = np.tile(np.repeat(np.arange(1, n_windows + 1), h), len(sizes))
    return HeldOutWindows(chosen.assign(y=values[rows]), h, numbers, filled[before])
