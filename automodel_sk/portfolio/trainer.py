"""Train the trial that comes next, whichever model it names."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automodel_sk.metrics import Forecast
from automodel_sk.portfolio.budget import (
    CHEAP_SHARE,
    SHORTEST_SLOT,
    TOO_LITTLE,
    PortfolioBudget,
    first_slot,
)
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, Member
from automodel_sk.portfolio.packing import packed, unpacked
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.store import keep_member, model_folder
from automodel_sk.search.scratch import scratch_folder
from automodel_sk.training.build import effective_config
from automodel_sk.training.objective import Objective
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Decision, Outcome, Report
from automodel_sk.training.trainer import (
    OnChange,
    planned_reports,
    smaller_than_trained,
    train_within_memory,
)
from automodel_sk.training.window_forecasts import store_forecasts, stored_forecasts

__all__ = ["FALLBACKS", "PortfolioTrainer", "config_of"]

FALLBACKS = "n_fallbacks"
"""Tag of a trial: forecasts that are the seasonal-naive one's, because the member failed."""

_SLOT_SHARE = 0.9
"""Of a first trial's slot; the rest goes to starting it and to its last validation."""


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
    cheap : sequence of str
        The statistical and tree members, whose trials run beside the first networks.
    cheap_share : float
        Their share of the workers' time.
    in_study : bool
        Whether forecasts of the windows are stored in the study as well, as other machines and
        later calls cannot read the folder.
    """

    tasks: Mapping[str, TrainingTask]
    members: Mapping[str, Member]
    data: PortfolioData
    objective: Objective
    folder: str | None
    budget: PortfolioBudget = field(default_factory=PortfolioBudget)
    order: Sequence[str] = ()
    workers: int = 1
    cheap: Sequence[str] = ()
    cheap_share: float = CHEAP_SHARE
    in_study: bool = False

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
        with _folder_of(self.folder, name) as folder:
            if name in self.members:
                outcome, trained = self._forecast(name, folder, report(), slot), {}
            else:
                task = replace(self.tasks[name], slot_seconds=slot, forecasts=folder)
                trained = {**config_of(config, self.members), **changed}

                def noted(now: Mapping[str, Any]) -> None:
                    trained.update(now)
                    on_change(now)

                own = config_of(config, self.members)
                outcome = train_within_memory(
                    task, own, dataset, lambda: _ends_complete(report()), noted, changed
                )
            return self._with_forecasts(outcome, folder, trained)

    def _with_forecasts(self, outcome: Outcome, folder: str, trained: Mapping[str, Any]) -> Outcome:
        """Return an outcome that holds its forecasts, if the folder is not what is read later."""
        if self.folder is not None and not self.in_study:
            return outcome
        point = stored_forecasts(folder, trained)
        return outcome if point is None else replace(outcome, forecasts=packed(point))

    def keep(self, config: Mapping[str, Any], outcome: Outcome) -> Outcome:
        """Store forecasts that came from another machine; return what the study keeps."""
        name, text = config[MODEL], outcome.forecasts
        if text is None or self.in_study:
            return outcome
        point = unpacked(text, self.data)
        if point is not None and self.folder is not None:
            own = config_of(config, self.members)
            store_forecasts(model_folder(self.folder, name), own, outcome.score, point)
        return replace(outcome, forecasts=None)

    def smaller(self, config: Mapping[str, Any]) -> dict[str, int] | None:
        """Return smaller batches for a training that ran out of memory; none for other members."""
        name = config[MODEL]
        if name in self.members:
            return {}
        return smaller_than_trained(self.tasks[name], config_of(config, self.members))

    def _forecast(self, name: str, folder: str, report: Report, seconds: float | None) -> Outcome:
        """Return the outcome of a member's forecasts, as one report."""
        started = time.perf_counter()
        deadline = Deadline(float("inf") if seconds is None else seconds)
        found = self.members[name].forecast_windows(self.data, deadline)
        score = self.objective.score(Forecast(found.point.reshape(-1).astype(float), {}))
        store_forecasts(folder, {}, score, found.point)
        if self.folder is not None and found.fitted is not None:
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
        name, left = config[MODEL], max(0.0, self.budget.left() - self.budget.reserve)
        if name in self.members:
            return min(left, self._cheap_left())
        longest = self.budget.search_slot(name)
        if longest is not None:  # the last trial takes what would be too little for another one
            last = left < (1 + TOO_LITTLE) * longest
            return max(SHORTEST_SLOT, left if last else longest)
        first = first_slot(left, self._first_trials_left(name), self.workers, self._cheap_left())
        return max(SHORTEST_SLOT, _SLOT_SHARE * first)

    def _cheap_left(self) -> float:
        """Return the seconds of one worker left for all members without a training."""
        taken = self.budget.cheap_seconds
        if all(name in taken for name in self.cheap):
            return 0.0
        allowed = self.cheap_share * self.budget.total * min(2, self.workers)
        return max(0.0, allowed - sum(taken.values()))

    def _first_trials_left(self, name: str) -> int:
        """Return how many networks have not had their first trial, this one included."""
        return max(1, len(self.order) - self.order.index(name)) if name in self.order else 1

    def interval(self, config: Mapping[str, Any]) -> int:
        """Return the training steps between two reports."""
        name = config[MODEL]
        if name in self.members:
            return 1
        return int(
            effective_config(self.tasks[name], config_of(config, self.members))["val_check_steps"]
        )

    def reports(self, config: Mapping[str, Any]) -> int:
        """Return how many reports a trial makes unless it ends early; one without a training."""
        name = config[MODEL]
        if name in self.members:
            return 1
        return planned_reports(self.tasks[name], config_of(config, self.members))

    def adapted(self, change: Callable[[TrainingTask], TrainingTask]) -> PortfolioTrainer:
        """Return this trainer with changed tasks, and without a folder that is not here."""
        here = self.folder is not None and Path(self.folder).is_dir()
        tasks = {name: change(task) for name, task in self.tasks.items()}
        return replace(self, tasks=tasks, folder=self.folder if here else None)


def config_of(config: Mapping[str, Any], members: Collection[str]) -> dict[str, Any]:
    """Return a trial's configuration as its model takes it; members without a training have none.

    Examples
    --------
    >>> config_of({"model": "MLP", "max_steps": 9}, ["Naive"])
    {'max_steps': 9}
    """
    if config.get(MODEL) in members:
        return {}
    return {key: value for key, value in config.items() if key != MODEL}


@contextmanager
def _folder_of(folder: str | None, name: str) -> Iterator[str]:
    """Return where a model's trials leave their forecasts; a temporary folder if there is none."""
    if folder is not None:
        yield model_folder(folder, name)
        return
    with scratch_folder("forecasts") as temporary:
        yield str(temporary)
