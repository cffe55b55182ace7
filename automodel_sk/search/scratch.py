"""Temporary folders that are removed with their process, however it ends.

A folder contains a file that its process keeps locked. The system releases the lock when the
process dies, even in another container and independent of clocks. The next process that needs such
a folder removes all folders that no process holds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from automodel_sk.exceptions import StorageError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["scratch_folder"]

_CAN_LOCK: bool = fcntl is not None
_PREFIX = "automodel_sk-"
_HELD = ".held"
_SECONDS_TO_LOCK = 60.0
"""A younger folder may not be locked yet."""


@contextlib.contextmanager
def scratch_folder(kind: str, within: str | None = None) -> Iterator[Path]:
    """Create a temporary folder that only this user can read.

    Parameters
    ----------
    kind : str
        Its purpose; part of its name.
    within : str, optional
        Where to create it; the system's temporary folder if None.

    Yields
    ------
    Path

    Raises
    ------
    StorageError
        The temporary folder is not writable.

    Examples
    --------
    >>> with scratch_folder("example") as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    parent = tempfile.gettempdir() if within is None else within
    _sweep(Path(parent), f"{_PREFIX}{kind}-")
    with contextlib.ExitStack() as undo:
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{kind}-", dir=parent))
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            undo.callback(os.close, _held(folder))
        except OSError as exc:
            raise StorageError(
                f"the temporary folder {parent} can't be written ({exc.strerror or exc}); free"
                " some space there, or set the environment variable TMPDIR to another folder"
            ) from exc
        yield folder


def _held(folder: Path) -> int:
    file = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _CAN_LOCK:
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _sweep(parent: Path, prefix: str) -> None:
    """Remove this user's folders of a kind that no process holds."""
    if not _CAN_LOCK:  # pragma: no cover - Windows
        return
    for folder in parent.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            old = time.time() - found.st_mtime > _SECONDS_TO_LOCK
            if found.st_uid == os.geteuid() and old and not folder.is_symlink():
                _remove(folder)


def _remove(folder: Path) -> None:
    file = os.open(folder / _HELD, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if a process holds it
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(file)
