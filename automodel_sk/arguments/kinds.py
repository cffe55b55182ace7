"""Rules for non-numeric arguments: choices, flags, texts, paths, names.

Each rule has `accepts`, `convert`, `refusal` and `fix`, like `NumberRule`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Protocol

from automodel_sk._utils.plain_text import is_plain_line
from automodel_sk._utils.secrets import mask_secrets, shown_address
from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.exceptions import InvalidInputError

__all__ = ["Choices", "Either", "Flag", "Names", "Place", "Rule", "Several", "Text"]

_LONGEST_TEXT = 200
_LONGEST_PATH, _LONGEST_NAME = 4095, 255
"""In bytes, as file systems take them."""

_CREDENTIALS = re.compile(r"(?![A-Za-z]:[\\/])(?!~|\.)[^/@]*:[^@]*@")
"""A user and a password; no drive of Windows."""


class Rule(Protocol):
    """The rule of an argument."""

    @property
    def name(self) -> str:
        """Name of the argument."""

    def accepts(self, value: Any) -> bool:
        """Return whether the argument may have a value."""

    def convert(self, value: Any) -> Any:
        """Convert an accepted value to a plain Python object."""

    def refusal(self, value: Any) -> str:
        """Return the sentence that names the argument, the value found, and the fix."""

    def fix(self, value: Any) -> Any:
        """Return the value that was probably meant."""


@dataclass(frozen=True)
class Choices:
    """One of several fixed texts.

    Examples
    --------
    >>> rule = Choices("resume", ("auto", "never"))
    >>> rule.accepts("nevr"), rule.fix("nevr")
    (False, 'never')
    >>> rule.refusal("nevr")
    "resume must be one of 'auto', 'never', got 'nevr'; try resume='never'"
    """

    name: str
    choices: tuple[str, ...]
    optional: bool = False

    def accepts(self, value: Any) -> bool:
        """Return whether a value is one of the choices."""
        return _is_missing(value, self.optional) or (
            isinstance(value, str) and value in self.choices
        )

    def convert(self, value: Any) -> Any:
        """Return the choice."""
        return value if value is None else str(value)

    def refusal(self, value: Any) -> str:
        """Return the sentence that lists the choices."""
        listed = ", ".join(map(repr, self.choices)) + (" or None" if self.optional else "")
        example = f"{self.name}={self.fix(value)!r}"
        return f"{self.name} must be one of {listed}, got {shown(value)}; try {example}"

    def fix(self, value: Any) -> str:
        """Return the choice that was probably meant."""
        meant = nearest(value, self.choices) if isinstance(value, str) else None
        return meant or self.choices[0]


@dataclass(frozen=True)
class Flag:
    """True or False; 1 and 0 are accepted as well.

    Examples
    --------
    >>> import numpy as np
    >>> rule = Flag("use_pruning")
    >>> rule.accepts("no"), rule.fix("no"), rule.convert(np.True_), rule.convert(0)
    (False, False, True, False)
    """

    name: str
    example: bool = True

    def accepts(self, value: Any) -> bool:
        """Return whether a value is true or false."""
        is_number = isinstance(value, Integral) or type(value).__name__ in ("bool", "bool_")
        return is_number and value in (0, 1)

    def convert(self, value: Any) -> bool:
        """Convert the value to Python's own True or False."""
        return bool(value)

    def refusal(self, value: Any) -> str:
        """Return the sentence that asks for True or False."""
        example = f"{self.name}={self.fix(value)}"
        return f"{self.name} must be True or False, got {shown(value)}; try {example}"

    def fix(self, value: Any) -> bool:
        """Return the boolean that a word such as "yes" or "no" means."""
        words = {"no": False, "false": False, "off": False, "none": False}
        return words.get(str(value).lower(), True) if isinstance(value, str) else self.example


