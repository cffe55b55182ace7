"""Read the attributes that a study adds to Optuna's own fields, without trusting them.

Others may have written to a study in shared storage. Each attribute is read by one function here,
which treats a value of the wrong type or size as missing. A corrupt trial therefore affects only
itself, and no trial can change more of a model than its search space allows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial, Trial

from automodel_sk.training.memory import no_larger
from automodel_sk.training.pace import STEPS, no_more_steps
from automodel_sk.trials import FAILURES, FailureKind

__all__ = [
    "FITTED_TO_SLOT",
    "NOTES",
    "PLANNED_REPORTS",
    "RETRIED_WITH",
    "attach",
    "attachment_of",
    "changes_of",
    "count_of",
    "failure_of",
    "json_of",
    "note_changes",
    "notes_of",
    "reason_of",
    "retried_with",
    "seconds_of",
    "steps_of",
]

NOTES = "notes"
"""Trial attribute: what a member notes about its forecasts."""

RETRIED_WITH = "retried_with"
"""Trial attribute: the smaller batches that a further attempt is trained with."""

FITTED_TO_SLOT = "fitted_to_slot"
"""Trial attribute: the steps, and steps between validations, that fit into its time slot."""

PLANNED_REPORTS = "planned_reports"
"""Trial attribute: how many reports a trial of several models makes unless it ends early."""

_LONGEST_REASON = 2000
_MOST_NOTES = 20
_MOST_STEPS = 1_000_000
_LONGEST_TRIAL = 1e9

_PIECES = "attached"
_LONGEST_PIECE = 50_000
"""MySQL's text columns hold 65,535 bytes."""

_MOST_PIECES = 100


def retried_with(trial: Trial | FrozenTrial, config: Mapping[str, Any]) -> dict[str, int]:
    """Return an earlier attempt's changes to a trial's configuration: smaller batches.

    Parameters
    ----------
    trial : optuna.trial.Trial or FrozenTrial
        A trial of any study.
    config : mapping
        Its configuration as drawn.
    """
    noted = trial.user_attrs.get(RETRIED_WITH)
    return no_larger(noted, config) if isinstance(noted, Mapping) else {}


def changes_of(trial: Trial | FrozenTrial, config: Mapping[str, Any]) -> dict[str, int]:
    """Return all changes to a trial's configuration: smaller batches, and steps that fit.

    Parameters
    ----------
    trial, config
        As in `retried_with`.
    """
    noted = trial.user_attrs.get(FITTED_TO_SLOT)
    fewer = no_more_steps(noted, config) if isinstance(noted, Mapping) else {}
    return {**retried_with(trial, config), **fewer}


def note_changes(trial: Trial, changed: Mapping[str, int]) -> None:
    """Store the changes to a trial's configuration."""
    fewer = {name: changed[name] for name in STEPS if name in changed}
    smaller = {name: value for name, value in changed.items() if name not in fewer}
    if fewer:
        trial.set_user_attr(FITTED_TO_SLOT, fewer)
    if smaller:
        trial.set_user_attr(RETRIED_WITH, smaller)


def steps_of(trial: FrozenTrial, most: int | None = None) -> list[int]:
    """Return the training steps at each report, or none if they are implausible.

    Parameters
    ----------
    trial : FrozenTrial
        A trial of any study.
    most : int, optional
        Steps of its whole training.
    """
    noted = trial.user_attrs.get("steps")
    if not isinstance(noted, (list, tuple)) or not all(type(step) is int for step in noted):
        return []
    most = _MOST_STEPS if most is None else most
    rising = all(before < after for before, after in zip([0, *noted], noted, strict=False))
    return list(noted) if rising and (not noted or noted[-1] <= most) else []


def seconds_of(trial: FrozenTrial) -> float | None:
    """Return the recorded duration of a trial in seconds."""
    noted = trial.user_attrs.get("seconds")
    if isinstance(noted, bool) or not isinstance(noted, (int, float)):
        return None
    return float(noted) if math.isfinite(noted) and 0 <= noted <= _LONGEST_TRIAL else None


def reason_of(trial: FrozenTrial) -> str | None:
    """Return why a trial failed or was stopped, without terminal control characters."""
    noted = trial.user_attrs.get("reason")
    if not isinstance(noted, str):
        return None
    return plain_line(noted)


def plain_line(text: str) -> str:
    """Return a text of bounded length without control characters."""
    shown = (c if c.isprintable() or c in "\n\t" else "?" for c in text[:_LONGEST_REASON])
    return "".join(shown)


def failure_of(trial: FrozenTrial) -> FailureKind | None:
    """Return the kind of a trial's failure, if one that is known was stored."""
    noted = trial.user_attrs.get("failure")
    return next((kind for kind in FAILURES if kind == noted), None)


def notes_of(trial: FrozenTrial) -> dict[str, Any]:
    """Return what else a trial noted: texts without control characters, and numbers."""
    noted = trial.user_attrs.get(NOTES)
    if not isinstance(noted, Mapping) or len(noted) > _MOST_NOTES:
        return {}
    return {
        str(name)[:100]: plain_line(value) if isinstance(value, str) else value
        for name, value in noted.items()
        if isinstance(value, (str, int, float))
    }


def count_of(trial: Trial | FrozenTrial, name: str) -> int:
    """Return a count stored with a trial, or 0 if there is none."""
    noted = trial.user_attrs.get(name)
    return noted if type(noted) is int and noted >= 0 else 0


def json_of(text: object) -> Any:
    """Return the JSON value of a text, or None if it is not valid JSON."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def attach(trial: Trial, text: str) -> None:
    """Store a text with a running trial.

    Parameters
    ----------
    trial : optuna.trial.Trial
        The trial.
    text : str
        The text, in ASCII.
    """
    starts = range(0, len(text), _LONGEST_PIECE)
    for place, start in enumerate(starts):
        trial.set_user_attr(f"{_PIECES}:{place}", text[start : start + _LONGEST_PIECE])
    trial.set_user_attr(_PIECES, len(starts))  # last: a text without its number is incomplete


def attachment_of(trial: FrozenTrial) -> str | None:
    """Return the text attached to a trial, or None if there is none that is complete.

    Parameters
    ----------
    trial : FrozenTrial
        A trial of any study.
    """
    count = count_of(trial, _PIECES)
    places = range(count if count <= _MOST_PIECES else 0)
    pieces = [trial.user_attrs.get(f"{_PIECES}:{place}") for place in places]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    return "".join(texts) if texts and len(texts) == count else None
