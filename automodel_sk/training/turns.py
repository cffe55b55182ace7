"""Who trains now: what training needs of other libraries belongs to the whole process.

Random generators, warning filters, loggers, patched functions and the pool of worker processes
exist once in a process. So one thread trains at a time, and one search runs at a time; both
locks may be taken again by the thread that holds them. A thread that holds the search may wait
for the training, never the other way round. Forecasts take neither, as `search.inference` says.
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
    """Make the locks anew: in a forked process nobody is left to release them."""
    _turns.update(search=threading.RLock(), training=threading.RLock())


_renew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def training_turn() -> Iterator[None]:
    """Wait until no other thread trains, then let none train."""
    with _turns["training"]:
        yield


@contextmanager
def search_turn(on_wait: Callable[[], None] | None = None) -> Iterator[float]:
    """Wait until no other thread searches, then let none search.

    Parameters
    ----------
    on_wait : callable, optional
        Called where another search has to end first.

    Yields
    ------
    float
        Seconds that were waited.

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
    """Take the turn to search where no other thread has it; yields whether it was taken."""
    turn = _turns["search"]
    free = turn.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            turn.release()
