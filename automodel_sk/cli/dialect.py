"""Detect the encoding, separator and header of a text file, unless they are given."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import IO, Any, cast

from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "COMPRESSED",
    "Asked",
    "Dialect",
    "header_line",
    "lines_above",
    "lines_with_more",
    "open_bytes",
    "recognise",
]

SEPARATORS = (",", ";", "\t", "|")
MOST_COLUMNS = 10_000
_SAMPLE_BYTES = 1 << 18
_SAMPLE_LINES = 200
_MOST_TOLD = 5
_NUMBER_OR_DATE = re.compile(r"[-+]?[\d.,:/\s-]*\d[\d.,:/\sTZ+-]*")

_OPENERS: Mapping[str, Callable[[Path], Any]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zip": lambda path: _only_member(path),
}
COMPRESSED = frozenset(_OPENERS)


@dataclass(frozen=True)
class Asked:
    """The text format that the user specified; None means it is detected.

    Parameters
    ----------
    separator : str, optional
        The character between fields.
    decimal : str, optional
        The decimal sign of numbers, ``.`` or ``,``.
    date_format : str, optional
        Format of the times, as in `strptime`.
    as_written : tuple of str
        Columns of a text file whose cells are kept as they are written: ``01012024`` stays so.
    expected : str, optional
        The decimal sign of the files that this one goes with.
    """

    separator: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    as_written: tuple[str, ...] = ()
    expected: str | None = None


@dataclass(frozen=True)
class Dialect:
    """The format of a text file.

    Parameters
    ----------
    encoding : str
        Python's name for the encoding.
    separator : str
        The character between fields.
    skipped : int
        Number of lines above the header.
    header : tuple of str
        Names of the columns.
    """

    encoding: str
    separator: str
    skipped: int
    header: tuple[str, ...]

    def remark(self) -> str:
        """Describe unusual properties of the file; empty for plain CSV in UTF-8.

        Examples
        --------
        >>> Dialect("cp1252", ";", 1, ("date", "sales")).remark()
        "separator ';', encoding cp1252, 1 line above the header skipped"
        """
        parts = []
        if self.separator not in (",", "\t"):
            parts.append(f"separator {self.separator!r}")
        if self.encoding != "utf-8-sig":
            parts.append(f"encoding {self.encoding}")
        if self.skipped:
            parts.append(lines_above(self.skipped))
        return ", ".join(parts)


def lines_above(skipped: int) -> str:
    """Say how many lines above the header are skipped.

    Examples
    --------
    >>> lines_above(1), lines_above(2)
    ('1 line above the header skipped', '2 lines above the header skipped')
    """
    return f"{'1 line' if skipped == 1 else f'{skipped} lines'} above the header skipped"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, decompressed according to its last suffix.

    Raises
    ------
    InvalidInputError
        If it is a zip archive with more than one file.
    """
    opener = _OPENERS.get(path.suffix.lower())
    return path.open("rb") if opener is None else cast(IO[bytes], opener(path))


