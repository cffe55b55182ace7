"""What a study notes of its trials beside Optuna's own fields, read with distrust.

Others may have written a study that is kept where others can write. Each attribute is read
here, by one function that takes what isn't of its type and size for absent: a broken trial
costs itself alone, and none sets more of a model than its search space does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial, Trial

from automodel_sk.training.memory import no_larger

__all__ = [
    "RETRIED_WITH",
    "count_of",
    "json_of",
    "reason_of",
    "retried_with",
    "seconds_of",
    "steps_of",
]

RETRIED_WITH = "retried_with"
"""Attribute of a trial: the smaller batches that a further attempt is trained with."""

_LONGEST_REASON = 2000
_MOST_STEPS = 1_000_000
_LONGEST_TRIAL = 1e9


def retried_with(trial: Trial | FrozenTrial, config: Mapping[str, Any]) -> dict[str, int]:
    """Return what an earlier attempt has changed of a trial's configuration: smaller batches.

    Parameters
    ----------
    trial : optuna.trial.Trial or FrozenTrial
        A trial of any study.
    config : mapping
        Its configuration as it was drawn.
    """
    noted = trial.user_attrs.get(RETRIED_WITH)
    return no_larger(noted, config) if isinstance(noted, Mapping) else {}


def steps_of(trial: FrozenTrial, most: int | None = None) -> list[int]:
    """Return the training steps at each report, none where they make no sense.

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
    """Return the seconds that a trial says it took."""
    noted = trial.user_attrs.get("seconds")
    if isinstance(noted, bool) or not isinstance(noted, (int, float)):
        return None
    return float(noted) if math.isfinite(noted) and 0 <= noted <= _LONGEST_TRIAL else None


def reason_of(trial: FrozenTrial) -> str | None:
    """Return why a trial failed or was ended, without what a terminal would obey."""
    noted = trial.user_attrs.get("reason")
    if not isinstance(noted, str):
        return None
    shown = (c if c.isprintable() or c in "\n\t" else "?" for c in noted[:_LONGEST_REASON])
    return "".join(shown)


def count_of(trial: Trial | FrozenTrial, name: str) -> int:
    """Return a count that a trial keeps, 0 where it keeps none."""
    noted = trial.user_attrs.get(name)
    return noted if type(noted) is int and noted >= 0 else 0


def json_of(text: object) -> Any:
    """Return what a text holds as JSON, None where it holds none."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
