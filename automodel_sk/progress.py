"""A progress bar over trials, and the listeners of a search as one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from automodel_sk.search.request import SearchListener
from automodel_sk.search.task import REPORTS_PER_TRIAL
from automodel_sk.tracking import Tracker, TrialRecord

__all__ = ["Listeners", "ProgressBar", "TrackerListener", "progress_bar", "say"]


def say(text: str, verbose: bool) -> None:
    """Write a line to standard error, above any progress bar."""
    if verbose:
        from tqdm.auto import tqdm

        tqdm.write(text, file=sys.stderr)


class Listeners:
    """Passes on to several listeners what one is told.

    Parameters
    ----------
    listeners : sequence of SearchListener
        Told in this order.
    """

    def __init__(self, listeners: Sequence[SearchListener]) -> None:
        self._listeners = list(listeners)

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Pass on one validation loss."""
        for listener in self._listeners:
            listener.on_report(number, step, loss)

    def on_trial_end(self, record: TrialRecord) -> None:
        """Pass on an ended trial."""
        for listener in self._listeners:
            listener.on_trial_end(record)


class TrackerListener:
    """Tells a tracker of each ended trial.

    Parameters
    ----------
    tracker : Tracker
        A started tracker.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Nothing: a trial is tracked once, when it has ended."""

    def on_trial_end(self, record: TrialRecord) -> None:
        """Track the trial."""
        self._tracker.log_trial(record)


class ProgressBar:
    """Shows ended trials, the best score and the running trial's progress.

    Parameters
    ----------
    bar : tqdm
        Counts trials.
    """

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._best: float | None = None
        self._counts = {"COMPLETE": 0, "PRUNED": 0, "FAIL": 0}

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Show how far the running trial is."""
        self._show(f"trial {number} {min(step / REPORTS_PER_TRIAL, 1):.0%}")

    def on_trial_end(self, record: TrialRecord) -> None:
        """Count a trial."""
        self._counts[record.state] += 1
        if record.state == "COMPLETE" and record.value is not None:
            self._best = record.value if self._best is None else min(self._best, record.value)
        self._show("", ended=1)

    def _show(self, running: str, ended: int = 0) -> None:
        """Renew the text; the bar itself decides when to draw it."""
        best = "" if self._best is None else f"best {self._best:.5g}"
        counts = [f"{n} {s}" for s, n in self._counts.items() if n and s != "COMPLETE"]
        parts = [best, *(text.lower() for text in counts), running]
        self._bar.set_postfix_str(", ".join(part for part in parts if part), refresh=False)
        self._bar.update(ended)


@contextmanager
def progress_bar(total: int, label: str, verbose: bool) -> Iterator[ProgressBar]:
    """Show a bar while a search runs, nothing where it is not to be shown."""
    from tqdm.auto import tqdm

    pause = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(total=total, desc=label, unit="trial", disable=not verbose, mininterval=pause) as bar:
        yield ProgressBar(bar)
