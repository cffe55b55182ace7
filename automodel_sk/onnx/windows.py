"""The inputs of an ONNX file: the last steps of each series as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.preparation import MASK

__all__ = ["last_windows"]

Array = npt.NDArray[np.float32]


def last_windows(
    history: pd.DataFrame,
    input_size: int,
    *,
    hist_exog: Sequence[str] = (),
    futr_exog: Sequence[str] = (),
    stat_exog: Sequence[str] = (),
    futr_df: pd.DataFrame | None = None,
    static_df: pd.DataFrame | None = None,
) -> dict[str, Array]:
    """Return the last steps of each series, padded at the start with unobserved zeros.

    Parameters
    ----------
    history : DataFrame
        Prepared rows, sorted by series and time.
    input_size : int
        Steps to return.
    hist_exog, futr_exog, stat_exog : sequence of str
        Exogenous columns.
    futr_df : DataFrame, optional
        As many rows for each series, in the order of `history`.
    static_df : DataFrame, optional
        One row per series, in the order of `history`.

    Returns
    -------
    dict of str to array
        The inputs of `INPUTS` that are used.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": list("aab"), "ds": [1, 2, 2], "y": [3.0, 4.0, 5.0]})
    >>> found = last_windows(frame, 2)
    >>> found["y"].tolist(), found["mask"].tolist()
    ([[3.0, 4.0], [0.0, 5.0]], [[1.0, 1.0], [0.0, 1.0]])
    """
    ids = history["unique_id"].to_numpy()
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    ends = np.r_[starts[1:], len(ids)]
    rows = ends[:, None] - np.arange(input_size, 0, -1)
    inside = rows >= starts[:, None]
    rows = np.where(inside, rows, starts[:, None])

    def past(columns: Sequence[str]) -> Array:
        values = history[list(columns)].to_numpy(dtype=np.float32)[rows]
        return np.where(inside[:, :, None], values, np.float32(0))

    found = {"y": past(["y"])[:, :, 0], "mask": inside.astype(np.float32)}
    if MASK in history.columns:
        found["mask"] = past([MASK])[:, :, 0]
    if futr_exog and futr_df is not None:
        later = futr_df[list(futr_exog)].to_numpy(dtype=np.float32)
        ahead = later.reshape(len(starts), -1, len(futr_exog))
        found["futr_exog"] = np.concatenate([past(futr_exog), ahead], axis=1)
    if hist_exog:
        found["hist_exog"] = past(hist_exog)
    if stat_exog and static_df is not None:
        found["stat_exog"] = static_df[list(stat_exog)].to_numpy(dtype=np.float32)
    return found
