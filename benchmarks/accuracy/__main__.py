"""Measure the accuracy of this package and its peers on public data.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.accuracy                       # everything: days of computing
    python -m benchmarks.accuracy --quick               # ten minutes, three small data sets
    python -m benchmarks.accuracy --only m1- --contestants SeasonalNaive DOT ours:auto --budget 120

Each run has a process of its own. Finished runs are stored, and the same command resumes an
interrupted benchmark. AutoGluon is installed into an environment of its own at its first run; it
runs without its pretrained models, which would have to be downloaded.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.accuracy import datasets, report
from benchmarks.accuracy.contestants import DEFAULT, contestant, in_order, version_of
from benchmarks.accuracy.results import Job, Results
from benchmarks.accuracy.running import Runner
from benchmarks.accuracy.task import Dataset
from benchmarks.machine import describe

QUICK_CONTESTANTS = ["SeasonalNaive", "DOT", "ours:auto"]
QUICK_SECONDS = 60.0


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, help="the folder with ETTh1.csv and the like")
    add("--out", type=Path, default=Path("benchmarks/results/accuracy"))
    add("--cache", type=Path, default=Path("benchmarks/.cache"), help="where peers are installed")
    add("--only", nargs="+", default=[], metavar="PART", help="data whose name holds one of these")
    add("--contestants", nargs="+", default=list(DEFAULT), metavar="NAME")
    add("--budget", nargs="+", type=float, default=[120.0], metavar="SECONDS")
    add("--seeds", type=int, default=1, help="how many seeds")
    add("--origins", type=int, default=3, help="forecast origins, where the length allows")
    add("--limit", type=float, default=3_600.0, help="seconds of a contestant without a budget")
    add("--equal-time", action="store_true", help="give ours the seconds that AutoGluon took")
    add("--quick", action="store_true", help="three small data sets, three contestants")
    add("--retry", action="store_true", help="run failed runs again")
    add("--list", action="store_true", help="show the runs and what is finished")
    add("--report", action="store_true", help="only write the report of what is finished")
    options = parser.parse_args(arguments)
    if options.quick:
        options.only, options.contestants = list(datasets.QUICK), QUICK_CONTESTANTS
        options.budget, options.origins = [QUICK_SECONDS], 1
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    results = Results(options.out)
    runner = Runner(results, options.cache, options.limit, options.equal_time)
    jobs, failed, development = [], [], set()
    for name in _chosen(options):
        data = datasets.load(name, options.data)
        development |= {name} if data.development else set()
        for job, task in _jobs(data, options):
            jobs.append(job)
            failed += _carried_out(job, task, runner, options)
    if options.list:
        return 0
    lines = results.newest(jobs)
    if not lines:
        print("no finished runs to report", file=sys.stderr)
        return 1
    versions = ", ".join(sorted({line["version"] for line in lines}))
    path = report.write(options.out, lines, development, describe() | {"measured": versions})
    print(f"\n{path.read_text(encoding='utf-8')}\n\nwritten to {path.parent}")
    if failed:
        print(f"failed: {', '.join(failed)}; their output is in {results.logs}", file=sys.stderr)
    return 1 if failed else 0


def _chosen(options: argparse.Namespace) -> list[str]:
    known = datasets.names(options.data)
    chosen = [n for n in known if not options.only or any(part in n for part in options.only)]
    if not chosen:
        raise SystemExit(f"no data is named {options.only}; choose from {', '.join(known)}")
    return chosen


def _jobs(data: Dataset, options: argparse.Namespace) -> Iterator[tuple[Job, Dataset]]:
    """Yield the runs of a data set; contestants take turns, seed by seed."""
    names = in_order(["SeasonalNaive", *options.contestants])
    versions = {name: version_of(name) for name in names}
    for origin, task in datasets.tasks(data, options.origins):
        for seed in range(1, options.seeds + 1):
            for budget in options.budget:
                for name in names:
                    chosen = contestant(name)
                    if (seed > 1 and not chosen.has_seed) or (
                        budget != options.budget[0] and not chosen.has_budget
                    ):
                        continue
                    seconds = budget if chosen.has_budget else None
                    yield Job(data.name, origin, name, seconds, seed, versions[name]), task


def _carried_out(job: Job, task: Dataset, runner: Runner, options: argparse.Namespace) -> list[str]:
    """Run a job that is not finished; return its label if it failed."""
    line = runner.results.get(job)
    if options.list:
        print(line["state"] if line else "-", job.label())
        return []
    if options.report or (line and not (options.retry and line["state"] != "done")):
        return []
    print(f"{job.label()} ...", end=" ", flush=True)
    line = runner.run(job, task)
    told = f"MASE {line['mase']:.3f} WQL {line['wql']:.3f}" if "mase" in line else line["state"]
    print(f"{told}, {line.get('seconds', line.get('wall', 0.0)):.0f} s", flush=True)
    return [] if line["state"] == "done" else [job.label()]


if __name__ == "__main__":
    sys.exit(main())
