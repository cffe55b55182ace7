"""Compute ratios from finished runs: pairs by seed, then the median over the seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import Any

Figures = dict[str, Any]
"""A finished run: what it was and what it measured."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of runs of this package and a peer that did the same, by seed."""

    ours: Sequence[Figures]
    peers: Sequence[Figures]

    @classmethod
    def of(
        cls, runs: Sequence[Figures], comparison: str, dataset: str, ours: str, peer: str
    ) -> Pairs:
        """Pair the runs of the seeds that both have finished."""
        here = [r for r in runs if r["comparison"] == comparison and r["dataset"] == dataset]
        by_seed = {(r["contestant"], r["seed"]): r for r in here}
        seeds = sorted(seed for name, seed in by_seed if name == ours and (peer, seed) in by_seed)
        return cls([by_seed[ours, s] for s in seeds], [by_seed[peer, s] for s in seeds])

    def __len__(self) -> int:
        return len(self.ours)

    def median_of(self, ratio: Callable[[Figures, Figures], float]) -> float:
        """Return the median over the seeds; NaN if no seed is finished."""
        values = [ratio(a, b) for a, b in zip(self.ours, self.peers, strict=True)]
        return median(values) if values else math.nan

    def times_faster(self, measure: str = "wall") -> float:
        """Return the peer's figure divided by ours."""
        return self.median_of(lambda ours, peer: peer[measure] / ours[measure])

    def relative(self, measure: str) -> float:
        """Return our figure divided by the peer's; below 1 is better."""
        return self.median_of(lambda ours, peer: ours[measure] / peer[measure])

    def times_sooner(self) -> float:
        """Return how many times sooner ours reaches the peer's best validation loss.

        The peer's time is when it reached the loss itself. Returns 0 if ours never reaches it.
        """
        return self.median_of(_times_sooner)


def _times_sooner(ours: Figures, peer: Figures) -> float:
    if not peer["curve"]:
        return math.nan
    peer_time, loss = peer["curve"][-1]
    own_time = reached_after(ours["curve"], loss)
    return 0.0 if own_time is None else peer_time / own_time


def reached_after(curve: Sequence[Sequence[float]], loss: float) -> float | None:
    """Return the seconds until a loss was reached; None if it never was."""
    return next((seconds for seconds, best in curve if best <= loss), None)


def geometric(values: Sequence[float]) -> float:
    """Return the geometric mean of positive figures; NaN if one is missing."""
    if not values or any(math.isnan(value) for value in values):
        return math.nan
    return geometric_mean(values)
