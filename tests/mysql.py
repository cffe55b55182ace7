"""A MySQL server of a test's own, where the programs of MariaDB are installed."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from database_server import Account, Server, own_folder, serving

_PATH = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin"


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server on a socket in a folder of its own; skips the test without its programs."""
    server = shutil.which("mariadbd", path=_PATH)
    install = shutil.which("mariadb-install-db", path=_PATH)
    client = shutil.which("mariadb", path=_PATH)
    if server is None or install is None or client is None:
        pytest.skip("MariaDB's server is not installed")
    account = Account.of("mysql")
    with own_folder("my-", account) as folder:
        data, socket = folder / "data", folder / "socket"
        prepare = [install, "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        prepare += ["--auth-root-authentication-method=normal"]
        subprocess.run(prepare, check=True, capture_output=True, cwd=folder, **account.arguments)
        command = [server, "--no-defaults", f"--datadir={data}", f"--socket={socket}"]
        command += ["--skip-networking", f"--pid-file={folder / 'pid'}"]
        command += ["--innodb-flush-log-at-trx-commit=0"]
        ask = [client, "--no-defaults", f"--socket={socket}", "-u", "root", "-e"]
        setup = (
            "CREATE DATABASE IF NOT EXISTS studies;"
            "CREATE USER IF NOT EXISTS me IDENTIFIED BY 'hunter2';"
            "GRANT ALL ON studies.* TO me;"
        )

        def ready() -> bool:
            return subprocess.run([*ask, setup], check=False, capture_output=True).returncode == 0

        url = f"mysql://me:hunter2@localhost/studies?unix_socket={socket}"
        # It waits for its clients, whatever the other signals.
        with serving(command, url, folder, account, ready, signal.SIGKILL) as running:
            yield running
