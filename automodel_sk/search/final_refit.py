"""Refit the best trial: retrain it, keep its weights, or continue from them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from automodel_sk.options import OptimizationConfig
from automodel_sk.search.optuna.workers.pool import cpus_allowed
from automodel_sk.search.planning import SearchPlan
from automodel_sk.training.build import module_of
from automodel_sk.training.patches.torch_modes import is_fork
from automodel_sk.training.refit import (
    fit_final,
    fit_with_weights,
    repeat_trial,
    steps_of,
    train_on,
)
from automodel_sk.training.refit_steps import final_steps, further_steps
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.trial_files import stored_weights

__all__ = [
    "BestTrial",
    "FinalModel",
    "final_model_of",
    "final_threads",
    "final_with_weights",
]

MOST_THREADS = 8
"""More threads do not speed up batches of a few hundred windows."""

HOPELESS = 0.5
"""A refit that would take twice the remaining time is not started."""


@dataclass(frozen=True)
class BestTrial:
    """The trial that the final model is made from.

    Parameters
    ----------
    task : TrainingTask
        The task that the trial was trained with.
    config : mapping
        Its configuration.
    step : int, optional
        Training steps at its best validation; None for a fixed configuration.
    complete : bool
        Whether it ran to its end, so that later steps are known to be no better.
    """

    task: TrainingTask
    config: Mapping[str, Any]
    step: int | None = None
    complete: bool = True


@dataclass(frozen=True)
class FinalModel:
    """The fitted model and how it was trained.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        The model.
    steps : int
        Training steps behind its weights.
    note : str, optional
        What the time budget cut short and what was done instead, in one sentence.
    """

    fitted: Any
    steps: int
    note: str | None = None


def final_model_of(
    best: BestTrial,
    plan: SearchPlan,
    options: OptimizationConfig,
    dataset: Callable[[], Any],
    budget: TimeBudget,
    on_progress: Callable[[float], None],
) -> FinalModel:
    """Return the final model according to `options.refit`, as far as the time budget allows.

    Parameters
    ----------
    best : BestTrial
        The trial to refit.
    plan : SearchPlan
        The plan, which holds the data.
    options : OptimizationConfig
        Only `refit`, `refit_precision` and `cpus` are used. A fixed configuration is trained in
        full.
    dataset : callable
        Returns the data that trials are trained on.
    budget : TimeBudget
        Training stops when the budget is used up.
    on_progress : callable
        Called with the completed share of the training.

    Returns
    -------
    FinalModel
        If a full refit does not fit into the budget, it has the weights of the best trial's best
        validation.
    """
    refit = _Refit(best, plan, options, budget)
    if best.step is None:
        return refit.of_fixed(on_progress)
    if options.refit == "full":
        return refit.in_full(best.step, on_progress)
    kept = refit.with_weights(_weights_of(best, best.step, dataset))
    if options.refit == "best_weights":
        return FinalModel(kept, best.step)
    return refit.further(kept, best.step)


def final_with_weights(
    best: BestTrial, plan: SearchPlan, options: OptimizationConfig, weights: Mapping[str, Any]
) -> Any:
    """Return the final model with weights that were trained in another process.

    Parameters
    ----------
    best, plan, options
        As in `final_model_of`.
    weights : mapping of str to tensor
        The weights of its module.

    Returns
    -------
    neuralforecast.NeuralForecast
    """
    return _Refit(best, plan, options, TimeBudget()).with_weights(weights)


class _Refit:
    """The ways to refit the best trial of one search."""

    def __init__(
        self, best: BestTrial, plan: SearchPlan, options: OptimizationConfig, budget: TimeBudget
    ) -> None:
        self._best, self._plan, self._budget = best, plan, budget
        self._threads = final_threads(options)
        trainer = {**plan.task.trainer_options, "precision": options.refit_precision}
        self._task = replace(plan.task, trainer_options=trainer)

    def of_fixed(self, on_progress: Callable[[float], None]) -> FinalModel:
        """Train a fixed configuration; there is no trial whose weights could replace it."""
        fitted = self._trained(None, on_progress)
        done = steps_of(fitted)
        wanted = int(module_of(fitted).max_steps)
        cut = self._is_cut(done, wanted)
        note = f"the time budget ended the training after {done} of {wanted} steps"
        return FinalModel(fitted, done, f"{note}; raise time_budget_hours" if cut else None)

    def in_full(self, step: int, on_progress: Callable[[float], None]) -> FinalModel:
        """Retrain in full; if cut short before the best step, keep the trial's weights."""
        wanted = final_steps(self._best.config, step)
        estimate = self._budget.refit_seconds or 0.0
        kept = _stored(self._best) if self._budget.is_limited else None
        if kept is not None and self._budget.left() < HOPELESS * estimate:
            return self._instead(kept, step, f"left no time for {wanted} steps on all the data")
        fitted = self._trained(wanted, on_progress)
        done = steps_of(fitted)
        if not self._is_cut(done, wanted):
            return FinalModel(fitted, done)
        what = f"ended the final training after {done} of {wanted} steps"
        if kept is not None and done < (step if self._best.complete else wanted):
            return self._instead(kept, step, what)
        return FinalModel(fitted, done, f"the time budget {what}; raise time_budget_hours")

    def _instead(self, weights: Mapping[str, Any], step: int, what: str) -> FinalModel:
        note = (
            f"the time budget {what}: the model has the best trial's weights, of {step} steps"
            " without the validation windows; raise time_budget_hours"
        )
        return FinalModel(self.with_weights(weights), step, note)

    def _is_cut(self, done: int, wanted: int) -> bool:
        return self._budget.is_limited and self._budget.left() <= 0 and done < wanted

    def with_weights(self, weights: Mapping[str, Any]) -> Any:
        """Return a model with a trial's weights."""
        return fit_with_weights(
            self._task,
            self._best.config,
            self._plan.frame,
            self._plan.profile.freq,
            weights,
            static_df=self._plan.static_df,
        )

    def further(self, kept: Any, step: int) -> FinalModel:
        """Continue training from a trial's weights."""
        wanted = further_steps(step)
        fitted = train_on(
            kept,
            self._best.config,
            self._plan.frame,
            static_df=self._plan.static_df,
            steps=wanted,
            done=step,
            budget=self._budget,
        )
        done = steps_of(fitted)
        note = f"the time budget ended the final training after {done} of {wanted} further steps"
        return FinalModel(fitted, step + done, note if self._is_cut(done, wanted) else None)

    def _trained(self, steps: int | None, on_progress: Callable[[float], None]) -> Any:
        started = time.perf_counter()
        fitted = fit_final(
            self._task,
            self._best.config,
            self._plan.frame,
            self._plan.profile.freq,
            static_df=self._plan.static_df,
            steps=steps,
            budget=self._budget,
            on_progress=on_progress,
            n_threads=self._threads,
        )
        if not self._budget.seconds_a_step:
            seconds = time.perf_counter() - started
            self._budget.seconds_a_step = seconds / max(1, steps_of(fitted))
        return fitted


def final_threads(options: OptimizationConfig) -> int:
    """Return the number of threads for a refit, at most as many as speed it up.

    Examples
    --------
    >>> final_threads(OptimizationConfig(cpus=1))
    1
    """
    return 1 if is_fork() else min(MOST_THREADS, cpus_allowed(options))


def _weights_of(best: BestTrial, step: int, dataset: Callable[[], Any]) -> Mapping[str, Any]:
    """Return a trial's weights, retraining it if it ran elsewhere or in an earlier call."""
    kept = _stored(best)
    return repeat_trial(best.task, best.config, dataset(), step) if kept is None else kept


def _stored(best: BestTrial) -> Mapping[str, Any] | None:
    return stored_weights(best.task.weights, best.config) if best.task.weights else None
