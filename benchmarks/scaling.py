"""Measure trials per minute by number of workers, for Ray and for Optuna on PostgreSQL.

    python -m benchmarks.scaling [--trials 16] [--steps 300] [--repeats 3]

Each row is the same search: an MLP of fixed size on the air-passengers panel, with a tuned learning
rate and no pruning, so that every trial is the same work. Trials per minute are measured from the
start of the first trial to the end of the last. The ceiling is the machine's capacity: as many
independent processes as workers, up to the number of cores, each running the whole search at the
same time. Efficiency is a row's rate divided by its ceiling. Four workers on two cores are measured
too, to show the cost of oversubscription.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import postgres
from benchmarks.running import ROOT
from benchmarks.tables import markdown

TIMEOUT_SECONDS = 1800
SPACE = {"hidden_size": 256, "num_layers": 2, "windows_batch_size": 128, "input_size": 24}


@dataclass(frozen=True)
class Row:
    """A search to time; its study is stored in PostgreSQL or a file."""

    backend: str
    workers: int
    in_database: bool = False

    @property
    def name(self) -> str:
        """The name of the row in the table."""
        return "Optuna on PostgreSQL" if self.in_database else self.backend.capitalize()


ROWS = (
    Row("ray", 1),
    Row("ray", 2),
    Row("ray", 4),
    Row("optuna", 1, in_database=True),
    Row("optuna", 2, in_database=True),
)
INDEPENDENT = Row("optuna", 1)


def search(row: Row, trials: int, steps: int, storage: str) -> dict[str, float]:
    """Run one search in this process and return its figures."""
    import time

    from neuralforecast.utils import AirPassengersPanel
    from ray import tune

    from automodel_sk import create_auto_model

    options: dict[str, Any] = {"cpus": row.workers, "storage": storage}
    if row.backend == "ray":
        import ray

        # start Ray with as many CPUs as workers, even if the machine has fewer
        ray.init("local", num_cpus=row.workers, include_dashboard=False, log_to_driver=False)
        options = {"backend": "ray"}
    called = time.time()
    model = create_auto_model(
        "MLP",
        h=12,
        dataset=AirPassengersPanel[["unique_id", "ds", "y"]],
        config={**SPACE, "max_steps": steps, "learning_rate": tune.loguniform(1e-4, 1e-2)},
        num_samples=trials,
        use_pruning=False,
        verbose=False,
        **options,
    )
    wall = time.time() - called
    table = model.trials
    if not (table["state"] == "COMPLETE").all():
        raise RuntimeError(f"trials ended as {table['state'].tolist()}")
    span = table["datetime_complete"].max() - table["datetime_start"].min()
    return {"per_minute": 60 * trials / span.total_seconds(), "wall": wall}


def at_once(rows: list[Row], trials: int, steps: int, storage: str | None) -> list[dict[str, Any]]:
    """Run searches in parallel, each in a separate process, and return their figures."""
    with contextlib.ExitStack() as stack:
        started = [
            _start(row, trials, steps, storage, stack.enter_context(_folder())) for row in rows
        ]
        return [_figures(process, result) for process, result in started]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        yield Path(folder)


def _start(
    row: Row, trials: int, steps: int, storage: str | None, folder: Path
) -> tuple[subprocess.Popen[bytes], Path]:
    result = folder / "result.json"
    work = json.dumps([asdict(row), trials, steps, storage or str(folder / "study")])
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scaling", "--here", work, str(result)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return process, result


def _figures(process: subprocess.Popen[bytes], result: Path) -> dict[str, Any]:
    try:
        process.wait(TIMEOUT_SECONDS)
    finally:
        process.kill()
    if not result.exists():
        raise SystemExit((result.parent / "log").read_text(encoding="utf-8")[-2_000:])
    figures: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return figures


def ceiling(processes: int, trials: int, steps: int) -> float:
    """Return the total trials per minute of independent processes."""
    together = at_once([INDEPENDENT] * processes, trials, steps, None)
    return sum(figures["per_minute"] for figures in together)


def measured(row: Row, trials: int, steps: int) -> dict[str, Any]:
    if not row.in_database:
        return at_once([row], trials, steps, None)[0]
    with postgres.server() as url:
        return at_once([row], trials, steps, url)[0]


def table(trials: int, steps: int, repeats: int) -> pd.DataFrame:
    """Measure all rows, alternating, and return the medians."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    usable = [row for row in ROWS if not row.in_database or postgres.programs()]
    sides = sorted({min(row.workers, cores or 1) for row in usable})
    ceilings: dict[int, list[float]] = {side: [] for side in sides}
    found: dict[Row, list[dict[str, Any]]] = {row: [] for row in usable}
    for number in range(repeats):
        for side in sides:
            ceilings[side].append(ceiling(side, trials, steps))
        for row in usable:
            print(f"[{number + 1}/{repeats}] {row.name}, {row.workers}", file=sys.stderr)
            found[row].append(measured(row, trials, steps))
    return pd.DataFrame(
        [
            *(_ceiling_line(side, statistics.median(ceilings[side])) for side in sides),
            *(_line(row, found[row], ceilings[min(row.workers, cores or 1)]) for row in usable),
        ]
    )


def _ceiling_line(side: int, rate: float) -> dict[str, Any]:
    return {
        "search": "independent processes",
        "workers": side,
        "trials a minute": rate,
        "efficiency": 1.0,
        "wall, s": float("nan"),
    }


def _line(row: Row, figures: list[dict[str, Any]], ceilings: list[float]) -> dict[str, Any]:
    rate = statistics.median(one["per_minute"] for one in figures)
    return {
        "search": row.name,
        "workers": row.workers,
        "trials a minute": rate,
        "efficiency": rate / statistics.median(ceilings),
        "wall, s": statistics.median(one["wall"] for one in figures),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--here", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        work, result = options.here
        row, trials, steps, storage = json.loads(work)
        figures = search(Row(**row), trials, steps, storage)
        Path(result).write_text(json.dumps(figures), encoding="utf-8")
        return
    if postgres.programs() is None:
        print("no PostgreSQL server is installed here: its rows are left out", file=sys.stderr)
    frame = table(options.trials, options.steps, options.repeats)
    options.out.mkdir(parents=True, exist_ok=True)
    frame.to_csv(options.out / "scaling.csv", index=False)
    print(markdown(frame))


if __name__ == "__main__":
    main()
