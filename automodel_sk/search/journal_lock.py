"""A journal's lock that its holder's death releases."""

from __future__ import annotations

from filelock import FileLock
from optuna.storages.journal._file import BaseJournalFileLock

__all__ = ["JournalLock"]


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
