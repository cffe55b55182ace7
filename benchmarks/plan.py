"""The runs of the comparison and their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.datasets import NAMES

GPU_TIMES = 4
"""How many times the trials are run on a GPU, which is quick."""


@dataclass(frozen=True)
class Comparison:
    """Contestants that do the same work; this package is the first.

    `most_seeds` and `datasets` keep the full run within about an hour, nine tenths of which the
    peers take; a thorough run ignores them.
    """

    name: str
    what: str
    contestants: tuple[str, ...]
    most_seeds: int | None = None
    by_time: bool = False
    datasets: tuple[str, ...] = NAMES

    def scope(self, size: Size) -> tuple[int, tuple[str, ...]]:
        """Return the number of seeds and the datasets of a run of this size."""
        if size.thorough:
            return size.seeds, NAMES
        return min(size.seeds, self.most_seeds or size.seeds), self.datasets

    @property
    def ours(self) -> str:
        """The contestant that the others are compared with."""
        return self.contestants[0]

    @property
    def in_turn(self) -> tuple[str, ...]:
        """The contestants in run order: with equal time, the peers determine the time."""
        return (*self.peers, self.ours) if self.by_time else self.contestants

    @property
    def peers(self) -> tuple[str, ...]:
        """The other contestants."""
        return self.contestants[1:]


COMPARISONS = {
    comparison.name: comparison
    for comparison in (
        Comparison("search", "NHITS, equal trials", ("ours-NHITS", "AutoNHITS-optuna")),
        Comparison(
            "equal-time",
            "NHITS, equal time",
            ("ours-NHITS", "AutoNHITS-optuna"),
            most_seeds=1,
            by_time=True,
        ),
        Comparison(
            "ray",
            "NHITS, equal trials",
            ("ours-NHITS", "AutoNHITS-ray"),
            most_seeds=1,
            datasets=("air-passengers",),
        ),
        Comparison(
            "mlp",
            "MLP, equal trials",
            ("ours-MLP", "AutoMLP-optuna", "AutoMLP-ray"),
            most_seeds=1,
            datasets=("air-passengers",),
        ),
        Comparison(
            "sktime",
            "GRU, equal trials",
            ("ours-GRU", "sktime-GRU"),
            most_seeds=1,
            datasets=("air-passengers",),
        ),
    )
}
GPU = Comparison(
    "gpu",
    "NHITS, equal trials, on a GPU",
    ("ours-NHITS", "AutoNHITS-optuna"),
    most_seeds=1,
    datasets=("M4-hourly", "air-passengers"),
)


@dataclass(frozen=True)
class Run:
    """One run of one contestant in a separate process.

    `seconds` is the time limit of the search, if the number of trials is not fixed.
    """

    comparison: str
    contestant: str
    dataset: str
    seed: int
    trials: int
    steps: int
    seconds: float | None = None

    @property
    def key(self) -> str:
        """The key of the run in the store: everything that defines it."""
        work = f"{self.trials}x{self.steps}" if self.seconds is None else f"{self.seconds:g}s"
        return f"{self.comparison}.{self.dataset}.{self.contestant}.{work}.seed{self.seed}"

    def to_dict(self) -> dict[str, Any]:
        """Return the run as a JSON-compatible dict."""
        return asdict(self)


@dataclass(frozen=True)
class Size:
    """The size of the benchmark."""

    seeds: int = 3
    trials: int = 10
    steps: int = 300
    seconds: float = 60.0
    thorough: bool = False


QUICK = Size(seeds=1, trials=2, steps=20, seconds=20.0)


def all_runs(size: Size, datasets: Sequence[str], gpu: bool) -> list[Run]:
    """Return the runs in order; contestants alternate, so that noise affects all of them.

    Seeds follow each other within a comparison, so that an interrupted benchmark has each dataset
    once before any dataset three times.
    """
    comparisons = [*COMPARISONS.values(), *([GPU] if gpu else [])]
    return [run for comparison in comparisons for run in _runs(comparison, size, datasets)]


def _runs(comparison: Comparison, size: Size, datasets: Sequence[str]) -> Iterator[Run]:
    seeds, names = comparison.scope(size)
    here = [name for name in names if name in datasets]
    if comparison is GPU and not size.thorough:
        here = here[:1]
    for seed in range(1, seeds + 1):
        for dataset in here:
            for contestant in comparison.in_turn:
                yield Run(
                    comparison.name,
                    contestant,
                    dataset,
                    seed,
                    size.trials * (GPU_TIMES if comparison is GPU else 1),
                    size.steps,
                    size.seconds if comparison.by_time else None,
                )


def chosen(runs: Sequence[Run], patterns: Sequence[str]) -> list[Run]:
    """Return the runs whose key contains a pattern; all runs if there are no patterns."""
    return [run for run in runs if not patterns or any(part in run.key for part in patterns)]
