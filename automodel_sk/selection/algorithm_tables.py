"""Tables that determine the search algorithm and the pruner.

To add an algorithm, add a row to `ALGORITHMS`; to change when it is used, edit a row of
`ALGORITHM_TABLE` or `PRUNER_TABLE`. The first matching row applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from automodel_sk._utils.versions import installed_version, release_of
from automodel_sk.catalog.scales import DatasetSize, ModelComplexity
from automodel_sk.search_space import (
    Choice,
    Computed,
    Domain,
    Float,
    Integer,
    Normal,
    SearchSpace,
)

FEW_TRIALS = 10
"""Below this number of trials no algorithm has enough to learn from."""

LARGEST_GRID = 10_000
"""Grids above this number of points are not enumerated: Optuna lists all of them in memory."""


@dataclass(frozen=True)
class SearchFacts:
    """The facts that the tables' conditions use; `space` is None if it is not known yet."""

    model_complexity: ModelComplexity
    dataset_size: DatasetSize
    num_samples: int
    space: SearchSpace | None

    @property
    def few_trials(self) -> bool:
        """Whether there are too few trials to learn from."""
        return self.num_samples < FEW_TRIALS

    @property
    def small_space(self) -> bool:
        """Whether the trials can cover every point, or the user asked for a grid."""
        if self.space is None or self.space.function is not None:
            return False
        n = self.space.n_combinations
        if n is not None and n <= self.num_samples:
            return True
        grids = [isinstance(d, Choice) and d.grid for d in self.space.domains.values()]
        return any(grids) if n is None else bool(grids) and all(grids)

    @cached_property
    def traits(self) -> dict[str, list[str]]:
        """Parameter names by trait, for each trait that an algorithm may not support."""
        if self.space is None:
            return {"unknown": []}
        if self.space.function is not None:
            return {"function": []}
        return _space_traits(self.space)


def _space_traits(space: SearchSpace) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, domain in space.domains.items():
        for trait in domain_traits(domain):
            found.setdefault(trait, []).append(name)
    lists = [name for name, value in space.constants.items() if isinstance(value, (list, tuple))]
    if lists:
        found.setdefault("list", []).extend(lists)
    tuned = [d for d in space.domains.values() if d.size != 1 and not isinstance(d, Computed)]
    if len(tuned) < 2:
        found["single"] = []
    if (space.n_combinations or 0) > LARGEST_GRID:
        found["huge"] = []
    return found


def _float_traits(domain: Float) -> set[str]:
    stepped = domain.step is not None
    marks = {"log": domain.log, "step": stepped, "log step": domain.log and stepped}
    return {mark for mark, holds in marks.items() if holds}


def _choice_traits(domain: Choice) -> set[str]:
    nested = any(isinstance(value, (list, tuple, dict)) for value in domain.values)
    marks = {"choice": True, "list": nested, "grid": domain.grid}
    return {mark for mark, holds in marks.items() if holds}


_TRAITS: Mapping[type, Callable[[Any], set[str]]] = MappingProxyType(
    {
        Choice: _choice_traits,
        Float: _float_traits,
        Integer: lambda d: {"integer"} | ({"log step"} if d.log and d.step > 1 else set()),
        Normal: lambda d: {"normal"} | ({"step"} if d.step else set()),
        Computed: lambda d: {"computed"},
    }
)


def domain_traits(domain: Domain) -> set[str]:
    """Return the traits of one domain that an algorithm may not support."""
    endless = domain.size is None and not isinstance(domain, Computed)
    return _TRAITS[type(domain)](domain) | ({"infinite"} if endless else set())


@dataclass(frozen=True)
class Package:
    """An optional package: its module, its distribution name and the supported versions."""

    module: str
    name: str
    requirement: str
    first: tuple[int, int] = (0, 0)
    before: tuple[int, int] = (10**6, 0)

    def problem(self) -> str | None:
        """Return why the package can't be used and the command that fixes it, or None."""
        fix = f"pip install '{self.requirement}'"
        if find_spec(self.module) is None:
            return f"needs the package {self.name}, which is not installed ({fix})"
        found = installed_version(self.name)
        if found is None or self.first <= release_of(found)[:2] < self.before:
            return None
        return f"does not work with {self.name} {found} ({fix})"


@dataclass(frozen=True)
class Algorithm:
    """A search algorithm: its arguments, and the parameters it does not support."""

    name: str
    label: str
    options: Mapping[str, Any] = field(default_factory=dict)
    startup: str | None = None
    refuses: Mapping[str, str] = field(default_factory=dict)
    package: Package | None = None
    substitutes: tuple[str, ...] = ()

    def objection(self, facts: SearchFacts) -> str | None:
        """Return why this algorithm can't run this search, or None."""
        for trait, phrase in self.refuses.items():
            if trait in facts.traits:
                return phrase + _quoted(facts.traits[trait])
        return self.package.problem() if self.package else None


def _quoted(names: list[str]) -> str:
    """Return ` ('a', 'b', 'c' and 2 more)`, or an empty string without names."""
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" ({', '.join(map(repr, names[:3]))}{more})"


