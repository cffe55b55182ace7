"""Share one time budget among the search, the refit and the calibration of intervals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from automodel_sk.training.refit_steps import final_steps, refit_steps
from automodel_sk.trials import TrialRecord

__all__ = ["RunningTrial", "TimeBudget"]

CALIBRATION_SHARE = 0.1
"""Intervals are calibrated within the budget if that takes at most this share of it."""


class TimeBudget:
    """Seconds for search, refit and calibration together.

    The search ends early enough for the steps after it. Their time is estimated from the refit
    steps of the best trial and the seconds per step. If no trial has ended yet, the running trial's
    own steps are used, from its first validation on.

    Parameters
    ----------
    seconds : float, optional
        The budget, starting now; no limit if None.
    clock : callable
        Returns the time in seconds.
    refit : {"full", "best_weights", "continue"}
        How the final model is obtained.

    Attributes
    ----------
    calibrates : bool
        Whether intervals will be calibrated as well.
    seconds_a_step : float
        Seconds per training step of the best trial, validations included; 0 before there is one.
    slower_refit : float
        How many times as long as in a trial a step takes in the refit, which is more precise.

    Examples
    --------
    >>> budget = TimeBudget(100.0, clock=lambda: 0.0)
    >>> config, losses = {"max_steps": 1000}, {10: 2.0, 20: 1.0}
    >>> budget.of_trial(config).is_over(losses, seconds=2.0)  # 500 steps would take 50 s
    False
    >>> budget.search_is_over()
    False
    """

    def __init__(
        self,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        refit: str = "full",
    ) -> None:
        self._refit = refit
        self._clock = clock
        self._seconds = float("inf") if seconds is None else seconds
        self._end = clock() + self._seconds
        self._best: tuple[bool, float] | None = None
        self._refit_seconds: float | None = None
        self._calibration_seconds = 0.0
        self._cut_a_trial = False
        self.seconds_a_step = 0.0
        self.slower_refit = 1.0
        self.calibrates = False

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._seconds != float("inf")

    def left(self) -> float:
        """Return the seconds left, or infinity if there is no limit."""
        return self._end - self._clock()

    def add(self, seconds: float) -> None:
        """Extend the budget by seconds that were spent waiting."""
        self._end += seconds

    def ends(self) -> float | None:
        """Return when the time is up, in seconds since 1970, or None if there is no limit."""
        return time.time() + self.left() if self.is_limited else None

    def search_is_over(self) -> bool:
        """Return whether the remaining time is needed for the steps after the search."""
        return self._cut_a_trial or self.left() <= self.reserve

    def cut_a_trial(self) -> None:
        """Record that a trial was stopped for lack of time, so that no other starts."""
        self._cut_a_trial = True

    def of_trial(self, config: Mapping[str, Any]) -> RunningTrial:
        """Return an object that tells a starting trial when it must stop."""
        return RunningTrial(self, config)

    @property
    def reserve(self) -> float:
        """Seconds that the refit of the best trial so far needs, 0 before there is one."""
        small = self._calibration_seconds <= CALIBRATION_SHARE * self._seconds
        calibration = self._calibration_seconds if self.calibrates and small else 0.0
        return (self._refit_seconds or 0.0) + calibration

    @property
    def has_best(self) -> bool:
        """Whether a trial has run to its end."""
        return self._best is not None and not self._best[0]

    @property
    def refit_seconds(self) -> float | None:
        """Seconds that the refit of the best trial so far will take, None before there is one."""
        return self._refit_seconds

    def refit_seconds_of(
        self, config: Mapping[str, Any], best_step: int, seconds_a_step: float
    ) -> float:
        """Return the seconds that a trial's refit takes."""
        steps = refit_steps(self._refit, config, best_step)
        return seconds_a_step * self.slower_refit * steps

    def note(self, record: TrialRecord) -> None:
        """Update the estimated refit time from an ended trial; those not cut off come first."""
        losses = record.intermediate_values
        if record.state == "FAIL" or not losses:
            return
        rank = (not record.ran_to_its_end, min(losses.values()))
        if record.duration_seconds <= 0 or (self._best is not None and rank >= self._best):
            return  # a copy of another trial took no time
        best_step = min(losses, key=lambda step: losses[step])
        self._best = rank
        self.seconds_a_step = record.duration_seconds / max(losses)
        self._refit_seconds = self.refit_seconds_of(record.params, best_step, self.seconds_a_step)
        steps = final_steps(record.params, best_step)
        self._calibration_seconds = self.seconds_a_step * self.slower_refit * steps


class RunningTrial:
    """Decides at each validation whether a running trial must stop.

    Parameters
    ----------
    budget : TimeBudget
        The time budget of the search.
    config : mapping
        The trial's configuration.
    """

    def __init__(self, budget: TimeBudget, config: Mapping[str, Any]) -> None:
        self._budget, self._config = budget, config
        self._left = budget.left()
        self._fitted = False

    def is_over(self, losses: Mapping[int, float], seconds: float | None = None) -> bool:
        """Return whether the trial must stop.

        If its refit still fits into the remaining time, the trial stops before that changes. If the
        refit never fitted, the trial runs until the time is up, and its own weights become the
        model.

        Parameters
        ----------
        losses : mapping of int to float
            Validation loss by training step, so far.
        seconds : float, optional
            Duration of the trial so far; since this object was created if None.
        """
        if not self._budget.is_limited:
            return False
        left = self._budget.left()
        seconds = self._left - left if seconds is None else seconds
        if self._judged(losses, seconds, left):
            self._budget.cut_a_trial()
            return True
        return False

    def _judged(self, losses: Mapping[int, float], seconds: float, left: float) -> bool:
        if self._budget.has_best:
            return left <= self._budget.reserve
        best_step = min(losses, key=lambda step: losses[step])
        needed = self._budget.refit_seconds_of(self._config, best_step, seconds / max(losses))
        if left > needed:
            self._fitted = True
            return False
        return self._fitted or left <= seconds / len(losses)
