"""The rule for numbers, and helpers that show values and suggest names in messages."""

from __future__ import annotations

import difflib
import math
import numbers
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["NumberRule", "nearest", "shown"]

_SHOWN_LENGTH = 80


@dataclass(frozen=True)
class NumberRule:
    """The numbers that a parameter may have.

    Parameters
    ----------
    name : str
        Name of the parameter.
    example : float
        A valid value, shown in messages and used as a correction.
    whole : bool, default True
        Whether fractions are refused.
    low, high : float
        The bounds.
    low_open, high_open : bool
        Whether the bound itself is refused.
    also : tuple
        Values with a special meaning, such as -1 for "never".
    floats : bool, default False
        Whether an integer may be passed as a float, such as 500.0.
    unusual_above : float, optional
        Larger values are allowed but probably a mistake.
    note : str
        Additional text for the message.

    Examples
    --------
    >>> rule = NumberRule("batch_size", 32)
    >>> rule.accepts(16), rule.accepts(0), rule.accepts(True), rule.accepts("16")
    (True, False, False, False)
    >>> rule.message("0")
    'batch_size must be a whole number of at least 1, got 0; try batch_size=32'
    >>> rule.fix("16"), rule.fix(16.0), rule.fix(-2)
    (16, 16, 32)
    """

    name: str
    example: float
    whole: bool = True
    low: float = 1
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    also: tuple[Any, ...] = ()
    floats: bool = False
    unusual_above: float | None = None
    note: str = ""

    def accepts(self, value: Any) -> bool:
        """Return whether the parameter may have a value.

        Parameters
        ----------
        value : object
            Any value.

        Returns
        -------
        bool

        Examples
        --------
        >>> NumberRule("dropout", 0.1, whole=False, low=0, high=1, high_open=True).accepts(1.0)
        False
        """
        if value is None or isinstance(value, (str, bytes)) or _is_true_or_false(value):
            return value is None and None in self.also
        if not _is_finite_number(value) or (self.whole and not self._whole(value)):
            return False
        if any(value == other for other in self.also):
            return True
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return bool(above and below)

    def convert(self, value: Any) -> Any:
        """Convert an accepted value to a plain Python number.

        Parameters
        ----------
        value : object
            A value that the rule accepts.

        Returns
        -------
        int, float or one of `also`

        Examples
        --------
        >>> import numpy as np
        >>> type(NumberRule("h", 12).convert(np.int64(7))).__name__
        'int'
        """
        if value is None or isinstance(value, str):
            return value
        return int(value) if self._whole(value) else float(value)

    def fix(self, value: Any) -> Any:
        """Return the number that was probably meant: the same in its right type, or the example.

        Parameters
        ----------
        value : object
            A value that the rule refuses.

        Returns
        -------
        int or float

        Examples
        --------
        >>> NumberRule("max_steps", 1000).fix(500.0)
        500
        """
        if _is_true_or_false(value) or not isinstance(value, (str, numbers.Real)):
            return self.example
        try:
            number = float(value)
            meant = int(number) if self.whole and number == int(number) else number
        except (ValueError, OverflowError):
            return self.example
        return meant if self.accepts(meant) else self.example

    def message(self, found: str) -> str:
        """Return the sentence that names the parameter, the value found, and the fix.

        Parameters
        ----------
        found : str
            The value as text.

        Returns
        -------
        str

        Examples
        --------
        >>> NumberRule("learning_rate", 0.001, whole=False, low=0, low_open=True).message("-1")
        'learning_rate must be a number above 0, got -1; try learning_rate=0.001'
        """
        note = f" ({self.note})" if self.note else ""
        example = f"{self.name}={self.example}"
        return f"{self.name} must be {self._wording()}{note}, got {found}; try {example}"

    def refusal(self, value: Any) -> str:
        """Return the sentence about a refused value, with a suggestion.

        Examples
        --------
        >>> NumberRule("h", 12).refusal("7")
        "h must be a whole number of at least 1, got '7'; try h=7"
        """
        meant = self.fix(value)
        return replace(self, example=self.example if meant is None else meant).message(shown(value))

    def _whole(self, value: Any) -> bool:
        return isinstance(value, numbers.Integral) or (self.floats and value == int(value))

    def _wording(self) -> str:
        """Describe the rule in words."""
        words = "a whole number" if self.whole else "a number"
        if math.isfinite(self.low):
            words += f" above {self.low}" if self.low_open else f" of at least {self.low}"
        if math.isfinite(self.high):
            words += f" and below {self.high}" if self.high_open else f" and at most {self.high}"
        return words + "".join(f" or {other}" for other in self.also)


def shown(value: object) -> str:
    """Return any value as short text for a message.

    Parameters
    ----------
    value : object
        Any value, even an object whose ``repr`` raises.

    Returns
    -------
    str
        At most 80 characters on one line.

    Examples
    --------
    >>> shown("ray"), shown(list(range(100)))[-3:]
    ("'ray'", '...')
    """
    try:
        text = re.sub(r"\s*\n\s*", " ", repr(value))
    except Exception:  # the repr of a foreign object may raise anything
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 3] + "..."


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that was probably meant.

    Parameters
    ----------
    name : str
        The name passed.
    known : iterable of str
        The valid names.
    cutoff : float, default 0.6
        Minimum similarity, from 0 to 1.

    Returns
    -------
    str or None
        None if no name is similar enough.

    Examples
    --------
    >>> nearest("lerning_rate", ["learning_rate", "batch_size"])
    'learning_rate'
    >>> nearest("mea", ["mse", "mae"])
    'mae'
    """
    by_folded = {other.casefold(): other for other in sorted(known)}
    letters = sorted(name.strip().casefold())
    swapped = next((key for key in by_folded if sorted(key) == letters), None)
    if swapped is not None:
        return by_folded[swapped]
    match = difflib.get_close_matches(name.strip().casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[match[0]] if match else None


def _is_true_or_false(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}


def _is_finite_number(value: object) -> bool:
    try:
        return isinstance(value, numbers.Real) and math.isfinite(value)
    except OverflowError:
        return False
