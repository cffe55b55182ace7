"""The trials of a search: the record of each, the best of them, and a table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FAILURES",
    "OUT_OF_TIME",
    "TRIAL_STATES",
    "Failure",
    "FailureKind",
    "TrialRecord",
    "best_record",
    "trials_frame",
]

FailureKind = Literal["diverged", "out_of_memory", "timeout", "crashed", "error"]
FAILURES: tuple[FailureKind, ...] = get_args(FailureKind)
"""Kinds of failure: the loss was not finite, memory ran out, the trial took longer than its limit,
its process or machine died, or anything else."""

OUT_OF_TIME = "the time budget was used up"
"""Reason of a trial that the end of the budget stopped; its value is its best loss so far."""

TRIAL_STATES = ("COMPLETE", "PRUNED", "FAIL")

_COLUMNS = ("number", "value", "state", "datetime_start", "datetime_complete", "duration")


@dataclass(frozen=True)
class Failure:
    """Why a trial failed: the kind for programs, the reason for people."""

    kind: FailureKind
    reason: str


@dataclass(frozen=True)
class TrialRecord:
    """One ended trial.

    Parameters
    ----------
    number : int
        Number of the trial within its search, from 0.
    state : {"COMPLETE", "PRUNED", "FAIL"}
        How it ended.
    value : float, optional
        Its score: the best validation loss. None if there is none.
    params : mapping
        The trained configuration, flat or nested.
    intermediate_values : mapping of int to float
        Validation loss by global training step.
    datetime_start, datetime_complete : datetime, optional
        Start and end. Without a time zone they are local time.
    duration_seconds : float
        Seconds from start to end.
    reason : str, optional
        Why it failed, or was stopped early.
    tags : mapping
        Further information, such as ``{"retry_of": 3}``.
    failure : {"diverged", "out_of_memory", "timeout", "crashed", "error"}, optional
        Kind of its failure. None if it did not fail, or the kind is unknown.

    Raises
    ------
    InvalidInputError
        If `state` is none of the three.

    Examples
    --------
    >>> trial = TrialRecord(number=3, state="COMPLETE", value=0.5, params={"max_steps": 100})
    >>> trial.value
    0.5
    """

    number: int
    state: str
    value: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    intermediate_values: Mapping[int, float] = field(default_factory=dict)
    datetime_start: datetime | None = None
    datetime_complete: datetime | None = None
    duration_seconds: float = 0.0
    reason: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    failure: FailureKind | None = None

    def __post_init__(self) -> None:
        if self.state not in TRIAL_STATES:
            raise InvalidInputError(
                f"state must be one of {', '.join(TRIAL_STATES)}, got {self.state!r}; "
                "try 'COMPLETE'"
            )

    @property
    def ran_to_its_end(self) -> bool:
        """Whether it is complete, and the time budget did not cut it off.

        Examples
        --------
        >>> TrialRecord(0, "COMPLETE", 0.5).ran_to_its_end
        True
        >>> TrialRecord(1, "COMPLETE", 0.5, reason=OUT_OF_TIME).ran_to_its_end
        False
        """
        return self.state == "COMPLETE" and self.reason != OUT_OF_TIME

    @property
    def best_loss(self) -> float | None:
        """The lowest validation loss; None if the trial reported none."""
        return min(self.intermediate_values.values(), default=None)

    @property
    def best_step(self) -> int | None:
        """The training step of the lowest validation loss; None if the trial reported none."""
        losses = self.intermediate_values
        return min(losses, key=lambda step: losses[step]) if losses else None


def best_record(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the best trial that ran to its end, or else the best one that was stopped.

    Parameters
    ----------
    records : sequence of TrialRecord
        Ended trials.

    Returns
    -------
    TrialRecord or None
        None if no trial reported a finite validation loss.

    Examples
    --------
    >>> best_record([]) is None
    True
    """
    usable = [r for r in records if r.state != "FAIL" and r.intermediate_values]
    return min(usable, key=lambda r: (not r.ran_to_its_end, r.best_loss), default=None)


def trials_frame(records: Sequence[TrialRecord], metric: str | None = None) -> pd.DataFrame:
    """Return one row per trial, with Optuna's column names.

    Parameters
    ----------
    records : sequence of TrialRecord
        Ended trials.
    metric : str, optional
        Name of the metric that the values are of.

    Returns
    -------
    DataFrame
        `number`, `value`, `metric` if one is given, `state` (COMPLETE, PRUNED or FAIL),
        `datetime_start`, `datetime_complete`, `duration`, `params_*`, then `best_step` (training
        steps at the best loss), `n_reports` and `reason` (why it failed or was stopped).

    Examples
    --------
    >>> record = TrialRecord(0, "COMPLETE", 0.5, {"max_steps": 10}, {5: 0.7, 10: 0.5})
    >>> trials_frame([record])[["number", "value", "params_max_steps", "best_step"]].values.tolist()
    [[0.0, 0.5, 10.0, 10.0]]
    """
    import pandas as pd

    names = dict.fromkeys(f"params_{name}" for record in records for name in record.params)
    columns = [*_COLUMNS, *names, "best_step", "n_reports", "reason"]
    frame = pd.DataFrame([_row(record) for record in records], columns=columns)
    if metric is not None:
        frame.insert(2, "metric", metric)
    return frame


def _row(record: TrialRecord) -> dict[str, Any]:
    import pandas as pd

    return {
        "number": record.number,
        "value": record.value,
        "state": record.state,
        "datetime_start": record.datetime_start,
        "datetime_complete": record.datetime_complete,
        "duration": pd.Timedelta(seconds=record.duration_seconds),
        **{f"params_{name}": value for name, value in record.params.items()},
        "best_step": record.best_step,
        "n_reports": len(record.intermediate_values),
        "reason": record.reason,
    }
