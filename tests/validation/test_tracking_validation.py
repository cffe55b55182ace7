"""Bad tracking addresses are found within the deadline, and shown without secrets."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from automodel_sk.validation import ConfigValidator

VALIDATOR = ConfigValidator()
STRICT = ConfigValidator(strict_mode=True)


@pytest.fixture(autouse=True)
def _no_tracking_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def _server(status: int) -> Iterator[tuple[int, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"OK")

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_server_that_answers_is_asked_for_its_health() -> None:
    with _server(200) as (port, asked):
        uri = f"http://me:secret@127.0.0.1:{port}/"
        result = STRICT.validate_mlflow_config(uri, "production_forecast")
    assert (result.errors, result.warnings) == ([], [])
    assert asked == ["/health None"]


@pytest.mark.parametrize("status", [401, 404])
def test_server_with_another_answer_is_a_warning(status: int) -> None:
    with _server(status) as (port, _):
        result = VALIDATOR.validate_mlflow_config(f"http://127.0.0.1:{port}")
    assert result.is_valid
    assert f"answered {status} at /health where an MLflow server says 200" in result.warnings[0]


def test_server_that_asks_for_the_given_password_is_fine() -> None:
    with _server(401) as (port, _):
        result = STRICT.validate_mlflow_config(f"http://me:secret@127.0.0.1:{port}")
    assert result.is_valid


def test_server_in_trouble_is_an_error() -> None:
    with _server(503) as (port, _):
        result = VALIDATOR.validate_mlflow_config(f"http://127.0.0.1:{port}")
    assert "answered 503" in result.errors[0]


def test_closed_port_is_an_error_without_the_password(closed_port: int) -> None:
    result = VALIDATOR.validate_mlflow_config(f"http://me:secret@127.0.0.1:{closed_port}?t=secret")
    assert result.errors[0].startswith(
        f"mlflow_tracking_uri can't be reached: 'http://***@127.0.0.1:{closed_port}' refused the "
        "connection; start the server"
    )
    assert "secret" not in str(result)


def test_silent_server_is_given_up_at_the_deadline(silent_port: int) -> None:
    uri = f"http://127.0.0.1:{silent_port}"
    started = time.monotonic()
    result = VALIDATOR.validate_mlflow_config(uri, deadline_seconds=0.3)
    assert time.monotonic() - started < 3.0
    assert "didn't answer" in result.errors[0]


def test_dripping_server_is_given_up_at_the_deadline() -> None:
    """Each byte restarts a socket's own timeout; the deadline holds nonetheless."""
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            while not stop.wait(0.05):
                connection.sendall(b"H")

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = VALIDATOR.validate_mlflow_config(uri, deadline_seconds=0.4)
        stop.set()
        thread.join()
    assert "didn't answer within 0.4 s" in result.errors[0]


def test_database_port_is_asked(closed_port: int, silent_port: int) -> None:
    refused = VALIDATOR.validate_mlflow_config(
        f"postgresql+psycopg2://me:secret@127.0.0.1:{closed_port}/runs"
    )
    assert "refused the connection; start the database" in refused.errors[0]
    assert "secret" not in str(refused)
    open_port = VALIDATOR.validate_mlflow_config(f"mysql://me:secret@127.0.0.1:{silent_port}/runs")
    assert open_port.is_valid


URI_TABLE = [
    ("", "mlflow_tracking_uri must be an address, got ''"),
    (b"http://me:secret@host", "must be an address, got ***; try"),
    ("http://me:se?cret#secret@host:x", "got 'http://***@host:x'"),
    (5, "mlflow_tracking_uri must be an address, got 5"),
    ("ftp://me:secret@host/runs", "has the scheme 'ftp', got 'ftp://***@host/runs'"),
    ("htp://host:5000", "did you mean 'http'?"),
    ("localhost:5000", "has no scheme, got 'localhost:5000'; try 'http://localhost:5000'"),
    ("me:secret@host:5000", "has no scheme, got '***@host:5000'"),
    ("http://", "must name a host and a port"),
    ("http://me:secret@host:port", "must name a host and a port from 1 to 65535"),
    ("http://host:99999", "must name a host and a port from 1 to 65535"),
    ("http://me:sec/ret@:5000", "must name a host and a port"),
    ("./mlruns", "names a folder, got './mlruns', and MLflow refuses folders"),
    ("file:///tmp/mlruns", "names a folder, got 'file:///tmp/mlruns'"),
    (Path("mlruns"), "names a folder, got 'mlruns'"),
    ("sqlite://mlflow.db", "needs three slashes after 'sqlite:'"),
    ("sqlite:mlflow.db", "needs three slashes after 'sqlite:'"),
    ("sqlite:///:memory:", "keeps its runs in memory"),
    ("sqlite:////no/such/folder/mlflow.db", "is in a folder that doesn't exist"),
    ("sqlite:////tmp", "names the file '/tmp', which is a folder"),
]


@pytest.mark.parametrize(("uri", "message"), URI_TABLE)
def test_bad_address_is_named(uri: Any, message: str) -> None:
    result = VALIDATOR.validate_mlflow_config(uri)
    assert not result.is_valid
    assert message in result.errors[0]
    assert "secret" not in str(result)
    assert "sec/ret" not in str(result)


@pytest.mark.parametrize("uri", ["", "./mlruns", "sqlite://mlflow.db", "sqlite:///:memory:"])
def test_corrected_address_passes(uri: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    corrected = VALIDATOR.validate_mlflow_config(uri).corrected_config
    assert corrected == {"mlflow_tracking_uri": "sqlite:///mlflow.db"}
    assert STRICT.validate_mlflow_config(corrected["mlflow_tracking_uri"]).is_valid


@pytest.mark.parametrize("uri", [None, "databricks", "databricks://profile"])
def test_addresses_that_are_not_asked(uri: str | None) -> None:
    assert STRICT.validate_mlflow_config(uri).is_valid


def test_sqlite_file_that_can_be_made_passes(tmp_path: Path) -> None:
    assert STRICT.validate_mlflow_config(f"sqlite:///{tmp_path}/mlflow.db").is_valid


def test_folder_passes_where_mlflow_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert STRICT.validate_mlflow_config("./mlruns").is_valid


def test_blanks_around_an_address_are_a_warning(tmp_path: Path) -> None:
    result = VALIDATOR.validate_mlflow_config(f" sqlite:///{tmp_path}/a.db\n")
    assert result.is_valid
    assert "has spaces around it" in result.warnings[0]
    assert result.corrected_config == {"mlflow_tracking_uri": f"sqlite:///{tmp_path}/a.db"}


@pytest.mark.parametrize(
    ("name", "message", "correction"),
    [
        ("", "must not be empty, got ''", "forecast"),
        ("   ", "must not be empty, got '   '", "forecast"),
        ("weekly\nsales", "must be on one line", "weekly sales"),
        ("x" * 501, "must have at most 500 characters (501 are too many)", "x" * 500),
        (7, "must be a string, got 7", "7"),
        (["a"], "must be a string, got ['a']", "forecast"),
    ],
)
def test_bad_experiment_name_is_named_and_mended(name: Any, message: str, correction: str) -> None:
    result = VALIDATOR.validate_mlflow_config(None, name)
    assert message in result.errors[0]
    assert result.corrected_config == {"mlflow_experiment_name": correction}
    assert VALIDATOR.validate_mlflow_config(None, correction).is_valid
