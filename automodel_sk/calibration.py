"""How many past windows calibrate the intervals, and what a fitted model kept of its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.categories import decoded
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = ["Windows", "known_errors", "plan_windows", "stored_static"]

_MOST_WINDOWS = 10


@dataclass(frozen=True)
class Windows:
    """Windows at the end of each series.

    Parameters
    ----------
    count : int
        How many.
    step : int
        Steps from one to the next.
    """

    count: int
    step: int


def plan_windows(frame: pd.DataFrame, h: int, n_windows: int | None = None) -> Windows:
    """Return the windows to hold out: within the last third of the shortest series.

    Parameters
    ----------
    frame : DataFrame
        Prepared long frame.
    h : int
        Steps of each window.
    n_windows : int, optional
        How many; as many as fit when None.

    Returns
    -------
    Windows

    Raises
    ------
    InvalidInputError
        The shortest series has no room for a window.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a"] * 90})
    >>> plan_windows(frame, h=10)
    Windows(count=3, step=10)
    """
    sizes = frame.groupby("unique_id", observed=True, sort=False).size()
    shortest = int(sizes.min())
    room = shortest // 3 if n_windows is None else shortest - 2
    step = h if room >= 2 * h else 1
    most = (room - h) // step + 1
    count = min(most, _MOST_WINDOWS) if n_windows is None else n_windows
    if count < 1 or count > most:
        raise InvalidInputError(
            f"{wording().series(sizes.idxmin())} has {shortest} rows, too few to hold out"
            f" {_count(max(count, 1))} of {h} steps for the intervals; use a loss that gives"
            " its own, for example loss=DistributionLoss('Normal'), or leave out short series"
        )
    return Windows(count, step)


def _count(windows: int) -> str:
    return f"{windows} window" + ("" if windows == 1 else "s")


def known_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the errors of windows that were observed in full.

    Where there is none, an unobserved step takes the series' mean absolute error.

    Parameters
    ----------
    errors : DataFrame
        Columns unique_id, cutoff and error; NaN for a step that was not observed.

    Examples
    --------
    >>> errors = {"unique_id": "a", "cutoff": [1, 1, 2, 2], "error": [1.0, None, 3.0, 2.0]}
    >>> known_errors(pd.DataFrame(errors))["error"].tolist()
    [3.0, 2.0]
    >>> known_errors(pd.DataFrame(errors).head(2))["error"].tolist()
    [1.0, 1.0]
    """
    gone = errors["error"].isna()
    if not gone.any():
        return errors
    partly = gone.groupby([errors["unique_id"], errors["cutoff"]], observed=True).transform("any")
    if not partly.all():
        return errors[~partly]
    sizes = errors["error"].abs()
    usual = sizes.groupby(errors["unique_id"], observed=True).transform("mean")
    return errors.assign(error=errors["error"].fillna(usual).fillna(sizes.mean()).fillna(0.0))


def stored_static(fitted: Any) -> pd.DataFrame:
    """Return the static values that a NeuralForecast object was fitted with."""
    dataset = fitted.dataset
    table = pd.DataFrame(np.asarray(dataset.static), columns=list(dataset.static_cols))
    return decoded(table.assign(unique_id=np.asarray(fitted.uids)), fitted.categorical_vocab_)
