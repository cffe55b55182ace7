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

from optuna.pruners import BasePruner
from optuna.trial import TrialState

from automodel_sk.training.train import since_best
from automodel_sk.trials import OUT_OF_TIME

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["STALLED_REPORTS", "LaggingPruner", "is_behind"]

STALLED_REPORTS = 8
"""A trial in the worse half is pruned after this many validations without improvement."""


class LaggingPruner(BasePruner):
    """Prune what another pruner prunes, and trials that lag behind those that ended earlier.

    Parameters
    ----------
    wrapped_pruner : optuna.pruners.BasePruner
        The pruner whose decision comes first.
    n_startup_trials : int
        Complete trials before any trial is found lagging.
    n_warmup_steps : int
        Reports of a trial before it is found lagging.

    Examples
    --------
    >>> from optuna.pruners import MedianPruner
    >>> settings = {"n_startup_trials": 5, "n_warmup_steps": 3}
    >>> pruner = LaggingPruner(MedianPruner(**settings), **settings)
    """

    def __init__(
        self, wrapped_pruner: BasePruner, n_startup_trials: int, n_warmup_steps: int
    ) -> None:
        self._wrapped_pruner = wrapped_pruner
        self._n_startup_trials = n_startup_trials
        self._n_warmup_steps = n_warmup_steps
        # Reports of ended trials, which are too many to reread at each validation.
        self._ended: WeakKeyDictionary[Study, dict[int, list[float]]] = WeakKeyDictionary()

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether to prune a running trial at its latest report."""
        return self._wrapped_pruner.prune(study, trial) or self._lags(study, trial)

    def _lags(self, study: Study, trial: FrozenTrial) -> bool:
        losses = list(trial.intermediate_values.values())
        if len(losses) <= self._n_warmup_steps:
            return False
        ended = self._best_so_far(study)
        return len(ended) >= self._n_startup_trials and is_behind(losses, ended)

    def _best_so_far(self, study: Study) -> Sequence[Sequence[float]]:
        """Return the best loss so far at each validation of each complete trial."""
        known = self._ended.setdefault(study, {})
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            cut = trial.user_attrs.get("reason") == OUT_OF_TIME  # its later losses are unknown
            if trial.number not in known and trial.intermediate_values and not cut:
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
