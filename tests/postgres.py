"""A PostgreSQL server of a test's own, where its programs are installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from database_server import Account, Server, own_folder, serving


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest release's; None without one."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    releases = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(releases, key=lambda path: float(path.parts[-3]))
    return newest[-1].parent if newest else None


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server on a socket in a folder of its own; skips the test without its programs."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed")
    account = Account.of("postgres")
    with own_folder("pg-", account) as folder:
        data = str(folder / "data")
        initdb = [str(binaries / "initdb"), "-D", data, "-U", "me", "--no-sync", "--auth=trust"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **account.arguments)
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
        arguments = [text for pair in settings.items() for text in ("-c", "=".join(pair))]
        command = [str(binaries / "postgres"), "-D", data, *arguments]
        ask = [str(binaries / "pg_isready"), "-q", "-h", str(folder)]

        def ready() -> bool:
            return subprocess.run(ask, check=False).returncode == 0

        url = f"postgresql://me:hunter2@/postgres?host={folder}"
        with serving(command, url, folder, account, ready) as server:
            yield server
