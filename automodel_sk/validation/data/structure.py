"""Check that a value is a frame with the required columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.number_rule import nearest
from automodel_sk.data.wording import wording
from automodel_sk.validation.result import Findings

__all__ = ["Names", "check_columns", "is_frame", "list_of_names", "some"]


@dataclass(frozen=True)
class Names:
    """The column names of a long frame."""

    id: str = "unique_id"
    time: str = "ds"
    target: str = "y"

    @property
    def said(self) -> Names:
        """Return what the user calls the columns, for messages."""
        own = wording().own
        return Names(own(self.id), own(self.time), own(self.target))

    @property
    def keyword_hint(self) -> str:
        """Return the keyword arguments that Nixtla's functions need for other column names."""
        if (self.id, self.time) == ("unique_id", "ds"):
            return ""
        return f', id_col="{self.id}", time_col="{self.time}"'


_ALIASES = {
    "id": ("id", "series", "series_id", "item_id", "item", "name", "key", "group", "ticker"),
    "time": ("date", "time", "timestamp", "datetime", "day", "month", "period", "year", "t"),
    "target": ("value", "target", "values", "sales", "demand", "price", "close", "label"),
}

_INDEXES_OF_TIMES = (pd.MultiIndex, pd.DatetimeIndex, pd.PeriodIndex)


def is_frame(value: Any, name: str, findings: Findings) -> bool:
    """Return whether a value is a pandas frame with rows and distinct columns."""
    if not isinstance(value, pd.DataFrame) or value.columns.nlevels > 1:
        findings.error(Frame(name).refusal(value))
        return False
    words = wording()
    twice = value.columns[value.columns.duplicated()]
    if len(twice):
        keep = f", e.g. {name} = {name}.loc[:, ~{name}.columns.duplicated()]"
        findings.error(
            f"{words.frame(name)} has {words.column(twice[0])} more than once; keep one"
            f"{words.how(keep, ', or name each differently')}"
        )
    if not len(value):
        findings.error(
            f"{words.frame(name)} has no rows; pass at least one series, e.g. 100 rows of it"
        )
    return len(twice) == 0 and len(value) > 0


def check_columns(df: pd.DataFrame, names: Names, findings: Findings) -> bool:
    """Return whether the three columns exist; the error names the closest column."""
    wanted = {"id": names.id, "time": names.time, "target": names.target}
    missing = {role: name for role, name in wanted.items() if name not in df.columns}
    in_index = [name for name in missing.values() if name in df.index.names]
    if in_index:
        findings.error(
            f"{_quoted(in_index)} is in the index instead of the columns; move it with df ="
            " df.reset_index()"
        )
    elif "time" in missing and isinstance(df.index, _INDEXES_OF_TIMES):
        findings.error(_index_advice(df, names))
    else:
        taken = set(wanted.values())
        for role, name in missing.items():
            findings.error(_column_advice(df, role, name, taken))
    return not missing


def list_of_names(value: Any, parameter: str, findings: Findings) -> list[str]:
    """Return column names as a list; a single string is treated as a likely mistake."""
    if value is None:
        return []
    if isinstance(value, str):
        findings.error(
            f"{parameter} must be a list of column names, got {value!r}; try [{value!r}]"
        )
        return []
    if not isinstance(value, Iterable):
        findings.error(f'{parameter} must be a list of column names, got {value!r}; try ["price"]')
        return []
    names = list(value)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        findings.error(f"{parameter} names {twice[0]!r} more than once; name it once")
    return list(dict.fromkeys(names))


def some(items: list[Any], limit: int = 5) -> str:
    """Return the first few items, and how many more there are."""
    shown = ", ".join(repr(item) for item in items[:limit])
    return f"[{shown}]" if len(items) <= limit else f"[{shown}, ...] ({len(items)} in total)"


def _index_advice(df: pd.DataFrame, names: Names) -> str:
    """Say how to turn an index of times into a column."""
    if df.index.nlevels > 1:
        found = f"an index of {df.index.nlevels} levels named {list(df.index.names)}"
        fix = f'df.rename_axis(["{names.id}", "{names.time}"]).reset_index()'
        if df.index.nlevels > 2:
            fix = "df.reset_index(), then join the levels that name a series into one column"
    else:
        found = f"an index of type {type(df.index).__name__}"
        name = "series_1"
        fix = f'df.rename_axis("{names.time}").reset_index()'
        if names.id not in df.columns:
            fix += f'.assign({names.id}="{name}")'
    if names.target not in df.columns and len(df.columns) == 1:
        fix = fix.replace("df.", f'df.set_axis(["{names.target}"], axis=1).', 1)
    return f"column {names.time!r} is missing and the frame has {found}; move it: df = {fix}"


def _column_advice(df: pd.DataFrame, role: str, name: str, taken: set[str]) -> str:
    """Say which column to rename, or what to add."""
    free = [column for column in df.columns if column not in taken]
    by_lower = {str(column).lower(): column for column in free}
    known = next((by_lower[alias] for alias in _ALIASES[role] if alias in by_lower), None)
    candidate = known if known is not None else nearest(name, map(str, free))
    words = wording()
    option, own = f"{role}_col", words.own(name)
    found = f"{words.column(name)} is missing, found {words.columns(df.columns)}"
    if candidate is not None:
        rename = f'rename it: df = df.rename(columns={{{candidate!r}: "{own}"}})'
        return f"{found}; pass {option}={candidate!r}, or {rename}"
    if role == "id":
        single = f'for a single series add it: df["{own}"] = "series_1"'
        return f"{found}; name it with {option}=, or {single}"
    rename = f'rename the right one, e.g. df = df.rename(columns={{"old": "{own}"}})'
    return f"{found}; name yours with {option}=, or {rename}"


def _quoted(items: list[str]) -> str:
    return " and ".join(f"column {item!r}" for item in items)
