"""The host of the worker processes, as its parent starts it: forked, or in a fresh interpreter.

A fork has all that training needs imported already and begins its first trial at once; a fresh
interpreter imports for seconds. But a fork holds what this process's other threads held, and can't
use a GPU that this process has used. So this process is forked only where it has imported the
training libraries and holds nothing that a fork breaks, and the fork proves that it can train.

Neither ever imports from the temporary folder or any other that its parent does not import
from: other users of the machine can write there.
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
import warnings
from pathlib import Path
from typing import IO, NoReturn, Protocol

__all__ = ["Host", "is_forkable", "start_host"]

READY_SECONDS = 5.0
"""A fork that has not shown by then that it can train is given up for a fresh interpreter."""

_START = (
    "import sys; sys.path[:] = sys.argv[2:];"  # first of all: `-c` has put the folder there
    " from automodel_sk.search.optuna.workers.main import main; main(int(sys.argv[1]))"
)
_NEEDED = ("neuralforecast", "automodel_sk.search.optuna.backend")
_ONE_THREAD = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_FORKABLE = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""Asked otherwise whether there is a GPU, CUDA starts, and can't be used in forked processes."""


class Host(Protocol):
    """What the pool needs of the host's process; `subprocess.Popen` has it."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs."""

    def kill(self) -> None:
        """End the process."""

    def wait(self) -> int:
        """Return the exit code once there is one."""


def start_host(errors: IO[bytes], *, may_fork: bool = False) -> Host:
    """Start the process that forks workers.

    Parameters
    ----------
    errors : binary file
        Takes what the host and its workers have to say.
    may_fork : bool, default False
        Fork this process, where that is safe.

    Returns
    -------
    Host
        Reads commands and writes events, as `automodel_sk.search.optuna.workers.main` says.

    Raises
    ------
    OSError
        The system has no room for another process.
    """
    if may_fork and is_forkable():
        with contextlib.suppress(OSError):  # a fresh interpreter takes less to start
            forked = _ForkedHost(errors)
            if forked.is_ready():
                return forked
            forked.kill()
            forked.wait()
    return _fresh_host(errors)


def is_forkable() -> bool:
    """Return whether a fork of this process has what training needs, and can train.

    Choosing another start method, ``multiprocessing.set_start_method("spawn")``,
    is how a program says that it must not be forked.
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
        bufsize=0,  # an event in a buffer is one that `poll` does not see
        stderr=errors,
        env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), **_FORKABLE},
        cwd="/",
        start_new_session=True,  # Ctrl-C is the parent's to handle
    )


def _import_path() -> list[str]:
    """Return where this process imports from, for the host, which runs in another folder."""
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
        """Return whether the fork says that it can train; it does within a moment."""
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
            except ChildProcessError:  # somebody else has waited for it
                pid, status = self.pid, 0
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: see `_prove_fit`
        return os.fork()


def _serve(commands: int, events: int, errors: int, parent: int) -> NoReturn:
    """Be the host: leave what was the parent's alone, prove fit for training, obey."""
    try:
        gc.freeze()  # the parent's objects, its database connections say, are not ours to end
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        _let_go_of_files({commands, events, errors})
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


def _let_go_of_files(kept: set[int]) -> None:
    """Point the parent's open files, pipes and sockets elsewhere; their numbers stay taken."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if number not in kept and number != nowhere:
            try:
                os.fstat(number)
            except OSError:  # that of the listing itself
                continue
            os.dup2(nowhere, number)


def _prove_fit() -> None:
    """Use what hangs in a fork if anything does: a lock that one of the parent's threads held."""
    if _is_importing_elsewhere():
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


def _is_importing_elsewhere() -> bool:
    """Return whether another thread holds a module's lock: in a fork nobody will release it."""
    here = threading.get_ident()
    references = getattr(_frozen_importlib, "_module_locks", {})
    locks = [reference() for reference in [*references.values()]]
    return any(getattr(lock, "owner", None) not in (None, here) for lock in locks)
