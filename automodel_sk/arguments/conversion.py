"""Check a value against its rule and convert it to a plain Python object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_sk.arguments.kinds import Rule
from automodel_sk.exceptions import InvalidInputError

__all__ = ["accepted", "convert", "convert_all"]


def accepted(rule: Rule, value: Any) -> bool:
    """Return whether a rule accepts a value, treating any exception of the value as a refusal.

    Examples
    --------
    >>> from automodel_sk.arguments.number_rule import NumberRule
    >>> accepted(NumberRule("h", 12), 3), accepted(NumberRule("h", 12), [])
    (True, False)
    """
    try:
        return rule.accepts(value)
    except Exception:  # a foreign object may raise anything when inspected
        return False


def convert(rule: Rule, value: Any) -> Any:
    """Return a value as a rule converts it.

    Parameters
    ----------
    rule : Rule
        The rule of the argument.
    value : object
        The value passed.

    Returns
    -------
    object

    Raises
    ------
    InvalidInputError
        The rule refuses the value; the message names the argument and the fix.

    Examples
    --------
    >>> from automodel_sk.arguments.number_rule import NumberRule
    >>> convert(NumberRule("h", 12), "7")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: h must be a whole number of at least 1, ...
    """
    try:
        if rule.accepts(value):
            return rule.convert(value)
        words = rule.refusal(value)
    except InvalidInputError:
        raise
    except Exception:  # a foreign object may raise anything when inspected
        words = f"{rule.name} can't be used, got an object of type {type(value).__name__}"
    raise InvalidInputError(words)


def convert_all(rules: Mapping[str, Rule], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as their rules convert them, reporting all problems in one error.

    Parameters
    ----------
    rules : mapping of str to Rule
        Rules by argument name.
    values : mapping of str to object
        The values passed.

    Returns
    -------
    dict of str to object

    Raises
    ------
    InvalidInputError
        One line per value that its rule refuses.

    Examples
    --------
    >>> from automodel_sk.arguments.number_rule import NumberRule
    >>> convert_all({"h": NumberRule("h", 12)}, {"h": 3})
    {'h': 3}
    """
    converted, wrong = {}, []
    for name, value in values.items():
        try:
            converted[name] = convert(rules[name], value)
        except InvalidInputError as exc:
            wrong.append(str(exc))
    if wrong:
        raise InvalidInputError("\n".join(wrong))
    return converted
