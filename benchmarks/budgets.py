"""Compare the wall time of calls with their time budgets.

    python -m benchmarks.budgets [--data DIR] [--seconds 20 40 80] [--steps 300]

The package tunes NHITS over neuralforecast's own space with all defaults, for as many trials as
fit. The first call of the process, which imports the libraries, is made beforehand and not counted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.datasets import NAMES, Dataset, load, needs_files
from benchmarks.ours import search
from benchmarks.plan import Run
from benchmarks.tables import markdown

MODEL = "NHITS"


def timed(data: Dataset, seconds: float, steps: int) -> dict[str, Any]:
    """Return how much of its budget a call used, including a forecast."""
    run = Run("budgets", f"ours-{MODEL}", data.name, 1, trials=0, steps=steps, seconds=seconds)
    started = time.monotonic()
    fitted = search(MODEL, data, run)
    used = time.monotonic() - started
    forecast = fitted["predict"]()
    assert len(forecast) == len(data.test), "there is a model, whatever the budget"
    return {
        "data": data.name,
        "budget, s": f"{seconds:g}",
        "used, s": f"{used:.1f}",
        "used / budget": f"{used / seconds:.3f}",
        "trials": fitted["trials"],
    }


def table(names: Sequence[str], folder: Path | None, budgets: Sequence[float], steps: int) -> str:
    """Return one row per dataset and budget."""
    data = [load(name, folder) for name in names]
    with tempfile.TemporaryDirectory(prefix="automodel_sk-budgets-") as place:
        os.chdir(place)  # a call with all defaults stores and tracks in the current folder
        search(MODEL, data[0], Run("budgets", f"ours-{MODEL}", data[0].name, 1, trials=2, steps=10))
        rows = [timed(one, seconds, steps) for one in data for seconds in budgets]
        return markdown(pd.DataFrame(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with " + ", ".join(NAMES[1:]))
    parser.add_argument("--seconds", type=float, nargs="+", default=[20.0, 40.0, 80.0])
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    folder = options.data and options.data.resolve()
    names = [name for name in NAMES if folder or not needs_files(name)]
    print(table(names, folder, options.seconds, options.steps))


if __name__ == "__main__":
    main()
