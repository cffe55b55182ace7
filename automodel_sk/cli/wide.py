"""Read wide tables: a column of times, and one column of values for each series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_sk.cli.cells import no_numbers
from automodel_sk.cli.number_text import as_numbers
from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["long_of"]

_ID, _TARGET = "unique_id", "y"


def long_of(
    frame: pd.DataFrame,
    path: Path,
    time: str,
    *,
    names: tuple[str, str] = (_ID, _TARGET),
    shared: Sequence[str] = (),
    decimal: str | None = None,
) -> pd.DataFrame:
    """Return a wide table as a long frame, one row for each series and time.

    Empty cells before the first and after the last value of a series are left out: series need not
    begin and end together. Those between are kept, as missing values.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.
    path : Path
        Its file, for messages.
    time : str
        The column of the times.
    names : tuple of str
        Names of the columns of series and values.
    shared : sequence of str
        Columns that are no series, but belong to each of them, such as a holiday.
    decimal : str, optional
        The decimal sign, if known.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    InvalidInputError
        If a column is missing or stands twice, or holds what is no number.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"day": [1, 2], "north": [5.0, 6.0], "south": [None, 7.0]})
    >>> long_of(table, Path("sales.csv"), "day").values.tolist()
    [['north', 1, 5.0], ['north', 2, 6.0], ['south', 2, 7.0]]
    """
    import pandas as pd

    series = [name for name in frame.columns if name != time and name not in shared]
    _check_columns(frame, path, time, series, shared)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name in series:
        values[name] = _numbers(frame[name], decimal, problems)
        problems += no_numbers(values[name], name, path)
    if problems:
        raise InvalidInputError("\n".join(problems))
    parts = [
        frame[[time, *shared]].assign(**{names[0]: name, names[1]: values[name]})[
            _from_first_to_last(values[name])
        ]
        for name in series
    ]
    long = pd.concat(parts, ignore_index=True)
    return long[[names[0], time, names[1], *shared]]


def _numbers(column: pd.Series[Any], decimal: str | None, problems: list[str]) -> pd.Series[Any]:
    """Return a column of values; note where a comma may mean two things."""
    import pandas as pd

    if not pd.api.types.is_string_dtype(column.dtype):
        return column
    try:
        return as_numbers(column, decimal)
    except InvalidInputError as exc:
        problems.append(str(exc))
        return pd.Series(float("nan"), index=column.index)


def _from_first_to_last(column: pd.Series[Any]) -> pd.Series[Any]:
    known = column.notna()
    return known.cummax() & known[::-1].cummax()[::-1]


def _check_columns(
    frame: pd.DataFrame, path: Path, time: str, series: Sequence[Any], shared: Sequence[str]
) -> None:
    """Raise for columns that are missing, and for series that stand twice or have no name."""
    listed = ", ".join(repr(str(name)[:40]) for name in frame.columns[:20])
    missing = [repr(name) for name in (time, *shared) if name not in frame.columns]
    if missing:
        raise InvalidInputError(
            f"{path} has no column {' and no column '.join(missing)}; its columns are {listed}:"
            " name the one of the times with --time-col NAME"
        )
    if not series:
        raise InvalidInputError(
            f"{path} has no column of values beside {time!r}; with --wide, each series is a column"
        )
    header = [str(name) for name in frame.attrs.get("header", ()) if name]
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InvalidInputError(
            f"{path} has the column {twice[0]!r} twice; with --wide, each series needs a name of"
            " its own"
        )
    nameless = [name for name in series if str(name).startswith("Unnamed: ")]
    if nameless:
        number = list(frame.columns).index(nameless[0]) + 1
        raise InvalidInputError(
            f"{path} has no name for column {number}, which holds values; name the series in the"
            " header"
        )
