"""Read dates written as text: one format per column, never a guess."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.data.times.text_advice import REFUSALS, no_date, open_order
from automodel_sk.data.times.text_shapes import (
    MISSING,
    MONTH_FIRST,
    MONTHS,
    Parts,
    format_of,
    order_of,
    order_of_largest,
    parts_of,
)
from automodel_sk.exceptions import InvalidInputError

__all__ = ["looks_like_dates", "read_text", "text_format", "text_order"]

_MANY = 20_000
_MOST_TOLD = 3
_NO_DATES = ("number", "time of day")


def read_text(column: pd.Series[Any], order: str | None = None) -> pd.DatetimeIndex:
    """Read a text column as dates; each distinct text is parsed once.

    Parameters
    ----------
    column : pandas.Series
        Text in one format: ISO 8601 including its weeks, English month names, quarters, or numbers
        whose order of day and month is clear somewhere in the column.
    order : {"day first", "month first"}, optional
        Order of day and month if the column is ambiguous.

    Returns
    -------
    pandas.DatetimeIndex
        Missing cells and empty text are NaT.

    Raises
    ------
    InvalidInputError
        If the order is ambiguous, formats are mixed, or some text is not a date.

    Examples
    --------
    >>> read_text(pd.Series(["13.01.2024", "01.02.2024"]))[1]
    Timestamp('2024-02-01 00:00:00')
    >>> read_text(pd.Series(["01.02.2024", "02.02.2024"], name="ds"))
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: column 'ds' holds dates as text with an ...
    """
    codes, texts = pd.factorize(column)
    try:
        distinct = _read_distinct(column.name, pd.Series(texts), order)
    except _NoDatesError as exc:
        bad = np.flatnonzero(column.isin(exc.texts))
        cells = [(str(column.iloc[row]), int(row)) for row in bad[:_MOST_TOLD]]
        raise InvalidInputError(no_date(column.name, cells, len(bad))) from exc
    return pd.DatetimeIndex(pd.Series(distinct).reindex(codes))


class _NoDatesError(Exception):
    """Some texts are not dates."""

    def __init__(self, texts: Iterable[Any]) -> None:
        super().__init__()
        self.texts = list(texts)


def text_order(column: pd.Series[Any]) -> str | None:
    """Return the order of day and month in a text column, or None if it is ambiguous.

    Parameters
    ----------
    column : pandas.Series
        Text that `read_text` can read.

    Returns
    -------
    {"day first", "month first"} or None

    Examples
    --------
    >>> text_order(pd.Series(["13/01/2024"])), text_order(pd.Series(["2024-01-13"]))
    ('day first', None)
    """
    texts = pd.Series(column.dropna().unique())
    texts = texts[~texts.isin(MISSING)]
    first = parts_of(str(texts.iloc[0])) if len(texts) else None
    return _shown_order(texts) if first is not None and first.shape == "open" else None


def text_format(column: pd.Series[Any]) -> str | None:
    """Return the `pandas.to_datetime` format of a text column; None if there is no such format.

    Parameters
    ----------
    column : pandas.Series
        Text that `read_text` can read.

    Returns
    -------
    str or None
        The `format` argument; "ISO8601" for ISO dates.

    Examples
    --------
    >>> text_format(pd.Series(["13.01.2024"])), text_format(pd.Series(["2024Q1"]))
    ('%d.%m.%Y', None)
    """
    texts = pd.Series(column.dropna().unique())
    if _are_plain_iso(texts):
        return "ISO8601"
    first, order = parts_of(str(texts.iloc[0])), text_order(column)
    if first is None or order is None:
        return None
    return format_of(first, *(("m", "d", "Y") if order == MONTH_FIRST else ("d", "m", "Y")))


def looks_like_dates(column: pd.Series[Any]) -> bool:
    """Return whether text has the shape of dates, readable or not.

    Parameters
    ----------
    column : pandas.Series
        Text.

    Returns
    -------
    bool

    Examples
    --------
    >>> looks_like_dates(pd.Series(["01/02/2024"])), looks_like_dates(pd.Series(["shop 1"]))
    (True, False)
    """
    parts = _taken_apart(column.dropna())
    return any(part is not None and part.shape not in _NO_DATES for part in parts)


def _taken_apart(texts: pd.Series[Any]) -> list[Parts | None]:
    """Split each text into parts, trying the shape of the previous text first."""
    found: list[Parts | None] = []
    likely: str | None = None
    for text in texts:
        part = parts_of(str(text), likely)
        likely = part.shape if part else likely
        found.append(part)
    return found


def _read_distinct(name: Any, texts: pd.Series[Any], order: str | None) -> pd.DatetimeIndex:
    """Parse distinct texts; plain ISO dates, the most common case, skip the per-text checks."""
    if _are_plain_iso(texts):
        try:
            return _parse_iso(name, texts, texts)
        except InvalidInputError:
            raise
        except ValueError:
            pass
    nothing: Any = None
    texts = texts.astype(object).where(~texts.isin(MISSING), nothing)
    present = texts.dropna()
    many = _read_many(texts, order) if len(present) > _MANY else None
    if many is not None:
        return many
    iso = pd.Series(_iso_texts(name, present, order), index=present.index, dtype=object)
    try:
        return _parse_iso(name, iso.reindex(texts.index), present)
    except InvalidInputError:
        raise
    except ValueError as exc:
        read = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True)
        bad = present[read.isna()]
        raise _NoDatesError(bad if len(bad) else present) from exc


def _read_many(texts: pd.Series[Any], order: str | None) -> pd.DatetimeIndex | None:
    """Parse many ambiguous texts with one pandas format; None if no format fits."""
    first = parts_of(str(texts.dropna().iloc[0]))
    if first is None or first.shape != "open":
        return None
    order = _shown_order(texts.dropna()) or order
    if order is None:
        return None
    codes = ("m", "d", "Y") if order == MONTH_FIRST else ("d", "m", "Y")
    try:
        return pd.DatetimeIndex(pd.to_datetime(texts, format=format_of(first, *codes)))
    except (ValueError, TypeError, OverflowError):
        return None


def _shown_order(texts: pd.Series[Any]) -> str | None:
    """Return the order implied by the first two numbers of all texts."""
    numbers = texts.str.extract(r"^\s*(\d{1,2})[-/. ]+(\d{1,2})", expand=True)
    if numbers.isna().any(axis=None):
        return None
    first, second = numbers.astype("int64").max()
    return order_of_largest(first, second)


def _are_plain_iso(texts: pd.Series[Any]) -> bool:
    """Return whether all texts begin like 2024-01-31, which is unambiguous."""
    return bool(texts.astype("str").str.match(r"\d{4}-\d\d-\d\d(?:[T ]|$)").all())


def _parse_iso(name: Any, texts: pd.Series[Any], shown: pd.Series[Any]) -> pd.DatetimeIndex:
    try:
        with muted_warnings(FutureWarning):  # pandas 2 warns of mixed zones before the error
            return pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601"))
    except (OverflowError, TypeError) as exc:
        raise ValueError(str(exc)) from exc
    except ValueError as exc:
        if "timezone" not in str(exc).lower() and "utc=True" not in str(exc):
            raise
        raise InvalidInputError(
            f"column {name!r} mixes time zones (e.g. {shown.iloc[0]!r}); "
            f'convert it: df["{name}"] = pd.to_datetime(df["{name}"], utc=True)'
        ) from exc


def _iso_texts(name: Any, texts: pd.Series[Any], order: str | None) -> list[str]:
    """Convert texts of one shape to ISO 8601, or raise with the reason."""
    taken = _taken_apart(texts)
    unknown = [text for text, part in zip(texts, taken, strict=True) if part is None]
    if unknown:
        raise _NoDatesError(unknown)
    parts = [part for part in taken if part is not None]
    if not parts:
        return []
    _check_one_shape(name, parts)
    shape = parts[0].shape
    if shape in REFUSALS:
        raise InvalidInputError(REFUSALS[shape](name, parts))
    if shape != "open":
        return [_iso(part, "m", "d") for part in parts]
    order = order_of(parts) or order
    if order is None and any(part.number("u") != part.number("v") for part in parts):
        raise InvalidInputError(open_order(name, parts))
    month, day = ("u", "v") if order == MONTH_FIRST else ("v", "u")
    return [_iso(part, month, day) for part in parts]


def _check_one_shape(name: Any, parts: Sequence[Parts]) -> None:
    """Raise if the column mixes formats."""
    other = next((part for part in parts if part.key != parts[0].key), None)
    if other is not None:
        raise InvalidInputError(
            f"column {name!r} mixes formats of dates ({parts[0].text!r}, {other.text!r}); convert"
            " all of them to one, e.g. 2024-01-31"
        )


def _iso(part: Parts, month: str, day: str) -> str:
    """Join the parts of a text as ISO 8601."""
    if part.groups.get("k"):
        return _of_week(part)
    if part.groups.get("b"):
        number = MONTHS[str(part.groups["b"]).lower()]
    elif part.groups.get("q"):
        number = 3 * part.number("q") - 2
    else:
        number = part.number(month, 1)
    return f"{part.groups['Y']}-{number:02d}-{part.number(day, 1):02d}{_iso_time(part)}"


def _of_week(part: Parts) -> str:
    """Return the day of an ISO week: its Monday, unless the text names another day."""
    year, week = part.number("Y"), part.number("k")
    try:
        return date.fromisocalendar(year, week, part.number("e", 1)).isoformat()
    except ValueError:  # no such week; the parser refuses it later
        return part.text


def _iso_time(part: Parts) -> str:
    """Return the time of day as ISO 8601, or an empty string if there is none."""
    groups = part.groups
    if groups.get("H") is None:
        return ""
    hour, half = part.number("H"), (groups.get("p") or "").lower()
    if half:
        # 13 PM is not a valid time; hour 99 makes the parser refuse it.
        hour = hour % 12 + 12 * half.startswith("p") if 1 <= hour <= 12 else 99
    fraction = f".{groups['f']}" if groups.get("f") else ""
    zone = (groups.get("z") or "").replace("UTC", "Z").replace("GMT", "Z")
    return f"T{hour:02d}:{groups['M']}:{groups.get('S') or '00'}{fraction}{zone}"
