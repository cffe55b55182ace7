"""The host process of the workers: imports once, then forks one worker per slot.

It is either a fork of its parent, or a fresh interpreter that imports the training libraries while
its parent still validates. It takes one command per line:

``{"run": 4096, "folder": path, "workers": 2}``
    Load the search (a request and its dataset; or other work with a method `work`, and its data),
    which follows with the given number of bytes, and
    fork that many workers in the parent's working folder, so that relative paths are valid. The
    workers share the memory of this process without copying the data. The search is never written
    to a file, because it contains the data and passwords.
``{"workers": 1}``
    Fork one more worker to replace one that died.

It answers with one JSON object per line: ``ready``, ``forked`` (a process id), ``refused`` (why the
system started no process), ``report`` (trial, report, loss), ``ended`` (trial), ``storage`` (why
the study's storage failed), ``died`` (process id, exit code, negative for a signal).

The host ends with its parent, and the workers end with the host, whatever the cause. A closed pipe
alone is not a reliable signal, because another child of the parent may keep it open.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from functools import partial
from typing import Any

from automodel_sk.exceptions import StorageError
from automodel_sk.training.warm_up import warm_up

__all__ = ["main", "serve"]

IDLE_SECONDS = 300.0
"""A process that is not needed for this long exits."""

_POLL_SECONDS = 0.05
_DIE_WITH_PARENT = 1
"""Linux's PR_SET_PDEATHSIG."""


class _Host:
    """Fork workers and report their state to the parent."""

    def __init__(self, commands: int, events: int, parent: int) -> None:
        self._commands, self._events, self._parent = commands, events, parent
        self._readable = select.poll()  # `select` takes no descriptor above 1023
        self._readable.register(commands, select.POLLIN)
        self._job: tuple[Any, Any] | None = None
        self._folder = "."
        self._workers: set[int] = set()
        self._forked = 0
        self._pending = b""
        self._last_used = time.monotonic()

    def send(self, **event: Any) -> None:
        """Write one event; lines this short are written atomically."""
        os.write(self._events, json.dumps(event).encode() + b"\n")

    def serve(self) -> None:
        """Handle commands until the parent ends or no command arrives for too long."""
        self.send(ready=os.getpid())
        warm_up()  # while the parent still validates
        # A collection in a worker would write to every object that it shares with this process, and
        # so copy it. No search has been loaded yet whose data would never be freed.
        gc.freeze()
        while os.getppid() == self._parent and self._read_commands():
            self._reap()
            if not self._workers and time.monotonic() - self._last_used > IDLE_SECONDS:
                return

    def close(self) -> None:
        """End the remaining workers."""
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)

    def _read_commands(self) -> bool:
        """Handle the commands received; return False if the parent has closed the pipe."""
        if not self._readable.poll(1000 * _POLL_SECONDS):
            return True
        read = os.read(self._commands, 65536)
        self._pending += read
        while b"\n" in self._pending:
            line, _, self._pending = self._pending.partition(b"\n")
            self._handle_command(json.loads(line))
        return bool(read)

    def _read_job(self, size: int) -> bytearray:
        """Return the bytes that follow a command."""
        job = bytearray(self._pending[:size])
        self._pending = self._pending[size:]
        while len(job) < size:
            read = os.read(self._commands, min(size - len(job), 1 << 20))
            if not read:
                raise BrokenPipeError("the parent ended")
            job += read
        return job

    def _handle_command(self, command: dict[str, Any]) -> None:
        self._last_used = time.monotonic()
        if "run" in command:
            import cloudpickle

            self._job = None  # not two at a time
            self._job = cloudpickle.loads(self._read_job(command["run"]))
            self._folder = command["folder"]
        for _ in range(command["workers"]):
            self._fork()

    def _fork(self) -> None:
        place = self._forked
        self._forked += 1
        host = os.getpid()
        try:
            pid = os.fork()
        except OSError as exc:  # the system is short of processes or of memory
            self.send(refused=exc.strerror or str(exc))
            return
        if pid == 0:
            _die_with_parent(host)
            self._work(place)
        self._workers.add(pid)
        self.send(forked=pid)

    def _work(self, place: int) -> None:
        """Run trials until none is left, then exit without the parent's cleanup."""
        from automodel_sk.search.optuna.loop import work
        from automodel_sk.training.devices import take_gpu

        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if self._job is not None:
                os.chdir(self._folder)
                task, data = self._job
                take_gpu(place, task.gpus)
                run = getattr(task, "work", None) or partial(work, task)
                run(data, _EventForwarder(self))
            code = 0
        except StorageError as exc:
            self.send(storage=str(exc)[:2000])
        except Exception:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for pid in list(self._workers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._workers.discard(pid)
                self.send(died=[pid, os.waitstatus_to_exitcode(status)])
                self._last_used = time.monotonic()


class _EventForwarder:
    """Search callback that forwards events to the host while it is alive."""

    def __init__(self, host: _Host) -> None:
        self._host = host
        self._parent = os.getppid()

    def on_report(self, number: int, step: int, loss: float) -> None:
        if os.getppid() != self._parent:
            os._exit(1)
        self._host.send(report=[number, step, loss])

    def on_trial_end(self, record: Any) -> None:
        self._host.send(ended=record.number)


def _die_with_parent(parent: int) -> None:
    """Have the system kill this process when its single-threaded parent dies."""
    with contextlib.suppress(OSError, AttributeError):  # systems other than Linux
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


@contextlib.contextmanager
def _exiting_with_parent(parent: int) -> Iterator[None]:
    """End this process, even if busy, once its parent has died."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL_SECONDS):
            if os.getppid() != parent:
                os._exit(1)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()  # this process will be forked


def main(parent: int) -> None:
    """Import the training libraries, then serve the parent on standard input and output."""
    events = os.dup(1)
    os.dup2(2, 1)  # output of libraries must not mix with events
    with _exiting_with_parent(parent):
        import neuralforecast  # noqa: F401

        import automodel_sk.search.optuna.loop  # noqa: F401

    serve(0, events, parent)


def serve(commands: int, events: int, parent: int) -> None:
    """Read commands from one pipe and write events to another until the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A signal to the whole process group stops the parent too, which then ends this process.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    host = _Host(commands, events, parent)
    try:
        host.serve()
    except BrokenPipeError:
        pass
    finally:
        host.close()
