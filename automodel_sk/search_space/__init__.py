"""Search spaces that belong to no search library, and their lossless translations."""

from automodel_sk.search_space.domains import Choice, Computed, Domain, Float, Integer, Normal
from automodel_sk.search_space.space import SearchSpace

__all__ = ["Choice", "Computed", "Domain", "Float", "Integer", "Normal", "SearchSpace"]
