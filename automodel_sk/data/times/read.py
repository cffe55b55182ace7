"""Read columns of times: dates, integers, or text that holds dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.times.text_times import read_text
from automodel_sk.data.times.zones import plain_zone
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = ["is_text", "read_time_column"]


def is_text(column: pd.Series) -> bool:
    """Return whether a column holds text.

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


def read_time_column(column: pd.Series, order: str | None = None) -> pd.Index:
    """Return a column of times as dates or whole numbers.

    Every entry point reads times with this function, so all accept the same input.

    Parameters
    ----------
    column : pandas.Series
        Dates, integers, or text in one format; see `read_text`.
    order : {"day first", "month first"}, optional
        Order of day and month for ambiguous text.

    Returns
    -------
    pandas.Index
        A DatetimeIndex, or an Index of 64-bit integers.

    Raises
    ------
    InvalidInputError
        If the column holds anything else; the message says how to convert it.

    Examples
    --------
    >>> read_time_column(pd.Series(["2020-01-31", "2020-02-29"], name="ds"))[0]
    Timestamp('2020-01-31 00:00:00')
    """
    kind = _kind(column)
    if kind in ("text", "string"):
        return _in_plain_zone(read_text(column, order), column.name)
    return _READERS.get(kind, _refuse)(column)


def _kind(column: pd.Series) -> str:
    """Return the kind of values in a column: a key of the table of readers."""
    types = pd.api.types
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) or str(dtype).startswith("dictionary<"):
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
    """Return the kind of a column whose dtype is not object."""
    if pd.api.types.is_string_dtype(dtype):
        return "text"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "timedelta64"
    return "floating" if pd.api.types.is_float_dtype(dtype) else str(dtype)


def _read_stamps(column: pd.Series) -> pd.Index:
    """Read NumPy or Arrow dates; Arrow's days become seconds, which can hold hours."""
    dates = pd.DatetimeIndex(column)
    arrow = isinstance(column.dtype, pd.ArrowDtype)
    return _in_plain_zone(
        dates.as_unit("us") if arrow and dates.unit == "s" else dates, column.name
    )


def _read_integers(column: pd.Series) -> pd.Index:
    """Convert integers of any size and byte order to 64-bit integers."""
    if column.isna().any():
        return pd.Index(column.astype("Int64"))
    numbers = column.to_numpy(np.uint64 if column.dtype.kind == "u" else np.int64)
    if len(numbers) and numbers.max() > np.iinfo(np.int64).max:
        raise InvalidInputError(
            f"column {column.name!r} holds whole numbers above {np.iinfo(np.int64).max} (first: "
            f'{numbers[0]}); number the times, e.g. df["{column.name}"] = range(len(df))'
        )
    return pd.Index(numbers.astype(np.int64))


def _read_objects(column: pd.Series) -> pd.Index:
    """Convert Python dates and timestamps that share one time zone."""
    try:
        return _in_plain_zone(pd.DatetimeIndex(pd.to_datetime(column)), column.name)
    except (ValueError, TypeError, OverflowError) as exc:
        name = column.name
        converted = f'convert it: df["{name}"] = pd.to_datetime(df["{name}"], utc=True)'
        raise InvalidInputError(
            f"column {column.name!r} mixes time zones or dates out of range "
            f"(first: {column.iloc[0]!s}); {wording().how(converted, 'write all of them in UTC')}"
        ) from exc


def _in_plain_zone(dates: pd.DatetimeIndex, name: Any) -> pd.DatetimeIndex:
    """Convert dates to a time zone that can be saved by name."""
    if dates.tz is None:
        return dates
    zone = plain_zone(dates.tz)
    if zone is None:
        converted = f'convert it: df["{name}"] = df["{name}"].dt.tz_convert("UTC")'
        raise InvalidInputError(
            f"column {name!r} has the time zone {dates.tz!s}, which has no name to store;"
            f" {wording().how(converted, 'write the times in UTC')}"
        )
    return dates.tz_convert(zone)


def _refuse(column: pd.Series) -> pd.Index:
    """Raise an error that says what the column holds and how to convert it."""
    name = column.name
    found, fix = _ADVICE.get(_kind(column), (f"{column.dtype} values", 'pd.to_datetime(df["{0}"])'))
    converted = f'convert it: df["{name}"] = {fix.format(name)}'
    raise InvalidInputError(
        f"column {name!r} holds {found} where dates or whole numbers are needed; "
        f"{wording().how(converted, _PLAIN)}"
    )


_READERS: dict[str, Callable[[pd.Series], pd.Index]] = {
    "timestamp": _read_stamps,
    "date": _read_objects,
    "integer": _read_integers,
    "datetime": _read_objects,
    "datetime64": _read_objects,
}

_SEVERAL = "values of several types"
_PLAIN = "write them as dates such as 2024-01-31 in the file, or name another column: --time-col"
_ADVICE = {
    "floating": ("decimal numbers", 'df["{0}"].astype("int64")'),
    "mixed-integer-float": ("decimal numbers", 'df["{0}"].astype("int64")'),
    "period": ("periods", 'df["{0}"].dt.to_timestamp()'),
    "category": ("categories", 'df["{0}"].astype(str)'),
    "bool": ("true and false", "range(len(df)), for a single series"),
    "boolean": ("true and false", "range(len(df)), for a single series"),
    "mixed": (_SEVERAL, 'pd.to_datetime(df["{0}"].astype(str), format="ISO8601")'),
    "mixed-integer": (_SEVERAL, 'pd.to_datetime(df["{0}"].astype(str), format="ISO8601")'),
    "time": (
        "times of day without a date",
        'pd.to_datetime(df["date"] + " " + df["{0}"].astype(str))',
    ),
    "timedelta": ("durations", 'pd.Timestamp("2024-01-01") + pd.to_timedelta(df["{0}"])'),
    "timedelta64": ("durations", 'pd.Timestamp("2024-01-01") + df["{0}"]'),
    "empty": ("no values", 'pd.date_range("2020-01-31", periods=len(df), freq="ME")'),
}
