"""Messages about unevenly spaced rows, and how to fix them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from automodel_sk.data.frequency import infer_panel_frequency, monthly_advice
from automodel_sk.data.panel import Panel
from automodel_sk.data.times.number_times import dates_as_numbers, epoch_as_numbers
from automodel_sk.data.wording import show_time, shown, wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.validation.data.spacing import MAX_ODD_STEPS, Spacing
from automodel_sk.validation.data.values import count
from automodel_sk.validation.result import Findings

__all__ = ["report_spacing"]

MAX_UNEVEN_STEPS = 0.1
"""Share of steps that may be no whole number of the frequency's."""

_MOST_SERIES_LOOKED_AT = 20
_LEAST_ROWS = 4
_LEAST_SHARE = 0.9


def report_spacing(spaced: Spacing, findings: Findings, *, given: bool) -> None:
    """Report dates given as integers, wrong or mixed frequencies, uneven steps and gaps."""
    n_odd, n_uneven = len(spaced.steps), int(spaced.is_uneven.sum())
    error = _of_numbers(spaced, given)
    if error is None and n_odd:
        error = _of_jumps(spaced) or _of_two_frequencies(spaced)
    if error is None and (
        n_odd > MAX_ODD_STEPS * spaced.n_pairs or n_uneven > MAX_UNEVEN_STEPS * spaced.n_pairs
    ):
        error = _mismatch(spaced, given)
    if error is not None:
        findings.error(error)
    elif n_odd:
        _note_singles(spaced, n_uneven, findings)


def _of_numbers(spaced: Spacing, given: bool) -> str | None:
    """Report integers that encode dates, even if their steps look regular.

    A given frequency states that they are plain numbers; then only gaps contradict it.
    """
    panel = spaced.panel
    if not panel.has_integer_times or (given and not len(spaced.steps)):
        return None
    name = spaced.names.time
    column = f'df["{name}"]'
    found = dates_as_numbers(panel.times, column)
    way_out = "if they are plain numbers, pass freq=1"
    if given:  # as plain numbers, which have gaps
        way_out = "if they are plain numbers, number the steps of each series without gaps"
    if found is None and not given and len(spaced.steps) > MAX_ODD_STEPS * spaced.n_pairs:
        found = epoch_as_numbers(panel.times, column)
        way_out = f"to use them as plain numbers, pass freq={_commonest(spaced)}"
    if found is None:
        return None
    converted = f"convert it: {column} = {found[1]}"
    written = "write them as 2024-01-31"
    code = re.search('format="([^"]+)"', found[1])
    if code is not None and code[1] != "%G%V%u":  # which has the day added
        written += f", or say how they are written: --date-format {code[1]}"
    return (
        f"column {name!r} holds whole numbers that look like {found[0]} (first: "
        f"{panel.times[0]}); {wording().how(converted, written)}; {way_out}"
    )


def _of_jumps(spaced: Spacing) -> str | None:
    """Report a time far from all others, such as the year 9999 for an open end."""
    if not spaced.is_jump.any():
        return None
    panel, name = spaced.panel, spaced.names.time
    at = int(spaced.is_jump.argmax())
    later = int(spaced.later[at])
    end_is_odd = len(panel.times) - later <= later
    odd = panel.times[later if end_is_odd else spaced.earlier[at]]
    sign, told = ("<" if end_is_odd else ">"), show_time(odd)
    value = told if panel.has_integer_times else f'"{told}"'
    drop = f': df = df[df["{name}"] {sign} {value}]'
    return (
        f"column {name!r} jumps in {spaced.first(spaced.is_jump)}, much further than the range of"
        f" its other times; correct that time, or drop such rows{wording().how(drop, '')}"
    )


def _of_two_frequencies(spaced: Spacing) -> str | None:
    """Report that some series have another frequency than the rest."""
    panel = spaced.panel
    shares = spaced.odd_share_by_series
    if not (shares[panel.lengths > 1] <= MAX_ODD_STEPS).any():
        return None
    suspects = np.flatnonzero((shares > MAX_ODD_STEPS) & (panel.lengths >= _LEAST_ROWS))
    for code in suspects[:_MOST_SERIES_LOOKED_AT]:
        other = _own_frequency(spaced, int(code))
        if other is not None:
            return _two_frequencies(spaced, int(code), other)
    return None


def _own_frequency(spaced: Spacing, code: int) -> str | int | None:
    """Return the frequency of one series by itself, or None."""
    times = spaced.panel.times_of(code)
    if spaced.panel.has_integer_times:
        steps, counts = np.unique(np.diff(times.to_numpy()), return_counts=True)
        fits = counts.max() >= _LEAST_SHARE * counts.sum()
        return int(steps[counts.argmax()]) if fits else None
    numbers = np.arange(len(times), dtype=np.int32)
    alone = Panel(spaced.panel.ids[[code]], np.zeros(len(times), np.int32), times, numbers)
    try:
        found = infer_panel_frequency(alone)
        n_odd = len(Spacing.of(alone, found, spaced.names).steps)
    except InvalidInputError:
        return None
    return found if n_odd <= (1 - _LEAST_SHARE) * (len(times) - 1) else None


