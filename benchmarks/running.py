"""Run one benchmark in a fresh process and sample it from this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measuring import MEMORY_EVERY_SECONDS, TreeWatch, watched
from benchmarks.plan import COMPARISONS, Run
from benchmarks.store import Store

TIMEOUT_SECONDS = 3600.0
ROOT = Path(__file__).parent.parent
_ALONE = {"RAY_ADDRESS": "local"}  # a peer's Ray joins no cluster that it finds on the machine


class RunFailedError(RuntimeError):
    """Raised if a run's process ends without a result."""


def run_module(
    arguments: list[str], log: Path, memory_every: float = MEMORY_EVERY_SECONDS
) -> tuple[dict[str, Any], TreeWatch]:
    """Run ``python -m ARGUMENTS... RESULT`` in a temporary folder and return its result.

    A temporary file replaces the argument ``"RESULT"``. Anything else the run writes to its working
    folder (a study, an MLflow store) is deleted.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        result = Path(folder) / "result.json"
        given = [str(result) if argument == "RESULT" else argument for argument in arguments]
        started = time.time()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *given],
                cwd=folder,
                env={**os.environ, **_ALONE, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            watch = watched(process, TIMEOUT_SECONDS, memory_every)
        if not result.exists():
            raise RunFailedError(f"exit code {process.returncode}; its output is in {log}")
        return {"started": started, **json.loads(result.read_text(encoding="utf-8"))}, watch


def carry_out(run: Run, store: Store, data: Path | None) -> None:
    """Execute a run and store its figures."""
    folder = [str(data.resolve())] if data else []
    given = {**run.to_dict(), "seconds": seconds_given(run, store)}
    arguments = ["benchmarks.one_run", json.dumps(given), "RESULT", *folder]
    told, watch = run_module(arguments, store.log(run.key))
    store.put(run.key, figures(told, watch))


def seconds_given(run: Run, store: Store) -> float | None:
    """Return a contestant's time limit: ours gets the time that the peer actually took.

    The peer does not keep a time limit: it finishes the running trial, and its refit follows.
    """
    if run.seconds is None:
        return None
    comparison = COMPARISONS[run.comparison]
    if run.contestant != comparison.ours:
        return run.seconds
    peers = [store.get(replace(run, contestant=peer).key) for peer in comparison.peers]
    return min((peer["wall"] for peer in peers if peer is not None), default=run.seconds)


def figures(told: dict[str, Any], watch: TreeWatch) -> dict[str, Any]:
    """Return the figures of a run: its own timings and the sampled usage.

    The wall time is from the call to the fitted model. The contestant's own imports count only in
    the figures with imports, which start with its process; imports of its workers count in both.
    """
    started, called, fitted = told["started"], told["called"], told["fitted"]
    first = told["first_trial"]
    return {
        "wall": fitted - called,
        "wall_with_imports": fitted - started,
        "cpu": watch.cpu_between(called, fitted),
        "cpu_with_imports": watch.cpu_between(started, fitted),
        "others_cpu": watch.others_between(called, fitted),
        **{f"peak_{k}_mb": watch.peak_between(started, fitted, k) for k in ("pss", "uss", "rss")},
        "first_trial_after": None if first is None else first - called,
        "trials_done": told["trials"],
        "best_loss": min((loss for _, loss in told["losses"]), default=None),
        "curve": best_so_far(told["losses"], called),
        "test_mae": told["test_mae"],
        "test_mase": told["test_mase"],
    }


def best_so_far(losses: list[list[float]], called: float) -> list[list[float]]:
    """Return each new best loss with the seconds since the call."""
    curve: list[list[float]] = []
    for when, loss in losses:
        if not curve or loss < curve[-1][1]:
            curve.append([when - called, loss])
    return curve
