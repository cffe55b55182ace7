"""The state of a search: its progress and the remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from automodel_sk.console.pace import Pace
from automodel_sk.trials import TrialRecord

__all__ = ["Budget", "SearchState", "clock_text", "duration_text"]


class Budget(Protocol):
    """The time budget of search and refit together."""

    @property
    def refit_seconds(self) -> float | None:
        """Expected seconds of the refit."""

    def left(self) -> float:
        """Return the seconds left; infinite without a limit."""


class SearchState:
    """Finished and running trials, the best score, and the remaining time.

    Parameters
    ----------
    label : str
        Label of the search, such as the model's name.
    total : int, optional
        Number of trials; 0 if a fixed configuration is trained. None if the time decides.
    budget : Budget
        The time budget of search and refit.
    reports : int
        Expected number of reports per trial; raised if a trial reports more often.
    clock : callable
        Function that returns the time in seconds.
    metric : str
        Name of the score.
    models : sequence of str
        Models of the first trials, where several are searched.
    prunes : bool
        Whether trials may be stopped early.

    Examples
    --------
    >>> from automodel_sk.training.time_budget import TimeBudget
    >>> times = iter([0.0, 5.0, 15.0, 15.0])
    >>> state = SearchState("NHITS", 20, TimeBudget(), reports=40, clock=times.__next__)
    >>> state.report(0, 10), state.report(0, 20)
    (None, None)
    >>> state.line()
    'NHITS: 0/20 trials; trial 0 50%; 0:00:15 elapsed, about 0:13:00 left'
    """

    def __init__(
        self,
        label: str,
        total: int | None,
        budget: Budget,
        reports: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        metric: str = "",
        models: Sequence[str] = (),
        prunes: bool = False,
    ) -> None:
        self.label, self.total = label, total
        self._metric, self._models = metric, models
        self._budget, self._reports, self.clock = budget, reports, clock
        self._began = clock()
        self._began_at = datetime.now().astimezone()
        self._limit = budget.left()
        self._counts = {"COMPLETE": 0, "CUT": 0, "PRUNED": 0, "FAIL": 0}
        self._earlier = 0
        self._best: tuple[float, str] | None = None
        self._ended_models: set[str] = set()
        self._running: dict[int, int] = {}
        self._pace = Pace(self._began, prunes=prunes)
        self._refit_began: float | None = None
        self._refit_share = 0.0
        self._ended = False

    def report(self, number: int, report: int) -> None:
        """Record another report of a running trial."""
        self._running[number] = report
        if not self._pace.heard and (report > 1 or not self._models):
            # Of several models, those that are not trained are tried first, and are quick.
            self._pace.hear(self.clock(), list(self._running.values()), anew=bool(self._models))

    def end(self, record: TrialRecord) -> None:
        """Record a finished trial, including one of an earlier call."""
        reported = self._running.pop(record.number, 0)
        cut = record.state == "COMPLETE" and not record.ran_to_its_end
        self._counts["CUT" if cut else record.state] += 1
        ended = record.datetime_complete
        if ended is not None and ended.astimezone() < self._began_at:
            self._earlier += 1
        else:
            reports = max(reported, len(record.intermediate_values))
            # Steps of different models take different times, so that each trial counts as one.
            self._pace.end(self._reports if self._models else reports)
        self._ended_models.add(str(record.params.get("model")))
        if not record.ran_to_its_end or record.value is None:
            return
        self._reports = max(len(record.intermediate_values), self._reports)
        if self._best is None or record.value < self._best[0]:
            own = str(record.params.get("model"))
            self._best = record.value, own if self._models else f"trial {record.number}"

    def begin_refit(self) -> None:
        """Record that the search is over and the refit starts."""
        self._running = {}
        self._refit_began = self.clock()

    def refit(self, share: float) -> None:
        """Record the progress of the refit, from 0 to 1."""
        self._refit_share = share

    def finish(self) -> None:
        """Record that the refit is finished."""
        self._ended, self._refit_share = True, 1.0

    @property
    def done(self) -> int:
        """Number of finished trials."""
        return sum(self._counts.values())

    @property
    def in_refit(self) -> bool:
        """Whether the refit is running."""
        return self._refit_began is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the search started."""
        return self.clock() - self._began

    @property
    def share(self) -> float:
        """Share of the work done, or of the time budget used if that is larger."""
        if self.total == 0:
            return self._refit_share
        trials = self._trials_begun() / self.total if self.total else 0.0
        trials = 1.0 if self.in_refit else trials
        return min(1.0, max(trials, self.elapsed / max(self._limit, 1e-9)))

    def left(self) -> float | None:
        """Return the estimated seconds left for search and refit; None if unknown."""
        if self._ended:
            return None
        estimate = self._refit_left() if self.in_refit else self._search_left()
        if estimate is None:
            budget = self._budget.left()
            return max(0.0, budget) if budget < float("inf") else None
        return max(0.0, min(estimate, self._budget.left()))

    def _search_left(self) -> float | None:
        if self.total is None:
            return None
        waiting = self.total - self.done - len(self._running)
        running = list(self._running.copy().values())
        trials = self._pace.seconds_left(self.clock(), running, waiting, self._reports)
        return None if trials is None else trials + (self._budget.refit_seconds or 0.0)

    def _refit_left(self) -> float | None:
        used = self.clock() - (self._refit_began or 0.0)
        if self._refit_share > 0:
            return used / self._refit_share - used
        expected = self._budget.refit_seconds
        return None if expected is None else expected - used

    def _trials_begun(self) -> float:
        """Return the number of finished trials plus the progress of the running ones."""
        return self.done + sum(self._shares().values())

    def _shares(self) -> Mapping[int, float]:
        return {n: min(1.0, r / self._reports) for n, r in sorted(self._running.copy().items())}

    def counted(self) -> str:
        """Return the number of finished trials as text; empty without a search."""
        if self.total == 0:
            return ""
        of_models = f" of {_count(len(self._ended_models), 'model')}" if self._models else ""
        if self.total is None:
            return f"{_count(self.done, 'trial')}{of_models}" if self.done else ""
        return f"{self.done}/{self.total} trials{of_models if self.done else ''}"

    def results(self) -> str:
        """Return the best score, and the numbers of stopped and failed trials, as text."""
        metric = f"{self._metric} " if self._metric else ""
        digits = ".3g" if self._models else ".5g"
        best = self._best and f"best {metric}{self._best[0]:{digits}} ({self._best[1]})"
        ended = [
            f"{count} {name}"
            for name, count in (
                ("pruned", self._counts["PRUNED"]),
                ("out of time", self._counts["CUT"]),
                ("failed", self._counts["FAIL"]),
                ("of an earlier call", self._earlier),
            )
            if count
        ]
        return ", ".join(part for part in (best, *ended) if part)

    def running(self) -> str:
        """Return the running trials and their progress as text."""
        if self._ended:
            return ""
        if self.in_refit:
            return "final training" + (f" {self._refit_share:.0%}" if self._refit_share else "")
        return ", ".join(f"{self._name(n)} {share:.0%}" for n, share in self._shares().items())

    def _name(self, number: int) -> str:
        """Return the model of a trial, as far as it is known before the trial ends."""
        return self._models[number] if number < len(self._models) else f"trial {number}"

    def times(self) -> str:
        """Return the elapsed and the remaining time as text."""
        left = self.left()
        if self.total is None and left is not None:  # the time is all that limits the search
            return f"{'about' if self.in_refit else 'at most'} {clock_text(left)} left"
        limit = f" of {clock_text(self._limit)}" if self._limit < float("inf") else ""
        about = "" if left is None else f", about {clock_text(left)} left"
        return f"{clock_text(self.elapsed)}{limit} elapsed{about}"

    def line(self) -> str:
        """Return the whole state as one line for a log."""
        counts = ", ".join(part for part in (self.counted(), self.results()) if part)
        parts = (counts, self.running(), self.times())
        return f"{self.label}: " + "; ".join(part for part in parts if part)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def clock_text(seconds: float) -> str:
    """Format a duration in hours, minutes and seconds.

    Examples
    --------
    >>> clock_text(3725.4)
    '1:02:05'
    """
    return str(timedelta(seconds=round(seconds)))


def duration_text(seconds: float, digits: int = 3) -> str:
    """Format a duration in the largest unit that fits it.

    Examples
    --------
    >>> duration_text(300.0), duration_text(5412.0, digits=2)
    ('5 minutes', '1.5 hours')
    """
    for unit, size in (("hour", 3600), ("minute", 60), ("second", 1)):
        count = seconds / size
        if count >= 0.999:
            return f"{count:.{digits}g} {unit}" + ("" if abs(count - 1) < 0.005 else "s")
    return f"{seconds:.2g} seconds"
