"""Columns of times: dates, whole numbers, or text that reads as dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from automodel_sk.exceptions import InvalidInputError

__all__ = ["is_text", "read_times", "show_time"]


def show_time(time: Any) -> str:
    """Return a time as short as it can be told.

    Parameters
    ----------
    time : pandas.Timestamp or int
        The time.

    Returns
    -------
    str

    Examples
    --------
    >>> show_time(pd.Timestamp("2020-01-31")), show_time(pd.Timestamp("2020-01-31 06:00"))
    ('2020-01-31', '2020-01-31 06:00:00')
    """
    if not isinstance(time, pd.Timestamp):
        return str(time)
    return str(time.date()) if time == time.normalize() and time.tz is None else str(time)


def is_text(column: pd.Series) -> bool:
    """Tell whether a column holds text.

    Parameters
    ----------
    column : pandas.Series
        The column.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_text(pd.Series(["2020-01-01"])), is_text(pd.Series([1]))
    (True, False)
    """
    return _kind(column) in ("text", "string")


def read_times(column: pd.Series) -> pd.Index:
    """Return a column of times as dates or whole numbers.

    Parameters
    ----------
    column : pandas.Series
        Dates, whole numbers, or ISO 8601 text such as ``2020-01-31``.

    Returns
    -------
    pandas.Index
        A DatetimeIndex, or an Index of integers.

    Raises
    ------
    InvalidInputError
        If the column holds anything else; the message says how to convert it.

    Examples
    --------
    >>> read_times(pd.Series(["2020-01-31", "2020-02-29"], name="ds"))[0]
    Timestamp('2020-01-31 00:00:00')
    """
    return _READERS.get(_kind(column), _refuse)(column)


def _kind(column: pd.Series) -> str:
    """Return what a column holds, as a key of the table of readers."""
    types = pd.api.types
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if types.is_datetime64_any_dtype(dtype):
        return "timestamp"
    if types.is_bool_dtype(dtype):
        return "bool"
    if types.is_integer_dtype(dtype):
        return "integer"
    if isinstance(dtype, pd.PeriodDtype):
        return "period"
    if pd.api.types.is_object_dtype(dtype):
        return types.infer_dtype(column, skipna=True)
    return _plain_kind(dtype)


def _plain_kind(dtype: Any) -> str:
    """Return the kind of a column that is not of Python objects."""
    if pd.api.types.is_string_dtype(dtype):
        return "text"
    return "floating" if pd.api.types.is_float_dtype(dtype) else str(dtype)


def _read_text(column: pd.Series) -> pd.Index:
    """Parse text, each distinct value once."""
    codes, texts = pd.factorize(column)
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(pd.Series(texts), format="ISO8601"))
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidInputError(_text_advice(column.name, texts, exc)) from exc
    return pd.DatetimeIndex(pd.Series(dates).reindex(codes))


def _text_advice(name: Any, texts: Any, exc: Exception) -> str:
    """Say how to turn text that is not ISO 8601 into dates."""
    if "utc=True" in str(exc) or "time zone" in str(exc) or "timezone" in str(exc):
        return (
            f"column {name!r} mixes time zones (e.g. {texts[0]!r}); "
            f'convert it: df["{name}"] = pd.to_datetime(df["{name}"], utc=True)'
        )
    bad = next((t for t in texts if not _parses(t)), texts[0])
    parsed = pd.to_datetime(pd.Series(texts), format="mixed", errors="coerce", utc=True)
    if parsed.notna().all():
        return (
            f"column {name!r} holds dates as text whose order of day and month is open "
            f'(e.g. {bad!r}); convert it: df["{name}"] = pd.to_datetime(df["{name}"], '
            f'format="%d/%m/%Y")'
        )
    return (
        f"column {name!r} holds text that is no date (first: {bad!r}); correct those rows, "
        f'then df["{name}"] = pd.to_datetime(df["{name}"])'
    )


def _parses(text: str) -> bool:
    """Tell whether one text is an ISO 8601 date."""
    try:
        pd.to_datetime(text, format="ISO8601")
    except (ValueError, OverflowError):
        return False
    return True


def _read_objects(column: pd.Series) -> pd.Index:
    """Convert Python dates and timestamps, all of one time zone."""
    try:
        return pd.DatetimeIndex(pd.to_datetime(column))
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidInputError(
            f"column {column.name!r} mixes time zones or dates out of range "
            f"(first: {column.iloc[0]!s}); convert it: "
            f'df["{column.name}"] = pd.to_datetime(df["{column.name}"], utc=True)'
        ) from exc


def _refuse(column: pd.Series) -> pd.Index:
    """Say what the column holds and how to convert it."""
    name = column.name
    found, fix = _ADVICE.get(_kind(column), (f"{column.dtype} values", 'pd.to_datetime(df["{0}"])'))
    raise InvalidInputError(
        f"column {name!r} holds {found} where dates or whole numbers are needed; "
        f'convert it: df["{name}"] = {fix.format(name)}'
    )


_READERS: dict[str, Callable[[pd.Series], pd.Index]] = {
    "timestamp": pd.DatetimeIndex,
    "date": _read_objects,
    "integer": pd.Index,
    "text": _read_text,
    "string": _read_text,
    "datetime": _read_objects,
    "datetime64": _read_objects,
}

_ADVICE = {
    "floating": ("decimal numbers", 'df["{0}"].astype("int64")'),
    "mixed-integer-float": ("decimal numbers", 'df["{0}"].astype("int64")'),
    "period": ("periods", 'df["{0}"].dt.to_timestamp()'),
    "category": ("categories", 'pd.to_datetime(df["{0}"].astype(str))'),
    "bool": ("true and false", "range(len(df)), for a single series"),
    "boolean": ("true and false", "range(len(df)), for a single series"),
    "mixed": ("values of several types", 'pd.to_datetime(df["{0}"], format="mixed")'),
    "mixed-integer": ("values of several types", 'pd.to_datetime(df["{0}"].astype(str))'),
    "empty": ("no values", 'pd.date_range("2020-01-31", periods=len(df), freq="ME")'),
}
