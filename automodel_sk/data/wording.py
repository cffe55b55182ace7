"""How messages name series, times and columns.

Models work on long frames. If such a frame was built from other data, as the sktime estimator does,
its ids and times are numbers that mean nothing to the user. The code that builds the frame sets
here how messages name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

__all__ = ["Wording", "short_text", "show_time", "shown", "worded", "wording"]

_MOST_CHARACTERS = 80


def shown(value: Any) -> str:
    """Format a value for a message: a plain Python value, shortened if long.

    Parameters
    ----------
    value : object
        A series id, a column name or a tuple of names.

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
    """Shorten long text, keeping its end.

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


def show_time(time: Any) -> str:
    """Format a time as briefly as possible.

    Parameters
    ----------
    time : pandas.Timestamp or int
        The time.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> show_time(pd.Timestamp("2020-01-31")), show_time(pd.Timestamp("2020-01-31 06:00"))
    ('2020-01-31', '2020-01-31 06:00:00')
    """
    import pandas as pd  # not above: the help of the command line reads this module

    if not isinstance(time, pd.Timestamp):
        return str(time)
    return str(time.date()) if time == time.normalize() and time.tz is None else str(time)


class Wording:
    """How messages name the parts of a long frame.

    Examples
    --------
    >>> words = Wording()
    >>> words.series(np.int64(101)), words.column("y"), words.column("x", "df")
    ('series 101', "column 'y'", "column 'x' of df")
    >>> words.by_series("y", "df")
    'df.groupby("unique_id")["y"]'
    >>> words.how("df = df.dropna()", "delete these rows")
    'df = df.dropna()'
    """

    is_of_frames = True
    """Whether ids and times of the long frame are the user's own."""

    def name(self, series: Any) -> str:
        """Return the name of a series."""
        return shown(series)

    def series(self, series: Any) -> str:
        """Return the name of a series, after the word "series"."""
        return f"series {self.name(series)}"

    def time(self, series: Any, time: Any) -> str:
        """Name a time of a series."""
        return show_time(time)

    def step(self, freq: str | int) -> str | int:
        """Return the frequency of the user's data."""
        return freq

    def own(self, name: str) -> str:
        """Return the user's name of a column."""
        return name

    def columns(self, names: Iterable[Any], most: int = 8) -> str:
        """List names of columns, the first few where there are many."""
        own = [shown(self.own(name) if isinstance(name, str) else name) for name in names]
        listed = ", ".join(own[:most])
        return f"[{listed}]" if len(own) <= most else f"[{listed}, ...] ({len(own)} in total)"

    def row(self, place: int) -> int:
        """Return the number of a row, for people who look at it."""
        return int(place)

    def frame(self, name: str) -> str:
        """Name a frame."""
        return name

    def how(self, code: str, plain: str) -> str:
        """Return how to fix something: the code, or plain words where nobody writes code."""
        return code

    def option(self, code: str, plain: str) -> str | None:
        """Return how to set an option: the code, or words; None where it can't be set."""
        return code

    def result(self, name: str) -> str:
        """Return the code that reads an attribute of the fitted model, or calls a method of it."""
        return f"model.{name}"

    def column(self, name: str, frame: str | None = None) -> str:
        """Name a column, and its frame unless it is obvious."""
        return f"column {shown(name)}" + ("" if frame is None else f" of {frame}")

    def code(self, name: str, frame: str) -> str:
        """Return the code that selects a column."""
        return f'{frame}["{name}"]'

    def by_series(self, name: str, frame: str) -> str:
        """Return the code that groups a column by series."""
        return f'{frame}.groupby("unique_id")["{name}"]'

    def without_missing(self, name: str, frame: str) -> str:
        """Return the code that drops the rows with a missing value."""
        return f'{frame} = {frame}.dropna(subset=["{name}"])'

    def masked(self, name: str) -> str:
        """Return the end of a sentence that says how to keep unobserved rows."""
        return f', or mark them as not observed: df["available_mask"] = df["{name}"].notna()'


_PRESENT: ContextVar[Wording] = ContextVar("wording", default=Wording())  # noqa: B039 - immutable


def wording() -> Wording:
    """Return the wording in effect.

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
    """Use another wording within a block, in this thread only.

    Parameters
    ----------
    words : Wording
        The wording to use.

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
