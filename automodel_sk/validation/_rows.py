"""Whether the rows of a panel are whole, distinct, in order and evenly spaced."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.offsets import BaseOffset

from automodel_sk.data.frequency import infer_panel_frequency
from automodel_sk.data.panel import Panel
from automodel_sk.data.text_times import text_format
from automodel_sk.data.time_grid import TimeGrid, parse_frequency
from automodel_sk.data.times import is_text, show_time
from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.validation._structure import Names
from automodel_sk.validation._values import count
from automodel_sk.validation.result import Findings

__all__ = ["check_keys", "check_rows", "read_panel"]

MAX_ODD_STEPS = 0.5
"""Share of steps that may differ from the frequency before it counts as wrong."""

MAX_UNEVEN_STEPS = 0.1
"""Share of steps that may be no whole number of the frequency's."""

IntArray = npt.NDArray[np.integer[Any]]


def read_panel(df: pd.DataFrame, names: Names, findings: Findings) -> Panel | None:
    """Return the numbered rows, or note why that can't be done."""
    try:
        panel = Panel.of(df[names.id], df[names.time])
    except InvalidInputError as exc:
        findings.error(str(exc))
        return None
    except TypeError:
        findings.error(
            f"column {names.id!r} holds values that can't name a series (first: "
            f'{df[names.id].iloc[0]!r}); convert it: df["{names.id}"] = '
            f'df["{names.id}"].astype(str)'
        )
        return None
    if is_text(df[names.time]):
        findings.warn(_how_text_is_read(df[names.time], panel))
    return panel


def _how_text_is_read(column: pd.Series, panel: Panel) -> str:
    """Say what text is taken for, and how to convert it where pandas has a format for it."""
    row = int((panel.ranks >= 0).argmax())
    example = f"{column.iloc[row]!r} as {show_time(panel.times[panel.ranks[row]])}"
    said = f"column {column.name!r} holds dates as text and is read as dates ({example})"
    written = text_format(column)
    if written is None:
        return said
    how = "" if written == "ISO8601" else f', format="{written}"'
    return f'{said}; convert it: df["{column.name}"] = pd.to_datetime(df["{column.name}"]{how})'


def check_keys(panel: Panel, names: Names, findings: Findings) -> None:
    """Note rows without a name or a time, and names of several types."""
    for name, numbers in ((names.id, panel.codes), (names.time, panel.ranks)):
        missing = numbers < 0
        n_missing = int(missing.sum())
        if n_missing:
            findings.error(
                f"column {name!r} has {count(n_missing, 'missing value')}, first in "
                f"{panel.place(int(missing.argmax()))} (row {int(missing.argmax())}); drop such "
                f'rows: df = df.dropna(subset=["{name}"])'
            )
    kinds = sorted({type(name).__name__ for name in panel.ids})
    if len(kinds) > 1:
        findings.error(
            f"column {names.id!r} mixes names of types {' and '.join(kinds)}, which have no "
            f'order; convert it: df["{names.id}"] = df["{names.id}"].astype(str)'
        )
        return
    odd = [name for name in panel.ids[:1] if not _can_be_kept(name)]
    if odd:
        findings.error(
            f"column {names.id!r} holds names of type {kinds[0]} (first: {odd[0]!r}), with which "
            f'a model can\'t be saved; convert it: df["{names.id}"] = '
            f'df["{names.id}"].astype(str)'
        )


def _can_be_kept(name: Any) -> bool:
    """Tell whether the name of a series is text, a number or a time."""
    kinds = (str, int, float, np.integer, np.floating, pd.Timestamp)
    return isinstance(name, kinds) and not isinstance(name, bool)


def check_rows(
    panel: Panel, freq: Any, names: Names, findings: Findings
) -> BaseOffset | int | None:
    """Check rows that have a name and a time; return their step where it can be worked with."""
    if not len(panel.codes):
        return None
    _check_order(panel, names, findings)
    return _check_steps(panel, freq, names, findings)


