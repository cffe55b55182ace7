"""Validate data, configuration, environment and tracking before a search starts."""

from automodel_sk.validation.all_checks import validate_all
from automodel_sk.validation.config.validator import ConfigValidator
from automodel_sk.validation.data.validator import DataValidator
from automodel_sk.validation.result import ValidationReport, ValidationResult

__all__ = [
    "ConfigValidator",
    "DataValidator",
    "ValidationReport",
    "ValidationResult",
    "validate_all",
]
