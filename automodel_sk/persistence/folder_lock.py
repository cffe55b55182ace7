"""Lock a folder until its process ends, without leaving a file behind if possible."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from automodel_sk.exceptions import ModelFileError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["locked"]

PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.02


def locked(folder: Path, file: str, *, shared: bool = False) -> AbstractContextManager[None]:
    """Hold a folder's lock.

    Parameters
    ----------
    folder : Path
        The folder; it must exist.
    file : str
        Name of a file in it, for systems that cannot lock the folder itself.
    shared : bool, default False
        Whether other processes may hold the lock as shared at the same time.

    Raises
    ------
    ModelFileError
        Another process holds the lock for ten minutes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder), ".lock"):
    ...     os.listdir(folder)
    []
    """
    return _by_folder(folder, file, shared) if fcntl else _by_file(folder / file)


@contextmanager
def _by_folder(folder: Path, file: str, shared: bool) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not _acquire(handle, folder, shared):
            with _by_file(folder / file):
                yield
            return
        yield
    finally:
        os.close(handle)  # which releases the lock


def _acquire(handle: int, folder: Path, shared: bool) -> bool:
    """Wait for the lock; return False if the file system has no folder locks, like NFS."""
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise _held(folder) from None
            time.sleep(_POLL_SECONDS)
        except OSError:
            return False
        else:
            return True


@contextmanager
def _by_file(file: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(file, timeout=PATIENCE_SECONDS).acquire()
    except Timeout:
        raise _held(file.parent) from None
    with lock:
        yield


def _held(folder: Path) -> ModelFileError:
    return ModelFileError(
        f"{folder} has been locked by another process for {PATIENCE_SECONDS / 60:g} minutes;"
        " end that process, or pass another folder"
    )
