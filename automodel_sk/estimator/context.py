"""The data that forecasts start from, in sktime's format and as long frames."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.calendar import calendar_columns, with_calendar
from automodel_sk.data.wording import shown
from automodel_sk.estimator.checks import as_numbers
from automodel_sk.estimator.words import SktimeWords
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames import (
    exogenous_names,
    future_exogenous,
    known_future,
    last_steps,
    to_engine,
)
from automodel_sk.frames.clocks import Integers, PeriodClock
from automodel_sk.frames.horizon import steps_ahead
from automodel_sk.frames.layout import Layout
from automodel_sk.frames.rows import Rows, find_rows

__all__ = ["Context", "ExogenousColumns", "columns_of_calendar"]


@dataclass(frozen=True)
class ExogenousColumns:
    """The columns of X that a model uses, and their internal names.

    Parameters
    ----------
    future : mapping of hashable to str
        Columns with known future values.
    past : mapping of hashable to str
        Columns known only up to the end of each series.

    Examples
    --------
    >>> X = pd.DataFrame({"price": [1.0], "visits": [2.0]})
    >>> exogenous = ExogenousColumns.of(X, past=["visits"])
    >>> exogenous.future, exogenous.past
    ({'price': 'price'}, {'visits': 'visits'})
    """

    future: Mapping[Hashable, str]
    past: Mapping[Hashable, str]

    @classmethod
    def of(cls, X: pd.DataFrame | None, past: Sequence[Hashable]) -> ExogenousColumns:
        """Split the columns of X into those with a known future and those without.

        Parameters
        ----------
        X : pandas.DataFrame, optional
            Exogenous data.
        past : sequence of hashable
            Columns that are known only in the past.

        Raises
        ------
        InvalidInputError
            If a past column is not in X.
        """
        columns = pd.Index([]) if X is None else X.columns
        missing = [name for name in past if name not in columns]
        if missing:
            raise InvalidInputError(
                f"hist_exog names the column {shown(missing[0])}, but X has "
                f"{shown(list(columns))}; pass X with that column, or leave it out of hist_exog"
            )
        names = exogenous_names(columns)
        return cls(
            {column: name for column, name in names.items() if column not in past},
            {column: name for column, name in names.items() if column in past},
        )

    @property
    def all(self) -> dict[Hashable, str]:
        """All columns with their internal names."""
        return {**self.future, **self.past}


@dataclass(frozen=True)
class Context:
    """Series up to their cutoffs, with their exogenous data.

    Parameters
    ----------
    y : pandas.DataFrame
        A single series, panel or hierarchy; one column.
    X : pandas.DataFrame, optional
        Exogenous data; may extend beyond `y`.
    layout : Layout
        Layout of `y`.
    exogenous : ExogenousColumns
        Columns of `X` in use.
    calendar : tuple of str
        Columns of the calendar in use, which are computed from the index.

    Examples
    --------
    >>> y = pd.DataFrame({"y": [1.0, 2.0]}, index=pd.period_range("2024-01", periods=2, freq="M"))
    >>> context = Context.learn(y)
    >>> later = y.set_axis(y.index + 2)
    >>> context.updated(later).long["ds"].tolist()
    [0, 1, 2, 3]
    """

    y: pd.DataFrame
    X: pd.DataFrame | None
    layout: Layout
    exogenous: ExogenousColumns
    calendar: tuple[str, ...] = ()

    @classmethod
    def learn(
        cls,
        y: pd.DataFrame,
        X: pd.DataFrame | None = None,
        freq: Any = None,
        hist_exog: Sequence[Hashable] = (),
        calendar: tuple[Sequence[str], str | None] = ((), None),
    ) -> Context:
        """Build a context from new data.

        Parameters
        ----------
        y : pandas.DataFrame
            The target.
        X : pandas.DataFrame, optional
            Exogenous data.
        freq : str, int or pandas offset, optional
            Frequency, if the index neither carries one nor allows inferring it.
        hist_exog : sequence of hashable
            Columns of X that are known only in the past.
        calendar : tuple
            Parts of the calendar, and the country of the holidays, as in `calendar_columns`.
        """
        if not len(y):
            raise InvalidInputError("y has no rows; pass at least one series, e.g. 100 rows of it")
        y, X = _own(y), None if X is None else _own(X)
        layout, exogenous = Layout.learn(y, freq), ExogenousColumns.of(X, hist_exog)
        return cls(y, X, layout, exogenous, columns_of_calendar(layout, *calendar))

    @cached_property
    def long(self) -> pd.DataFrame:
        """The long frame with columns `unique_id`, `ds`, `y` and the exogenous ones."""
        columns = self.exogenous.all
        if columns and self.X is None:
            raise InvalidInputError(
                f"X is missing; the model was fitted with the columns {list(columns)}, pass them"
            )
        return self._with_calendar(to_engine(self.layout, self.y, self.X, columns))

    def _with_calendar(self, long: pd.DataFrame) -> pd.DataFrame:
        """Return rows of steps with the columns of the calendar, which only the index knows."""
        if not self.calendar:
            return long
        rows = Rows(long["unique_id"].to_numpy(), long["ds"].to_numpy())
        times: Any = self.layout.index_of(rows).get_level_values(-1)
        times = times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times
        values = with_calendar(pd.DataFrame({"ds": times}), self.calendar)
        return long.assign(**{name: values[name].to_numpy() for name in self.calendar})

    @property
    def known_ahead(self) -> list[str]:
        """Internal names of all columns whose future is known."""
        return [*self.exogenous.future.values(), *self.calendar]

    @cached_property
    def cutoffs(self) -> Integers:
        """Last step of each series."""
        return last_steps(self.long)

    @property
    def words(self) -> SktimeWords:
        """How messages name the series, times and columns of these data."""
        return SktimeWords(self.layout, self.y.columns[0], self.exogenous.all)

    def updated(self, y: pd.DataFrame, X: pd.DataFrame | None = None) -> Context:
        """Return the context with newer data: each series in `y` ends where `y` ends.

        Parameters
        ----------
        y : pandas.DataFrame
            New rows; they replace known rows, and later known rows of the same series are dropped.
        X : pandas.DataFrame, optional
            Exogenous rows; they replace known rows.

        Returns
        -------
        Context
            A new context; this one is unchanged.
        """
        y, layout = as_numbers(y), self.layout.extended(y)
        merged_X = self.X
        if X is not None:
            columns = list(self.exogenous.all)
            merged_X = _merged(layout, _columns(self.X, columns), _columns(X, columns), cut=False)
        # The target is the single column whatever its name, and takes the newest name, as in
        # sktime.
        old = self.y.set_axis(y.columns, axis=1)
        merged_y = _merged(layout, old, y, cut=True)
        return Context(merged_y, merged_X, layout, self.exogenous, self.calendar)

    def ahead(self, values: pd.Index, relative: bool, *, past: bool = False) -> Integers:
        """Count the steps from the end of each series to each point of a horizon."""
        return steps_ahead(self.layout, self.cutoffs, values, relative, past=past)

    def future(
        self, X: pd.DataFrame | None, h: int, needed: Integers | None = None
    ) -> pd.DataFrame | None:
        """Return the future exogenous rows, from X or from known data.

        Parameters
        ----------
        X : pandas.DataFrame, optional
            Exogenous data passed to predict.
        h : int
            Steps ahead.
        needed : numpy.ndarray of int, shape (n_series,), optional
            Steps of each series whose rows must be known; later unknown rows repeat the last known
            one. If None, all `h` rows are required.

        Raises
        ------
        InvalidInputError
            If future values are missing.
        """
        columns = self.exogenous.future
        if not columns:
            return self._calendar_ahead(h)
        source = self._source(X)
        last = np.full(len(self.cutoffs), h) if needed is None else needed
        if X is None and last.any() and not self._known(source, h).any():
            raise InvalidInputError(
                f"X is missing; the model uses the future values of {list(columns)}: pass X with "
                f"the next {last.max()} time points, or name columns without a known future in "
                "hist_exog"
            )
        source = self._without_empty(source, last)
        rows = future_exogenous(self.layout, source, columns, self.cutoffs, h, last)
        return self._with_calendar(rows)

    def _without_empty(self, source: pd.DataFrame, needed: Integers) -> pd.DataFrame:
        """Leave out rows with empty values after the needed steps, which are as good as missing."""
        rows = self.layout.rows(source.index)
        is_needed = rows.steps <= self.cutoffs[rows.series] + needed[rows.series]
        return source[is_needed | source.notna().to_numpy().all(axis=1)]

    def _calendar_ahead(self, h: int) -> pd.DataFrame | None:
        """Return the next steps of each series with the calendar alone; None without one."""
        if not self.calendar:
            return None
        steps = (self.cutoffs[:, None] + np.arange(1, h + 1)).ravel()
        series = np.repeat(np.arange(len(self.cutoffs)), h)
        return self._with_calendar(pd.DataFrame({"unique_id": series, "ds": steps}))

    def known_steps(self, h: int) -> Integers:
        """Return how many of the `h` steps after the end of each series are known without gaps."""
        if not self.exogenous.future:
            return np.full(len(self.cutoffs), h)
        known = self._known(self._source(None).dropna(), h)
        return np.asarray(np.logical_and.accumulate(known, axis=1).sum(axis=1))

    def repeats_x(self, X: pd.DataFrame | None, h: int, upto: Integers) -> bool:
        """Return whether `future` repeats rows within the first `upto` of the `h` steps."""
        if not self.exogenous.future:
            return False
        steps = np.arange(1, h + 1)
        return bool((~self._known(self._source(X).dropna(), h) & (steps <= upto[:, None])).any())

    def _known(self, source: pd.DataFrame, h: int) -> npt.NDArray[np.bool_]:
        return known_future(self.layout, source.index, self.cutoffs, h)

    def _source(self, X: pd.DataFrame | None) -> pd.DataFrame:
        """Return the rows of X from the end of each series, preferring those passed to predict."""
        assert self.X is not None, "there are exogenous columns"
        own = self.X.loc[self.layout.knows(self.X.index), list(self.exogenous.future)]
        rows = self.layout.rows(own.index)
        own = own[rows.steps >= self.cutoffs[rows.series]]
        return own if X is None else _merged(self.layout, own, _columns(X, list(own.columns)))

    def framed(
        self, values: npt.NDArray[np.float64], ahead: Integers, columns: pd.Index
    ) -> pd.DataFrame:
        """Return forecasts in sktime's format.

        Parameters
        ----------
        values : numpy.ndarray, shape (n_series, n_points, n_columns)
            The forecasts.
        ahead : numpy.ndarray of int, shape (n_series, n_points)
            Steps after the end of each series.
        columns : pandas.Index
            Names of the columns.
        """
        index = self.layout.index(self.cutoffs[:, None] + ahead)
        return pd.DataFrame(values.reshape(len(index), -1), index=index, columns=columns)


def columns_of_calendar(
    layout: Layout, parts: Sequence[str], holidays: str | None
) -> tuple[str, ...]:
    """Return the columns of the calendar for the frequency of a time index.

    Examples
    --------
    >>> y = pd.DataFrame({"y": [1.0, 2.0]}, index=pd.period_range("2024-01", periods=2, freq="M"))
    >>> columns_of_calendar(Layout.learn(y), ["month"], None)[:2]
    ('calendar_month_sin1', 'calendar_month_cos1')
    """
    clock: Any = layout.clock
    step = clock.dtype.freq if isinstance(clock, PeriodClock) else clock.step
    return calendar_columns(parts, holidays, step)


def _own(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of a frame that its owner may change later."""
    numbers = as_numbers(frame)
    return numbers.copy() if numbers is frame else numbers


