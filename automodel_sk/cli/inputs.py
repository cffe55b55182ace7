"""From a person's files to the long frames of the engine, and back to their names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from automodel_sk.cli.tables import read_table
from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "read_beside", "read_series", "say"]

_ID, _TIME, _TARGET = "unique_id", "ds", "y"
_OPTIONS = {_ID: "--id-col", _TIME: "--time-col", _TARGET: "--target-col"}


def say(text: str, quiet: bool = False) -> None:
    """Write a line to standard error, unless it is to be quiet."""
    if not quiet:
        typer.echo(text, err=True)


@dataclass(frozen=True)
class Columns:
    """A person's names for the three columns; None for the engine's own.

    Parameters
    ----------
    id, time, target : str, optional
        Columns of the series' names, the times and the values.
    series : object, optional
        Name of the only series of a file that has no column of names.
    id_type : type, default str
        Type of the series' names in text files: ``001`` stays ``001``.

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

    @property
    def renames(self) -> dict[str, str]:
        """The engine's names by the person's, where they differ."""
        chosen = ((self.id, _ID), (self.time, _TIME), (self.target, _TARGET))
        return {given: own for given, own in chosen if given is not None and given != own}

    @property
    def types(self) -> dict[str, Any]:
        """Types to read a text file with."""
        return {self.id or _ID: self.id_type}

    def renamed(self, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
        """Return a file's frame with the engine's names."""
        for given, own in self.renames.items():
            if given not in frame.columns:
                raise InvalidInputError(
                    f"{path} has no column {given!r} ({_OPTIONS[own]}); it has {_listed(frame)}"
                )
            if own in frame.columns:
                raise InvalidInputError(
                    f"{path} has both {given!r} ({_OPTIONS[own]}) and {own!r};"
                    f" rename or drop {own!r}"
                )
        return frame.rename(columns=self.renames)

    def restored(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a forecast with the person's names."""
        return frame.rename(columns={own: given for given, own in self.renames.items()})


def read_series(path: Path, columns: Columns, quiet: bool = False) -> tuple[pd.DataFrame, Columns]:
    """Read the series to forecast.

    Parameters
    ----------
    path : Path
        CSV or Parquet file. Without a column of names it holds one series,
        called after the file.
    columns : Columns
        The person's names.
    quiet : bool
        Whether to keep silent about what was assumed.

    Returns
    -------
    tuple of DataFrame and Columns
        The long frame, and the names with what was found out.

    Raises
    ------
    InvalidInputError
        The file can't be read, or its columns can't be told apart.
    """
    frame = read_table(path, columns.types)
    if columns.id is not None or _ID in frame.columns:
        frame = columns.renamed(frame, path)
        _check_present(path, frame)
        return frame, columns
    columns = _told_apart(frame, columns)
    frame = columns.renamed(frame, path)
    _check_present(path, frame)
    _refuse_hidden_panel(path, frame)
    name = path.name.split(".")[0] if columns.series is None else columns.series
    time, target = columns.time or _TIME, columns.target or _TARGET
    say(
        f"{path} has no column 'unique_id': taken as one series, named {name!r},"
        f" with times {time!r} and values {target!r}.",
        quiet,
    )
    return frame.assign(**{_ID: name}), replace(columns, series=name)


def read_beside(path: Path | None, columns: Columns) -> pd.DataFrame | None:
    """Read static or future values that go with the series.

    Parameters
    ----------
    path : Path, optional
        The file; the only series' name may be left out.
    columns : Columns
        The names that `read_series` returned.

    Returns
    -------
    DataFrame or None
        None without a file.
    """
    if path is None:
        return None
    frame = read_table(path, columns.types)
    frame = frame.rename(columns={k: v for k, v in columns.renames.items() if k in frame.columns})
    if _ID not in frame.columns and columns.series is not None:
        frame = frame.assign(**{_ID: columns.series})
    return frame


def _told_apart(frame: pd.DataFrame, columns: Columns) -> Columns:
    """Name time and target where a file has these two columns alone."""
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
    """Return whether a column is dates, or text that looks like dates."""
    import pandas as pd

    from automodel_sk.data.text_times import looks_like_dates

    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    return looks_like_dates(column.head(100))


def _check_present(path: Path, frame: pd.DataFrame) -> None:
    """Raise where a column is missing, and name the option that sets it."""
    for own in (_TIME, _TARGET):
        if own not in frame.columns:
            raise InvalidInputError(
                f"{path} has no column {own!r}, it has {_listed(frame)};"
                f" name yours with {_OPTIONS[own]}"
            )


def _refuse_hidden_panel(path: Path, frame: pd.DataFrame) -> None:
    """Raise where what is taken as one series has a time twice: it is likely several."""
    repeated = frame[_TIME].duplicated()
    if repeated.any():
        raise InvalidInputError(
            f"{path} has no column 'unique_id' and the time {frame[_TIME][repeated].iloc[0]}"
            f" twice; name the column of series with --id-col (it has {_listed(frame)}),"
            " or drop the repeated rows"
        )


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(repr(str(name)) for name in frame.columns)
