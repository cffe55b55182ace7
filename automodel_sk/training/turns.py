"""Locks that let one thread train, and one search run, at a time.

Random generators, warning filters, loggers, patched functions and the pool of worker processes are
global to a process. Therefore one thread trains at a time, and one search runs at a time; both
locks are reentrant. A thread that holds the search lock may wait for the training lock, never the
other way round. Forecasts take neither lock; see `training.inference`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["search_turn", "search_turn_if_free", "training_turn"]

_turns: dict[str, Any] = {}


def _renew() -> None:
    """Create new locks after a fork: no thread of the child would release the inherited ones."""
    _turns.update(search=threading.RLock(), training=threading.RLock())


_renew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def training_turn() -> Iterator[None]:
    """Wait until no other thread trains, then hold the training lock."""
    with _turns["training"]:
        yield


@contextmanager
def search_turn(on_wait: Callable[[], None] | None = None) -> Iterator[float]:
    """Wait until no other thread searches, then hold the search lock.

    Parameters
    ----------
    on_wait : callable, optional
        Called if another search has to end first.

    Yields
    ------
    float
        Seconds spent waiting.

    Examples
    --------
    >>> with search_turn(lambda: print("waiting")) as seconds:
    ...     seconds
    0.0
    """
    turn, began, waits = _turns["search"], time.monotonic(), False
    if not turn.acquire(blocking=False):
        waits = True
        if on_wait is not None:
            on_wait()
        turn.acquire()
    try:
        yield time.monotonic() - began if waits else 0.0
    finally:
        turn.release()


@contextmanager
def search_turn_if_free() -> Iterator[bool]:
    """Take the search lock if it is free; yields whether it was taken."""
    turn = _turns["search"]
    free = turn.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            turn.release()
