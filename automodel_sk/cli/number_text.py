"""Parse written numbers with decimal commas and thousands separators."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_numbers", "evident_decimal"]

_SIGNS = {".": r"\.", ",": ","}


def as_numbers(column: pd.Series[Any], decimal: str | None = None) -> pd.Series[Any]:
    """Convert a text column to numbers, if all of it follows one number format.

    Parameters
    ----------
    column : pandas.Series
        The text column; missing values are kept.
    decimal : str, optional
        The decimal sign, if known.

    Returns
    -------
    pandas.Series
        The numbers; the column itself if it holds anything else.

    Raises
    ------
    InvalidInputError
        If it is ambiguous whether a comma or point marks decimals or thousands.

    Examples
    --------
    >>> import pandas as pd
    >>> as_numbers(pd.Series(["1,5", "12,25"])).tolist()
    [1.5, 12.25]
    >>> as_numbers(pd.Series(["1,234.5", "12,000"])).tolist()
    [1234.5, 12000.0]
    >>> as_numbers(pd.Series(["1,234"]))
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: column None: '1,234' may be 1234 or 1.234; ...
    """
    texts = _texts(column)
    signs = (decimal,) if decimal is not None else (".", ",")
    fitting = [sign for sign in signs if _fits(texts, sign)]
    if not fitting or texts.empty:  # with another decimal sign than the file's, or no numbers
        return _plain_numbers(column)
    readings = [_converted(texts, sign) for sign in fitting]
    if len(fitting) == 2 and not readings[0].equals(readings[1]):
        differs = int((readings[0] != readings[1]).to_numpy().argmax())
        raise InvalidInputError(
            f"column {column.name!r}: {texts[differs]!r} may be {readings[0][differs]:.12g} or"
            f" {readings[1][differs]:.12g}; choose with --decimal . or --decimal ,"
        )
    table = dict(zip(column.dropna().unique(), readings[0], strict=True))
    return column.map(table).astype(float)


def _plain_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Convert a text column as pandas does; the column itself if it holds anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> _plain_numbers(pd.Series(["1.234", None])).tolist()
    [1.234, nan]
    """
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    return column if (numbers.isna() & column.notna()).any() else numbers


def evident_decimal(columns: Iterable[pd.Series[Any]]) -> str | None:
    """Return the decimal sign of text columns as far as some of them leave no doubt.

    Examples
    --------
    >>> import pandas as pd
    >>> evident_decimal([pd.Series(["1.234"]), pd.Series(["1,5"]), pd.Series(["red"])])
    ','
    """
    evident = set()
    for column in columns:
        texts = _texts(column)
        fitting = [sign for sign in _SIGNS if len(texts) and _fits(texts, sign)]
        if len(fitting) == 1:
            evident.add(fitting[0])
    return evident.pop() if len(evident) == 1 else None


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return the distinct texts of a column without blanks, which may group digits."""
    import pandas as pd

    texts = pd.Series(column.dropna().unique()).astype(str).str.strip()
    return texts.str.replace("[\u00a0\u202f ]", "", regex=True)


def _fits(texts: pd.Series[Any], decimal: str) -> bool:
    """Return whether all texts are numbers with this decimal sign and grouped thousands."""
    point, group = _SIGNS[decimal], _SIGNS["," if decimal == "." else "."]
    pattern = rf"[-+]?(?:\d+|[1-9]\d{{0,2}}(?:{group}\d{{3}})+)(?:{point}\d+)?(?:[eE][-+]?\d+)?"
    return all(re.fullmatch(pattern, text) is not None for text in texts)


def _converted(texts: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    group = "," if decimal == "." else "."
    plain = texts.str.replace(group, "", regex=False).str.replace(decimal, ".", regex=False)
    return plain.astype(float)
