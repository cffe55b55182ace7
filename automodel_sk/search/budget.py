"""One time budget for the search and the refit that follows it."""

from __future__ import annotations

import time
from collections.abc import Callable

from automodel_sk.tracking import TrialRecord

__all__ = ["TimeBudget"]


class TimeBudget:
    """Seconds for search and refit together.

    The search ends early enough for the refit of the best trial so far: as
    long as that trial took to reach its best step. While there is none yet,
    the running trial must leave as much time as it has used itself.

    Parameters
    ----------
    seconds : float, optional
        The budget, from now on; no limit when None.
    clock : callable
        Gives the time in seconds.
    refit_share : float, default 1.0
        Share of a training anew that the final model takes; 0 where it keeps
        the weights of the best trial.

    Examples
    --------
    >>> budget = TimeBudget(100.0, clock=lambda: 0.0)
    >>> budget.search_is_over(running_seconds=40.0)
    False
    >>> budget.search_is_over(running_seconds=100.0)
    True
    """

    def __init__(
        self,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        refit_share: float = 1.0,
    ) -> None:
        self._share = refit_share
        self._clock = clock
        self._end = float("inf") if seconds is None else clock() + seconds
        self._best: float | None = None
        self._refit_seconds: float | None = None
        self.least_steps = 0
        """Steps of the refit, however early a trial was best."""

    def left(self) -> float:
        """Return the seconds left, infinite where there is no limit."""
        return self._end - self._clock()

    def add(self, seconds: float) -> None:
        """Give so many seconds more, which were spent waiting."""
        self._end += seconds

    def ends(self) -> float | None:
        """Return when the time is up, in seconds since 1970; None where there is no limit."""
        return None if self._end == float("inf") else time.time() + self.left()

    def search_is_over(self, running_seconds: float = 0.0) -> bool:
        """Return whether the time left is needed for the refit.

        Parameters
        ----------
        running_seconds : float
            Seconds that the running trial has used.
        """
        running = running_seconds * self._share
        reserve = running if self._refit_seconds is None else self._refit_seconds
        return self.left() <= reserve

    @property
    def refit_seconds(self) -> float | None:
        """Seconds that the refit of the best trial so far will take, None before there is one."""
        return self._refit_seconds

    def note(self, record: TrialRecord) -> None:
        """Learn from an ended trial how long the refit will take."""
        losses = record.intermediate_values
        if record.state == "FAIL" or not losses:
            return
        best_step = min(losses, key=lambda step: losses[step])
        if self._best is None or losses[best_step] < self._best:
            self._best = losses[best_step]
            steps = max(best_step, self.least_steps)
            seconds = record.duration_seconds * steps / max(losses)
            self._refit_seconds = self._share * seconds
