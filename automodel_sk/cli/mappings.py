"""Read mappings from JSON or YAML files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from automodel_sk.exceptions import InvalidInputError

__all__ = ["read_mapping"]

MOST_BYTES = 2**20
MOST_DEPTH = 20
MOST_VALUES = 10_000
MOST_CHARACTERS = 10_000
"""Of one value: in YAML, long numbers take very long."""

_EXPONENT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
_LARGEST = 2**63
_KINDS = (type(None), bool, int, float, str, list, dict, date)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a mapping from a file: as YAML or JSON, depending on its suffix.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict

    Raises
    ------
    InvalidInputError
        If the file is neither, or does not hold a mapping.
    """
    yaml = path.suffix.lower() in (".yaml", ".yml")
    try:
        text = _read_text(path)
        content = _read_yaml(text) if yaml else json.loads(text, object_pairs_hook=_unique)
        _check(content)
    except (ValueError, RecursionError) as exc:
        example = "max_steps: 500" if yaml else '{"max_steps": 500, "input_size": 24}'
        reason = "nested too deep" if isinstance(exc, RecursionError) else str(exc)[:300]
        raise InvalidInputError(
            f"{path} is not {'YAML' if yaml else 'JSON'} that can be read ({reason}); try {example}"
        ) from exc
    if not isinstance(content, dict):
        raise InvalidInputError(
            f"{path} must hold one {'mapping' if yaml else 'object'}, got {type(content).__name__};"
            ' try {"max_steps": 500, "input_size": {"choice": [24, 48]}}'
        )
    return content


def _read_text(path: Path) -> str:
    """Read the text of a file, up to a size limit."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise InvalidInputError(
            f"{path} can't be read ({exc.strerror}); pass another file"
        ) from exc
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes")
    return content.decode("utf-8-sig")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping; raise for duplicate names, which would be ambiguous."""
    _refuse_twice(name for name, _ in pairs)
    return dict(pairs)


def _refuse_twice(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{name[:50]!r} is given twice")
        seen.add(name)


def _check(content: Any) -> None:
    """Raise for values, at any depth, that no option and no search space can have."""
    waiting = [(content, 1)]
    while waiting:
        value, depth = waiting.pop()
        if not isinstance(value, _KINDS):
            raise ValueError(f"a value of type {type(value).__name__}; use numbers and strings")
        if isinstance(value, int) and abs(value) >= _LARGEST:
            raise ValueError("a whole number of more than 64 bits")
        if isinstance(value, (dict, list)) and depth > MOST_DEPTH:
            raise ValueError(f"nested deeper than {MOST_DEPTH} levels")
        if isinstance(value, dict):
            odd = next((key for key in value if not isinstance(key, str)), None)
            if odd is not None or None in value:
                raise ValueError(f"the key {str(odd)[:50]} is not a string; quote it")
            waiting += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]


def _read_yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.YAMLError as exc:
        raise ValueError(" ".join(str(exc).split())) from exc


@cache
def _loader() -> Any:
    """Return the safe loader with YAML 1.2 numbers: in YAML 1.1, ``1e-4`` is text."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Builds only plain values, each as large as its text; aliases are not allowed."""

        depth = n_nodes = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Compose a node that is not an alias, not too long and not too deep."""
            event = self.peek_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent):
                raise yaml.YAMLError("aliases (*name) are not supported; repeat the value")
            if isinstance(event, yaml.ScalarEvent) and len(event.value) > MOST_CHARACTERS:
                raise yaml.YAMLError(f"a value of more than {MOST_CHARACTERS:,} characters")
            self.n_nodes += 1
            if self.n_nodes > MOST_VALUES:
                raise yaml.YAMLError(f"more than {MOST_VALUES:,} names and values")
            if self.depth > MOST_DEPTH:
                raise yaml.YAMLError(f"nested deeper than {MOST_DEPTH} levels")
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            """Construct a mapping without duplicate names."""
            keys = (key for key, _ in node.value)
            _refuse_twice(key.value for key in keys if isinstance(key, yaml.ScalarNode))
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))
    return Loader
