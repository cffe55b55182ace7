"""Check that exogenous columns exist, hold numbers and cover the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.offsets import BaseOffset

from automodel_sk.arguments.number_rule import nearest
from automodel_sk.data.calendar import is_calendar
from automodel_sk.data.panel import BoolArray, IntArray, Panel
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.data.times.read import read_time_column
from automodel_sk.data.times.steps import later_times
from automodel_sk.data.wording import shown, wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.validation.data.structure import Names, is_frame, list_of_names, some
from automodel_sk.validation.data.values import (
    check_finite,
    check_text,
    count,
    is_text,
    read_numbers,
)
from automodel_sk.validation.result import Findings

__all__ = ["Exogenous", "check_future", "check_static", "check_temporal"]


@dataclass(frozen=True)
class Exogenous:
    """Names of the exogenous columns, by kind."""

    futr: list[str]
    hist: list[str]
    stat: list[str]
    categories: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, futr: Any, hist: Any, stat: Any, findings: Findings, categories: Any = ()
    ) -> Exogenous:
        """Read the lists of names, with an error for each invalid one; categories may be text."""
        return cls(
            list_of_names(futr, "futr_exog_list", findings),
            list_of_names(hist, "hist_exog_list", findings),
            list_of_names(stat, "stat_exog_list", findings),
            tuple(categories),
        )


def check_temporal(
    df: pd.DataFrame,
    exogenous: Exogenous,
    panel: Panel | None,
    names: Names,
    findings: Findings,
    used: BoolArray | None,
) -> None:
    """Check the exogenous columns that vary over time."""
    both = sorted(set(map(str, exogenous.futr)) & set(map(str, exogenous.hist)))
    if both:
        findings.error(
            f"column {both[0]!r} is named in futr_exog_list and in hist_exog_list; keep it in "
            "futr_exog_list if its future is known, else in hist_exog_list"
        )
    keys = (names.id, names.time, names.target)
    renamed = {wording().own(name) for name in keys} - {*map(str, df.columns)}
    reserved = {*keys, *renamed, MASK, WEIGHT}
    for parameter, columns in (
        ("futr_exog_list", exogenous.futr),
        ("hist_exog_list", exogenous.hist),
    ):
        free = [column for column in columns if column not in reserved]
        for column in set(columns) - set(free):
            findings.error(
                f"{parameter} names {column!r}, which is {_role(column)}; leave it out of"
                f" {parameter}"
            )
        _check_columns(df, free, parameter, "df", panel, findings, used, exogenous.categories)
    _note_unused(df, {*reserved, *exogenous.futr, *exogenous.hist}, findings)


def _role(column: Any) -> str:
    """Return why a reserved column can't be exogenous."""
    if column == MASK:
        return "the mask of observed rows, used by that name"
    return (
        "the weight of each row, used by that name" if column == WEIGHT else "a key or the target"
    )


def check_static(
    static_df: Any, exogenous: Exogenous, panel: Panel | None, names: Names, findings: Findings
) -> None:
    """Check the frame of static features against the series; unused columns are warned of."""
    words = wording()
    if static_df is None:
        if exogenous.stat:
            findings.error(
                f"stat_exog_list names {exogenous.stat[0]!r} and"
                f" {words.how('static_df', '--static')} is missing; pass "
                f"{words.how('static_df', '--static with a file of')} one row per series with"
                f" columns {[words.own(names.id), *exogenous.stat]}"
            )
        return
    if not is_frame(static_df, "static_df", findings):
        return
    if names.id not in static_df.columns:
        findings.error(_without_key(static_df, names.id, "static_df"))
        return
    _check_columns(
        static_df,
        exogenous.stat,
        "stat_exog_list",
        "static_df",
        None,
        findings,
        None,
        exogenous.categories,
    )
    if panel is not None and exogenous.stat:
        _check_static_ids(static_df[names.id], panel, names, findings)
    unused = [c for c in static_df.columns if c != names.id and c not in exogenous.stat]
    if unused:
        findings.warn(
            f"columns {some(unused)} of {words.frame('static_df')} are not used; name them in"
            f" stat_exog_list=[{unused[0]!r}], or drop them"
        )


def _without_key(frame: pd.DataFrame, key: str, frame_name: str) -> str:
    """Return that the column of series or of times is missing."""
    words = wording()
    own = words.own(key)
    renamed = f'{frame_name}.rename(columns={{"old": "{own}"}})'
    code = f"rename the right one: {frame_name} = {renamed}"
    return (
        f"{words.column(key)} is missing in {words.frame(frame_name)}, found "
        f"{words.columns(frame.columns, 5)}; "
        f"{words.how(code, f'give the right one the name {own!r} in that file')}"
    )


