"""Process that cleans up Ray's processes and files after a killed program.

Ray's agents outlive a program that is killed, and its folder holds the token that they trust. This
file is run on its own with ``python -I`` and imports only the standard library.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator

__all__ = ["main"]

_POLL_SECONDS = 0.5
_MOST_ROUNDS = 20


def main(parent: int, folder: str) -> None:
    """Wait for the parent to end, end all processes with open files in a folder, and remove it."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    for _ in range(_MOST_ROUNDS):  # a process may have started another meanwhile
        left = list(_processes_with_files_in(folder))
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
        if not left:
            break
    shutil.rmtree(folder, ignore_errors=True)


def _processes_with_files_in(folder: str) -> Iterator[int]:
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - no more imports
        if int(pid) != os.getpid() and any(f.startswith(f"{folder}/") for f in _files_of(pid)):
            yield int(pid)


def _files_of(pid: str) -> list[str]:
    """Return the files that a process of this user has open."""
    place, files = f"/proc/{pid}/fd", []
    with contextlib.suppress(OSError):  # it has ended, or belongs to another user
        for number in os.listdir(place):  # noqa: PTH208
            with contextlib.suppress(OSError):
                files.append(os.readlink(f"{place}/{number}"))  # noqa: PTH115
    return files


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
