"""A journal file made for searches: a lock that death releases, writes that don't wait.

Optuna's own backend waits for the disk after each record, and a trial writes
one per validation. A record that was handed to the operating system outlives
its process; only a power cut can lose it. So the disk is waited for where a
trial begins or ends, which secures every record before it as well.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.storages.journal._storage import JournalOperation

__all__ = ["JournalBackend", "JournalLock"]

_WORTH_WAITING_FOR = (
    JournalOperation.CREATE_STUDY,
    JournalOperation.DELETE_STUDY,
    JournalOperation.SET_TRIAL_STATE_VALUES,
)


class JournalLock(BaseJournalFileLock):
    """Locks a journal through the operating system.

    Optuna's own locks are files: one that a killed process leaves behind stops
    every other process for half a minute.

    Parameters
    ----------
    path : str
        The journal; the lock file lies beside it.
    """

    def __init__(self, path: str) -> None:
        self._lock = FileLock(f"{path}.lock")

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Let others have it."""
        self._lock.release()


class JournalBackend(JournalFileBackend):
    """Optuna's journal file that waits for the disk only where a trial begins or ends.

    Parameters
    ----------
    path : str
        The journal; made where there is none.
    """

    def __init__(self, path: str) -> None:
        self._records = Path(path)
        self._own_lock = JournalLock(path)
        super().__init__(path, lock_obj=self._own_lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records; whole lines, in one write."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        wait = any(log["op_code"] in _WORTH_WAITING_FOR for log in logs)
        self._own_lock.acquire()
        try:
            with self._records.open("ab", buffering=0) as file:
                file.write(lines.encode())
                if wait:
                    os.fsync(file.fileno())
        finally:
            self._own_lock.release()
