"""Parse written numbers with decimal commas and thousands separators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_numbers"]

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
    import pandas as pd

    texts = pd.Series(column.dropna().unique()).astype(str).str.strip()
    texts = texts.str.replace("[\u00a0\u202f ]", "", regex=True)
    signs = (decimal,) if decimal is not None else (".", ",")
    fitting = [sign for sign in signs if _fits(texts, sign)]
    if not fitting or texts.empty:
        return column
    readings = [_converted(texts, sign) for sign in fitting]
    if len(fitting) == 2 and not readings[0].equals(readings[1]):
        differs = int((readings[0] != readings[1]).to_numpy().argmax())
        raise InvalidInputError(
            f"column {column.name!r}: {texts[differs]!r} may be {readings[0][differs]:.12g} or"
            f" {readings[1][differs]:.12g}; choose with --decimal . or --decimal ,"
        )
    table = dict(zip(column.dropna().unique(), readings[0], strict=True))
    return column.map(table).astype(float)


def _fits(texts: pd.Series[Any], decimal: str) -> bool:
    """Return whether all texts are numbers with this decimal sign and grouped thousands."""
    point, group = _SIGNS[decimal], _SIGNS["," if decimal == "." else "."]
    pattern = rf"[-+]?(?:\d+|\d{{1,3}}(?:{group}\d{{3}})+)(?:{point}\d+)?(?:[eE][-+]?\d+)?"
    return bool(texts.map(lambda text: re.fullmatch(pattern, text) is not None).all())


def _converted(texts: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    group = "," if decimal == "." else "."
    plain = texts.str.replace(group, "", regex=False).str.replace(decimal, ".", regex=False)
    return plain.astype(float)
