"""Compare the cost model of `docs/cluster.md` with a search on Ray, predicted and measured.

    python -m benchmarks.sizing [--series 50000] [--length 200] [--workers 2] [--trials 4]

Searches on 1,000 and on 8,000 series, with as many workers, give the seconds of a step and of a
validation on this machine, and those until the first trial. The model of `examples/sizing.py`
predicts from them the time of the trials, of the search and the memory of the machine, for a small
MLP without pruning; then the search runs, and its processes are sampled from outside.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import runpy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd

from benchmarks.memory import SPACE, H, panel
from benchmarks.running import ROOT, run_module
from benchmarks.tables import markdown

RAY_GB = 0.5
SAMPLES = (1_000, 8_000)
"""Series of the searches that give the speed of the parts."""


def search(n_series: int, length: int, workers: int, trials: int, steps: int) -> dict[str, Any]:
    """Search on Ray in this process; return the seconds of the trials and of all together."""
    from ray import tune

    from automodel_sk import create_auto_model

    rates = tune.loguniform(1e-4, 1e-2)
    space = {**SPACE, "max_steps": steps, "windows_batch_size": 256, "learning_rate": rates}
    frame = panel(n_series, length)
    started = time.time()
    model = create_auto_model(
        "MLP",
        h=H,
        dataset=frame,
        config=space,
        num_samples=trials,
        backend="ray",
        cpus=workers,
        use_pruning=False,
        use_mlflow=False,
        verbose=False,
    )
    ended = model.trials.sort_values("datetime_start")
    assert (ended["state"] == "COMPLETE").all()
    later = ended["duration"].tail(workers)  # a worker's first trial loads the data
    return {
        "trial": later.mean().total_seconds(),
        "search": ended["datetime_complete"].max().to_pydatetime().timestamp() - started,
        "validations": int(ended["n_reports"].median()),
    }


def model_of_costs() -> Any:
    """Return the class of `examples/sizing.py`, which prints its table when it runs."""
    alone = mock.patch.object(sys, "argv", ["sizing.py"])  # it reads its arguments
    with contextlib.redirect_stdout(io.StringIO()), alone:
        return runpy.run_path(str(ROOT / "examples" / "sizing.py"))["Search"]


def speed_of_parts(options: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of a step, of a validation of 1,000 series, and until the first trial.

    The last grows with the data, which are checked and sent to the workers.
    """
    work = [options.length, options.workers, 2 * options.workers, options.steps]
    small, large = (_run([n_series, *work])[0] for n_series in SAMPLES)
    validated = [
        found["validations"] * n_series / 1_000
        for n_series, found in zip(SAMPLES, (small, large), strict=True)
    ]
    validation = (large["trial"] - small["trial"]) / (validated[1] - validated[0])
    step = (small["trial"] - validation * validated[0]) / options.steps
    starts = [found["search"] - 2 * found["trial"] for found in (small, large)]
    a_series = max(0.0, starts[1] - starts[0]) / (SAMPLES[1] - SAMPLES[0])
    start = starts[0] + a_series * (options.series - SAMPLES[0])
    return {"step_seconds": step, "validation_seconds": validation, "start_seconds": start}


def measure(options: argparse.Namespace) -> pd.DataFrame:
    """Return what the model predicts beside what the search took."""
    parts = speed_of_parts(options)
    print(", ".join(f"{name} {value:.4g}" for name, value in parts.items()), "\n")
    predicted = model_of_costs()(
        trials=options.trials,
        series=options.series,
        length=options.length,
        steps=options.steps,
        kept=1.0,
        cpus=options.workers,
        efficiency=1.0,  # the trials of the samples ran side by side too
        ray_gb=RAY_GB,
        **parts,
    )
    work = [options.series, options.length, options.workers, options.trials, options.steps]
    found, watch = _run(work)
    peak = watch.peak_between(watch.times[0], watch.times[-1], "pss") / 1000
    pairs = {
        "a trial, s": (3600 * predicted.trial_hours, found["trial"]),
        "the search, s": (3600 * predicted.hours, found["search"]),
        "memory, GB": (predicted.machine_gb, peak),
    }
    rows = [{"what": name, "predicted": a, "measured": b} for name, (a, b) in pairs.items()]
    table = pd.DataFrame(rows)
    return table.assign(**{"measured / predicted": table["measured"] / table["predicted"]})


def _run(work: list[int]) -> tuple[dict[str, Any], Any]:
    with tempfile.TemporaryDirectory() as folder:
        given = [str(value) for value in work]
        return run_module(
            ["benchmarks.sizing", "--work", *given, "--here", "RESULT"], Path(folder) / "log", 0.5
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=50_000)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--work", type=int, nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        Path(options.here).write_text(json.dumps(search(*options.work)), encoding="utf-8")
        return
    table = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "sizing.csv", index=False)
    print(markdown(table))


if __name__ == "__main__":
    sys.exit(main())
