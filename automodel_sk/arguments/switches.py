"""Rules for options that are switched on, or set to something in particular."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from automodel_sk.arguments.kinds import Names
from automodel_sk.arguments.number_rule import nearest, shown

__all__ = ["Parts", "Switch"]


def _is_flag(value: Any) -> bool:
    return type(value).__name__ in ("bool", "bool_")


@dataclass(frozen=True)
class Switch:
    """True, False, or ``"auto"``: decided by the data.

    Examples
    --------
    >>> rule = Switch("non_negative")
    >>> rule.accepts(True), rule.accepts("auto"), rule.accepts("yes"), rule.convert(True)
    (True, True, False, True)
    >>> rule.refusal("yes")
    "non_negative must be True, False or 'auto', got 'yes'; try non_negative=True"
    """

    name: str

    def accepts(self, value: Any) -> bool:
        """Return whether a value is one of the three."""
        return _is_flag(value) or (isinstance(value, str) and value == "auto")

    def convert(self, value: Any) -> Any:
        """Return Python's own True or False, or the text."""
        return str(value) if isinstance(value, str) else bool(value)

    def refusal(self, value: Any) -> str:
        """Return the sentence that lists what is possible."""
        return (
            f"{self.name} must be True, False or 'auto', got {shown(value)};"
            f" try {self.name}={self.fix(value)!r}"
        )

    def fix(self, value: Any) -> Any:
        """Return what a word such as "yes" or "no" means."""
        word = value.lower() if isinstance(value, str) else ""
        if nearest(word, ("auto",)):
            return "auto"
        return word not in ("no", "false", "off", "none", "never")


@dataclass(frozen=True)
class Parts(Names):
    """Names out of a fixed set; True for those that suit, which is ``"auto"``.

    Examples
    --------
    >>> rule = Parts("calendar", "weekday", "parts of the calendar", ("hour", "weekday"))
    >>> rule.convert(True), rule.convert("hour"), rule.convert(["weekday"]), rule.convert(None)
    (('auto',), ('hour',), ('weekday',), ())
    >>> rule.refusal(["weekdays"])
    "calendar must be True or a list of parts of the calendar out of 'hour', 'weekday', got ..."
    """

    choices: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a flag, a name of the set, or a collection of such names."""
        if _is_flag(value):
            return True
        if isinstance(value, str):
            return value in self._known
        return super().accepts(value) and all(name in self._known for name in value or ())

    @property
    def _known(self) -> tuple[str, ...]:
        return (*self.choices, "auto")

    def convert(self, value: Any) -> tuple[str, ...]:
        """Return the names as a tuple."""
        if _is_flag(value):
            return ("auto",) if value else ()
        return super().convert([value] if isinstance(value, str) else value)

    def refusal(self, value: Any) -> str:
        """Return the sentence that lists the names."""
        return (
            f"{self.name} must be True or a list of {self.what} out of"
            f" {', '.join(map(repr, self.choices))}, got {shown(value)};"
            f" try {self.name}={self.fix(value)!r}"
        )

    def fix(self, value: Any) -> list[str]:
        """Return the names that were probably meant."""
        given = [value] if isinstance(value, str) else value
        texts = [v for v in given if isinstance(v, str)] if isinstance(given, Iterable) else []
        meant = [nearest(text, self._known) for text in texts]
        return [name for name in meant if name is not None] or [self.example]
