"""Prepare the static columns of a panel."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames import exogenous_names
from automodel_sk.frames.layout import Layout
from automodel_sk.validation.data.categories import text_columns

__all__ = ["static_frame", "static_names"]


def static_frame(
    static: pd.DataFrame, layout: Layout, categories: Collection[str] = ()
) -> pd.DataFrame:
    """Return one row of static columns per series, with the series' numbers as ids.

    Parameters
    ----------
    static : pandas.DataFrame
        Indexed by the panel's instance levels; a single series has one row.
    layout : Layout
        Layout of the series.
    categories : collection of str
        Columns that may hold text, by the names that they have in the result.

    Returns
    -------
    pandas.DataFrame
        Column `unique_id` and the static columns, with string names.

    Raises
    ------
    InvalidInputError
        If a series has no row or more than one, or another column holds text.

    Examples
    --------
    >>> y = pd.concat({"b": pd.DataFrame({"y": [1.0]}), "a": pd.DataFrame({"y": [2.0]})})
    >>> static = pd.DataFrame({"size": [10, 20]}, index=["a", "b"])
    >>> static_frame(static, Layout.learn(y))
       unique_id  size
    0          0    20
    1          1    10
    """
    names = static_names(static)
    _refuse_text(static[[column for column, name in names.items() if name not in categories]])
    if layout.instances is None:
        if len(static) != 1:
            raise InvalidInputError(
                f"static must have one row for a single series, got {len(static)}; pass one row"
            )
        places = np.zeros(1, dtype=np.int64)
    else:
        if static.index.has_duplicates:
            twice = shown(static.index[static.index.duplicated()][0])
            raise InvalidInputError(f"static has two rows for {twice}; drop one of them")
        places = layout.in_order(static.index).get_indexer(layout.instances)
    if (places < 0).any():
        number = int(np.flatnonzero(places < 0)[0])
        raise InvalidInputError(
            f"static has no row for {layout.describe(number)}; add it, or check that static's "
            "index holds the instance level of y"
        )
    columns = {name: np.take(_numbers(static[column]), places) for column, name in names.items()}
    return pd.DataFrame({"unique_id": np.arange(len(places)), **columns})


def _refuse_text(static: pd.DataFrame) -> None:
    """Raise for text, which sktime has no tag for: its forecasters take numbers."""
    for place, name in enumerate(static.columns):
        if text_columns([name], static.iloc[:, [place]]):
            raise InvalidInputError(
                f"column {shown(name)} of static must hold numbers, found text (first:"
                f" {shown(static.iloc[0, place])}); encode it, e.g. static[{shown(name)}] ="
                f" static[{shown(name)}].astype('category').cat.codes"
            )


def static_names(static: Any) -> dict[Hashable, str]:
    """Return an unreserved name for each static column.

    Parameters
    ----------
    static : pandas.DataFrame
        The static columns.

    Returns
    -------
    dict of hashable to str
        The column's own name if possible.

    Raises
    ------
    InvalidInputError
        If it is not a frame, or has a duplicate column.

    Examples
    --------
    >>> static_names(pd.DataFrame({"size": [1], "unique_id": [2]}))
    {'size': 'size', 'unique_id': 'unique_id_'}
    """
    if not isinstance(static, pd.DataFrame):
        fix = ", e.g. static.to_frame('size')" if isinstance(static, pd.Series) else ""
        raise InvalidInputError(
            "static must be a DataFrame with one row per series, indexed as y without its times, "
            f"got {type(static).__name__}; pass one{fix}"
        )
    if static.columns.has_duplicates:
        twice = shown(static.columns[static.columns.duplicated()][0])
        raise InvalidInputError(f"static has two columns {twice}; rename one of them")
    return exogenous_names(static.columns)


def _numbers(column: pd.Series) -> Any:
    """Return a column's values, with booleans as 1 and 0."""
    is_bool = pd.api.types.is_bool_dtype(column.dtype)
    return (column.astype(np.float64) if is_bool else column).to_numpy()
