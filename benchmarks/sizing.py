"""Compare the cost model of `docs/cluster.md` with a search on Ray, predicted and measured.

    python -m benchmarks.sizing [--series 50000] [--length 200] [--workers 2] [--trials 4]

A search of two trials on 1,000 series gives the seconds of a step on this machine. The model of
`examples/sizing.py` predicts from it the time of the trials, of the search and the memory of the
machine, for a small MLP without pruning; then the search runs, and its processes are sampled from
outside.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd

from benchmarks.memory import SPACE, H, panel
from benchmarks.running import ROOT, run_module
from benchmarks.tables import markdown

SERIES_OF_THE_SAMPLE = 1_000


def search(n_series: int, length: int, workers: int, trials: int, steps: int) -> dict[str, Any]:
    """Search on Ray in this process; return the seconds of the trials and of all together."""
    from ray import tune

    from automodel_sk import create_auto_model

    rates = tune.loguniform(1e-4, 1e-2)
    space = {**SPACE, "max_steps": steps, "windows_batch_size": 256, "learning_rate": rates}
    model = create_auto_model(
        "MLP",
        h=H,
        dataset=panel(n_series, length),
        config=space,
        num_samples=trials,
        backend="ray",
        cpus=workers,
        use_pruning=False,
        use_mlflow=False,
        verbose=False,
    )
    ended = model.trials
    assert (ended["state"] == "COMPLETE").all()
    span = ended["datetime_complete"].max() - ended["datetime_start"].min()
    return {"trial": ended["duration"].mean().total_seconds(), "search": span.total_seconds()}


def model_of_costs() -> Any:
    """Return the class of `examples/sizing.py`, which prints its table when it runs."""
    alone = mock.patch.object(sys, "argv", ["sizing.py"])  # it reads its arguments
    with contextlib.redirect_stdout(io.StringIO()), alone:
        return runpy.run_path(str(ROOT / "examples" / "sizing.py"))["Search"]


def measure(options: argparse.Namespace) -> pd.DataFrame:
    """Return what the model predicts beside what the search took."""
    work = [options.length, options.workers, options.trials, options.steps]
    sample = _run([SERIES_OF_THE_SAMPLE, options.length, 1, 2, options.steps])[0]
    cost = model_of_costs()
    of_sample = cost(trials=2, series=SERIES_OF_THE_SAMPLE, steps=options.steps, step_seconds=1.0)
    step_seconds = sample["trial"] / (3600 * of_sample.trial_hours)
    predicted = cost(
        trials=options.trials,
        series=options.series,
        length=options.length,
        steps=options.steps,
        step_seconds=step_seconds,
        kept=1.0,
        cpus=options.workers,
    )
    found, watch = _run([options.series, *work])
    peak = watch.peak_between(watch.times[0], watch.times[-1], "pss") / 1000
    pairs = {
        "a trial, s": (3600 * predicted.trial_hours, found["trial"]),
        "the search, s": (3600 * predicted.hours, found["search"]),
        "memory, GB": (predicted.machine_gb, peak),
    }
    rows = [{"what": name, "predicted": a, "measured": b} for name, (a, b) in pairs.items()]
    table = pd.DataFrame(rows)
    print(f"a step on one thread: {1000 * step_seconds:.2f} ms\n")
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
