"""Lossless translation to and from Optuna's distributions.

A codec per kind of domain determines the distribution, and converts values to the parameter that
Optuna stores and back. Domains without an Optuna distribution (a logarithmic scale with a step, the
normal distribution) are sampled from the closest continuous one and mapped to the domain.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.category_labels import labels_of, same_label
from automodel_sk.search_space.domains import Choice, Domain, Float, Integer, Normal
from automodel_sk.search_space.fingerprint import copied, is_number, same, token

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["CODECS", "Codec", "is_optuna_distribution", "read_distribution", "suggest_parameter"]

_EDGE = 2.0**-53
_NEIGHBOURS = 64
_DIGITS = 12
_OFF_GRID = 1e-6


def is_optuna_distribution(value: Any) -> bool:
    """Return whether a value is an Optuna distribution; False if Optuna is not loaded."""
    module = sys.modules.get("optuna.distributions")
    return module is not None and isinstance(value, module.BaseDistribution)


def read_distribution(distribution: Any) -> Domain:
    """Convert an Optuna distribution to a domain.

    Raises
    ------
    InvalidInputError
        If it is not one of Optuna's own kinds.
    """
    module = sys.modules["optuna.distributions"]
    for kind, read in _READERS:
        if isinstance(distribution, getattr(module, kind)):
            return read(distribution)
    raise InvalidInputError(
        f"{type(distribution).__name__} is not a distribution that Optuna ships; "
        "try FloatDistribution(0.0, 1.0)"
    )


_READERS: tuple[tuple[str, Callable[[Any], Domain]], ...] = (
    ("FloatDistribution", lambda d: Float(d.low, d.high, log=d.log, step=d.step)),
    ("IntDistribution", lambda d: Integer(d.low, d.high, log=d.log, step=d.step)),
    ("CategoricalDistribution", lambda d: Choice(d.choices)),
)


def suggest_parameter(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    """Suggest a parameter from a trial, given its distribution."""
    ask, fields = _SUGGESTIONS[type(distribution).__name__]
    return getattr(trial, ask)(name, **{field: getattr(distribution, field) for field in fields})


_SUGGESTIONS = {
    "FloatDistribution": ("suggest_float", ("low", "high", "log", "step")),
    "IntDistribution": ("suggest_int", ("low", "high", "log", "step")),
    "CategoricalDistribution": ("suggest_categorical", ("choices",)),
}


class Codec(NamedTuple):
    """How one kind of domain is represented in Optuna."""

    distribution: Callable[[Any], BaseDistribution]
    to_parameter: Callable[[Any, Any], Any]
    to_value: Callable[[Any, Any], Any]


def _choice_distribution(domain: Choice) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution

    return CategoricalDistribution(labels_of(domain.values))


def _choice_parameter(domain: Choice, value: Any) -> Any:
    labels = labels_of(domain.values)
    for compare in (same, _equal, _alike):
        for label, known in zip(labels, domain.values, strict=True):
            if compare(value, known):
                return label
    raise _outside(domain, value)


def _choice_value(domain: Choice, parameter: Any) -> Any:
    labels = labels_of(domain.values)
    for compare in (same_label, _equal):
        for label, value in zip(labels, domain.values, strict=True):
            if compare(parameter, label):
                return copied(value)
    raise _outside(domain, parameter)


def _float_distribution(domain: Float) -> BaseDistribution:
    from optuna.distributions import FloatDistribution

    if _is_native(domain):
        return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    return FloatDistribution(*domain.bounds, log=domain.log)


def _float_parameter(domain: Float, value: Any) -> float:
    low, high = domain.bounds
    if not is_number(value) or not low <= value <= high:
        raise _outside(domain, value)
    if domain.step is None:
        return float(value)
    index = domain.index_near(value)
    if abs(domain.value_at(index) - value) > _OFF_GRID * domain.step:
        raise _outside(domain, value)
    if not _is_native(domain):
        return domain.value_at(index)
    return min(max(index * domain.step + domain.low, domain.low), domain.high)


def _float_value(domain: Float, parameter: float) -> float:
    low, high = domain.bounds
    slack = _OFF_GRID * (domain.step or high - low)  # stored values may be rounded
    if not is_number(parameter) or not low - slack <= parameter <= high + slack:
        raise _outside(domain, parameter)
    if domain.step is None:
        return float(parameter)
    return domain.value_at(domain.index_near(parameter))


def _is_native(domain: Float) -> bool:
    """Return whether an Optuna distribution has exactly these values.

    Optuna computes in decimals, and would drop the last value of a grid of thirds.
    """
    if domain.step is None:
        return True
    low, high, step = (Decimal(str(x)) for x in (domain.low, domain.high, domain.step))
    try:
        return not domain.log and (high - low) % step == 0
    except InvalidOperation:
        return False


def _integer_distribution(domain: Integer) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    if domain.log and domain.step > 1:
        return FloatDistribution(domain.low, domain.high + domain.step, log=True)
    return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)


def _integer_parameter(domain: Integer, value: Any) -> int | float:
    if not is_number(value) or not domain.low <= value <= domain.high:
        raise _outside(domain, value)
    if (value - domain.low) % domain.step:
        raise _outside(domain, value)
    return float(value) if domain.log and domain.step > 1 else int(value)


def _integer_value(domain: Integer, parameter: float) -> int:
    if not is_number(parameter) or not domain.low <= parameter <= domain.high + domain.step:
        raise _outside(domain, parameter)
    if domain.log and domain.step > 1:
        return min(math.floor(parameter / domain.step) * domain.step, domain.high)
    return int(parameter)


def _normal_distribution(_domain: Normal) -> BaseDistribution:
    from optuna.distributions import FloatDistribution

    return FloatDistribution(_EDGE, 1.0 - _EDGE)


def _normal_parameter(domain: Normal, value: Any) -> float:
    """Return the probability below a value: exactly the float that maps back to it."""
    if not is_number(value) or not _on_multiples(domain.step, value):
        raise _outside(domain, value)
    probability = 0.5 * math.erfc((domain.mean - value) / (domain.sd * math.sqrt(2.0)))
    if not _EDGE <= probability <= 1.0 - _EDGE:
        raise _outside(domain, value)
    up = down = probability
    for _ in range(_NEIGHBOURS):
        for near in (up, down):
            if _normal_value(domain, near) == value:
                return near
        up, down = min(math.nextafter(up, 1.0), 1.0 - _EDGE), max(math.nextafter(down, 0.0), _EDGE)
    return probability


def _normal_value(domain: Normal, parameter: float) -> float:
    if not is_number(parameter) or not 0.0 < parameter < 1.0:
        raise _outside(domain, parameter)
    value = domain.mean + domain.sd * NormalDist().inv_cdf(parameter)
    if domain.step is not None:
        return round(value / domain.step) * domain.step
    # Probabilities are coarser than the values they represent: without rounding, most values that
    # people write could not be reached from any probability.
    return round(value, _DIGITS - math.floor(math.log10(domain.sd)))


def _on_multiples(step: float | None, value: float) -> bool:
    return step is None or abs(round(value / step) * step - value) <= _OFF_GRID * step


def _equal(left: Any, right: Any) -> bool:
    try:
        return bool(left == right)
    except Exception:  # the comparison of a foreign object may do anything
        return False


def _alike(left: Any, right: Any) -> bool:
    """Return whether an object equals its copy from another process."""
    return token(left) == token(right)


def _outside(domain: Domain, value: Any) -> InvalidInputError:
    return InvalidInputError(f"{value!r} is not in {domain!r}")


CODECS: dict[type, Codec] = {
    Choice: Codec(_choice_distribution, _choice_parameter, _choice_value),
    Float: Codec(_float_distribution, _float_parameter, _float_value),
    Integer: Codec(_integer_distribution, _integer_parameter, _integer_value),
    Normal: Codec(_normal_distribution, _normal_parameter, _normal_value),
}
