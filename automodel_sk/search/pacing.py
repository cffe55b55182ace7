"""Estimate how many trials fit into a time budget from the speed of the ended ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import mean

from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

__all__ = ["run_at_pace", "trials_that_fit"]


def trials_that_fit(
    records: Sequence[TrialRecord], seconds_left: float, workers: int
) -> tuple[int, float]:
    """Return how many more trials fit into the remaining time, and the seconds per trial.

    Parameters
    ----------
    records : sequence of TrialRecord
        Ended trials; copies of duplicates are ignored, since they took no time.
    seconds_left : float
        Time for trials, without that for the refit.
    workers : int
        Number of parallel trials.

    Returns
    -------
    count : int
        At least 1: a trial that the time cuts short may still be the best.
    seconds : float
        Mean duration of a trial, 0 if unknown.

    Examples
    --------
    >>> ended = [TrialRecord(0, "COMPLETE", duration_seconds=10.0)]
    >>> trials_that_fit(ended, 45.0, workers=2)
    (9, 10.0)
    """
    durations = [r.duration_seconds for r in records if r.duration_seconds > 0]
    if not durations:
        return workers, 0.0
    seconds = mean(durations)
    return max(1, math.floor(max(0.0, seconds_left) * workers / seconds)), seconds


def run_at_pace(
    run: Callable[[int], Sequence[TrialRecord]],
    wanted: int,
    workers: int,
    budget: TimeBudget,
    announce: Callable[[int, float], None],
) -> Sequence[TrialRecord]:
    """Run one trial per worker, then as many as fit at that speed, until the time is up.

    Parameters
    ----------
    run : callable
        Runs a study up to a number of trials and returns the ended ones.
    wanted : int
        Trials to run if there is enough time.
    workers : int
        Number of parallel trials.
    budget : TimeBudget
        The time for search and refit.
    announce : callable
        Called with the first revised number of trials and the seconds per trial.

    Returns
    -------
    sequence of TrialRecord
    """
    number = min(workers, wanted)
    announced = False
    while True:
        records = run(number)
        if len(records) >= wanted or len(records) < number or budget.search_is_over():
            return records
        time_left = budget.left() - budget.reserve
        fitting, seconds = trials_that_fit(records, time_left, workers)
        number = min(wanted, len(records) + fitting)
        if not announced:
            announce(number, seconds)
        announced = True
