"""Detect whether this process is a fork of one that had imported this package.

A forked process inherits none of its parent's OpenMP threads, and OpenMP waits for them forever.
Torch therefore computes on one thread in a fork.
"""

from __future__ import annotations

import os

__all__ = ["is_fork"]

_is_fork = False


def _note() -> None:
    global _is_fork
    _is_fork = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note)


def is_fork() -> bool:
    """Return whether torch must compute on one thread.

    Examples
    --------
    >>> is_fork()
    False
    """
    return _is_fork
