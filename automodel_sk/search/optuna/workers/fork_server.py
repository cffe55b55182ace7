"""Start the host of the worker processes, as a fork or in a fresh interpreter.

A fork has already imported everything that training needs and starts its first trial at once; a
fresh interpreter spends seconds on imports. However, a fork inherits locks that other threads of
this process held, and cannot use a GPU that this process has used. Therefore this process is forked
only if it has imported the training libraries and holds nothing that breaks in a fork, and the fork
first proves that it can train.

Neither imports from the temporary folder, nor from any folder that the parent does not import from,
because other users of the machine may write there.
"""

from __future__ import annotations

import _frozen_importlib
import contextlib
import gc
import io
import logging
import multiprocessing
import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, NoReturn, Protocol

from automodel_sk._utils.muting import muted_warnings

__all__ = ["Host", "is_forkable", "start_host"]

READY_SECONDS = 5.0
"""A fork that has not proved that it can train by then is replaced by a fresh interpreter."""

_START = (
    "import sys; sys.path[:] = sys.argv[2:];"  # must come first: `-c` has put the folder there
    " from automodel_sk.search.optuna.workers.main import main; main(int(sys.argv[1]))"
)
_NEEDED = ("neuralforecast", "automodel_sk.search.optuna.backend")
_ONE_THREAD = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_FORKABLE = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""Other ways to ask for a GPU would initialise CUDA, which then fails in forked processes."""


class Host(Protocol):
    """The part of `subprocess.Popen` that the pool needs."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""

    def kill(self) -> None:
        """Kill the process."""

    def wait(self) -> int:
        """Wait for the process to end and return its exit code."""


def start_host(errors: IO[bytes], *, may_fork: bool = False) -> Host:
    """Start the process that forks workers.

    Parameters
    ----------
    errors : binary file
        Receives the output of the host and its workers.
    may_fork : bool, default False
        Fork this process if that is safe.

    Returns
    -------
    Host
        Reads commands and writes events; see `automodel_sk.search.optuna.workers.main`.

    Raises
    ------
    OSError
        The system cannot start another process.
    """
    if may_fork and is_forkable():
        with contextlib.suppress(OSError):  # a fresh interpreter starts in less time
            forked = _ForkedHost(errors)
            if forked.is_ready():
                return forked
            forked.kill()
            forked.wait()
    return _fresh_host(errors)


def is_forkable() -> bool:
    """Return whether this process can be forked for training.

    A program that must not be forked chooses another start method with
    ``multiprocessing.set_start_method("spawn")``.
    """
    if sys.platform != "linux" or not all(name in sys.modules for name in _NEEDED):
        return False
    import torch

    chosen = multiprocessing.get_start_method(allow_none=True)
    ray = sys.modules.get("ray")
    return not (
        chosen in ("spawn", "forkserver")
        or torch.cuda.is_available()
        or (ray is not None and ray.is_initialized())
    )


def _fresh_host(errors: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _START, str(os.getpid()), *_import_path()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # `poll` does not see events in a buffer
        stderr=errors,
        env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), **_FORKABLE},
        cwd="/",
        start_new_session=True,  # the parent handles Ctrl-C
    )


def _import_path() -> list[str]:
    """Return this process's import path for the host, which runs in another folder."""
    return [str(Path(entry or ".").resolve()) for entry in sys.path if isinstance(entry, str)]


class _ForkedHost:
    """A fork of this process, with the part of `subprocess.Popen` that the pool uses."""

    def __init__(self, errors: IO[bytes]) -> None:
        (commands, to_host), (from_host, events) = os.pipe(), os.pipe()
        parent, import_path = os.getpid(), _import_path()
        try:
            self.pid = _fork()
        except OSError:
            for end in (commands, to_host, from_host, events):
                os.close(end)
            raise
        if self.pid == 0:
            sys.path[:] = import_path
            _serve(commands, events, errors.fileno(), parent)
        os.close(commands)
        os.close(events)
        self.stdin: IO[bytes] | None = io.FileIO(to_host, "wb")
        self.stdout: IO[bytes] | None = io.FileIO(from_host, "rb")
        self._code: int | None = None

    def is_ready(self) -> bool:
        """Return whether the fork reports that it can train, which takes only a moment."""
        assert self.stdout is not None
        events = select.poll()  # `select` takes no descriptor above 1023
        events.register(self.stdout, select.POLLIN)
        said = bool(events.poll(1000 * READY_SECONDS))
        return said and os.read(self.stdout.fileno(), 4096).startswith(b'{"ready"')

    def poll(self) -> int | None:
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        code = self._reap(0)
        return 0 if code is None else code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _reap(self, how: int) -> int | None:
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:  # another part of the program has already waited for it
                pid, status = self.pid, 0
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def _fork() -> int:
    with muted_warnings(DeprecationWarning):  # about threads: see `_prove_fit`
        return os.fork()


def _serve(commands: int, events: int, errors: int, parent: int) -> NoReturn:
    """Run the host: detach from the parent's resources, prove that training works, serve."""
    try:
        gc.freeze()  # the parent's objects, such as database connections, must not be closed here
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        _release_files({commands, events, errors})
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        sys.stdout = sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False))
        os.chdir("/")
        os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
        _prove_fit()

        from automodel_sk.search.optuna.workers.main import serve

        serve(commands, events, parent)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _release_files(kept: set[int]) -> None:
    """Redirect the parent's open files, pipes and sockets, keeping their numbers occupied."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if number not in kept and number != nowhere:
            try:
                os.fstat(number)
            except OSError:  # the descriptor of the listing itself
                continue
            os.dup2(nowhere, number)


def _prove_fit() -> None:
    """Exercise what can hang in a fork: locks that the parent's other threads held."""
    if _import_lock_is_held():
        raise RuntimeError("another thread of the parent was importing a module")
    import torch

    torch.set_num_threads(1)
    layer = torch.nn.Linear(64, 64)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(128, 64)).square().mean().backward()
    optimizer.step()
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE trials (value REAL)")
    logging.getLogger("optuna").debug("the fork can train")


def _import_lock_is_held() -> bool:
    """Return whether another thread holds an import lock, never released in a fork."""
    here = threading.get_ident()
    references = getattr(_frozen_importlib, "_module_locks", {})
    locks = [reference() for reference in [*references.values()]]
    return any(getattr(lock, "owner", None) not in (None, here) for lock in locks)
