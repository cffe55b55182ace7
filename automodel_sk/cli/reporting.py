"""Report errors of commands as one sentence and an exit status."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, TypeVar

import typer

from automodel_sk._utils.interrupts import Stopped, stop_at_signals
from automodel_sk._utils.plain_text import plain_text
from automodel_sk._utils.secrets import mask_secrets
from automodel_sk.cli.output import print_json
from automodel_sk.cli.words import CommandLineWords, in_options, with_owner
from automodel_sk.data.wording import worded
from automodel_sk.exceptions import AutoModelError, InvalidInputError

__all__ = ["INTERRUPTED", "reported"]

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the signal's number."""

Command = TypeVar("Command", bound=Callable[..., None])


def reported(command: Command) -> Command:
    """Turn an exception of a command into one sentence and an exit status.

    Parameters
    ----------
    command : callable
        A command; with ``debug=True`` among its arguments the traceback is printed too, and with
        ``as_json=True`` the error is also printed as JSON.

    Returns
    -------
    callable
        The command, with the same signature.

    Examples
    --------
    >>> @reported
    ... def greet() -> None:
    ...     typer.echo("hello")
    >>> greet()
    hello
    """

    @wraps(command)
    def run(**arguments: Any) -> None:
        words = CommandLineWords(arguments)
        try:
            with stop_at_signals(), _warnings_shown(), worded(words):
                command(**arguments)
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Stopped as stopped:
            _print_error([f"Stopped by {stopped}."], "KeyboardInterrupt", arguments)
            raise typer.Exit(stopped.exit_code) from None
        except KeyboardInterrupt:
            _print_error(["Interrupted."], "KeyboardInterrupt", arguments)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as exc:
            if arguments.get("debug"):
                typer.echo(_safe(traceback.format_exc()), err=True)
            with worded(words):
                lines = [f"Error: {line}" for line in _sentences(exc)]
            _print_error(lines, type(exc).__name__, arguments)
            raise typer.Exit(1) from None

    return run  # type: ignore[return-value]  # the same signature, by wraps


def _print_error(lines: list[str], error: str, arguments: Mapping[str, Any]) -> None:
    """Print the error, also as JSON if the command was asked for JSON."""
    lines = [_safe(line) for line in lines]
    with suppress(OSError):  # the terminal may be closed
        for line in lines:
            typer.echo(line, err=True)
    if arguments.get("as_json"):
        print_json({"error": error, "messages": [line.removeprefix("Error: ") for line in lines]})


def _safe(text: str) -> str:
    """Remove passwords and terminal escape sequences from a text."""
    return plain_text(mask_secrets(text))


def _sentences(exc: Exception) -> list[str]:
    """Return an exception as text, with the validator's errors one by one."""
    if isinstance(exc, InvalidInputError) and exc.result is not None:
        return [_said(error) for error in exc.result.errors]
    if isinstance(exc, InvalidInputError):
        return [_said(line) for line in str(exc).splitlines()]
    if isinstance(exc, AutoModelError):
        return [_said(str(exc))]
    if isinstance(exc, OSError):
        return [str(exc)]
    return [f"{type(exc).__name__}: {exc} (unexpected error; rerun with --debug for the traceback)"]


def _said(message: str) -> str:
    """Return a message in the words of the command line."""
    return with_owner(in_options(message))


class _Shown(logging.Handler):
    """Writes log records to standard error without technical details."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        message = _said(record.getMessage())
        typer.echo(_safe(f"{record.levelname.capitalize()}: {message}"), err=True)


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """Show the package's warnings while a command runs."""
    logger, handler = logging.getLogger("automodel_sk"), _Shown(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
