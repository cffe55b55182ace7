"""Trials that lag behind those that have ended, where a median pruner can't see it.

Optuna's median pruner compares a trial with the losses that others reported at the same
validation. A trial that ended early, at its plateau, reported none later, so that whoever trains
on is compared with ever fewer. Here the best of an ended trial counts at all later validations.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from optuna.pruners import MedianPruner
from optuna.trial import Trial, TrialState

__all__ = ["STALLED_REPORTS", "is_behind", "lags"]

STALLED_REPORTS = 8
"""A trial in the worse half that has not improved for so many validations is not trained on."""


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
    ended = trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    curves = [list(t.intermediate_values.values()) for t in ended if t.intermediate_values]
    return len(curves) >= pruner._n_startup_trials and is_behind(losses, curves)


def is_behind(losses: Sequence[float], ended: Sequence[Sequence[float]]) -> bool:
    """Return whether a trial is worse than most were by now, or than most ended and stalled.

    Parameters
    ----------
    losses : sequence of float
        Its losses, one per validation.
    ended : sequence of sequences of float
        Those of the trials that are complete; at least one.

    Examples
    --------
    >>> is_behind([9.0, 8.0, 7.0], ended=[[9.0, 6.0], [5.0, 4.0], [8.0, 9.0, 9.0]])
    True
    >>> is_behind([9.0, 8.0, 7.0], ended=[[9.0, 8.0], [5.0, 4.0], [8.0, 9.0, 9.0]])
    False
    """
    best = min(losses)
    if best > statistics.median(min(curve[: len(losses)]) for curve in ended):
        return True
    since_best = len(losses) - 1 - losses.index(best)
    return since_best >= STALLED_REPORTS and best > statistics.median(map(min, ended))
