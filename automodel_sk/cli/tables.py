"""Read and write tables in the format given by a file's suffix."""

from __future__ import annotations

import csv
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_sk._utils.short_numbers import with_short_numbers
from automodel_sk.cli.dialect import (
    COMPRESSED,
    Asked,
    Dialect,
    header_line,
    lines_above,
    lines_with_more,
    open_bytes,
    recognise,
)
from automodel_sk.cli.number_text import evident_decimal
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["base_name", "check_target", "read_table", "write_table"]


_MISSING = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "<NA>"),
    *("#N/A", "#N/A N/A", "#NA", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)
"""What stands for a missing value in a text file, as pandas has it."""
_MOST_ABOVE = 30
"""Rows of a sheet among which the header is looked for."""


def read_table(
    path: Path, dtypes: Mapping[str, Any] | None = None, asked: Asked | None = None
) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : Path
        CSV (``.csv``, ``.tsv``, ``.txt``; also compressed: ``.gz``, ``.bz2``, ``.xz``,
        ``.zip``), Parquet (``.parquet``, ``.pq``) or Excel (``.xlsx``, ``.xlsm``), of which the
        first sheet is read.
    dtypes : mapping, optional
        Types of columns, for text files. Text columns keep values that are usually read as missing,
        such as ``NA``.
    asked : Asked, optional
        The format of a text file, as far as it is known.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    InvalidInputError
        If the file can't be read in the format of its suffix.
    MissingDependencyError
        For Parquet without pyarrow, or Excel without openpyxl.
    """
    read, _ = _kind(path)
    try:
        return read(path, dtypes or {}, asked or Asked())
    except (InvalidInputError, MemoryError):
        raise
    except ImportError as exc:
        raise _missing_package(path) from exc
    except UnicodeDecodeError as exc:
        raise InvalidInputError(f"{path} has an unknown encoding; save it as UTF-8") from exc
    except Exception as exc:  # a damaged file fails differently in each of five libraries
        raise InvalidInputError(f"{path} can't be read ({_first_words(exc)})") from exc


def _first_words(exc: Exception) -> str:
    """Return an error's message without the lines it quotes from the file."""
    text = " ".join(str(exc).split()) or type(exc).__name__
    return text if len(text) <= 200 else text[:200] + "..."


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table without its index, whole or not at all; missing parent folders are created.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.
    path : Path
        As in `read_table`.

    Raises
    ------
    InvalidInputError
        If the suffix is unknown, or the disk is full.
    MissingDependencyError
        For Parquet without pyarrow.
    """
    _, write = _kind(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    is_stream = target.exists() and not target.is_file()
    # A part of a table may be taken for a whole one. The ending decides on the format.
    partial = target if is_stream else target.with_name(f".part{os.getpid()}_{target.name}")
    try:
        write(frame, partial)
        if target.is_file():
            shutil.copymode(target, partial)
        if not is_stream:
            partial.replace(target)
    except ImportError as exc:
        raise _missing_package(path) from exc
    except OSError as exc:
        reason = exc.strerror or _first_words(exc)
        raise InvalidInputError(
            f"{path} can't be written ({reason}); make space, or pass another file"
        ) from exc
    finally:
        if not is_stream:
            partial.unlink(missing_ok=True)


def check_target(path: Path, *inputs: Path | None) -> None:
    """Raise if a table can't be written to a path later.

    Parameters
    ----------
    path : Path
        As in `write_table`.
    *inputs : Path, optional
        Input files, which must not be overwritten.

    Raises
    ------
    InvalidInputError
        If the suffix is unknown, or the path is a folder or one of the inputs.
    """
    _kind(path)
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; pass a file, for example forecast.csv")
    for given in inputs:
        if given is not None and path.exists() and path.samefile(given):
            raise InvalidInputError(
                f"{path} is also an input and would be overwritten; write to another file, for"
                f" example {path.with_name(base_name(path) + '_forecast.csv')}"
            )


def _read_text(separator: str | None) -> Reader:
    def read(path: Path, dtypes: Mapping[str, Any], asked: Asked) -> pd.DataFrame:
        import pandas as pd

        read_csv: Any = pd.read_csv  # the types of pandas 2 and 3 differ
        dialect = recognise(path, asked.separator or separator)
        with open_bytes(path) as stream, warnings.catch_warnings():
            # The lines already checked have only blank fields beyond the header; in later lines
            # they count.
            warnings.filterwarnings("ignore", "Length of header", pd.errors.ParserWarning)
            # Exact parsing: a frame that was written is read back bit for bit.
            try:
                frame = read_csv(
                    stream,
                    **_layout(dialect),
                    dtype=dict(dtypes),
                    na_values=_missing_words(dialect.header, dtypes),
                    float_precision="round_trip",
                    low_memory=False,
                )
            except pd.errors.ParserError as exc:  # names the first bad line alone
                raise _with_all_lines(path, dialect) or exc from exc
            written = _written_cells(path, frame, dialect, asked, dtypes)
            frame = frame.assign(**written)
        frame.attrs |= {
            "remark": dialect.remark(),
            "header": dialect.header,
            "separator": dialect.separator,
            "numbers": [name for name in written if name not in asked.as_written],
        }
        return _without_blank(frame)

    return read


def _layout(dialect: Dialect) -> dict[str, Any]:
    """Return how pandas finds the cells of a text file; missing ones are those that are named."""
    return {
        "sep": dialect.separator,
        "encoding": dialect.encoding,
        "skiprows": dialect.skipped,
        "index_col": False,
        "keep_default_na": False,
    }


def _written_cells(
    path: Path,
    frame: pd.DataFrame,
    dialect: Dialect,
    asked: Asked,
    dtypes: Mapping[str, Any],
) -> dict[str, pd.Series[Any]]:
    """Return the columns that pandas' reading of numbers may have changed, as they are written.

    Points may separate thousands where commas are known to be decimal signs, or likely to be.
    """
    import pandas as pd

    text = (frame[n] for n in frame.columns if n not in (*dtypes, *asked.as_written))
    shown = evident_decimal(column for column in text if pd.api.types.is_string_dtype(column))
    expected = asked.expected == "," and dialect.separator != ","
    likely = dialect.separator == ";" or expected or shown == ","
    comma = asked.decimal == "," or (asked.decimal is None and likely)
    wanted = [
        place
        for place, name in enumerate(frame.columns)
        if (comma and name not in dtypes and pd.api.types.is_float_dtype(frame[name].dtype))
        or (name in asked.as_written and pd.api.types.is_numeric_dtype(frame[name].dtype))
    ]
    if not wanted:
        return {}
    read_csv: Any = pd.read_csv
    with open_bytes(path) as stream:
        texts = read_csv(
            stream, **_layout(dialect), usecols=wanted, dtype=str, na_values=[*_MISSING]
        )
    return {
        name: texts[name]
        for name in texts.columns
        if name in asked.as_written or texts[name].str.contains(".", regex=False, na=False).any()
    }


def _with_all_lines(path: Path, dialect: Dialect) -> Exception | None:
    """Return the error that lists the lines with too many fields, if there are any."""
    try:
        said = lines_with_more(path, dialect)
    except (ValueError, OSError, csv.Error):
        return None
    return None if said is None else InvalidInputError(said)


def _missing_words(header: Sequence[str], dtypes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the markers of missing values by column; for series ids only blank text."""
    names = [name or f"Unnamed: {place}" for place, name in enumerate(header)]
    return {name: [""] if dtypes.get(name) is str else [*_MISSING] for name in names}


