"""Whether the series are long enough for a horizon."""

from __future__ import annotations

from typing import Any

import numpy as np

from automodel_sk.data.panel import Panel
from automodel_sk.data.wording import wording
from automodel_sk.validation._structure import Names
from automodel_sk.validation._values import count
from automodel_sk.validation.result import Findings

__all__ = ["check_lengths", "whole_number"]


def whole_number(value: Any, name: str, least: int, findings: Findings) -> int | None:
    """Return a whole number, or None where it is left out or after noting that it is none."""
    if value is None:
        return None
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if is_whole and value >= least:
        return int(value)
    findings.error(
        f"{name} must be a whole number of at least {least}, got {value!r}; "
        f"try {name}={max(least, 12)}"
    )
    return None


def check_lengths(
    panel: Panel,
    h: int | None,
    input_size: int | None,
    val_size: int | None,
    names: Names,
    findings: Findings,
) -> None:
    """Hold the series' lengths against the horizon, the validation and the largest input."""
    held_out = val_size if val_size is not None else h or 0
    least = (h or 0) + held_out + 1
    if h is None:
        _note_single_rows(panel, names, findings)
        return
    short = np.flatnonzero(panel.lengths < least)
    if len(short):
        first = int(short[0])
        findings.error(
            f"h={h} and val_size={held_out} need series of at least {count(least, 'row')}; "
            f"{len(short)} of {count(len(panel.ids), 'series')} have fewer, first "
            f"{_named(panel, first)} with {panel.lengths[first]}; {_drop(least, names)}, or lower h"
        )
    if input_size is not None:
        _note_padding(panel, h, input_size, held_out, findings, least)


def _note_single_rows(panel: Panel, names: Names, findings: Findings) -> None:
    single = np.flatnonzero(panel.lengths == 1)
    if len(single):
        findings.error(
            f"{len(single)} of {count(len(panel.ids), 'series')} have a single row, first "
            f"{_named(panel, int(single[0]))}; a series needs at least 2 rows; {_drop(2, names)}"
        )


def _note_padding(
    panel: Panel, h: int, input_size: int, held_out: int, findings: Findings, least: int
) -> None:
    wanted = input_size + h + held_out
    short = np.flatnonzero((panel.lengths < wanted) & (panel.lengths >= least))
    if len(short):
        first = int(short[panel.lengths[short].argmin()])
        length = int(panel.lengths[first])
        findings.warn(
            f"input_size={input_size}, the largest to be tried, with h={h} and "
            f"val_size={held_out} needs series of {count(wanted, 'row')} for one full window; "
            f"{len(short)} of {count(len(panel.ids), 'series')} have fewer, the shortest "
            f"{_named(panel, first)} with {length}; pass start_padding_enabled=True, or lower "
            f"input_size to at most {length - h - held_out}"
        )


def _drop(least: int, names: Names) -> str:
    """Return how to drop the series that are too short."""
    return wording().without_short(least, names.id, names.time)


def _named(panel: Panel, code: int) -> str:
    return wording().name(panel.ids[code])
