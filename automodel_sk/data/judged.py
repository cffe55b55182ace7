"""Prepared rows and the validation windows at their end, for one model or several."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.held_out import (
    HeldOutWindows,
    held_out_steps,
    hold_out,
    least_rows,
    long_enough,
    of_series,
)
from automodel_sk.data.panel import BoolArray

__all__ = ["JudgedData"]


@dataclass(frozen=True)
class JudgedData:
    """Prepared rows, of which the series that are long enough are judged on windows at their end.

    Parameters
    ----------
    frame : DataFrame
        Prepared long frame, sorted by series and time, without gaps.
    h : int
        Forecast horizon.
    season : int
        Steps of one season.
    static_df : DataFrame, optional
        One row per series, in the order of the frame.
    n_windows : int
        Validation windows at the end of each series.
    step_size : int, optional
        Steps between windows; `h` if None.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a"] * 6 + ["b"], "ds": range(7), "y": np.arange(7.0)})
    >>> data = JudgedData(frame, h=1, n_windows=2)
    >>> data.lengths.tolist(), data.held_out, data.is_judged.tolist()
    ([6, 1], 2, [True, False])
    >>> data.windows.truth.tolist()
    [[4.0], [5.0]]
    """

    frame: pd.DataFrame
    h: int
    _: KW_ONLY
    season: int = 1
    static_df: pd.DataFrame | None = None
    n_windows: int = 1
    step_size: int | None = None

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Rows of each series."""
        sizes = self.frame.groupby("unique_id", observed=True, sort=False).size()
        return np.asarray(sizes, dtype=np.int64)

    @property
    def held_out(self) -> int:
        """Steps that the windows take up at the end of each series."""
        return held_out_steps(self.h, self.n_windows, self.step_size)

    @cached_property
    def is_judged(self) -> BoolArray:
        """Which series are long enough for validation, in the frame's order.

        Raises
        ------
        InvalidInputError
            No series is.
        """
        return long_enough(self.frame, least_rows(self.lengths, self.h, self.held_out))

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The rows of the series that take part in validation, windows included."""
        return of_series(self.frame, self.is_judged)

    @cached_property
    def windows(self) -> HeldOutWindows:
        """The held-out windows of the judged series."""
        return hold_out(self.judged, self.h, self.n_windows, self.step_size, season=self.season)
