"""The sentence at the end of a search: which baseline it names, and what it advises."""

from __future__ import annotations

import math

import pytest

from automodel_sk.cli.words import CommandLineWords
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.wording import worded
from automodel_sk.evaluation.outcome import Outcome, display_name, target_name

NAIVE = {"SeasonalNaive": 2.0, "Naive": 4.0}


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (
            Outcome("mae", 1.0, NAIVE, windows=1, h=1),
            "MAE 1 on the last step; seasonal naive 2 (50% better).",
        ),
        (
            Outcome("mae", 1.995, NAIVE, windows=3, h=7),
            "MAE 2 on the last 3 windows of 7 steps; seasonal naive 2 (the same).",
        ),
        (
            Outcome("smape", 0.5, {"SeasonalNaive": math.nan}, windows=1, h=7),
            "sMAPE 0.5 on the last 7 steps.",
        ),
        (Outcome("rmse", 0.5, {}, windows=1, h=7), "RMSE 0.5 on the last 7 steps."),
        (
            Outcome("mae", 3.0, {"SeasonalNaive": 4.0, "Naive": 6.0}, windows=1, h=7),
            "MAE 3 on the last 7 steps; seasonal naive 4 (25% better).",
        ),
        (
            Outcome("mae", 3.0, NAIVE | {"SeasonalNaive": 4.0}, 1, 28, freq="D", target="sales"),
            "MAE 3 (in the unit of 'sales') on the last 28 days; seasonal naive 4 (25% better).",
        ),
        (
            Outcome("mase", 0.5, {}, windows=3, h=12, freq="MS", target="sales"),
            "MASE 0.5 on the last 3 windows of 12 months.",
        ),
        (Outcome("rmse", 0.5, {}, windows=1, h=1, freq="h"), "RMSE 0.5 on the last hour."),
        (
            Outcome("mae", 0.5, {}, windows=2, h=1, freq="W-SUN"),
            "MAE 0.5 on the last 2 windows of 1 week.",
        ),
        (Outcome("mae", 1, {}, 1, 1, freq="15min"), "MAE 1 on the last step."),
    ],
)
def test_the_sentence(outcome: Outcome, sentence: str):
    assert outcome.sentence() == sentence
    assert outcome.is_better


def test_a_baseline_that_is_better_than_the_model_is_named_with_what_to_do():
    """A model of a random walk beats the last season easily, and the last value hardly."""
    walk = Outcome("mase", 1.1, {"SeasonalNaive": 3.0, "Naive": 1.0}, windows=5, h=12)
    first, advice = walk.sentence().splitlines()
    assert first == "MASE 1.1 on the last 5 windows of 12 steps; naive 1 (10% worse)."
    assert "time_budget_hours=0.5" in advice
    assert advice.endswith("or use 'Naive'.")
    assert not walk.is_better


def test_at_the_command_line_the_advice_has_options():
    worse = Outcome("mae", 3.0, NAIVE, windows=1, h=7)
    with worded(CommandLineWords({"time_budget_hours": None, "space_file": None})):
        advice = worse.sentence().splitlines()[1]
    assert "--time-budget 30m" in advice
    assert advice.endswith("or use --model SeasonalNaive.")


def test_a_model_that_is_perfect_where_the_last_season_is_too():
    perfect = Outcome("mae", 0.0, {"SeasonalNaive": 0.0}, windows=2, h=3)
    assert perfect.sentence() == "MAE 0 on the last 2 windows of 3 steps; seasonal naive 0."


def test_the_unit_is_the_users_name_of_the_target():
    assert target_name(ColumnNames("shop", "day", "sales")) == "sales"
    assert target_name(ColumnNames("shop", "day")) is None
    with worded(CommandLineWords({"target_col": "turnover"})):
        assert target_name(ColumnNames()) == "turnover"


def test_names_of_metrics():
    assert [display_name(name) for name in ("mae", "rmse", "mqloss", "huber", "loss")] == [
        "MAE",
        "RMSE",
        "mqloss",
        "Huber",
        "loss",
    ]
