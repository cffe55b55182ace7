"""Lossless translation to and from Ray Tune's domains.

Ray's integer domains exclude their upper bound. Quantized ones include it unless the quantum is 1,
and consist of multiples of the quantum.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.domains import (
    Choice,
    Computed,
    Domain,
    Float,
    Integer,
    Normal,
)
from automodel_sk.search_space.numeric import whole_number

__all__ = ["is_grid", "is_ray_domain", "ray_domain", "read_grid", "read_ray_domain"]

_GRID = "grid_search"


def is_ray_domain(value: Any) -> bool:
    """Return whether a value is a Ray domain; False if Ray is not loaded."""
    sample = sys.modules.get("ray.tune.search.sample")
    return sample is not None and isinstance(value, sample.Domain)


def is_grid(value: Any) -> bool:
    """Return whether a value comes from ``tune.grid_search``."""
    return isinstance(value, Mapping) and set(value) == {_GRID}


def read_grid(value: Mapping[str, Any]) -> Choice:
    """Convert the result of ``tune.grid_search`` to a choice."""
    return Choice(_listed(value[_GRID]), grid=True)


def read_ray_domain(domain: Any) -> Domain:
    """Convert a Ray Tune domain.

    Raises
    ------
    InvalidInputError
        If it has no value, or is not one of Ray's own kinds.
    """
    sample = sys.modules["ray.tune.search.sample"]
    for kind, read in _READERS:
        if isinstance(domain, getattr(sample, kind)):
            return read(domain)
    raise InvalidInputError(
        f"{type(domain).__name__} is not a domain that Ray ships; try tune.choice([1, 2])"
    )


def _listed(values: Any) -> list[Any]:
    try:
        return list(values)
    except TypeError:
        raise InvalidInputError(
            f"grid_search needs a list of values, got {values!r}; try [32, 64]"
        ) from None


def _sampler(domain: Any) -> tuple[Any, Any, set[str]]:
    """Return the sampler inside a quantized one, the quantum, and its kind."""
    sampler, quantum = domain.get_sampler(), None
    if hasattr(sampler, "q"):
        sampler, quantum = sampler.sampler, sampler.q
    kinds = {kind.__name__ for kind in type(sampler).__mro__}
    return sampler, quantum, kinds


def _read_float(domain: Any) -> Domain:
    sampler, quantum, kinds = _sampler(domain)
    if "Normal" in kinds:
        return Normal(sampler.mean, sampler.sd, step=quantum)
    return Float(domain.lower, domain.upper, log="LogUniform" in kinds, step=quantum)


def _read_integer(domain: Any) -> Domain:
    _, quantum, kinds = _sampler(domain)
    step = Integer(0, 0, step=1 if quantum is None else quantum).step
    lower, upper = whole_number("low", domain.lower), whole_number("high", domain.upper)
    low = -(-lower // step) * step
    high = upper - 1 if step == 1 else upper // step * step
    if low > high:
        why = "the upper bound is excluded" if step == 1 else f"values are multiples of {step}"
        raise InvalidInputError(
            f"there is no value between {lower} and {upper}, as {why}; "
            f"try an upper bound of {low + step}"
        )
    return Integer(low, high, log="LogUniform" in kinds, step=step)


def _read_choice(domain: Any) -> Domain:
    return Choice(tuple(domain.categories), grid=bool(domain.is_grid()))


def _read_function(domain: Any) -> Domain:
    return Computed(domain.func)


_READERS: tuple[tuple[str, Callable[[Any], Domain]], ...] = (
    ("Float", _read_float),
    ("Integer", _read_integer),
    ("Categorical", _read_choice),
    ("Function", _read_function),
)


def ray_domain(domain: Domain) -> Any:
    """Convert a domain to one of Ray Tune's.

    Ray can represent a grid whose values are not multiples of its step only as a choice, so it
    becomes one.
    """
    return _WRITERS[type(domain)](domain)


def _write_choice(domain: Choice) -> Any:
    from ray import tune

    values = list(domain.listed() or ())
    return tune.grid_search(values) if domain.grid else tune.choice(values)


def _write_float(domain: Float) -> Any:
    from ray import tune

    if domain.step is None:
        return (tune.loguniform if domain.log else tune.uniform)(domain.low, domain.high)
    if not domain.on_multiples:
        return tune.choice(_all_values(domain))
    draw = tune.qloguniform if domain.log else tune.quniform
    return draw(domain.low, domain.high, domain.step)


def _write_integer(domain: Integer) -> Any:
    from ray import tune

    if domain.step == 1:
        return (tune.lograndint if domain.log else tune.randint)(domain.low, domain.high + 1)
    if domain.low % domain.step:
        return tune.choice(_all_values(domain))
    draw = tune.qlograndint if domain.log else tune.qrandint
    return draw(domain.low, domain.high, domain.step)


def _write_normal(domain: Normal) -> Any:
    from ray import tune

    if domain.step is None:
        return tune.randn(domain.mean, domain.sd)
    return tune.qrandn(domain.mean, domain.sd, domain.step)


def _write_computed(domain: Computed) -> Any:
    from ray import tune

    return tune.sample_from(domain.function)


def _all_values(domain: Float | Integer) -> list[Any]:
    values = domain.listed()
    if values is None:
        raise InvalidInputError(
            f"{domain!r} has too many values to list for Ray, which knows multiples of a step "
            f"only; try low={domain.step}"
        )
    return list(values)


_WRITERS: dict[type, Callable[[Any], Any]] = {
    Choice: _write_choice,
    Float: _write_float,
    Integer: _write_integer,
    Normal: _write_normal,
    Computed: _write_computed,
}