@dataclass(frozen=True)
class Text:
    r"""One line of text that is not blank.

    Examples
    --------
    >>> rule = Text("study_name", "sales", optional=True)
    >>> rule.accepts("a\nb"), rule.accepts(3), rule.accepts(None), rule.accepts("weekly")
    (False, False, True, True)
    """

    name: str
    example: str
    optional: bool = False
    longest: int = _LONGEST_TEXT

    def accepts(self, value: Any) -> bool:
        """Return whether a value is one line of text."""
        if not isinstance(value, str):
            return _is_missing(value, self.optional)
        return bool(value.strip()) and is_plain_line(value) and len(value) <= self.longest

    def convert(self, value: Any) -> Any:
        """Return the text as a plain string."""
        return value if value is None else str(value)

    def refusal(self, value: Any) -> str:
        """Return the sentence that asks for a text."""
        other = " or None" if self.optional else ""
        return (
            f"{self.name} must be a string on one line of at most {self.longest}"
            f" characters{other}, got {shown(value)}; try {self.name}={self.example!r}"
        )

    def fix(self, value: Any) -> str | None:
        """Return None if the text is optional, else the example."""
        return None if self.optional else self.example


@dataclass(frozen=True)
class Place:
    """A path, or the address of a database or server if those are allowed.

    Examples
    --------
    >>> rule = Place("path", "model")
    >>> rule.accepts(5), rule.accepts(""), rule.accepts(Path("runs"))
    (False, False, True)
    >>> Place("storage", "runs", addresses=True).convert("sqlite:///study.db")
    'sqlite:///study.db'
    >>> str(rule.convert("~/x")) == str(Path.home() / "x")
    True
    """

    name: str
    example: str
    optional: bool = False
    addresses: bool = False
    as_text: bool = False

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a path or an address."""
        if not isinstance(value, (str, os.PathLike)):
            return _is_missing(value, self.optional)
        text = os.fspath(value)
        usable = isinstance(text, str) and bool(text.strip()) and is_plain_line(text)
        usable = usable and not self._lacks_scheme(text)
        return usable and (self._is_address(text) or not _has_long_name(text))

    def convert(self, value: Any) -> Any:
        """Return an address unchanged, or a path with ``~`` expanded to the user's home folder."""
        if value is None or self._is_address(os.fspath(value)):
            return value
        return str(Path(value).expanduser()) if self.as_text else Path(value).expanduser()

    def _is_address(self, text: str) -> bool:
        return self.addresses and _is_address(text)

    def _lacks_scheme(self, text: str) -> bool:
        """Return whether a text begins with credentials, which no path does."""
        return self.addresses and "://" not in text and bool(_CREDENTIALS.match(text))

    def refusal(self, value: Any) -> str:
        """Return the sentence that asks for a path."""
        text = str(value) if isinstance(value, (str, os.PathLike)) else ""
        if self._lacks_scheme(text):
            return (
                f"{self.name} has no scheme, got {shown_address(text)!r}; try"
                f" {self.name}='postgresql://user:password@host/database', or './...' for a path"
            )
        kinds = "a path or an address" if self.addresses else "a path"
        other = " or None" if self.optional else ""
        example = f"{self.name}={self.example!r}"
        long = is_plain_line(text) and not self._is_address(text) and _has_long_name(text)
        names = f" with names of at most {_LONGEST_NAME} bytes each" if long else ""
        found = mask_secrets(shown(value))
        return f"{self.name} must be {kinds}{names}{other}, got {found}; try {example}"

    def fix(self, value: Any) -> str | None:
        """Return None if the path is optional, else the example."""
        return None if self.optional else self.example


def _has_long_name(text: str) -> bool:
    """Return whether a path has a part that no file system takes."""
    names = [os.fsencode(name) for name in Path(text).parts]
    return len(os.fsencode(text)) > _LONGEST_PATH or any(len(n) > _LONGEST_NAME for n in names)


def _is_address(text: str) -> bool:
    return "://" in text or text.startswith(":") or text == "databricks"


_COLUMNS = "column names"


