"""Write search spaces as JSON without their functions, and read them without running code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.domains import Choice, Domain, Float, Integer, Normal
from automodel_sk.search_space.fingerprint import qualified_name
from automodel_sk.search_space.space import SearchSpace

__all__ = ["space_from_json", "space_to_json"]

_KINDS: Mapping[str, type[Any]] = {
    "choice": Choice,
    "float": Float,
    "integer": Integer,
    "normal": Normal,
}
_TRUTH_VALUES = ("log", "grid")


def space_to_json(space: SearchSpace) -> dict[str, Any]:
    """Convert a space to JSON.

    Parameters
    ----------
    space : SearchSpace
        Any search space.

    Returns
    -------
    dict
        `domains` and `constants` by flat name; `left_out` lists what JSON can't represent, such as
        functions, with a description. Tuples become lists.

    Examples
    --------
    >>> from automodel_sk.search_space import Computed
    >>> space = SearchSpace.parse({"h": 12, "lr": Float(0.0, 1.0), "steps": Computed(len)})
    >>> stored = space_to_json(space)
    >>> stored["domains"]
    {'lr': {'kind': 'float', 'low': 0.0, 'high': 1.0, 'log': False, 'step': None}}
    >>> stored["left_out"]
    {'steps': 'Computed(len)'}
    """
    stored: dict[str, Any] = {"domains": {}, "constants": {}, "left_out": {}}
    if space.function is not None:
        stored["left_out"]["config"] = f"function {qualified_name(space.function)}"
    for name, domain in space.domains.items():
        _store(stored, "domains", name, _domain_to_json(domain), domain)
    for name, value in space.constants.items():
        _store(stored, "constants", name, value, value)
    return stored


def _store(stored: dict[str, Any], part: str, name: str, form: Any, value: Any) -> None:
    """Store a value if JSON can represent it, else a note about it."""
    try:
        stored[part][name] = json.loads(json.dumps(form, allow_nan=False))
    except (TypeError, ValueError):
        stored["left_out"][name] = repr(value)


def _domain_to_json(domain: Domain) -> Any:
    """Return a domain as its kind and its fields; a computed domain is returned unchanged."""
    for kind, domain_type in _KINDS.items():
        if type(domain) is domain_type:
            return {"kind": kind, **{f.name: getattr(domain, f.name) for f in fields(domain)}}
    return domain


def space_from_json(stored: Any) -> SearchSpace | None:
    """Read a space that `space_to_json` wrote, without the entries that were left out.

    Parameters
    ----------
    stored : object
        The object read from JSON.

    Returns
    -------
    SearchSpace or None
        None if none of it could be stored.

    Raises
    ------
    InvalidInputError
        If it is not a stored space.

    Examples
    --------
    >>> space = SearchSpace.parse({"h": 12, "layers": Choice([[2], [3]])})
    >>> space_from_json(space_to_json(space)) == space
    True
    """
    if not isinstance(stored, dict) or set(stored) != {"domains", "constants", "left_out"}:
        raise InvalidInputError("a stored search space holds domains, constants and left_out")
    if not all(isinstance(part, dict) for part in stored.values()):
        raise InvalidInputError("domains, constants and left_out must be mappings by name")
    domains = {name: _domain_from_json(name, form) for name, form in stored["domains"].items()}
    if not domains and not stored["constants"] and stored["left_out"]:
        return None
    return SearchSpace(domains, stored["constants"])


def _domain_from_json(name: str, form: Any) -> Domain:
    """Build a domain from its kind and exactly its fields; the domain validates itself."""
    kind = form.get("kind") if isinstance(form, dict) else None
    domain_type = _KINDS.get(kind) if isinstance(kind, str) else None
    if domain_type is None:
        raise InvalidInputError(
            f"{name}: {kind!r} is not a kind of domain; choose from {list(_KINDS)}"
        )
    values = {field: value for field, value in form.items() if field != "kind"}
    if set(values) != {field.name for field in fields(domain_type)}:
        raise InvalidInputError(f"{name}: a {kind} domain has other fields than {sorted(values)}")
    for field in _TRUTH_VALUES:
        if not isinstance(values.get(field, False), bool):
            raise InvalidInputError(f"{name}: {field} must be true or false")
    if domain_type is Choice and not isinstance(values["values"], list):
        raise InvalidInputError(f"{name}: values must be a list")
    domain: Domain = domain_type(**values)
    return domain
