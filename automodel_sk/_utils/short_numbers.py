"""Numbers of forecasts as text: with the digits that they have, and no noise behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["with_short_numbers"]

_EXACT = 2.0**24
"""Up to here every whole number has a float of four bytes."""


def with_short_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of forecasts whose numbers are short as text.

    Networks compute with floats of four bytes, about seven digits. As floats of eight bytes
    they would show sixteen, such as 78.97000122070312 for 78.97. Columns with larger numbers than
    these digits hold stay as they are.

    Parameters
    ----------
    frame : pandas.DataFrame
        The forecasts.

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> forecast = pd.DataFrame({"ds": [1], "NHITS": [78.97000122070312]})
    >>> with_short_numbers(forecast).to_csv(index=False).split()
    ['ds,NHITS', '1,78.97']
    """
    wide = frame.select_dtypes("float64")
    short = [name for name in wide if not (np.abs(wide[name]) > _EXACT).any()]
    return frame.astype(dict.fromkeys(short, "float32"))