def _without_blank(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop rows that are entirely blank, and columns with neither a name nor a value."""
    nameless = [name for name in frame.columns if str(name).startswith("Unnamed: ")]
    empty = [name for name in nameless if frame[name].isna().all()]
    kept = frame.drop(columns=empty)
    blank = kept.isna().all(axis=1)
    return kept[~blank].reset_index(drop=True) if blank.any() else kept


def _read_excel(path: Path, dtypes: Mapping[str, Any], asked: Asked) -> pd.DataFrame:
    import pandas as pd

    with pd.ExcelFile(path) as book:
        names = book.sheet_names
        above = book.parse(0, header=None, nrows=_MOST_ABOVE, dtype=object).fillna("").astype(str)
        if above.empty:
            raise InvalidInputError(
                f"{path} is empty; it needs a header such as unique_id, ds, y and a row for each"
                " series and time"
            )
        skipped = header_line(above.values.tolist())
        # Series ids that look like missing values are ids here too.
        frame = book.parse(
            0, header=skipped, dtype=dict(dtypes), keep_default_na=False, na_values=[""]
        )
    parts = [] if len(names) == 1 else [f"sheet {names[0]!r} is read, of {len(names)} sheets"]
    parts += [lines_above(skipped)] if skipped else []
    frame.attrs["remark"] = ", ".join(parts)
    return _without_blank(frame)


def _write_text(separator: str) -> Callable[[pd.DataFrame, Path], None]:
    return lambda frame, path: with_short_numbers(frame).to_csv(path, sep=separator, index=False)


def _read_parquet(path: Path, dtypes: Mapping[str, Any], asked: Asked) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_parquet(path)
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index() if named else frame


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


def _write_excel(frame: pd.DataFrame, path: Path) -> None:
    plain = frame.copy()
    for name in plain.select_dtypes("datetimetz").columns:  # Excel does not support time zones
        plain[name] = plain[name].dt.tz_localize(None)
    plain.to_excel(path, index=False)


Reader = Callable[[Path, Mapping[str, Any], Asked], "pd.DataFrame"]
Kind = tuple[Reader, Callable[["pd.DataFrame", Path], None]]
_CSV: Kind = (_read_text(None), _write_text(","))
_TSV: Kind = (_read_text("\t"), _write_text("\t"))
_PARQUET: Kind = (_read_parquet, _write_parquet)
_EXCEL: Kind = (_read_excel, _write_excel)
_KINDS: Mapping[str, Kind] = {
    ".csv": _CSV,
    ".tsv": _TSV,
    ".txt": _CSV,
    ".parquet": _PARQUET,
    ".pq": _PARQUET,
    ".xlsx": _EXCEL,
    ".xlsm": _EXCEL,
}


def base_name(path: Path) -> str:
    """Return a file's name without the suffixes of its format.

    Examples
    --------
    >>> base_name(Path("data/sales.2023.csv.gz")), base_name(Path("sales"))
    ('sales.2023', 'sales')
    """
    name = path.name
    while True:
        stem, dot, ending = name.rpartition(".")
        if not stem or f"{dot}{ending.lower()}" not in {*_KINDS, *COMPRESSED}:
            return name
        name = stem


def _kind(path: Path) -> Kind:
    """Return how to read and write a file."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in COMPRESSED]
    ending = suffixes[-1] if suffixes else ""
    kind = _KINDS.get(ending)
    if kind is None:
        found = f"ends in {ending!r}" if ending else "has no ending"
        raise InvalidInputError(
            f"{path} {found}, so its format is unknown; save the table as one of"
            f" {', '.join(_KINDS)}"
        )
    return kind


def _missing_package(path: Path) -> MissingDependencyError:
    package = "openpyxl" if path.suffix.lower() in (".xlsx", ".xlsm") else "pyarrow"
    return MissingDependencyError(
        f"{path} needs the package {package}; install it with: pip install {package}"
    )
