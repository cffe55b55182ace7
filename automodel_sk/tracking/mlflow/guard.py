"""Call MLflow without output, with short timeouts and without changing global state."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from automodel_sk._utils.network import answer_of_server
from automodel_sk._utils.secrets import mask_secrets, remember_address
from automodel_sk.exceptions import TrackingError

__all__ = [
    "EDGE_SECONDS",
    "MODEL_SECONDS",
    "PROBE_SECONDS",
    "absence",
    "absolute_uri",
    "guarded",
    "once_created",
    "open_lock",
    "probe",
    "reason_of",
    "sqlite_path",
    "without_output",
]

# Whether a server is reachable is known within 3 s. A reachable server may take longer for the
# start and end of a search (its first answer takes seconds), and longer still for a model's files.
PROBE_SECONDS = 2
EDGE_SECONDS = 15
MODEL_SECONDS = 60

# Timeouts set by the user take precedence.
_WAITS = ("MLFLOW_HTTP_REQUEST_TIMEOUT", "PGCONNECT_TIMEOUT")
# MLflow logs errors that this package reports itself, and the creation of its tables.
_LEVELS = {
    "alembic": logging.WARNING,
    "mlflow.pyfunc": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,
}
_CONNECT_OPTION = {
    "mysqlconnector": "connection_timeout",
    "mysqldb": "connect_timeout",
    "pg8000": "timeout",
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymssql": "login_timeout",
    "pymysql": "connect_timeout",
    "pyodbc": "timeout",
}
_REASONS = {
    "Connection refused": "the connection was refused",
    "refused the connection": "the connection was refused",
    "timed out": "no answer in time",
    "timeout": "no answer in time",
    "didn't answer": "no answer in time",
    "NameResolutionError": "the host is unknown",
    "Name or service not known": "the host is unknown",
    "getaddrinfo failed": "the host is unknown",
    "unknown host name": "the host is unknown",
    "maintenance mode": "MLflow no longer supports folders as stores",
    "database or disk is full": "the disk is full",
    "disk I/O error": "the disk can't be written (full, or gone)",
    "readonly database": "the database can't be written",
    "unable to open database file": "the database's folder can't be written, or doesn't exist",
}
_PAGE = re.compile(r"<(!doctype html|html|head|body)\b", re.IGNORECASE)
_STATUS = re.compile(r"error code (\d{3})")
_HALF_MADE = (
    "alembic_version",
    "already exists",
    "database is locked",
    "duplicate column name",
    "no such column",
    "no such table",
    "out-of-date database schema",
)
CREATION_SECONDS = 15.0
_Answer = TypeVar("_Answer")
# The environment is global, so one tracker uses it at a time.
_TURN = threading.RLock()


@contextmanager
def guarded(seconds: int) -> Iterator[None]:
    """Limit the time of MLflow's requests, without retries or output."""
    settings = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_UV_AUTO_DETECT": "false",
        **{name: os.environ.get(name) or str(seconds) for name in _WAITS},
    }
    with without_output(), ExitStack() as undo:
        for name, value in settings.items():
            undo.callback(_restore, name, os.environ.get(name))
            os.environ[name] = value
        yield


@contextmanager
def without_output() -> Iterator[None]:
    """Keep MLflow from logging; leaves the environment alone, which other threads may read."""
    with _TURN, ExitStack() as undo:
        for name, level in _LEVELS.items():
            logger = logging.getLogger(name)
            undo.callback(logger.setLevel, logger.level)
            logger.setLevel(level)
        yield


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite URI; None for other stores and in-memory databases."""
    scheme, _, path = uri.partition(":///")
    if scheme.split("+")[0] != "sqlite" or path in ("", ":memory:"):
        return None
    return Path(path.partition("?")[0])


def absolute_uri(uri: str) -> str:
    """Return a URI that is valid in any working directory."""
    path = sqlite_path(uri)
    if path is None or path.is_absolute():
        return uri
    scheme, _, rest = uri.partition(":///")
    _, mark, query = rest.partition("?")
    return f"{scheme}:///{path.absolute()}{mark}{query}"


def probe(uri: str) -> None:
    """Raise quickly if a store is unreachable; MLflow itself would retry for minutes."""
    scheme = urlsplit(uri).scheme.split("+")[0]
    if scheme in ("http", "https"):
        _probe_server(uri)
    elif scheme in ("sqlite", "postgresql", "mysql", "mssql"):
        _probe_database(uri)


def absence(uri: str) -> str | None:
    """Return why a server or its database is unreachable, or None if it is reachable."""
    if sqlite_path(uri) is not None:
        return None
    try:
        probe(uri)
    except Exception as error:
        return reason_of(error, uri)
    return None


def _probe_server(uri: str) -> None:
    """Raise if nothing answers; any answer counts, and no secret is sent."""
    parts = urlsplit(uri)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    answer = answer_of_server(address.geturl(), PROBE_SECONDS)
    if answer.status is None:
        raise ConnectionError(f"the server {answer.problem}")


def _probe_database(uri: str) -> None:
    """Raise if a database cannot be opened and read."""
    import sqlalchemy

    path = sqlite_path(uri)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    option = _CONNECT_OPTION.get(sqlalchemy.engine.make_url(uri).get_driver_name())
    engine = sqlalchemy.create_engine(
        uri,
        poolclass=sqlalchemy.pool.NullPool,
        connect_args={option: PROBE_SECONDS} if option else {},
    )
    with engine.connect():
        sqlalchemy.inspect(engine).get_table_names()


@contextmanager
def open_lock(uri: str) -> Iterator[None]:
    """Let one process at a time open a SQLite store: two that create its tables both fail."""
    path = sqlite_path(uri)
    if path is None:
        yield
        return
    # The lock file is removed again: a process that waits for a removed one finds the tables
    # created.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    lock = Path(tempfile.gettempdir()) / f"automodel_sk-{digest}.lock"
    with ExitStack() as held:
        with suppress(sqlite3.Error):  # the temporary folder is read-only: proceed without a lock
            connection = sqlite3.connect(lock, timeout=60, isolation_level=None)
            held.callback(_give_back, connection, lock)
            connection.execute("BEGIN EXCLUSIVE")
        yield


def _give_back(connection: sqlite3.Connection, lock: Path) -> None:
    connection.close()
    with suppress(OSError):
        lock.unlink()


def once_created(uri: str, ask: Callable[[], _Answer]) -> _Answer:
    """Query a store, retrying while another program, such as MLflow's server, creates its tables.

    Parameters
    ----------
    uri : str
        URI of the store.
    ask : callable
        The query.
    """
    end = time.monotonic() + (CREATION_SECONDS if sqlite_path(uri) is not None else 0.0)
    while True:
        try:
            return ask()
        except Exception as error:
            half_made = any(sign in str(error) for sign in _HALF_MADE)
            if not half_made or time.monotonic() > end:
                raise
        time.sleep(0.5)


def reason_of(error: BaseException, uri: str) -> str:
    """Return briefly why a call failed, without the secrets of the URI."""
    text = str(error) or type(error).__name__
    if isinstance(error, TrackingError):
        return text
    for sign, words in _REASONS.items():
        if sign in text:
            return words
    if _PAGE.search(text):
        status = _STATUS.search(text)
        code = f" ({status.group(1)})" if status else ""
        return f"no MLflow server answers there{code}; is a path prefix missing?"
    remember_address(uri)
    return mask_secrets(text.strip().splitlines()[0])[:300]