def _columns(X: pd.DataFrame | None, names: list[Hashable]) -> Any:
    """Return the columns of X that the model uses, so that missing rows never align with others."""
    if X is None:
        return None
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise InvalidInputError(
            f"X lacks the column {shown(missing[0])} that fit got; X has {shown(list(X.columns))}"
        )
    return as_numbers(X[names])


def _with_known(new: pd.DataFrame, old: pd.DataFrame, places: Integers) -> pd.DataFrame:
    """Fill the empty values of new rows, which tell nothing, with those that were known before."""
    if not len(old) or not new.isna().to_numpy().any():
        return new
    known = old.set_axis(places).reindex(range(len(new)))
    own = new.reset_index(drop=True)
    return own.where(own.notna(), known).set_axis(new.index)


def _merged(
    layout: Layout, old: pd.DataFrame | None, new: pd.DataFrame, *, cut: bool = False
) -> pd.DataFrame:
    """Override old rows by new ones; with `cut`, the series in `new` end where `new` ends.

    Without, empty values override nothing.
    """
    if old is None:
        return _own(new)
    old, new = old[layout.knows(old.index)], new[layout.knows(new.index)]
    old_rows, new_rows = layout.rows(old.index), layout.rows(new.index)
    places, _ = find_rows(new_rows, old_rows)
    keep = places < 0
    if not cut:
        new = _with_known(new, old[~keep], places[~keep])
    if cut:
        ends = np.full(layout.n_series, np.iinfo(np.int64).max)
        seen = np.unique(new_rows.series)
        ends[seen] = np.iinfo(np.int64).min
        np.maximum.at(ends, new_rows.series, new_rows.steps)
        keep &= old_rows.steps <= ends[old_rows.series]
    if not keep.any():
        return new
    rows = Rows(
        np.concatenate([old_rows.series[keep], new_rows.series]),
        np.concatenate([old_rows.steps[keep], new_rows.steps]),
    )
    # Both indexes may name the same times in other zones, or have their levels in another order.
    merged = pd.concat([old[keep], new], ignore_index=True).set_axis(layout.index_of(rows))
    return merged.take(np.argsort(rows.keys(), kind="stable"))
