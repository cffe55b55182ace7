"""Choose the windows that calibrate prediction intervals, and read the data of a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.categories import decoded
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = ["Windows", "named", "plan_windows", "stored_static"]

_MOST_WINDOWS = 10


@dataclass(frozen=True)
class Windows:
    """Windows at the end of each series.

    Parameters
    ----------
    count : int
        Number of windows.
    step : int
        Steps from one window to the next.
    ids : Index, optional
        The series that are long enough; all of them if None.
    left_out : tuple
        The series that are too short.
    """

    count: int
    step: int
    ids: pd.Index | None = field(default=None, repr=False, compare=False)
    left_out: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the series that are long enough."""
        if self.ids is None or not self.left_out:
            return frame
        return frame[frame["unique_id"].isin(self.ids)].reset_index(drop=True)


def plan_windows(
    frame: pd.DataFrame,
    h: int,
    n_windows: int | None = None,
    *,
    last_half: bool = True,
    together: bool = False,
) -> Windows:
    """Choose the windows to hold out, within the last third of the series.

    Series that are too short are left out. Up to a third of the others are left out too if keeping
    them would cost the remaining series many windows. If a third of no series holds a window, the
    last half may be used.

    Parameters
    ----------
    frame : DataFrame
        The prepared long frame.
    h : int
        Steps per window.
    n_windows : int, optional
        Number of windows; if None, as many as fit, up to ten.
    last_half : bool
        Whether half of the rows may be held out if a third holds no window.
    together : bool
        Whether one model forecasts all series at once and so trains on all of them; then no series
        that can hold a window is left out.

    Returns
    -------
    Windows

    Raises
    ------
    InvalidInputError
        If no series is long enough for the windows.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a"] * 90 + ["b"] * 8})
    >>> plan = plan_windows(frame, h=10)
    >>> plan, plan.left_out
    (Windows(count=3, step=10), ('b',))
    """
    sizes = frame.groupby("unique_id", observed=True, sort=False).size()
    lengths = np.sort(sizes.to_numpy())
    for share in (3, 2) if last_half else (3,):
        able = lengths[[_fitting(n, h, n_windows, share) is not None for n in lengths]]
        if len(able):
            break
    else:
        raise InvalidInputError(_too_short(sizes, h, n_windows or 1))
    lengths = able[:1] if together else _worth_leaving_out(able)
    least = max(lengths, key=_worth(able, h, n_windows, share))
    count, step = _fitting(least, h, n_windows, share) or (1, 1)
    long_enough = sizes >= least
    return Windows(count, step, sizes.index[long_enough], tuple(sizes.index[~long_enough]))


def _fitting(rows: int, h: int, n_windows: int | None, share: int) -> tuple[int, int] | None:
    """Return how many windows fit in the last part of a series, and the steps between them."""
    room = int(rows) // share if n_windows is None else int(rows) - 2
    if room < h + (n_windows or 1) - 1:
        return None
    if n_windows is not None:
        return n_windows, min(h, (room - h) // max(n_windows - 1, 1)) or 1
    step = h if room >= 2 * h else 1
    return min((room - h) // step + 1, _MOST_WINDOWS), step


def _worth_leaving_out(able: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
    """Return the lengths below which series may be left out, a third of them at most."""
    return np.unique(able[: len(able) // 3 + 1])


def _worth(
    able: npt.NDArray[np.integer[Any]], h: int, n_windows: int | None, share: int
) -> Callable[[int], float]:
    """Return how informative series of at least some length are; each further window adds less."""

    def worth(rows: int) -> float:
        count, step = _fitting(rows, h, n_windows, share) or (0, h)
        apart = count if step == h else 1 + (count - 1) * step / h
        return float((able >= rows).sum() * np.sqrt(apart))

    return worth


def _too_short(sizes: pd.Series, h: int, windows: int) -> str:
    """Return the error message if no series can be held out, based on the longest one."""
    place = int(sizes.to_numpy().argmax())
    counted = f"{windows} window" + ("" if windows == 1 else "s")
    fewer = "try n_windows=1; or " if windows > 1 else ""
    otherwise = (
        "use a loss that gives its own, for example loss=DistributionLoss('Normal'), or"
        " calibrate(dataset) on longer series"
        if wording().is_of_frames
        else "use pi_method='distribution', or longer series"
    )
    return (
        f"{wording().series(sizes.index[place])} has {sizes.iloc[place]} rows, too few to hold out"
        f" {counted} of {h} steps for the intervals; {fewer}{otherwise}"
    )


def named(ids: Sequence[Any], most: int = 3) -> str:
    """Format series ids for a message; only the first few if there are many.

    Examples
    --------
    >>> named(["a", "b"]), named(range(9))
    ("'a', 'b'", '0, 1, 2 and 6 more')
    """
    shown = ", ".join(wording().name(name) for name in list(ids)[:most])
    return shown if len(ids) <= most else f"{shown} and {len(ids) - most} more"


def stored_static(fitted: Any) -> pd.DataFrame:
    """Return the static values a NeuralForecast object was fitted with."""
    dataset = fitted.dataset
    table = pd.DataFrame(np.asarray(dataset.static), columns=list(dataset.static_cols))
    return decoded(table.assign(unique_id=np.asarray(fitted.uids)), fitted.categorical_vocab_)
