"""Choose how the candidates of a portfolio are combined, by cross-validation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.left_out import Folds, LeftOut, Validation, make_folds
from automodel_sk.portfolio.rules import RULES, Judged, Kind, combine, ties_with
from automodel_sk.portfolio.shortlist import Field
from automodel_sk.portfolio.window_errors import (
    Array,
    Errors,
    Forecasts,
    ScaledErrors,
    standard_error,
)

__all__ = ["ENSEMBLES", "Combination", "ScaledErrors", "choose", "combine", "setting_of"]

ENSEMBLES: Mapping[str, tuple[str, ...]] = {
    "auto": tuple(RULES),
    "best": ("best",),
    "mean": ("mean5", "mean3"),
    "median": ("median5",),
    "greedy": ("shrunk", "greedy"),
}
"""The combiners among which each value of the option `ensemble` chooses, the default first."""

_ENOUGH_SERIES = 20
# How many standard errors worse than the best the default may be. Those of few windows of few
# series are themselves uncertain. Series of one window say nothing about how errors differ from
# time to time, so that their standard error is too small. Measured in docs/portfolio.md.
_STANDARD_ERRORS = 1.0
_STANDARD_ERRORS_OF_FEW_SERIES = 3.0
_STANDARD_ERRORS_OF_ONE_WINDOW = 4.0


def setting_of(compared: Collection[str]) -> str:
    """Return the setting under which combiners were compared, "auto" if it can't be told.

    Examples
    --------
    >>> setting_of(["best"])
    'best'
    """
    return next((one for one, names in ENSEMBLES.items() if {*names} == {*compared}), "auto")


@dataclass(frozen=True)
class Combination:
    """Members, weights, and an error that they were not fitted to.

    Parameters
    ----------
    name : {"best", "mean3", "mean5", "median5", "shrunk", "greedy"}
        How members and weights were found; ``"best"`` for a single member.
    kind : {"mean", "median"}
        How to combine forecasts; see `combine`.
    weights : dict of int to float
        Weight of each member by its position among the candidates, the largest first; they sum to
        one.
    score : float
        Mean error on windows (or series) that members and weights were not chosen by.
    standard_error : float, optional
        Its standard error; None if there is one value only.
    scores : dict of str to float
        The score of each combiner that was compared.
    validation : {"windows", "series", "none"}
        What was left out to compute the scores. ``"none"`` for one window of one series: the scores
        are those of the window that the members were chosen by.
    forecasts : array of float32, shape (n_series, n_windows, h)
        The forecasts that `score` is the error of, each by members and weights chosen without it.
    errors : array, shape (n_series, n_windows)
        Their errors; NaN where nothing was observed or left out.
    allowed : str
        Among which combiners it was chosen, see `ENSEMBLES`; `AutoEnsemble.reweight` chooses among
        the same.
    """

    name: str
    kind: Kind
    weights: dict[int, float]
    score: float
    standard_error: float | None
    scores: dict[str, float]
    validation: Validation
    forecasts: Forecasts = field(repr=False, compare=False)
    errors: Array = field(repr=False, compare=False)
    allowed: str = field(default="auto", repr=False)


def choose(
    forecasts: Sequence[Forecasts | None],
    errors_of: Errors,
    names: Sequence[str],
    families: Sequence[str],
    *,
    allowed: str = "auto",
    overlap: int = 0,
    tuned: bool = True,
) -> Combination:
    """Choose members, weights and how to combine them.

    Each combiner is judged on windows that it was not fitted to: one window is left out at a time,
    and candidates are ranked and weighted by the others. The mean of five candidates, of different
    models as far as there are any, is the default. Another combiner replaces it where it is better
    by more than the standard error of the difference; by more than three with fewer than 20 series.

    With one window, series are left out instead, which says nothing about other times: four
    standard errors are needed, and with fewer than 20 series the default is kept.

    Parameters
    ----------
    forecasts : sequence of arrays or None, or one array
        Window forecasts of each candidate, shape (n_series, n_windows, h); None for candidates
        without any.
    errors_of : callable
        Errors of such an array, shape (n_series, n_windows); NaN where nothing was observed.
    names : sequence of str
        Model of each candidate, such as ``"NHITS"``.
    families : sequence of str
        Family of each. Networks that do not beat the best of the ``"naive"`` family get no weight;
        the errors of those of ``"neural"`` count a tenth more in the ranking, if `tuned`.
    allowed : {"auto", "best", "mean", "median", "greedy"}
        Which combiners to choose from; see `ENSEMBLES`.
    overlap : int
        How many windows before and after a window share steps with it; they are left out with it.
    tuned : bool
        Whether the networks were tuned on these windows, so that their errors are too small.

    Returns
    -------
    Combination

    Raises
    ------
    InvalidInputError
        If no candidate has finite errors, or `allowed` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> forecasts = np.ones((3, 2, 3, 1), dtype=np.float32)
    >>> forecasts[1] = -1.0
    >>> forecasts[2] = 9.0
    >>> errors_of = ScaledErrors(np.zeros((2, 3, 1)), scale=np.ones(2))
    >>> names, families = ["AutoETS", "AutoCES", "Naive"], ["statistical", "statistical", "naive"]
    >>> found = choose(forecasts, errors_of, names, families)
    >>> found.name, found.weights, found.score
    ('mean5', {1: 0.5, 0: 0.5}, 0.0)
    """
    if allowed not in ENSEMBLES:
        raise InvalidInputError(
            f"ensemble must be one of {', '.join(ENSEMBLES)}, got {allowed!r}; try 'auto'"
        )
    candidates = Field(forecasts, errors_of, names, families, tuned)
    judged = candidates.judged()
    if judged is None:
        raise InvalidInputError(
            "no candidate has finite errors on the validation windows; check that the target is"
            " observed there, or add a baseline, for example models=['NHITS', 'SeasonalNaive']"
        )
    folds = make_folds(candidates, judged, overlap)
    tested = {name: LeftOut.of(RULES[name], judged, folds) for name in ENSEMBLES[allowed]}
    found = _combination(_chosen(tested, folds), judged, tested, folds)
    return replace(found, allowed=allowed)


def _chosen(tested: Mapping[str, LeftOut], folds: Folds) -> str:
    """Return the default, or the first combiner that cannot be told from the best one."""
    names = list(tested)
    if folds.validation != "windows" and folds.n_series < _ENOUGH_SERIES:
        return names[0]
    best = min(names, key=lambda name: tested[name].score)
    return next(name for name in names if _as_good(tested[name], tested[best], folds))


def _as_good(combiner: LeftOut, best: LeftOut, folds: Folds) -> bool:
    if ties_with(combiner.score, best.score):
        return True
    error = standard_error(combiner.errors - best.errors)
    return error is not None and combiner.score - best.score <= error * _standard_errors(folds)


def _standard_errors(folds: Folds) -> float:
    if folds.validation != "windows":
        return _STANDARD_ERRORS_OF_ONE_WINDOW
    return _STANDARD_ERRORS if folds.n_series >= _ENOUGH_SERIES else _STANDARD_ERRORS_OF_FEW_SERIES


def _combination(
    name: str, judged: Judged, tested: Mapping[str, LeftOut], folds: Folds
) -> Combination:
    mix, chosen = RULES[name](judged), tested[name]
    order = sorted(mix.weights, key=lambda i: (-mix.weights[i], judged.ranked.index(i)))
    alone = len(order) == 1
    return Combination(
        name="best" if alone else name,
        kind="mean" if alone else mix.kind,
        weights={i: mix.weights[i] for i in order},
        score=chosen.score,
        standard_error=standard_error(chosen.errors),
        scores={rule: result.score for rule, result in tested.items()},
        validation=folds.validation,
        forecasts=chosen.forecasts,
        errors=chosen.errors,
    )
