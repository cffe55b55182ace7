"""Run the ordinary search of one network, and take its trials as candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from automodel_sk.exceptions import NoUsableTrialError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.budget import TrialsBudget
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.rules import MOST_MEMBERS
from automodel_sk.portfolio.searched import (
    EndedTrials,
    SearchedPortfolio,
    run_until_stopped,
    with_candidates,
)
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.store import model_folder
from automodel_sk.portfolio.window_store import WindowStore
from automodel_sk.search.progress import ProgressBar
from automodel_sk.search.request_builder import search_request, training_data
from automodel_sk.search.run import failures_of, run_trials
from automodel_sk.search.study.request import SearchCallback
from automodel_sk.trials import OUT_OF_TIME, TrialRecord

__all__ = ["search_one"]


def search_one(
    plan: PortfolioPlan,
    options: OptimizationConfig,
    budget: TrialsBudget,
    folder: Path,
    callback: SearchCallback,
    bar: ProgressBar,
    key: str | None = None,
) -> SearchedPortfolio:
    """Run the trials of one network as without an ensemble, and keep what they forecast.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan of `plan_one`.
    options, budget, folder, callback
        As in `search_portfolio`.
    bar : ProgressBar
        Shows how many trials are expected.
    key : str, optional
        As in `search_portfolio`.

    Returns
    -------
    SearchedPortfolio

    Raises
    ------
    NoUsableTrialError
        Every trial failed; lists the reasons.
    """
    network = plan.alone
    assert network is not None
    name = network.task.model_name
    own, dataset = model_folder(folder, name), training_data(network)
    request = search_request(network, options, budget, dataset)
    task = replace(request.task, forecasts=own, weights=own, keep=MOST_MEMBERS)
    request = replace(request, task=task, key=key)
    ended = run_until_stopped(
        lambda notified: run_trials(request, dataset, options, notified, bar), callback
    )
    labelled = EndedTrials(_labelled(ended.records, name), ended.interrupted)
    tasks = {name: task}
    store = WindowStore(plan, tasks, request.location, folder)
    searched = with_candidates(labelled, plan, store, tasks, dataset, budget)
    if all(candidate.forecasts is None for candidate in searched.candidates):
        raise NoUsableTrialError(failures_of(ended.records))
    return replace(searched, candidates=_usable(searched.candidates))


def _labelled(records: Sequence[TrialRecord], name: str) -> list[TrialRecord]:
    """Return the trials with the parameter that names their model, as those of several have."""
    return [replace(record, params={MODEL: name, **record.params}) for record in records]


def _usable(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates; a trial that only the end of the time stopped counts as complete.

    Its forecasts are as good as its score says. So do pruned trials if there are no others.
    """
    none = not any(candidate.is_complete for candidate in candidates)

    def counted(candidate: Candidate) -> Candidate:
        late = candidate.reason == OUT_OF_TIME or none
        counts = candidate.state == "PRUNED" and candidate.forecasts is not None and late
        return replace(candidate, state="COMPLETE") if counts else candidate

    return [counted(candidate) for candidate in candidates]
