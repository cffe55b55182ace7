"""Name the cells of a file that can't be read: what they hold, in which column and row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["no_dates", "no_numbers"]

_MOST_TOLD = 5


def no_numbers(column: pd.Series[Any], name: str, path: Path) -> list[str]:
    """Say which cells of a column are no numbers; nothing if all are.

    Parameters
    ----------
    column : pandas.Series
        Numbers, or text of which some could not be read as numbers.
    name : str
        The user's name of the column.
    path : Path
        The file.

    Examples
    --------
    >>> import pandas as pd
    >>> column = pd.Series(["1", "n/a?", "2", "closed"])
    >>> print(*no_numbers(column, "sales", Path("a.csv")))
    a.csv: column 'sales' holds 'n/a?' in row 2, 'closed' in row 4, which is not a number; ...
    """
    import pandas as pd

    if not (pd.api.types.is_string_dtype(column.dtype) or column.dtype == object):
        return []
    bad = column.notna() & pd.to_numeric(column, errors="coerce").isna()
    if not bad.any():
        return []
    one = int(bad.sum()) == 1
    return [
        f"{path}: column {name!r} holds {_listed(column, bad.to_numpy())}, which is not a number;"
        f" correct the cell{'' if one else 's'}, or leave {'it' if one else 'them'} empty if the"
        f" value is unknown"
    ]


def no_dates(column: pd.Series[Any], name: str, written: str, path: Path, error: Exception) -> str:
    """Say which cells of a column do not match a format of dates.

    Parameters
    ----------
    column : pandas.Series
        The times as they stand in the file.
    name : str
        The user's name of the column.
    written : str
        The format.
    path : Path
        The file.
    error : Exception
        What pandas said.
    """
    import pandas as pd

    start = f"{path}: column {name!r} does not match --date-format {written}"
    try:
        bad = column.notna() & pd.to_datetime(column, format=written, errors="coerce").isna()
    except (ValueError, TypeError):  # the format itself is none
        bad = column != column
    if not bad.any():
        return f"{start} ({str(error).splitlines()[0][:120]}); correct it, such as %d.%m.%Y"
    return f"{start}: it holds {_listed(column, bad.to_numpy())}; correct the format or the cells"


def _listed(column: pd.Series[Any], bad: Any) -> str:
    """Return the first bad cells with their rows below the header, and how many more there are."""
    places = np.flatnonzero(bad)
    told = [f"{str(column.iloc[at])[:40]!r} in row {at + 1}" for at in places[:_MOST_TOLD]]
    more = f" and in {len(places) - _MOST_TOLD:,} more rows" if len(places) > _MOST_TOLD else ""
    return ", ".join(told) + more