def _only_member(path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(names) != 1:
        raise InvalidInputError(f"{path} holds {len(names)} files; unpack the one with the table")
    return archive.open(names[0])


def recognise(path: Path, separator: str | None = None) -> Dialect:
    """Detect the format of a text file from its first lines.

    Parameters
    ----------
    path : Path
        The file, compressed or not.
    separator : str, optional
        The character between fields, if known.

    Returns
    -------
    Dialect

    Raises
    ------
    InvalidInputError
        If the file is empty, not text, without a header, or has far too many columns.
    """
    with open_bytes(path) as stream:
        sample = stream.read(_SAMPLE_BYTES)
    encoding, text = _decoded(sample, path)
    lines = text.splitlines()[:_SAMPLE_LINES]
    if not any(line.strip() for line in lines):
        raise InvalidInputError(
            f"{path} is empty; it needs a header such as 'unique_id,ds,y' and a row for each"
            " series and time"
        )
    if len(sample) == _SAMPLE_BYTES and len(lines) > 1:
        lines = lines[:-1] if len(text.splitlines()) <= _SAMPLE_LINES else lines
    _check_width(lines[0], path)
    separator = separator or _separator(lines)
    rows = [_fields(line, separator) for line in lines]
    skipped = header_line(rows)
    header, body = rows[skipped], rows[skipped + 1 :]
    _check_header(header, path, has_rows=any(map(any, body)))
    _check_widths(path, lines, header, body, skipped)
    return Dialect(encoding, separator, skipped, tuple(header))


def _decoded(sample: bytes, path: Path) -> tuple[str, str]:
    """Return a sample's encoding and text: UTF-8, UTF-16 with a BOM, else Western European."""
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", sample.decode("utf-16", errors="ignore")
    if b"\x00" in sample:
        raise InvalidInputError(f"{path} holds binary data, not text; save the table as CSV")
    try:
        return "utf-8-sig", sample.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        if exc.reason == "unexpected end of data" and len(sample) == _SAMPLE_BYTES:
            return "utf-8-sig", sample[: exc.start].decode("utf-8-sig")
    return "cp1252", sample.decode("cp1252", errors="replace")


def _fields(line: str, separator: str) -> list[str]:
    return next(csv.reader(StringIO(line), delimiter=separator), [])


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that splits most lines into the same number of fields, above one.

    Text may contain any of the separators, so each is tried on all lines.
    """

    def agreement(separator: str) -> tuple[float, int]:
        widths = Counter(len(_fields(line, separator)) for line in lines if line.strip())
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]))
        return (count / sum(widths.values()) if width > 1 else 0.0, width)

    best = max(SEPARATORS, key=lambda separator: agreement(separator))
    return best if agreement(best)[0] > 0 else ","


def header_line(rows: Sequence[list[str]]) -> int:
    """Return the index of the header: the first line that is no title.

    A title is a single text, or is split into fewer fields than most lines, of which the first ones
    are names. A header may lack the name of the first column, as pandas writes that of an index.

    Examples
    --------
    >>> header_line([["Sales of the year", ""], ["day", "sales"], ["2024-01-01", "5"]])
    1
    >>> header_line([["Sales", "2024"], ["id", "day", "sales"], ["a", "2024-01-01", "5"]])
    1
    >>> header_line([["", "Close"], ["2024-01-01", "5"]])
    0
    """
    several = any(len(_given(row)) > 1 for row in rows)
    wanted = 2 if several else 1
    usual = Counter(len(row) for row in rows if _given(row)).most_common(1)
    for place, row in enumerate(rows):
        if len(_given(row)) >= wanted or _lacks_first_name(row, rows[place + 1 : place + 2]):
            full = next((at for at, r in enumerate(rows) if len(r) == usual[0][0]), place)
            return full if len(row) < usual[0][0] and _is_header(rows[full]) else place
    return 0


def _lacks_first_name(row: Sequence[str], following: Sequence[Sequence[str]]) -> bool:
    """Return whether a line names all columns but the first, and values follow."""
    named = len(row) > 1 and not row[0].strip() and len(_given(row)) == len(row) - 1
    return named and any(not _is_names(values) for values in following)


def _is_header(row: Sequence[str]) -> bool:
    """Return whether a line names every column."""
    return len(_given(row)) == len(row) and _is_names(row)


def _is_names(row: Sequence[str]) -> bool:
    """Return whether no field is a number or a date."""
    return not any(_NUMBER_OR_DATE.fullmatch(field.strip()) for field in row if field.strip())


def _given(row: Sequence[str]) -> list[str]:
    return [field for field in row if field.strip()]


def _check_widths(
    path: Path, lines: Sequence[str], header: Sequence[str], body: Sequence[list[str]], skipped: int
) -> None:
    """Raise if rows have more values than the header has names, not counting blank ones."""
    wrong = [
        (number, len(row), lines[number - 1])
        for number, row in enumerate(body, start=skipped + 2)
        if _given(row[len(header) :])
    ]
    if wrong:
        raise InvalidInputError(_wrong_lines(path, wrong, len(header)))


def _wrong_lines(path: Path, wrong: Sequence[tuple[int, int, str]], width: int) -> str:
    """Say which lines have more fields than the header."""
    told = [f"line {number} has {count} ({line[:60]!r})" for number, count, line in wrong]
    more = f" and {len(told) - _MOST_TOLD:,} more lines" if len(told) > _MOST_TOLD else ""
    return (
        f"{path}: the header has {width} fields, {', '.join(told[:_MOST_TOLD])}{more}; correct"
        " them, quote values that contain the separator, or set the separator with --sep"
    )


def lines_with_more(path: Path, dialect: Dialect) -> str | None:
    """Say which lines of the whole file have more fields than the header; None if none has.

    Parameters
    ----------
    path : Path
        The file.
    dialect : Dialect
        Its format.
    """
    width, separator = len(dialect.header), dialect.separator
    with open_bytes(path) as stream, TextIOWrapper(stream, dialect.encoding, newline="") as text:
        reader = csv.reader(text, delimiter=separator)
        wrong = [
            (reader.line_num, len(row), separator.join(row))
            for row in reader
            if reader.line_num > dialect.skipped + 1 and _given(row[width:])
        ]
    return _wrong_lines(path, wrong, width) if wrong else None


def _check_width(line: str, path: Path) -> None:
    most = max(line.count(separator) for separator in SEPARATORS)
    if most >= MOST_COLUMNS:
        raise InvalidInputError(
            f"{path} has {most + 1} columns in its header, at most {MOST_COLUMNS} are read;"
            " pass one row for each series and time, with the series' name in a column"
        )


def _check_header(header: Sequence[str], path: Path, has_rows: bool) -> None:
    values = [name for name in header if name.strip()]
    if values and all(_NUMBER_OR_DATE.fullmatch(name.strip()) for name in values):
        shown = ", ".join(repr(name[:30]) for name in header[:4])
        raise InvalidInputError(
            f"{path} has no header: its first line is {shown}; add one, for example 'ds,y'"
        )
    if not has_rows:
        raise InvalidInputError(
            f"{path} has a header and no rows; add a row for each series and time"
        )