def check_future(
    futr_df: Any,
    exogenous: Exogenous,
    panel: Panel,
    h: int | None,
    step: BaseOffset | int | None,
    names: Names,
    findings: Findings,
) -> None:
    """Check that the future frame holds the next h rows of each series."""
    if futr_df is None or not is_frame(futr_df, "futr_df", findings):
        return
    missing = [name for name in (names.id, names.time) if name not in futr_df.columns]
    if missing:
        findings.error(_without_key(futr_df, missing[0], "futr_df"))
        return
    if names.target in futr_df.columns:
        words = wording()
        target = words.own(names.target)
        drop = words.how(f': futr_df = futr_df.drop(columns="{target}")', " from the file")
        findings.error(
            f"{words.frame('futr_df')} holds the target {target!r}, which is the value to"
            f" forecast; drop it{drop}"
        )
    places, used = _panel_of(futr_df, names), None
    if h is not None and step is not None:
        used = _check_future_rows(futr_df, panel, h, step, names, findings)
    _check_columns(
        futr_df,
        exogenous.futr,
        "futr_exog_list",
        "futr_df",
        places,
        findings,
        used,
        exogenous.categories,
    )


def _check_columns(
    frame: pd.DataFrame,
    columns: list[str],
    parameter: str,
    frame_name: str,
    panel: Panel | None,
    findings: Findings,
    used: BoolArray | None,
    categories: tuple[str, ...] = (),
) -> None:
    """Check that columns exist and hold finite numbers, or text for categories."""
    for column in columns:
        if column not in frame.columns:
            findings.error(_lacking(column, frame, parameter, frame_name))
            continue
        found = _of_categories(frame[column]) if column in categories else frame[column]
        if column in categories and is_text(found):
            check_text(found, panel, findings, used=used, frame=frame_name)
            continue
        values = read_numbers(_as_zero_and_one(found), findings, frame_name)
        if values is not None:
            check_finite(values, str(column), panel, findings, used=used, frame=frame_name)


def _of_categories(column: pd.Series) -> pd.Series:
    """Return the values of pandas' categories, which may be numbers; other columns unchanged."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    categories = pd.Series(column.cat.categories, name=column.name)
    return categories.reindex(column.cat.codes)


def _lacking(column: str, frame: pd.DataFrame, parameter: str, frame_name: str) -> str:
    """Return that a column isn't there, and which could be meant."""
    words = wording()
    keys = {words.own(key) for key in ("unique_id", "ds", "y")} | {"unique_id", "ds", "y"}
    free = [str(name) for name in frame.columns if name not in keys]
    if column in keys:
        fix = f"that is {_role(column)}: leave it out of {parameter}"
    elif (like := nearest(str(column), free)) is not None:
        fix = f"did you mean {like!r}?"
    elif free:
        fix = f"name one of those, add its known values, or leave it out of {parameter}"
    else:
        fix = f"add a column of its known values, or leave it out of {parameter}"
    return (
        f"{parameter} names {column!r}, which {words.frame(frame_name)} lacks "
        f"(it has {words.columns(frame.columns)}); {fix}"
    )


def _as_zero_and_one(column: pd.Series) -> pd.Series:
    """Convert booleans to numbers, which is what models accept."""
    return column.astype(float) if pd.api.types.is_bool_dtype(column.dtype) else column


def _note_unused(df: pd.DataFrame, used: set[Any], findings: Findings) -> None:
    """Warn about columns in none of the lists, and say how to use them."""
    unused = [c for c in df.columns if c not in used and not is_calendar(c)]
    if unused:
        drop = f"or drop them: df = df.drop(columns={list(unused[:5])!r})"
        findings.warn(
            f"columns {some(unused)} are not used; name those whose future is known in "
            f"futr_exog_list=[{unused[0]!r}], others in hist_exog_list=[{unused[-1]!r}], "
            f"{wording().how(drop, 'or leave them as they are')}"
        )


def _check_static_ids(ids: pd.Series, panel: Panel, names: Names, findings: Findings) -> None:
    """Check that each series has one row of static features."""
    words = wording()
    key, static, df = words.own(names.id), words.frame("static_df"), words.frame("df")
    twice, quoted = ids[ids.duplicated()], f'"{key}"'
    if len(twice):
        findings.error(
            f"{static} has {count(len(twice), 'row')} too many, first for series "
            f"{shown(twice.iloc[0])}; keep one per series"
            f"{words.how(f': static_df = static_df.drop_duplicates({quoted})', '')}"
        )
    lacking = panel.ids[~panel.ids.isin(ids)]
    if 0 < len(lacking) == len(panel.ids) and len(ids):
        findings.error(
            f"{static} names none of the series: its {key!r} begin with "
            f"{shown(ids.iloc[0])}, those of {df} with {shown(panel.ids[0])}; "
            f"{_one_type('static_df', key)}"
        )
    elif len(lacking):
        findings.error(
            f"{static} lacks {len(lacking)} of {count(len(panel.ids), 'series')}, first "
            f"{shown(lacking[0])}; add one row for each"
        )


