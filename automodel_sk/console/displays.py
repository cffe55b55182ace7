"""Displays of a search's progress: a terminal, a notebook, a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from automodel_sk.console.state import SearchState

from automodel_sk._utils.plain_text import plain_text

__all__ = ["Display", "open_display", "say"]

_NOTEBOOK_PAUSE, _LOG_PAUSE = 0.5, 10.0


def say(content: Any, verbose: bool = True) -> None:
    """Write to standard error: formatted by rich on a terminal, as plain text elsewhere.

    Parameters
    ----------
    content : object
        A text or any rich renderable; its ``str`` is used if colours are not available.
    verbose : bool
        If False, nothing is written. Nothing is written either if the process has no standard
        error, as under ``pythonw`` and in services.
    """
    from rich.text import Text

    if not verbose or sys.stderr is None:
        return
    console = _console()
    below_is_live = hasattr(sys.stderr, "rich_proxied_file")  # it prints text above itself
    if console.is_terminal and not console.is_jupyter and not below_is_live:
        console.print(content if hasattr(content, "__rich__") else Text(plain_text(str(content))))
    else:
        sys.stderr.write(plain_text(f"{content}\n"))


class Display(Protocol):
    """A display of a search's state."""

    def renew(self, now: bool = False) -> None:
        """Show the current state, immediately or after the usual pause."""


class Pausing:
    """Show the state as text, at most once per pause.

    Parameters
    ----------
    state : SearchState
        The state to show.
    show : callable
        Function that receives the text.
    pause : float
        Minimum seconds between two texts, by the state's clock.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> shown = []
    >>> times = iter([0.0, 1.0, 11.0])
    >>> state = SimpleNamespace(line=lambda: "3/5 trials", clock=times.__next__)
    >>> display = Pausing(state, shown.append, 10.0)
    >>> display.renew(), display.renew()
    (None, None)
    >>> shown
    ['3/5 trials']
    """

    def __init__(self, state: SearchState, show: Callable[[str], None], pause: float) -> None:
        self._state, self._show, self._pause = state, show, pause
        self._next = state.clock() + pause

    def renew(self, now: bool = False) -> None:
        """Show the text, immediately or if the pause is over."""
        moment = self._state.clock()
        if now or moment >= self._next:
            self._next = moment + self._pause
            self._show(self._state.line())


class Hidden:
    """Show nothing."""

    def renew(self, now: bool = False) -> None:
        """Do nothing."""


@contextmanager
def open_display(state: SearchState, verbose: bool) -> Iterator[Display]:
    """Open the display that suits the environment, for the duration of a search.

    Parameters
    ----------
    state : SearchState
        The state to show.
    verbose : bool
        Whether to show anything.

    Yields
    ------
    Display
        Call its `renew` whenever the state changes.
    """
    console = _console()
    if not verbose or sys.stderr is None:
        yield Hidden()
    elif console.is_jupyter:
        shown = Pausing(state, _notebook_output(state.line()), _NOTEBOOK_PAUSE)
        yield shown
        shown.renew(now=True)
    elif console.is_terminal and not console.is_dumb_terminal:
        with _live(state, console) as display:
            yield display
    else:
        yield Pausing(state, say, _LOG_PAUSE)


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _notebook_output(text: str) -> Callable[[str], None]:
    """Return a function that replaces the text below a notebook cell; needs no widgets."""
    from IPython.display import display

    handle: Any = display({"text/plain": text}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    return lambda text: handle.update({"text/plain": text}, raw=True)


@contextmanager
def _live(state: SearchState, console: Console) -> Iterator[Display]:
    """Redraw lines at the bottom of a terminal; printed output appears above them."""
    from rich.live import Live

    with Live(
        console=console,
        get_renderable=lambda: _drawn(state),
        # Output to a pipe stays in the pipe.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    ):
        yield Hidden()  # the live display redraws itself


def _drawn(state: SearchState) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(no_wrap=True)
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True)
    bar.add_column(no_wrap=True)
    counted = state.counted()
    progress = ProgressBar(1.0, state.share, pulse=state.in_refit and not state.share)
    bar.add_row(
        Text(plain_text(state.label), "bold"), progress, Text(counted), Text(state.times(), "cyan")
    )
    below = ((state.results(), "green"), (state.running(), "dim"))
    lines = [
        Text(plain_text(text), style, no_wrap=True, overflow="ellipsis")
        for text, style in below
        if text
    ]
    return Group(bar, *lines)
