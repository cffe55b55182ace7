"""Hold out windows at the end of each series, as neuralforecast's cross-validation does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.panel import BoolArray, IntArray
from automodel_sk.data.preparation import MASK, filled_target, observed_values
from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "HeldOutWindows",
    "held_out_steps",
    "hold_out",
    "least_rows",
    "long_enough",
    "of_series",
    "with_unobserved_rows",
    "without_last",
]

Array = npt.NDArray[np.float64]


def held_out_steps(h: int, n_windows: int = 1, step_size: int | None = None) -> int:
    """Return the number of steps that the windows take up at the end of a series.

    Parameters
    ----------
    h : int
        Steps per window.
    n_windows : int
        Number of windows.
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


def least_rows(lengths: IntArray, h: int, val_size: int) -> int:
    """Return the number of rows a series needs to take part in validation.

    This is the horizon and one row before the held-out rows. If no series is that long, two rows
    suffice: one as the past and one as the future to train on.

    Parameters
    ----------
    lengths : array of int
        Rows per series.
    h : int
        Forecast horizon.
    val_size : int
        Rows held out at the end of each series.

    Examples
    --------
    >>> least_rows(np.array([40, 12]), h=6, val_size=6), least_rows(np.array([9, 8]), 6, 6)
    (13, 8)
    """
    wanted = h + val_size + 1
    return wanted if lengths.max() >= wanted else val_size + 2


def long_enough(frame: pd.DataFrame, rows: int) -> BoolArray:
    """Return which series of a sorted frame have at least `rows` rows, in the frame's order.

    Raises
    ------
    InvalidInputError
        If no series is that long.

    Examples
    --------
    >>> long_enough(pd.DataFrame({"unique_id": ["a", "a", "b"]}), rows=2).tolist()
    [True, False]
    """
    sizes = _sizes(frame)
    enough: BoolArray = sizes >= rows
    if not enough.any():
        longest = "1 row" if sizes.max() == 1 else f"{sizes.max()} rows"
        raise InvalidInputError(
            f"the longest of {len(sizes)} series has {longest}, too few to hold out"
            f" {rows - 2} and train on the rest; pass longer series, or lower h or n_windows"
        )
    return enough


def of_series(frame: pd.DataFrame, chosen: BoolArray) -> pd.DataFrame:
    """Return the rows of the chosen series of a sorted frame.

    Examples
    --------
    >>> of_series(pd.DataFrame({"unique_id": ["a", "a", "b"]}), np.array([False, True])).values
    array([['b']], dtype=object)
    """
    if chosen.all():
        return frame
    return frame[np.repeat(chosen, _sizes(frame))].reset_index(drop=True)


def without_last(frame: pd.DataFrame, chosen: BoolArray, rows: int) -> pd.DataFrame:
    """Mark the last rows of the chosen series of a sorted frame as unobserved.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a", "a", "b"], "ds": [1, 2, 2], "y": 5.0})
    >>> without_last(frame, np.array([True, False]), rows=1)["available_mask"].tolist()
    [1.0, 0.0, 1.0]
    """
    if not chosen.any():
        return frame
    left = frame.groupby("unique_id", observed=True).cumcount(ascending=False).to_numpy()
    hidden = np.repeat(chosen, _sizes(frame)) & (left < rows)
    mask = frame[MASK].to_numpy() if MASK in frame.columns else np.ones(len(frame))
    return frame.assign(**{MASK: np.where(hidden, 0.0, mask)})


def with_unobserved_rows(
    frame: pd.DataFrame, rows: int, freq: Any, categories: Sequence[str] = ()
) -> pd.DataFrame:
    """Pad short series of a sorted frame at the front with unobserved rows, to `rows` rows each.

    For a model that takes all series at once this changes nothing: it zero-pads short series under
    a mask anyway. neuralforecast's cross-validation requires the rows to exist. Categories repeat
    the first one of the series, as 0 would be a category of its own.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a", "a", "b"], "ds": [1, 2, 2], "y": 5.0})
    >>> with_unobserved_rows(frame, rows=2, freq=1).values.tolist()
    [['a', 1, 5.0, 1.0], ['a', 2, 5.0, 1.0], ['b', 1, 0.0, 0.0], ['b', 2, 5.0, 1.0]]
    """
    lacking = rows - _sizes(frame)
    if (lacking <= 0).all():
        return frame
    step = parse_frequency(freq)
    whole = frame if MASK in frame.columns else frame.assign(**{MASK: 1.0})
    firsts = whole.drop_duplicates("unique_id")[lacking > 0]
    missing = lacking[lacking > 0]
    backs = np.concatenate([np.arange(count, 0, -1) for count in missing])
    added = firsts.loc[firsts.index.repeat(missing)]
    times = [time - int(back) * step for time, back in zip(added["ds"], backs, strict=True)]
    values = [column for column in whole.columns if column not in ("unique_id", "ds", *categories)]
    added = added.assign(ds=times, **dict.fromkeys(values, 0.0)).astype(dict(whole.dtypes))
    return pd.concat([added, whole]).sort_values(["unique_id", "ds"], ignore_index=True)


def _sizes(frame: pd.DataFrame) -> IntArray:
    sizes = frame.groupby("unique_id", observed=True, sort=False).size()
    return sizes.to_numpy()


@dataclass(frozen=True)
class HeldOutWindows:
    """The observed values of the held-out windows.

    Parameters
    ----------
    frame : DataFrame
        Columns unique_id, ds, cutoff and y; sorted by series, window and step.
    h : int
        Steps per window.
    numbers : array of int, shape (n_rows,)
        The window of each row; 1 is the earliest.
    reference : array of float, shape (n_rows,)
        The value one season earlier, or the last value before the cutoff if there is none.
    """

    frame: pd.DataFrame
    h: int
    numbers: IntArray
    reference: Array

    @property
    def truth(self) -> Array:
        """Return the observed values, one row per window and series."""
        return self.frame["y"].to_numpy(dtype=float).reshape(-1, self.h)

    def window(self, number: int) -> HeldOutWindows:
        """Return one window of all series."""
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
    """Hold out the windows at the end of each series.

    Parameters
    ----------
    frame : DataFrame
        Long frame, sorted by series and time; each series has more rows than are held out. The
        target is set to NaN in rows whose `available_mask` is 0.
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
        If a series is too short.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(5), "y": [0.0, 1.0, 2.0, 3.0, 4.0]})
    >>> hold_out(df, h=2, n_windows=2, step_size=1).frame.values.tolist()
    [['a', 2, 1, 2.0], ['a', 3, 1, 3.0], ['a', 3, 2, 3.0], ['a', 4, 2, 4.0]]
    """
    sizes = _sizes(frame)
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
