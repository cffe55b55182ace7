"""Evaluate values that functions compute from a trial's other values."""

from __future__ import annotations

import inspect
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.domains import Computed
from automodel_sk.search_space.fingerprint import own_numbers
from automodel_sk.search_space.nesting import nested

__all__ = ["evaluate"]


def evaluate(
    computed: Mapping[str, Computed], known: Mapping[str, Any], number: int
) -> dict[str, Any]:
    """Return all values by flat name, calling each function once its inputs are available.

    Functions use the global random generators. They are seeded from the trial's number and the
    parameter's name, and restored afterwards.
    """
    flat = dict(known) | dict.fromkeys(computed, _PENDING)
    waiting = dict(computed)
    while waiting:
        ready = [name for name, domain in waiting.items() if _try(name, domain, flat, number)]
        if not ready:
            names = ", ".join(sorted(waiting))
            raise InvalidInputError(
                f"{names}: these functions wait for each other's values; let one of them depend"
                " only on sampled values"
            )
        waiting = {name: domain for name, domain in waiting.items() if name not in ready}
    return flat


class _Pending:
    """Placeholder for a value that is not computed yet."""


_PENDING = _Pending()


class _PendingValueError(Exception):
    """Raised when a function reads a value that is not computed yet."""


class _Values(dict[str, Any]):
    """A trial's values, readable as ``config["a"]``, ``config.a`` and ``spec.config.a``."""

    def __getitem__(self, key: str) -> Any:
        if key not in self and key == "config":
            return self
        value = super().__getitem__(key)
        if value is _PENDING:
            raise _PendingValueError(key)
        return _Values(value) if isinstance(value, dict) else value

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default


def _try(name: str, domain: Computed, flat: dict[str, Any], number: int) -> bool:
    """Compute a function's value; return False if it needs a value that is not computed yet."""
    arguments = [_Values(nested(flat))] if _takes_values(domain.function) else []
    try:
        with _seeded(number, name):
            flat[name] = own_numbers(domain.function(*arguments))
    except _PendingValueError:
        return False
    except Exception as exc:
        raise InvalidInputError(
            f"{name}: its function raised {type(exc).__name__}: {exc}; it may only read the names"
            " of this space, as in config['h']"
        ) from exc
    return True


def _takes_values(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind({})
    except TypeError:
        return False
    except ValueError:  # builtins without a signature
        return True
    return True


@contextmanager
def _seeded(number: int, name: str) -> Iterator[None]:
    """Seed the global random generators, the only ones such functions can use, and restore them."""
    seed = zlib.crc32(f"{number}/{name}".encode())
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
