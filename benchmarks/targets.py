"""Compare targets with results: one row per target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.plan import COMPARISONS, GPU
from benchmarks.ratios import Figures, Pairs, geometric

TIMES_FASTER = {"air-passengers": 12.0, "ETTh1": 8.0, "M4-hourly": 8.0}
TIMES_SOONER = 10.0
WORST_ERROR = 1.0
MOST_MEMORY = 1.3
EQUAL_TIME_ERROR = 0.95
OWN_COST_MS = 50.0
IMPORT_SECONDS = 0.1
GPU_TIMES = 8.0


@dataclass(frozen=True)
class Row:
    """One target; `reached` is NaN if it was not measured, for the reason in `note`."""

    what: str
    where: str
    target: str
    reached: float
    unit: str
    holds: bool | None
    seeds: int = 0
    note: str = ""


def at_least(
    what: str, where: str, target: float, reached: float, unit: str = "x", **more: object
) -> Row:
    return _row(what, where, "at least", target, reached, unit, reached >= target, **more)


def at_most(
    what: str, where: str, target: float, reached: float, unit: str = "", **more: object
) -> Row:
    return _row(what, where, "at most", target, reached, unit, reached <= target, **more)


def _row(
    what: str,
    where: str,
    side: str,
    target: float,
    reached: float,
    unit: str,
    holds: bool,
    seeds: int = 0,
    note: str = "",
) -> Row:
    verdict = None if math.isnan(reached) or math.isnan(target) else holds
    goal = "-" if math.isnan(target) else f"{side} {target:.3g}{unit}"
    return Row(what, where, goal, reached, unit, verdict, seeds, note)


def rows(
    runs: Sequence[Figures], datasets: Sequence[str], own: dict[str, float], gpu: bool
) -> list[Row]:
    """Return the table's rows.

    Parameters
    ----------
    runs : sequence of dict
        The finished runs.
    datasets : sequence of str
        The compared datasets.
    own : dict
        ``overhead_ms`` and ``import_seconds``; missing ones were not measured.
    gpu : bool
        Whether there is a GPU.
    """
    return [
        *_equal_trials(runs, datasets),
        *_against_ray(runs, datasets),
        *_equal_time(runs, datasets),
        *_own(own),
        *_start(runs, datasets),
        *_gpu(runs, gpu),
    ]


def _pairs(runs: Sequence[Figures], comparison: str, dataset: str) -> Pairs:
    row = COMPARISONS[comparison]
    return Pairs.of(runs, comparison, dataset, row.ours, row.peers[0])


def _equal_trials(runs: Sequence[Figures], datasets: Sequence[str]) -> Iterator[Row]:
    for dataset in datasets:
        pairs = _pairs(runs, "search", dataset)
        n = len(pairs)
        faster, error = pairs.times_faster(), pairs.relative("test_mae")
        sooner = pairs.times_sooner()
        what = "wall time of AutoNHITS on Optuna / ours"
        yield at_least(what, dataset, TIMES_FASTER[dataset], faster, seeds=n)
        yield at_most("test MAE, ours / its", dataset, WORST_ERROR, error, seeds=n)
        what = "its best validation loss reached sooner"
        yield at_least(what, dataset, TIMES_SOONER, sooner, seeds=n)
        memory = pairs.relative("peak_pss_mb")
        yield at_most("peak memory (PSS), ours / its", dataset, MOST_MEMORY, memory, seeds=n)


def _against_ray(runs: Sequence[Figures], datasets: Sequence[str]) -> Iterator[Row]:
    for dataset in datasets:
        pairs = _pairs(runs, "ray", dataset)
        on_optuna = _pairs(runs, "search", dataset).times_faster()
        n = len(pairs)
        if not n and dataset not in COMPARISONS["ray"].datasets:
            continue  # of a thorough run only
        what = "wall time of AutoNHITS on Ray / ours"
        yield at_least(what, dataset, on_optuna, pairs.times_faster(), seeds=n)
        error = pairs.relative("test_mae")
        yield at_most("test MAE, ours / its on Ray", dataset, WORST_ERROR, error, seeds=n)


def _equal_time(runs: Sequence[Figures], datasets: Sequence[str]) -> Iterator[Row]:
    pairs = [_pairs(runs, "equal-time", dataset) for dataset in datasets]
    ratios = [p.relative("test_mase") for p in pairs]
    what = "test MASE after equal time, ours / AutoNHITS's"
    where = f"geometric mean of {len(datasets)}"
    seeds = min((len(p) for p in pairs), default=0)
    yield at_most(what, where, EQUAL_TIME_ERROR, geometric(ratios), seeds=seeds)


def _own(own: dict[str, float]) -> Iterator[Row]:
    cost, seconds = own.get("overhead_ms", math.nan), own.get("import_seconds", math.nan)
    yield at_most("own cost per trial", "a small MLP", OWN_COST_MS, cost, " ms")
    what = "`import automodel_sk` beyond bare Python"
    yield at_most(what, "this machine", IMPORT_SECONDS, seconds, " s")


def _start(runs: Sequence[Figures], datasets: Sequence[str]) -> Iterator[Row]:
    """Show the remaining start-up time of workers when it overlaps with the checks."""
    for dataset in datasets:
        pairs = _pairs(runs, "search", dataset)
        after = pairs.median_of(lambda ours, _: ours["first_trial_after"])
        what = "from the call to the first trial"
        yield at_most(what, dataset, math.nan, after, " s", seeds=len(pairs))


def _gpu(runs: Sequence[Figures], gpu: bool) -> Iterator[Row]:
    done = [r["dataset"] for r in runs if r["comparison"] == GPU.name]
    dataset = done[0] if done else ""
    pairs = Pairs.of(runs, GPU.name, dataset, GPU.ours, GPU.peers[0])
    ratio = pairs.median_of(lambda ours, peer: trials_per_hour(ours) / trials_per_hour(peer))
    note = "" if gpu else "no GPU here"
    what = "trials per hour, ours / AutoNHITS one after another"
    yield at_least(what, f"a GPU {dataset}".strip(), GPU_TIMES, ratio, seeds=len(pairs), note=note)


def trials_per_hour(run: Figures) -> float:
    """Return the trials per hour of a search, including the time of its refit."""
    return float(run["trials_done"]) * 3600 / float(run["wall"])
