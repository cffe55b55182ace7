"""Run contestants, each in a process of its own with a wall-clock guard."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.accuracy import autogluon
from benchmarks.accuracy.contestants import Median, contestant, version_of
from benchmarks.accuracy.exchange import Request, read_result, write_task
from benchmarks.accuracy.metrics import errors
from benchmarks.accuracy.results import Job, Line, Results
from benchmarks.accuracy.task import Dataset, Forecast
from benchmarks.measuring import TreeWatch, watched
from benchmarks.running import ROOT

GRACE_SECONDS = 900.0


@dataclass(frozen=True)
class Runner:
    """Carries out jobs and stores their results.

    Parameters
    ----------
    results : Results
        Where they are stored.
    cache : Path
        Where peers are installed.
    limit : float
        Seconds after which a contestant without a budget is stopped; one with a budget is stopped
        fifteen minutes after it.
    equal_time : bool
        Give ours the seconds that AutoGluon took with the same budget and seed, if it ran before.
    """

    results: Results
    cache: Path
    limit: float = 3_600.0
    equal_time: bool = False

    def run(self, job: Job, data: Dataset) -> Line:
        """Carry out a job; a failure is a result too."""
        chosen = contestant(job.contestant)
        if isinstance(chosen, Median):
            line, forecast = self._combined(job, chosen)
        else:
            line, forecast = self._process(job, data)
        if forecast is not None:
            line |= errors(data, forecast)
        line |= {"n_series": len(data.truth), "h": data.h, "when": time.strftime("%F %T")}
        self.results.put(job, line, forecast)
        return line

    def _process(self, job: Job, data: Dataset) -> tuple[Line, Forecast | None]:
        seconds = self._seconds(job)
        limit = self.limit if seconds is None else seconds + GRACE_SECONDS
        log = self.results.logs / f"{job.key}.txt"
        with tempfile.TemporaryDirectory(prefix="accuracy-") as name:
            folder = Path(name)
            write_task(folder, data, Request(job.contestant, seconds, job.seed))
            started = time.time()
            watch, code = _watched(self._command(folder, job), folder, log, limit)
            line = _usage(watch, started) | {"allowed_seconds": seconds}
            if not (folder / "result.json").exists():
                stopped = time.time() - started >= limit
                return line | {"state": "stopped" if stopped else "failed", "exit": code}, None
            try:
                forecast, told = read_result(folder, data)
            except ValueError as error:
                return line | {"state": "failed", "reason": str(error)}, None
        return line | {"state": "done", **told}, forecast

    def _command(self, folder: Path, job: Job) -> list[str]:
        if isinstance(contestant(job.contestant), autogluon.AutoGluon):
            return autogluon.command(folder, self.cache)
        return [sys.executable, "-m", "benchmarks.accuracy.one_run", str(folder)]

    def _seconds(self, job: Job) -> float | None:
        if not self.equal_time or not job.contestant.startswith("ours:"):
            return job.budget
        peer = replace(job, contestant="AutoGluon", version=version_of("AutoGluon"))
        line = self.results.get(peer)
        return job.budget if line is None else line.get("seconds", job.budget)

    def _combined(self, job: Job, median: Median) -> tuple[Line, Forecast | None]:
        jobs = [replace(job, contestant=part, version=version_of(part)) for part in median.parts]
        forecasts = [self.results.forecast(part) for part in jobs]
        known = [forecast for forecast in forecasts if forecast is not None]
        if len(known) < len(jobs):
            return {"state": "failed", "reason": "a part has no forecast"}, None
        lines = [self.results.get(part) or {} for part in jobs]
        seconds = sum(line.get("seconds", 0.0) for line in lines)
        peak = max(line.get("peak_mb", 0.0) for line in lines)
        return {"state": "done", "seconds": seconds, "peak_mb": peak}, median.combine(known)


def _watched(
    command: list[str], folder: Path, log: Path, limit: float
) -> tuple[TreeWatch, int | None]:
    """Run a command in a folder, where anything else that it writes is deleted later."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    own = filter(None, [str(ROOT), environment.pop("PYTHONPATH", None)])
    if command[0] == sys.executable:  # a peer's environment must not see our packages
        environment["PYTHONPATH"] = os.pathsep.join(own)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        return watched(process, limit), process.returncode


def _usage(watch: TreeWatch, started: float) -> dict[str, Any]:
    """Return wall time, peak memory, and how busy other processes kept the machine."""
    end = time.time()
    return {
        "wall": end - started,
        "peak_mb": watch.peak_between(started, end, "pss"),
        "others_cpu": watch.others_between(started, end),
    }
