"""Validate arguments; each message names the argument, the value found and the fix."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from automodel_sk.catalog.scales import DatasetSize, ModelComplexity, SearchComplexity
from automodel_sk.exceptions import InvalidInputError

Scale = TypeVar("Scale", ModelComplexity, DatasetSize, SearchComplexity)


def scale(kind: type[Scale], name: str, value: Any) -> Scale:
    """Return the member of an enum that a member or its name, in any case, denotes."""
    try:
        return kind(value.lower() if type(value) is str else value)
    except ValueError:
        allowed = ", ".join(repr(member.value) for member in kind)
        example = next(iter(kind)).value
        raise InvalidInputError(
            f"{name} must be one of {allowed}, got {value!r}; try {name}={example!r}"
        ) from None


def whole(name: str, value: Any, low: int, example: int) -> int:
    """Return an integer from `low` to 2**32 - 1."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not low <= value < 2**32:
        raise InvalidInputError(
            f"{name} must be a whole number of at least {low}, got {value!r}; try {name}={example}"
        )
    return int(value)


def positive(name: str, value: Any, example: float) -> float:
    """Return a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InvalidInputError(
            f"{name} must be a number above 0, got {value!r}; try {name}={example}"
        )
    return float(value)
