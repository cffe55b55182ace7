"""Plan an ensemble of the best trials of a search over one network."""

from __future__ import annotations

from dataclasses import replace

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.judging import judging_data, judging_objective, prepared_with_windows
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.portfolio.space import PortfolioSpace
from automodel_sk.search.planning import UserInput, plan_search
from automodel_sk.training.objective import Objective
from automodel_sk.validation.data.categories import named_categories

__all__ = ["is_one_configuration", "plan_one"]


def plan_one(given: UserInput, options: OptimizationConfig) -> PortfolioPlan:
    """Plan the search of one network as without an ensemble, on the windows of an ensemble.

    The trials are those of the same search without `ensemble`: same sampler, pruner, number, first
    trials and score. Only the default number of windows is that of several models, since the
    combination is chosen by leaving windows out.

    Parameters
    ----------
    given : UserInput
        Its `model_name` is the name of one network.
    options : OptimizationConfig
        How to search.

    Returns
    -------
    PortfolioPlan

    Raises
    ------
    InvalidInputError
        Carries the validator's findings.
    """
    prepared = prepared_with_windows(given, options, named_categories(given.config))
    search = plan_search(
        prepared, given.model_name, prepared.options, config=given.config, loss=given.loss
    )
    data = judging_data(prepared)
    return PortfolioPlan(
        data,
        networks={given.model_name: search},
        members={},
        left_out={},
        spaces=PortfolioSpace({}),
        initial=(),
        objective=_objective(options, data),
        profile=search.profile,
        validation=search.validation,
        prepared=prepared,
        of_trials=True,
    )


def is_one_configuration(plan: PortfolioPlan) -> bool:
    """Return whether the search space is a fixed configuration, which is trained once."""
    return plan.alone is not None and plan.alone.strategy is None


def _objective(options: OptimizationConfig, data: PortfolioData) -> Objective:
    """Return what point forecasts are judged by: the metric, unless it is one of quantiles.

    The search has shown that it can compute the metric, so that a failure here means the lack of
    quantiles.
    """
    try:
        return judging_objective(options, data)
    except InvalidInputError:
        return judging_objective(replace(options, metric=None), data)
