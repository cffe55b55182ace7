"""The steps to forecast, and the future values of exogenous columns on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from automodel_sk.data.calendar import with_calendar, without_calendar
from automodel_sk.data.preparation import prepare_frame, read_times
from automodel_sk.data.times.wall_dates import day_zone, in_zone, on_wall
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.validation import DataValidator

__all__ = ["check_columns", "future_values", "of_steps", "times_after"]


def future_values(
    futr_df: pd.DataFrame | None,
    columns: Sequence[str],
    series: pd.DataFrame,
    h: int,
    freq: Any,
    date_order: str | None = None,
    categories: Sequence[str] = (),
) -> pd.DataFrame | None:
    """Return the future values that a model needs, sorted by series and time.

    Parameters
    ----------
    futr_df : DataFrame, optional
        Frame with `unique_id`, `ds` and the columns, rows in any order; other columns are ignored.
    columns : sequence of str
        The columns that the model needs; those of the calendar are computed.
    series : DataFrame
        Columns `unique_id` and `ds`; at least the last row of each series.
    h : int
        Steps after the end of each series.
    freq : str or int
        Frequency of the data.
    date_order : {"day first", "month first"}, optional
        Order of day and month in the training data's text times, used for ambiguous text.
    categories : sequence of str
        Columns that may hold text.

    Returns
    -------
    DataFrame or None
        None if the model needs no columns.

    Raises
    ------
    InvalidInputError
        If columns, rows or values are missing; the message names the first one.

    Examples
    --------
    >>> series = pd.DataFrame({"unique_id": ["b", "a"], "ds": [5, 3]})
    >>> futr_df = pd.DataFrame({"unique_id": ["b", "a"], "ds": [6, 4], "price": [2, 1]})
    >>> future_values(futr_df, ["price"], series, h=1, freq=1).values.tolist()
    [['a', 4, 1.0], ['b', 6, 2.0]]
    >>> future_values(futr_df, ["price"], series, h=2, freq=1)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: futr_df lacks 2 rows in 2 series, first ...
    """
    if not columns:
        return None
    own = without_calendar(columns)
    if not own:
        future = with_calendar(times_after(series, freq, h), columns)
        if set(columns) <= set(future.columns):  # steps that are only counted have no calendar
            return prepare_frame(future, columns, with_target=False)
        own = tuple(columns)
    given = check_columns(futr_df, own, h)
    known = with_calendar(read_times(given, date_order), columns)
    known = known[[c for c in ("unique_id", "ds", *columns) if c in known.columns]]
    DataValidator().validate_future(
        series, known, h, futr_exog=columns, freq=freq, categories=categories
    ).raise_if_invalid()
    return prepare_frame(known, columns, with_target=False)


def check_columns(futr_df: pd.DataFrame | None, own: Sequence[str], h: int) -> pd.DataFrame:
    """Return future values that have the columns needed; raise if they lack any."""
    missing = [c for c in own if futr_df is None or c not in futr_df.columns]
    if futr_df is not None and not missing:
        return futr_df
    words = wording()
    found = "" if futr_df is None else f" (it has {words.columns(futr_df.columns)})"
    named = ", ".join(repr(words.own(key)) for key in ("unique_id", "ds"))
    raise InvalidInputError(
        f"{words.frame('futr_df')} lacks {missing}{found}; the model uses their future values:"
        f" pass {words.how('futr_df', '--futr')} with {named} and {missing} for the next {h}"
        " steps"
    )


def of_steps(futr_df: pd.DataFrame | None, times: pd.DataFrame) -> pd.DataFrame | None:
    """Return the future values of the steps to forecast, without earlier and later rows."""
    if futr_df is None or len(futr_df) == len(times):
        return futr_df
    keys = ["unique_id", "ds"]  # rows of other series and times are not checked: once each
    return times.merge(futr_df.drop_duplicates(keys), on=keys, how="left", validate="one_to_one")


def times_after(past: pd.DataFrame, freq: str | int, steps: int) -> pd.DataFrame:
    """Return the ids and times of the steps after each series, in the order of the series.

    Examples
    --------
    >>> past = pd.DataFrame({"unique_id": ["a", "a", "b"], "ds": [1, 2, 7]})
    >>> times_after(past, 1, steps=2).values.tolist()
    [['a', 3], ['a', 4], ['b', 8], ['b', 9]]
    """
    from utilsforecast.processing import make_future_dataframe

    ends = past.drop_duplicates("unique_id", keep="last")[["unique_id", "ds"]]
    zone = day_zone(ends["ds"], freq)
    ends = on_wall(ends, freq).reset_index(drop=True)
    future: pd.DataFrame = make_future_dataframe(
        ends["unique_id"], pd.Index(ends["ds"]), freq, steps
    )
    return in_zone(future, zone)
