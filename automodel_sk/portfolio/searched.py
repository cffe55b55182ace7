"""What a search leaves behind: its ended trials, as candidates of an ensemble."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automodel_sk._utils.interrupts import is_stopping
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.trainer import FALLBACKS, config_of
from automodel_sk.portfolio.window_errors import Errors, Forecasts, errors_by
from automodel_sk.portfolio.window_store import WindowStore
from automodel_sk.search.study.request import SearchCallback
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

__all__ = ["EndedTrials", "SearchedPortfolio", "run_until_stopped", "with_candidates"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndedTrials:
    """The trials of a search that have ended, and whether Ctrl-C ended it."""

    records: Sequence[TrialRecord]
    interrupted: bool = False


@dataclass(frozen=True)
class SearchedPortfolio:
    """The ended trials of a search, as candidates.

    Parameters
    ----------
    records : sequence of TrialRecord
        All trials; the parameter `model` names the model of each.
    candidates : sequence of Candidate
        The same by number, with their forecasts of the windows.
    tasks : mapping of str to TrainingTask
        What the trials of each network were trained with.
    interrupted : bool
        Whether Ctrl-C ended the search.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset or None
        What networks were trained on.
    """

    records: Sequence[TrialRecord]
    candidates: Sequence[Candidate]
    tasks: Mapping[str, TrainingTask]
    interrupted: bool = False
    dataset: Any = None


def run_until_stopped(
    run: Callable[[SearchCallback], Sequence[TrialRecord]], callback: SearchCallback
) -> EndedTrials:
    """Run trials; after Ctrl-C, return those that have ended if one is complete.

    Parameters
    ----------
    run : callable
        Runs the trials and passes their events to its argument.
    callback : SearchCallback
        Receives the events too.

    Returns
    -------
    EndedTrials
    """
    kept = _Kept(callback)
    try:
        return EndedTrials(run(kept))
    except KeyboardInterrupt:
        ended = list(kept.records.values())
        if is_stopping() or not any(record.state == "COMPLETE" for record in ended):
            raise
        logger.warning(
            "interrupted: the model is combined from the %d trials that have ended", len(ended)
        )
        return EndedTrials(ended, interrupted=True)


class _Kept:
    """Keeps the ended trials, for a search that is interrupted."""

    def __init__(self, callback: SearchCallback) -> None:
        self._callback = callback
        self.records: dict[int, TrialRecord] = {}

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Pass on one validation loss."""
        self._callback.on_report(number, step, loss)

    def on_trial_end(self, record: TrialRecord) -> None:
        """Keep an ended trial and pass it on."""
        self.records[record.number] = record
        self._callback.on_trial_end(record)


def with_candidates(
    ended: EndedTrials,
    plan: PortfolioPlan,
    store: WindowStore,
    tasks: Mapping[str, TrainingTask],
    dataset: Any,
    budget: TimeBudget,
) -> SearchedPortfolio:
    """Return the trials as candidates, with their forecasts of the windows.

    Parameters
    ----------
    ended : EndedTrials
        The trials; lost forecasts are made again unless the user stopped the search.
    plan : PortfolioPlan
        The plan.
    store : WindowStore
        Where the forecasts are.
    tasks, dataset
        As in `SearchedPortfolio`.
    budget : TimeBudget
        The time for search and final models.

    Returns
    -------
    SearchedPortfolio
    """
    forecasts = store.collect(ended.records)
    if not ended.interrupted:
        forecasts = store.repeat(ended.records, forecasts, dataset, budget)
    errors_of = errors_by(plan.objective)
    candidates = [
        _candidate(record, plan, forecasts.get(record.number), errors_of, store.missing)
        for record in ended.records
    ]
    return SearchedPortfolio(ended.records, candidates, tasks, ended.interrupted, dataset)


def _candidate(
    record: TrialRecord,
    plan: PortfolioPlan,
    forecasts: Forecasts | None,
    errors_of: Errors,
    missing: Mapping[int, str],
) -> Candidate:
    """Return a trial with its forecasts of the windows, if it made any."""
    name = str(record.params.get(MODEL))
    errors = None if forecasts is None else errors_of(forecasts)
    return Candidate(
        number=record.number,
        name=name,
        family=MEMBERS[name].family if name in MEMBERS else "neural",
        config=config_of(record.params, plan.members),
        forecasts=forecasts,
        errors=errors,
        seconds=record.duration_seconds,
        state=record.state,
        reason=record.reason or missing.get(record.number) or record.tags.get("note"),
        n_fallbacks=int(record.tags.get(FALLBACKS, 0)),
    )
