"""Collect the forecasts that trials made of the windows, and make those again that were lost.

They lie in a folder beside the study, or in the study itself if it is a database. A folder may be
deleted, a file damaged, and a trial may have run on another machine.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.packing import shape_of, unpacked
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.rules import MOST_MEMBERS
from automodel_sk.portfolio.shortlist import MOST_OF_A_MODEL, WORST_RATIO
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.store import model_folder
from automodel_sk.portfolio.trainer import config_of
from automodel_sk.portfolio.window_errors import Forecasts, times_worse
from automodel_sk.search.study.attributes import attachment_of
from automodel_sk.search.study.storage import StudyLocation, open_storage, readable_errors
from automodel_sk.search.study.study import muted
from automodel_sk.training.refit import repeat_forecasts
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.window_forecasts import store_forecasts, stored_forecasts
from automodel_sk.trials import TrialRecord

__all__ = ["WindowStore"]

logger = logging.getLogger(__name__)

LOST = "its forecasts of the validation windows are missing"


@dataclass
class WindowStore:
    """Forecasts of the windows by trial.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan.
    tasks : mapping of str to TrainingTask
        What the trials of each network were trained with.
    location : StudyLocation
        Where the study is stored.
    folder : Path
        Where trials of this machine leave their forecasts.

    Attributes
    ----------
    missing : dict of int to str
        Complete trials without forecasts, and why these were not made again.
    """

    plan: PortfolioPlan
    tasks: Mapping[str, TrainingTask]
    location: StudyLocation
    folder: Path
    missing: dict[int, str] = field(default_factory=dict)

    def collect(self, records: Sequence[TrialRecord]) -> dict[int, Forecasts]:
        """Return the forecasts that are there, by number of the trial."""
        found: dict[int, Forecasts] = {}
        for record in records:
            if record.state != "FAIL" and (point := self._in_folder(record)) is not None:
                found[record.number] = point
        lost = [r for r in records if r.state == "COMPLETE" and r.number not in found]
        found |= self._in_study(lost)
        self.missing = {r.number: LOST for r in lost if r.number not in found}
        return found

    def _in_folder(self, record: TrialRecord) -> Forecasts | None:
        name, config = str(record.params.get(MODEL)), config_of(record.params, self.plan.members)
        return self._checked(stored_forecasts(model_folder(self.folder, name), config))

    def _checked(self, point: Any) -> Forecasts | None:
        """Return forecasts if they are of these windows."""
        right = point is not None and point.shape == shape_of(self.plan.data)
        return point if right and np.isfinite(point).all() else None

    def _in_study(self, records: Sequence[TrialRecord]) -> dict[int, Forecasts]:
        if not records or not self.location.is_url:
            return {}
        with readable_errors(self.location), muted():
            storage = open_storage(self.location)
            study = storage.get_study_id_from_name(self.location.study_name)
            trials = {trial.number: trial for trial in storage.get_all_trials(study)}
        found: dict[int, Forecasts] = {}
        for record in records:
            text = attachment_of(trials[record.number]) if record.number in trials else None
            point = None if text is None else self._checked(unpacked(text, self.plan.data))
            if point is not None:
                found[record.number] = point
        return found

    def repeat(
        self,
        records: Sequence[TrialRecord],
        found: Mapping[int, Forecasts],
        dataset: Any,
        budget: TimeBudget,
    ) -> dict[int, Forecasts]:
        """Make lost forecasts again, of the trials that may become members of the ensemble.

        Parameters
        ----------
        records : sequence of TrialRecord
            All trials.
        found : mapping of int to array
            The forecasts that are there.
        dataset : neuralforecast.tsdataset.TimeSeriesDataset or None
            What networks are trained on.
        budget : TimeBudget
            A trial is repeated only if the time left is enough for it.

        Returns
        -------
        dict of int to array
            All forecasts.
        """
        all_of_them = dict(found)
        worth = [r for r in _worth_repeating(records) if r.number in self.missing]
        if worth:
            logger.warning(
                "the forecasts that %d earlier trials made of the validation windows are missing;"
                " they are made again",
                len(worth),
            )
        for record in worth:
            if budget.left() - budget.reserve < record.duration_seconds:
                self.missing[record.number] = f"{LOST}, and no time is left to make them again"
                continue
            try:
                all_of_them[record.number] = self._repeated(record, dataset)
                del self.missing[record.number]
            except Exception as exc:
                logger.debug("trial %d can't be repeated", record.number, exc_info=True)
                self.missing[record.number] = f"{LOST}, and can't be made again: {exc}"
        return all_of_them

    def _repeated(self, record: TrialRecord, dataset: Any) -> Forecasts:
        name, config = str(record.params[MODEL]), config_of(record.params, self.plan.members)
        started = time.monotonic()
        if name in self.plan.members:
            point = self.plan.members[name].forecast_windows(self.plan.data, Deadline()).point
        else:
            assert record.best_step is not None
            task = self.tasks[name]
            point = repeat_forecasts(task, config, dataset, record.best_step).point
        logger.debug("trial %d repeated in %.1f s", record.number, time.monotonic() - started)
        loss = record.best_loss if record.best_loss is not None else float("inf")
        store_forecasts(model_folder(self.folder, name), config, loss, point)
        return point


def _worth_repeating(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the complete trials that an ensemble may choose from, the best first."""
    usable = [r for r in records if r.state == "COMPLETE" and r.best_loss is not None]
    ranked = sorted(usable, key=lambda r: (r.best_loss, r.number))
    models = {str(record.params.get(MODEL)) for record in ranked}
    most_of_a_model = MOST_OF_A_MODEL if len(models) > 1 else MOST_MEMBERS
    best = ranked[0].best_loss if ranked else None
    worst = times_worse(best, WORST_RATIO) if best is not None else 0.0
    counts: Counter[str] = Counter()
    worth = []
    for record in ranked:
        name = str(record.params.get(MODEL))
        if record.best_loss <= worst and counts[name] < most_of_a_model:  # type: ignore[operator]
            counts[name] += 1
            worth.append(record)
    return worth
