"""Notify a search callback of each ended trial once, whichever process ran it."""

from __future__ import annotations

from optuna import Study

from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.trial_lifecycle import record_of
from automodel_sk.trials import TrialRecord

__all__ = ["TrialNotifier"]


class TrialNotifier:
    """Forward events to the search callback and the time budget.

    Parameters
    ----------
    study : optuna.Study
        The study, which other processes may work on too.
    request : SearchRequest
        The search; its budget learns from each trial.
    callback : SearchCallback
        The callback to notify.
    """

    def __init__(self, study: Study, request: SearchRequest, callback: SearchCallback) -> None:
        self._study, self._request, self._callback = study, request, callback
        self._numbers: set[int] = set()
        self._learnt: set[int] = set()

    def on_report(self, number: int, step: int, loss: float) -> None:
        """Pass on one validation loss."""
        self._callback.on_report(number, step, loss)

    def on_trial_end(self, record: TrialRecord) -> None:
        """Pass on an ended trial, once."""
        if record.number not in self._numbers:
            self._numbers.add(record.number)
            self._request.budget.note(record)
            self._callback.on_trial_end(record)

    def learn(self) -> None:
        """Let the time budget learn from trials that ended in other processes."""
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state.is_finished() and trial.number not in self._numbers | self._learnt:
                self._learnt.add(trial.number)
                self._request.budget.note(record_of(trial, self._request))

    def catch_up(self) -> None:
        """Pass on ended trials not seen before: earlier ones and those of other processes."""
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state.is_finished() and trial.number not in self._numbers:
                self.on_trial_end(record_of(trial, self._request))
