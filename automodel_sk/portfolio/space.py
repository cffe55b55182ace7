"""The search space of several models: which one, and its own parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.domains import Choice, Domain
from automodel_sk.search_space.fingerprint import digest
from automodel_sk.search_space.nesting import SEPARATOR
from automodel_sk.search_space.optuna_translation import suggest_parameter

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["MODEL", "PortfolioSpace"]

MODEL = "model"
"""The parameter that names a trial's model."""


@dataclass(frozen=True)
class PortfolioSpace:
    """The union of several models' search spaces.

    In a study, a trial has the parameter `model` and that model's parameters, such as
    ``NHITS/learning_rate``. Its configuration has the parameters' own names.

    Parameters
    ----------
    spaces : mapping of str to SearchSpace
        The space of each model; an empty one for a model without parameters.

    Examples
    --------
    >>> from automodel_sk.search_space import Choice
    >>> mlp = SearchSpace.parse({"hidden_size": Choice([8, 16]), "max_steps": 100})
    >>> space = PortfolioSpace({"SeasonalNaive": SearchSpace(), "MLP": mlp})
    >>> space.decode({"model": "MLP", "MLP/hidden_size": 16})
    {'model': 'MLP', 'max_steps': 100, 'hidden_size': 16}
    >>> space.encode({"model": "MLP", "hidden_size": 8})
    {'model': 'MLP', 'MLP/hidden_size': 8}
    """

    spaces: Mapping[str, SearchSpace]
    function: None = field(default=None, init=False)
    left_out: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        """Raise if a space is a function, whose parameters are unknown beforehand."""
        for name, space in self.spaces.items():
            if space.function is not None:
                raise InvalidInputError(
                    f"config[{name!r}] must be a dict of domains where several models are tuned,"
                    " got a function of a trial; try {'learning_rate': Float(1e-4, 1e-2, log=True)}"
                )

    @property
    def models(self) -> tuple[str, ...]:
        """The models by name: Optuna refuses the same choices in another order."""
        return tuple(sorted(self.spaces))

    @property
    def domains(self) -> dict[str, Domain]:
        """All parameters by their name in the study."""
        named: dict[str, Domain] = {MODEL: Choice(self.models)}
        for model, space in self.spaces.items():
            named |= {_qualified(model, name): domain for name, domain in space.domains.items()}
        return named

    @property
    def constants(self) -> dict[str, Any]:
        """The fixed parameters by their qualified names."""
        return {
            _qualified(model, name): value
            for model, space in self.spaces.items()
            for name, value in space.constants.items()
        }

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Sample a model and its configuration from an Optuna trial."""
        model = trial.suggest_categorical(MODEL, self.models)
        space = self._of(model)
        params = {
            name: suggest_parameter(trial, _qualified(model, name), distribution)
            for name, distribution in space.optuna_distributions().items()
        }
        return {MODEL: model, **space.decode(params, number=trial.number)}

    @property
    def tuned(self) -> tuple[str, ...]:
        """The models with parameters to tune."""
        return tuple(name for name, space in self.spaces.items() if space.domains)

    def tuned_of(self, model: str) -> dict[str, BaseDistribution]:
        """Return the distributions of a model's parameters with more than one value."""
        return {n: d for n, d in self._distributions_of(model).items() if not d.single()}

    def _distributions_of(self, model: str) -> dict[str, BaseDistribution]:
        drawn = self._of(model).optuna_distributions().items()
        return {_qualified(model, name): distribution for name, distribution in drawn}

    def optuna_distributions(self) -> dict[str, BaseDistribution]:
        """Return the distributions of all models' parameters by their name in the study."""
        from optuna.distributions import CategoricalDistribution

        found: dict[str, BaseDistribution] = {MODEL: CategoricalDistribution(self.models)}
        for model in self.spaces:
            found |= self._distributions_of(model)
        return found

    def decode(self, params: Mapping[str, Any], *, number: int = 0) -> dict[str, Any]:
        """Convert the parameters of a study's trial to a configuration."""
        model = params.get(MODEL)
        prefix = f"{model}{SEPARATOR}"
        own = {k.removeprefix(prefix): v for k, v in params.items() if k.startswith(prefix)}
        return {MODEL: model, **self._of(model).decode(own, number=number)}

    def encode(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Convert a configuration to the parameters that a study stores."""
        model = str(config[MODEL])
        own = {name: value for name, value in config.items() if name != MODEL}
        encoded = self._of(model).encode(own)
        return {MODEL: model} | {_qualified(model, name): v for name, v in encoded.items()}

    def fingerprint(self) -> str:
        """Return a digest that identifies the space."""
        return digest(repr(sorted((name, s.fingerprint()) for name, s in self.spaces.items())))

    def _of(self, model: Any) -> SearchSpace:
        if model not in self.spaces:
            raise InvalidInputError(f"there is no model {model!r} in this portfolio")
        return self.spaces[model]


def _qualified(model: str, name: str) -> str:
    return f"{model}{SEPARATOR}{name}"
