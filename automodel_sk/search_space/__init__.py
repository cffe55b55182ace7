"""Search spaces independent of any search library, with lossless translations to Optuna and Ray."""

from automodel_sk.search_space.domains import Choice, Computed, Domain, Float, Integer, Normal
from automodel_sk.search_space.space import SearchSpace

__all__ = ["Choice", "Computed", "Domain", "Float", "Integer", "Normal", "SearchSpace"]
