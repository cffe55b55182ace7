"""The structure of a search space, independent of the backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automodel_sk.catalog.scales import SearchComplexity
from automodel_sk.search_space.domains import Computed, Domain
from automodel_sk.search_space.fingerprint import copied, digest, is_number, token

if TYPE_CHECKING:
    import optuna
    import pandas as pd

__all__ = ["HIGH_PARAMETERS", "LOW_COMBINATIONS", "LOW_PARAMETERS", "SpaceStructure"]

LOW_PARAMETERS = 2
"""A space of up to this many tuned parameters is of low complexity."""

LOW_COMBINATIONS = 100
"""A space of up to this many combinations is of low complexity."""

HIGH_PARAMETERS = 8
"""A space of at least this many tuned parameters is of high complexity."""


@dataclass(frozen=True)
class SpaceStructure:
    """The parts of a search space, and properties derived from them."""

    domains: Mapping[str, Domain] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    function: Callable[[optuna.Trial], Mapping[str, Any]] | None = None
    left_out: frozenset[str] = frozenset()

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to search: all values are constants."""
        return not self.domains and self.function is None

    @property
    def needs_validation(self) -> bool:
        """Whether rows must be held out, to compare trials or for early stopping."""
        patience = self.constants.get("early_stop_patience_steps", -1)
        return not self.is_fixed or (isinstance(patience, (int, float)) and patience > 0)

    @property
    def n_combinations(self) -> int | None:
        """Number of configurations; None if infinite or unknown."""
        sizes = [domain.size for domain in self.domains.values()]
        known = [size for size in sizes if size is not None]
        if self.function is not None or len(known) < len(sizes):
            return None
        return math.prod(known)

    @property
    def is_finite(self) -> bool:
        """Whether all configurations can be listed."""
        return self.n_combinations is not None

    @property
    def complexity(self) -> SearchComplexity:
        """The size class of the space.

        Low up to ``LOW_PARAMETERS`` tuned parameters or ``LOW_COMBINATIONS`` combinations, high
        from ``HIGH_PARAMETERS`` parameters, and medium in between. A function, whose parameters are
        unknown, counts as medium.
        """
        tuned = sum(domain.size != 1 for domain in self.domains.values())
        combinations = self.n_combinations
        if self.function is not None:
            return SearchComplexity.MEDIUM
        if tuned <= LOW_PARAMETERS or (combinations or math.inf) <= LOW_COMBINATIONS:
            return SearchComplexity.LOW
        return SearchComplexity.HIGH if tuned >= HIGH_PARAMETERS else SearchComplexity.MEDIUM

    def values_of(self, name: str) -> tuple[Any, ...] | None:
        """Return all values that a parameter can take.

        Parameters
        ----------
        name : str
            Flat name.

        Returns
        -------
        tuple or None
            None if they are infinite, more than 100,000, or unknown.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice, SearchSpace
        >>> SearchSpace.parse({"h": 12, "layers": Choice([1, 2])}).values_of("layers")
        (1, 2)
        """
        if name in self.constants:
            return (copied(self.constants[name]),)
        return self.domains[name].listed() if name in self.domains else None

    def bounds_of(self, name: str) -> tuple[float, float] | None:
        """Return the smallest and the largest number a parameter can take.

        Parameters
        ----------
        name : str
            Flat name.

        Returns
        -------
        tuple of two numbers, or None
            For a choice, those of its numeric values. None if it has no numbers.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice, SearchSpace
        >>> SearchSpace.parse({"input_size": Choice([24, 48, None])}).bounds_of("input_size")
        (24, 48)
        """
        if name in self.domains:
            return self.domains[name].bounds
        value = self.constants.get(name)
        return (value, value) if is_number(value) else None

    def fingerprint(self) -> str:
        """Return a digest that is the same in every process and unique to this space.

        Functions are identified by their qualified name, source and closure.

        Returns
        -------
        str
            16 hexadecimal digits.

        Examples
        --------
        >>> from automodel_sk.search_space import SearchSpace
        >>> one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
        >>> SearchSpace.parse(one).fingerprint() == SearchSpace.parse(other).fingerprint()
        True
        """
        return digest(token([self.domains, self.constants, self.function, self.left_out]))

    def describe(self) -> pd.DataFrame:
        r"""Return a table with one row per parameter.

        Returns
        -------
        pandas.DataFrame
            Columns ``parameter``, ``kind``, ``values``, ``low``, ``high``, ``log``, ``step``; None
            where a column does not apply.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice, SearchSpace
        >>> table = SearchSpace.parse({"h": 12, "layers": Choice([1, 2])}).describe()
        >>> table[["parameter", "kind", "values"]].to_string(index=False, header=False)
        'layers   choice [1, 2]\n     h constant   [12]'
        """
        from automodel_sk.search_space.description import describe

        return describe(self.domains, self.constants, self.function)

    def _drawn(self) -> dict[str, Domain]:
        return {
            name: domain
            for name, domain in self.domains.items()
            if not isinstance(domain, Computed)
        }

    def _computed(self) -> dict[str, Computed]:
        return {
            name: domain for name, domain in self.domains.items() if isinstance(domain, Computed)
        }

    def _constant_values(self) -> dict[str, Any]:
        return {name: copied(value) for name, value in self.constants.items()}
