"""Translate between the user's column names and `unique_id`, `ds` and `y`."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import pandas as pd

from automodel_sk.data.wording import Wording, shown, worded, wording
from automodel_sk.exceptions import InvalidInputError

__all__ = ["ColumnNames", "ColumnWords"]

_OWN = ("unique_id", "ds", "y")
_ARGUMENTS = ("id_col", "time_col", "target_col")
_OF_FORECASTS = ("cutoff", "sample_id")


@dataclass(frozen=True)
class ColumnNames:
    """The user's names for the id, time and target columns.

    Parameters
    ----------
    id_col, time_col, target_col : str
        The names; by default those of Nixtla's libraries, which the package uses internally.

    Examples
    --------
    >>> names = ColumnNames(time_col="date")
    >>> df = pd.DataFrame({"unique_id": ["a"], "date": [1], "y": [2.0]})
    >>> names.own(df, "dataset").columns.tolist()
    ['unique_id', 'ds', 'y']
    >>> names.theirs(names.own(df, "dataset")).columns.tolist()
    ['unique_id', 'date', 'y']
    """

    id_col: str = "unique_id"
    time_col: str = "ds"
    target_col: str = "y"

    def __post_init__(self) -> None:
        """Raise if a name is not a string, or if two columns share a name."""
        for argument, name in zip(_ARGUMENTS, self.names, strict=True):
            if not isinstance(name, str) or not name:
                raise InvalidInputError(
                    f"{argument} must be the name of a column as text, got {shown(name)}"
                )
        if len(set(self.names)) < 3:
            raise InvalidInputError(
                f"id_col, time_col and target_col must name three columns, got {self.names}"
            )

    @property
    def names(self) -> tuple[str, str, str]:
        """The three names."""
        return (self.id_col, self.time_col, self.target_col)

    @property
    def differ(self) -> bool:
        """Whether any name differs from the internal one."""
        return self.names != _OWN

    def own(self, frame: pd.DataFrame, argument: str, needed: Collection[str] = ()) -> pd.DataFrame:
        """Return a frame with the internal column names.

        Parameters
        ----------
        frame : DataFrame
            Frame with the user's names or the internal ones.
        argument : str
            Name of the parameter that received the frame, for messages.
        needed : collection of str
            Internal names of columns that must exist.

        Raises
        ------
        InvalidInputError
            If the frame has both the user's and the internal name of a column, or lacks a needed
            one.
        """
        frame = _without_copies(frame)
        self._check_needed(frame, argument, needed)
        if set(frame.index.names) & set(self.names):
            frame = frame.reset_index()
        renames = {}
        for given, own, name in zip(self.names, _OWN, _ARGUMENTS, strict=True):
            if given == own or given not in frame.columns:
                continue
            if own in frame.columns and own not in self.names:
                raise InvalidInputError(
                    f"{argument} has both {given!r} ({name}) and {own!r}; rename or drop {own!r}"
                )
            renames[given] = own
        return frame.rename(columns=renames)

    def _check_needed(self, frame: pd.DataFrame, argument: str, needed: Collection[str]) -> None:
        """Raise if a needed column has neither the user's name nor the internal one."""
        known = {*frame.columns, *frame.index.names}
        named = zip(self.names, _OWN, _ARGUMENTS, strict=True)
        missing = [
            f"{name!r} ({parameter})"
            for name, own, parameter in named
            if own in needed and name != own and not {name, own} & known
        ]
        if missing:
            raise InvalidInputError(
                f"{argument} lacks the column {' and the column '.join(missing)}; its columns are"
                f" {shown([str(name) for name in frame.columns])}"
            )

    def check_present(self, frame: pd.DataFrame, argument: str) -> None:
        """Raise if any named column is missing; the error lists all of them."""
        known = {*frame.columns, *frame.index.names}
        named = zip(self.names, _OWN, _ARGUMENTS, strict=True)
        missing = [f"{n!r} ({arg})" for n, own, arg in named if n != own and n not in known]
        if missing:
            raise InvalidInputError(
                f"{argument} has no column {' and no column '.join(missing)}; its columns are"
                f" {shown([str(name) for name in frame.columns])}"
            )

    def check_free(self, model_name: str) -> None:
        """Raise where a name is that of another column of what a model gives."""
        for argument, name in zip(_ARGUMENTS, self.names, strict=True):
            if name in _OF_FORECASTS or (isinstance(model_name, str) and name == model_name):
                code = f"rename it, e.g. df = df.rename(columns={{{name!r}: {name + '_'!r}}})"
                how = wording().how(code, "rename it in the file")
                raise InvalidInputError(
                    f"{argument}={name!r} is the name of another column of the forecasts; {how}"
                )

    def worded(self) -> AbstractContextManager[None]:
        """Return a block in which messages speak of columns as the user does.

        Words that somebody else has set stay, as those of the command line.
        """
        return worded(ColumnWords(self)) if type(wording()) is Wording else nullcontext()

    def theirs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with the user's column names."""
        return frame.rename(columns=dict(zip(_OWN, self.names, strict=True)))


def _without_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop the index levels that are also columns."""
    copies = [name for name in frame.index.names if name is not None and name in frame.columns]
    if len(copies) == frame.index.nlevels:
        return frame.reset_index(drop=True)
    return frame.droplevel(copies) if copies else frame


class ColumnWords(Wording):
    """Messages that use the user's column names.

    Examples
    --------
    >>> ColumnWords(ColumnNames(target_col="sales")).column("y", "df")
    "column 'sales' of df"
    """

    def __init__(self, names: ColumnNames) -> None:
        self._names = dict(zip(_OWN, names.names, strict=True))

    def own(self, name: str) -> str:
        """Return the user's name of a column."""
        return self._names.get(name, name)

    def column(self, name: str, frame: str | None = None) -> str:
        """Name a column, and its frame unless it is obvious."""
        return super().column(self._names.get(name, name), frame)

    def code(self, name: str, frame: str) -> str:
        """Return the code that selects a column."""
        return super().code(self._names.get(name, name), frame)

    def by_series(self, name: str, frame: str) -> str:
        """Return the code that groups a column by series."""
        return f'{frame}.groupby("{self._names["unique_id"]}")["{self._names.get(name, name)}"]'

    def without_missing(self, name: str, frame: str) -> str:
        """Return the code that drops the rows with a missing value."""
        return super().without_missing(self._names.get(name, name), frame)

    def masked(self, name: str) -> str:
        """Return the end of a sentence that says how to keep unobserved rows."""
        return super().masked(self._names.get(name, name))