def _check_future_rows(
    futr_df: pd.DataFrame,
    panel: Panel,
    h: int,
    step: BaseOffset | int,
    names: Names,
    findings: Findings,
) -> BoolArray | None:
    """Find the next h times of each series in the future frame, and return their rows."""
    try:
        times = read_time_column(futr_df[names.time].rename(wording().own(names.time)))
    except InvalidInputError as exc:
        findings.error(f"{wording().frame('futr_df')}: {exc}")
        return None
    if _kind(times) != _kind(panel.times):
        words = wording()
        findings.error(
            f"{words.column(names.time, 'futr_df')} holds {_kind(times)}, that of "
            f"{words.frame('df')} holds {_kind(panel.times)}; "
            f"{_one_type('futr_df', words.own(names.time))}"
        )
        return None
    codes = panel.ids.get_indexer(pd.Index(futr_df[names.id]))
    if (codes < 0).all():
        _note_other_ids(futr_df[names.id], panel, names, findings)
        return None
    _note_twice(codes, times, panel, names, findings)
    return _note_lacking(_expected(panel, h, step), codes, times, panel, h, findings)


def _note_other_ids(ids: pd.Series, panel: Panel, names: Names, findings: Findings) -> None:
    """Note that a future frame names none of the series, and of what types the names are."""
    words = wording()
    key = words.own(names.id)
    findings.error(
        f"{words.frame('futr_df')} names none of the series: its {key!r} begin with"
        f" {shown(ids.iloc[0])} ({_type(ids.iloc[0])}), those of {words.frame('df')} with"
        f" {shown(panel.ids[0])} ({_type(panel.ids[0])}); {_one_type('futr_df', key)}"
    )


def _one_type(frame: str, column: str) -> str:
    """Say how to bring a column to the type that it has in the series' frame."""
    code = f'{frame}["{column}"] = {frame}["{column}"].astype(df["{column}"].dtype)'
    plain = "write them the same way in both files"
    return wording().how(f"convert both to one type, e.g. {code}", plain)


def _type(name: Any) -> str:
    if isinstance(name, str):
        return "text"
    return "a whole number" if isinstance(name, (int, np.integer)) else type(name).__name__


def _note_twice(
    codes: IntArray, times: pd.Index, panel: Panel, names: Names, findings: Findings
) -> None:
    """Add an error for series with duplicate times in the future frame."""
    twice = np.flatnonzero(pd.DataFrame({"series": codes, "time": times}).duplicated())
    twice = twice[codes[twice] >= 0]
    if len(twice):
        first, words = twice[0], wording()
        keys = f'["{words.own(names.id)}", "{words.own(names.time)}"]'
        findings.error(
            f"{words.frame('futr_df')} has {count(len(twice), 'row')} of a series and a time that"
            f" it has already, first {_at(panel, codes[first], times[first])}; keep one"
            f"{words.how(f': futr_df = futr_df.drop_duplicates({keys})', ' of each')}"
        )


def _expected(panel: Panel, h: int, step: BaseOffset | int) -> tuple[IntArray, pd.Index]:
    """Return the last time of each series by number, and the h times that follow it."""
    _, ranks = panel.in_order
    last = ranks[np.cumsum(panel.lengths) - 1]
    distinct, number = np.unique(last, return_inverse=True)
    starts = panel.times[distinct]
    after = [later_times(starts, step, k) for k in range(1, h + 1)]
    return number, after[0].append(after[1:])


def _note_lacking(
    expected: tuple[IntArray, pd.Index],
    codes: IntArray,
    times: pd.Index,
    panel: Panel,
    h: int,
    findings: Findings,
) -> BoolArray:
    """Add an error for series and times missing in the future frame; return the rows needed."""
    number, wanted = expected
    n_last = len(wanted) // h
    known = wanted.unique()
    places = known.get_indexer(wanted).reshape(h, n_last)
    keys = np.arange(len(panel.ids))[:, None] * len(known) + places[:, number].T
    at = known.get_indexer(times)
    given = (codes * len(known) + at)[(codes >= 0) & (at >= 0)]
    lacking = ~np.isin(keys, given)
    needed: BoolArray = (codes >= 0) & (at >= 0)
    needed[needed] = np.isin(given, keys)
    if lacking.any():
        series, k = np.unravel_index(int(lacking.argmax()), lacking.shape)
        when = known[places[k, number[series]]]
        findings.error(
            f"{wording().frame('futr_df')} lacks {count(int(lacking.sum()), 'row')} in "
            f"{count(int(lacking.any(axis=1).sum()), 'series')}, first "
            f"{_at(panel, int(series), when)}; it needs each of the {h} times "
            "after the end of each series"
        )
    return needed


def _panel_of(futr_df: pd.DataFrame, names: Names) -> Panel | None:
    """Return the panel of a future frame, or None if its ids or times can't be read."""
    try:
        return Panel.of(futr_df[names.id], futr_df[names.time])
    except (InvalidInputError, TypeError):
        return None


def _at(panel: Panel, code: int, time: Any) -> str:
    """Format a series and a time for a message."""
    name, words = panel.ids[code], wording()
    return f"{words.series(name)} at {words.time(name, time)}"


def _kind(times: pd.Index) -> str:
    """Return the kind of these times."""
    if not isinstance(times, pd.DatetimeIndex):
        return "whole numbers"
    return f"dates of time zone {times.tz}" if times.tz else "dates without a time zone"
