"""The parent's side of the worker processes: started early and reused by later searches."""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil

from automodel_sk._utils.machine import n_cpus
from automodel_sk.exceptions import SearchError
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.optuna.workers.fork_server import start_host

__all__ = [
    "NoProcessError",
    "WorkerPool",
    "cpus_allowed",
    "shared_pool",
    "workers_are_possible",
    "workers_wanted",
]

TICK_SECONDS = 0.5
"""Interval at which a pool without events yields an empty one."""


def workers_are_possible() -> bool:
    """Return whether this platform can fork worker processes."""
    return hasattr(os, "fork") and sys.platform != "darwin"


def cpus_allowed(options: OptimizationConfig) -> int:
    """Return the CPUs that a search may use: as requested, or all that this process may use.

    Examples
    --------
    >>> cpus_allowed(OptimizationConfig(cpus=1))
    1
    """
    asked = options.cpus if isinstance(options.cpus, (int, float)) else n_cpus()
    return int(max(1, min(asked, n_cpus())))


def workers_wanted(options: OptimizationConfig) -> int:
    """Return how many trials may run at a time: one per CPU that may be used.

    Parameters
    ----------
    options : OptimizationConfig
        Its `cpus` may have any value, since the options need not have been validated.

    Examples
    --------
    >>> workers_wanted(OptimizationConfig(cpus=1))
    1
    """
    return cpus_allowed(options) if workers_are_possible() else 1


class NoProcessError(SearchError):
    """The system cannot start another process."""


class WorkerPool:
    """A host process that forks workers, and the events that it sends.

    A host that is not a fork of this process imports in the background; `run` waits for it.

    Parameters
    ----------
    may_fork : bool, default False
        Let the host be a fork of this process if that is safe.
    """

    def __init__(self, may_fork: bool = False) -> None:
        self._errors = tempfile.TemporaryFile(prefix="automodel_sk-worker-")  # noqa: SIM115
        self._has_frozen = may_fork and not gc.get_freeze_count()
        if self._has_frozen:
            gc.freeze()  # a collection would write to the memory that this process shares with it
        try:
            self._host = start_host(self._errors, may_fork=may_fork)
        except OSError:
            self._errors.close()
            self._thaw()
            raise
        if not self.is_fork:
            self._thaw()
        self._workers: set[int] = set()
        self._awaited = 0

    @property
    def host(self) -> int:
        """The host's process id."""
        return self._host.pid

    @property
    def is_fork(self) -> bool:
        """Whether the host is a fork of this process."""
        return not isinstance(self._host, subprocess.Popen)

    def workers(self) -> set[int]:
        """Return the process ids of the running workers."""
        return set(self._workers)

    def is_alive(self) -> bool:
        """Return whether the host is still running."""
        return self._host.poll() is None

    def run(self, job: Any, workers: int) -> Iterator[dict[str, Any]]:
        """Run a search on several workers and yield their events until none is left.

        Parameters
        ----------
        job : object
            A request and its dataset; passed by value.
        workers : int
            Number of processes.

        Yields
        ------
        dict
            ``report``, ``ended``, ``storage`` and ``died`` events, or an empty dict if there was no
            event for a while.

        Raises
        ------
        SearchError
            The host died; the message contains the end of its output.
        """
        import cloudpickle

        passed = cloudpickle.dumps(job)
        self._send(passed, run=len(passed), folder=str(Path.cwd()), workers=workers)
        del passed
        try:
            yield from self._events()
        finally:
            self._thaw()

    def _thaw(self) -> None:
        """Let this process collect its earlier objects again."""
        if self._has_frozen:
            gc.unfreeze()
        self._has_frozen = False

    def add_worker(self) -> None:
        """Fork one more worker for the running search."""
        self._send(workers=1)

    def kill_worker(self, pid: int) -> bool:
        """Kill a worker, which causes a ``died`` event; return False if it is not in this pool."""
        if pid not in self._workers:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def _send(self, further: bytes = b"", /, **command: Any) -> None:
        self._awaited += command["workers"]
        assert self._host.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # `_events` reports that the host is dead
            for data in (json.dumps(command).encode() + b"\n", further):
                _write(self._host.stdin, data)

    def _events(self) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            event: dict[str, Any] = json.loads(line)
            if "forked" in event:
                self._workers.add(event["forked"])
            if "died" in event:
                self._workers.discard(event["died"][0])
            self._awaited -= "died" in event or "refused" in event
            yield event
            if not self._awaited and "refused" in event:
                raise NoProcessError(event["refused"])
            if not self._awaited:
                return
        words = self.last_words()
        self.close()
        raise SearchError(f"the worker process died: {words}; call again to resume")

    def _lines(self) -> Iterator[bytes]:
        """Yield the host's lines, or an empty object if it has been silent for a while."""
        assert self._host.stdout is not None
        fd, pending = self._host.stdout.fileno(), b""
        readable = select.poll()  # `select` takes no descriptor above 1023
        readable.register(fd, select.POLLIN)
        while True:
            if not readable.poll(1000 * TICK_SECONDS):
                yield b"{}"
                continue
            read = os.read(fd, 65536)
            if not read:
                return
            *lines, pending = (pending + read).split(b"\n")
            yield from lines

    def last_words(self) -> str:
        """Return the last line that the host or a worker wrote."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._host.poll()}"

    def close(self) -> None:
        """End the host and its workers, and wait for them."""
        self._host.kill()
        self._host.wait()
        _kill(self._workers)
        self._workers.clear()
        self.let_go()
        self._thaw()

    def let_go(self) -> None:
        """Close this process's ends of the pipes."""
        for file in (self._host.stdin, self._host.stdout, self._errors):
            if file is not None:
                with contextlib.suppress(BrokenPipeError):
                    file.close()


def _write(pipe: IO[bytes], data: bytes) -> None:
    """Write everything; signals are handled meanwhile."""
    rest = memoryview(data)
    while rest:
        rest = rest[pipe.write(rest) :]


def _kill(pids: set[int]) -> None:
    """Kill processes and wait until they are dead, without reaping them."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.kill()
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.005)


_pool: WorkerPool | None = None
_pools_of_parents: list[WorkerPool] = []


def _forget_pool() -> None:
    """Drop the pool in a fork, which would otherwise hold its pipes open."""
    global _pool
    if _pool is not None:
        _pool.let_go()
        _pools_of_parents.append(_pool)  # its finalizer would warn about a running process
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def shared_pool(*, may_fork: bool = False) -> WorkerPool:
    """Return the pool of this process, starting one if none is running.

    Parameters
    ----------
    may_fork : bool, default False
        Let the host be a fork of this process; only for calls made before this package starts
        threads.

    Raises
    ------
    NoProcessError
        The system cannot start another process.
    """
    global _pool
    if _pool is None or not _pool.is_alive():
        if _pool is None:
            atexit.register(_close_shared_pool)
        else:
            _pool.close()  # its host has died
        try:
            _pool = WorkerPool(may_fork)
        except OSError as exc:
            raise NoProcessError(exc.strerror or str(exc)) from exc
    return _pool


def _close_shared_pool() -> None:
    if _pool is not None and _pool.is_alive():
        _pool.close()
