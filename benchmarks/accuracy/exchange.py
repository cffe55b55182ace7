"""A task as files: what a contestant's process is given, and what it hands back.

The folder holds ``task.json``, ``train.csv`` and ``future.csv``; the process adds ``forecast.csv``
(`unique_id`, `ds`, `point` and the nine quantile levels) and ``result.json`` with its seconds.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.accuracy.task import Dataset, Forecast

TYPES = {"unique_id": str}


@dataclass(frozen=True)
class Request:
    """What a contestant is asked to do; `seconds` is None for one without a budget."""

    contestant: str
    seconds: float | None
    seed: int


def write_task(folder: Path, data: Dataset, request: Request) -> None:
    about = {"name": data.name, "h": data.h, "season": data.season, "freq": data.freq}
    told = {**about, "futr_exog": list(data.futr_exog), **asdict(request)}
    (folder / "task.json").write_text(json.dumps(told), encoding="utf-8")
    data.train.to_csv(folder / "train.csv", index=False)
    data.future.to_csv(folder / "future.csv", index=False)


def read_task(folder: Path) -> tuple[Dataset, Request]:
    """Return the task with a test frame that lacks the target, and the request."""
    told = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train, future = (
        pd.read_csv(folder / name, dtype=TYPES, parse_dates=["ds"], float_precision="round_trip")
        for name in ("train.csv", "future.csv")
    )
    exogenous = tuple(told["futr_exog"])
    data = Dataset(told["name"], train, future, told["h"], told["season"], told["freq"], exogenous)
    return data, Request(told["contestant"], told["seconds"], told["seed"])


def write_result(folder: Path, forecast: pd.DataFrame, seconds: float, **more: Any) -> None:
    forecast.to_csv(folder / "forecast.csv", index=False)
    told = json.dumps({"seconds": seconds, **more})
    (folder / "result.json").write_text(told, encoding="utf-8")


def read_result(folder: Path, data: Dataset) -> tuple[Forecast, dict[str, Any]]:
    told: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    frame = pd.read_csv(folder / "forecast.csv", dtype=TYPES, parse_dates=["ds"])
    return Forecast.from_frame(data, frame), told
