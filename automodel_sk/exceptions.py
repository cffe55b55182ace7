"""Exceptions raised by this package, all derived from one base class.

::

    AutoModelError
    |-- InvalidInputError      (ValueError)    an argument is invalid
    |-- SearchError            (RuntimeError)  a search did not produce a model
    |   |-- NoUsableTrialError                 every trial failed
    |   `-- StudyMismatchError                 a study of that name holds another search
    |-- StorageError           (OSError)       the study's storage cannot be used
    |-- TrackingError          (RuntimeError)  the tracking server cannot be used
    |-- ModelFileError         (ValueError)    a saved model is damaged or foreign
    `-- MissingDependencyError (ImportError)   an optional package is not installed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_sk._utils.secrets import mask_secrets

if TYPE_CHECKING:
    from automodel_sk.validation import ValidationResult

__all__ = [
    "AutoModelError",
    "InvalidInputError",
    "MissingDependencyError",
    "ModelFileError",
    "NoUsableTrialError",
    "SearchError",
    "StorageError",
    "StudyMismatchError",
    "TrackingError",
]


class AutoModelError(Exception):
    """Base class of all exceptions of this package.

    Passwords in addresses are removed from the message.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(mask_secrets(arg) if isinstance(arg, str) else arg for arg in args))


class InvalidInputError(AutoModelError, ValueError):
    """Data, configuration or options are invalid.

    Parameters
    ----------
    message : str
        One sentence, or one line per error.
    result : ValidationResult, optional
        All findings of the validator, including warnings.

    Examples
    --------
    >>> raise InvalidInputError("h must be at least 1, got 0")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: h must be at least 1, got 0
    """

    def __init__(self, message: str, result: ValidationResult | None = None) -> None:
        super().__init__(message)
        self.result = result


class SearchError(AutoModelError, RuntimeError):
    """A search did not produce a model."""


class NoUsableTrialError(SearchError):
    """Every trial failed; the message lists the reasons."""


class StudyMismatchError(SearchError):
    """A study of this name exists and holds another search."""


class StorageError(AutoModelError, OSError):
    """The storage of a study cannot be read or written."""


class TrackingError(AutoModelError, RuntimeError):
    """The tracking server cannot be used."""


class ModelFileError(AutoModelError, ValueError):
    """A saved model is damaged, of an unknown version, or not from this package."""


class MissingDependencyError(AutoModelError, ImportError):
    """An optional package is required but not installed."""
