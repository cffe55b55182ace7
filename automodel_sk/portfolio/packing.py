"""Forecasts of the windows as text, to travel to other machines and to lie in a database."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np
import numpy.typing as npt

from automodel_sk.portfolio.data import PortfolioData

__all__ = ["MOST_VALUES", "packed", "shape_of", "unpacked"]

Array = npt.NDArray[np.float32]

MOST_VALUES = 100_000
"""Larger forecasts are not packed; they are made again where they are needed."""


def packed(point: Array) -> str | None:
    """Return forecasts as text, or None if there are too many.

    Parameters
    ----------
    point : array of float32, shape (n_judged, n_windows, h)
        The forecasts.
    """
    if point.size > MOST_VALUES:
        return None
    values = np.ascontiguousarray(point, dtype="<f4")
    return base64.b64encode(zlib.compress(values.tobytes(), 6)).decode("ascii")


def unpacked(text: str, data: PortfolioData) -> Array | None:
    """Return packed forecasts of the windows of some data, or None if they are none.

    Parameters
    ----------
    text : str
        A result of `packed`, or any text from a shared storage.
    data : PortfolioData
        The data.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": 1.0})
    >>> data = PortfolioData(frame, h=2, freq=1, season=1)
    >>> unpacked(packed(np.array([[[1.5, 2.0]]], dtype=np.float32)), data).tolist()
    [[[1.5, 2.0]]]
    >>> unpacked("no forecast", data) is None
    True
    """
    shape = shape_of(data)
    size = 4 * int(np.prod(shape))
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    except (binascii.Error, ValueError, zlib.error):
        return None
    if len(raw) != size:
        return None
    return np.frombuffer(raw, dtype="<f4").astype(np.float32).reshape(shape)


def shape_of(data: PortfolioData) -> tuple[int, int, int]:
    """Return the shape of forecasts of the windows: (n_judged, n_windows, h)."""
    return int(data.is_judged.sum()), data.n_windows, data.h
