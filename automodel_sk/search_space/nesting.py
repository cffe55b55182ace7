"""Convert between nested dicts and flat names such as ``a/b``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from automodel_sk.exceptions import InvalidInputError

__all__ = ["SEPARATOR", "checked_name", "flat_values", "nested"]

SEPARATOR = "/"


def checked_name(prefix: str, key: Any) -> str:
    """Return the flat name of a key; keys must be non-empty strings without a slash."""
    if not isinstance(key, str) or not key or SEPARATOR in key:
        raise InvalidInputError(
            f"names of parameters must be non-empty strings without {SEPARATOR!r}, got {key!r}"
            f"{f' in {prefix!r}' if prefix else ''}; try 'learning_rate', and a dict for nesting"
        )
    return f"{prefix}{SEPARATOR}{key}" if prefix else key


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Convert flat names to nested dicts.

    Examples
    --------
    >>> nested({"a/b": 1, "c": 2})
    {'a': {'b': 1}, 'c': 2}
    """
    result: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(SEPARATOR)
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return result


def flat_values(config: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Convert nested dicts to flat names, only as deep as the given names.

    Raises
    ------
    InvalidInputError
        If the config has an entry that is none of the names.

    Examples
    --------
    >>> flat_values({"a": {"b": 1}, "c": {"d": 2}}, ["a/b", "c"])
    {'a/b': 1, 'c': {'d': 2}}
    """
    return _flat(config, names, "")


def _flat(config: Mapping[str, Any], names: Collection[str], prefix: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{SEPARATOR}{key}" if prefix else str(key)
        if name in names:
            result[name] = value
        elif isinstance(value, Mapping) and _reaches(names, name):
            result.update(_flat(value, names, name))
        else:
            known = ", ".join(sorted(names)) or "none"
            raise InvalidInputError(f"{name} is not in the search space; its names are: {known}")
    return result


def _reaches(names: Collection[str], prefix: str) -> bool:
    return any(name.startswith(prefix + SEPARATOR) for name in names)
