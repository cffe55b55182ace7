"""Prune trials that lag behind ended ones in a way that the median pruner cannot see.

Optuna's median pruner compares a trial with the losses that others reported at the same validation.
A trial that stopped early, at its plateau, has no later reports, so a longer trial is compared with
ever fewer others. Here the best loss of an ended trial counts at all later validations.
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
"""A trial in the worse half is pruned after this many validations without improvement."""

_ended: WeakKeyDictionary[Study, dict[int, list[float]]] = WeakKeyDictionary()
"""Cached reports of ended trials, which are too many to reread at each validation."""


def lags(trial: Trial, losses: Sequence[float]) -> bool:
    """Return whether to prune a running trial, if its study uses a median pruner.

    Parameters
    ----------
    trial : optuna.trial.Trial
        A running trial.
    losses : sequence of float
        Its reported losses, the latest last.

    Returns
    -------
    bool
        False with any other pruner.
    """
    pruner = trial.study.pruner
    if not isinstance(pruner, MedianPruner) or len(losses) <= pruner._n_warmup_steps:
        return False
    ended = _best_so_far(trial.study)
    return len(ended) >= pruner._n_startup_trials and is_behind(losses, ended)


def _best_so_far(study: Study) -> Sequence[Sequence[float]]:
    """Return the best loss so far at each validation of each complete trial."""
    known = _ended.setdefault(study, {})
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if trial.number not in known and trial.intermediate_values:
            known[trial.number] = list(accumulate(trial.intermediate_values.values(), min))
    return list(known.values())


def is_behind(losses: Sequence[float], ended: Sequence[Sequence[float]]) -> bool:
    """Return whether a trial is worse than the median so far, or stalled in the worse half.

    Parameters
    ----------
    losses : sequence of float
        Its losses, one per validation.
    ended : sequence of sequences of float
        Best loss so far at each validation of each complete trial; at least one trial.

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
