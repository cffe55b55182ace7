"""Parse configurations into tuned and fixed entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from automodel_sk.arguments.number_rule import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.domains import Choice, Computed, Domain, Float, Integer, Normal
from automodel_sk.search_space.fingerprint import copied, own_numbers
from automodel_sk.search_space.nesting import checked_name
from automodel_sk.search_space.optuna_translation import (
    is_optuna_distribution,
    read_distribution,
)
from automodel_sk.search_space.ray_translation import (
    is_grid,
    is_ray_domain,
    read_grid,
    read_ray_domain,
)

__all__ = ["read_config"]

_OWN = (Choice, Computed, Float, Integer, Normal)
_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Domain]], ...] = (
    (lambda value: isinstance(value, _OWN), lambda value: value),
    (is_ray_domain, read_ray_domain),
    (is_optuna_distribution, read_distribution),
    (is_grid, read_grid),
)


def read_config(config: Mapping[str, Any]) -> tuple[dict[str, Domain], dict[str, Any]]:
    """Split a config into its domains and its constants, by flat name.

    A nested dict without any domain is a single constant. If inspecting an object of another
    library raises, the error names the entry.
    """
    domains: dict[str, Domain] = {}
    constants: dict[str, Any] = {}
    try:
        entries = list(config.items())
    except Exception as exc:
        raise InvalidInputError(
            f"config: the entries of {shown(config)} can't be read ({type(exc).__name__}); "
            "pass a plain dict, as in {'learning_rate': 0.001}"
        ) from exc
    for key, value in entries:
        try:
            _read_entry(domains, constants, "", key, value)
        except InvalidInputError:
            raise
        except Exception as exc:
            name = key[:80] if isinstance(key, str) else shown(key)
            raise InvalidInputError(
                f"{name}: {shown(value)} can't be read as part of a search space "
                f"({type(exc).__name__}); try a number, a text, a list of these, or "
                "tune.choice([1, 2])"
            ) from exc
    return domains, constants


def _read_entry(
    domains: dict[str, Domain], constants: dict[str, Any], prefix: str, key: Any, value: Any
) -> None:
    name = checked_name(prefix, key)
    domain = _read_domain(name, value)
    if domain is not None:
        domains[name] = domain
    elif isinstance(value, Mapping) and _holds_domain(value):
        for inner, item in value.items():
            _read_entry(domains, constants, name, inner, item)
    else:
        _refuse_hidden_search(name, value)
        constants[name] = copied(own_numbers(value))


def _read_domain(name: str, value: Any) -> Domain | None:
    """Convert an entry to a domain; None if it is a constant or a dict of entries."""
    for applies, read in _READERS:
        if not applies(value):
            continue
        try:
            domain = read(value)
        except InvalidInputError as exc:
            raise InvalidInputError(f"{name}: {exc}") from exc
        if isinstance(domain, Choice):
            _refuse_conditions(name, domain)
        return domain
    return None


def _holds_domain(value: Any) -> bool:
    """Return whether a value contains a domain at any depth."""
    if any(applies(value) for applies, _ in _READERS):
        return True
    if isinstance(value, Mapping):
        return any(_holds_domain(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_holds_domain(item) for item in value)


def _refuse_hidden_search(name: str, value: Any) -> None:
    if _holds_domain(value):
        raise InvalidInputError(
            f"{name}: a list can't hold search domains; "
            "try a choice of whole lists, as in choice([[1, 2], [3, 4]])"
        )
    if isinstance(value, Mapping) and set(value) == {"eval"}:
        raise InvalidInputError(
            f"{name}: text is not evaluated as code, got {value!r}; "
            "try sample_from(lambda config: 2 * config['h'])"
        )


def _refuse_conditions(name: str, domain: Choice) -> None:
    if any(_holds_domain(value) for value in domain.values):
        raise InvalidInputError(
            f"{name}: a category can't hold search domains; "
            "try a function of an Optuna trial, which may ask for one parameter after another"
        )
