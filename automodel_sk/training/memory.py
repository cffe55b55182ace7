"""Detect out-of-memory errors and reduce the batch size in response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["BATCHES", "is_out_of_memory", "no_larger", "smaller_batches"]

_MARKS = ("out of memory", "can't allocate memory", "cannot allocate memory")
_DEFAULTS = {"windows_batch_size": 1024, "batch_size": 32}
BATCHES = tuple(_DEFAULTS)
"""The arguments that a training with less memory reduces, in this order."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that CPU or GPU memory ran out.

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
    """Halve the windows per step, or the series per batch if there are few windows.

    Parameters
    ----------
    config : mapping
        The batches that ran out of memory; what is missing has the default of most models.

    Returns
    -------
    dict or None
        Settings to change, or None if the batch cannot be reduced further.

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
    """Return only those changes that reduce the batch size, ignoring all others.

    Parameters
    ----------
    changed : mapping
        Changes as returned by `smaller_batches`, or from an untrusted source.
    config : mapping
        The configuration to change.

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
