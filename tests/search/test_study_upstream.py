"""Optuna's private names do what the study expects of them."""

from __future__ import annotations

import time

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from automodel_sk.search.study import upstream
from automodel_sk.search.study.journal import SharedJournal


@pytest.fixture(params=["memory", "sqlite", "journal"])
def study(request, tmp_path) -> optuna.Study:
    storage = {
        "memory": lambda: None,
        "sqlite": lambda: f"sqlite:///{tmp_path / 'study.db'}",
        "journal": lambda: SharedJournal(str(tmp_path / "study.journal"), interval=30, grace=120),
    }[request.param]()
    return optuna.create_study(storage=storage, pruner=optuna.pruners.MedianPruner())


def test_a_running_trial_is_changed_and_read(study):
    trial = study.ask()
    upstream.set_attributes(study, trial, reason="none", seconds=1.5)
    upstream.set_loss(study, trial, 1, 0.5)
    upstream.set_loss(study, trial, 1, 0.25)
    found = upstream.frozen(study, trial)
    assert found.user_attrs == {"reason": "none", "seconds": 1.5}
    assert found.intermediate_values == {1: 0.25}
    assert found.state is TrialState.RUNNING


def test_a_running_trial_is_queued_again(study):
    first = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    upstream.set_waiting(study, first)
    again = study.ask()
    assert (again.number, again.params) == (first.number, first.params)
    study.tell(again, 1.0)
    assert len(study.trials) == 1


def test_reports_of_an_earlier_attempt_are_forgotten(study):
    trial = study.ask()
    trial.report(9.0, step=1)
    upstream.discard_reports(trial)
    trial.report(1.0, step=1)
    assert upstream.frozen(study, trial).intermediate_values == {1: 1.0}


def test_only_silent_trials_are_found(tmp_path, monkeypatch):
    storage = SharedJournal(str(tmp_path / "study.journal"), interval=30, grace=120)
    study = optuna.create_study(storage=storage)
    silent, alive = study.ask(), study.ask()
    upstream.record_heartbeat(silent)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 121)
    upstream.record_heartbeat(alive)
    assert upstream.silent_trials(study, study.trials) == {silent.number}


def test_databases_with_heartbeats_find_silent_trials(tmp_path):
    path = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(
        storage=optuna.storages.RDBStorage(path, heartbeat_interval=30, grace_period=120)
    )
    trial = study.ask()
    assert upstream.sends_heartbeats(trial.storage)
    upstream.record_heartbeat(trial)
    assert not upstream.silent_trials(study, study.trials)


def test_storages_without_heartbeats_send_none(tmp_path):
    memory = optuna.create_study()
    trial = memory.ask()
    assert not upstream.sends_heartbeats(trial.storage)
    upstream.record_heartbeat(trial)
    assert not upstream.silent_trials(memory, memory.trials)
    plain = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    assert not upstream.sends_heartbeats(plain)


class _Journal(upstream.CheckedJournalStorage):
    """A storage that names the record which cannot be replayed."""

    def replay_error(self, exc: Exception, number: int, worker_id: str) -> Exception:
        return LookupError(f"record {number}: {type(exc).__name__}")

    def is_silent(self, trial: optuna.trial.FrozenTrial) -> bool:
        return False

    def record_heartbeat(self, trial_id: int) -> None:
        raise AssertionError

    def get_heartbeat_interval(self) -> int | None:
        return 30

    def get_heartbeat_stale_trial_callback(self) -> None:
        return None

    def get_failed_trial_callback(self) -> None:
        return None


def test_records_that_can_not_be_replayed_are_named(tmp_path):
    file = str(tmp_path / "study.journal")
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(file)))
    study.ask()
    damaged = b'{"op_code": 8, "worker_id": "other"}\n'
    whole = _Journal(JournalFileBackend(file))
    assert len(whole.get_all_studies()) == 1
    with (tmp_path / "study.journal").open("ab") as journal:
        journal.write(damaged)
    with pytest.raises(LookupError, match="record 2: KeyError"):
        _Journal(JournalFileBackend(file))


def test_locks_and_operations_have_the_expected_names():
    operations = upstream.JournalOperation
    assert {o.name for o in operations} >= {
        "CREATE_STUDY",
        "DELETE_STUDY",
        "SET_TRIAL_STATE_VALUES",
    }
    assert {"acquire", "release"} <= upstream.BaseJournalFileLock.__abstractmethods__


def test_a_database_that_another_program_is_just_creating_is_opened(tmp_path):
    """Optuna's own clients take no lock: of two that create tables at once one fails."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from automodel_sk.search.study.database import open_database

    for attempt in range(6):
        url = f"sqlite:///{tmp_path / f'study{attempt}.db'}"
        start = Barrier(2)

        def foreign(url=url, start=start):
            start.wait()
            try:
                optuna.storages.RDBStorage(url)
            except Exception:  # it may be the one that fails
                return

        def ours(url=url, start=start):
            start.wait()
            return open_database(url, 60, 120)

        with ThreadPoolExecutor(2) as threads:
            other, own = threads.submit(foreign), threads.submit(ours)
            other.result()
            storage = own.result()
        study = optuna.create_study(storage=storage, study_name="s")
        assert study.trials == []
