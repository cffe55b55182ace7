"""Silence and isolation around code of other libraries.

Training writes banners, reseeds the process's random generators and swallows
Ctrl-C. Each context manager here undoes one of these, so that a search leaves
the user's process as it found it.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

__all__ = ["isolated_random_state", "keyboard_interrupts", "no_plugins", "quiet", "threads"]

_LOUD = ("pytorch_lightning", "lightning_fabric", "lightning", "optuna")
_PLUGIN_LOOK_UP = "_load_external_callbacks"
_SEED_VARIABLES = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")


@contextmanager
def quiet() -> Iterator[None]:
    """Mute banners and warnings of the training libraries, errors excepted."""
    loggers = [logging.getLogger(name) for name in _loud_loggers()]
    levels = [logger.level for logger in loggers]
    _set_levels(loggers, [logging.ERROR] * len(loggers))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _set_levels(loggers, levels)


def _set_levels(loggers: Sequence[logging.Logger], levels: Sequence[int]) -> None:
    """Set all levels but one at no cost: each `setLevel` clears every logger's cache."""
    for logger, level in zip(loggers, levels, strict=True):
        logger.level = level
    loggers[-1].setLevel(levels[-1])


def _loud_loggers() -> list[str]:
    """Return the loud libraries' loggers, those below them with an own level included."""
    known = [n for n in logging.Logger.manager.loggerDict if n.split(".")[0] in _LOUD]
    return sorted({*known, *_LOUD})


@contextmanager
def isolated_random_state() -> Iterator[None]:
    """Give back the random generators of Python, NumPy and torch as they were."""
    import torch

    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    variables = {name: os.environ.get(name) for name in _SEED_VARIABLES}
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
            for name, value in variables.items():
                _set_variable(name, value)


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Train on so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def no_plugins() -> Iterator[None]:
    """Spare each trainer its look through all installed packages for callbacks."""
    from pytorch_lightning.trainer.connectors import callback_connector

    look_up = getattr(callback_connector, _PLUGIN_LOOK_UP, None)
    if look_up is None:
        yield
        return
    setattr(callback_connector, _PLUGIN_LOOK_UP, lambda _group: [])
    try:
        yield
    finally:
        setattr(callback_connector, _PLUGIN_LOOK_UP, look_up)


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Let Ctrl-C through: Lightning turns it into `SystemExit` and disables SIGINT."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if in_main_thread else None
    try:
        yield
    except SystemExit as exc:
        if isinstance(exc.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from exc
        raise
    finally:
        if in_main_thread and handler is not None:
            signal.signal(signal.SIGINT, handler)
