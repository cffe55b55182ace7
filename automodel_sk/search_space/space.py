"""`SearchSpace`: the tuned and fixed parameters, and their translations to each backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from automodel_sk.arguments.number_rule import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.computed import evaluate
from automodel_sk.search_space.domains import MAX_LISTED_VALUES, Domain
from automodel_sk.search_space.fingerprint import own_numbers, same, token
from automodel_sk.search_space.nesting import SEPARATOR, flat_values, nested
from automodel_sk.search_space.optuna_translation import CODECS, suggest_parameter
from automodel_sk.search_space.parsing import read_config
from automodel_sk.search_space.ray_translation import ray_domain
from automodel_sk.search_space.structure import SpaceStructure

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["SearchSpace"]


@dataclass(frozen=True)
class SearchSpace(SpaceStructure):
    """A search space: domains and constants by flat name, or a function of a trial.

    Create one with :meth:`parse`. Nested entries have names such as ``a/b``.

    Parameters
    ----------
    domains : mapping of str to Domain
        The tuned parameters.
    constants : mapping of str to object
        The fixed parameters.
    function : callable, optional
        Function that takes an Optuna trial and returns a configuration; its values override the
        constants.
    left_out : frozenset of str
        Names to remove from the result of the function.

    Examples
    --------
    >>> from automodel_sk.search_space import Choice
    >>> space = SearchSpace.parse({"h": 12, "batch_size": Choice([32, 64])})
    >>> space.n_combinations
    2
    >>> space.decode({"batch_size": 64})
    {'h': 12, 'batch_size': 64}
    """

    @classmethod
    def parse(
        cls, config: Mapping[str, Any] | Callable[[optuna.Trial], Mapping[str, Any]] | SearchSpace
    ) -> SearchSpace:
        """Parse a search space in any supported form.

        Parameters
        ----------
        config : mapping, callable or SearchSpace
            A dict, nested or not, of Ray Tune domains, Optuna distributions, domains of this
            package and constants, in any mixture; or a function that takes an Optuna trial and
            returns a dict.

        Returns
        -------
        SearchSpace

        Raises
        ------
        InvalidInputError
            If a domain has no values or contradicts itself; the message starts with the parameter's
            name.

        Examples
        --------
        >>> from automodel_sk.search_space import Float
        >>> space = SearchSpace.parse({"model": {"dropout": Float(0.0, 0.5)}, "h": 12})
        >>> space.domains
        {'model/dropout': Float(low=0.0, high=0.5, log=False, step=None)}
        """
        kind: type = type(config)  # reading the class of an object may raise anything
        if issubclass(kind, SearchSpace):
            return config  # type: ignore[return-value]
        if issubclass(kind, Mapping):
            return cls(*read_config(config))  # type: ignore[arg-type]
        if callable(config):
            return cls(function=config)
        raise InvalidInputError(
            f"config must be a dict or a function of an Optuna trial, got "
            f"{type(config).__name__}; try {{'learning_rate': 0.001}}"
        )

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Sample a configuration from an Optuna trial.

        Parameters
        ----------
        trial : optuna.Trial
            The trial; its number seeds computed values.

        Returns
        -------
        dict
            Nested, with the actual values of all parameters.

        Raises
        ------
        InvalidInputError
            If the function of the space does not return a dict, or a computed value fails.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice
        >>> import optuna
        >>> space = SearchSpace.parse({"layers": Choice([[2, 2], [3, 3]]), "h": 12})
        >>> space.suggest(optuna.trial.FixedTrial({"layers": "[3, 3]"}))
        {'h': 12, 'layers': [3, 3]}
        """
        if self.function is not None:
            return self._call_function(trial)
        params = {
            name: suggest_parameter(trial, name, distribution)
            for name, distribution in self.optuna_distributions().items()
        }
        return self.decode(params, number=trial.number)

    def _call_function(self, trial: Any) -> dict[str, Any]:
        assert self.function is not None
        config = self.function(trial)
        if not isinstance(config, Mapping):
            raise InvalidInputError(
                f"config: the function of a trial must return a dict, got {shown(config)}; "
                "try return {'learning_rate': trial.suggest_float('learning_rate', 1e-4, 1e-2)}"
            )
        kept = {name: value for name, value in config.items() if name not in self.left_out}
        return {**nested(self._constant_values()), **own_numbers(kept)}

    def optuna_distributions(self) -> dict[str, BaseDistribution]:
        """Return the Optuna distributions of the space.

        Returns
        -------
        dict of str to optuna.distributions.BaseDistribution
            By flat name. Computed values have none, and neither do the parameters of a function,
            which are known only when it runs.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice
        >>> SearchSpace.parse({"layers": Choice([[2, 2], [3, 3]])}).optuna_distributions()
        {'layers': CategoricalDistribution(choices=('[2, 2]', '[3, 3]'))}
        """
        return {
            name: CODECS[type(domain)].distribution(domain)
            for name, domain in self._drawn().items()
        }

    def optuna_grid(self) -> dict[str, list[Any]]:
        """Return all values per parameter, as ``optuna.samplers.GridSampler`` expects them.

        Returns
        -------
        dict of str to list

        Raises
        ------
        InvalidInputError
            If a parameter has infinitely many values, or too many to list.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice
        >>> SearchSpace.parse({"layers": Choice([[2], [3]]), "h": 12}).optuna_grid()
        {'layers': ['[2]', '[3]']}
        """
        if self.function is not None:
            raise InvalidInputError(
                "config: a grid needs the values of all parameters, which a function does not "
                "tell; try a dict, as in {'batch_size': Choice([32, 64])}"
            )
        return {name: self._grid_of(name, domain) for name, domain in self.domains.items()}

    def _grid_of(self, name: str, domain: Domain) -> list[Any]:
        values = domain.listed()
        if values is None:
            raise InvalidInputError(
                f"{name}: a grid needs at most {MAX_LISTED_VALUES} values, got {domain!r}; "
                "try Choice([0.001, 0.01])"
            )
        return [CODECS[type(domain)].to_parameter(domain, value) for value in values]

    def encode(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Convert a configuration to the parameters that Optuna stores.

        Parameters
        ----------
        config : mapping
            Nested, with a value for each domain. Constants may be omitted; computed values are
            ignored.

        Returns
        -------
        dict
            By flat name, as ``study.enqueue_trial`` expects it.

        Raises
        ------
        InvalidInputError
            If a value is missing, not in its domain, different from the constant of its name, or of
            an unknown name; or if the space is a function.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice
        >>> SearchSpace.parse({"layers": Choice([[2], [3]])}).encode({"layers": [3]})
        {'layers': '[3]'}
        """
        if self.function is not None:
            raise InvalidInputError(
                "config: a function of a trial can't be run backwards; "
                "try its Optuna parameters themselves, as in {'learning_rate': 0.001}"
            )
        flat = flat_values(config, {*self.domains, *self.constants})
        self._check_constants(flat)
        return {name: self._encode_one(name, flat) for name in self._drawn()}

    def _encode_one(self, name: str, flat: Mapping[str, Any]) -> Any:
        domain = self.domains[name]
        if name not in flat:
            raise InvalidInputError(f"{name} is missing in the configuration; take one of {domain}")
        try:
            return CODECS[type(domain)].to_parameter(domain, flat[name])
        except InvalidInputError as exc:
            raise InvalidInputError(f"{name}: {exc}") from exc

    def _check_constants(self, flat: Mapping[str, Any]) -> None:
        for name in self.constants.keys() & flat.keys():
            value, fixed = flat[name], self.constants[name]
            if not same(value, fixed) and token(value) != token(fixed):
                raise InvalidInputError(
                    f"{name} is fixed at {fixed!r} in this space, got {value!r}; leave it out"
                )

    def decode(self, params: Mapping[str, Any], *, number: int = 0) -> dict[str, Any]:
        """Convert the parameters that Optuna stores to a configuration.

        Parameters
        ----------
        params : mapping
            By flat name, as in ``trial.params``.
        number : int, default 0
            The trial's number, which seeds computed values.

        Returns
        -------
        dict
            Nested, including constants and computed values.

        Raises
        ------
        InvalidInputError
            If a parameter is missing or not in its domain.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice
        >>> SearchSpace.parse({"layers": Choice([[2], [3]]), "h": 12}).decode({"layers": "[3]"})
        {'h': 12, 'layers': [3]}
        """
        if self.function is not None:
            import optuna

            return self._call_function(optuna.trial.FixedTrial(dict(params), number))
        known = self._constant_values()
        for name, domain in self._drawn().items():
            if name not in params:
                raise InvalidInputError(f"{name} is missing in the parameters of the trial")
            known[name] = CODECS[type(domain)].to_value(domain, params[name])
        return nested(evaluate(self._computed(), known, number))

    def to_ray(self) -> dict[str, Any]:
        """Convert the space to a Ray Tune ``param_space``.

        Returns
        -------
        dict
            Nested, with Ray domains and constants.

        Raises
        ------
        InvalidInputError
            If the space is a function of an Optuna trial.

        Examples
        --------
        >>> from automodel_sk.search_space import Choice
        >>> SearchSpace.parse({"h": 12, "layers": Choice([1, 2], grid=True)}).to_ray()
        {'h': 12, 'layers': {'grid_search': [1, 2]}}
        """
        if self.function is not None:
            raise InvalidInputError(
                "config: a function of an Optuna trial can't be written in Ray's domains; "
                "try backend='optuna', or a dict, as in {'batch_size': tune.choice([32, 64])}"
            )
        domains = {name: ray_domain(domain) for name, domain in self.domains.items()}
        return nested({**self._constant_values(), **domains})

    def with_defaults(self, **constants: Any) -> SearchSpace:
        """Return this space with constants added for missing names.

        Parameters
        ----------
        **constants : object
            Constants by name; existing entries are kept.

        Returns
        -------
        SearchSpace

        Examples
        --------
        >>> SearchSpace.parse({"h": 12}).with_defaults(h=24, max_steps=100).constants
        {'h': 12, 'max_steps': 100}
        """
        own = {name.split(SEPARATOR)[0] for name in (*self.domains, *self.constants)}
        domains, values = read_config({k: v for k, v in constants.items() if k not in own})
        return replace(
            self,
            domains={**self.domains, **domains},
            constants={**self.constants, **values},
        )

    def without(self, *names: str) -> SearchSpace:
        """Return this space without some names, including nested ones.

        Parameters
        ----------
        *names : str
            Flat names; unknown ones are ignored.

        Returns
        -------
        SearchSpace

        Examples
        --------
        >>> from automodel_sk.search_space import Choice
        >>> SearchSpace.parse({"h": 12, "random_seed": Choice([1, 2])}).without("random_seed")
        SearchSpace(domains={}, constants={'h': 12}, function=None, left_out=frozenset())
        """

        def stays(name: str) -> bool:
            return not any(name == gone or name.startswith(gone + SEPARATOR) for gone in names)

        return replace(
            self,
            domains={name: domain for name, domain in self.domains.items() if stays(name)},
            constants={name: value for name, value in self.constants.items() if stays(name)},
            left_out=self.left_out | set(names) if self.function is not None else self.left_out,
        )
