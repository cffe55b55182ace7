"""Silence and isolate code of other libraries.

Training prints banners, reseeds the global random generators and swallows Ctrl-C. Each context
manager here undoes one of these effects, so that a search leaves the user's process unchanged.
State that other threads can observe is changed only for the training thread, or is guarded by
`training_turn`.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.training.turns import training_turn

__all__ = [
    "isolated_random_state",
    "keyboard_interrupts",
    "no_autologging",
    "no_plugins",
    "no_prints",
    "no_signal_handlers",
    "quiet",
]

_LOUD = (
    "lightning",
    "lightning_fabric",
    "onnx_ir",
    "onnxscript",
    "optuna",
    "pytorch_lightning",
    "torch.onnx",
)
_PRINTING = ("captum", "lightning_fabric", "neuralforecast", "pytorch_lightning", "torch")
_PLUGIN_LOOK_UP = "_load_external_callbacks"
_SIGNAL_HANDLERS = "register_signal_handlers"
_SEED_VARIABLES = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")
_AUTOLOGGING = "mlflow.utils.autologging_utils"
_SWITCH = "_AUTOLOGGING_GLOBALLY_DISABLED"

logger = logging.getLogger(__name__)


class _NoisyLoggers:
    """Noisy loggers, muted by the first quiet thread and restored by the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: list[int] = []
        self._levels: list[tuple[logging.Logger, int]] = []

    def mute(self) -> None:
        """Mute the loggers for one more thread."""
        with self._lock:
            if not self._threads:
                loggers = [logging.getLogger(name) for name in _noisy_loggers()]
                self._levels = [(logger, logger.level) for logger in loggers]
                _set_levels(loggers, [logging.ERROR] * len(loggers))
            self._threads.append(threading.get_ident())

    def restore(self) -> None:
        """Undo one `mute` of this thread."""
        with self._lock:
            self._threads.remove(threading.get_ident())
            self._restore_if_last()

    def after_fork(self) -> None:
        """Forget the threads that do not exist in the forked process."""
        self._lock = threading.Lock()
        if self._threads:
            own = threading.get_ident()
            self._threads = [thread for thread in self._threads if thread == own]
            self._restore_if_last()

    def _restore_if_last(self) -> None:
        if not self._threads:
            _set_levels(*zip(*self._levels, strict=True))


_loud = _NoisyLoggers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loud.after_fork)


@contextmanager
def quiet() -> Iterator[None]:
    """Mute banners and warnings of the training libraries, except errors."""
    with muted_warnings():
        _loud.mute()
        try:
            yield
        finally:
            _loud.restore()


def _set_levels(loggers: Sequence[logging.Logger], levels: Sequence[int]) -> None:
    """Set several log levels cheaply: each `setLevel` call clears every logger's cache."""
    for logger, level in zip(loggers, levels, strict=True):
        logger.level = level
    loggers[-1].setLevel(levels[-1])


def _noisy_loggers() -> list[str]:
    """Return the noisy libraries' loggers, including child loggers that set their own level."""
    known = [n for n in logging.Logger.manager.loggerDict if n.split(".")[0] in _LOUD]
    return sorted({*known, *_LOUD})


@contextmanager
def isolated_random_state() -> Iterator[None]:
    """Restore the global random generators of Python, NumPy and torch afterwards.

    These generators are global, so other threads that need them wait.
    """
    import torch

    with training_turn(), torch.random.fork_rng():
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        variables = {name: os.environ.get(name) for name in _SEED_VARIABLES}
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


class _WithoutPrints:
    """Standard output that redirects the training libraries' prints to the log.

    For example, neuralforecast prints a model's parameters when a loss is NaN.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, or log it if a training library prints it."""
        module = str(sys._getframe(1).f_globals.get("__name__"))
        if module.split(".")[0] not in _PRINTING:
            return self._stream.write(text)
        if text.strip():
            logger.debug("%s: %s", module, text.rstrip())
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def no_prints() -> Iterator[None]:
    """Keep prints of the training libraries off standard output, in all threads."""
    before: Any = sys.stdout
    if before is None:  # as under pythonw
        yield
        return
    filtered: Any = _WithoutPrints(before)
    sys.stdout = filtered
    try:
        yield
    finally:
        if sys.stdout is filtered:
            sys.stdout = before


class _InThread:
    """A flag that is True in the thread that created it and unchanged in others."""

    def __init__(self, before: object) -> None:
        self._before, self._thread = before, threading.get_ident()

    def __bool__(self) -> bool:
        return threading.get_ident() == self._thread or bool(self._before)


@contextmanager
def no_autologging() -> Iterator[None]:
    """Disable MLflow's autologging for training in this thread.

    Autologging would record each trial in the user's runs and pickle its model. If MLflow is not
    imported, autologging cannot be active.
    """
    module = sys.modules.get(_AUTOLOGGING)
    if module is None or not hasattr(module, _SWITCH):
        yield
        return
    before = getattr(module, _SWITCH)
    setattr(module, _SWITCH, _InThread(before))
    try:
        yield
    finally:
        setattr(module, _SWITCH, before)


@contextmanager
def no_plugins() -> Iterator[None]:
    """Keep each trainer from searching all installed packages for callbacks."""
    from pytorch_lightning.trainer.connectors import callback_connector

    with _replaced(callback_connector, _PLUGIN_LOOK_UP, lambda _group: []):
        yield


@contextmanager
def no_signal_handlers() -> Iterator[None]:
    """Leave SIGTERM to the program: Lightning's handler exits late, with status 0.

    On Slurm, Lightning's handler would also requeue the whole job.
    """
    from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector

    with _replaced(_SignalConnector, _SIGNAL_HANDLERS, lambda _connector: None):
        yield


@contextmanager
def _replaced(owner: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Replace an upstream function temporarily, if it exists."""
    upstream = getattr(owner, name, None)
    if upstream is None:
        yield
        return
    setattr(owner, name, function)
    try:
        yield
    finally:
        setattr(owner, name, upstream)


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Let Ctrl-C through: Lightning turns it into `SystemExit` and disables SIGINT."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if in_main_thread else None
    try:
        yield
    except SystemExit as exc:
        if isinstance(exc.__context__, KeyboardInterrupt):
            raise exc.__context__ from exc
        raise
    finally:
        if in_main_thread and handler is not None:
            signal.signal(signal.SIGINT, handler)
