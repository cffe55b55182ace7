"""The process that trials run in: imports once, forks a worker for each place.

A fork of its parent, or started as ``python -m automodel_sk.search.worker``: then it
imports what training needs while its parent still validates. It takes one command per line:

``{"run": path, "folder": path, "workers": 2}``
    Load the job (a request and its dataset) and fork that many workers in the
    parent's working folder, so that its relative paths hold. They share the
    data with this process, page by page, and copy none of it.
``{"workers": 1}``
    Fork one more, in the place of one that died.

Told in turn, one JSON object per line: ``ready``, ``forked`` (a process id),
``report`` (trial, report, loss), ``ended`` (trial), ``storage`` (why the study's
storage failed), ``died`` (process id, exit code, negative for a signal).
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from automodel_sk.exceptions import StorageError

__all__ = ["main", "serve"]

IDLE_SECONDS = 300.0
"""A process that is not needed for so long ends."""

_POLL_SECONDS = 0.05


class _Host:
    """Forks workers and tells the parent how they fare."""

    def __init__(self, commands: int, events: int) -> None:
        self._commands, self._events = commands, events
        self._job: tuple[Any, Any] | None = None
        self._folder = "."
        self._workers: set[int] = set()
        self._forked = 0
        self._pending = b""
        self._last_used = time.monotonic()

    def tell(self, **event: Any) -> None:
        """Write one event; lines this short are written whole."""
        os.write(self._events, json.dumps(event).encode() + b"\n")

    def serve(self) -> None:
        """Obey until the parent is gone or nothing was asked for too long."""
        self.tell(ready=os.getpid())
        while self._read_commands():
            self._reap()
            if not self._workers and time.monotonic() - self._last_used > IDLE_SECONDS:
                return

    def close(self) -> None:
        """End the workers that are left."""
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)

    def _read_commands(self) -> bool:
        """Obey the commands that have come; False where the parent has hung up."""
        readable, *_ = select.select([self._commands], [], [], _POLL_SECONDS)
        if not readable:
            return True
        read = os.read(self._commands, 65536)
        *lines, self._pending = (self._pending + read).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return bool(read)

    def _obey(self, command: dict[str, Any]) -> None:
        self._last_used = time.monotonic()
        if "run" in command:
            import cloudpickle

            self._job = cloudpickle.loads(Path(command["run"]).read_bytes())
            self._folder = command["folder"]
        for _ in range(command["workers"]):
            self._fork()

    def _fork(self) -> None:
        place = self._forked
        self._forked += 1
        pid = os.fork()
        if pid == 0:
            self._work(place)
        self._workers.add(pid)
        self.tell(forked=pid)

    def _work(self, place: int) -> None:
        """Run trials until none is left, then end without a trace of the parent."""
        from automodel_sk.search.hardware import take_gpu
        from automodel_sk.search.optuna_engine import work

        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if self._job is not None:
                os.chdir(self._folder)
                take_gpu(place, self._job[0].gpus)
                work(*self._job, _Teller(self))
            code = 0
        except StorageError as exc:
            self.tell(storage=str(exc)[:2000])
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
                self.tell(died=[pid, os.waitstatus_to_exitcode(status)])
                self._last_used = time.monotonic()


class _Teller:
    """A search listener that passes on what it hears, as long as the host lives."""

    def __init__(self, host: _Host) -> None:
        self._host = host
        self._parent = os.getppid()

    def on_report(self, number: int, step: int, loss: float) -> None:
        if os.getppid() != self._parent:
            os._exit(1)
        self._host.tell(report=[number, step, loss])

    def on_trial_end(self, record: Any) -> None:
        self._host.tell(ended=record.number)


def main() -> None:
    """Import, then serve the parent on standard input and output."""
    events = os.dup(1)
    os.dup2(2, 1)  # what libraries print must not mix with events
    import neuralforecast  # noqa: F401

    import automodel_sk.search.optuna_engine  # noqa: F401

    serve(0, events)


def serve(commands: int, events: int) -> None:
    """Obey commands read from one pipe, tell events on another, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host = _Host(commands, events)
    try:
        host.serve()
    except BrokenPipeError:
        pass
    finally:
        host.close()


if __name__ == "__main__":
    main()
