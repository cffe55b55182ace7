"""Convert series ids to plain numbers and text, and number the series."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["number_ids", "plain_ids"]

IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]


def plain_ids(column: pd.Series[Any]) -> pd.Series[Any]:
    """Convert ids held by Arrow or as Python objects to pandas' own text or numbers.

    Parameters
    ----------
    column : pandas.Series
        The id of each row.

    Returns
    -------
    pandas.Series

    Examples
    --------
    >>> plain_ids(pd.Series([1, 2], dtype="int64[pyarrow]")).dtype
    dtype('int64')
    """
    if column.dtype == object and len(column) and isinstance(column.iloc[0], (int, np.integer)):
        return column.infer_objects()
    if not isinstance(column.dtype, pd.ArrowDtype) or column.isna().any():
        return column
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.astype("int64")
    text = "string" in str(column.dtype)  # also an Arrow dictionary of strings
    return column.astype("str") if text else column.astype(object)


def number_ids(column: pd.Series[Any]) -> tuple[IntArray, pd.Index]:
    """Return the series number of each row, and the series ids.

    Looks up only the first row of each run of equal ids, so a frame whose rows are grouped by
    series costs one comparison per row.

    Examples
    --------
    >>> codes, ids = number_ids(pd.Series(["b", "b", "a"]))
    >>> codes.tolist(), ids.tolist()
    ([0, 0, 1], ['b', 'a'])
    """
    starts = np.flatnonzero(_starts_run(column))
    if len(starts) > len(column) / 2:
        codes, names = pd.factorize(column)
        return codes.astype(np.int32), pd.Index(names)
    codes, names = pd.factorize(column.iloc[starts])
    runs = np.diff(np.append(starts, len(column)))
    return np.repeat(codes.astype(np.int32), runs), pd.Index(names)


def _starts_run(column: pd.Series[Any]) -> BoolArray:
    """Mark the rows whose id differs from that of the row before."""
    cells: Any = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
    starts = np.ones(len(column), dtype=bool)
    if len(column) > 1:
        starts[1:] = _changes(cells)
    return starts


def _changes(column: pd.Series[Any]) -> BoolArray:
    """Return whether each cell but the first differs from the one before."""
    if column.dtype == object:
        with suppress(TypeError, ValueError):  # pandas.NA, and values that compare to arrays
            objects = column.to_numpy()  # NumPy compares texts five times as fast as pandas
            return np.asarray(objects[1:] != objects[:-1], dtype=bool)
    cells: Any = column.array
    changed = pd.Series(cells[1:] != cells[:-1])
    return changed.fillna(True).to_numpy(dtype=bool)
