"""Data of the folder that `--data` names, and the air passengers of neuralforecast."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.accuracy.task import Dataset, split
from benchmarks.datasets import air_passengers as classic_air_passengers
from benchmarks.datasets import etth1

FILES = {
    "etth1": "ETTh1.csv",
    "etth2": "ETTh2.csv",
    "m4-hourly": "m4_hourly_100.csv",
    "m4-weekly": "m4_weekly.csv",
}


def air_passengers() -> Dataset:
    """Load two monthly series, one derived from the other."""
    data = classic_air_passengers()
    return Dataset("air-passengers", data.train, data.test, h=12, season=12, freq="ME")


def available(folder: Path | None) -> list[str]:
    """Return the names of the data whose file is in the folder."""
    if folder is None:
        return []
    return [name for name, file in FILES.items() if (folder / file).exists()]


def load(name: str, folder: Path) -> Dataset:
    path = folder / FILES[name]
    return _ett(name, path) if name.startswith("ett") else _m4(name, path)


def _ett(name: str, path: Path) -> Dataset:
    """Read the last 2,500 hours of the seven variables as seven series."""
    data = etth1(path)
    development = name == "etth1"
    return Dataset(name, data.train, data.test, 96, 24, "h", development=development)


def _m4(name: str, path: Path) -> Dataset:
    """Read series of the M4 competition with their official split; numbers become times."""
    hourly = name == "m4-hourly"
    freq, h, season = ("h", 48, 24) if hourly else ("W-MON", 13, 1)
    frame = pd.read_csv(path, dtype={"y": float}).sort_values(["unique_id", "ds"])
    times = pd.date_range("2000-01-03", periods=int(frame["ds"].max()), freq=freq)
    frame = frame.assign(ds=times[frame["ds"] - 1])[["unique_id", "ds", "y"]]
    return Dataset(name, *split(frame, h), h=h, season=season, freq=freq, origins=1)
