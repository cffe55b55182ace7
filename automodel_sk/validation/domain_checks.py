"""Apply a number rule to all the values that a search space can produce."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from automodel_sk.arguments.number_rule import NumberRule, shown
from automodel_sk.search_space import Choice, Computed, Float, Integer, Normal

__all__ = ["bounds_of", "corrected", "fault", "values_of"]

_DOMAINS = (Choice, Computed, Float, Integer, Normal)
_FAR_OUT_SDS = 4.0


def values_of(entry: Any) -> tuple[Any, ...]:
    """Return the values a parameter lists: its constant, or each of its choices.

    Parameters
    ----------
    entry : object
        A domain or a constant.

    Returns
    -------
    tuple
        Empty for a range.

    Examples
    --------
    >>> values_of(32), values_of(Choice([32, 64])), values_of(Integer(1, 9))
    ((32,), (32, 64), ())
    """
    if isinstance(entry, Choice):
        return tuple(entry.values)
    return () if isinstance(entry, _DOMAINS) else (entry,)


def bounds_of(entry: Any) -> tuple[float, float] | None:
    """Return the smallest and the largest number a parameter can take.

    Parameters
    ----------
    entry : object
        A domain or a constant.

    Returns
    -------
    tuple of float or None
        None if it has no numbers, or no bounds.

    Examples
    --------
    >>> bounds_of(Choice([32, 64])), bounds_of(7), bounds_of("a")
    ((32, 64), (7, 7), None)
    """
    anything = NumberRule("", 0, whole=False, low=-math.inf)
    if isinstance(entry, (Float, Integer)):
        return entry.bounds
    numbers = [value for value in values_of(entry) if anything.accepts(value)]
    return (min(numbers), max(numbers)) if numbers else None


def fault(rule: NumberRule, entry: Any) -> str | None:
    """Return the values of a parameter that violate a rule, as text for a message.

    Parameters
    ----------
    rule : NumberRule
        The rule for the parameter.
    entry : object
        A domain or a constant.

    Returns
    -------
    str or None
        None if every value passes.

    Examples
    --------
    >>> fault(NumberRule("batch_size", 32), Choice([32, 0]))
    '0 among the choices (32, 0)'
    >>> fault(NumberRule("batch_size", 32), Choice([32, 64])) is None
    True
    """
    check = _FAULTS.get(type(entry))
    return _constant_fault(rule, entry) if check is None else check(rule, entry)


def corrected(rule: NumberRule, entry: Any) -> Any:
    """Return a parameter with the values that violate a rule corrected.

    Parameters
    ----------
    rule : NumberRule
        The rule for the parameter.
    entry : object
        A domain or a constant that violates the rule.

    Returns
    -------
    object
        A domain of the same kind if enough valid values remain, else the rule's example.

    Examples
    --------
    >>> corrected(NumberRule("batch_size", 32), Choice([16, 0]))
    Choice(values=(16, 32), grid=False)
    >>> corrected(NumberRule("batch_size", 32), Integer(0, 64))
    Integer(low=1, high=64, log=False, step=1)
    """
    fix = _FIXES.get(type(entry))
    if fix is None:
        return _corrected_constant(rule, entry)
    try:
        candidate = fix(rule, entry)
    except (ValueError, OverflowError):
        return rule.example
    return rule.example if fault(rule, candidate) else candidate


def _constant_fault(rule: NumberRule, value: Any) -> str | None:
    if rule.accepts(value):
        return None
    listed = isinstance(value, (list, tuple)) and value and all(map(rule.accepts, value))
    hint = " (to search over several values write tune.choice([...]))" if listed else ""
    return shown(value) + hint


def _choice_fault(rule: NumberRule, domain: Choice) -> str | None:
    refused = [value for value in domain.values if not rule.accepts(value)]
    return f"{shown(refused[0])} among the choices {shown(domain.values)}" if refused else None


def _range_fault(rule: NumberRule, domain: Float | Integer) -> str | None:
    if rule.whole and isinstance(domain, Float) and not (rule.floats and _on_whole_grid(domain)):
        return f"fractions from {shown(domain)}"
    # A continuous range practically never draws its own bound.
    continuous = isinstance(domain, Float) and domain.step is None
    checked = replace(rule, low_open=False, high_open=False) if continuous else rule
    low, high = domain.bounds
    for side, bound in (("lower", low), ("upper", high)):
        if not checked.accepts(bound):
            return f"{shown(bound)} as the {side} bound of {shown(domain)}"
    return None


def _on_whole_grid(domain: Float) -> bool:
    return domain.step is not None and domain.low.is_integer() and domain.step.is_integer()


def _normal_fault(rule: NumberRule, domain: Normal) -> str | None:
    if rule.whole:
        return f"fractions from {shown(domain)}"
    spread = _FAR_OUT_SDS * domain.sd
    inside = rule.accepts(domain.mean - spread) and rule.accepts(domain.mean + spread)
    return None if inside else f"any number from {shown(domain)}"


def _corrected_constant(rule: NumberRule, value: Any) -> Any:
    """Return the intended number; a list of valid values becomes a choice of them."""
    if isinstance(value, (list, tuple)) and value and all(map(rule.accepts, value)):
        return Choice(_unique(value))
    return rule.fix(value)


def _corrected_choice(rule: NumberRule, domain: Choice) -> Any:
    values = _unique(v if rule.accepts(v) else rule.fix(v) for v in domain.values)
    return values[0] if len(values) == 1 else Choice(values, grid=domain.grid)


def _corrected_range(rule: NumberRule, domain: Float | Integer) -> Any:
    low, high = domain.bounds
    whole_step = domain.step is None or float(domain.step).is_integer()
    if rule.whole:
        step = int(domain.step or 1) if whole_step else 1
        low, high = max(math.ceil(low), rule.low), min(math.floor(high), rule.high)
        return Integer(int(low), int(high), log=domain.log, step=step)
    if not rule.accepts(low):
        low = min(rule.example, high)
    if not rule.accepts(high):
        high = max(rule.example, low)
    return Float(low, high, log=domain.log, step=domain.step)


def _unique(values: Iterable[Any]) -> list[Any]:
    """Return each number once, in order."""
    return list(dict.fromkeys(values))


_FAULTS: dict[type, Callable[[NumberRule, Any], str | None]] = {
    Choice: _choice_fault,
    Computed: lambda _rule, _domain: None,
    Float: _range_fault,
    Integer: _range_fault,
    Normal: _normal_fault,
}

_FIXES: dict[type, Callable[[NumberRule, Any], Any]] = {
    Choice: _corrected_choice,
    Float: _corrected_range,
    Integer: _corrected_range,
    Normal: lambda rule, _domain: rule.example,
}
