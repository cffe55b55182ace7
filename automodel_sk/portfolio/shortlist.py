"""Which candidates may become members of an ensemble, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from automodel_sk.portfolio.rules import Judged, ties_with
from automodel_sk.portfolio.window_errors import (
    Array,
    Cells,
    Errors,
    Forecasts,
    mean_error,
    times_worse,
)

__all__ = ["MOST_CANDIDATES", "MOST_OF_A_MODEL", "NEURAL_OPTIMISM", "WORST_RATIO", "Field"]

MOST_CANDIDATES = 25
MOST_OF_A_MODEL = 3
WORST_RATIO = 3.0
NEURAL_OPTIMISM = 1.1
"""How many times as large the errors of networks count in the ranking. The windows that judge a
network have also chosen its configuration and its best step, so that it does worse later than a
local model of the same error. Measured in docs/portfolio.md."""

_NETWORKS = ("neural", "pretrained")
_DIGITS = 9


@dataclass(frozen=True, eq=False)
class Field:
    """All candidates, by position.

    Parameters
    ----------
    forecasts : sequence of arrays or None
        Forecasts of each candidate, shape (n_series, n_windows, h); None if it has none.
    errors_of : callable
        Errors of any such forecasts, shape (n_series, n_windows).
    names : sequence of str
        Model of each candidate, such as ``"NHITS"``.
    families : sequence of str
        Family of each; those of ``"naive"`` are the baselines.
    tuned : bool
        Whether the networks were tuned on these windows.
    """

    forecasts: Sequence[Forecasts | None]
    errors_of: Errors
    names: Sequence[str]
    families: Sequence[str]
    tuned: bool = True

    @cached_property
    def errors(self) -> list[Array | None]:
        """Errors that candidates are ranked by; None where a forecast is missing or not finite."""
        return [
            times_worse(e, NEURAL_OPTIMISM) if e is not None and self._is_tuned(i) else e
            for i, e in enumerate(self._measured)
        ]

    @cached_property
    def _measured(self) -> list[Array | None]:
        """Errors as they are."""
        usable = (f if f is not None and np.isfinite(f).all() else None for f in self.forecasts)
        return [None if f is None else self.errors_of(f) for f in usable]

    def _is_tuned(self, candidate: int) -> bool:
        return self.tuned and self.families[candidate] == "neural"

    def judged(self, cells: Cells | None = None) -> Judged | None:
        """Return the candidates ranked by the chosen errors; None where there are none."""
        if cells is None:
            known = (errors for errors in self.errors if errors is not None)
            cells = np.ones_like(next(known, np.empty((0, 0))), dtype=bool)
        ranked = self.shortlist(cells)
        if not ranked:
            return None
        forecasts = {i: f for i, f in enumerate(self.forecasts) if f is not None}
        errors = {i: e for i, e in enumerate(self.errors) if e is not None}
        return Judged(forecasts, errors, self.errors_of, self.names, ranked, cells)

    def shortlist(self, cells: Cells) -> list[int]:
        """Return the positions of the candidates that may become members, the best first.

        The errors of tuned networks count `NEURAL_OPTIMISM` times, as `times_worse` has it. Left
        out are candidates without finite errors, networks that do not beat the best baseline,
        errors of more than `WORST_RATIO` times the least, repeated forecasts, and all but the best
        `MOST_OF_A_MODEL` of a model, if there are several, and `MOST_CANDIDATES` in all.

        Parameters
        ----------
        cells : array of bool, shape (n_series, n_windows)
            Which errors count.

        Returns
        -------
        list of int

        Examples
        --------
        >>> forecasts = np.array([2.0, 1.0, 2.5, 3.5]).reshape(4, 1, 1, 1)
        >>> names, families = ["Naive", "AutoETS", "NHITS", "AutoCES"], ["naive", "", "neural", ""]
        >>> field = Field(forecasts, lambda f: abs(f[..., 0]), names, families)
        >>> field.shortlist(np.array([[True]]))
        [1, 0]
        """
        scores = _scores(self.errors, cells)
        ranked = sorted(scores, key=lambda i: (_rounded(scores[i]), self.names[i], i))
        chosen: list[int] = []
        models: Counter[str] = Counter()
        most = MOST_OF_A_MODEL if len(set(self.names)) > 1 else MOST_CANDIDATES
        measured = _scores(self._measured, cells)
        for i in self._good_enough(ranked, scores, measured):
            if models[self.names[i]] < most and not self._repeats(i, chosen, scores):
                models[self.names[i]] += 1
                chosen.append(i)
        return chosen[:MOST_CANDIDATES]

    def _good_enough(
        self, ranked: list[int], scores: dict[int, float], measured: dict[int, float]
    ) -> list[int]:
        best = scores[ranked[0]] if ranked else 0.0
        most = times_worse(best, WORST_RATIO)
        own = {i: _rounded(measured[i]) for i in ranked}
        baselines = (own[i] for i in ranked if self.families[i] == "naive")
        to_beat = min(baselines, default=float("inf"))
        return [
            i
            for i in ranked
            if scores[i] <= most and (self.families[i] not in _NETWORKS or own[i] < to_beat)
        ]

    def _repeats(self, candidate: int, chosen: list[int], scores: dict[int, float]) -> bool:
        """Return whether one of the chosen forecasts the same, as Naive does without a season."""
        same_score = (i for i in chosen if ties_with(scores[candidate], scores[i]))
        own = self.forecasts[candidate]
        return any(np.array_equal(own, self.forecasts[i]) for i in same_score)  # type: ignore[arg-type]


def _scores(errors: Sequence[Array | None], cells: Cells) -> dict[int, float]:
    """Return the finite mean errors, by position."""
    scores = {i: mean_error(e, cells) for i, e in enumerate(errors) if e is not None}
    return {i: score for i, score in scores.items() if np.isfinite(score)}


def _rounded(score: float) -> float:
    """Return the score to so many digits that the order of summing does not show."""
    return float(f"{score:.{_DIGITS}g}")
