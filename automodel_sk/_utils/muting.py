"""Mute warnings in a single thread.

`warnings.catch_warnings` mutes the warnings of all threads, and permanently if two threads exit it
in the order in which they entered. Here a global filter checks which thread issues the warning.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import Any

__all__ = ["muted_warnings"]

_CATCHING = "utilsforecast.processing"
"""Module that catches warnings while forecasting, in any thread."""


class _MutedThreadsMeta(type):
    """Metaclass that makes every warning a subclass of a class, in muted threads only."""

    def __subclasscheck__(cls, subclass: type) -> bool:
        return _muting.depth.value > 0 or issubclass(subclass, _muting.depth.categories)


class _AnyWarning(Warning, metaclass=_MutedThreadsMeta):
    """Represents all warnings of muted threads in the global filters."""


class _Depth(threading.local):
    value = 0
    entered = 0
    categories: tuple[type[Warning], ...] = ()


class _Warnings(ModuleType):
    """Stand-in for the module `warnings` in `_CATCHING`, whose warnings are muted anyway."""

    def catch_warnings(self, **options: Any) -> AbstractContextManager[Any]:
        return nullcontext() if _muting.depth.value else warnings.catch_warnings(**options)

    def filterwarnings(self, *arguments: Any, **options: Any) -> None:
        if not _muting.depth.value:
            warnings.filterwarnings(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)


class _Muting:
    """State shared by all muted threads: set up by the first one, removed by the last."""

    filter: Any = ("ignore", None, _AnyWarning, None, 0)

    def __init__(self) -> None:
        self.depth = _Depth()
        self._lock = threading.Lock()
        self._count = 0

    def enter(self) -> None:
        """Have the filter ask this thread."""
        with self._lock:
            self._count += 1
            self.depth.entered += 1
            self._put_filter_first()
            _let_catch(_Warnings("warnings"))

    def leave(self) -> None:
        """Undo one `enter` of this thread."""
        with self._lock:
            self.depth.entered -= 1
            self._count -= 1
            if not self._count:
                self._undo()

    def after_fork(self) -> None:
        """Forget the threads that do not exist in the forked process."""
        self._lock = threading.Lock()
        if self._count and not self.depth.entered:
            self._undo()
        self._count = self.depth.entered

    def _undo(self) -> None:
        self._remove_filter()
        _let_catch(warnings)

    def _put_filter_first(self) -> None:
        if not warnings.filters or warnings.filters[0] is not self.filter:
            self._remove_filter()
            warnings.filters.insert(0, self.filter)  # type: ignore[attr-defined]  # it is a list
            warnings._filters_mutated()  # type: ignore[attr-defined]  # as simplefilter calls it

    def _remove_filter(self) -> None:
        left = [entry for entry in warnings.filters if entry is not self.filter]
        if len(left) < len(warnings.filters):
            warnings.filters[:] = left  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]


def _let_catch(module: ModuleType) -> None:
    catching: Any = sys.modules.get(_CATCHING)
    if hasattr(catching, "warnings"):
        catching.warnings = module


_muting = _Muting()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_muting.after_fork)


@contextmanager
def muted_warnings(*categories: type[Warning]) -> Iterator[None]:
    """Mute the warnings of this thread; those of other threads are shown.

    Parameters
    ----------
    *categories : type of Warning
        Only these; all warnings where none is named.

    Examples
    --------
    >>> with muted_warnings():
    ...     warnings.warn("nobody sees this")
    """
    state = _muting.depth
    before = state.value, state.categories
    _muting.enter()
    state.value += not categories
    state.categories += categories
    try:
        yield
    finally:
        state.value, state.categories = before
        _muting.leave()
