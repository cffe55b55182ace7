"""What a stranger may do to saved folders, and what must not come of it."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "pickle.find_class", "subprocess.Popen")
_watched: list[str] = []
_watching = False


def _note(event: str, _arguments: Any) -> None:
    if _watching and event.startswith((*_FORBIDDEN, "socket.connect")):
        _watched.append(event)


sys.addaudithook(_note)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fail where a process is started, a pickle names a class or a server is asked."""
    global _watching
    _watched.clear()
    _watching = True
    try:
        yield
    finally:
        _watching = False
    assert not _watched, _watched


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.canary,))


def copied(folder: Path, to: Path) -> Path:
    """Return a fresh copy of a saved folder."""
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to))


def files_of(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def truncations(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield every file with each length in steps of 1 KB that it is cut to."""
    for name in files_of(folder):
        for size in range(0, (folder / name).stat().st_size, 1024):
            yield name, size


def replacements(canary: Path) -> dict[str, bytes]:
    """Return contents that no file of a saved folder may have."""
    bomb = Bomb(canary)
    return {
        "pickle": pickle.dumps(bomb),
        "old pickle": pickle.dumps(bomb, protocol=0),
        "random": random.Random(7).randbytes(4096),
        "zip": b"PK\x03\x04" + pickle.dumps(bomb),
        "text": b"import os; os.system('touch canary')",
        "null": b"null",
        "nothing": b"",
    }


def header_of(file: Path) -> dict[str, Any]:
    raw = file.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header: dict[str, Any] = json.loads(raw[8 : 8 + length])
    return header


def with_header(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Rewrite the header of a safetensors file; the data stay where they are."""
    raw = file.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


def with_arguments(file: Path, **arguments: Any) -> None:
    """Rewrite arguments of the model's constructor in the header of its weights."""

    def change(header: dict[str, Any]) -> None:
        metadata = header["__metadata__"]
        metadata["hyper_parameters"] = json.dumps(
            json.loads(metadata["hyper_parameters"]) | arguments
        )

    with_header(file, change)


def with_json(file: Path, change: Callable[[Any], Any]) -> None:
    """Rewrite a JSON file."""
    content = json.loads(file.read_text())
    file.write_text(json.dumps(change(content) or content))


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value in a JSON document, of each list the first one's."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths_in(item, (*path, name))
    elif isinstance(value, list) and value:
        yield from paths_in(value[0], (*path, 0))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        document = document[part]
    return document


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a document with another value at a place."""
    changed = json.loads(json.dumps(document))
    at(changed, path[:-1])[path[-1]] = value
    return changed


def peak_memory(work: Callable[[], None]) -> int:
    """Return the bytes that the process needed at most beyond what it had before."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    work()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(name))
    return 1024 * int(line.split()[1])


def killed_while(work: Callable[[], None], seconds: float) -> None:
    """Do work in a child process again and again, and kill it after some seconds."""
    import signal
    import time

    child = os.fork()
    if not child:
        while True:
            work()
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
