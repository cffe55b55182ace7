"""Compare this package with its peers.

    python -m benchmarks --data DIR     # the full run, about an hour
    python -m benchmarks --quick        # a few minutes; the figures are meaningless

Each contestant runs on each dataset and seed in a separate process. Finished runs are stored, and
the same command resumes an interrupted benchmark. DIR holds ETTh1.csv and m4_hourly_100.csv;
without it, only the air-passengers panel is compared. The peers are dependencies of this package,
so nothing more needs to be installed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import own_costs, plots, tables, targets
from benchmarks.datasets import NAMES, needs_files
from benchmarks.machine import describe, gpus
from benchmarks.plan import QUICK, Run, Size, all_runs, chosen
from benchmarks.running import RunFailedError, carry_out
from benchmarks.store import Store


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    full = Size()
    parser.add_argument("--data", type=Path, help="the folder of the data files")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--seeds", type=int, default=full.seeds)
    parser.add_argument("--trials", type=int, default=full.trials)
    parser.add_argument("--steps", type=int, default=full.steps)
    parser.add_argument("--seconds", type=float, default=full.seconds, help="of the equal time")
    parser.add_argument("--quick", action="store_true", help="one seed, two trials, few steps")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="every comparison on every dataset with every seed, many hours",
    )
    parser.add_argument("--fresh", action="store_true", help="forget finished runs first")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="PART",
        help="carry out runs whose name holds one of these, such as search.ETTh1 or own-costs",
    )
    parser.add_argument("--list", action="store_true", help="show the runs and what is finished")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    size = (
        QUICK
        if options.quick
        else Size(options.seeds, options.trials, options.steps, options.seconds, options.thorough)
    )
    datasets = [name for name in NAMES if options.data or not needs_files(name)]
    store = Store(options.out)
    if options.fresh:
        store.clear()
    runs = all_runs(size, datasets, bool(gpus()))
    if options.list:
        for run in chosen(runs, options.only):
            print("done" if store.has(run.key) else "    ", run.key)
        return 0
    machine = _machine(store)
    failed = _carry_out(chosen(runs, options.only), store, options.data)
    failed += _own_costs(size, store, options.only)
    report = _report(store, runs, datasets, machine, size)
    print(f"\n{report.read_text(encoding='utf-8')}\nwritten to {report.parent}")
    if failed:
        print(f"failed: {', '.join(failed)}; their output is in {store.logs}", file=sys.stderr)
    return 1 if failed else 0


def _machine(store: Store) -> dict[str, str]:
    machine = describe()
    path = store.folder / "machine.json"
    path.write_text(json.dumps(machine, indent=1), encoding="utf-8")
    return machine


def _carry_out(runs: list[Run], store: Store, data: Path | None) -> list[str]:
    """Run what is missing; a failed run is reported and the others continue."""
    failed = []
    for number, run in enumerate(runs, start=1):
        if store.has(run.key):
            continue
        print(f"[{number}/{len(runs)}] {run.key} ...", end=" ", flush=True)
        started = time.monotonic()
        try:
            carry_out(run, store, data)
            print(f"{time.monotonic() - started:.0f} s", flush=True)
        except RunFailedError as error:
            failed.append(run.key)
            print(f"failed: {error}", flush=True)
    return failed


def _own_costs(size: Size, store: Store, only: list[str]) -> list[str]:
    """Measure the missing costs of this package; return the failures."""
    failed = []
    for key, measure in _costs(size, store).items():
        if store.has(key) or (only and not any(part in key for part in only)):
            continue
        print(f"{key} ...", end=" ", flush=True)
        try:
            store.put(key, measure())
            print("done", flush=True)
        except RunFailedError as error:
            failed.append(key)
            print(f"failed: {error}", flush=True)
    return failed


def _costs(size: Size, store: Store) -> dict[str, Callable[[], dict[str, float]]]:
    """Return the functions that measure this package's costs, by storage key."""
    trials = f"own-costs.trial.{size.trials}x{size.steps}"
    return {
        "own-costs.import": lambda: {"import_seconds": own_costs.import_seconds()},
        trials: lambda: {
            "overhead_ms": own_costs.overhead_ms(size.trials, size.steps, store.log(trials))
        },
    }


def _report(
    store: Store, runs: list[Run], datasets: list[str], machine: dict[str, str], size: Size
) -> Path:
    finished = store.finished(runs)
    own = {
        name: value for key in _costs(size, store) for name, value in (store.get(key) or {}).items()
    }
    rows = targets.rows(finished, datasets, own, bool(gpus()))
    plots.draw(store.folder, finished)
    return tables.write(store.folder, finished, rows, machine, size)


if __name__ == "__main__":
    sys.exit(main())
