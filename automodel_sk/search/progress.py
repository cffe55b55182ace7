"""Show progress over trials, and combine several search callbacks into one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from automodel_sk.console import Display, SearchState, open_display, say
from automodel_sk.console.state import duration_text
from automodel_sk.data.wording import wording
from automodel_sk.search.study.request import SearchCallback
from automodel_sk.tracking import Tracker
from automodel_sk.training.task import REPORTS_PER_TRIAL
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

__all__ = ["Callbacks", "ProgressBar", "TrackerCallback", "progress_bar", "say"]

_WORTH_SAYING = 30.0
"""Seconds from which on the expected duration of a search is announced."""


class Callbacks:
    """Forward events to several search callbacks, each ended trial once.

    A search within a time budget runs its study several times, and each run passes on all trials.

    Parameters
    ----------
    callbacks : sequence of SearchCallback
        Called in this order.
    """

    def __init__(self, callbacks: Sequence[SearchCallback]) -> None:
        self._callbacks = list(callbacks)
        self._ended: set[int] = set()

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Pass on one validation loss."""
        for callback in self._callbacks:
            callback.on_report(number, step, loss)

    def on_trial_end(self, record: TrialRecord) -> None:
        """Pass on an ended trial unless it was passed on before."""
        if record.number in self._ended:
            return
        self._ended.add(record.number)
        for callback in self._callbacks:
            callback.on_trial_end(record)


class TrackerCallback:
    """Log each ended trial to a tracker.

    Parameters
    ----------
    tracker : Tracker
        A started tracker.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Raise if the tracker can't be used: a trial is tracked once, when it has ended."""
        self._tracker.check()

    def on_trial_end(self, record: TrialRecord) -> None:
        """Log the trial."""
        self._tracker.check()
        self._tracker.log_trial(record)


class ProgressBar:
    """Show ended and running trials, the best score and the remaining time.

    Parameters
    ----------
    state : SearchState
        State of the search.
    display : Display
        Updated whenever the state changes.
    announces : bool
        Whether the expected duration is announced as soon as it can be estimated.
    """

    def __init__(self, state: SearchState, display: Display, announces: bool = False) -> None:
        self._state, self._display = state, display
        self._announces = announces

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Show the progress of a running trial."""
        self._state.report(number, step)
        self._display.renew()
        if self._announces:
            self._announce()

    def on_trial_end(self, record: TrialRecord) -> None:
        """Count a trial."""
        self._state.end(record)
        self._display.renew()

    def _announce(self) -> None:
        """Say once how long the search will take, and how to limit it."""
        seconds = self._state.left()
        if seconds is None:
            return
        self._announces = False
        if seconds >= _WORTH_SAYING:
            option = wording().option("time_budget_hours=0.2", "--time-budget 10m")
            how = "" if option is None else f"; {option} limits it"
            say(f"Time: about {duration_text(seconds, 2)} for {self._state.total} trials{how}")

    def expect(self, total: int) -> None:
        """Show another total number of trials."""
        self._state.total = total
        self._display.renew()

    def on_refit(self, share: float = 0.0) -> None:
        """Show the progress of the refit."""
        begins = not self._state.in_refit
        if begins:
            self._state.begin_refit()
        self._state.refit(share)
        self._display.renew(now=begins)


@contextmanager
def progress_bar(
    total: int | None,
    label: str,
    verbose: bool,
    budget: TimeBudget,
    reports: int = REPORTS_PER_TRIAL,
    *,
    metric: str = "",
    models: Sequence[str] = (),
    prunes: bool = False,
) -> Iterator[ProgressBar]:
    """Show a progress bar during search and refit, if it is enabled."""
    state = SearchState(label, total, budget, reports, metric=metric, models=models, prunes=prunes)
    announces = verbose and bool(total) and not budget.is_limited
    with open_display(state, verbose) as display:
        yield ProgressBar(state, display, announces)
        state.finish()
