"""Recognise integers that encode dates, such as 202401 for January 2024."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["dates_as_numbers", "epoch_as_numbers"]

_BY_DIGITS = {
    5: (("year and quarter", "quarter"),),
    6: (("year and month", "%Y%m"), ("year and week", "%G%V%u"), ("year, month and day", "%y%m%d")),
    7: (("year and day of the year", "%Y%j"),),
    8: (("year, month and day", "%Y%m%d"),),
    10: (("year, month, day and hour", "%Y%m%d%H"),),
    12: (("date and time", "%Y%m%d%H%M"),),
    14: (("date and time", "%Y%m%d%H%M%S"),),
}
_YEARS = (1900, 2200)
_EPOCHS = ((10**9, "s", "seconds"), (10**12, "ms", "milliseconds"),
           (10**15, "us", "microseconds"), (10**18, "ns", "nanoseconds"))  # fmt: skip


def dates_as_numbers(times: pd.Index, column: str) -> tuple[str, str] | None:
    """Recognise integers whose digits form dates: no month follows 202412 by adding 1.

    Parameters
    ----------
    times : pandas.Index
        The distinct times: integers, ascending.
    column : str
        Code that selects the times, for the conversion.

    Returns
    -------
    tuple of str, or None
        The encoding, and the code that converts it; None for plain numbers.

    Examples
    --------
    >>> dates_as_numbers(pd.Index([202311, 202312]), 'df["ds"]')
    ('year and month', 'pd.to_datetime(df["ds"].astype(str), format="%Y%m")')
    >>> dates_as_numbers(pd.Index([202312, 202313]), 'df["ds"]')[0]
    'year and week'
    >>> dates_as_numbers(pd.Index([1, 2, 3]), 'df["ds"]')
    """
    if not len(times) or int(times[0]) <= 0:
        return None
    first, last = str(int(times[0])), str(int(times[-1]))
    if len(first) != len(last) or len(first) not in _BY_DIGITS:
        return None
    for found, code in _BY_DIGITS[len(first)]:
        if _years_fit(first, last, code) and _all_valid(times, code):
            return found, _conversion(column, code)
    return None


def epoch_as_numbers(times: pd.Index, column: str) -> tuple[str, str] | None:
    """Recognise Unix timestamps in seconds or smaller units.

    Parameters
    ----------
    times : pandas.Index
        The distinct times: integers, ascending.
    column : str
        Code that selects the times, for the conversion.

    Returns
    -------
    tuple of str, or None
        As `dates_as_numbers`.

    Examples
    --------
    >>> epoch_as_numbers(pd.Index([1704067200, 1704070800]), 'df["ds"]')
    ('seconds since 1970', 'pd.to_datetime(df["ds"], unit="s")')
    """
    low, high = int(times[0]), int(times[-1])
    for least, unit, name in _EPOCHS:
        if least <= low and high <= 5 * least:
            return f"{name} since 1970", f'pd.to_datetime({column}, unit="{unit}")'
    return None


def _years_fit(first: str, last: str, code: str) -> bool:
    """Return whether the first and the last number fall in plausible years."""
    if code.startswith("%y"):
        return True
    least, most = _YEARS
    return least <= int(first[:4]) and int(last[:4]) <= most


def _all_valid(times: pd.Index, code: str) -> bool:
    """Return whether every number is a valid date; a plain counter soon produces invalid ones."""
    if code == "quarter":
        return bool(np.isin(times.to_numpy(np.int64) % 10, [1, 2, 3, 4]).all())
    texts = pd.Series(times.astype("int64")).astype(str) + ("1" if code == "%G%V%u" else "")
    return bool(pd.to_datetime(texts, format=code, errors="coerce").notna().all())


def _conversion(column: str, code: str) -> str:
    text: Any = f"{column}.astype(str)"
    if code == "quarter":
        return f'pd.PeriodIndex({text}.str[:4] + "Q" + {text}.str[4:], freq="Q").to_timestamp()'
    if code == "%G%V%u":
        return f'pd.to_datetime({text} + "1", format="{code}")'
    return f'pd.to_datetime({text}, format="{code}")'
