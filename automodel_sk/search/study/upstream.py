"""Optuna's private names: the only module that uses them.

Optuna has no public way to change an unfinished trial of another process, to requeue one, or to
write a storage of one's own with heartbeats. Written for Optuna 4.4 to 5.0;
``tests/search/test_study_upstream.py`` fails if a release changes one of these names.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import FrozenTrial, Trial, TrialState

if TYPE_CHECKING:
    from optuna import Study

__all__ = [
    "BaseHeartbeat",
    "BaseJournalFileLock",
    "CheckedJournalStorage",
    "JournalOperation",
    "discard_reports",
    "frozen",
    "record_heartbeat",
    "sends_heartbeats",
    "set_attributes",
    "set_loss",
    "set_waiting",
    "silent_trials",
]


def frozen(study: Study, trial: Trial | FrozenTrial) -> FrozenTrial:
    """Return a trial's current state in the study."""
    return study._storage.get_trial(trial._trial_id)


def set_attributes(study: Study, trial: Trial | FrozenTrial, **values: Any) -> None:
    """Set user attributes of an unfinished trial, whichever process runs it."""
    for name, value in values.items():
        study._storage.set_trial_user_attr(trial._trial_id, name, value)


def set_loss(study: Study, trial: Trial, number: int, loss: float) -> None:
    """Set a trial's report; `Trial.report` would keep the one of an earlier attempt."""
    study._storage.set_trial_intermediate_value(trial._trial_id, number, loss)


def set_waiting(study: Study, trial: Trial | FrozenTrial) -> None:
    """Queue a running trial again."""
    study._storage.set_trial_state_values(trial._trial_id, state=TrialState.WAITING)


def discard_reports(trial: Trial) -> None:
    """Forget the reports of an earlier attempt, which would block or prune this one."""
    trial._cached_frozen_trial = copy.copy(trial._cached_frozen_trial)
    trial._cached_frozen_trial.intermediate_values = {}


def sends_heartbeats(storage: Any) -> bool:
    """Return whether a storage records heartbeats of running trials."""
    return isinstance(storage, BaseHeartbeat) and storage.get_heartbeat_interval() is not None


def record_heartbeat(trial: Trial) -> None:
    """Record that a trial's process is alive, if the storage records heartbeats."""
    if sends_heartbeats(trial.storage):
        trial.storage.record_heartbeat(trial._trial_id)  # type: ignore[attr-defined]


def silent_trials(study: Study, trials: Sequence[FrozenTrial]) -> Collection[int]:
    """Return the numbers of the trials without a recent heartbeat."""
    storage: Any = study._storage
    if not trials or not sends_heartbeats(storage):
        return ()
    silent = set(storage._get_stale_trial_ids(study._study_id))
    return {trial.number for trial in trials if trial._trial_id in silent}


class CheckedJournalStorage(JournalStorage, BaseHeartbeat):
    """Journal storage whose replay errors and heartbeats a subclass defines."""

    def replay_error(self, exc: Exception, number: int, worker_id: str) -> Exception:
        """Return the exception to raise for a record that cannot be replayed.

        Parameters
        ----------
        exc : Exception
            Optuna's own.
        number : int
            Index of the record in the journal.
        worker_id : str
            Identifies this storage among those that write records.
        """
        raise NotImplementedError

    def is_silent(self, trial: FrozenTrial) -> bool:
        """Return whether a running trial has sent no recent heartbeat."""
        raise NotImplementedError

    def _sync_with_backend(self) -> None:
        try:
            super()._sync_with_backend()
        except Exception as exc:
            replayed = self._replay_result
            error = self.replay_error(exc, replayed.log_number_read - 1, replayed.worker_id)
            if error is exc:
                raise
            raise error from exc

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        running = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.RUNNING,))
        return [trial._trial_id for trial in running if self.is_silent(trial)]
