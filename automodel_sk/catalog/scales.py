"""The three scales that the choice of a search algorithm is based on."""

from __future__ import annotations

from enum import Enum
from typing import Any, TypeVar

from automodel_sk.exceptions import InvalidInputError

__all__ = ["DatasetSize", "ModelComplexity", "SearchComplexity"]


class ModelComplexity(str, Enum):
    """Cost of one training of a model.

    Examples
    --------
    >>> ModelComplexity("simple") is ModelComplexity.SIMPLE
    True
    """

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


class DatasetSize(str, Enum):
    """Amount of training data.

    Examples
    --------
    >>> DatasetSize("large") is DatasetSize.LARGE
    True
    """

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class SearchComplexity(str, Enum):
    """Size of a search space.

    Examples
    --------
    >>> SearchComplexity("high") is SearchComplexity.HIGH
    True
    """

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


Scale = TypeVar("Scale", ModelComplexity, DatasetSize, SearchComplexity)


def member_of_scale(kind: type[Scale], name: str, value: Any) -> Scale:
    """Return the member of a scale that a member or its name, in any case, denotes.

    Parameters
    ----------
    kind : type
        The scale.
    name : str
        Name of the argument, for the message.
    value : object
        The value passed.

    Examples
    --------
    >>> member_of_scale(DatasetSize, "dataset_size", "Large").name
    'LARGE'
    """
    try:
        return kind(value.lower() if type(value) is str else value)
    except ValueError:
        allowed = ", ".join(repr(member.value) for member in kind)
        example = next(iter(kind)).value
        raise InvalidInputError(
            f"{name} must be one of {allowed}, got {value!r}; try {name}={example!r}"
        ) from None