_UNKNOWN = {"unknown": "can't be checked against a search space that is not given"}
_NO_FUNCTION = {"function": "can't take a search space that is a function of the trial"}

ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        "random": Algorithm("RandomSampler", "RandomSampler"),
        "grid": Algorithm(
            "GridSampler",
            "GridSampler",
            refuses={
                "infinite": "can't enumerate a continuous range",
                "computed": "can't enumerate computed values",
                "huge": f"would have to list more than {LARGEST_GRID:,} points",
            },
            substitutes=("tpe-multivariate",),
        ),
        "tpe": Algorithm(
            "TPESampler",
            "TPESampler",
            {"multivariate": False, "constant_liar": True},
            startup="n_startup_trials",
        ),
        "tpe-multivariate": Algorithm(
            "TPESampler",
            "TPESampler (multivariate)",
            {"multivariate": True, "constant_liar": True},
            startup="n_startup_trials",
        ),
        "cmaes": Algorithm(
            "CmaEsSampler",
            "CmaEsSampler",
            {"warn_independent_sampling": False},
            refuses={
                **_UNKNOWN,
                **_NO_FUNCTION,
                "choice": "can't take choices",
                "integer": "is used only for continuous numbers, not for integers",
                "step": "is used only for continuous numbers, not for stepped ones",
                "single": "needs at least two parameters to tune",
            },
            package=Package("cmaes", "cmaes", "cmaes>=0.11"),
            substitutes=("tpe",),
        ),
        "basic": Algorithm(
            "BasicVariantGenerator",
            "BasicVariantGenerator",
            refuses=_NO_FUNCTION,
            substitutes=("optuna-search",),
        ),
        "optuna-search": Algorithm(
            "OptunaSearch",
            "OptunaSearch (TPE)",
            {"multivariate": True, "constant_liar": True},
            startup="n_startup_trials",
            refuses={
                "log step": "can't take ranges that are both logarithmic and stepped",
                "normal": "can't take normal values",
                "grid": "can't take grids",
                "computed": "can't take computed values",
            },
            substitutes=("hyperopt", "basic"),
        ),
        "bayesopt": Algorithm(
            "BayesOptSearch",
            "BayesOptSearch",
            startup="random_search_steps",
            refuses={
                **_UNKNOWN,
                **_NO_FUNCTION,
                "choice": "can't take choices",
                "integer": "can't take integers",
                "log": "can't take logarithmic ranges",
                "step": "can't take stepped ranges",
                "normal": "can't take normal values",
                "computed": "can't take computed values",
            },
            package=Package(
                "bayes_opt", "bayesian-optimization", "automodel_sk[ray-search]", before=(2, 0)
            ),
            substitutes=("optuna-search", "hyperopt", "basic"),
        ),
        "hyperopt": Algorithm(
            "HyperOptSearch",
            "HyperOptSearch",
            startup="n_initial_points",
            refuses={
                **_UNKNOWN,
                **_NO_FUNCTION,
                "grid": "can't take grids",
                "list": "would turn lists into tuples",
                "computed": "can't take computed values",
            },
            package=Package("hyperopt", "hyperopt", "automodel_sk[ray-search]", first=(0, 3)),
            substitutes=("optuna-search", "basic"),
        ),
    }
)
"""Every algorithm by key. `startup` names the argument that counts its random first trials."""


@dataclass(frozen=True)
class AlgorithmRow:
    """A condition, and the algorithm each backend uses if it holds."""

    reason: str
    applies: Callable[[SearchFacts], bool]
    algorithm: Mapping[str, str]


def _is(
    size: DatasetSize | None = None, model: ModelComplexity | None = None
) -> Callable[..., bool]:
    """Return a condition on the dataset size and the model complexity (None matches any)."""
    return lambda facts: (
        size in (None, facts.dataset_size) and model in (None, facts.model_complexity)
    )


ALGORITHM_TABLE: tuple[AlgorithmRow, ...] = (
    AlgorithmRow(
        f"fewer than {FEW_TRIALS} trials",
        lambda facts: facts.few_trials,
        {"optuna": "random", "ray": "basic"},
    ),
    AlgorithmRow(
        "a small search space or a grid",
        lambda facts: facts.small_space,
        {"optuna": "grid", "ray": "basic"},
    ),
    AlgorithmRow(
        "a large dataset and a complex model",
        _is(DatasetSize.LARGE, ModelComplexity.COMPLEX),
        {"optuna": "tpe-multivariate", "ray": "optuna-search"},
    ),
    AlgorithmRow(
        "a medium-sized dataset",
        _is(DatasetSize.MEDIUM),
        {"optuna": "cmaes", "ray": "bayesopt"},
    ),
    AlgorithmRow(
        "a small dataset",
        _is(DatasetSize.SMALL),
        {"optuna": "random", "ray": "hyperopt"},
    ),
    AlgorithmRow(
        "a large dataset and a model that is not complex",
        _is(),
        {"optuna": "tpe-multivariate", "ray": "optuna-search"},
    ),
)
"""Which algorithm for which search; the medium-sized row is TPE wherever CMA-ES can't go."""


@dataclass(frozen=True)
class PrunerRow:
    """A condition, and the pruner to use if it holds; counts are validation reports of a trial."""

    applies: Callable[[SearchFacts], bool]
    kind: str
    warmup: int


PRUNER_TABLE: tuple[PrunerRow, ...] = (
    PrunerRow(_is(DatasetSize.LARGE, ModelComplexity.COMPLEX), "hyperband", 5),
    PrunerRow(_is(DatasetSize.MEDIUM, ModelComplexity.COMPLEX), "median", 10),
    PrunerRow(_is(DatasetSize.SMALL), "median", 20),
    PrunerRow(_is(), "median", 10),
)
"""Which pruner for which search; the last row holds what the other rows leave out."""

REDUCTION_FACTOR = 3

PRUNER_NAMES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("optuna", "hyperband"): "HyperbandPruner",
        ("optuna", "median"): "MedianPruner",
        ("ray", "hyperband"): "ASHAScheduler",
        ("ray", "median"): "MedianStoppingRule",
    }
)
"""Ray's own HyperBandScheduler pauses trials and starts them again from the beginning."""
