"""What is done to a dataset before a model sees it, and to its forecasts afterwards, if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from automodel_sk.data.calendar import calendar_columns, is_calendar, with_calendar
from automodel_sk.data.frequency import infer_frequency
from automodel_sk.data.gaps import without_gaps
from automodel_sk.data.preparation import ID, TARGET, TIME
from automodel_sk.data.times.steps import parse_frequency, plain_frequency
from automodel_sk.exceptions import InvalidInputError

__all__ = ["Treatment", "treated"]

_NO_VALUES = (ID, TIME, "cutoff", "sample_id", TARGET)


@dataclass(frozen=True)
class Treatment:
    """What a model does to the data that it gets, and to its forecasts.

    Parameters
    ----------
    fill_gaps : str, optional
        How gaps of the series are filled, as in `FILLS`; None for not at all.
    non_negative : bool
        Whether forecasts below zero become zero.
    goes_by_data : bool
        Whether the training data decide that, each time anew.

    Examples
    --------
    >>> table = pd.DataFrame({"unique_id": ["a"], "ds": [1], "MLP": [-2.0], "MLP-hi-80": [1.0]})
    >>> Treatment(non_negative=True).of_forecast(table).iloc[:, 2:].values.tolist()
    [[0.0, 1.0]]
    """

    fill_gaps: str | None = None
    non_negative: bool = False
    goes_by_data: bool = False

    def trained_on(self, has_negatives: bool) -> Treatment:
        """Return what is done after a training on data with values below zero, or without.

        Examples
        --------
        >>> Treatment(goes_by_data=True).trained_on(has_negatives=False).non_negative
        True
        """
        return replace(self, non_negative=not has_negatives) if self.goes_by_data else self

    def of_data(
        self,
        df: Any,
        freq: str | int,
        columns: Sequence[str] = (),
        categories: Sequence[str] = (),
        *,
        quiet: bool = False,
    ) -> Any:
        """Return a dataset with its gaps filled, and the columns of the calendar.

        Parameters
        ----------
        df : object
            The long frame with its times read; what is none is left to the validator.
        freq : str or int
            Step of the data.
        columns : sequence of str
            Columns that the model reads.
        categories : sequence of str
            Those whose numbers stand for categories.
        quiet : bool
            Whether to say nothing of what is filled, as it was said before.
        """
        if not _is_long(df):
            return df
        whole = without_gaps(df, self.fill_gaps, freq, categories, quiet=quiet)
        return with_calendar(whole, columns)

    def of_forecast(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table of forecasts, clipped at zero if values can't be negative."""
        if not self.non_negative:
            return table
        names = [name for name in table.columns if name not in _NO_VALUES]
        return table.assign(**{name: table[name].clip(lower=0) for name in names})


def treated(
    df: Any,
    futr_exog: Sequence[str],
    *,
    freq: Any = None,
    fill_gaps: str | None = None,
    calendar: Sequence[str] = (),
    holidays: str | None = None,
    categories: Sequence[str] = (),
) -> tuple[Any, tuple[str, ...]]:
    """Return a dataset as models see it, and the names of its columns that are known ahead.

    Parameters
    ----------
    df : object
        The long frame with its times read.
    futr_exog : sequence of str
        The user's columns that are known ahead; names of the calendar are computed.
    freq : str or int, optional
        Step of the data; inferred if not given.
    fill_gaps, calendar, holidays
        As in `OptimizationConfig`.
    categories : sequence of str
        Columns whose numbers stand for categories.

    Returns
    -------
    DataFrame, tuple of str
        Unchanged if the frame can't be read, which the validator reports.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=9, freq="D")
    >>> df = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0})
    >>> frame, names = treated(df, ["price"], calendar=["month"])
    >>> names[:2], "calendar_month_sin1" in frame.columns
    (('price', 'calendar_month_sin1'), True)
    """
    names = tuple(futr_exog)
    asked = bool(calendar) or holidays is not None or any(is_calendar(name) for name in names)
    if not _is_long(df) or not (asked or fill_gaps is not None):
        return df, names
    try:
        step = infer_frequency(df) if freq is None else plain_frequency(freq)
        parse_frequency(step)
    except InvalidInputError:
        return df, names
    names = tuple(dict.fromkeys([*names, *calendar_columns(calendar, holidays, step)]))
    return Treatment(fill_gaps).of_data(df, step, names, categories), names


def _is_long(df: Any) -> bool:
    """Return whether a frame has the three columns, and times that are read."""
    if not isinstance(df, pd.DataFrame) or not df.columns.is_unique or not len(df):
        return False
    if not {ID, TIME, TARGET} <= set(df.columns):
        return False
    kinds = pd.api.types
    return bool(kinds.is_datetime64_any_dtype(df[TIME]) or kinds.is_integer_dtype(df[TIME]))
