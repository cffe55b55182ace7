"""Compare values by type and value, and write values as stable text.

In Python ``True == 1 == 1.0``, and the ``repr`` of many objects contains their address. Search
spaces distinguish categories by type as well, and their fingerprints are the same in every process.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

import numpy as np

__all__ = [
    "copied",
    "digest",
    "is_number",
    "is_plain",
    "own_numbers",
    "qualified_name",
    "same",
    "token",
    "without_address",
]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SCALARS = (str, int, float, bool, type(None))
_CONTAINERS = (list, tuple, set, frozenset, Mapping)
_DEEPEST = 3


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a value is a real number; booleans are not."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def is_plain(value: Any) -> bool:
    """Return whether a value consists only of plain data, so that its token describes it fully."""
    if isinstance(value, Mapping):
        return all(is_plain(key) and is_plain(item) for key, item in value.items())
    if isinstance(value, _CONTAINERS):
        return all(is_plain(item) for item in value)
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject
    return isinstance(value, (*_SCALARS, np.generic))


def same(left: Any, right: Any) -> bool:
    """Return whether two values are equal, types included."""
    if left is right:
        return True
    if is_plain(left) or is_plain(right):
        return token(left) == token(right)
    try:
        return type(left) is type(right) and bool(left == right)
    except Exception:  # the comparison of a foreign object may do anything
        return False


def own_numbers(value: Any) -> Any:
    """Replace NumPy's numbers by Python's, in lists and dicts as well.

    Constructors, samplers and JSON reject many NumPy scalars. Arrays are left unchanged.

    Examples
    --------
    >>> own_numbers([np.int64(32), {"rate": np.float32(0.5)}])
    [32, {'rate': 0.5}]
    """
    if isinstance(value, (np.bool_, np.integer, np.floating, np.str_)):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.item() if value.ndim == 0 and not value.dtype.hasobject else value
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(own_numbers(item) for item in value)
    if type(value) is dict:
        return {own_numbers(key): own_numbers(item) for key, item in value.items()}
    return value


def copied(value: Any) -> Any:
    """Copy containers, so that the receiver can't modify the space."""
    return (
        copy.deepcopy(value) if isinstance(value, (list, tuple, dict, set, np.ndarray)) else value
    )


def qualified_name(value: Any) -> str:
    """Return the qualified name of a function or class."""
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def without_address(value: Any) -> str:
    """Return the ``repr`` of an object without its memory address."""
    return _ADDRESS.sub("", repr(value))


def digest(text: str) -> str:
    """Return a short hexadecimal digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def token(value: Any, depth: int = 0) -> str:
    """Write a value as text that includes its type and no memory address.

    ``depth`` counts the enclosing objects, which may refer to each other.
    """
    if depth > _DEEPEST:
        return type(value).__qualname__
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value, depth)
    return _function_token(value, depth) if callable(value) else _object_token(value, depth)


def _tokens(values: Iterable[Any], depth: int) -> str:
    return ", ".join(token(value, depth) for value in values)


def _scalar_token(value: Any, _depth: int) -> str:
    return f"{type(value).__name__}:{value!r}"


def _numpy_token(value: Any, _depth: int) -> str:
    return f"numpy.{value.dtype}:{value.item()!r}"


def _array_token(value: np.ndarray[Any, Any], depth: int) -> str:
    body = _tokens(value.ravel().tolist(), depth) if value.dtype.hasobject else ""
    content = body or hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return f"array:{value.dtype}{value.shape}:{content}"


def _mapping_token(value: Mapping[Any, Any], depth: int) -> str:
    items = sorted(f"{token(k, depth)}={token(v, depth)}" for k, v in value.items())
    return f"{type(value).__name__}{{{', '.join(items)}}}"


def _sequence_token(value: Iterable[Any], depth: int) -> str:
    return f"{type(value).__name__}[{_tokens(value, depth)}]"


def _set_token(value: Iterable[Any], depth: int) -> str:
    return f"{type(value).__name__}[{', '.join(sorted(token(v, depth) for v in value))}]"


def _class_token(value: type, _depth: int) -> str:
    return f"class:{value.__module__}.{value.__qualname__}"


def _partial_token(value: functools.partial[Any], depth: int) -> str:
    parts = (value.func, value.args, value.keywords)
    return f"partial({_tokens(parts, depth)})"


def _function_token(value: Callable[..., Any], depth: int) -> str:
    """Identify a function by its qualified name, its source and its closure."""
    code = getattr(value, "__code__", None)
    if code is None:
        return _object_token(value, depth)
    try:
        source = inspect.getsource(value).strip()
    except (OSError, TypeError):
        source = f"{code.co_code.hex()} {code.co_names} {_tokens(code.co_consts, depth)}"
    cells = [_cell_content(cell) for cell in getattr(value, "__closure__", None) or ()]
    bound = [cells, getattr(value, "__defaults__", None), getattr(value, "__kwdefaults__", None)]
    owner = getattr(value, "__self__", None)
    body = digest(f"{source}|{_tokens([*bound, owner], depth + 1)}")
    return f"function:{qualified_name(value)}:{body}"


def _cell_content(cell: Any) -> Any:
    """Return the contents of a closure's cell, or a marker if it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _object_token(value: Any, depth: int) -> str:
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    state = getattr(value, "__dict__", None)
    return f"{name}:{_mapping_token(state, depth + 1) if state else without_address(value)}"


_WRITERS: tuple[tuple[Any, Callable[[Any, int], str]], ...] = (
    (np.generic, _numpy_token),
    (np.ndarray, _array_token),
    (_SCALARS, _scalar_token),
    (Mapping, _mapping_token),
    ((set, frozenset), _set_token),
    ((list, tuple), _sequence_token),
    (type, _class_token),
    (functools.partial, _partial_token),
)
