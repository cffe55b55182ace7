"""Write ended trials to a store in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from functools import partial

from automodel_sk.tracking.mlflow.runs import EndedTrial

__all__ = ["TrialWriter"]

MOST_WAITING = 1000
"""Maximum number of trials that wait for a slow store before the search waits for it."""

PATIENCE = 3.0
"""Seconds, at each trial."""


class TrialWriter:
    """Write trials in the order in which they end, while the search continues.

    A trial that the store rejects is kept, and tried again after the next one.

    Parameters
    ----------
    write : callable
        Writes one trial; raises if the store rejects it.
    absence : callable
        Returns why the store is unreachable, or None if it is reachable.
    refused : callable
        Called with a rejected trial and the problem, as text or as an exception.

    Attributes
    ----------
    problem : str, Exception or None
        Why the store rejected the last trial, if it did.
    """

    def __init__(
        self,
        write: Callable[[EndedTrial], None],
        absence: Callable[[], str | None],
        refused: Callable[[EndedTrial, str | Exception], None],
    ) -> None:
        self._write, self._absence, self._refused = write, absence, refused
        self.problem: str | Exception | None = None
        self._unwritten: list[EndedTrial] = []
        self._changed = threading.Condition()
        self._news = self._running = self._stuck = self._given_up = False

    def put(self, trial: EndedTrial) -> None:
        """Queue a trial; wait only if too many are queued and the store is reachable."""
        with self._changed:
            self._changed.wait_for(self._has_room, PATIENCE)
            self._unwritten.append(trial)
            self._wake()

    def _has_room(self) -> bool:
        return self._stuck or len(self._unwritten) < MOST_WAITING

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until each trial was tried; return whether all are written."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)
            return not self._unwritten

    def close(self, seconds: float) -> list[EndedTrial]:
        """Retry unwritten trials once more, and return those that the store rejects.

        Gives up if nothing was written for some seconds.
        """
        with self._changed:
            if self._unwritten:
                self._wake()
            left = -1
            while left != len(self._unwritten) and self._running:
                left = len(self._unwritten)
                self._changed.wait_for(partial(self._got_below, left), seconds)
            self._given_up = self._running
            return list(self._unwritten)

    def _got_below(self, left: int) -> bool:
        return not self._running or len(self._unwritten) < left

    def _wake(self) -> None:
        """Let the running thread, or a new one, try all unwritten trials."""
        self._news = True
        if not self._running:
            self._running = True
            # The thread inherits the context of this one, such as MLflow's workspace.
            run = contextvars.copy_context().run
            name = "automodel_sk-tracking"
            threading.Thread(target=run, args=(self._work,), name=name, daemon=True).start()

    def _work(self) -> None:
        """Write until there is nothing new."""
        try:
            while (batch := self._next_batch()) is not None:
                self._write_all(batch)
        except BaseException:
            self._rest()
            raise

    def _next_batch(self) -> list[EndedTrial] | None:
        """Return the trials to try next, or None if there are none."""
        with self._changed:
            if not self._news:
                self._rest()
                return None
            self._news = False
            # The sort is stable: new trials in their order, then those rejected before.
            return sorted(self._unwritten, key=lambda trial: trial.tried)

    def _rest(self) -> None:
        with self._changed:
            self._running = False
            self._changed.notify_all()

    def _write_all(self, batch: list[EndedTrial]) -> None:
        """Write all trials that the store accepts, stopping once it is unreachable."""
        absent: str | Exception | None = self._absence()
        for trial in batch:
            if self._given_up:
                return
            problem = absent or self._problem_with(trial)
            self.problem, self._stuck = problem, problem is not None
            if problem is None:
                self._forget(trial)
                continue
            self._refused(trial, problem)
            absent = absent or self._absence()
            if absent is not None:
                return

    def _problem_with(self, trial: EndedTrial) -> Exception | None:
        """Write a trial; return the problem if the store rejects it."""
        try:
            self._write(trial)
        except Exception as error:
            return error
        return None

    def _forget(self, trial: EndedTrial) -> None:
        with self._changed:
            self._unwritten.remove(trial)
            self._changed.notify_all()
