"""Check that the rows of a panel are complete, distinct, sorted and evenly spaced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.frequency import infer_panel_frequency
from automodel_sk.data.panel import Panel
from automodel_sk.data.times.read import is_text
from automodel_sk.data.times.steps import later_times, parse_frequency
from automodel_sk.data.times.text_times import text_format
from automodel_sk.data.wording import show_time, shown, wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.validation.data.spacing import Spacing
from automodel_sk.validation.data.spacing_advice import report_spacing
from automodel_sk.validation.data.structure import Names
from automodel_sk.validation.data.values import count
from automodel_sk.validation.result import Findings

__all__ = ["check_keys", "check_rows", "gap_warnings", "read_panel"]


def read_panel(df: pd.DataFrame, names: Names, findings: Findings) -> Panel | None:
    """Return the panel, or add an error that says why the rows can't be read."""
    try:
        said = names.said
        panel = Panel.of(df[names.id].rename(said.id), df[names.time].rename(said.time))
    except InvalidInputError as exc:
        findings.error(str(exc))
        return None
    except TypeError:
        findings.error(
            f"column {said.id!r} holds values that can't name a series (first: "
            f"{shown(df[names.id].iloc[0])}); {_to_text(said.id)}"
        )
        return None
    if is_text(df[names.time]):
        findings.warn(_how_text_is_read(df[names.time].rename(said.time), panel))
    return panel


def _how_text_is_read(column: pd.Series, panel: Panel) -> str:
    """Say how a text column is read, and how to convert it if pandas has a format for it."""
    row = int((panel.ranks >= 0).argmax())
    example = f"{column.iloc[row]!r} as {show_time(panel.times[panel.ranks[row]])}"
    said = f"column {column.name!r} holds dates as text and is read as dates ({example})"
    written = text_format(column)
    if written is None:
        return said
    how = "" if written == "ISO8601" else f', format="{written}"'
    name = column.name
    converted = f'; convert it: df["{name}"] = pd.to_datetime(df["{name}"]{how})'
    plain = "" if written == "ISO8601" else f"; --date-format {written} says so"
    return f"{said}{wording().how(converted, plain)}"


def _to_text(name: str) -> str:
    """Say how names become text."""
    converted = f'convert it: df["{name}"] = df["{name}"].astype(str)'
    return wording().how(converted, "save it as a column of text")


def check_keys(panel: Panel, names: Names, findings: Findings) -> None:
    """Note rows without a name or a time, and names of several types."""
    words = wording()
    for name, numbers in ((names.id, panel.codes), (names.time, panel.ranks)):
        missing = numbers < 0
        n_missing = int(missing.sum())
        if n_missing:
            drop = f': df = df.dropna(subset=["{name}"])'
            findings.error(
                f"column {name!r} has {count(n_missing, 'missing value')}, first in "
                f"{panel.place(int(missing.argmax()))} (row {words.row(int(missing.argmax()))});"
                f" drop such rows{words.how(drop, ' in the file')}"
            )
    kinds = sorted({type(name).__name__ for name in panel.ids})
    if len(kinds) > 1:
        findings.error(
            f"column {names.id!r} mixes names of types {' and '.join(kinds)}, which have no "
            f"order; {_to_text(names.id)}"
        )
        return
    odd = [name for name in panel.ids[:1] if not _can_be_kept(name)]
    if odd:
        findings.error(
            f"column {names.id!r} holds names of type {kinds[0]} (first: {odd[0]!r}), which can't"
            f" be saved with a model; {_to_text(names.id)}"
        )
    broken = next((name for name in panel.ids if _is_broken(name)), None)
    if broken is not None:
        findings.error(
            f"column {names.id!r} names a series {ascii(broken)[:60]}, half of a surrogate pair,"
            f' which no file holds; convert it: df["{names.id}"] = df["{names.id}"].map(lambda'
            ' name: name.encode("utf-8", "replace").decode())'
        )


def _is_broken(name: Any) -> bool:
    """Return whether a text can't be encoded."""
    if not isinstance(name, str) or name.isascii():
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def _can_be_kept(name: Any) -> bool:
    """Return whether a series id is text, a number or a time."""
    kinds = (str, int, float, np.integer, np.floating, pd.Timestamp)
    return isinstance(name, kinds) and not isinstance(name, bool)


