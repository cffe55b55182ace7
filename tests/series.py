"""Small series whose future is known exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd


def seasonal_panel(
    n_series: int = 3, length: int = 120, season: int = 12, start: str = "2010-01-31"
) -> pd.DataFrame:
    """Return noiseless seasonal series, each at a level of its own (monthly)."""
    ds = pd.date_range(start, periods=length, freq="ME")
    step = np.arange(length)
    frames = [
        pd.DataFrame(
            {
                "unique_id": f"s{i}",
                "ds": ds,
                "y": 100.0 * (i + 1) + 10.0 * (i + 1) * np.sin(2 * np.pi * step / season),
            }
        )
        for i in range(n_series)
    ]
    return pd.concat(frames, ignore_index=True)
