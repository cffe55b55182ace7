"""What this package costs beside training: per trial, and to import."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.running import run_module

REPEATS = 9


def overhead_ms(trials: int, steps: int, log: Path) -> float:
    """Return our own milliseconds per trial: space, storage and tracking on."""
    arguments = ["benchmarks.trial_overhead", "--trials", str(trials), "--steps", str(steps)]
    told, _ = run_module([*arguments, "--json", "RESULT"], log)
    return float(told["wall ms"]["our own, in all"])


def import_seconds(repeats: int = REPEATS) -> float:
    """Return what `import automodel_sk` takes longer than Python itself takes to start.

    Both are started in turns; the first of each, which reads from disk, is not counted.
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