def check_rows(
    panel: Panel, freq: Any, names: Names, findings: Findings, h: int | None = None
) -> str | int | None:
    """Check the rows that have an id and a time; return their frequency if it is usable."""
    if not len(panel.codes):
        return None
    _check_order(panel, names, findings)
    step = _check_steps(panel, freq, names, findings)
    if step is None or h is None or panel.has_integer_times:
        return step
    try:
        later_times(panel.times[-1:], parse_frequency(step), h)
    except InvalidInputError as exc:
        findings.error(str(exc))
    return step


def _check_order(panel: Panel, names: Names, findings: Findings) -> None:
    """Add an error for duplicate or unsorted rows."""
    codes, ranks = panel.in_order
    twice = np.flatnonzero((codes[1:] == codes[:-1]) & (ranks[1:] == ranks[:-1]))
    if len(twice):
        first, words = int(twice[0]), wording()
        fix = f': df = df.drop_duplicates(["{names.id}", "{names.time}"], keep="last")'
        findings.error(
            f"columns {names.id!r} and {names.time!r} name {count(len(twice), 'row')} more than "
            f"once, first series {shown(panel.ids[codes[first]])} at "
            f"{show_time(panel.times[ranks[first]])}; keep one of each{words.how(fix, '')}"
            f"{_clock_change(panel.times[ranks[twice]])}"
        )
    if not panel.is_sorted:
        back = (panel.codes[1:] == panel.codes[:-1]) & (panel.ranks[1:] < panel.ranks[:-1])
        fix = f'; to silence this: df = df.sort_values(["{names.id}", "{names.time}"])'
        example = f", e.g. {panel.place(int(back.argmax()) + 1)}" if back.any() else ""
        findings.warn(
            f"the rows are not sorted by {names.id!r} and {names.time!r}{example}; they will be"
            f" sorted{wording().how(fix, '')}"
        )


def _clock_change(twice: pd.Index) -> str:
    """Name the likely cause if hours are duplicated only in the night of a Sunday."""
    if not isinstance(twice, pd.DatetimeIndex) or twice.tz is not None:
        return ""
    nightly = (twice.weekday == 6) & (twice.hour < 4) & (twice.minute < 60)
    within_autumn = twice.month.isin([3, 4, 9, 10, 11])
    if not bool((nightly & within_autumn).all()) or bool((twice == twice.normalize()).all()):
        return ""
    return (
        "; if it is the hour that clocks repeat when summer time ends, keep both in UTC: for each "
        'series, ds.dt.tz_localize("Europe/Berlin", ambiguous="infer").dt.tz_convert("UTC")'
    )


def _check_steps(panel: Panel, freq: Any, names: Names, findings: Findings) -> str | int | None:
    """Check the times against the frequency; return it if it is usable."""
    try:
        step: str | int = infer_panel_frequency(panel, names.time) if freq is None else freq
        spaced = Spacing.of(panel, step, names)
    except InvalidInputError as exc:
        findings.error(str(exc))
        return None
    except pd.errors.OutOfBoundsDatetime:
        drop = f', e.g. df = df[df["{names.time}"] < "2200"]'
        findings.error(
            f"column {names.time!r} holds dates out of range (from {panel.times[0]} to "
            f"{panel.times[-1]}); correct them{wording().how(drop, ' in the file')}"
        )
        return None
    report_spacing(spaced, findings, given=freq is not None)
    return step


def gap_warnings(panel: Panel, freq: str | int) -> list[str]:
    """Return the warnings about single gaps and uneven steps in rows that are otherwise valid.

    Examples
    --------
    >>> panel = Panel.of(pd.Series(["a"] * 4), pd.Series([1, 2, 4, 5]))
    >>> print(gap_warnings(panel, 1)[0])
    column 'ds' lacks 1 time at freq=1 in 1 series, first in series 'a' from 2 to 4; fill ...
    """
    findings, names = Findings(), Names().said
    report_spacing(Spacing.of(panel, freq, names), findings, given=True)
    return findings.warnings
