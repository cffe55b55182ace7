"""Judge combiners on windows or series that they were not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from automodel_sk.portfolio.rules import Judged, Mix, combine
from automodel_sk.portfolio.shortlist import Field
from automodel_sk.portfolio.window_errors import Array, Cells, Forecasts, mean_error

__all__ = ["Fold", "Folds", "LeftOut", "Validation", "make_folds"]

Validation = Literal["windows", "series", "none"]

_SERIES_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Fold:
    """The cells that a fold leaves out, and the candidates as judged by others."""

    cells: Cells
    judged: Judged


@dataclass(frozen=True, eq=False)
class Folds:
    """All folds, and what each of them leaves out: a window, or some of the series."""

    validation: Validation
    folds: list[Fold]
    n_series: int


def make_folds(candidates: Field, judged: Judged, overlap: int = 0) -> Folds:
    """Leave out one window at a time, or a fifth of the series where there is one window.

    Parameters
    ----------
    candidates : Field
        All candidates.
    judged : Judged
        The candidates as judged by all windows and series.
    overlap : int
        How many windows before and after a window share steps with it.

    Returns
    -------
    Folds
        Without any folds where there is one window of one series.

    Examples
    --------
    >>> forecasts = np.ones((1, 4, 2, 1), dtype=np.float32)
    >>> candidates = Field(forecasts, lambda f: abs(f[..., 0]), ["Naive"], ["naive"])
    >>> folds = make_folds(candidates, candidates.judged())
    >>> folds.validation, len(folds.folds)
    ('windows', 2)
    >>> folds = make_folds(candidates, candidates.judged(), overlap=1)
    >>> folds.validation, len(folds.folds)
    ('series', 4)
    """
    n_series = len(judged.cells)
    observed = ~np.isnan(judged.errors[judged.ranked[0]])
    ways: dict[Validation, Iterator[tuple[Cells, Cells]]] = {
        "windows": _windows_apart(judged.cells, overlap),
        "series": _series_apart(judged),
    }
    for validation, splits in ways.items():
        tested = ((cells, others) for cells, others in splits if observed[cells].any())
        ranked = [(cells, candidates.judged(others)) for cells, others in tested]
        folds = [Fold(cells, found) for cells, found in ranked if found is not None]
        if folds:
            return Folds(validation, folds, n_series)
    return Folds("none", [], n_series)


def _windows_apart(cells: Cells, overlap: int) -> Iterator[tuple[Cells, Cells]]:
    """Yield the cells of each window, and those of windows that share no steps with it."""
    windows = np.broadcast_to(np.arange(cells.shape[1]), cells.shape)
    for window in range(cells.shape[1]):
        yield windows == window, np.abs(windows - window) > overlap


def _series_apart(judged: Judged) -> Iterator[tuple[Cells, Cells]]:
    """Yield the cells of some series and those of all others; hard and easy ones in each part."""
    n_series = len(judged.cells)
    # Ordered by errors alone, so that the order of the series does not matter.
    errors = [np.nansum(judged.errors[i], axis=1) for i in reversed(judged.ranked)]
    order = np.lexsort([*errors, np.sum(errors, axis=0)])
    groups = np.empty(n_series, dtype=int)
    groups[order] = np.arange(n_series) % _SERIES_FOLDS
    for group in range(min(_SERIES_FOLDS, n_series)):
        part = np.broadcast_to((groups == group)[:, None], judged.cells.shape)
        yield part, ~part


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A combiner's forecasts of what it was not fitted to.

    Parameters
    ----------
    forecasts : array of float32, shape (n_series, n_windows, h)
        Each by members and weights chosen without it.
    errors : array, shape (n_series, n_windows)
        Their errors; NaN where no fold leaves them out.
    """

    forecasts: Forecasts
    errors: Array

    @cached_property
    def score(self) -> float:
        """Mean error."""
        return mean_error(self.errors)

    @classmethod
    def of(cls, rule: Callable[[Judged], Mix], judged: Judged, folds: Folds) -> LeftOut:
        """Fit a combiner without each fold and forecast the fold.

        Parameters
        ----------
        rule : callable
            One of `RULES`.
        judged : Judged
            The candidates as judged by all windows and series.
        folds : Folds
            The folds.

        Returns
        -------
        LeftOut
        """
        forecasts = _mixed(rule, judged)
        covered = np.zeros(judged.cells.shape, dtype=bool)
        for fold in folds.folds:
            forecasts[fold.cells] = _mixed(rule, fold.judged)[fold.cells]
            covered |= fold.cells
        errors = judged.errors_of(forecasts)
        return cls(forecasts, np.where(covered | (not folds.folds), errors, np.nan))


def _mixed(rule: Callable[[Judged], Mix], judged: Judged) -> Forecasts:
    mix = rule(judged)
    return combine(judged.forecasts, mix.weights, mix.kind)
