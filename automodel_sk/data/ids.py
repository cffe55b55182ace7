"""Convert series ids to plain numbers and text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["plain_ids"]


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
