"""Finished runs on disk: one line of JSON each, and their forecasts beside them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.task import Forecast

Line = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One run; its fields are the key of its result."""

    dataset: str
    origin: int
    contestant: str
    budget: float | None
    seed: int
    version: str

    @property
    def key(self) -> str:
        """A name for files."""
        text = ".".join("-" if part is None else f"{part}" for part in astuple(self))
        short = hashlib.sha256(text.encode()).hexdigest()[:8]
        return re.sub(r"[^A-Za-z0-9.+-]+", "_", text) + f".{short}"

    def label(self) -> str:
        """Return a name to print."""
        budget = "" if self.budget is None else f" {self.budget:g} s"
        return f"{self.dataset}@{self.origin} {self.contestant}{budget} seed {self.seed}"


class Results:
    """The folder of the results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "runs.jsonl"
        self.logs, self.forecasts = folder / "logs", folder / "forecasts"
        for needed in (self.logs, self.forecasts):
            needed.mkdir(parents=True, exist_ok=True)
        self._lines = {Job(**line["job"]): line for line in self._read()}

    def _read(self) -> list[Line]:
        """Return the complete lines; the last one may be cut where a run was stopped."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        complete = text[: text.rfind("\n") + 1]
        if complete != text:
            self.path.write_text(complete, encoding="utf-8")
        return [json.loads(line) for line in complete.splitlines()]

    def get(self, job: Job) -> Line | None:
        """Return the result of a run; None if it is not finished."""
        return self._lines.get(job)

    def put(self, job: Job, line: Line, forecast: Forecast | None = None) -> None:
        """Add a finished run; its forecast is written first."""
        if forecast is not None:
            np.savez_compressed(
                self.forecasts / f"{job.key}.npz",
                point=forecast.point.astype(np.float32),
                quantiles=forecast.quantiles.astype(np.float32),
            )
        told = {"job": asdict(job), **line}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        self._lines[job] = told

    def forecast(self, job: Job) -> Forecast | None:
        """Return the stored forecast of a run."""
        path = self.forecasts / f"{job.key}.npz"
        if not path.exists():
            return None
        with np.load(path) as kept:
            return Forecast(kept["point"].astype(float), kept["quantiles"].astype(float))

    def newest(self, jobs: Sequence[Job] | None = None) -> list[Line]:
        """Return one line for each run, flat: the last version of each contestant's that ran."""
        newest: dict[tuple[Any, ...], Line] = {}
        wanted = None if jobs is None else set(jobs)
        for job, line in self._lines.items():
            if wanted is None or job in wanted:
                rest = {name: value for name, value in line.items() if name != "job"}
                newest[astuple(job)[:-1]] = {**asdict(job), **rest}
        return list(newest.values())
