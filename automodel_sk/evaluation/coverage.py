"""How often prediction intervals held on past windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.forecasting.conformal import ConformalScores

_KEYS = ["unique_id", "cutoff", "ds"]

__all__ = ["coverage_on_windows"]


def coverage_on_windows(
    forecasts: pd.DataFrame,
    column: str,
    history: pd.DataFrame,
    season: int,
    levels: Sequence[float],
) -> dict[float, float]:
    """Return the share of past values inside the intervals, by level.

    The intervals of a window are calibrated by the errors in the other windows. Nothing is trained.

    Parameters
    ----------
    forecasts : DataFrame
        Columns unique_id, cutoff, ds, y and the model's, for the same windows of each series.
    column : str
        The model's column.
    history : DataFrame
        The series: unique_id, ds and y, sorted.
    season : int
        Steps of one season.
    levels : sequence of float
        Levels in percent.

    Returns
    -------
    dict of float to float
        Shares from 0 to 1; empty if there is a single window, or windows share steps.

    Examples
    --------
    >>> history = pd.DataFrame({"unique_id": "a", "ds": range(24), "y": np.arange(24) * 7 % 5})
    >>> windows = history.tail(12).assign(cutoff=lambda f: f["ds"] // 4 * 4 - 1)
    >>> coverage_on_windows(windows.assign(MLP=windows["y"] + 1), "MLP", history, 4, [80])
    {80: 1.0}
    """
    table = forecasts.sort_values(_KEYS, kind="stable", ignore_index=True)
    cutoffs = table.groupby("unique_id", observed=True)["cutoff"]
    windows = cutoffs.rank("dense").to_numpy(dtype=int)
    count = int(windows.max(initial=0))
    if count < 2 or table.duplicated(["unique_id", "ds"]).any() or not table["y"].notna().any():
        return {}
    table["error"] = table["y"] - table[column]
    held = np.zeros((len(table), len(levels)), dtype=bool)
    for window in range(1, count + 1):
        inside = windows == window
        held[inside] = _inside(table, inside, column, history, season, levels)
    observed = table["y"].notna().to_numpy()
    shares = held[observed].mean(axis=0)
    return {level: float(share) for level, share in zip(levels, shares, strict=True)}


def _inside(
    table: pd.DataFrame,
    inside: npt.NDArray[np.bool_],
    column: str,
    history: pd.DataFrame,
    season: int,
    levels: Sequence[float],
) -> Any:
    """Return which values of a window lie in intervals that the other windows calibrate."""
    own = table[inside]
    h = len(own) // own["unique_id"].nunique()
    scores = ConformalScores.from_cross_validation(table[~inside], history, h, season)
    bounds = [0.5 + side * level / 200 for level in levels for side in (-1, 1)]
    point = own[column].to_numpy(dtype=float).reshape(-1, h)
    sides = scores.quantiles(point, scores.series, bounds).reshape(len(own), len(levels), 2)
    truth = own["y"].to_numpy(dtype=float)[:, None]
    slack = 1e-9 * np.abs(sides).max(axis=2)  # errors that never differ lie on the bounds
    return (sides[:, :, 0] - slack <= truth) & (truth <= sides[:, :, 1] + slack)
