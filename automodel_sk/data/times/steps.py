"""Parse a frequency, name it, and add steps of it to times."""

from __future__ import annotations

import datetime
import re
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Day, Tick

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.data.times.wall_clock import localised, wall_times
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "DAY",
    "counts_days",
    "later_times",
    "nanoseconds",
    "parse_frequency",
    "plain_frequency",
    "step_alias",
]

DAY = 86_400 * 10**9
"""Nanoseconds of a day."""

_UNITS = (
    *((DAY, "D"), (3600 * 10**9, "h"), (60 * 10**9, "min")),
    *((10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns")),
)

_OUTDATED = {
    **{"M": "ME", "BM": "BME", "Q": "QE", "BQ": "BQE", "Y": "YE", "A": "YE", "H": "h", "T": "min"},
    **{"S": "s", "L": "ms", "U": "us", "N": "ns"},
}
_SPOKEN = {
    "yearly": "YE",
    "annual": "YE",
    "year": "YE",
    "quarterly": "QE",
    "quarter": "QE",
    "monthly": "ME",
    "month": "ME",
    "weekly": "W",
    "week": "W",
    "daily": "D",
    "day": "D",
    "business": "B",
    "hourly": "h",
    "hour": "h",
    "minutely": "min",
    "minute": "min",
    "second": "s",
}


def parse_frequency(freq: Any, name: str = "freq") -> BaseOffset | int:
    """Return a frequency as a pandas offset, or as an integer number of steps.

    Parameters
    ----------
    freq : str, int or pandas offset
        The step.
    name : str
        Name of the parameter, for messages.

    Returns
    -------
    pandas offset or int

    Raises
    ------
    InvalidInputError
        If pandas does not know the frequency, or it does not move forward.

    Examples
    --------
    >>> parse_frequency("2h")
    <2 * Hours>
    >>> parse_frequency("M")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: freq='M' is an outdated name; use freq="ME"
    """
    if isinstance(freq, (int, np.integer)) and not isinstance(freq, bool):
        _check_forward(freq, int(freq), name)
        return int(freq)
    if isinstance(freq, str):
        _refuse_other_names(freq, name)
    elif not isinstance(freq, (BaseOffset, pd.Timedelta)):
        raise InvalidInputError(
            f"{name} must be a pandas offset alias or a whole number, got {freq!r}; "
            f'try {name}="ME" or {name}=1'
        )
    try:
        with muted_warnings(FutureWarning):  # pandas 2 warns of names in lower case
            offset: BaseOffset = to_offset(freq)
    except (ValueError, TypeError) as exc:
        raise InvalidInputError(
            f'{name}={freq!r} is not a pandas frequency; try "h", "D", "B", "W", "ME", "QE" or "YE"'
        ) from exc
    _check_forward(freq, offset.n, name)
    return offset


def plain_frequency(freq: Any, name: str = "freq") -> str | int:
    """Return a frequency in the form a saved model stores: text or an integer.

    Parameters
    ----------
    freq : str, int, timedelta or pandas offset
        The step.
    name : str
        Name of the parameter, for messages.

    Returns
    -------
    str or int

    Raises
    ------
    InvalidInputError
        If pandas does not know the frequency, or has no text for it.

    Examples
    --------
    >>> plain_frequency(pd.Timedelta(days=1)), plain_frequency(pd.offsets.MonthBegin())
    ('D', 'MS')
    """
    if isinstance(freq, datetime.timedelta) and not isinstance(freq, pd.Timedelta):
        freq = pd.Timedelta(freq)
    offset = parse_frequency(freq, name)
    if isinstance(freq, str) or isinstance(offset, int):
        return freq if isinstance(freq, str) else int(freq)
    if isinstance(offset, (Tick, Day)):
        return step_alias(nanoseconds(offset))
    with suppress(ValueError):
        if to_offset(offset.freqstr) == offset:
            return str(offset.freqstr)
    raise InvalidInputError(
        f"{name}={offset!r} has no name that pandas reads back, so that a model couldn't be saved; "
        f'try {name}="MS", or number the rows: df["ds"] = df.groupby("unique_id").cumcount() with '
        f"{name}=1"
    )


def step_alias(length: int) -> str:
    """Return the alias of a fixed-length step, in days if it is a whole number of days.

    Parameters
    ----------
    length : int
        Length in nanoseconds.

    Returns
    -------
    str

    Examples
    --------
    >>> step_alias(31 * DAY), step_alias(36 * 3600 * 10**9), step_alias(15 * 60 * 10**9)
    ('31D', '36h', '15min')
    """
    for unit, alias in _UNITS:
        if length % unit == 0:
            return alias if length == unit else f"{length // unit}{alias}"
    raise ValueError(f"not a step length: {length}")  # pragma: no cover - 1 divides all


def counts_days(freq: Any) -> bool:
    """Return whether a step follows wall-clock days instead of absolute time.

    Examples
    --------
    >>> counts_days("D"), counts_days("MS"), counts_days("12h"), counts_days(1)
    (True, True, False, False)
    """
    offset = parse_frequency(freq)
    if isinstance(offset, int):
        return False
    if isinstance(offset, (Tick, Day)):
        return nanoseconds(offset) % DAY == 0
    return offset.base.name not in ("bh", "cbh")


def later_times(times: pd.Index, step: BaseOffset | int, n: int) -> pd.Index:
    """Return the times `n` steps later; days are counted on the wall clock.

    Parameters
    ----------
    times : pandas.Index
        Dates or integers.
    step : pandas offset or int
        The step.
    n : int
        Number of steps.

    Returns
    -------
    pandas.Index

    Raises
    ------
    InvalidInputError
        If the times can't be represented.

    Examples
    --------
    >>> later_times(pd.DatetimeIndex(["2024-01-31"]), to_offset("ME"), 2)[0]
    Timestamp('2024-03-31 00:00:00')
    """
    if isinstance(step, int):
        return times + step * n
    dates = pd.DatetimeIndex(times)
    on_wall = dates.tz is not None and counts_days(step)
    try:
        with muted_warnings():  # pandas warns about performance
            found = (wall_times(dates) if on_wall else dates) + step * n
        found = localised(found, dates.tz) if on_wall else found
        str(found.max())  # fails here if the year is out of range
    except (OverflowError, ValueError) as exc:
        raise InvalidInputError(
            f"{n} steps of freq={step.freqstr!r} after {dates.max()} there are no dates of type "
            f'{dates.dtype}; correct the last times, or convert them: df["ds"] = '
            'df["ds"].astype("datetime64[us]")'
        ) from exc
    return found


def nanoseconds(offset: BaseOffset) -> int:
    """Return the length of a fixed-length step in nanoseconds.

    Parameters
    ----------
    offset : pandas offset
        An offset of days or a smaller unit.

    Returns
    -------
    int
        Nanoseconds.

    Examples
    --------
    >>> nanoseconds(to_offset("2h")) == 2 * 3600 * 10**9
    True
    """
    if isinstance(offset, Day):
        return offset.n * DAY
    step: Any = offset
    return int(pd.Timedelta(step) // pd.Timedelta(1, unit="ns"))


def _refuse_other_names(freq: str, name: str) -> None:
    """Raise if the name is a word or an alias that pandas dropped, and name the current one."""
    spoken = _SPOKEN.get(freq.strip().lower())
    if spoken:
        raise InvalidInputError(f'{name}={freq!r} is not a pandas alias; use {name}="{spoken}"')
    match = re.fullmatch(r"(\d*)([A-Za-z]+)(-\w+)?", freq)
    if match and match[2] in _OUTDATED:
        alias = f"{match[1]}{_OUTDATED[match[2]]}{match[3] or ''}"
        raise InvalidInputError(f'{name}={freq!r} is an outdated name; use {name}="{alias}"')


def _check_forward(freq: Any, n: int, name: str) -> None:
    """Raise if the frequency does not move forward."""
    if n < 1:
        raise InvalidInputError(f"{name} must go forward by at least one step, got {freq!r}; try 1")
