"""A PostgreSQL server of a test's own, where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest release's; None without one."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    releases = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(releases, key=lambda path: float(path.parts[-3]))
    return newest[-1].parent if newest else None


class Server(NamedTuple):
    """A running server; its URL names no driver."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=30)


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server on a socket in a folder of its own; skips the test without its programs."""
    if programs() is None:
        pytest.skip("PostgreSQL's server is not installed")
    binaries = programs()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    identity = _identity(folder)
    data = str(folder / "data")
    initdb = [str(binaries / "initdb"), "-D", data, "-U", "me", "--no-sync", "--auth=trust"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **identity)
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    arguments = [text for pair in settings.items() for text in ("-c", "=".join(pair))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(binaries / "postgres"), "-D", data, *arguments],
            stdout=log,
            stderr=log,
            cwd=folder,
            **identity,
        )
    try:
        _wait_until_ready(binaries, folder, process)
        yield Server(f"postgresql://me:hunter2@/postgres?host={folder}", process)
    finally:
        if process.poll() is None:
            Server("", process).stop()
        shutil.rmtree(folder, ignore_errors=True)


def _identity(folder: Path) -> dict[str, Any]:
    """Return whom to run as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    names = [user.pw_name for user in pwd.getpwall()]
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _wait_until_ready(binaries: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    ask = [str(binaries / "pg_isready"), "-q", "-h", str(folder)]
    for _ in range(300):
        if subprocess.run(ask, check=False).returncode == 0:
            return
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    raise TimeoutError((folder / "log").read_text())
