"""A candidate: one configuration of one model, with its forecasts of the validation windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.combiners import Combination, choose
from automodel_sk.portfolio.members.base import Family
from automodel_sk.portfolio.window_errors import Array, Errors, Forecasts, mean_error
from automodel_sk.trials import TRIAL_STATES

__all__ = ["Candidate", "choose_among", "member_labels"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One ended trial of a portfolio.

    Parameters
    ----------
    number : int
        Number of the trial within the search, from 0.
    name : str
        Model, such as ``"NHITS"``.
    family : {"naive", "statistical", "linear", "tree", "neural", "pretrained"}
        Family of the model.
    state : {"COMPLETE", "PRUNED", "FAIL"}
        How the trial ended. Only complete trials can become members.
    config : mapping
        Its configuration; empty if the model has none.
    forecasts : array of float32, shape (n_series, n_windows, h), optional
        Point forecasts of the validation windows.
    errors : array, shape (n_series, n_windows), optional
        Their errors; NaN where nothing was observed.
    seconds : float
        What the trial took.
    reason : str, optional
        Why it failed or was pruned, or why forecasts fell back first.
    n_fallbacks : int
        Series and windows that hold a seasonal-naive forecast instead of the model's.

    Raises
    ------
    InvalidInputError
        If `state` is none of the three.

    Examples
    --------
    >>> import numpy as np
    >>> candidate = Candidate(3, "NHITS", "neural", errors=np.array([[1.0, 3.0], [2.0, np.nan]]))
    >>> candidate.score, candidate.is_complete
    (2.0, False)
    """

    number: int
    name: str
    family: Family
    state: str = "COMPLETE"
    config: Mapping[str, Any] = field(default_factory=dict)
    forecasts: Forecasts | None = field(default=None, repr=False)
    errors: Array | None = field(default=None, repr=False)
    seconds: float = 0.0
    reason: str | None = None
    n_fallbacks: int = 0

    def __post_init__(self) -> None:
        if self.state not in TRIAL_STATES:
            raise InvalidInputError(
                f"state must be one of {', '.join(TRIAL_STATES)}, got {self.state!r}; "
                "try 'COMPLETE'"
            )

    @property
    def score(self) -> float:
        """Mean error over series and windows; infinite if there is none."""
        return float("inf") if self.errors is None else mean_error(self.errors)

    @property
    def is_complete(self) -> bool:
        """Whether it can become a member."""
        return self.state == "COMPLETE" and self.forecasts is not None


def choose_among(
    candidates: Sequence[Candidate],
    errors_of: Errors,
    *,
    allowed: str = "auto",
    overlap: int = 0,
    tuned: bool = True,
) -> Combination:
    """Choose members and weights among candidates; see `choose`.

    Parameters
    ----------
    candidates : sequence of Candidate
        All of them; trials that were pruned or failed get no weight.
    errors_of, allowed, overlap, tuned
        As in `choose`.

    Returns
    -------
    Combination
        Its weights are by position in `candidates`.
    """
    return choose(
        [c.forecasts if c.is_complete else None for c in candidates],
        errors_of,
        [c.name for c in candidates],
        [c.family for c in candidates],
        allowed=allowed,
        overlap=overlap,
        tuned=tuned,
    )


def member_labels(candidates: Sequence[Candidate], combination: Combination) -> dict[int, str]:
    """Return a unique name of each member: that of its model, numbered from the second on.

    Parameters
    ----------
    candidates : sequence of Candidate
        All candidates.
    combination : Combination
        The members, those of the largest weight first.

    Returns
    -------
    dict of int to str
        By position in `candidates`, such as ``{4: "NHITS", 0: "AutoETS", 7: "NHITS-2"}``.
    """
    labels: dict[int, str] = {}
    counts: dict[str, int] = {}
    for position in combination.weights:
        name = candidates[position].name
        counts[name] = counts.get(name, 0) + 1
        labels[position] = name if counts[name] == 1 else f"{name}-{counts[name]}"
    return labels
