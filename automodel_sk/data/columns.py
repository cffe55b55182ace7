"""What a user calls the three columns of a long frame, and the way there and back."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from automodel_sk.data.wording import Wording, shown
from automodel_sk.exceptions import InvalidInputError

__all__ = ["ColumnNames", "ColumnWords"]

_OWN = ("unique_id", "ds", "y")
_ARGUMENTS = ("id_col", "time_col", "target_col")


@dataclass(frozen=True)
class ColumnNames:
    """A user's names for the columns of series, times and values.

    Parameters
    ----------
    id_col, time_col, target_col : str
        The names; those of Nixtla's libraries by default, which the engine uses.

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
        """Refuse names that are no texts, or one name for two columns."""
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
        """Whether a name is not the engine's own."""
        return self.names != _OWN

    def own(self, frame: pd.DataFrame, argument: str) -> pd.DataFrame:
        """Return a frame under the engine's names.

        Parameters
        ----------
        frame : DataFrame
            Under the user's names, or the engine's.
        argument : str
            What the frame was passed as, for messages.

        Raises
        ------
        InvalidInputError
            It has a column of each of the two names.
        """
        frame = _without_copies(frame)
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

    def check_present(self, frame: pd.DataFrame, argument: str) -> None:
        """Raise where a column that the user named is not there; all of them at once."""
        known = {*frame.columns, *frame.index.names}
        named = zip(self.names, _OWN, _ARGUMENTS, strict=True)
        missing = [f"{n!r} ({arg})" for n, own, arg in named if n != own and n not in known]
        if missing:
            raise InvalidInputError(
                f"{argument} has no column {' and no column '.join(missing)}; its columns are"
                f" {shown([str(name) for name in frame.columns])}"
            )

    def theirs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame of the engine under the user's names."""
        return frame.rename(columns=dict(zip(_OWN, self.names, strict=True)))


def _without_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame without the levels of its index that are columns, too."""
    copies = [name for name in frame.index.names if name is not None and name in frame.columns]
    if len(copies) == frame.index.nlevels:
        return frame.reset_index(drop=True)
    return frame.droplevel(copies) if copies else frame


class ColumnWords(Wording):
    """Messages in a user's names of columns.

    Examples
    --------
    >>> ColumnWords(ColumnNames(target_col="sales")).column("y", "df")
    "column 'sales' of df"
    """

    def __init__(self, names: ColumnNames) -> None:
        self._names = dict(zip(_OWN, names.names, strict=True))

    def column(self, name: str, frame: str | None = None) -> str:
        """Name a column; without its frame where that goes without saying."""
        return super().column(self._names.get(name, name), frame)

    def code(self, name: str, frame: str) -> str:
        """Return the code of a column."""
        return super().code(self._names.get(name, name), frame)

    def by_series(self, name: str, frame: str) -> str:
        """Return the code of a column, grouped by series."""
        return f'{frame}.groupby("{self._names["unique_id"]}")["{self._names.get(name, name)}"]'

    def without_missing(self, name: str, frame: str) -> str:
        """Return how to leave out the rows that lack a value."""
        return super().without_missing(self._names.get(name, name), frame)

    def masked(self, name: str) -> str:
        """Return how to keep rows that were not observed, as the end of a sentence."""
        return super().masked(self._names.get(name, name))
