"""A database server of a test's own: a process, a folder, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Server(NamedTuple):
    """A running server; its URL names no driver."""

    url: str
    process: subprocess.Popen[bytes]
    end: signal.Signals

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        self.process.send_signal(self.end)
        self.process.wait(timeout=30)


class Account(NamedTuple):
    """Who runs a server: it refuses to run as root."""

    arguments: dict[str, Any]
    owner: str | None

    @classmethod
    def of(cls, *users: str) -> Account:
        """Return the first of some users that there is, where this is root."""
        if os.getuid() != 0:
            return cls({}, None)
        names = [user.pw_name for user in pwd.getpwall()]
        user = next((name for name in users if name in names), "nobody")
        group = pwd.getpwnam(user).pw_gid
        return cls({"user": user, "group": group, "extra_groups": []}, user)


@contextmanager
def own_folder(prefix: str, account: Account) -> Iterator[Path]:
    """Make a folder of the account's, whose path is short enough for a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if account.owner is not None:
        shutil.chown(folder, account.owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(
    command: Sequence[str],
    url: str,
    folder: Path,
    account: Account,
    ready: Callable[[], bool],
    end: signal.Signals = signal.SIGQUIT,
) -> Iterator[Server]:
    """Run a server, wait until it answers, and end it afterwards by a signal."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **account.arguments)
    server = Server(url, process, end)
    try:
        _wait_until(ready, process, folder / "log")
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if ready():
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise TimeoutError(log.read_text())
