"""Ended trials on their way to a store, written by a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from functools import partial

from automodel_sk.tracking.mlflow.runs import EndedTrial

__all__ = ["TrialWriter"]

MOST_WAITING = 1000
"""So many trials may wait for a store that is slow; then the search waits for it."""

PATIENCE = 3.0
"""Seconds, at each trial."""


class TrialWriter:
    """Writes trials in the order of their ends, while the search goes on.

    A trial that the store refuses is kept, and tried again behind the next one.

    Parameters
    ----------
    write : callable
        Writes one trial; raises where the store doesn't take it.
    absence : callable
        Returns why the store can't be reached, None if it can.
    refused : callable
        TrialNotifier of a trial that was not taken and, in words or as an error, why.

    Attributes
    ----------
    problem : str, Exception or None
        Why the store didn't take the last trial, if it didn't.
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
        """Take a trial; wait only where too many wait already, and not for a dead store."""
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
        """Try what is unwritten once more, and return what the store doesn't take.

        Given up once nothing was written for some seconds.
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
        """Have all that is unwritten tried, by the thread at work or a new one."""
        self._news = True
        if not self._running:
            self._running = True
            # The thread sees what the user has set for this one: MLflow's workspace, say.
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
        """Return what is to be tried, None where that is all done."""
        with self._changed:
            if not self._news:
                self._rest()
                return None
            self._news = False
            # Stable: new ones in their order, then those refused before.
            return sorted(self._unwritten, key=lambda trial: trial.tried)

    def _rest(self) -> None:
        with self._changed:
            self._running = False
            self._changed.notify_all()

    def _write_all(self, batch: list[EndedTrial]) -> None:
        """Write what the store takes; nothing more once it can't be reached."""
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
        """Write a trial; return what the store has against it."""
        try:
            self._write(trial)
        except Exception as error:
            return error
        return None

    def _forget(self, trial: EndedTrial) -> None:
        with self._changed:
            self._unwritten.remove(trial)
            self._changed.notify_all()