def _two_frequencies(spaced: Spacing, code: int, other: str | int) -> str:
    names, ids = spaced.names, spaced.panel.ids
    even = (spaced.odd_share_by_series <= MAX_ODD_STEPS) & (spaced.panel.lengths > 1)
    kept = int(even.argmax())
    coarser = (
        other if (spaced.steps[spaced.codes == code] > 1).mean() > MAX_ODD_STEPS else spaced.freq
    )
    words, chosen = wording(), f', e.g. df[df["{names.id}"] == {shown(ids[code])}]'
    said = (
        f"column {names.time!r} holds series of two frequencies: {shown(ids[kept])} keeps "
        f"freq={spaced.freq!r}, {shown(ids[code])} keeps freq={other!r}; split the "
        f"{words.how('frame', 'file')} and fit a model for each{words.how(chosen, '')}"
    )
    if spaced.panel.has_integer_times:
        return said
    summed = (
        f': df.groupby(["{names.id}", pd.Grouper(key="{names.time}", '
        f'freq="{coarser}")])["{names.target}"].sum().reset_index()'
    )
    return f"{said}, or aggregate the finer one{words.how(summed, f' to steps of {coarser}')}"


def _note_singles(spaced: Spacing, n_uneven: int, findings: Findings) -> None:
    """Report single uneven steps and gaps."""
    time = spaced.names.time
    if n_uneven:
        rounded = f', e.g. df["{time}"] = df["{time}"].dt.round("D")'
        findings.warn(
            f"column {time!r} has {count(n_uneven, 'step')} of no whole number of "
            f"freq={spaced.freq!r}, first in {spaced.first(spaced.is_uneven)}; correct those "
            f"times{wording().how(rounded, ' in the file')}"
        )
    gaps = ~spaced.is_uneven
    if gaps.any():
        n_missing = int((spaced.steps[gaps] - 1).sum())
        n_series = len(np.unique(spaced.codes[gaps]))
        findings.warn(
            f"column {time!r} lacks {count(n_missing, 'time')} at freq={spaced.freq!r} in "
            f"{count(n_series, 'series')}, first in {spaced.first(gaps)}; {_filling(spaced)}"
        )


def _filling(spaced: Spacing) -> str:
    """Return the code that fills gaps."""
    code = (
        f"fill them: df = utilsforecast.preprocessing.fill_gaps(df, freq={_quoted(spaced.freq)}"
        f'{spaced.names.keyword_hint}, end="per_serie"), then fill {spaced.names.target!r}'
    )
    plain = "add a row for each missing time and fill its value"
    return f"{wording().how(code, plain)}, or fit with fill_gaps='zero', 'ffill' or 'interpolate'"


def _mismatch(spaced: Spacing, given: bool) -> str:
    """Say that the frequency is wrong and which one fits, or that most rows are missing."""
    name, share = spaced.names.time, len(spaced.steps) / spaced.n_pairs
    monthly = _monthly(spaced)
    if monthly is not None:
        return monthly
    integers = spaced.panel.has_integer_times
    source = ", the default for whole numbers," if integers else ", taken from the longest series,"
    found = (
        f"freq={spaced.freq!r}{'' if given else source} does not fit column {name!r}: {share:.0%} "
        f"of its steps differ, first in {spaced.first(np.ones(len(spaced.steps), dtype=bool))}"
    )
    better = _better(spaced)
    if better is not None:
        return f"{found}; pass freq={_quoted(better)}"
    if not spaced.is_uneven.any():
        return f"{found}, each by whole steps: rows are missing; {_filling(spaced)}"
    return f"{found}; pass the right one, or split the frame into series of one frequency each"


def _monthly(spaced: Spacing) -> str | None:
    """Report that the longest series has its times on one day of each month."""
    panel = spaced.panel
    if panel.has_integer_times:
        return None
    longest = panel.times_of(int(panel.lengths.argmax()))
    return monthly_advice(pd.DatetimeIndex(longest), spaced.names.time)


def _better(spaced: Spacing) -> str | int | None:
    """Return a frequency that fits more steps than this one."""
    panel, names = spaced.panel, spaced.names
    try:
        guess = (
            _commonest(spaced)
            if panel.has_integer_times
            else infer_panel_frequency(panel, names.time)
        )
    except InvalidInputError:
        return None
    if guess == spaced.freq:
        return None
    n_odd = len(Spacing.of(panel, guess, names).steps)
    return guess if n_odd < len(spaced.steps) else None


def _commonest(spaced: Spacing) -> int:
    """Return the most common distance between integer times that are not neighbours."""
    times = spaced.panel.times.to_numpy()
    values, counts = np.unique(times[spaced.later] - times[spaced.earlier], return_counts=True)
    return int(values[counts.argmax()])


def _quoted(freq: str | int) -> str:
    return f'"{freq}"' if isinstance(freq, str) else str(freq)
