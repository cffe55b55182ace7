"""How many trials are recommended, and what a time budget does to them."""

from __future__ import annotations

import pytest

from automodel_sk.search_algorithm_selector import (
    DatasetSize,
    ModelComplexity,
    SearchComplexity,
    recommend_num_samples,
)

RECOMMENDED = [
    ("complex", "medium", "high", 50),
    ("complex", "large", "high", 30),
    ("moderate", "small", "high", 45),
    ("simple", "medium", "low", 10),
    ("complex", "large", "low", 10),
    ("simple", "small", "high", 30),
]


@pytest.mark.parametrize(("model", "size", "search", "n"), RECOMMENDED)
def test_recommended_trials_without_a_budget(model, size, search, n):
    number, explanation = recommend_num_samples(
        ModelComplexity(model), DatasetSize(size), SearchComplexity(search)
    )
    assert number == n
    assert explanation == (
        f"Recommended {n} trials based on model complexity ({model}), dataset size ({size}) "
        f"and search complexity ({search})."
    )


@pytest.mark.parametrize(
    ("hours", "minutes", "n_parallel", "n", "clause"),
    [
        (2.0, None, 1, 50, "the time budget of 2 hours holds them at about 2 minutes a trial."),
        (
            1,
            6,
            1,
            9,
            "the time budget of 1 hour lowered them from 50, at about 6 minutes a trial and "
            "with time kept for the refit.",
        ),
        (
            1,
            6,
            2,
            18,
            "the time budget of 1 hour lowered them from 50, at about 6 minutes a trial, "
            "2 at a time and with time kept for the refit.",
        ),
        (
            0.1,
            6,
            1,
            1,
            "the time budget of 0.1 hours is too short for one trial and the refit at about "
            "6 minutes a trial, so raise it.",
        ),
        (100, 1, 1, 50, "the time budget of 100 hours holds them at about 1 minute a trial."),
    ],
)
def test_a_time_budget_lowers_the_trials_and_says_so(hours, minutes, n_parallel, n, clause):
    number, explanation = recommend_num_samples(
        "complex", "medium", "high", hours, minutes_per_trial=minutes, n_parallel=n_parallel
    )
    assert number == n
    assert explanation.startswith(f"Recommended {n} trial")
    assert explanation.endswith(f"(high); {clause}")


def test_larger_budgets_never_recommend_fewer_trials():
    numbers = [
        recommend_num_samples("moderate", "large", "high", hours / 4)[0] for hours in range(1, 40)
    ]
    assert numbers == sorted(numbers)
    assert numbers[0] >= 1
    assert numbers[-1] == recommend_num_samples("moderate", "large", "high")[0]
