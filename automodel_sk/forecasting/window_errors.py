"""Calibrate intervals from forecasts of the validation windows that exist already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.held_out import HeldOutWindows
from automodel_sk.forecasting.conformal import ConformalScores

__all__ = ["enough_windows", "scores_of_windows", "table_of_windows"]

LEAST_WINDOWS = 2
LEAST_IN_ALL = 20
"""Validation windows, of each series and of all, that replace those of another training.

The best trial and its best step are chosen by the errors of these windows, which are therefore
smaller than those of later forecasts: by much if there are few windows to choose by, hardly if
there are many. And a single window tells nothing about how errors differ between windows.
"""


def enough_windows(n_series: int, n_windows: int) -> bool:
    """Return whether a search's validation windows can calibrate intervals.

    Examples
    --------
    >>> enough_windows(2, 3), enough_windows(10, 2), enough_windows(1000, 1)
    (False, True, False)
    """
    return n_windows >= LEAST_WINDOWS and n_series * n_windows >= LEAST_IN_ALL


def scores_of_windows(
    point: npt.ArrayLike, windows: HeldOutWindows, history: pd.DataFrame, season: int
) -> ConformalScores:
    """Return conformal scores from forecasts of held-out windows.

    Parameters
    ----------
    point : array
        Point forecasts made without the windows, in their order: series, window, step.
    windows : HeldOutWindows
        The windows with their actual values.
    history : DataFrame with columns unique_id, ds, y
        The series, sorted, windows included; series without windows are ignored.
    season : int
        Steps of one season.

    Returns
    -------
    ConformalScores

    Examples
    --------
    >>> from automodel_sk.data.held_out import hold_out
    >>> y = [1.0, -1.0] * 4 + [1.0]
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": y})
    >>> windows = hold_out(df, h=2, n_windows=2)
    >>> scores = scores_of_windows(np.array([[[1.0, 1.0], [-1.0, 1.0]]]), windows, df, season=1)
    >>> scores.errors.tolist()  # in units of the mean difference, which is 2
    [[[1.0, 0.0], [0.0, 0.0]]]
    """
    table = table_of_windows(point, windows, "point")
    errors = table.assign(error=table["y"] - table["point"])
    return ConformalScores.from_cross_validation(errors, history, windows.h, season)


def table_of_windows(point: npt.ArrayLike, windows: HeldOutWindows, column: str) -> pd.DataFrame:
    """Return forecasts of held-out windows as `AutoModel.cross_validation` does.

    Parameters
    ----------
    point, windows
        As in `scores_of_windows`.
    column : str
        Name of the column of forecasts.

    Returns
    -------
    DataFrame
        Columns unique_id, ds, cutoff, the forecasts and y.
    """
    values = np.asarray(point, dtype=float).ravel()
    table = windows.frame.assign(**{column: values})
    return table[["unique_id", "ds", "cutoff", column, "y"]]
