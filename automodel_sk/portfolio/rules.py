"""Rules that combine forecasts: from ranked candidates to members and weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from automodel_sk.portfolio.window_errors import (
    Array,
    Cells,
    Errors,
    Forecasts,
    mean_error,
    times_worse,
)

__all__ = [
    "EQUALS_RATIO",
    "LEAST_WEIGHT",
    "MOST_MEMBERS",
    "RULES",
    "Judged",
    "Kind",
    "Mix",
    "combine",
    "ties_with",
]

Kind = Literal["mean", "median"]

MOST_MEMBERS = 5
LEAST_WEIGHT = 0.05
# Members of equal weight must be nearly as good as the best: otherwise the mean of one excellent
# candidate and four ordinary ones would have 1.3 times its error.
EQUALS_RATIO = 1.5
_ROUNDS = 100
_PATIENCE = 10
_TIE = 1e-6


@dataclass(frozen=True)
class Mix:
    """Members and how their forecasts are combined.

    Parameters
    ----------
    weights : mapping of int to float
        Weight of each member by its position among the candidates; they sum to one.
    kind : {"mean", "median"}
        Weighted mean, or median of all members.
    """

    weights: Mapping[int, float]
    kind: Kind = "mean"


def combine(
    forecasts: Sequence[Any] | Mapping[int, Any] | npt.NDArray[Any],
    weights: Mapping[int, float],
    kind: Kind = "mean",
) -> Forecasts:
    """Combine the members' forecasts.

    Parameters
    ----------
    forecasts : sequence or mapping of arrays
        Forecasts by the keys of `weights`: of all candidates, or of the members alone.
    weights : mapping of int to float
        Weight of each member.
    kind : {"mean", "median"}
        As in `Mix`; a median takes no account of the weights.

    Returns
    -------
    array of float32

    Examples
    --------
    >>> forecasts = np.array([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]])
    >>> combine(forecasts, {0: 0.5, 1: 0.5}).tolist()
    [2.0, 3.0]
    >>> combine(forecasts, {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}, kind="median").tolist()
    [3.0, 4.0]
    """
    members = [np.asarray(forecasts[i], dtype=np.float64) for i in weights]
    if kind == "median":
        return np.asarray(np.median(members, axis=0), dtype=np.float32)
    total = sum(weight * member for weight, member in zip(weights.values(), members, strict=True))
    return np.asarray(total, dtype=np.float32)


def ties_with(score: float, least: float) -> bool:
    """Return whether a score ties with the least one, but for rounding.

    Examples
    --------
    >>> ties_with(0.1 + 0.2, 0.3), ties_with(0.31, 0.3)
    (True, False)
    """
    return score <= least + _TIE * abs(least)


@dataclass(frozen=True, eq=False)
class Judged:
    """Candidates with the errors that members and weights are chosen by.

    Parameters
    ----------
    forecasts : mapping of int to array
        Forecasts of each candidate by its position, shape (n_series, n_windows, h).
    errors : mapping of int to array
        Their errors, shape (n_series, n_windows).
    errors_of : callable
        Errors of any such forecasts.
    names : sequence of str
        Model of each candidate.
    ranked : list of int
        Positions of the candidates that may become members, the best first.
    cells : array of bool, shape (n_series, n_windows)
        Which errors count.
    """

    forecasts: Mapping[int, Forecasts]
    errors: Mapping[int, Array]
    errors_of: Errors
    names: Sequence[str]
    ranked: list[int]
    cells: Cells

    @cached_property
    def equals(self) -> list[int]:
        """Candidates that are nearly as good as the best: first the best of each model.

        Different models err differently, so that their mean is better than that of several
        candidates of one model.
        """
        most = times_worse(mean_error(self.errors[self.ranked[0]], self.cells), EQUALS_RATIO)
        turns: Counter[str] = Counter()
        by_turn: list[tuple[int, int]] = []
        for i in self.ranked:
            if mean_error(self.errors[i], self.cells) <= most:
                by_turn.append((turns[self.names[i]], i))
                turns[self.names[i]] += 1
        return [i for _, i in sorted(by_turn, key=lambda turn: turn[0])]

    @cached_property
    def greedy(self) -> Mix:
        """The greedy selection, on which two rules are based."""
        return Mix(_main_weights(_greedy_picks(self)))


def _equal(members: Sequence[int], kind: Kind = "mean") -> Mix:
    return Mix(dict.fromkeys(members, 1 / len(members)), kind)


def _shrunk(judged: Judged) -> Mix:
    """Return the greedy weights half-way to equal ones."""
    weights = judged.greedy.weights
    return Mix({i: (weight + 1 / len(weights)) / 2 for i, weight in weights.items()})


# The first is the default; the others are asked in this order. Measured (docs/portfolio.md): mean5
# 0.81 of the seasonal-naive error, greedy 0.82, best 0.88; and a choice that starts at the best
# single candidate 0.84, since few windows cannot tell luck from skill.
RULES: Mapping[str, Callable[[Judged], Mix]] = {
    "mean5": lambda judged: _equal(judged.equals[:5]),
    "median5": lambda judged: _equal(judged.equals[:5], "median"),
    "mean3": lambda judged: _equal(judged.equals[:3]),
    "shrunk": _shrunk,
    "greedy": lambda judged: judged.greedy,
    "best": lambda judged: _equal(judged.ranked[:1]),
}


def _greedy_picks(judged: Judged) -> list[int]:
    """Select members with replacement, each the one that lowers the mean error the most.

    After Caruana et al. (2004). Returns the shortest beginning of the selection with the least
    error. Once there are as many members as an ensemble may have, no others are tried.
    """
    picks: list[int] = []
    trail: list[float] = []
    total = np.zeros_like(judged.forecasts[judged.ranked[0]])
    while len(picks) < _ROUNDS and not _is_stale(trail):
        pick, score = _next_pick(judged, total, picks)
        picks.append(pick)
        trail.append(score)
        total += judged.forecasts[pick]
    least = min(trail)
    return picks[: 1 + next(i for i, score in enumerate(trail) if ties_with(score, least))]


def _next_pick(judged: Judged, total: Forecasts, picks: list[int]) -> tuple[int, float]:
    """Return the best next pick and the error with it; ties go to members already in."""
    members = set(picks)
    tried = [i for i in judged.ranked if len(members) < MOST_MEMBERS or i in members]
    share = np.float32(1 / (len(picks) + 1))
    scores = {}
    for i in tried:
        mean = (total + judged.forecasts[i]) * share
        scores[i] = mean_error(judged.errors_of(mean), judged.cells)
    least = min(scores.values())
    ties = [i for i in tried if ties_with(scores[i], least)]
    pick = next((i for i in ties if i in members), ties[0])
    return pick, scores[pick]


def _is_stale(trail: list[float]) -> bool:
    """Return whether the last rounds brought nothing."""
    earlier, recent = trail[:-_PATIENCE], trail[-_PATIENCE:]
    return bool(earlier) and ties_with(min(earlier), min(recent))


def _main_weights(picks: list[int]) -> dict[int, float]:
    """Return each pick's share, without members of little weight."""
    shares = Counter(picks)
    kept = {i: n for i, n in shares.items() if n / len(picks) >= LEAST_WEIGHT}
    return {i: n / sum(kept.values()) for i, n in kept.items()}
