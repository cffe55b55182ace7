"""Running out of memory: recognised, and met with smaller batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["is_out_of_memory", "no_larger", "smaller_batches"]

_MARKS = ("out of memory", "can't allocate memory", "cannot allocate memory")
_DEFAULTS = {"windows_batch_size": 1024, "batch_size": 32}


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on the CPU or the GPU.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    True
    >>> is_out_of_memory(ValueError("wrong shape"))
    False
    """
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(mark in text for mark in _MARKS)


def smaller_batches(config: Mapping[str, Any]) -> dict[str, int] | None:
    """Return half the windows of a step, or half the series where windows are few.

    Parameters
    ----------
    config : mapping
        The configuration that ran out of memory.

    Returns
    -------
    dict or None
        What to change; None where a step is as small as can be.

    Examples
    --------
    >>> smaller_batches({"windows_batch_size": 512})
    {'windows_batch_size': 256}
    >>> smaller_batches({"windows_batch_size": 1, "batch_size": 1}) is None
    True
    """
    for name, default in _DEFAULTS.items():
        size = int(config.get(name) or default)
        if size > 1:
            return {name: size // 2}
    return None


def no_larger(changed: Mapping[Any, Any], config: Mapping[str, Any]) -> dict[str, int]:
    """Return what is changed to smaller batches, without all else.

    Parameters
    ----------
    changed : mapping
        As `smaller_batches` has returned it, or as somebody else has written it.
    config : mapping
        The configuration that is changed.

    Examples
    --------
    >>> no_larger({"batch_size": 16, "windows_batch_size": 10**9, "logger": True}, {})
    {'batch_size': 16}
    """
    return {
        name: changed[name]
        for name, default in _DEFAULTS.items()
        if type(changed.get(name)) is int and 1 <= changed[name] <= int(config.get(name) or default)
    }
