"""Train the trial that comes next, whichever model it names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from automodel_sk.metrics import Forecast
from automodel_sk.portfolio.budget import PortfolioBudget, first_slot
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, Member
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.store import keep_member, model_folder
from automodel_sk.training.build import effective_config
from automodel_sk.training.objective import Objective
from automodel_sk.training.oom_retry import OnChange, train_within_memory
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Decision, Outcome, Report
from automodel_sk.training.window_forecasts import store_forecasts

__all__ = ["FALLBACKS", "PortfolioTrainer"]

FALLBACKS = "n_fallbacks"
"""Tag of a trial: forecasts that are the seasonal-naive one's, because the member failed."""

CHEAP_SHARE = 0.15
"""A statistical or tree member may take this share of the budget, on its worker."""


def _ends_complete(report: Report) -> Report:
    """Return a report for which the end of the time is the end of the training.

    The forecasts up to then are as good as their score says, so that they may be combined.
    """

    def reported(number: int, loss: float) -> Decision:
        decision = report(number, loss)
        return Decision.SLOT_OVER if decision is Decision.OUT_OF_TIME else decision

    return reported


@dataclass(frozen=True)
class PortfolioTrainer:
    """Trains networks like any search, and lets other members forecast their windows.

    Parameters
    ----------
    tasks : mapping of str to TrainingTask
        The networks.
    members : mapping of str to Member
        The other members.
    data : PortfolioData
        What members without a training are judged on.
    objective : Objective
        Scores their forecasts.
    folder : str, optional
        Where forecasts of the windows are kept.
    budget : PortfolioBudget
        The time for everything.
    order : sequence of str
        The networks in the order of their first trials.
    workers : int
        Trials at a time.
    """

    tasks: Mapping[str, TrainingTask]
    members: Mapping[str, Member]
    data: PortfolioData
    objective: Objective
    folder: str | None
    budget: PortfolioBudget = field(default_factory=PortfolioBudget)
    order: Sequence[str] = ()
    workers: int = 1

    def train(
        self,
        config: Mapping[str, Any],
        dataset: Any,
        report: Callable[[], Report],
        on_change: OnChange,
        changed: Mapping[str, Any],
        slot: float | None = None,
    ) -> Outcome:
        """Train a network, or let another member forecast."""
        name = config[MODEL]
        if name in self.members:
            return self._forecast(config, report(), slot)
        task = replace(self.tasks[name], slot_seconds=slot)
        own = {key: value for key, value in config.items() if key != MODEL}
        return train_within_memory(
            task, own, dataset, lambda: _ends_complete(report()), on_change, changed
        )

    def _forecast(
        self, config: Mapping[str, Any], report: Report, seconds: float | None
    ) -> Outcome:
        """Return the outcome of a member's forecasts, as one report."""
        started = time.perf_counter()
        deadline = Deadline(float("inf") if seconds is None else seconds)
        found = self.members[config[MODEL]].forecast_windows(self.data, deadline)
        score = self.objective.score(Forecast(found.point.reshape(-1).astype(float), {}))
        if self.folder is not None:
            store_forecasts(model_folder(self.folder, config[MODEL]), {}, score, found.point)
            if found.fitted is not None:
                keep_member(self.folder, found.fitted)
        report(1, score)
        notes: dict[str, Any] = {}
        if found.n_fallbacks:
            notes = {FALLBACKS: found.n_fallbacks, "note": found.reason or ""}
        taken = time.perf_counter() - started
        return Outcome(score, 1, {1: score}, Decision.CONTINUE, taken, notes)

    def slot(self, config: Mapping[str, Any]) -> float | None:
        """Return the seconds for a trial that starts now."""
        if not self.budget.is_limited:
            return None
        left = max(0.0, self.budget.left() - self.budget.reserve)
        if config[MODEL] in self.members:
            return min(left, CHEAP_SHARE * self.budget.total * min(2, self.workers))
        return 0.9 * first_slot(left, self._first_trials_left(config[MODEL]), self.workers)

    def _first_trials_left(self, name: str) -> int:
        """Return how many networks have not had their first trial, this one included."""
        return max(1, len(self.order) - self.order.index(name)) if name in self.order else 1

    def interval(self, config: Mapping[str, Any]) -> int:
        """Return the training steps between two reports."""
        name = config[MODEL]
        if name in self.members:
            return 1
        own = {key: value for key, value in config.items() if key != MODEL}
        return int(effective_config(self.tasks[name], own)["val_check_steps"])

    def adapted(self, change: Callable[[TrainingTask], TrainingTask]) -> PortfolioTrainer:
        """Return this trainer with changed tasks."""
        return replace(self, tasks={name: change(task) for name, task in self.tasks.items()})
