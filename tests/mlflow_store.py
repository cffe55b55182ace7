"""MLflow's stores and servers for tests, the real ones."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

import pytest
from mlflow import MlflowClient


def make_tables(database: Path) -> Path:
    """Make a file with MLflow's tables in it."""
    database.write_bytes(_empty_database())
    return database


@cache
def _empty_database() -> bytes:
    """Return a file with MLflow's tables: making them takes seconds, copying them none."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "mlflow.db"
        MlflowClient(tracking_uri=f"sqlite:///{database}").get_experiment_by_name("any")
        return database.read_bytes()


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(arguments: Sequence[str], folder: Path, port: int, path: str) -> Iterator[str]:
    """Run MLflow's command line in a process group of its own; yield the server's address."""
    command = [sys.executable, "-m", "mlflow", *arguments, "--port", str(port), "--workers", "1"]
    # It starts its servers by their names.
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": paths},
        )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}{path}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def mlflow_server(folder: Path) -> AbstractContextManager[str]:
    """Run a tracking server whose database and files lie in a folder."""
    database = f"sqlite:///{folder}/mlflow.db"
    return running(["server", "--backend-store-uri", database], folder, closed_port(), "/health")


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    pause = threading.Event()
    for _ in range(1200):
        assert process.poll() is None, "the server has ended; its log lies in its folder"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            pause.wait(0.1)
    pytest.fail("the server did not start")
