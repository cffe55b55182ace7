"""The data of a portfolio: what every member is judged on and fitted to."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.judged import JudgedData
from automodel_sk.data.preparation import filled_target

__all__ = ["PortfolioData"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PortfolioData(JudgedData):
    """Prepared data and the validation windows at their end.

    Parameters
    ----------
    freq : str or int
        Frequency of the data.
    futr_exog, hist_exog, stat_exog : tuple of str
        Exogenous columns by kind.
    **rows
        As for `JudgedData`; times are wall-clock times.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": np.arange(9.0)})
    >>> data = PortfolioData(frame, h=2, freq=1, season=1, n_windows=2)
    >>> data.before(1)["y"].tolist(), data.before(2)["y"].tolist()
    ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    >>> data.truth.tolist()
    [[[5.0, 6.0], [7.0, 8.0]]]
    """

    freq: str | int
    _: KW_ONLY
    futr_exog: tuple[str, ...] = ()
    hist_exog: tuple[str, ...] = ()
    stat_exog: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is derived from the frame: it would be sent several times over."""
        return {name: vars(self)[name] for name in self.__dataclass_fields__}

    @cached_property
    def truth(self) -> Array:
        """Observed values of the windows, shape (n_judged, n_windows, h); NaN if unobserved."""
        return self.windows.truth.reshape(-1, self.n_windows, self.h)

    def before(self, window: int) -> pd.DataFrame:
        """Return the rows of the judged series before a window, 1 being the earliest.

        Unobserved target values are filled, since local models take no mask.
        """
        return filled_target(self.judged[self._left >= self._behind(window)]).reset_index(drop=True)

    def of_window(self, window: int) -> pd.DataFrame:
        """Return the ids, times and future-known columns of a window, without the target."""
        behind = self._behind(window)
        rows = (self._left < behind) & (self._left >= behind - self.h)
        return self.judged.loc[rows, ["unique_id", "ds", *self.futr_exog]].reset_index(drop=True)

    def _behind(self, window: int) -> int:
        return self.held_out - (window - 1) * (self.step_size or self.h)

    @cached_property
    def _left(self) -> npt.NDArray[np.int64]:
        """Rows of the same series after each row."""
        groups = self.judged.groupby("unique_id", observed=True, sort=False)
        return np.asarray(groups.cumcount(ascending=False), dtype=np.int64)
