"""A forecasting task, its origins, and the arrays it is judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
QUANTILES = tuple(round(0.1 * k, 1) for k in range(1, 10))
QUANTILE_COLUMNS = tuple(str(q) for q in QUANTILES)
KEYS = ["unique_id", "ds"]


@dataclass(frozen=True)
class Dataset:
    """A panel split into training rows and the `h` test rows of each series.

    Parameters
    ----------
    name : str
        Name in the tables.
    train, test : DataFrame
        Long frames with `unique_id`, `ds`, `y` and the exogenous columns, sorted by series and
        time. No contestant sees the `y` of `test`.
    h, season : int
        Horizon, and the steps of a season; `season` also scales the MASE.
    freq : str
        pandas name of the frequency.
    futr_exog : tuple of str
        Columns whose future values are known.
    development : bool
        Whether defaults may be tuned on this data.
    origins : int
        Largest number of forecast origins.
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    h: int
    season: int
    freq: str
    futr_exog: tuple[str, ...] = ()
    development: bool = False
    origins: int = 3

    @property
    def future(self) -> pd.DataFrame:
        """The test rows without the target."""
        return self.test[[*KEYS, *self.futr_exog]]

    @property
    def truth(self) -> Array:
        """The test values, shape (n_series, h)."""
        return self.test["y"].to_numpy(float).reshape(-1, self.h)

    def history(self) -> list[Array]:
        """Return the training values of each series, in the order of `truth`."""
        groups = self.train.groupby("unique_id", observed=True, sort=False)
        return [values.to_numpy(float) for _, values in groups["y"]]

    def at_origin(self, back: int) -> Dataset | None:
        """Return the task `back` horizons earlier; None if the series are too short for it.

        Series that are too short at that origin are left out; if these are more than one in ten,
        there is no task.
        """
        if back == 0:
            return self
        if back >= self.origins:
            return None
        left = self.train.groupby("unique_id", observed=True).cumcount(ascending=False)
        rows = self.train.groupby("unique_id", observed=True)["y"].transform("size") - back * self.h
        long = rows >= self.least_rows
        if long[left == 0].mean() < 0.9:
            return None
        train = self.train[long & (left >= back * self.h)]
        test = self.train[long & (left < back * self.h) & (left >= (back - 1) * self.h)]
        return replace(self, train=_plain(train), test=_plain(test))

    @property
    def least_rows(self) -> int:
        """Rows that a series needs at an earlier origin: three horizons and two seasons."""
        return max(3 * self.h, 2 * self.season + self.h)

    def sample(self, n_series: int) -> Dataset:
        """Return the task with `n_series` evenly spaced series; all if there are not more."""
        ids = self.test["unique_id"].unique()
        places = np.linspace(0, len(ids) - 1, min(n_series, len(ids))).round().astype(int)
        kept = ids[places]
        train, test = (f[f["unique_id"].isin(kept)] for f in (self.train, self.test))
        return replace(self, train=_plain(train), test=_plain(test))


def split(frame: pd.DataFrame, h: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split off the last `h` rows of each series of a sorted frame."""
    last = frame.groupby("unique_id", observed=True).cumcount(ascending=False) < h
    return _plain(frame[~last]), _plain(frame[last])


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.reset_index(drop=True)


@dataclass(frozen=True)
class Forecast:
    """Forecasts of a task: `point` of shape (n_series, h), `quantiles` with a last axis of 9.

    `point` is judged by absolute errors, so it is the median where a system tells it apart.
    """

    point: Array
    quantiles: Array

    @classmethod
    def from_frame(cls, data: Dataset, frame: pd.DataFrame) -> Forecast:
        """Read a frame with `unique_id`, `ds`, `point` and the quantile levels as columns."""
        columns = ["point", *QUANTILE_COLUMNS]
        given = frame[[*KEYS, *columns]].astype({"unique_id": str})
        both = data.test[KEYS].astype({"unique_id": str})
        both = both.merge(given, on=KEYS, how="left", validate="one_to_one")
        values = both[columns].to_numpy(float)
        missing = ~np.isfinite(values).all(axis=1)
        if missing.any():
            raise ValueError(f"{missing.sum()} of {len(both)} steps lack a forecast")
        values = values.reshape(-1, data.h, len(columns))
        return cls(values[..., 0], np.sort(values[..., 1:], axis=-1))
