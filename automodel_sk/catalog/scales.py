"""The three scales that the choice of a search algorithm is based on."""

from __future__ import annotations

from enum import Enum

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
