"""Tests of which models have a first trial within a budget, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from several_models import frame

from automodel_sk import OptimizationConfig
from automodel_sk.portfolio import run
from automodel_sk.portfolio.budget import CHEAP_SHARE, CHEAP_SHARE_OF_SHORT_SEASONS
from automodel_sk.portfolio.first_trials import cheap_share, within_budget
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.plan import plan_portfolio
from automodel_sk.portfolio.searched import SearchedPortfolio
from automodel_sk.search.planning import UserInput

pytest.importorskip("statsforecast")
NAIVE = ["SeasonalNaive", "Naive", "WindowAverage", "RWD"]


def _plan(models="auto"):
    return plan_portfolio(UserInput(models, 6, frame()), OptimizationConfig())


@pytest.fixture(scope="module")
def plan():
    return _plan()


def _order(plan):
    return [params["model"] for params in plan.initial]


def test_naive_members_are_first_then_the_fast_ones_then_networks(plan):
    order = _order(within_budget(plan, None, workers=1))
    costly = [n for n in order if n in MEMBERS and n not in NAIVE]
    costs = [MEMBERS[name].seconds(plan.data) for name in costly]
    assert order == [*NAIVE, *costly, *plan.networks]
    assert costs == sorted(costs)
    assert "AutoETS" in costly


def test_with_two_workers_the_first_network_starts_beside_them(plan):
    order = _order(within_budget(plan, None, workers=2))
    assert order[: len(NAIVE) + 1] == [*NAIVE, next(iter(plan.networks))]
    assert order[-len(plan.networks) + 1 :] == [*plan.networks][1:]


def test_auto_leaves_out_what_cannot_end_in_its_share(plan):
    cost = MEMBERS["AutoETS"].seconds(plan.data)
    costly = [n for n in plan.members if n not in NAIVE]
    total = sum(MEMBERS[name].seconds(plan.data) for name in costly)
    share = cheap_share(plan)
    enough = within_budget(plan, total / share + 1, workers=1)
    assert "AutoETS" in _order(enough)
    short = within_budget(plan, 0.5 * cost / share, workers=1)
    assert "AutoETS" not in _order(short)
    assert "raise time_budget_hours" in short.left_out["AutoETS"]
    assert "AutoETS" in short.members, "so that the study resumes with a larger budget"
    assert short.identity() == enough.identity()


def test_the_reason_why_it_cannot_end_is_still_given_after_the_search(plan):
    short = within_budget(plan, 10.0, workers=1)
    told = run._left_out(SearchedPortfolio([], [], {}), short, OptimizationConfig())
    assert told["AutoETS"] == short.left_out["AutoETS"]
    ended = "the search ended before its first trial; a larger time budget includes it"
    assert "MLP" not in short.left_out
    assert told["MLP"] == ended


def test_what_the_user_named_is_tried_in_any_case():
    plan = within_budget(_plan(["AutoETS", "Naive", "MLP"]), 0.1, workers=1)
    assert _order(plan) == ["Naive", "AutoETS", "MLP"]


def test_the_share_is_all_of_the_time_without_networks():
    assert cheap_share(_plan(["AutoETS", "Naive"])) == 1.0
    assert cheap_share(_plan(["AutoETS", "Naive", "MLP"])) == 0.5


def test_the_share_is_larger_where_these_members_are_better_than_networks(plan):
    assert plan.is_auto
    monthly, hourly = (replace(plan, data=replace(plan.data, season=s)) for s in (12, 24))
    assert cheap_share(monthly) == CHEAP_SHARE_OF_SHORT_SEASONS == 0.5
    assert cheap_share(hourly) == CHEAP_SHARE == 0.15
