"""Studies in databases: select the driver, lock across processes, send heartbeats."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.exceptions import StorageError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage
    from sqlalchemy import URL

__all__ = ["database_file", "database_lock", "open_database", "usable_url"]

_DRIVERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "postgres": ("postgresql", ("psycopg2", "psycopg")),
    "postgresql": ("postgresql", ("psycopg2", "psycopg")),
    "mysql": ("mysql", ("MySQLdb", "pymysql")),
}
_SECONDS_TO_CREATE = 1.0
_PACKAGES = {"postgresql": "psycopg[binary]", "mysql": "pymysql"}

# The lock is tied to its connection. If a machine vanishes without closing the connection, the lock
# is released after five minutes.
_LOCK: Mapping[str, tuple[str, ...]] = {
    "postgresql": (
        "SET LOCAL idle_in_transaction_session_timeout = '5min'",
        "SELECT pg_advisory_xact_lock(:number)",
    ),
    "mysql": ("SET SESSION wait_timeout = 300", "SELECT GET_LOCK(:name, 86400)"),
}


def usable_url(url: str) -> URL:
    """Return a database's URL with an installed driver.

    Parameters
    ----------
    url : str
        As in `OptimizationConfig.storage`.

    Returns
    -------
    sqlalchemy.URL

    Raises
    ------
    StorageError
        The database cannot be shared by searches.

    Examples
    --------
    >>> usable_url("sqlite:///study.db").drivername
    'sqlite'
    >>> usable_url("oracle://host/study")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.StorageError: storage must be a database of PostgreSQL, MySQL ...
    """
    from sqlalchemy import make_url

    try:
        address = make_url(url)
    except ValueError as exc:
        raise StorageError(
            f"storage is not a database URL ({exc}); try"
            " storage='postgresql://user@host:5432/database'"
        ) from None
    if address.get_backend_name() not in ("sqlite", *_DRIVERS):
        raise StorageError(
            "storage must be a database of PostgreSQL, MySQL or SQLite, got"
            f" {address.get_backend_name()!r}; try storage='postgresql://user@host/database'"
        )
    if address.drivername not in _DRIVERS:
        return address  # the user has named a driver
    backend, modules = _DRIVERS[address.drivername]
    installed = [module for module in modules if find_spec(module)]
    if not installed:
        raise StorageError(
            f"storage={address.drivername}://... needs a driver that is not installed; install"
            f" one with: pip install '{_PACKAGES[backend]}'"
        )
    return address.set(drivername=f"{backend}+{installed[0].lower()}")


def database_file(url: str) -> Path | None:
    """Return the file of an SQLite database; None for a server, or a database in memory.

    Examples
    --------
    >>> database_file("sqlite:///runs/study.db").as_posix()
    'runs/study.db'
    >>> database_file("postgresql://host/study") is None
    True
    """
    from sqlalchemy import make_url

    address = make_url(url)
    is_file = address.get_backend_name() == "sqlite" and address.database not in (None, ":memory:")
    is_file = is_file and not str(address.database).startswith("file:")
    return Path(str(address.database)) if is_file else None


def open_database(url: str, interval: int, grace: int) -> BaseStorage:
    """Open a database of studies, creating its tables if they are missing.

    Parameters
    ----------
    url : str
        As in `OptimizationConfig.storage`.
    interval, grace : int
        Seconds between two heartbeats of a trial, and after which a silent trial is considered
        dead.

    Returns
    -------
    optuna.storages.BaseStorage
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import RDBStorage, get_storage

    settings: dict[str, Any] = {"pool_pre_ping": True}  # a server may have been restarted
    address = usable_url(url).render_as_string(hide_password=False)

    def opened() -> RDBStorage:
        return RDBStorage(address, settings, heartbeat_interval=interval, grace_period=grace)

    with database_lock(url, "tables"), muted_warnings(ExperimentalWarning):
        return get_storage(_again_if_tables_appear(opened))


def _again_if_tables_appear(opened: Callable[[], RDBStorage]) -> RDBStorage:
    """Open a database; once more if it fails, as when another program creates the same tables.

    Optuna itself takes no lock: of two programs that find no tables, one fails to create them.
    """
    from sqlalchemy.exc import DatabaseError

    try:
        return opened()
    except DatabaseError:
        time.sleep(_SECONDS_TO_CREATE)
        return opened()


@contextmanager
def database_lock(url: str, name: str) -> Iterator[None]:
    """Let one process in at a time, across all machines that use a database.

    Parameters
    ----------
    url : str
        As in `OptimizationConfig.storage`.
    name : str
        What is locked.
    """
    import sqlalchemy

    address = usable_url(url)
    if address.get_backend_name() == "sqlite":
        with _file_lock(address.database, name):
            yield
        return
    digest = hashlib.blake2b(f"automodel_sk {name}".encode(), digest_size=8)
    key = {
        "number": int.from_bytes(digest.digest(), "big", signed=True),
        "name": digest.hexdigest(),
    }
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        for statement in _LOCK[address.get_backend_name()]:
            text = sqlalchemy.text(statement)
            connection.execute(text, {k: key[k] for k in text.compile().params})
        yield


@contextmanager
def _file_lock(database: str | None, name: str) -> Iterator[None]:
    """Lock a SQLite file with a file next to it; an in-memory one needs no lock."""
    from filelock import FileLock

    if not database or database == ":memory:":
        yield
        return
    digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    path = Path(database)
    with FileLock(path.with_name(f"{path.name}.{digest}.lock")):
        yield
