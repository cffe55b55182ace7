"""Create Ray's schedulers and inform them of trials that ended in earlier calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from ray.tune.schedulers import MedianStoppingRule

from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector, SearchStrategy

__all__ = ["informed_scheduler"]


@dataclass(frozen=True)
class _Ended:
    """A trial as schedulers identify it."""

    trial_id: str


def informed_scheduler(study: Study, strategy: SearchStrategy) -> Any:
    """Return a strategy's scheduler that also compares with trials of earlier calls.

    Parameters
    ----------
    study : optuna.Study
        The study whose ended trials the scheduler receives.
    strategy : SearchStrategy
        A strategy of the Ray backend.

    Returns
    -------
    ray.tune.schedulers.TrialScheduler
    """
    scheduler = SearchAlgorithmSelector("ray").get_ray_scheduler(strategy)
    scheduler.set_search_properties("loss", "min")
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished() and "copy_of" not in trial.user_attrs:
            _pass_result(scheduler, trial)
    return scheduler


def _pass_result(scheduler: Any, trial: FrozenTrial) -> None:
    ended = _Ended(str(trial.number))
    results = [
        {"training_iteration": number, "loss": loss}
        for number, loss in sorted(trial.intermediate_values.items())
    ]
    # If passed as a result, each loss would needlessly be compared with all others.
    only_kept = isinstance(scheduler, MedianStoppingRule)
    pass_on = scheduler.on_trial_complete if only_kept else scheduler.on_trial_result
    scheduler.on_trial_add(None, ended)
    for result in results:
        pass_on(None, ended, result)
    if results and trial.state is not TrialState.FAIL:
        scheduler.on_trial_complete(None, ended, results[-1])