def _check_order(panel: Panel, names: Names, findings: Findings) -> None:
    """Note rows that occur twice or out of order."""
    codes, ranks = panel.in_order
    twice = np.flatnonzero((codes[1:] == codes[:-1]) & (ranks[1:] == ranks[:-1]))
    if len(twice):
        first = int(twice[0])
        findings.error(
            f"columns {names.id!r} and {names.time!r} name {count(len(twice), 'row')} more than "
            f"once, first series {shown(panel.ids[codes[first]])} at "
            f"{show_time(panel.times[ranks[first]])}; keep one of each: "
            f'df = df.drop_duplicates(["{names.id}", "{names.time}"], keep="last")'
        )
    if not panel.is_sorted:
        back = (panel.codes[1:] == panel.codes[:-1]) & (panel.ranks[1:] < panel.ranks[:-1])
        example = f", e.g. {panel.place(int(back.argmax()) + 1)}" if back.any() else ""
        findings.warn(
            f"the rows are not in order of {names.id!r} and {names.time!r}{example}; they will be "
            f'sorted; to silence this: df = df.sort_values(["{names.id}", "{names.time}"])'
        )


def _check_steps(
    panel: Panel, freq: Any, names: Names, findings: Findings
) -> BaseOffset | int | None:
    """Hold the times against the frequency; return it where it can be worked with."""
    try:
        step = freq if freq is not None else infer_panel_frequency(panel, names.time)
        spaced = _Spacing.of(panel, step, names)
    except InvalidInputError as exc:
        findings.error(str(exc))
        return None
    except pd.errors.OutOfBoundsDatetime:
        findings.error(
            f"column {names.time!r} holds dates out of range (from {panel.times[0]} to "
            f'{panel.times[-1]}); correct them, e.g. df = df[df["{names.time}"] < "2200"]'
        )
        return None
    spaced.report(findings, given=freq is not None)
    return parse_frequency(step)


