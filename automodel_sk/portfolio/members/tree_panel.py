"""Series in flat arrays, with exogenous and calendar columns, as the tree members read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.data.categories import check_known
from automodel_sk.data.preparation import MASK, filled_target
from automodel_sk.data.times.steps import later_times, parse_frequency
from automodel_sk.data.times.wall_clock import as_integers, wall_times
from automodel_sk.exceptions import InvalidInputError

__all__ = ["Columns", "TreePanel", "calendar_parts"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_DAY = 86_400
# Parts of the calendar, and the length of a step in days from which each says nothing.
_CALENDAR = {"minute": 1 / 24, "hour": 1.0, "dayofweek": 6.9, "day": 27.0, "month": 360.0}


@dataclass(frozen=True)
class Columns:
    """Which columns a tree reads, and the codes of their text values.

    Parameters
    ----------
    futr, hist, stat : tuple of str
        Exogenous columns by kind.
    categories : dict of str to list of str
        Values of each text column, in the order of their codes.
    calendar : tuple of str
        Parts of the date.
    """

    futr: tuple[str, ...]
    hist: tuple[str, ...]
    stat: tuple[str, ...]
    categories: dict[str, list[str]]
    calendar: tuple[str, ...]

    def numbers(self, frame: pd.DataFrame | None, names: Sequence[str], rows: int) -> Floats:
        """Return columns as numbers, shape (n_rows, n_names); unknown text becomes NaN."""
        if frame is None or not names:
            return np.full((rows, len(names)), np.nan)
        return np.stack([self._number(frame[name], name) for name in names], axis=1)

    def check_known(self, **frames: pd.DataFrame | None) -> None:
        """Raise if no category of a column is known, and warn about unknown ones, by frame."""
        codes = {c: {v: i for i, v in enumerate(of)} for c, of in self.categories.items()}
        for name, frame in frames.items():
            if frame is not None:
                here = [column for column in codes if column in frame.columns]
                text = {c: frame[c].astype(object).map(str, na_action="ignore") for c in here}
                check_known(pd.DataFrame(text), codes, name, "trees take them as missing values")

    def _number(self, column: pd.Series[Any], name: str) -> Floats:
        if name not in self.categories:
            return column.to_numpy(dtype=float)
        codes = pd.Categorical(column.astype(str), categories=self.categories[name]).codes
        return np.where(codes < 0, np.nan, codes)


def calendar_parts(times: Any) -> tuple[str, ...]:
    """Return the parts of the calendar that matter for the step between ascending times.

    Examples
    --------
    >>> calendar_parts(pd.Series(pd.date_range("2020-01-01", periods=3, freq="D")))
    ('dayofweek', 'day', 'month')
    """
    index = pd.Index(times)
    if not isinstance(index, pd.DatetimeIndex) or len(index) < 2:
        return ()
    days = pd.Series(index[:1_000]).diff().median().total_seconds() / _DAY
    return tuple(name for name, longest in _CALENDAR.items() if days < longest)


@dataclass(frozen=True)
class TreePanel:
    """Values of all series, one after the other, and the columns beside them.

    Parameters
    ----------
    y : array of float, shape (n_rows,)
        The target; NaN in rows to forecast.
    sizes : array of int, shape (n_series,)
        Rows of each series.
    times : array of int64, shape (n_rows,)
        Time of each row: whole numbers, or dates in microseconds.
    dated : bool
        Whether the times are dates.
    futr, hist : array of float, shape (n_rows, n_columns)
        Exogenous values.
    stat : array of float, shape (n_series, n_columns)
        Static values.
    observed : array of bool, shape (n_rows,)
        Rows whose target was observed.
    """

    y: Floats
    sizes: Integers
    times: Integers
    dated: bool
    futr: Floats
    hist: Floats
    stat: Floats
    observed: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Columns, static_df: pd.DataFrame | None) -> TreePanel:
        """Read a prepared frame; unobserved rows repeat the last observed value."""
        sizes = frame.groupby("unique_id", observed=True, sort=False).size()
        rows, times = len(frame), pd.Index(frame["ds"])
        dated = isinstance(times, pd.DatetimeIndex)
        return cls(
            filled_target(frame)["y"].to_numpy(dtype=float),
            np.asarray(sizes, dtype=np.int64),
            as_integers(wall_times(times).as_unit("us") if dated else times),
            dated,
            columns.numbers(frame, columns.futr, rows),
            columns.numbers(frame, columns.hist, rows),
            columns.numbers(static_df, columns.stat, len(sizes)),
            frame[MASK].to_numpy() != 0 if MASK in frame.columns else np.ones(rows, dtype=bool),
        )

    @cached_property
    def ends(self) -> Integers:
        """Position behind the last row of each series."""
        return self.sizes.cumsum()

    @cached_property
    def starts(self) -> Integers:
        """Position of the first row of each series."""
        return self.ends - self.sizes

    @cached_property
    def series(self) -> Integers:
        """Number of the series of each row."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def tail(self, rows: int) -> TreePanel:
        """Return the last rows of each series."""
        left = np.repeat(self.ends, self.sizes) - np.arange(len(self.y))
        return self._of_rows(left <= rows, np.minimum(self.sizes, rows))

    def of_series(self, chosen: npt.NDArray[np.bool_]) -> TreePanel:
        """Return some of the series."""
        part = self._of_rows(chosen[self.series], self.sizes[chosen])
        return replace(part, stat=self.stat[chosen])

    def _of_rows(self, kept: npt.NDArray[np.bool_], sizes: Integers) -> TreePanel:
        return replace(
            self,
            y=self.y[kept],
            sizes=sizes,
            times=self.times[kept],
            futr=self.futr[kept],
            hist=self.hist[kept],
            observed=self.observed[kept],
        )

    def extended(self, h: int, futr: Floats, freq: str | int) -> TreePanel:
        """Return each series with `h` rows to forecast, whose exogenous values are known.

        Raises
        ------
        InvalidInputError
            If `futr` has another number of rows.
        """
        n_series, total = len(self.sizes), len(self.y) + len(self.sizes) * h
        if len(futr) != n_series * h:
            raise InvalidInputError(
                f"futr_df has {len(futr)} rows, {n_series} series of {h} steps need {n_series * h};"
                " pass one row per series and step"
            )
        sizes = self.sizes + h
        new = np.zeros(total, dtype=bool)
        new[(sizes.cumsum()[:, None] - h + np.arange(h)).ravel()] = True

        def joined(old: Any, ahead: Any) -> Any:
            both = np.empty((total, *old.shape[1:]), dtype=old.dtype)
            both[~new], both[new] = old, ahead
            return both

        return replace(
            self,
            y=joined(self.y, np.nan),
            sizes=sizes,
            times=joined(self.times, self._times_ahead(h, freq)),
            futr=joined(self.futr, futr),
            hist=joined(self.hist, np.nan),
            observed=~new,
        )

    def _times_ahead(self, h: int, freq: str | int) -> Integers:
        """Return the `h` times after the end of each series."""
        distinct, places = np.unique(self.times[self.ends - 1], return_inverse=True)
        last: pd.Index = pd.Index(distinct)
        if self.dated:
            last = pd.DatetimeIndex(distinct.view("M8[us]"))
        step = parse_frequency(freq)
        with muted_warnings():  # of pandas, on performance
            ahead = [later_times(last, step, k) for k in range(1, h + 1)]
        numbers = [np.asarray(a.as_unit("us").asi8 if self.dated else a) for a in ahead]  # type: ignore[attr-defined]
        return np.stack(numbers, axis=1)[places].ravel()

    def calendar(self, parts: Sequence[str], season: int, freq: str | int) -> Floats:
        """Return the parts of dates, or the place in the season of whole numbers."""
        step = parse_frequency(freq)
        if not self.dated and isinstance(step, int):
            return ((self.times // step) % season)[:, None].astype(float)
        dates = pd.DatetimeIndex(self.times.view("M8[us]"))
        columns = [np.asarray(getattr(dates, part), dtype=float) for part in parts]
        return np.stack(columns, axis=1) if columns else np.empty((len(dates), 0))
