"""Static columns of a panel, in the engine's order of series."""

from __future__ import annotations

import numpy as np
import pandas as pd

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.layout import Layout

__all__ = ["static_frame"]


def static_frame(static: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return one row of static columns per series, numbered as the engine knows them.

    Parameters
    ----------
    static : pandas.DataFrame
        Indexed by the panel's instance level or levels; a single series has one row.
    layout : Layout
        Layout of the series.

    Returns
    -------
    pandas.DataFrame
        Column `unique_id` and the static columns, under their names as strings.

    Raises
    ------
    InvalidInputError
        If a series has no row, or has two.

    Examples
    --------
    >>> y = pd.concat({"b": pd.DataFrame({"y": [1.0]}), "a": pd.DataFrame({"y": [2.0]})})
    >>> static = pd.DataFrame({"size": [10, 20]}, index=["a", "b"])
    >>> static_frame(static, Layout.learn(y))
       unique_id  size
    0          0    20
    1          1    10
    """
    if layout.instances is None:
        if len(static) != 1:
            raise InvalidInputError(
                f"static must have one row for a single series, got {len(static)}; pass one row"
            )
        places = np.zeros(1, dtype=np.int64)
    else:
        if static.index.has_duplicates:
            twice = static.index[static.index.duplicated()][0]
            raise InvalidInputError(f"static has two rows for {twice!r}; drop one of them")
        places = static.index.get_indexer(layout.instances)
    if (places < 0).any():
        number = int(np.flatnonzero(places < 0)[0])
        raise InvalidInputError(
            f"static has no row for {layout.describe(number)}; add it, or check that static's "
            "index holds the instance level of y"
        )
    columns = {str(name): np.take(static[name].to_numpy(), places) for name in static.columns}
    return pd.DataFrame({"unique_id": np.arange(len(places)), **columns})
