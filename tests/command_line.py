"""The command line called from tests."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyte
from typer.testing import CliRunner

from automodel_sk.cli import app

COLUMNS, ROWS = 80, 24


def run(*arguments: Any) -> Any:
    """Run a command in this process; its exit code, output and errors."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(text: str) -> str:
    """Return a text without the boxes and line breaks that a terminal's width asks for."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return " ".join(re.sub("[│╭╮╰╯─]", " ", plain).split())


class Seen(NamedTuple):
    """What a terminal showed: all that was written, the screen's last state, the exit code."""

    written: str
    screen: list[str]
    exit_code: int
    frames: list[list[str]]


def in_terminal(
    folder: Path,
    *arguments: Any,
    answer: Callable[[list[str]], bytes] = lambda screen: b"",
    **environment: str,
) -> Seen:
    """Run a command in a process of its own, in a terminal of 80 columns and 24 rows.

    `answer` sees the screen whenever something was written, and says what is typed.
    """
    command = [sys.executable, "-c", "from automodel_sk.cli import main; main()"]
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ.update({"TERM": "xterm-256color", **environment})
        os.environ.pop("COLUMNS", None)
        os.execv(command[0], [*command, *map(str, arguments)])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    watchdog = threading.Timer(300, os.kill, (process, signal.SIGKILL))
    watchdog.start()
    screen = pyte.Screen(COLUMNS, ROWS)
    stream, written, frames = pyte.ByteStream(screen), b"", []
    while piece := _read(terminal):
        written += piece
        stream.feed(piece)
        frames.append([line.rstrip() for line in screen.display])
        os.write(terminal, answer(frames[-1]))
    watchdog.cancel()
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    return Seen(written.decode(), frames[-1], code, frames)


def _read(terminal: int) -> bytes:
    """Return what was written, nothing once the process is gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
