"""How messages call series, times and columns: as the engine knows them, or as the user does.

The engine sees long frames. Where such a frame was made of other data, as the
sktime estimator does, its series and times are numbers that mean nothing to the
user. Whoever makes it says here how messages shall call them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from automodel_sk.data.times.read import show_time

__all__ = ["Wording", "short_text", "shown", "worded", "wording"]

_MOST_CHARACTERS = 80


def shown(value: Any) -> str:
    """Return a value for a message: plain Python's, cut to a sane length.

    Parameters
    ----------
    value : object
        The name of a series or a column, a tuple of names.

    Returns
    -------
    str

    Examples
    --------
    >>> shown(np.int64(101)), shown((np.int64(1), "a"))
    ('101', "(1, 'a')")
    """
    try:
        return short_text(repr(_plain(value)))
    except Exception:  # objects whose repr fails
        return f"an object of type {type(value).__name__}"


def short_text(text: str) -> str:
    """Return text cut to a sane length, its end kept.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str

    Examples
    --------
    >>> len(short_text("x" * 10_000))
    63
    """
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[: _MOST_CHARACTERS // 2]}...{text[-_MOST_CHARACTERS // 4 :]}"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value.item() if isinstance(value, np.generic) else value


class Wording:
    """The words of a long frame.

    Examples
    --------
    >>> words = Wording()
    >>> words.series(np.int64(101)), words.column("y"), words.column("x", "df")
    ('series 101', "column 'y'", "column 'x' of df")
    >>> words.by_series("y", "df")
    'df.groupby("unique_id")["y"]'
    """

    def name(self, series: Any) -> str:
        """Name a series."""
        return shown(series)

    def series(self, series: Any) -> str:
        """Name a series, with its noun."""
        return f"series {self.name(series)}"

    def time(self, series: Any, time: Any) -> str:
        """Name a time of a series."""
        return show_time(time)

    def column(self, name: str, frame: str | None = None) -> str:
        """Name a column; without its frame where that goes without saying."""
        return f"column {shown(name)}" + ("" if frame is None else f" of {frame}")

    def code(self, name: str, frame: str) -> str:
        """Return the code of a column."""
        return f'{frame}["{name}"]'

    def by_series(self, name: str, frame: str) -> str:
        """Return the code of a column, grouped by series."""
        return f'{frame}.groupby("unique_id")["{name}"]'

    def without_missing(self, name: str, frame: str) -> str:
        """Return how to leave out the rows that lack a value."""
        return f'{frame} = {frame}.dropna(subset=["{name}"])'

    def masked(self, name: str) -> str:
        """Return how to keep rows that were not observed, as the end of a sentence."""
        return f', or mark them as not observed: df["available_mask"] = df["{name}"].notna()'


_PRESENT: ContextVar[Wording] = ContextVar("wording", default=Wording())  # noqa: B039 - immutable


def wording() -> Wording:
    """Return the words to use here.

    Returns
    -------
    Wording

    Examples
    --------
    >>> wording().series("a")
    "series 'a'"
    """
    return _PRESENT.get()


@contextmanager
def worded(words: Wording) -> Iterator[None]:
    """Use other words within a block, in this thread alone.

    Parameters
    ----------
    words : Wording
        The words.

    Examples
    --------
    >>> class Loud(Wording):
    ...     def name(self, series):
    ...         return str(series).upper()
    >>> with worded(Loud()):
    ...     wording().series("a")
    'series A'
    """
    token = _PRESENT.set(words)
    try:
        yield
    finally:
        _PRESENT.reset(token)
