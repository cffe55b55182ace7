"""Store a study in a journal file by default, in a database by URL, or in memory."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automodel_sk._utils.secrets import mask_secrets, shown_address
from automodel_sk.exceptions import StorageError
from automodel_sk.search.scratch import scratch_folder

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = [
    "DEFAULT_FOLDER",
    "GRACE_SECONDS",
    "HEARTBEAT_SECONDS",
    "IN_MEMORY",
    "StudyLocation",
    "claiming",
    "is_storage_failure",
    "on_disk",
    "open_storage",
    "readable_errors",
]

DEFAULT_FOLDER = "automodel_sk_runs"
IN_MEMORY = ":memory:"

HEARTBEAT_SECONDS = 30
"""Seconds between two heartbeats of a running trial."""

GRACE_SECONDS = 120
"""A trial of another machine without a heartbeat for this long is considered dead and retried."""

_LONGEST_NAME = 200
"""In bytes: file systems allow 255, and files next to a journal have longer names."""

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
        """The journal file; None if the study is stored elsewhere."""
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
        """Whether the study is not persisted."""
        return self.storage == IN_MEMORY

    def __repr__(self) -> str:
        return f"StudyLocation({self.study_name!r}, {shown_address(str(self.storage))!r})"

    def __str__(self) -> str:
        if self.in_memory:
            return "memory"
        return shown_address(str(self.storage)) if self.is_url else str(self.journal)


def _file_name(study_name: str) -> str:
    """Return a study's name as a valid file name, shortened if too long."""
    name = re.sub(r"[^\w.=+-]", "_", study_name)
    written = name.encode()
    if len(written) <= _LONGEST_NAME:
        return name
    digest = hashlib.blake2b(study_name.encode(errors="surrogatepass"), digest_size=8).hexdigest()
    return f"{written[: _LONGEST_NAME - len(digest) - 1].decode(errors='ignore')}-{digest}"


def open_storage(location: StudyLocation) -> BaseStorage:
    """Open the storage of a study, creating it if it is missing.

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
        The location cannot be read or written; the message says why.
    """
    from optuna.storages import InMemoryStorage

    if location.in_memory:
        return InMemoryStorage()
    with readable_errors(location, OSError, ImportError):
        if location.is_url:
            from automodel_sk.search.study.database import open_database

            return open_database(str(location.storage), HEARTBEAT_SECONDS, GRACE_SECONDS)
        assert location.journal is not None
        return _open_journal(location.journal)


def _open_journal(path: Path) -> BaseStorage:
    from automodel_sk.search.study.journal import SharedJournal

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab"):
        return SharedJournal(str(path), HEARTBEAT_SECONDS, GRACE_SECONDS)


@contextlib.contextmanager
def on_disk(location: StudyLocation) -> Iterator[StudyLocation]:
    """Move an in-memory study to disk temporarily; any other stays where it is.

    Parameters
    ----------
    location : StudyLocation
        Which study, and where.

    Yields
    ------
    StudyLocation
        A location that supports several processes and retried trials.
    """
    if not location.in_memory:
        yield location
        return
    with scratch_folder("study") as folder:
        yield StudyLocation(location.study_name, folder)


@contextlib.contextmanager
def claiming(location: StudyLocation) -> Iterator[None]:
    """Let one process in at a time, of all that share a study.

    Anything claimed or created in this context, a trial or the study itself, is claimed only once.

    Parameters
    ----------
    location : StudyLocation
        Which study, and where.
    """
    with contextlib.ExitStack() as held:
        with readable_errors(location, OSError):
            held.enter_context(_lock(location))
        yield


def _lock(location: StudyLocation) -> contextlib.AbstractContextManager[object]:
    if location.is_url:
        from automodel_sk.search.study.database import database_lock

        return database_lock(str(location.storage), location.study_name)
    if location.journal is None:
        return contextlib.nullcontext()
    from filelock import FileLock

    return FileLock(f"{location.journal}.claims")


def is_storage_failure(error: BaseException) -> bool:
    """Return whether the storage failed, rather than the operation on it."""
    import sqlalchemy.exc
    from optuna.exceptions import StorageInternalError

    return isinstance(error, (StorageError, StorageInternalError, sqlalchemy.exc.SQLAlchemyError))


@contextlib.contextmanager
def readable_errors(location: StudyLocation, *others: type[Exception]) -> Iterator[None]:
    """Convert storage errors to a single error that names the location.

    Parameters
    ----------
    location : StudyLocation
        The location.
    *others : type
        Further exceptions that can only come from the storage.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as exc:
        if not is_storage_failure(exc) and not isinstance(exc, others):
            raise
        cause = exc.__cause__ or exc  # Optuna hides the database's message behind its own
        reason = mask_secrets(str(cause)).strip().splitlines()[0]
        raise StorageError(
            f"the study's storage {location} can't be used ({type(cause).__name__}: {reason}); its"
            " content is kept: call again once it can, or pass a writable folder, for example"
            " storage='runs', or a database URL"
        ) from None
