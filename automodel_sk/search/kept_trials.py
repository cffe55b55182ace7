"""The best trials of a search with what they left: forecasts of the windows, and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automodel_sk.training.trial_files import stored_weights
from automodel_sk.training.window_forecasts import KeptForecasts, kept_forecasts
from automodel_sk.trials import TrialRecord

__all__ = ["KeptTrial", "best_kept_trials"]


@dataclass(frozen=True)
class KeptTrial:
    """A trial and what it left in the folder of its search.

    Parameters
    ----------
    record : TrialRecord
        The trial.
    forecasts : KeptForecasts
        Its forecasts of the validation windows.
    weights : mapping of str to tensor, optional
        The state of its model at the best validation, if it was kept.
    """

    record: TrialRecord
    forecasts: KeptForecasts
    weights: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)


def best_kept_trials(records: Sequence[TrialRecord], folder: str, most: int) -> list[KeptTrial]:
    """Return the best trials that left forecasts, the best first.

    A complete trial ranks above any trial that was stopped. Of trials with the same configuration,
    the first one counts. Trials without forecasts are left out: those of an earlier call, those
    that ran on another machine, and all but the best `TrainingTask.keep_forecasts`.

    Parameters
    ----------
    records : sequence of TrialRecord
        The trials of one search.
    folder : str
        Their task's `forecasts` and `weights` folder.
    most : int
        Number of trials.

    Returns
    -------
    list of KeptTrial
    """
    found: dict[str, KeptTrial] = {}
    usable = [r for r in records if r.state != "FAIL" and r.best_loss is not None]
    for record in sorted(usable, key=_rank):
        name = repr(sorted((name, repr(value)) for name, value in record.params.items()))
        forecasts = None if name in found else kept_forecasts(folder, record.params)
        if forecasts is not None:
            found[name] = KeptTrial(record, forecasts, stored_weights(folder, record.params))
        if len(found) == most:
            break
    return list(found.values())


def _rank(record: TrialRecord) -> tuple[bool, float, int]:
    loss = record.best_loss
    assert loss is not None
    return record.state != "COMPLETE", loss, record.number
