"""Advise how to handle missing values, depending on where in the series they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from automodel_sk.data.panel import BoolArray, Panel
from automodel_sk.data.wording import wording

__all__ = ["advice"]

Flags = npt.NDArray[np.bool_]


def advice(missing: BoolArray, panel: Panel | None, name: str, frame: str) -> str:
    """Say how to remove missing values.

    Forward filling invents values at the end of a series and fills nothing at its start, so the
    advice suggests it only for gaps.

    Parameters
    ----------
    missing : array of bool, shape (n_rows,)
        The rows without a value.
    panel : Panel, optional
        The panel of the rows.
    name, frame : str
        The column and the frame's name.

    Examples
    --------
    >>> import pandas as pd
    >>> panel = Panel.of(pd.Series(["a", "a", "a"]), pd.Series([1, 2, 3]))
    >>> advice(np.array([False, False, True]), panel, "y", "df")
    'they are all after the last value of a series; drop these rows, and pass what is known ...'
    >>> advice(np.array([True, False, False]), panel, "y", "df")
    'they are all before the first value of a series; drop these rows: df = df.dropna(...)'
    """
    words = wording()
    drop = words.without_missing(name, frame)
    if panel is None or frame == "futr_df":
        return "fill them with the values that are known ahead" if frame == "futr_df" else drop
    early, late, empty = _places(missing, panel)
    if empty is not None:
        return f"{words.series(panel.ids[empty])} has no value at all; leave it out: {drop}"
    if (late | ~missing).all():
        future = words.how(words.frame("futr_df"), "--futr")
        ahead = f", and pass what is known of them as {future} to predict" if name == "y" else ""
        return f"they are all after the last value of a series; drop these rows{ahead}: {drop}"
    if (early | ~missing).all():
        return f"they are all before the first value of a series; drop these rows: {drop}"
    code = f", e.g. {words.code(name, frame)} = {words.by_series(name, frame)}.ffill()"
    fill = words.how(code, " in the file, e.g. with the value before")
    mask = words.masked(name)
    rest = " (rows before the first or after the last value: drop them)"
    edges = rest if (missing & (early | late)).any() else ""
    option = ", or fit with fill_gaps='interpolate'" if name == "y" else ""
    return f"fill them{fill}{edges}{mask}{option}"


def _places(missing: BoolArray, panel: Panel) -> tuple[Flags, Flags, int | None]:
    """Return the rows before and after the values of a series, and a series without any value."""
    codes, ranks = panel.codes, panel.ranks
    known = ~missing & (codes >= 0) & (ranks >= 0)
    n_series = len(panel.ids)
    first = np.full(n_series, len(panel.times))
    last = np.full(n_series, -1)
    np.minimum.at(first, codes[known], ranks[known])
    np.maximum.at(last, codes[known], ranks[known])
    empty = np.flatnonzero(last < 0)
    early = missing & (ranks < first[codes])
    late = missing & (ranks > last[codes])
    return early, late, int(empty[0]) if len(empty) else None
