"""Measure the memory of a search over ten million rows, per process.

    python -m benchmarks.memory [--series 50000] [--length 200] [--workers 2]

Searches a small MLP in worker processes, and samples each process from outside. PSS divides shared
pages between processes, so its sum is the memory that the search takes; USS is memory that a
process shares with no other. Workers with their own copy of the data would show it in USS.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import MB, Member, TreeWatch
from benchmarks.running import run_module
from benchmarks.tables import markdown

H = 14
MEMORY_EVERY_SECONDS = 0.2
WORKER = "automodel_sk.search.optuna.workers.main"
SPACE = {"hidden_size": 16, "num_layers": 1, "windows_batch_size": 128, "input_size": 28}


def panel(n_series: int, length: int) -> pd.DataFrame:
    """Return a long frame of random walks; ids are categorical, as in files of this size."""
    names = pd.Index([f"series_{i:06d}" for i in range(n_series)])
    ids = pd.Categorical.from_codes(np.repeat(np.arange(n_series), length), names)
    times = pd.date_range("2020-01-01", periods=length, freq="D")
    steps = np.random.default_rng(0).normal(size=(n_series, length))
    values = steps.cumsum(axis=1).ravel()
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(times, n_series), "y": values})


def search(n_series: int, length: int, workers: int, trials: int, steps: int) -> dict[str, Any]:
    """Search in this process and its workers; return the size of the data and the losses."""
    from ray import tune

    from automodel_sk import create_auto_model

    data = panel(n_series, length)
    size = int(data.memory_usage(index=False, deep=True).sum())
    space = {**SPACE, "max_steps": steps, "learning_rate": tune.loguniform(1e-4, 1e-2)}
    model = create_auto_model(
        "MLP",
        h=H,
        dataset=data,
        config=space,
        num_samples=trials,
        cpus=workers,
        use_pruning=False,
        verbose=False,
    )
    return {"data_mb": size / MB, "states": model.trials["state"].tolist()}


def roles(members: list[Member]) -> dict[str, list[Member]]:
    """Classify the processes: the parent, the fork server, the workers."""
    parent = members[0]
    forked = [m for m in members if m.command == parent.command and m is not parent]
    helpers = [m for m in members if WORKER in m.command] + forked
    hosts = [m for m in helpers if m.parent == parent.process.pid]
    workers = [m for m in helpers if m not in hosts]
    known = {id(m) for m in (parent, *hosts, *workers)}
    others = [m for m in members if id(m) not in known and m.peak]
    return {"parent": [parent], "host": hosts, "worker": workers, "other": others}


def table(watch: TreeWatch, data_mb: float) -> pd.DataFrame:
    """Return the peak of each process, and of the whole tree at one time."""
    lines = [
        {"process": role, **{f"{kind.upper()}, MB": peak for kind, peak in member.peak.items()}}
        for role, members in roles(watch.members).items()
        for member in members
        if member.peak
    ]
    start, end = watch.times[0], watch.times[-1]
    whole = {f"{kind.upper()}, MB": watch.peak_between(start, end, kind) for kind in ("pss", "uss")}
    frame = pd.DataFrame([*lines, {"process": "all at once", **whole}])
    return frame.assign(**{"PSS / data": frame["PSS, MB"] / data_mb})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=50_000)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = [options.series, options.length, options.workers, options.trials, options.steps]
    if options.here:
        Path(options.here).write_text(json.dumps(search(*work)), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as folder:
        told, watch = run_module(
            ["benchmarks.memory", *_flags(options), "--here", "RESULT"],
            Path(folder) / "log",
            MEMORY_EVERY_SECONDS,
        )
    frame = table(watch, told["data_mb"])
    options.out.mkdir(parents=True, exist_ok=True)
    frame.to_csv(options.out / "memory.csv", index=False)
    rows = options.series * options.length
    print(f"{rows:,} rows, {told['data_mb']:,.0f} MB as a frame; trials {told['states']}\n")
    print(markdown(frame))


def _flags(options: argparse.Namespace) -> list[str]:
    names = ("series", "length", "workers", "trials", "steps")
    return [text for name in names for text in (f"--{name}", str(getattr(options, name)))]


if __name__ == "__main__":
    sys.exit(main())
