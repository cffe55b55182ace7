"""The result of a validation, and the collector that validators add findings to."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, ParamSpec

from automodel_sk.exceptions import InvalidInputError

__all__ = ["ValidationReport", "ValidationResult", "never_raises"]

P = ParamSpec("P")

_LONG_WORD = re.compile(r"\S{160,}")
_LONGEST_MESSAGE = 2_000

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ValidationResult:
    """The findings of one validation.

    Parameters
    ----------
    is_valid : bool
        True if there are no errors.
    errors : list of str
        What must be fixed: one sentence each, with the value found and the fix.
    warnings : list of str
        Likely mistakes that do not stop a search.
    corrected_config : dict, optional
        Values that would fix the configuration; None if nothing can be suggested.

    Examples
    --------
    >>> result = ValidationResult(False, ["h must be at least 1, got 0; try 12"], [])
    >>> print(result)
    invalid: 1 error, 0 warnings
      error: h must be at least 1, got 0; try 12
    """

    is_valid: bool
    errors: list[str]
    warnings: list[str]
    corrected_config: dict[str, Any] | None = None

    def raise_if_invalid(self) -> None:
        """Raise one exception for all errors; it carries this result.

        Raises
        ------
        InvalidInputError
            If there is at least one error.

        Examples
        --------
        >>> ValidationResult(True, [], []).raise_if_invalid()
        """
        if not self.is_valid:
            raise InvalidInputError("\n".join(self.errors), result=self)

    def __str__(self) -> str:
        verdict = "valid" if self.is_valid else "invalid"
        counts = f"{_count(self.errors, 'error')}, {_count(self.warnings, 'warning')}"
        lines = [f"{verdict}: {counts}"]
        lines += [f"  error: {message}" for message in self.errors]
        lines += [f"  warning: {message}" for message in self.warnings]
        if self.corrected_config:
            lines.append(f"  suggested: {self.corrected_config!r}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the findings as an HTML list, for notebooks."""
        heading, *findings = str(self).splitlines()
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in findings)
        return f"<strong>{escape(heading)}</strong><ul>{items}</ul>"


@dataclass(frozen=True)
class ValidationReport(ValidationResult):
    """The findings of several validations, merged, and each under its name.

    Parameters
    ----------
    is_valid : bool
        True if no section has errors.
    errors, warnings : list of str
        Those of all sections, in order, without duplicates.
    corrected_config : dict, optional
        The suggestions of all sections.
    sections : mapping of str to ValidationResult
        The findings of each validation; also available as ``report[name]``.

    Examples
    --------
    >>> report = ValidationReport.merge(
    ...     {
    ...         "backend": ValidationResult(True, [], ["cpus is above what the machine has"]),
    ...         "model": ValidationResult(False, ["max_steps must be above 0"], []),
    ...     }
    ... )
    >>> report.is_valid, report.errors, report["backend"].is_valid
    (False, ['max_steps must be above 0'], True)
    """

    sections: Mapping[str, ValidationResult] = field(default_factory=dict)

    @classmethod
    def merge(cls, sections: Mapping[str, ValidationResult]) -> ValidationReport:
        """Merge several named results into one report.

        Parameters
        ----------
        sections : mapping of str to ValidationResult
            The results by name, in display order.

        Returns
        -------
        ValidationReport

        Examples
        --------
        >>> ValidationReport.merge({}).is_valid
        True
        """
        results = list(sections.values())
        corrections: dict[str, Any] = {}
        for result in results:
            corrections.update(result.corrected_config or {})
        return cls(
            is_valid=all(result.is_valid for result in results),
            errors=list(dict.fromkeys(m for result in results for m in result.errors)),
            warnings=list(dict.fromkeys(m for result in results for m in result.warnings)),
            corrected_config=corrections or None,
            sections=dict(sections),
        )

    def __getitem__(self, name: str) -> ValidationResult:
        return self.sections[name]

    def __str__(self) -> str:
        lines = [super().__str__().splitlines()[0]]
        for name, result in self.sections.items():
            heading, *findings = str(result).splitlines()
            lines.append(f"{name}: {heading}")
            lines += findings
        return "\n".join(lines)


@dataclass
class Findings:
    """Collects the errors, warnings and corrections of a validation."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    corrections: dict[str, Any] = field(default_factory=dict)

    def error(self, message: str) -> None:
        """Add an error: something that must be fixed."""
        self.errors.append(_cut(message))

    def warn(self, message: str) -> None:
        """Add a warning: a likely mistake."""
        self.warnings.append(_cut(message))

    def correct(self, name: str, value: Any) -> None:
        """Suggest a value for a parameter."""
        self.corrections[name] = value

    def copy(self) -> Findings:
        """Return a collector with the same findings."""
        return Findings(list(self.errors), list(self.warnings), dict(self.corrections))

    def result(self, strict: bool = False) -> ValidationResult:
        """Return the findings as a result; strict turns warnings into errors."""
        errors = [*self.errors, *self.warnings] if strict else list(self.errors)
        warnings = [] if strict else list(self.warnings)
        return ValidationResult(not errors, errors, warnings, dict(self.corrections) or None)


def _cut(message: str) -> str:
    """Shorten the long words of a message, which are values it repeats."""
    return _LONG_WORD.sub(lambda word: f"{word[0][:80]}...", message)[:_LONGEST_MESSAGE]


def never_raises(
    what: str,
) -> Callable[[Callable[P, ValidationResult]], Callable[P, ValidationResult]]:
    """Return a decorator that turns an exception from inspecting an argument into an error finding.

    Parameters
    ----------
    what : str
        What is checked, and what to pass instead.

    Examples
    --------
    >>> @never_raises("df can't be checked; pass a plain pandas DataFrame")
    ... def check(df): return df.columns
    >>> check(3).errors
    ["df can't be checked; pass a plain pandas DataFrame (AttributeError)"]
    """

    def decorate(check: Callable[P, ValidationResult]) -> Callable[P, ValidationResult]:
        @functools.wraps(check)
        def checked(*args: P.args, **kwargs: P.kwargs) -> ValidationResult:
            try:
                return check(*args, **kwargs)
            except Exception as exc:
                _logger.debug("a check failed", exc_info=True)
                return ValidationResult(False, [f"{what} ({type(exc).__name__})"], [])

        return checked

    return decorate


def _count(items: list[str], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
