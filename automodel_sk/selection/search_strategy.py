"""`SearchStrategy`, and how the tables determine it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.selection import algorithm_tables as tables
from automodel_sk.selection.algorithm_tables import Algorithm, SearchFacts

__all__ = ["SearchStrategy"]


@dataclass(frozen=True, repr=False)
class SearchStrategy:
    """The search algorithm and the pruner of a search, and the reason for the choice.

    Parameters
    ----------
    algorithm_name : str
        Class name of the sampler (Optuna) or the searcher (Ray).
    algorithm_kwargs : dict
        Its arguments, without the seed, which is `random_seed`. For OptunaSearch, the arguments of
        its TPESampler.
    pruner_name : str, optional
        Class name of the pruner (Optuna) or the scheduler (Ray); None without pruning.
    pruner_kwargs : dict
        Its arguments, in units of validation reports per trial.
    description : str
        One sentence: the choice and its reason.
    backend : {"optuna", "ray"}
        The search backend.
    random_seed : int, optional
        Random seed of the algorithm.
    num_samples : int
        Number of trials: the requested number, or the size of the grid if that is smaller.
    exhaustive : bool
        Whether every point of a grid runs once.
    n_reports : int
        Number of validation reports of a full trial.
    needs_space : bool
        Whether Ray's searcher must receive the space (a function of the trial).

    Examples
    --------
    >>> SearchStrategy("RandomSampler", description="RandomSampler for 5 trials.", num_samples=5)
    SearchStrategy('RandomSampler', pruner=None, backend='optuna', num_samples=5)
    """

    algorithm_name: str
    algorithm_kwargs: Mapping[str, Any] = field(default_factory=dict)
    pruner_name: str | None = None
    pruner_kwargs: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    backend: str = "optuna"
    random_seed: int | None = None
    num_samples: int = 1
    n_reports: int = 40
    exhaustive: bool = False
    needs_space: bool = False

    def __repr__(self) -> str:
        return (
            f"SearchStrategy({self.algorithm_name!r}, pruner={self.pruner_name!r},"
            f" backend={self.backend!r}, num_samples={self.num_samples})"
        )

    def __str__(self) -> str:
        """Return the choice and its reason."""
        return self.description or repr(self)

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        rows = {
            "algorithm": _call(self.algorithm_name, self.algorithm_kwargs),
            "pruner": _call(self.pruner_name or "none", self.pruner_kwargs),
            "backend": self.backend,
            "trials": str(self.num_samples),
            "why": self.description,
        }
        cells = (
            f'<tr><th style="text-align: left">{name}</th>'
            f'<td style="text-align: left">{escape(text)}</td></tr>'
            for name, text in rows.items()
        )
        return f"<table>{''.join(cells)}</table>"


def _call(name: str, kwargs: Mapping[str, Any]) -> str:
    """Return a class with its arguments; of a grid, the names of its parameters only.

    Examples
    --------
    >>> _call("MedianPruner", {"n_startup_trials": 5})
    'MedianPruner(n_startup_trials=5)'
    """
    shown = (
        f"{key}={list(value) if isinstance(value, Mapping) else value!r}"
        for key, value in kwargs.items()
    )
    return f"{name}({', '.join(shown)})" if kwargs else name


def choose_algorithm(backend: str, facts: SearchFacts) -> tuple[Algorithm, str]:
    """Return the first matching row's algorithm or its fallback, and the reason as a clause."""
    row = next(row for row in tables.ALGORITHM_TABLE if row.applies(facts))
    first = tables.ALGORITHMS[row.algorithm[backend]]
    candidates = [first, *(tables.ALGORITHMS[key] for key in first.substitutes)]
    refused = []
    for algorithm in candidates:
        objection = algorithm.objection(facts)
        if objection is None:
            break
        refused.append(f"{algorithm.name}, which {objection}")
    instead = f", in place of {' and of '.join(refused)}" if refused else ""
    return algorithm, f"{algorithm.label} for {row.reason}{instead}"


def choose_pruner(
    backend: str, facts: SearchFacts, n_trials: int, n_reports: int
) -> tuple[str | None, dict[str, Any], str]:
    """Return the first matching row's pruner, its arguments, and its effect as a clause."""
    row = next(row for row in tables.PRUNER_TABLE if row.applies(facts))
    name = tables.PRUNER_NAMES[backend, row.kind]
    kwargs = pruner_kwargs(row.kind, row.warmup, n_reports, n_trials, backend=backend)
    if n_reports <= row.warmup:
        return (
            name,
            kwargs,
            f"{name} can't stop any trial early, because it waits for report {row.warmup} "
            f"and a trial makes {n_reports}",
        )
    return name, kwargs, f"{name} stops weak trials from report {row.warmup} of {n_reports} on"


def pruner_kwargs(
    kind: str, warmup: int, n_reports: int, n_trials: int, *, backend: str = "optuna"
) -> dict[str, Any]:
    """Return the arguments of a pruner of a kind: "median" or "hyperband"."""
    return _PRUNER_KWARGS[backend, kind](warmup, n_reports, n_trials)


def _compared(n_trials: int) -> int:
    """Return how many trials the median pruner compares with: 5, or a fifth of a short search."""
    return max(1, min(5, n_trials // 5))


_PRUNER_KWARGS: Mapping[tuple[str, str], Callable[[int, int, int], dict[str, Any]]] = {
    ("optuna", "hyperband"): lambda warmup, n_reports, _: {
        "min_resource": warmup,
        "max_resource": n_reports,
        "reduction_factor": tables.REDUCTION_FACTOR,
    },
    ("optuna", "median"): lambda warmup, _, n_trials: {
        "n_startup_trials": _compared(n_trials),
        "n_warmup_steps": warmup,
    },
    # A full trial ends by itself; stopping it at max_t would cut off its last steps.
    ("ray", "hyperband"): lambda warmup, n_reports, _: {
        "grace_period": warmup,
        "max_t": max(n_reports, warmup),
        "reduction_factor": tables.REDUCTION_FACTOR,
        "stop_last_trials": False,
    },
    ("ray", "median"): lambda warmup, _, n_trials: {
        "grace_period": warmup,
        "min_samples_required": _compared(n_trials),
        "hard_stop": True,
    },
}


def algorithm_kwargs(algorithm: Algorithm, facts: SearchFacts) -> dict[str, Any]:
    """Return the algorithm's arguments for this search, without the seed."""
    kwargs = dict(algorithm.options)
    if algorithm.startup:
        kwargs[algorithm.startup] = min(10, max(3, facts.num_samples // 3))
    if kwargs.get("multivariate") and "function" in facts.traits:
        # A function may omit parameters in some trials; groups keep related parameters together.
        kwargs["group"] = True
    if facts.space is not None and algorithm.name == "GridSampler":
        kwargs["search_space"] = facts.space.optuna_grid()
    return kwargs


def grid_points(algorithm: Algorithm, facts: SearchFacts) -> int | None:
    """Return the number of points if the search covers the whole grid, else None."""
    by_grid = algorithm.name == "GridSampler" or (
        algorithm.name == "BasicVariantGenerator" and not facts.few_trials and facts.small_space
    )
    points = facts.space.n_combinations if by_grid and facts.space is not None else None
    return points if points is not None and points <= facts.num_samples else None


@contextmanager
def quiet_experimental() -> Iterator[None]:
    """Silence Optuna's warnings about experimental arguments while a sampler is built."""
    import optuna

    with muted_warnings(optuna.exceptions.ExperimentalWarning):
        yield
