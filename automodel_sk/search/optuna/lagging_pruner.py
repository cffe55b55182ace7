"""Trials that lag behind those that have ended, where a median pruner can't see it.

Optuna's median pruner compares a trial with the losses that others reported at the same
validation. A trial that ended early, at its plateau, reported none later, so that whoever trains
on is compared with ever fewer. Here the best of an ended trial counts at all later validations.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from optuna.pruners import MedianPruner
from optuna.trial import Trial, TrialState

from automodel_sk.training.train import since_best

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["STALLED_REPORTS", "is_behind", "lags"]

STALLED_REPORTS = 8
"""A trial in the worse half that has not improved for so many validations is not trained on."""

_ended: WeakKeyDictionary[Study, dict[int, list[float]]] = WeakKeyDictionary()
"""What ended trials have reported: of a thousand, too much to be read anew at each validation."""


def lags(trial: Trial, losses: Sequence[float]) -> bool:
    """Return whether a running trial is to be pruned, its study's pruner being a median pruner.

    Parameters
    ----------
    trial : optuna.trial.Trial
        A running trial.
    losses : sequence of float
        What it has reported, the latest last.

    Returns
    -------
    bool
        False under any other pruner.
    """
    pruner = trial.study.pruner
    if not isinstance(pruner, MedianPruner) or len(losses) <= pruner._n_warmup_steps:
        return False
    ended = _best_so_far(trial.study)
    return len(ended) >= pruner._n_startup_trials and is_behind(losses, ended)


def _best_so_far(study: Study) -> Sequence[Sequence[float]]:
    """Return the best loss by each validation, of each trial that is complete."""
    known = _ended.setdefault(study, {})
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if trial.number not in known and trial.intermediate_values:
            known[trial.number] = list(accumulate(trial.intermediate_values.values(), min))
    return list(known.values())


def is_behind(losses: Sequence[float], ended: Sequence[Sequence[float]]) -> bool:
    """Return whether a trial is worse than most were by now, or than most ended and stalled.

    Parameters
    ----------
    losses : sequence of float
        Its losses, one per validation.
    ended : sequence of sequences of float
        The best by each validation of each trial that is complete; at least one trial.

    Examples
    --------
    >>> is_behind([9.0, 8.0, 7.0], ended=[[9.0, 6.0], [5.0, 4.0], [8.0, 8.0, 8.0]])
    True
    >>> is_behind([9.0, 8.0, 7.0], ended=[[9.0, 8.0], [5.0, 4.0], [8.0, 8.0, 8.0]])
    False
    """
    best = min(losses)
    if best > statistics.median(curve[min(len(losses), len(curve)) - 1] for curve in ended):
        return True
    stalled = since_best(losses) >= STALLED_REPORTS
    return stalled and best > statistics.median(curve[-1] for curve in ended)
