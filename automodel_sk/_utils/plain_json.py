"""Convert any value to what JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any

import numpy as np

__all__ = ["plain_json"]


def plain_json(value: Any, strict: bool = True) -> Any:
    """Convert a value to JSON types: numbers, text, lists and mappings; a name for the rest.

    Parameters
    ----------
    value : object
        Any value; times become ISO text, functions their names.
    strict : bool
        Whether NaN becomes null and infinities become text, as the standard asks for. If False,
        they stay, and Python reads them back.

    Returns
    -------
    dict, list, str, float, int, bool or None

    Examples
    --------
    >>> plain_json({"loss": np.float32("nan"), "sizes": (1, np.int64(2)), "key": len})
    {'loss': None, 'sizes': [1, 2], 'key': 'len'}
    >>> plain_json([float("inf")]), plain_json([float("inf")], strict=False)
    (['inf'], [inf])
    """
    if isinstance(value, Enum):
        return plain_json(value.value, strict)
    if isinstance(value, np.generic | np.ndarray):
        exact = not strict and value.dtype.kind in "biuf"  # large arrays of errors
        return value.tolist() if exact else plain_json(value.tolist(), strict)
    if isinstance(value, float) and strict and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_json(item, strict) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain_json(item, strict) for item in value]
    return _name_of(value)


def _name_of(value: Any) -> str:
    """Return a text for an object that is the same in every process."""
    if isinstance(value, date):
        return value.isoformat()
    if callable(value) and hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    text = str(value)
    return type(value).__qualname__ if " at 0x" in text else text
