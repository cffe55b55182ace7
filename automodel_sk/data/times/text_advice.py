"""Explain why a text column can't be read as dates, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from automodel_sk.data.times.text_shapes import Parts, format_of, order_of
from automodel_sk.data.wording import wording

__all__ = ["REFUSALS", "no_date", "open_order"]


def open_order(name: Any, parts: Sequence[Parts]) -> str:
    """Say that the order of day and month is ambiguous, and show both formats.

    Parameters
    ----------
    name : str
        The column.
    parts : sequence of Parts
        Its distinct texts, parsed.

    Returns
    -------
    str
    """
    above = [part for part in parts if max(part.number("u"), part.number("v")) > 12]
    if above:
        other = next(part for part in above if order_of([part]) != order_of(above[:1]))
        return (
            f"column {name!r} mixes orders of day and month ({above[0].text!r}, {other.text!r});"
            " convert all of them to one, e.g. 2024-01-31"
        )
    example = next(part for part in parts if part.number("u") != part.number("v"))
    return (
        f"column {name!r} holds dates as text with an ambiguous order of day and month (e.g."
        f" {example.text!r}); if the day comes first,"
        f" {_convert(name, format_of(example, 'd', 'm', 'Y'))}, if the month comes first:"
        f" {_format(format_of(example, 'm', 'd', 'Y'))}"
    )


def no_date(name: Any, cells: Sequence[tuple[str, int]], number: int) -> str:
    """Say that some texts are not dates.

    Parameters
    ----------
    name : str
        The column.
    cells : sequence of tuple
        The first such texts, and the places of their rows.
    number : int
        Number of such rows.

    Returns
    -------
    str

    Examples
    --------
    >>> print(no_date("ds", [("soon", 4)], 12))
    column 'ds' holds text that is not a date ('soon' in row 4 and 11 more); correct or drop ...
    """
    words = wording()
    texts = [repr(text if len(text) <= 40 else text[:37] + "...") for text, _ in cells]
    told = [f"{text} in row {words.row(at)}" for text, (_, at) in zip(texts, cells, strict=True)]
    more = f" and {number - len(cells):,} more" if number > len(cells) else ""
    drop = words.how(f', e.g. df = df[df["{name}"] != {texts[0]}]', " in the file")
    named = words.how(f'pd.to_datetime(df["{name}"], format="...")', "--date-format %d.%m.%Y")
    return (
        f"column {name!r} holds text that is not a date ({', '.join(told)}{more}); correct or drop"
        f" such rows{drop}; a format other than 2024-01-31, 31.01.2024, 31-Jan-2024, Jan 2024,"
        f" 2024Q1 or 2024-W05 must be given: {named}"
    )


def _convert(name: Any, code: str) -> str:
    """Say how to read a column by a format."""
    converted = f'convert it: df["{name}"] = pd.to_datetime(df["{name}"], format="{code}")'
    return wording().how(converted, f"pass {_format(code)}")


def _format(code: str) -> str:
    quoted = f'"{code}"' if " " in code else code
    return wording().how(f'format="{code}"', f"--date-format {quoted}")


def _short_year(name: Any, parts: Sequence[Parts]) -> str:
    """Say how to read two-digit years: list the formats that fit all texts."""
    formats = [format_of(parts[0], *order) for order in ("dmy", "mdy", "ymd")]
    texts = pd.Series([part.text for part in parts])
    fitting = [code for code in formats if _fits(texts, code)] or formats[:1]
    others = "".join(f", or {_format(code)}" for code in fitting[1:])
    return f"{_two_digits(name, parts[0])}; {_convert(name, fitting[0])}{others}"


def _fits(texts: pd.Series[Any], code: str) -> bool:
    return bool(pd.to_datetime(texts, format=code, errors="coerce").notna().all())


def _two_digits(name: Any, part: Parts) -> str:
    return (
        f"column {name!r} holds dates with years of two digits (e.g. {part.text!r}), which can be "
        "read in several ways"
    )


def _short_year_with_name(name: Any, parts: Sequence[Parts]) -> str:
    """Say how to read a month name next to two digits that may be a year or a day."""
    part = parts[0]
    month = _month_code(parts)
    codes = {"day, name, short year": ("d", month, "y"), "name, two digits": (month, "y")}
    fix = _convert(name, format_of(part, *codes[part.shape]))
    return f"{_two_digits(name, part)}; if that is what they mean, {fix}"


def _month_code(parts: Sequence[Parts]) -> str:
    """Return the format code of month names: abbreviated, unless some are full names."""
    return "b" if all(len(str(part.groups["b"])) == 3 for part in parts) else "B"


def _without_year(name: Any, parts: Sequence[Parts]) -> str:
    part = parts[0]
    separator = part.groups["s"] or ""
    code = separator.join(("%d", f"%{_month_code(parts)}", "%Y"))
    added = f'df["{name}"] = pd.to_datetime(df["{name}"] + "{separator}2024", format="{code}")'
    return (
        f"column {name!r} holds dates without a year (e.g. {part.text!r}); add it"
        f"{wording().how(f': {added}', f' in the file, e.g. {part.text}{separator}2024')}"
    )


def _time_of_day(name: Any, parts: Sequence[Parts]) -> str:
    first = parts[0].text
    added = f'df["{name}"] = pd.to_datetime(df["date"] + " " + df["{name}"])'
    return (
        f"column {name!r} holds times of day without a date (first: {first!r}); add the date"
        f"{wording().how(f': {added}', f' in the file, e.g. 2024-01-31 {first}')}"
    )


def _number(name: Any, parts: Sequence[Parts]) -> str:
    converted = f'convert it: df["{name}"] = df["{name}"].astype("int64")'
    return (
        f"column {name!r} holds numbers as text (first: {parts[0].text!r}); "
        f"{wording().how(converted, 'save it as a column of numbers')}"
    )


def _year_and_month(name: Any, parts: Sequence[Parts]) -> str:
    return (
        f"column {name!r} holds numbers as text that look like year and month (first: "
        f"{parts[0].text!r}); {_convert(name, '%Y%m')}"
    )


REFUSALS: Mapping[str, Callable[[Any, Sequence[Parts]], str]] = {
    "short year": _short_year,
    "day, name, short year": _short_year_with_name,
    "name, two digits": _short_year_with_name,
    "two digits, name": _without_year,
    "time of day": _time_of_day,
    "number": _number,
    "year and month as a number": _year_and_month,
}
"""What to say of shapes that are recognised and not read."""
