"""Read the user's files as long frames with the internal column names, and restore the names."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from automodel_sk._utils.plain_text import plain_text
from automodel_sk.cli.cells import no_dates, no_numbers
from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.number_text import as_numbers, evident_decimal
from automodel_sk.cli.tables import base_name, read_table
from automodel_sk.cli.wide import long_of
from automodel_sk.cli.words import learn
from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.data.columns import ColumnNames

__all__ = ["Columns", "read_beside", "read_series", "say"]

_ID, _TIME, _TARGET = "unique_id", "ds", "y"
_OPTIONS = {_ID: "--id-col", _TIME: "--time-col", _TARGET: "--target-col"}


def say(text: str, quiet: bool = False) -> None:
    """Write a line to standard error, unless quiet."""
    if not quiet:
        typer.echo(plain_text(text), err=True)


@dataclass(frozen=True)
class Columns:
    """The user's names for the three columns; None for the internal ones.

    Parameters
    ----------
    id, time, target : str, optional
        Columns of the series ids, the times and the values.
    series : object, optional
        Id of the only series, for files without an id column.
    id_type : type, default str
        Type of the series ids in text files: ``001`` stays ``001``.
    asked : Asked
        The text format, as far as the user specified it.
    wide : bool
        Whether each series is a column of its own.
    exogenous : tuple of str
        The exogenous columns in use; those of a wide table are no series, but belong to each.
    unread : tuple of str
        Exogenous columns of the training data that the model does not read.
    ids : tuple
        The series of a wide table, once they are known.
    decimal : str, optional
        The decimal sign that the file of the series shows, for the files that go with it.

    Examples
    --------
    >>> Columns(time="date", target="sales").renames
    {'date': 'ds', 'sales': 'y'}
    """

    id: str | None = None
    time: str | None = None
    target: str | None = None
    series: Any = None
    id_type: Any = str
    asked: Asked = field(default_factory=Asked)
    wide: bool = False
    exogenous: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    ids: tuple[Any, ...] = ()
    decimal: str | None = None

    @property
    def renames(self) -> dict[str, str]:
        """The internal name of each user's name, if they differ."""
        chosen = ((self.id, _ID), (self.time, _TIME), (self.target, _TARGET))
        return {given: own for given, own in chosen if given is not None and given != own}

    @property
    def types(self) -> dict[str, Any]:
        """Types for reading a text file."""
        return {self.id or _ID: self.id_type}

    @property
    def format(self) -> Asked:
        """The text format, in which times of a known format are kept as they are written."""
        times = () if self.asked.date_format is None else (self.time or _TIME,)
        return replace(self.asked, as_written=times, expected=self.decimal)

    def name_of(self, own: str) -> str:
        """Return the user's name of an internal column."""
        return {_ID: self.id, _TIME: self.time, _TARGET: self.target}[own] or own

    def renamed(self, frame: pd.DataFrame, path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
        """Rename the columns of a file's frame to the internal names.

        Raises
        ------
        InvalidInputError
            If columns are missing; names each one with its option.
        """
        missing = [own for own in needed if self.name_of(own) not in frame.columns]
        if missing:
            words = [f"{self.name_of(own)!r} ({_OPTIONS[own]})" for own in missing]
            raise InvalidInputError(
                f"{path} has no column {' and no column '.join(words)}; its columns are"
                f" {_listed(frame)}: name yours with"
                f" {' and '.join(f'{_OPTIONS[own]} NAME' for own in missing)}"
            )
        for given, own in self.renames.items():
            if own in frame.columns and own not in self.renames:
                raise InvalidInputError(
                    f"{path} has both {given!r} ({_OPTIONS[own]}) and {own!r};"
                    f" rename or drop {own!r}"
                )
        return frame.rename(columns=self.renames)

    def remembered(self) -> ColumnNames:
        """Return the names in the form a model stores."""
        from automodel_sk.data.columns import ColumnNames

        return ColumnNames(*(self.name_of(own) for own in (_ID, _TIME, _TARGET)))

    def restored(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a forecast with the user's names."""
        return frame.rename(columns={own: given for given, own in self.renames.items()})


def read_series(path: Path, columns: Columns, quiet: bool = False) -> tuple[pd.DataFrame, Columns]:
    """Read the series to forecast.

    Parameters
    ----------
    path : Path
        CSV or Parquet file. Without an id column it holds one series, named after the file.
    columns : Columns
        The user's names.
    quiet : bool
        Whether to suppress messages about assumptions.

    Returns
    -------
    tuple of DataFrame and Columns
        The long frame, and the names completed by what was detected.

    Raises
    ------
    InvalidInputError
        If the file can't be read, or its columns can't be identified.
    """
    learn(columns)
    frame = _read(path, columns)
    if frame.attrs.get("remark"):
        say(f"{path}: {frame.attrs['remark']}.", quiet)
    if columns.wide:
        frame, columns = _of_wide(frame, columns, path)
        learn(columns)
    if columns.id is not None or _ID in frame.columns:
        frame = columns.renamed(frame, path, (_ID, _TIME, _TARGET))
        columns = replace(columns, decimal=columns.decimal or _decimal_of(frame, columns))
        return _with_values(frame, columns, path), columns
    columns = _of_two_columns(frame, columns)
    learn(columns)
    frame = _times_as_written(frame, columns.time, columns, path)
    listed = _listed(frame)
    frame = columns.renamed(frame, path, (_TIME, _TARGET))
    _refuse_hidden_panel(path, frame, listed)
    name = base_name(path) if columns.series is None else columns.series
    say(
        f"{path} has no column 'unique_id': read as a single series, named {name!r}, with times"
        f" {columns.name_of(_TIME)!r} and values {columns.name_of(_TARGET)!r}.",
        quiet,
    )
    columns = replace(columns, series=name, decimal=_decimal_of(frame, columns))
    return _with_values(frame.assign(**{_ID: name}), columns, path), columns


def _read(path: Path, columns: Columns) -> pd.DataFrame:
    """Read a table; of a model whose ids are numbers, name an id that is none."""
    import pandas as pd

    name, numeric = columns.id or _ID, columns.id_type is not str
    types = {name: str} if numeric else columns.types
    frame = _with_index_named(read_table(path, types, columns.format), columns)
    if not numeric or name not in frame.columns:
        return frame
    wrong = frame[name].notna() & pd.to_numeric(frame[name], errors="coerce").isna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise InvalidInputError(
            f"{path}: the model's series have numbers as ids, column {name!r} holds"
            f" {str(frame[name].iloc[row])[:40]!r} in row {row + 1}; correct it, or pass a file of"
            " the model's series"
        )
    ids = pd.to_numeric(frame[name])
    return frame.assign(**{name: ids if ids.isna().any() else ids.astype(columns.id_type)})


def _times_as_written(
    frame: pd.DataFrame, time: str | None, columns: Columns, path: Path
) -> pd.DataFrame:
    """Return a table whose times of a known format are texts: ``01022024`` is no number."""
    import pandas as pd

    unknown = columns.asked.date_format is None or time not in frame.columns
    if unknown or not pd.api.types.is_numeric_dtype(frame[time].dtype):
        return frame
    return frame.assign(**{str(time): _read(path, replace(columns, time=time))[time]})


def _with_index_named(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Name the column of times of which pandas, writing an index, left out the name."""
    first = str(frame.columns[0]) if len(frame.columns) else ""
    known = columns.time is not None or _TIME in frame.columns
    if known or not first.startswith("Unnamed: "):
        return frame
    return frame.rename(columns={first: _TIME}) if _holds_dates(frame[first]) else frame


def _with_values(frame: pd.DataFrame, columns: Columns, path: Path) -> pd.DataFrame:
    """Convert numbers and times that are written in the user's format; list all that fail."""
    from automodel_sk.data.times.read import read_time_column

    frame = _with_numbers(frame, columns)
    problems = []
    if _TARGET in frame.columns:
        problems += no_numbers(frame[_TARGET], columns.name_of(_TARGET), path)
    try:
        frame = _with_dates(frame, columns, path)
        if problems:  # then the times are not checked later, and would be the next surprise
            read_time_column(frame[_TIME].rename(columns.name_of(_TIME)))
    except InvalidInputError as exc:
        problems.append(str(exc))
    if problems:
        raise InvalidInputError("\n".join(problems))
    return frame


def _with_numbers(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Convert the text columns that hold numbers in a written format.

    Columns that are not in use stay as they are where a comma may mean two things.
    """
    decimal = _decimal_of(frame, columns)
    # Between commas, a point that pandas could read as a decimal sign most likely is one.
    plain = frame.attrs.get("numbers", ()) if frame.attrs.get("separator") == "," else ()
    used, read = _used(frame, columns), {}
    for name in _texts_of(frame):
        shown = columns.name_of(name) if name == _TARGET else name
        sign = decimal or ("." if shown in plain else None)
        with nullcontext() if name in used else suppress(InvalidInputError):
            read[name] = as_numbers(frame[name].rename(shown), sign).rename(name)
    return frame.assign(**read) if read else frame


def _used(frame: pd.DataFrame, columns: Columns) -> list[str]:
    """Return the columns of values that a model may read."""
    from automodel_sk.data.preparation import MASK, WEIGHT

    # Static values have no times, and all of them are used by default.
    known = (_TARGET, MASK, WEIGHT, *columns.exogenous) if _TIME in frame.columns else frame.columns
    return [name for name in frame.columns if name in known]


def _decimal_of(frame: pd.DataFrame, columns: Columns) -> str | None:
    """Return the decimal sign that is known: asked for, shown by a file, or by that of the series.

    Files that go together are read alike: ``1.220`` beside ``1,5`` is 1220 in either. Where decimal
    commas are not usual, those of a column that is not in use show nothing: it may hold lists.
    """
    if frame.attrs.get("separator", ";") != ";":
        frame = frame[_used(frame, columns)]
    shown = evident_decimal(frame[name] for name in _texts_of(frame))
    return columns.asked.decimal or shown or _decimal_of_numbers(frame) or columns.decimal


def _decimal_of_numbers(frame: pd.DataFrame) -> str | None:
    """Return a point if a text file has numbers with one, that pandas could read."""
    import pandas as pd

    if frame.attrs.get("separator", ";") == ";":
        return None
    floats = (frame[name] for name in frame.columns if pd.api.types.is_float_dtype(frame[name]))
    return "." if any((column.dropna() % 1 != 0).any() for column in floats) else None


def _texts_of(frame: pd.DataFrame) -> list[str]:
    """Return the columns of text that may hold numbers."""
    import pandas as pd

    return [
        name
        for name in frame.columns
        if name not in (_ID, _TIME) and pd.api.types.is_string_dtype(frame[name].dtype)
    ]


def _with_dates(frame: pd.DataFrame, columns: Columns, path: Path) -> pd.DataFrame:
    """Read the times in the given format, if there is one."""
    import pandas as pd

    written = columns.asked.date_format
    if written is None or _TIME not in frame.columns:
        return frame
    try:
        return frame.assign(**{_TIME: pd.to_datetime(frame[_TIME], format=written)})
    except (ValueError, TypeError) as exc:
        raise InvalidInputError(
            no_dates(frame[_TIME], columns.name_of(_TIME), written, path, exc)
        ) from exc


def read_beside(
    path: Path | None, columns: Columns, needed: tuple[str, ...] = (_ID,)
) -> pd.DataFrame | None:
    """Read static or future values that go with the series.

    Parameters
    ----------
    path : Path, optional
        The file; the id column may be missing if there is only one series.
    columns : Columns
        The names that `read_series` returned.
    needed : tuple of str
        The engine's names of columns that must be there.

    Returns
    -------
    DataFrame or None
        None without a file.

    Raises
    ------
    InvalidInputError
        The file can't be read, or lacks a column.
    """
    if path is None:
        return None
    import pandas as pd

    frame = _read(path, columns)
    known = {k: v for k, v in columns.renames.items() if k in frame.columns}
    found, frame = _listed(frame), frame.rename(columns=known)
    if _ID not in frame.columns and columns.series is not None:
        frame = frame.assign(**{_ID: columns.series})
    if _ID not in frame.columns and columns.wide and _TIME in frame.columns:
        frame = pd.DataFrame({_ID: list(columns.ids)}).merge(frame, how="cross")
    missing = [repr(columns.name_of(own)) for own in needed if own not in frame.columns]
    if missing:
        raise InvalidInputError(
            f"{path} has no column {' and no column '.join(missing)}; its columns are {found}:"
            " rename the matching ones as in the data file"
        )
    return _with_dates(_with_numbers(frame, columns), columns, path)


def _of_wide(frame: pd.DataFrame, columns: Columns, path: Path) -> tuple[pd.DataFrame, Columns]:
    """Return a wide table as a long one, and the names with that of the times."""
    time = columns.time or next((str(n) for n in frame.columns if _holds_dates(frame[n])), _TIME)
    if time not in frame.columns and columns.time is None:
        time = str(frame.columns[0])  # numbers count the steps
    frame = _times_as_written(frame, time, columns, path)
    names = (columns.name_of(_ID), columns.name_of(_TARGET))
    if time in names:
        option = _OPTIONS[_ID if time == names[0] else _TARGET]
        raise InvalidInputError(
            f"{path} has its times in {time!r}, the name that the forecast gives to the series or"
            f" their values; name those, for example with {option} {time}_of_series"
        )
    frame = frame.drop(columns=[name for name in columns.unread if name in frame.columns])
    decimal = _decimal_of(frame.drop(columns=time, errors="ignore"), columns)
    frame = long_of(frame, path, time, names=names, shared=columns.exogenous, decimal=decimal)
    frame.attrs.pop("separator", None)  # its numbers are no longer those of the file
    if columns.id_type is not str:
        frame = frame.astype({names[0]: columns.id_type}, errors="ignore")
    ids = tuple(frame[names[0]].unique())
    return frame, replace(columns, time=time, ids=ids, decimal=decimal)


def _of_two_columns(frame: pd.DataFrame, columns: Columns) -> Columns:
    """Identify the time and target columns if a file has only two columns."""
    if len(frame.columns) != 2:
        return columns
    names = [str(name) for name in frame.columns]
    time = columns.time or (_TIME if _TIME in names else None)
    target = columns.target or (_TARGET if _TARGET in names else None)
    if time is None:
        rest = [name for name in names if name != target]
        time = next((name for name in rest if target or _holds_dates(frame[name])), None)
    if target is None and time is not None:
        target = next((name for name in names if name != time), None)
    return replace(columns, time=time, target=target)


def _holds_dates(column: pd.Series[Any]) -> bool:
    """Return whether a column holds dates or text that looks like dates."""
    import pandas as pd

    from automodel_sk.data.times.text_times import looks_like_dates

    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    return looks_like_dates(column.head(100))


def _refuse_hidden_panel(path: Path, frame: pd.DataFrame, listed: str) -> None:
    """Raise if a file read as one series has duplicate times, since it likely holds several."""
    repeated = frame[_TIME].duplicated()
    if repeated.any():
        raise InvalidInputError(
            f"{path} has no column 'unique_id' and the time {frame[_TIME][repeated].iloc[0]}"
            f" twice; set the series column with --id-col (it has {listed}), or drop the"
            " repeated rows"
        )


def _listed(frame: pd.DataFrame) -> str:
    """Return the column names, shortened to fit a message."""
    names = [repr(str(name)[:40]) for name in frame.columns[:20]]
    return ", ".join(names) + (", ..." if len(frame.columns) > len(names) else "")
