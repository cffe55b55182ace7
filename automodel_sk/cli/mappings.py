"""Mappings in files of JSON or YAML."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from automodel_sk.exceptions import InvalidInputError

__all__ = ["read_mapping"]

_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


def read_mapping(path: Path) -> dict[str, Any]:
    """Read names and values from a file: YAML by its suffix, JSON otherwise.

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
        The file is neither, or holds no mapping.
    """
    yaml = path.suffix.lower() in (".yaml", ".yml")
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = _read_yaml(text) if yaml else json.loads(text)
    except ValueError as exc:
        example = "max_steps: 500" if yaml else '{"max_steps": 500, "input_size": 24}'
        raise InvalidInputError(
            f"{path} is not {'YAML' if yaml else 'JSON'} ({exc}); try {example}"
        ) from exc
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise InvalidInputError(
            f"{path} must hold one {'mapping' if yaml else 'object'}, got {type(content).__name__};"
            ' try {"max_steps": 500, "input_size": {"choice": [24, 48]}}'
        )
    return content


def _read_yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.YAMLError as exc:
        raise ValueError(" ".join(str(exc).split())) from exc


@cache
def _loader() -> Any:
    """Return the safe loader with YAML 1.2's numbers: in 1.1, ``1e-4`` is a text."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Builds plain values alone."""

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))
    return Loader
