"""Recommend how many trials a search needs and how many fit a time budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from automodel_sk.arguments.conversion import convert
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.catalog.scales import (
    DatasetSize,
    ModelComplexity,
    SearchComplexity,
    member_of_scale,
)

__all__ = ["recommend_num_samples"]

BASE_TRIALS: Mapping[SearchComplexity, int] = MappingProxyType(
    {SearchComplexity.LOW: 10, SearchComplexity.MEDIUM: 25, SearchComplexity.HIGH: 50}
)
MODEL_FACTOR: Mapping[ModelComplexity, float] = MappingProxyType(
    {ModelComplexity.SIMPLE: 0.5, ModelComplexity.MODERATE: 0.75, ModelComplexity.COMPLEX: 1.0}
)
DATASET_FACTOR: Mapping[DatasetSize, float] = MappingProxyType(
    {DatasetSize.SMALL: 1.2, DatasetSize.MEDIUM: 1.0, DatasetSize.LARGE: 0.6}
)
MODEL_MINUTES: Mapping[ModelComplexity, float] = MappingProxyType(
    {ModelComplexity.SIMPLE: 0.5, ModelComplexity.MODERATE: 1.0, ModelComplexity.COMPLEX: 2.0}
)
DATASET_MINUTES_FACTOR: Mapping[DatasetSize, float] = MappingProxyType(
    {DatasetSize.SMALL: 0.5, DatasetSize.MEDIUM: 1.0, DatasetSize.LARGE: 4.0}
)
"""Rules of thumb: wider spaces and richer models need more trials; large data get fewer."""


def recommend_num_samples(
    model_complexity: ModelComplexity | str,
    dataset_size: DatasetSize | str,
    search_complexity: SearchComplexity | str,
    time_budget_hours: float | None = None,
    *,
    minutes_per_trial: float | None = None,
    n_parallel: int = 1,
) -> tuple[int, str]:
    """Recommend a number of trials and explain it.

    Wider spaces and more complex models get more trials; large datasets, which are costly to train
    on, get fewer. A time budget can only lower the number, and reserves the time of one trial for
    the refit.

    Parameters
    ----------
    model_complexity : ModelComplexity or str
        "simple", "moderate" or "complex".
    dataset_size : DatasetSize or str
        "small", "medium" or "large".
    search_complexity : SearchComplexity or str
        "low", "medium" or "high".
    time_budget_hours : float, optional
        Time budget of search and refit together, in hours.
    minutes_per_trial : float, optional
        Minutes per trial; a rule of thumb if None.
    n_parallel : int, default 1
        Number of trials that run in parallel.

    Returns
    -------
    num_samples : int
        Number of trials, at least 1.
    explanation : str
        One sentence that explains the number.

    Raises
    ------
    InvalidInputError
        If an argument is invalid; the message names it.

    Examples
    --------
    >>> n, explanation = recommend_num_samples("complex", "medium", "high", time_budget_hours=2.0)
    >>> n
    50
    >>> print(explanation)
    Recommended 50 trials based on model complexity (complex), dataset size (medium) and
    search complexity (high); the time budget of 2 hours holds them at about 2 minutes a trial.
    """
    model = member_of_scale(ModelComplexity, "model_complexity", model_complexity)
    size = member_of_scale(DatasetSize, "dataset_size", dataset_size)
    search = member_of_scale(SearchComplexity, "search_complexity", search_complexity)
    n_parallel = convert(NumberRule("n_parallel", 2), n_parallel)
    factor = MODEL_FACTOR[model] * DATASET_FACTOR[size]
    wanted = 5 * max(2, round(BASE_TRIALS[search] * factor / 5))
    minutes = MODEL_MINUTES[model] * DATASET_MINUTES_FACTOR[size]
    if minutes_per_trial is not None:
        minutes = convert(_above_zero("minutes_per_trial"), minutes_per_trial)
    number, budget = _within_budget(wanted, time_budget_hours, minutes, n_parallel)
    return number, (
        f"Recommended {_count(number, 'trial')} based on model complexity ({model.value}), "
        f"dataset size ({size.value}) and search complexity ({search.value}){budget}."
    )


def _within_budget(
    wanted: int, hours: float | None, minutes: float, n_parallel: int
) -> tuple[int, str]:
    """Return the number of trials that fit the budget, and the clause that says so."""
    if hours is None:
        return wanted, ""
    budget = convert(_above_zero("time_budget_hours"), hours) * 60
    rounds = math.floor((budget - minutes) / minutes + 1e-9)
    held = rounds * n_parallel
    pace = f"about {_count(minutes, 'minute')} a trial"
    pace += f", {n_parallel} at a time" if n_parallel > 1 else ""
    name = f"the time budget of {_count(hours, 'hour')}"
    if held >= wanted:
        return wanted, f"; {name} holds them at {pace}"
    if held < 1:
        return 1, f"; {name} is too short for one trial and the refit at {pace}, so raise it"
    return held, (
        f"; {name} lowered them from {wanted}, at {pace} and with time kept for the refit"
    )


def _above_zero(name: str) -> NumberRule:
    return NumberRule(name, 2.0, whole=False, low=0, low_open=True)


def _count(number: float, unit: str) -> str:
    """Return `1 trial`, `2 trials`, `0.5 hours`."""
    return f"{number:g} {unit}" + ("" if number == 1 else "s")