@dataclass(frozen=True)
class Names:
    """Names, most often of columns: a list or another collection of texts, also of pandas.

    Examples
    --------
    >>> import pandas as pd
    >>> rule = Names("hist_exog_list", "price")
    >>> rule.convert(pd.Index(["price", "visits"])), rule.convert(None)
    (('price', 'visits'), ())
    >>> rule.accepts("price")
    False
    >>> rule.refusal("price")
    "hist_exog_list must be a list of column names, got 'price'; try hist_exog_list=['price']"
    """

    name: str
    example: str
    what: str = _COLUMNS

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a collection of texts, and of distinct ones for columns."""
        if value is None:
            return True
        if _is_no_list(value) or not isinstance(value, Iterable):
            return False
        # A generator can be read only once: it is accepted here and checked when converted.
        return iter(value) is value or self._are_names(list(value))

    def convert(self, value: Any) -> tuple[str, ...]:
        """Return the names as a tuple of plain strings.

        Raises
        ------
        InvalidInputError
            A generator yielded something other than texts.
        """
        names = () if value is None else tuple(value)
        if not self._are_names(names):
            raise InvalidInputError(self.refusal(list(names)))
        return tuple(map(str, names))

    def _are_names(self, values: Collection[Any]) -> bool:
        """Return whether values are texts; a column can be named once."""
        if not all(isinstance(value, str) and value for value in values):
            return False
        return self.what != _COLUMNS or len(set(values)) == len(values)

    def refusal(self, value: Any) -> str:
        """Return the sentence that asks for a list of names."""
        values = [] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
        twice = [name for name in values if isinstance(name, str) and values.count(name) > 1]
        if self.what == _COLUMNS and twice:
            return f"{self.name} names {shown(twice[0])} more than once; name it once"
        if self.what == _COLUMNS and any(isinstance(v, Integral) for v in values):
            return (
                f"{self.name} names columns by numbers, got {shown(value)}; models need strings as"
                " column names: df.columns = df.columns.map(str), then pass these names"
            )
        example = shown(value if isinstance(value, str) and value else self.example)
        return (
            f"{self.name} must be a list of {self.what}, got {shown(value)};"
            f" try {self.name}=[{example}]"
        )

    def fix(self, value: Any) -> list[str]:
        """Return a list of the single name passed."""
        return [value] if isinstance(value, str) else []


@dataclass(frozen=True)
class Several:
    """A list of values of one kind; a single value is treated as a list of one.

    Examples
    --------
    >>> rule = Several("steps", lambda step: isinstance(step, int), "[1, 12]")
    >>> rule.convert(3), rule.convert((1, 2)), rule.accepts([1, "a"]), rule.accepts([])
    ([3], [1, 2], False, False)
    >>> rule.refusal("x")
    "steps can't be 'x'; try steps=[1, 12]"
    """

    name: str
    item: Callable[[Any], bool]
    example: str

    def accepts(self, value: Any) -> bool:
        """Return whether a value, or each of several, is of the kind."""
        if value is None or self._is_one(value):
            return True
        if _is_no_list(value):
            return False
        values = list(value) if isinstance(value, Collection) else []
        return bool(values) and all(map(self.item, values))

    def _is_one(self, value: Any) -> bool:
        return not isinstance(value, (Mapping, tuple, list, set)) and self.item(value)

    def convert(self, value: Any) -> list[Any] | None:
        """Return the values as a list."""
        if value is None:
            return None
        return [value] if self._is_one(value) else list(value)

    def refusal(self, value: Any) -> str:
        """Return the sentence that shows the value found and an example."""
        return f"{self.name} can't be {shown(value)}; try {self.name}={self.example}"

    def fix(self, value: Any) -> None:
        """Return None: the argument is optional."""


@dataclass(frozen=True)
class Either:
    """A value that one of two rules accepts.

    Examples
    --------
    >>> import numpy as np
    >>> from automodel_sk.arguments.number_rule import NumberRule
    >>> rule = Either("refit", Flag("refit"), NumberRule("refit", 1))
    >>> rule.convert(True), rule.convert(np.int64(3)), rule.accepts("yes")
    (True, 3, False)
    >>> rule.refusal("yes")
    "refit must be True or False, got 'yes'; try refit=True"
    """

    name: str
    first: Rule
    second: Rule

    def accepts(self, value: Any) -> bool:
        """Return whether one of the rules accepts a value."""
        return self.first.accepts(value) or self.second.accepts(value)

    def convert(self, value: Any) -> Any:
        """Convert the value with the rule that accepts it."""
        rule = self.first if self.first.accepts(value) else self.second
        return rule.convert(value)

    def refusal(self, value: Any) -> str:
        """Return the sentence of the first rule."""
        return self.first.refusal(value)

    def fix(self, value: Any) -> Any:
        """Return the suggestion of the first rule."""
        return self.first.fix(value)


def _is_no_list(value: Any) -> bool:
    """Return whether a value is a collection other than a list of items: text, rows, pairs."""
    return isinstance(value, (str, bytes, Mapping)) or hasattr(value, "columns")


def _is_missing(value: Any, optional: bool) -> bool:
    return optional and value is None
