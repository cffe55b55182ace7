"""From the best trial to the final model: trained anew, its weights kept, or trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from automodel_sk.options import OptimizationConfig
from automodel_sk.planning import SearchPlan
from automodel_sk.search.best_weights import stored_weights
from automodel_sk.search.budget import TimeBudget
from automodel_sk.search.refit import fit_final, fit_with_weights, repeat_trial, train_on
from automodel_sk.search.task import TrainingTask
from automodel_sk.search.worker_pool import cpus_allowed

__all__ = ["FURTHER_SHARE", "REFITS", "BestTrial", "final_model_of", "final_threads"]

REFITS = ("full", "best_weights", "continue")
"""Ways to the final model."""

MOST_THREADS = 8
"""More threads than these are no faster on batches of a few hundred windows."""

FURTHER_SHARE = 0.2
"""Share of the best trial's steps that a model is trained on for, on new data."""


@dataclass(frozen=True)
class BestTrial:
    """What the final model is made of.

    Parameters
    ----------
    task : TrainingTask
        What the trial was trained with.
    config : mapping
        Its configuration.
    step : int, optional
        Training steps at its best validation; None where it was not searched for.
    """

    task: TrainingTask
    config: Mapping[str, Any]
    step: int | None = None


def final_model_of(
    best: BestTrial,
    plan: SearchPlan,
    options: OptimizationConfig,
    dataset: Callable[[], Any],
    budget: TimeBudget,
    on_progress: Callable[[float], None],
) -> Any:
    """Return the final model as `options.refit` says.

    Parameters
    ----------
    best : BestTrial
        The trial to make it of.
    plan : SearchPlan
        The data.
    options : OptimizationConfig
        Their `refit`, `refit_precision` and `cpus`. A configuration that was not
        searched for is trained in full.
    dataset : callable
        Returns the data as trials are trained on them.
    budget : TimeBudget
        Training in full ends where it is used up.
    on_progress : callable
        Told of the share that is done.

    Returns
    -------
    neuralforecast.NeuralForecast
        Fitted.
    """
    trainer = {**plan.task.trainer_options, "precision": options.refit_precision}
    task = replace(plan.task, trainer_options=trainer)
    if best.step is None or options.refit == "full":
        return fit_final(
            task,
            best.config,
            plan.frame,
            plan.profile.freq,
            static_df=plan.static_df,
            steps=best.step,
            budget=budget,
            on_progress=on_progress,
            n_threads=final_threads(options),
        )
    weights = _weights_of(best, best.step, dataset)
    kept = fit_with_weights(
        task, best.config, plan.frame, plan.profile.freq, weights, static_df=plan.static_df
    )
    if options.refit == "best_weights":
        return kept
    steps = max(1, round(best.step * FURTHER_SHARE))
    return train_on(kept, plan.frame, static_df=plan.static_df, steps=steps)


def final_threads(options: OptimizationConfig) -> int:
    """Return the threads of a final training: those of the CPUs that help it.

    Examples
    --------
    >>> final_threads(OptimizationConfig(cpus=1))
    1
    """
    return min(MOST_THREADS, cpus_allowed(options))


def _weights_of(best: BestTrial, step: int, dataset: Callable[[], Any]) -> Mapping[str, Any]:
    """Return the trial's weights; trained again where it ran elsewhere, or in an earlier call."""
    kept = stored_weights(best.task.weights, best.config) if best.task.weights else None
    return repeat_trial(best.task, best.config, dataset(), step) if kept is None else kept
