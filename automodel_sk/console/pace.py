"""Estimate how long the remaining trials take, from the reports of those that have begun."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Pace"]

_PRUNED_SHARE = 0.6
"""Share of a full training that a trial is expected to make where trials may be pruned."""

_TRIALS_EXPECTED = 3
"""The expected share counts as much as this number of ended trials, so that the first trial to be
pruned does not make the others look short."""

_FEWEST_REPORTS = 4
"""Reports after the first one before anything is estimated."""


class Pace:
    """The speed of the trials of this call, and the mean length of a trial.

    The time before the first report, in which processes start, says nothing about the speed, and
    neither do trials that make no reports, if those to come do.

    Parameters
    ----------
    began : float
        When the search began, in seconds.
    prunes : bool
        Whether trials may be stopped early.

    Examples
    --------
    >>> pace = Pace(began=0.0)
    >>> pace.hear(20.0, [1])  # the first report after 20 s, the fifth one 4 s later
    >>> pace.seconds_left(24.0, running=[5], waiting=2, full=10)
    25.0
    """

    def __init__(self, began: float, *, prunes: bool = False) -> None:
        self._since, self._before = began, 0
        self._expected = _PRUNED_SHARE if prunes else 1.0
        self._fewest = 1
        self._ended: list[int] = []
        self.heard = False

    def hear(self, moment: float, running: Sequence[int], *, anew: bool = False) -> None:
        """Measure the speed from the first report on, unless trials have ended before it.

        Parameters
        ----------
        moment : float
            The time, in seconds.
        running : sequence of int
            Reports of the running trials.
        anew : bool
            Forget the trials that have ended.
        """
        self.heard = True
        if anew or not self._ended:
            self._since, self._before = moment, sum(self._ended) + sum(running)
            self._fewest = _FEWEST_REPORTS

    def end(self, reports: int) -> None:
        """Record a trial that ended after a number of reports."""
        self._ended.append(reports)

    def seconds_left(
        self, moment: float, running: Sequence[int], waiting: int, full: int
    ) -> float | None:
        """Return the seconds that the remaining trials take, or None if it is too early to say.

        Parameters
        ----------
        moment : float
            The time, in seconds.
        running : sequence of int
            Reports of the running trials.
        waiting : int
            Number of trials that have not begun.
        full : int
            Reports of a trial that runs to its end.
        """
        made = sum(self._ended) + sum(running) - self._before
        if moment <= self._since or made < self._fewest:
            return None
        shares = sum(min(1.0, reports / full) for reports in self._ended)
        shares += _TRIALS_EXPECTED * self._expected
        length = shares / (len(self._ended) + _TRIALS_EXPECTED)
        open_shares = sum(max(0.0, 1.0 - reports / full) for reports in running)
        remaining = length * (max(0, waiting) + open_shares) * full
        return remaining * (moment - self._since) / made