@dataclass(frozen=True)
class _Spacing:
    """Pairs of successive rows that are not one step apart."""

    panel: Panel
    freq: str | int
    names: Names
    n_pairs: int
    codes: IntArray
    earlier: IntArray
    later: IntArray
    steps: npt.NDArray[np.float64]

    @classmethod
    def of(cls, panel: Panel, freq: Any, names: Names) -> _Spacing:
        """Compare each row with the one before it, by series."""
        step = parse_frequency(freq)
        grid = TimeGrid.of(panel.times, step)
        codes, ranks = panel.in_order
        pairs = codes[1:] == codes[:-1]
        pairs &= ranks[1:] != ranks[:-1]
        odd = grid.successors().astype(np.int32)[ranks[:-1]] != ranks[1:]
        odd &= pairs
        at = np.flatnonzero(odd)
        steps = grid.steps(ranks[at], ranks[at + 1])
        wrong = steps != 1
        at, steps = at[wrong], steps[wrong]
        shown = step if isinstance(step, int) else step.freqstr
        n_pairs = int(np.count_nonzero(pairs))
        return cls(panel, shown, names, n_pairs, codes[at], ranks[at], ranks[at + 1], steps)

    @cached_property
    def is_uneven(self) -> npt.NDArray[np.bool_]:
        """Mark the pairs that no whole number of steps joins."""
        return ~(self.steps > 1)

    def report(self, findings: Findings, given: bool) -> None:
        """Note a wrong frequency, uneven steps and gaps."""
        n_odd, n_uneven = len(self.steps), int(self.is_uneven.sum())
        if not n_odd:
            return
        advice = self._number_advice()
        if advice:
            findings.error(advice)
        elif n_odd > MAX_ODD_STEPS * self.n_pairs or n_uneven > MAX_UNEVEN_STEPS * self.n_pairs:
            findings.error(self._mismatch(given))
        else:
            self._report_singles(n_uneven, findings)

    def _report_singles(self, n_uneven: int, findings: Findings) -> None:
        """Note single uneven steps and gaps."""
        time = self.names.time
        if n_uneven:
            findings.warn(
                f"column {time!r} has {count(n_uneven, 'step')} of no whole number of "
                f"freq={self.freq!r}, first in {self._first(self.is_uneven)}; correct those "
                f'times, e.g. df["{time}"] = df["{time}"].dt.round("D")'
            )
        gaps = ~self.is_uneven
        if gaps.any():
            n_missing = int((self.steps[gaps] - 1).sum())
            n_series = len(np.unique(self.codes[gaps]))
            findings.warn(
                f"column {time!r} lacks {count(n_missing, 'time')} at freq={self.freq!r} in "
                f"{count(n_series, 'series')}, first in {self._first(gaps)}; fill them: df = "
                f"utilsforecast.preprocessing.fill_gaps(df, freq={self._quoted(self.freq)}"
                f'{self.names.keyword_hint}, end="per_serie"), then fill {self.names.target!r}'
            )

    def _mismatch(self, given: bool) -> str:
        """Say that the frequency is wrong, and which one is right."""
        share = len(self.steps) / self.n_pairs
        integers = self.panel.has_integer_times
        source = (
            ", the default for whole numbers," if integers else ", taken from the longest series,"
        )
        found = (
            f"freq={self.freq!r}{'' if given else source} does not fit "
            f"column {self.names.time!r}: {share:.0%} of its steps differ, first in "
            f"{self._first(np.ones(len(self.steps), dtype=bool))}"
        )
        better = self._better()
        if better is not None:
            return f"{found}; pass freq={self._quoted(better)}"
        return f"{found}; pass the right one, or split the frame into series of one frequency each"

    def _better(self) -> str | int | None:
        """Return a frequency that fits more steps than this one."""
        try:
            guess = self._commonest() if self.panel.has_integer_times else self._inferred()
        except InvalidInputError:
            return None
        if guess == self.freq:
            return None
        n_odd = len(_Spacing.of(self.panel, guess, self.names).steps)
        return guess if n_odd < len(self.steps) else None

    def _inferred(self) -> str | int:
        return infer_panel_frequency(self.panel, self.names.time)

    def _commonest(self) -> int:
        """Return the commonest distance of whole-number times that stand apart."""
        apart = self.panel.times.to_numpy()[self.later] - self.panel.times.to_numpy()[self.earlier]
        values, counts = np.unique(apart, return_counts=True)
        return int(values[counts.argmax()])

    def _number_advice(self) -> str | None:
        """Recognise whole numbers that are dates in disguise."""
        if not self.panel.has_integer_times:
            return None
        low, high = int(self.panel.times[0]), int(self.panel.times[-1])
        name = self.names.time
        for (least, most), found, conversion in _DISGUISES:
            if least <= low and high <= most:
                return (
                    f"column {name!r} holds whole numbers that look like {found} (first: {low}); "
                    f'convert it: df["{name}"] = pd.to_datetime(df["{name}"]{conversion})'
                )
        return None

    def _first(self, chosen: npt.NDArray[np.bool_]) -> str:
        """Return the first of the chosen pairs, for a message."""
        at = int(chosen.argmax())
        start, end = (self.panel.times[ranks[at]] for ranks in (self.earlier, self.later))
        name = shown(self.panel.ids[self.codes[at]])
        return f"series {name} from {show_time(start)} to {show_time(end)}"

    @staticmethod
    def _quoted(freq: str | int) -> str:
        return f'"{freq}"' if isinstance(freq, str) else str(freq)


_DISGUISES = (
    ((190001, 220012), "year and month", '.astype(str), format="%Y%m"'),
    ((19000101, 22001231), "year, month and day", '.astype(str), format="%Y%m%d"'),
    ((10**9, 5 * 10**9), "seconds since 1970", ', unit="s"'),
    ((10**12, 5 * 10**12), "milliseconds since 1970", ', unit="ms"'),
    ((10**18, 5 * 10**18), "nanoseconds since 1970", ', unit="ns"'),
)
