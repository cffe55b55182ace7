"""Where a study lives: a journal file by default, a database by URL, or memory."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_sk.exceptions import StorageError
from automodel_sk.tracking import mask_secrets

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["DEFAULT_FOLDER", "IN_MEMORY", "StudyLocation", "open_storage"]

DEFAULT_FOLDER = "automodel_sk_runs"
IN_MEMORY = ":memory:"

_URL = re.compile(r"^[a-z][a-z0-9+]*://", re.IGNORECASE)


@dataclass(frozen=True)
class StudyLocation:
    """A study's name and the storage that holds it.

    Parameters
    ----------
    study_name : str
        Name of the study.
    storage : str or Path, optional
        As in `OptimizationConfig`.

    Examples
    --------
    >>> StudyLocation("sales").journal.as_posix()
    'automodel_sk_runs/sales.journal'
    >>> StudyLocation("sales", ":memory:").journal is None
    True
    """

    study_name: str
    storage: str | Path | None = None

    @property
    def journal(self) -> Path | None:
        """The journal file, None where the study lives elsewhere."""
        if self.is_url or self.in_memory:
            return None
        place = Path(DEFAULT_FOLDER if self.storage is None else self.storage)
        if place.suffix == ".journal":
            return place
        return place / f"{_file_name(self.study_name)}.journal"

    @property
    def is_url(self) -> bool:
        """Whether the storage is a database."""
        return isinstance(self.storage, str) and bool(_URL.match(self.storage))

    @property
    def in_memory(self) -> bool:
        """Whether nothing is kept."""
        return self.storage == IN_MEMORY

    def __str__(self) -> str:
        if self.in_memory:
            return "memory"
        return mask_secrets(str(self.storage)) if self.is_url else str(self.journal)


def _file_name(study_name: str) -> str:
    """Return a study's name with what file systems refuse replaced."""
    return re.sub(r"[^\w.=+-]", "_", study_name)


def open_storage(location: StudyLocation) -> BaseStorage:
    """Open the storage of a study, made where there is none.

    Parameters
    ----------
    location : StudyLocation
        Which study, and where.

    Returns
    -------
    optuna.storages.BaseStorage

    Raises
    ------
    StorageError
        The place can't be read or written; the message says why.
    """
    from optuna.storages import InMemoryStorage

    if location.in_memory:
        return InMemoryStorage()
    with _readable_errors(location):
        if location.is_url:
            return _open_database(str(location.storage))
        return _open_journal(_writable_file(location.journal))


def _open_database(url: str) -> BaseStorage:
    from optuna.storages import RDBStorage

    return RDBStorage(url)


def _open_journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage

    from automodel_sk.search.journal import JournalBackend, JournalLock

    lock = JournalLock(str(path))
    if _torn_at(path) is not None:
        lock.acquire()
        try:
            cut_torn_tail(path)
        finally:
            lock.release()
    return JournalStorage(JournalBackend(str(path)))


def _writable_file(path: Path | None) -> Path:
    if path is None:  # pragma: no cover - a location is a database, memory or a file
        raise StorageError("the study has no file")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab"):
        return path


def cut_torn_tail(path: Path) -> None:
    """Drop a last line that a killed process left half written.

    A reader passes over such a tail, but the next record would be appended to
    it and both be lost.
    """
    whole = _torn_at(path)
    if whole is not None:
        os.truncate(path, whole)


def _torn_at(path: Path) -> int | None:
    """Return the offset of a half-written last line, None where there is none."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        whole = _end_of_last_line(file, size)
    return whole if whole < size else None


def _end_of_last_line(file: Any, size: int) -> int:
    """Return the offset behind the last newline, reading backwards in blocks."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        file.seek(start)
        position = file.read(end - start).rfind(b"\n")
        if position >= 0:
            return int(start + position + 1)
        end = start
    return 0


@contextlib.contextmanager
def _readable_errors(location: StudyLocation) -> Iterator[None]:
    """Translate what storages raise into one error that names the place."""
    import sqlalchemy.exc

    try:
        yield
    except (OSError, ImportError, sqlalchemy.exc.SQLAlchemyError) as exc:
        reason = mask_secrets(str(exc)).splitlines()[0]
        raise StorageError(
            f"the study's storage {location} can't be used ({type(exc).__name__}: {reason});"
            " pass a folder that can be written, for example storage='runs', or a database URL"
        ) from None
