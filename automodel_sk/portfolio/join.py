"""Join a search over several models that another process started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.budget import PortfolioBudget
from automodel_sk.portfolio.plan import PortfolioPlan, plan_portfolio
from automodel_sk.portfolio.search import dataset_of, portfolio_request
from automodel_sk.portfolio.store import trial_files
from automodel_sk.search.backends import make_backend
from automodel_sk.search.planning import UserInput
from automodel_sk.search.progress import progress_bar
from automodel_sk.search.study.search_spec import SearchSpec
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.trials import TrialRecord

__all__ = ["join_portfolio", "joined_plan"]


def joined_plan(job: SearchSpec, given: UserInput, options: OptimizationConfig) -> PortfolioPlan:
    """Return the plan of another process's search, built from the data on this machine.

    Parameters
    ----------
    job : SearchSpec
        The search.
    given : UserInput
        Its data, as read here; the models and spaces are those of the search.
    options : OptimizationConfig
        The search's options and this machine's own.
    """
    models: Any = list(job.models)
    given = replace(given, model_name=models, config=dict(job.spaces) or None)
    return replace(plan_portfolio(given, options), is_auto=job.is_auto)


def join_portfolio(
    job: SearchSpec, plan: PortfolioPlan, options: OptimizationConfig, seconds: float | None
) -> Sequence[TrialRecord]:
    """Run trials of another process's search until none are left, and return all that have ended.

    Parameters
    ----------
    job : SearchSpec
        The search.
    plan : PortfolioPlan
        The result of `joined_plan`.
    options : OptimizationConfig
        The search's options and this machine's own.
    seconds : float, optional
        The time until the search ends; no limit if None.
    """
    location = StudyLocation(str(options.study_name), options.storage)
    budget = PortfolioBudget(seconds, refit_shares=plan.refit_shares(), networks=[*plan.networks])
    with (
        trial_files(location, plan.identity()) as folder,
        progress_bar(job.trials, "auto", options.verbose, budget) as bar,
    ):
        request = portfolio_request(plan, options, budget, folder)
        own: dict[str, Any] = {"num_samples": job.trials, "job": None, "initial": ()}
        backend = make_backend(options.backend)
        return backend.run(replace(request, **own), dataset_of(plan), bar)
