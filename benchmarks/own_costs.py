"""Measure this package's overhead per trial and its import time."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.running import run_module

REPEATS = 9


def overhead_ms(trials: int, steps: int, log: Path) -> float:
    """Return our overhead per trial in milliseconds, with space, storage and tracking."""
    arguments = ["benchmarks.trial_overhead", "--trials", str(trials), "--steps", str(steps)]
    told, _ = run_module([*arguments, "--json", "RESULT"], log)
    return float(told["wall ms"]["our own, in all"])


def import_seconds(repeats: int = REPEATS) -> float:
    """Return how much longer `import automodel_sk` takes than starting Python.

    The two alternate; the first run of each, which reads from disk, is not counted.
    """
    bare, ours = [], []
    for _ in range(repeats + 1):
        bare.append(_seconds("pass"))
        ours.append(_seconds("import automodel_sk"))
    return statistics.median(ours[1:]) - statistics.median(bare[1:])


def _seconds(program: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - started
