"""The three scales that the choice of a search algorithm rests on."""

from __future__ import annotations

from enum import Enum

__all__ = ["DatasetSize", "ModelComplexity", "SearchComplexity"]


class ModelComplexity(str, Enum):
    """How costly one training of a model is.

    Examples
    --------
    >>> ModelComplexity("simple") is ModelComplexity.SIMPLE
    True
    """

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


class DatasetSize(str, Enum):
    """How much data a model is trained on.

    Examples
    --------
    >>> DatasetSize("large") is DatasetSize.LARGE
    True
    """

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class SearchComplexity(str, Enum):
    """How large a search space is.

    Examples
    --------
    >>> SearchComplexity("high") is SearchComplexity.HIGH
    True
    """

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
