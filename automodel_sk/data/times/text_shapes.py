"""The common written date formats, and a parser that splits a text into its parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = [
    "DAY_FIRST",
    "MISSING",
    "MONTHS",
    "MONTH_FIRST",
    "Parts",
    "format_of",
    "order_of",
    "order_of_largest",
    "parts_of",
]

DAY_FIRST, MONTH_FIRST = "day first", "month first"

_LONG_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august",
                "september", "october", "november", "december")  # fmt: skip
MONTHS = {
    **{name: k + 1 for k, name in enumerate(_LONG_MONTHS)},
    **{name[:3]: k + 1 for k, name in enumerate(_LONG_MONTHS)},
    "sept": 9,
}
"""Numbers of the months by their English names, long and short."""

_SEP = r"(?P<s>[-/.]|\.? )"
_NAME = r"(?P<b>[A-Za-z]{3,9})\.?"
_GAP = r"(?P<s>, |[-/ ,])"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?"
_TIME = (
    r"(?:(?P<t>T|,? )(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?P<g> ?)(?P<p>[AaPp]\.?[Mm]\.?)?(?P<o> ?)(?P<z>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"

_SHAPES = {
    "year, month, day": rf"(?P<Y>\d{{4}}){_SEP}(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}}){_TIME}",
    "compact": rf"(?P<Y>\d{{4}})(?P<m>\d{{2}})(?P<d>\d{{2}}){_TIME}",
    "open": rf"(?P<u>\d{{1,2}}){_SEP}(?P<v>\d{{1,2}})(?P=s)(?P<Y>\d{{4}}){_TIME}",
    "short year": rf"(?P<u>\d{{1,2}}){_SEP}(?P<v>\d{{1,2}})(?P=s)(?P<w>\d{{2}}){_TIME}",
    "day, name, year": rf"{_WEEKDAY}{_DAY}{_GAP}{_NAME}[-/ ,] ?(?P<Y>\d{{4}}){_TIME}",
    "name, day, year": rf"{_WEEKDAY}{_NAME}{_GAP}{_DAY},?[-/ ](?P<Y>\d{{4}}){_TIME}",
    "year, name, day": rf"(?P<Y>\d{{4}}){_GAP}{_NAME}(?P=s){_DAY}{_TIME}",
    "name, year": rf"{_NAME}{_GAP}(?P<Y>\d{{4}})",
    "year, name": rf"(?P<Y>\d{{4}}){_GAP}{_NAME}",
    "day, name, short year": rf"(?P<d>\d{{1,2}}){_GAP}{_NAME}(?P=s)(?P<w>\d{{2}}){_TIME}",
    "name, two digits": rf"{_NAME}{_GAP}(?P<w>\d{{2}})",
    "two digits, name": rf"(?P<w>\d{{1,2}}){_GAP}{_NAME}",
    "year, month": r"(?P<Y>\d{4})(?P<s>[-/])(?P<m>\d{1,2})",
    "month, year": r"(?P<m>\d{1,2})(?P<s>[-/.]|\. )(?P<Y>\d{4})",
    "quarter": r"(?P<Y>\d{4})(?P<s>[- /]?)[Qq](?P<q>[1-4])",
    "quarter first": r"[Qq](?P<q>[1-4])(?P<s>[- /]?)(?P<Y>\d{4})",
    "week": r"(?P<Y>\d{4})(?P<s>-?)[Ww](?P<k>\d{2})(?:-?(?P<e>[1-7]))?",
    "year": r"(?P<Y>1[6-9]\d{2}|2[01]\d{2})",
    "year and month as a number": r"(?P<n>(?:19|20|21)\d{2}(?:0[1-9]|1[0-2]))",
    "number": r"(?P<n>-?\d+)",
    "time of day": r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::\d{2}(?:[.,]\d+)?)? ?(?:[AaPp]\.?[Mm]\.?)?",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _SHAPES.items()}
MISSING = frozenset({"", "nan", "NaN", "NaT", "nat", "<NA>", "None", "null", "NULL", "NA", "N/A"})
"""Texts that stand for a missing time."""


@dataclass(frozen=True)
class Parts:
    """The parts of one text, and the shape that matched it."""

    text: str
    shape: str
    groups: Mapping[str, str | None]

    @property
    def key(self) -> tuple[str, str | None]:
        """The shape and its separator, which must be the same in the whole column."""
        return self.shape, self.groups.get("s")

    def number(self, group: str, default: int = 0) -> int:
        """Return a part as a number."""
        return int(self.groups.get(group) or default)


def parts_of(text: str, likely: str | None = None) -> Parts | None:
    """Split a text into parts by the shape that matches it; None if it has no date shape.

    Parameters
    ----------
    text : str
        The text.
    likely : str, optional
        The shape to try first.

    Examples
    --------
    >>> parts_of("13.01.2024").shape, parts_of("Jan 2024").shape, parts_of("shop 1")
    ('open', 'name, year', None)
    """
    text = text.strip()
    for shape in _PATTERNS if likely is None else (likely, *_PATTERNS):
        match = _PATTERNS[shape].fullmatch(text)
        if match and ("b" not in match.re.groupindex or match["b"].lower() in MONTHS):
            return Parts(text, shape, match.groupdict())
    return None


def order_of(parts: Iterable[Parts]) -> str | None:
    """Return the order that numbers above 12 imply; None if none does or they disagree.

    Examples
    --------
    >>> order_of([parts_of("13/01/2024")]), order_of([parts_of("12/01/2024")])
    ('day first', None)
    """
    pairs = [(part.number("u"), part.number("v")) for part in parts]
    return order_of_largest(max(u for u, _ in pairs), max(v for _, v in pairs))


def order_of_largest(first: int, second: int) -> str | None:
    """Return the order of day and month implied by the largest number in each place.

    Examples
    --------
    >>> order_of_largest(31, 12), order_of_largest(12, 12), order_of_largest(31, 13)
    ('day first', None, None)
    """
    if first > 12 >= second:
        return DAY_FIRST
    return MONTH_FIRST if second > 12 >= first else None


def format_of(part: Parts, *codes: str) -> str:
    """Return the pandas format string of a date and its time of day.

    Parameters
    ----------
    part : Parts
        A parsed text.
    *codes : str
        The format codes of its date, in order, such as ``"d", "m", "Y"``.

    Returns
    -------
    str

    Examples
    --------
    >>> format_of(parts_of("13.01.2024 10:15"), "d", "m", "Y")
    '%d.%m.%Y %H:%M'
    """
    separator = part.groups.get("s") or ""
    return separator.join(f"%{code}" for code in codes) + _time_format(part.groups)


def _time_format(groups: Mapping[str, str | None]) -> str:
    if groups.get("H") is None:
        return ""
    clock = "%I:%M" if groups.get("p") else "%H:%M"
    clock += ":%S" if groups.get("S") else ""
    clock += ".%f" if groups.get("f") else ""
    clock += f"{groups['g']}%p" if groups.get("p") else ""
    return f"{groups['t']}{clock}" + (f"{groups['o']}%z" if groups.get("z") else "")
