"""Check that the series are long enough for a horizon."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.data.held_out import least_rows
from automodel_sk.data.panel import Panel
from automodel_sk.data.wording import wording
from automodel_sk.validation.data.values import count
from automodel_sk.validation.result import Findings

__all__ = ["check_lengths", "checked_whole_number"]

_MOST_NAMES = 30


def checked_whole_number(value: Any, name: str, least: int, findings: Findings) -> int | None:
    """Return an integer; None if the value is missing, or invalid and an error was added."""
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
    findings: Findings,
    n_windows: int = 1,
    is_padded: bool = True,
) -> None:
    """Check the series' lengths against the horizon, the validation and the largest input size.

    Series too short for validation can still be forecast: they are padded, unless the configuration
    says otherwise. If nothing is held out, any length is enough.
    """
    if h is None or not len(panel.ids):
        return
    held_out = h if val_size is None else val_size
    if int(panel.lengths.max()) < held_out + 2:
        findings.error(_too_short(panel, h, held_out, n_windows))
        return
    least = least_rows(panel.lengths, h, held_out) if held_out else 1
    short = np.flatnonzero(panel.lengths < least)
    if len(short):
        findings.warn(_left_out(panel, short, least, h, held_out, is_padded))
    if input_size is not None and not (is_padded or _has_windows(panel, input_size, held_out)):
        findings.error(_no_windows(panel, input_size, held_out))
    elif input_size is not None:
        _note_padding(panel, h, input_size, held_out, findings, least, is_padded)


def _too_short(panel: Panel, h: int, held_out: int, n_windows: int) -> str:
    """Return an error that no series is long enough, and what to lower."""
    longest = int(panel.lengths.argmax())
    if not held_out:
        return (
            f"the longest of {count(len(panel.ids), 'series')}, {_named(panel, longest)}, has"
            f" {count(int(panel.lengths[longest]), 'row')}, which leaves nothing to learn from;"
            " pass at least one series of 2 rows or more"
        )
    if n_windows > 1:
        what, fix = f"n_windows={n_windows} with h={h}", "lower n_windows, step_size or h"
    else:
        what, fix = (
            f"h={h}" if held_out == h else f"h={h} and {_validation(held_out)}",
            "lower h",
        )
    return (
        f"{what} holds out {count(held_out, 'row')} at the end of each series for validation, and"
        f" needs at least 2 before them; the longest of {count(len(panel.ids), 'series')},"
        f" {_named(panel, longest)}, has {panel.lengths[longest]}; {fix}, or pass longer series,"
        " or a fixed configuration, which needs no validation"
    )


def _validation(held_out: int) -> str:
    """Return the size of the validation: an argument of the validator, and of nothing else."""
    return wording().how(f"val_size={held_out}", f"{count(held_out, 'row')} of validation")


def _left_out(
    panel: Panel,
    short: npt.NDArray[np.intp],
    least: int,
    h: int,
    held_out: int,
    is_padded: bool,
) -> str:
    """Return a warning about series too short for validation, and how they are used instead."""
    padded = ", padded with zeros at the start" if is_padded else ""
    return (
        f"{len(short)} of {count(len(panel.ids), 'series')} have fewer than the"
        f" {count(least, 'row')} that h={h} and {_validation(held_out)} need:"
        f" {_listed(panel, short)}; they are left out of validation but still forecast{padded};"
        " forecasts from so little history are inaccurate"
    )


def _note_padding(
    panel: Panel,
    h: int,
    input_size: int,
    held_out: int,
    findings: Findings,
    least: int,
    is_padded: bool,
) -> None:
    wanted = input_size + h + held_out
    short = np.flatnonzero((panel.lengths < wanted) & (panel.lengths >= least))
    if len(short):
        first = int(short[panel.lengths[short].argmin()])
        length = int(panel.lengths[first])
        room = length - h - held_out
        lower = f"; lower input_size to at most {room} for full windows" if room >= h else ""
        used = "they are padded with zeros at the start"
        if not is_padded:
            used = _not_padded(panel, input_size, held_out)
        held = f" and {_validation(held_out)}" if held_out else ""
        findings.warn(
            f"input_size={input_size}, the largest value to try, with h={h}{held} needs series of"
            f" {count(wanted, 'row')} for one full window; {len(short)} of"
            f" {count(len(panel.ids), 'series')} have fewer, the shortest {_named(panel, first)}"
            f" with {length}: {used}{lower}"
        )


def _not_padded(panel: Panel, input_size: int, held_out: int) -> str:
    """Say what becomes of short series that the configuration does not pad."""
    n_left_out = int((panel.lengths <= input_size + held_out).sum())
    used = "trains on windows of theirs whose horizon is incomplete"
    if n_left_out:
        training = "the trials' training" if held_out else "training"
        used = f"leaves {n_left_out} of them out of {training}, whose rows do not fill a window"
    return f"start_padding_enabled=False {used}; leave that parameter out to pad them"


def _has_windows(panel: Panel, input_size: int, held_out: int) -> bool:
    """Return whether series can be trained on without padding; upstream needs one window of all."""
    return int(panel.lengths.min()) >= input_size < int(panel.lengths.max()) - held_out


def _no_windows(panel: Panel, input_size: int, held_out: int) -> str:
    """Return an error that the configuration forbids to pad series that need it."""
    short = np.flatnonzero(panel.lengths < input_size)
    sizes = f"start_padding_enabled=False with input_size={input_size}, the largest value to try,"
    fix = "leave start_padding_enabled out to pad them, or lower input_size"
    if len(short):
        return (
            f"{sizes} needs {count(input_size, 'row')} of each series; {len(short)} of"
            f" {count(len(panel.ids), 'series')} have fewer: {_listed(panel, short)}; {fix}"
        )
    held = f" besides {count(held_out, 'row')} of validation" if held_out else ""
    return (
        f"{sizes} needs a series of {count(input_size + 1, 'row')}{held}; the longest has"
        f" {panel.lengths.max()}; {fix}"
    )


def _named(panel: Panel, code: int) -> str:
    return wording().name(panel.ids[code])


def _listed(panel: Panel, codes: npt.NDArray[np.intp]) -> str:
    """Return the ids of series; only the first few if there are many."""
    names = ", ".join(_named(panel, int(code)) for code in codes[:_MOST_NAMES])
    return f"[{names}]" if len(codes) <= _MOST_NAMES else f"[{names}, ...] ({len(codes)} in total)"
