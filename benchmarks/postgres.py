"""A temporary PostgreSQL server on a socket."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs; None if it is not installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of an empty database.

    PostgreSQL refuses to run as root; if the user is root, the server runs as its own user.
    """
    binaries = programs()
    if binaries is None:
        raise FileNotFoundError("no initdb is installed; on Debian: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    with tempfile.TemporaryDirectory(prefix="benchmark-pg-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        shutil.chown(place, user)
        data, log = place / "data", place / "log"

        def call(program: str, *arguments: str) -> None:
            command = [str(binaries / program), "-D", str(data), *arguments]
            subprocess.run(
                command,
                user=user,
                cwd=place,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
            )

        call("initdb", "-A", "trust", "-U", "benchmark")
        call("pg_ctl", "-w", "-l", str(log), "-o", f"-k {place} -c listen_addresses=''", "start")
        try:
            yield f"postgresql+psycopg://benchmark@/postgres?host={place}"
        finally:
            call("pg_ctl", "-m", "fast", "-w", "stop")
