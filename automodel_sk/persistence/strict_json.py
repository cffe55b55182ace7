"""Read untrusted JSON: limited size, no duplicate names, one exception for any violation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from automodel_sk.exceptions import ModelFileError

__all__ = ["MOST_BYTES", "parse_json", "read_json"]

MOST_BYTES = 128 * 2**20
"""Larger files are not read: parsed JSON can take twenty times its size in memory."""


def read_json(file: Path) -> Any:
    """Return the content of a JSON file.

    Parameters
    ----------
    file : Path
        A regular file, not a link.

    Raises
    ------
    ModelFileError
        The file is missing, a link, too large or not JSON.
    """
    if file.is_symlink() or not file.is_file():
        raise ModelFileError(f"{file} is missing or not a regular file; save the model again")
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise ModelFileError(f"{file} has {size:,} bytes, too many for a saved model")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise ModelFileError(f"{file} is damaged ({exc.reason}); save the model again") from exc
    return parse_json(text, file)


def parse_json(text: str, source: object) -> Any:
    """Return the content of a JSON text.

    Parameters
    ----------
    text : str
        The text.
    source : object
        Where the text comes from, for the message.

    Raises
    ------
    ModelFileError
        Not JSON, nested too deeply, or a name occurs twice in a mapping.

    Examples
    --------
    >>> parse_json('{"h": 12}', "automodel.json")
    {'h': 12}
    >>> parse_json('{"h": 12, "h": 24}', "automodel.json")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.ModelFileError: automodel.json is damaged ('h' is given twice); ...
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as exc:
        raise ModelFileError(f"{source} is damaged (nested too deep); save it again") from exc
    except ValueError as exc:
        raise ModelFileError(f"{source} is damaged ({exc}); save the model again") from exc


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a mapping, refusing duplicate names, which parsers resolve differently."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:100]!r} is given twice")
    return mapping
