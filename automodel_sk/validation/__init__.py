"""Checks of data, configuration, machine and tracking before a search starts."""

from automodel_sk.validation.config import ConfigValidator
from automodel_sk.validation.data import DataValidator
from automodel_sk.validation.everything import validate_all
from automodel_sk.validation.result import ValidationReport, ValidationResult

__all__ = [
    "ConfigValidator",
    "DataValidator",
    "ValidationReport",
    "ValidationResult",
    "validate_all",
]
