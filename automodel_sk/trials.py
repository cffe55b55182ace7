"""The trials of a search as one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from automodel_sk.tracking import TrialRecord

__all__ = ["trials_frame"]

_COLUMNS = ("number", "value", "state", "datetime_start", "datetime_complete", "duration")


def trials_frame(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """Return one row per trial, with Optuna's column names.

    Parameters
    ----------
    records : sequence of TrialRecord
        Ended trials.

    Returns
    -------
    DataFrame
        `number`, `value`, `state` (COMPLETE, PRUNED or FAIL), `datetime_start`,
        `datetime_complete`, `duration`, `params_*`, then `best_step` (training
        steps at the best loss), `n_reports` and `reason` (of a failure).

    Examples
    --------
    >>> record = TrialRecord(0, "COMPLETE", 0.5, {"max_steps": 10}, {5: 0.7, 10: 0.5})
    >>> trials_frame([record])[["number", "value", "params_max_steps", "best_step"]].values.tolist()
    [[0.0, 0.5, 10.0, 10.0]]
    """
    names = dict.fromkeys(f"params_{name}" for record in records for name in record.params)
    columns = [*_COLUMNS, *names, "best_step", "n_reports", "reason"]
    return pd.DataFrame([_row(record) for record in records], columns=columns)


def _row(record: TrialRecord) -> dict[str, Any]:
    losses = record.intermediate_values
    return {
        "number": record.number,
        "value": record.value,
        "state": record.state,
        "datetime_start": record.datetime_start,
        "datetime_complete": record.datetime_complete,
        "duration": pd.Timedelta(seconds=record.duration_seconds),
        **{f"params_{name}": value for name, value in record.params.items()},
        "best_step": min(losses, key=lambda step: losses[step]) if losses else None,
        "n_reports": len(losses),
        "reason": record.reason,
    }
