"""Journal file for searches: its lock ends with the process, and writes do not wait for the disk.

Optuna's own backend waits for the disk after each record, and a trial writes one per validation. A
record passed to the operating system survives its process and can only be lost in a power cut.
Therefore this backend waits for the disk only when a trial starts or ends, which also secures every
earlier record.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from automodel_sk.exceptions import StorageError
from automodel_sk.search.study.journal_records import read_record
from automodel_sk.search.study.upstream import (
    BaseJournalFileLock,
    CheckedJournalStorage,
    JournalOperation,
)

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["JournalBackend", "SharedJournal"]

_WORTH_WAITING_FOR = (
    JournalOperation.CREATE_STUDY,
    JournalOperation.DELETE_STUDY,
    JournalOperation.SET_TRIAL_STATE_VALUES,
)
_BEAT = "automodel_sk:heartbeat"
_BLOCK = 65536


def _lock_file(path: str) -> str:
    return f"{path}.writing"


class _JournalLock(BaseJournalFileLock):
    """Lock a journal through the operating system.

    Optuna's own locks are files: one that a killed process leaves behind blocks all other processes
    for half a minute. The system call is about 40 times faster than filelock, which every report of
    a trial would pay for. The lock file does not have the name that Optuna uses, because opening
    the journal with plain Optuna would delete it.
    """

    def __init__(self, path: str) -> None:
        self._path = _lock_file(path)
        self._held = -1

    def acquire(self) -> bool:
        """Acquire the lock, waiting for it if necessary."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except BaseException:
            os.close(file)
            raise
        self._held = file
        return True

    def release(self) -> None:
        """Release the lock."""
        os.close(self._held)


class _PortableLock(BaseJournalFileLock):
    """The same lock for systems without that call."""

    def __init__(self, path: str) -> None:
        self._lock = FileLock(_lock_file(path))

    def acquire(self) -> bool:
        """Acquire the lock, waiting for it if necessary."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()


class JournalBackend(JournalFileBackend):
    """Optuna's journal file with atomic records, even when a disk fills up.

    Parameters
    ----------
    path : str
        The journal; created if it is missing.
    """

    def __init__(self, path: str) -> None:
        self._records = Path(path)
        self._own_lock = _JournalLock(path) if fcntl else _PortableLock(path)
        self._offsets = {0: 0}
        self._damage: StorageError | None = None
        self.last_read: dict[str, Any] = {}
        super().__init__(path, lock_obj=self._own_lock)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        """Yield the records from a number on, ignoring a truncated last line.

        Raises
        ------
        StorageError
            A record is damaged; the message says which one and how to continue.
        """
        if self._damage is not None:
            raise self._damage
        start = log_number_from if log_number_from in self._offsets else 0
        with self._records.open("rb") as file:
            end = os.fstat(file.fileno()).st_size  # another process may append records later
            file.seek(self._offsets[start])
            for number, line in enumerate(file, start):
                offset = self._offsets[number]
                if not line.endswith(b"\n") or offset + len(line) > end:
                    return
                self._offsets[number + 1] = offset + len(line)
                if number >= log_number_from:
                    yield self._record(number, line)

    def _record(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            self.last_read = read_record(line)
        except ValueError as exc:
            raise self.damaged(number, str(exc)) from None
        return self.last_read

    def damaged(self, number: int, why: str) -> StorageError:
        """Return the error for a damaged record, which is raised from now on."""
        path = shlex.quote(str(self._records.absolute()))
        kept = f"head -n {number} {path} > {path}.kept && mv {path}.kept {path}"
        self._damage = StorageError(
            f"the study's journal {self._records.absolute()} is damaged in line {number + 1}, at"
            f" byte {self._offsets.get(number, 0)} ({why}); to keep the records before it, keep"
            f" the first {number} lines, with: {kept}"
        )
        return self._damage

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records: complete lines, all of them or none.

        Raises
        ------
        StorageError
            The disk is full, read-only or missing; the journal is unchanged.
        """
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        wait = any(log["op_code"] in _WORTH_WAITING_FOR for log in logs)
        try:
            self._own_lock.acquire()
            try:
                with self._records.open("r+b", buffering=0) as file:
                    _append(file, lines.encode())
                    if wait:
                        os.fsync(file.fileno())
            finally:
                self._own_lock.release()
        except OSError as exc:
            raise StorageError(
                f"the study's journal {self._records.absolute()} can't be written"
                f" ({exc.strerror or exc}); its content is kept: free some space in"
                f" {self._records.absolute().parent} or make it writable, and call again to resume"
            ) from exc


def _append(file: FileIO, data: bytes) -> None:
    """Write after the last complete line; undo a write that a full disk truncated."""
    size = file.seek(0, os.SEEK_END)
    end = _end_of_last_line(file, size)
    if end < size:  # a killed process's half line would swallow the next record
        file.truncate(end)
    file.seek(end)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(end)
        raise


def _end_of_last_line(file: FileIO, end: int) -> int:
    """Return the offset after the last newline, reading backwards in blocks."""
    length = 1  # nearly always the last byte is a newline
    while end > 0:
        start = max(0, end - length)
        file.seek(start)
        position = file.read(end - start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end, length = start, _BLOCK
    return 0


class SharedJournal(CheckedJournalStorage):
    """A journal whose running trials send heartbeats, like those in Optuna's databases.

    Parameters
    ----------
    path : str
        The journal; created if it is missing.
    interval, grace : int
        Seconds between two heartbeats, and after which a silent trial is considered dead. The
        clocks of machines that share the journal must agree better than that.
    """

    def __init__(self, path: str, interval: int, grace: int) -> None:
        self._file = JournalBackend(path)
        super().__init__(self._file)
        self._interval, self._grace = interval, grace

    def replay_error(self, exc: Exception, number: int, worker_id: str) -> Exception:
        """Return an error that names the line, unless this process wrote the record."""
        ours = self._file.last_read.get("worker_id") == worker_id
        if ours or isinstance(exc, StorageError):
            return exc
        return self._file.damaged(number, f"{type(exc).__name__}: {exc}")

    def record_heartbeat(self, trial_id: int) -> None:
        """Record that a trial's process is alive."""
        self.set_trial_system_attr(trial_id, _BEAT, time.time())

    def is_silent(self, trial: FrozenTrial) -> bool:
        """Return whether a running trial's last heartbeat is too long ago."""
        oldest = time.time() - self._grace
        return bool(trial.system_attrs.get(_BEAT, oldest) < oldest)

    def get_heartbeat_interval(self) -> int | None:
        """Return the seconds between two heartbeats."""
        return self._interval

    def get_heartbeat_stale_trial_callback(self) -> Callable[..., None] | None:
        """Return None: the search itself decides what happens to a silent trial."""
        return None

    def get_failed_trial_callback(self) -> Callable[..., None] | None:
        """Return None; the name of this method before Optuna 4.9."""
        return None
