"""Fail if forecasts have become worse than the recorded ones: ``make accuracy``.

    python -m benchmarks.accuracy.guard             # compare with the record, about five minutes
    python -m benchmarks.accuracy.guard --record    # measure three seeds and write the record

A few small data sets are forecast with ``model="auto"`` and a short budget. The geometric mean of
the MASE relative to the seasonal naive forecast may exceed the record by three times the standard
deviation that the record's seeds have, and by one percent at least.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy import datasets
from benchmarks.accuracy.compare import BASELINE, labelled, relative
from benchmarks.accuracy.contestants import contestant, version_of
from benchmarks.accuracy.results import Job, Results
from benchmarks.accuracy.running import Runner
from benchmarks.machine import describe

RECORD = Path(__file__).with_name("record.json")
COMMAND = "python -m benchmarks.accuracy.guard --record"
CONTESTANT = "ours:auto"
SECONDS = 30.0
SERIES = 60
SETS = ("air-passengers", "m1-quarterly", "m1-yearly", "m3-monthly", "prison", "fpp-tourism")
SEEDS = (1, 2, 3)
SIGMAS = 3.0
LEAST_MARGIN = 0.01


@dataclass(frozen=True)
class Record:
    """The recorded errors of each data set, by seed, relative to the seasonal naive forecast."""

    errors: dict[str, list[float]]
    contestant: str
    seconds: float
    command: str = COMMAND
    machine: dict[str, Any] = field(default_factory=dict)

    @property
    def means(self) -> np.ndarray:
        """The geometric mean over the data, one for each seed."""
        return np.asarray(np.exp(np.log(list(self.errors.values())).mean(axis=0)))

    @property
    def limit(self) -> float:
        """The largest geometric mean that is within the noise."""
        logs = np.log(self.means)
        noise = SIGMAS * logs.std(ddof=1) if len(logs) > 1 else 0.0
        return float(np.exp(logs.mean() + max(noise, np.log1p(LEAST_MARGIN))))


def read(path: Path = RECORD) -> Record:
    """Read the record; exit with a message if there is none."""
    if not path.exists():
        raise SystemExit(f"no accuracy is recorded in {path}; record it first: {COMMAND}")
    return Record(**json.loads(path.read_text(encoding="utf-8")))


def measured(
    seeds: Sequence[int], name: str = CONTESTANT, seconds: float = SECONDS
) -> dict[str, list[float]]:
    """Return the relative MASE of each data set, by seed; exit if a run fails."""
    with tempfile.TemporaryDirectory(prefix="accuracy-guard-") as folder:
        results = Results(Path(folder))
        runner = Runner(results, cache=Path(folder))
        for dataset in SETS:
            data = datasets.load(dataset).sample(SERIES)
            for who, seed in [("SeasonalNaive", 1), *((name, seed) for seed in seeds)]:
                budget = seconds if contestant(who).has_budget else None
                job = Job(dataset, 0, who, budget, seed, version_of(who))
                line = runner.run(job, data)
                if line["state"] != "done":
                    log = (results.logs / f"{job.key}.txt").read_text(encoding="utf-8")
                    raise SystemExit(f"{job.label()} {line['state']}:\n{log[-3_000:]}")
                print(f"{job.label()}: MASE {line['mase']:.3f}", flush=True)
        return relative_errors(labelled(results.newest()), name, seeds)


def relative_errors(runs: pd.DataFrame, name: str, seeds: Sequence[int]) -> dict[str, list[float]]:
    """Return a contestant's MASE relative to the baseline's, by data set and seed."""
    base = runs["contestant"] == BASELINE
    columns = {
        seed: relative(runs[base | ((runs["contestant"] == name) & (runs["seed"] == seed))], "mase")
        .drop(columns=BASELINE)
        .squeeze(axis=1)
        for seed in seeds
    }
    return {str(dataset): list(row) for dataset, row in pd.DataFrame(columns).iterrows()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.guard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--record", action="store_true", help="write the record")
    if parser.parse_args(arguments).record:
        record = Record(measured(SEEDS), CONTESTANT, SECONDS, machine=describe())
        RECORD.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
        print(f"recorded {np.round(record.means, 4).tolist()}; the limit is {record.limit:.4f}")
        return 0
    return judged(read(), measured(SEEDS[:1]))


def judged(record: Record, errors: dict[str, list[float]]) -> int:
    """Print the verdict; return 1 if the errors exceed the record's limit."""
    now = Record(errors, record.contestant, record.seconds)
    for dataset, values in errors.items():
        recorded = np.exp(np.mean(np.log(record.errors[dataset])))
        print(f"{dataset}: {values[0]:.3f}, recorded {recorded:.3f}")
    mean = float(now.means.mean())
    worse = mean > record.limit
    print(f"geometric mean {mean:.4f}, limit {record.limit:.4f}: {'WORSE' if worse else 'fine'}")
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())
