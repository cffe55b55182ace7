"""Samplers and pruners that the user asks for by name or passes as objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from automodel_sk.arguments.conversion import convert
from automodel_sk.arguments.optuna_object import OptunaObject
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import PRUNERS, SAMPLERS
from automodel_sk.selection.algorithm_tables import (
    ALGORITHMS,
    REDUCTION_FACTOR,
    Algorithm,
    SearchFacts,
)
from automodel_sk.selection.search_strategy import (
    algorithm_kwargs,
    choose_algorithm,
    choose_pruner,
    grid_points,
    pruner_kwargs,
)

__all__ = [
    "Chosen",
    "algorithm_for",
    "check_backend_of",
    "object_name",
    "only_for_optuna",
    "pruner_for",
]

_SAMPLER, _PRUNER = OptunaObject("sampler", SAMPLERS), OptunaObject("pruner", PRUNERS)
_GRID = ALGORITHMS["grid"]

_BY_NAME: Mapping[str, Algorithm] = MappingProxyType(
    {
        "TPESampler": ALGORITHMS["tpe-multivariate"],
        "RandomSampler": ALGORITHMS["random"],
        # Optuna draws what CMA-ES can't take, such as choices, at random.
        "CmaEsSampler": Algorithm(
            "CmaEsSampler",
            "CmaEsSampler",
            ALGORITHMS["cmaes"].options,
            package=ALGORITHMS["cmaes"].package,
        ),
        "GPSampler": Algorithm("GPSampler", "GPSampler", startup="n_startup_trials"),
        "QMCSampler": Algorithm(
            "QMCSampler",
            "QMCSampler",
            {
                "scramble": True,
                "warn_independent_sampling": False,
                "warn_asynchronous_seeding": False,
            },
        ),
        "GridSampler": _GRID,
        "BruteForceSampler": Algorithm(
            "BruteForceSampler", "BruteForceSampler", refuses=_GRID.refuses
        ),
    }
)

_WARMUP = 5
_PRUNER_KWARGS: Mapping[str, Callable[[int, int], dict[str, Any]]] = {
    "MedianPruner": lambda n_reports, n_trials: pruner_kwargs(
        "median", min(10, n_reports // 4), n_reports, n_trials
    ),
    "HyperbandPruner": lambda n_reports, n_trials: pruner_kwargs(
        "hyperband", min(_WARMUP, n_reports), n_reports, n_trials
    ),
    "SuccessiveHalvingPruner": lambda n_reports, _: {
        "min_resource": min(_WARMUP, n_reports),
        "reduction_factor": REDUCTION_FACTOR,
    },
    "NopPruner": lambda *_: {},
}


@dataclass(frozen=True)
class Chosen:
    """An algorithm or a pruner: its class, its arguments, and the reason as a clause.

    Parameters
    ----------
    name : str, optional
        Name of the class; None without a pruner.
    clause : str
        The choice and its reason.
    kwargs : mapping
        Its arguments; empty for an object.
    points : int, optional
        Number of points if the algorithm tries each point of a grid.
    """

    name: str | None
    clause: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    points: int | None = None


def object_name(value: Any) -> str | None:
    """Return the name of the class of a sampler or pruner, which may be a name already.

    Examples
    --------
    >>> from optuna.pruners import NopPruner
    >>> object_name("TPESampler"), object_name(NopPruner()), object_name(None)
    ('TPESampler', 'NopPruner', None)
    """
    return value if value is None or isinstance(value, str) else type(value).__name__


def check_backend_of(backend: str, sampler: Any, pruner: Any) -> None:
    """Raise if Ray is to search and a sampler or pruner of Optuna was passed."""
    for name, value in (("sampler", sampler), ("pruner", pruner)):
        if value is not None and backend != "optuna":
            raise InvalidInputError(only_for_optuna(name))


def only_for_optuna(name: str) -> str:
    """Return the sentence for a sampler or pruner of another backend.

    Examples
    --------
    >>> only_for_optuna("pruner")
    "pruner is for backend='optuna'; leave it out, so that one of Ray Tune is chosen, or pass ..."
    """
    return (
        f"{name} is for backend='optuna'; leave it out, so that one of Ray Tune is chosen, or pass"
        " backend='optuna'"
    )


def algorithm_for(backend: str, facts: SearchFacts, sampler: Any) -> Chosen:
    """Return the sampler that was asked for, or the algorithm of the table.

    Raises
    ------
    InvalidInputError
        A sampler asked for by name cannot draw from the search space, or lacks a package.
    """
    sampler = convert(_SAMPLER, sampler)
    if sampler is not None and not isinstance(sampler, str):
        name = type(sampler).__name__
        return Chosen(name, f"{name} as passed")
    if sampler is None:
        algorithm, clause = choose_algorithm(backend, facts)
    else:
        algorithm = _BY_NAME[sampler]
        clause = f"{algorithm.label} as requested"
        objection = algorithm.objection(facts)
        if objection is not None:
            raise InvalidInputError(
                f"sampler={sampler!r} {objection}; leave sampler out, or pass another one such as"
                " sampler='TPESampler'"
            )
    kwargs, points = algorithm_kwargs(algorithm, facts), grid_points(algorithm, facts)
    return Chosen(algorithm.name, clause, kwargs, points)


def pruner_for(
    backend: str, facts: SearchFacts, pruner: Any, *, n_trials: int, n_reports: int
) -> Chosen:
    """Return the pruner that was asked for, or that of the table."""
    pruner = convert(_PRUNER, pruner)
    if pruner is None:
        name, kwargs, clause = choose_pruner(backend, facts, n_trials, n_reports)
        return Chosen(name, clause, kwargs)
    if not isinstance(pruner, str):
        return Chosen(type(pruner).__name__, f"{type(pruner).__name__} as passed")
    return Chosen(pruner, f"{pruner} as requested", _PRUNER_KWARGS[pruner](n_reports, n_trials))
