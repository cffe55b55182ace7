"""Handle SIGTERM and SIGHUP like Ctrl-C: finished work is kept and the exit status is set.

Without this, Lightning's own handler ends a training on SIGTERM with exit status 0, as if it had
succeeded, and anywhere else the process dies before it can save its work.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = [
    "Stopped",
    "exit_at_signals",
    "handlers_kept",
    "interrupts_remembered",
    "is_stopping",
    "raise_if_stopping",
    "stop_at_signals",
]

_SIGNALS = tuple(getattr(signal, n) for n in ("SIGTERM", "SIGHUP") if hasattr(signal, n))
_SECONDS_OF_ONE_REQUEST = 3.0
"""Several signals in a row count as one request to stop."""


class Stopped(KeyboardInterrupt):
    """A signal asked the program to stop; handled wherever Ctrl-C is.

    Parameters
    ----------
    number : int
        The signal number.

    Examples
    --------
    >>> Stopped(signal.SIGTERM).exit_code
    143
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def stop_at_signals() -> Iterator[bool]:
    """Raise `Stopped` on SIGTERM and SIGHUP.

    Handlers installed by the user are kept, and ignored signals, as with ``nohup``, stay ignored.
    Only the main thread may install handlers: other threads are unaffected.

    Yields
    ------
    bool
        Whether this call handles any signals.
    """
    handler = _Handler()
    taken = [number for number in _SIGNALS if _is_free(number)]
    for number in taken:
        signal.signal(number, handler)
    try:
        yield bool(taken)
        if handler.asked is not None:  # raised where Python ignores exceptions, in a finalizer say
            raise Stopped(handler.asked)
    except Stopped:
        raise
    except KeyboardInterrupt as interrupt:
        if handler.asked is None:
            raise
        raise Stopped(handler.asked) from interrupt  # Ray makes any interrupt a plain one
    finally:
        for number in taken:
            if signal.getsignal(number) is handler:
                signal.signal(number, signal.SIG_DFL)


@contextmanager
def exit_at_signals() -> Iterator[None]:
    """Exit with `SystemExit` on a signal, with the status that shells use: 128 plus the number.

    Within a call of `stop_at_signals`, the outer call handles the exit.
    """
    handled = False
    try:
        with stop_at_signals() as handled:
            yield
    except Stopped as stopped:
        if not handled:
            raise
        raise SystemExit(stopped.exit_code) from stopped


def is_stopping() -> bool:
    """Return whether SIGTERM or SIGHUP has asked this program to stop, rather than Ctrl-C."""
    return _asked() is not None


@contextmanager
def interrupts_remembered() -> Iterator[None]:
    """Remember Ctrl-C, so that `raise_if_stopping` raises it where Python ignored it.

    For work that Ctrl-C ends: what goes on after it has to leave this context first. A handler of
    the user's own is kept.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    handler = _Interrupts()
    signal.signal(signal.SIGINT, handler)
    try:
        yield
        handler.raise_if_asked()
    finally:
        if signal.getsignal(signal.SIGINT) is handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def raise_if_stopping() -> None:
    """Raise what a signal that asked this program to stop, or a remembered Ctrl-C, has raised.

    Python ignores what a handler raises during a finalizer or a callback of C code; a long loop
    calls this once per turn, so that the request is not lost.
    """
    number = _asked()
    if number is not None:
        raise Stopped(number)
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, _Interrupts):
        handler.raise_if_asked()


def _asked() -> int | None:
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if isinstance(handler, _Handler) and handler.asked is not None:
            return handler.asked
    return None


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Restore the handlers of signals that a library replaces for good, as `ray.init` does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (*_SIGNALS, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def _is_free(number: int) -> bool:
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and signal.getsignal(number) is signal.SIG_DFL


class _Handler:
    """Raises `Stopped` in the process that created it."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self._process, self._last = os.getpid(), -math.inf

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a forked process has no work to save
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        before, self._last = self._last, time.monotonic()
        if self._last - before > _SECONDS_OF_ONE_REQUEST:
            self.asked = number
            raise Stopped(number)


class _Interrupts:
    """Raises KeyboardInterrupt as Python does, and remembers that it did."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        self.raise_if_asked()

    def raise_if_asked(self) -> None:
        if self._asked:
            raise KeyboardInterrupt
