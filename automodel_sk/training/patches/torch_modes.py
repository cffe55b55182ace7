"""Run torch in its default modes, regardless of the caller's settings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

__all__ = ["is_fork", "plain_torch", "threads"]

_setting_threads = threading.Lock()
_is_fork = False


def _note() -> None:
    global _is_fork
    _is_fork = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note)


def is_fork() -> bool:
    """Return whether this process is a fork of one that had imported this package.

    A forked process inherits none of its parent's OpenMP threads, and OpenMP waits for them
    forever. Torch therefore computes on one thread in a fork.

    Examples
    --------
    >>> is_fork()
    False
    """
    return _is_fork


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Set the number of torch threads for computations of this thread.

    Torch stores the number for the calling thread, and separately for threads that have not used
    torch yet; those must not inherit this thread's number. In a forked process the number is one.
    """
    import torch

    before, number = torch.get_num_threads(), 1 if is_fork() else number
    if before == number:
        yield
        return
    with _setting_threads:
        torch.set_num_threads(number)
        elsewhere = threading.Thread(target=torch.set_num_threads, args=(before,))
        elsewhere.start()
        elsewhere.join()
    try:
        yield
    finally:
        with _setting_threads:
            torch.set_num_threads(before)


@contextmanager
def plain_torch() -> Iterator[None]:
    """Train in torch's default modes, regardless of those active around the call."""
    import torch

    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode(False))
        modes.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                modes.enter_context(torch.autocast(device, enabled=False))
        kind = torch.get_default_dtype()
        if kind is not torch.float32:
            torch.set_default_dtype(torch.float32)
            modes.callback(torch.set_default_dtype, kind)
        yield
