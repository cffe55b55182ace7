"""Convert frames of other libraries, such as polars and pyarrow, to pandas."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["as_pandas"]


def as_pandas(value: Any) -> Any:
    """Convert a frame of another library to a pandas DataFrame.

    Takes what narwhals knows (polars, pyarrow, modin and others), and any object that hands out
    its columns through the Arrow stream or the dataframe interchange protocol. Decimals become
    floats and dates become timestamps, as in pandas.

    Parameters
    ----------
    value : object
        A frame; pandas' own are returned as they are, and so is what is no frame, or one that has
        to be computed first.

    Returns
    -------
    object

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_pandas(pa.table({"unique_id": ["a", "b"], "y": [1, None]}))
      unique_id    y
    0         a  1.0
    1         b  NaN
    >>> as_pandas("sales.csv")
    'sales.csv'
    """
    if value is None or isinstance(value, (pd.DataFrame, pd.Series, str)):
        return value
    try:
        frame = _eager(value)
        return value if frame is None else _plain(frame).to_pandas()
    except Exception:  # an object may raise anything; the rule of the argument then refuses it
        return value


def _eager(value: Any) -> Any:
    """Return a narwhals frame of data in memory; None for what is no such frame."""
    import narwhals as nw

    found = nw.from_native(value, eager_only=True, pass_through=True)
    if isinstance(found, nw.DataFrame):
        return found
    kind = type(value)  # not the object, which may pretend to have any attribute
    if hasattr(kind, "__arrow_c_stream__"):
        return nw.from_arrow(value, backend="pyarrow")
    if hasattr(kind, "__dataframe__"):
        from pyarrow.interchange import from_dataframe

        return nw.from_native(from_dataframe(value), eager_only=True)
    return None


def _plain(frame: Any) -> Any:
    """Return a frame without types that pandas would hold as Python objects."""
    import narwhals as nw

    changed = []
    for name, dtype in frame.schema.items():
        if dtype == nw.Decimal:
            changed.append(nw.col(name).cast(nw.Float64))
        elif dtype == nw.Date:
            changed.append(nw.col(name).cast(nw.Datetime("us")))
    return frame.with_columns(*changed) if changed else frame
