"""Check that a value is a frame with the required columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.number_rule import nearest
from automodel_sk.validation.result import Findings

__all__ = ["Names", "check_columns", "is_frame", "list_of_names", "some"]


@dataclass(frozen=True)
class Names:
    """The column names of a long frame."""

    id: str = "unique_id"
    time: str = "ds"
    target: str = "y"

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
    if not isinstance(value, pd.DataFrame):
        findings.error(Frame(name).refusal(value))
        return False
    twice = value.columns[value.columns.duplicated()]
    if len(twice):
        findings.error(
            f"{name} has column {twice[0]!r} more than once; keep one, e.g. "
            f"{name} = {name}.loc[:, ~{name}.columns.duplicated()]"
        )
    if not len(value):
        findings.error(f"{name} has no rows; pass at least one series, e.g. 100 rows of it")
    return len(twice) == 0 and len(value) > 0


def check_columns(df: pd.DataFrame, names: Names, findings: Findings) -> bool:
    """Return whether the three columns exist; the error names the closest column."""
    wanted = {"id": names.id, "time": names.time, "target": names.target}
    missing = {role: name for role, name in wanted.items() if name not in df.columns}
    in_index = [name for name in missing.values() if name in df.index.names]
    if in_index:
        findings.error(
            f"{_quoted(in_index)} stands in the index instead of the columns; "
            "move it with df = df.reset_index()"
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
    return list(value)


def some(items: list[Any], limit: int = 5) -> str:
    """Return the first few items, and how many more there are."""
    shown = ", ".join(repr(item) for item in items[:limit])
    return f"[{shown}]" if len(items) <= limit else f"[{shown}, ...] ({len(items)} in all)"


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
    found = f"column {name!r} is missing, found {some(list(df.columns), 8)}"
    if candidate is not None:
        return f'{found}; rename it: df = df.rename(columns={{{candidate!r}: "{name}"}})'
    if role == "id":
        return f'{found}; for a single series add it: df["{name}"] = "series_1"'
    return f'{found}; rename the right one, e.g. df = df.rename(columns={{"old": "{name}"}})'


def _quoted(items: list[str]) -> str:
    return " and ".join(f"column {item!r}" for item in items)
