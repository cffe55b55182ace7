"""The journal: whole records or none, whoever is killed and whatever fills up."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from disks import fill, remount, small_disk
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from automodel_sk.exceptions import StorageError
from automodel_sk.search.study.journal import SharedJournal

optuna.logging.set_verbosity(optuna.logging.ERROR)


def shared(path: Path) -> SharedJournal:
    return SharedJournal(str(path), interval=30, grace=120)


def begun(path: Path) -> tuple[SharedJournal, int, int]:
    """Return a journal with a study and a running trial in it."""
    journal = shared(path)
    study = journal.create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    return journal, study, journal.create_new_trial(study)


def as_optuna_reads(path: Path) -> optuna.trial.FrozenTrial:
    """Return the only trial as Optuna itself reads it."""
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    [trial] = optuna.load_study(study_name="study", storage=storage).get_trials()
    return trial


def test_a_record_cut_off_anywhere_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.journal"
    journal, _, trial = begun(path)
    whole = path.read_bytes()
    journal.set_trial_intermediate_value(trial, 1, 0.5)
    record = path.read_bytes()[len(whole) :]
    for cut in range(len(record)):
        path.write_bytes(whole + record[:cut])
        survivor = shared(path)
        survivor.set_trial_intermediate_value(trial, 2, 0.25)
        assert as_optuna_reads(path).intermediate_values == {2: 0.25}


def test_a_process_killed_as_it_wrote_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "j.journal"
    journal, _, trial = begun(path)
    with path.open("ab") as file:  # another process's half record, seen by one that goes on
        file.write(b'{"op_code":7,"worker_id":"w","trial_id":0,"st')
    journal.set_trial_intermediate_value(trial, 1, 0.5)
    assert as_optuna_reads(path).intermediate_values == {1: 0.5}


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: writes are cut off there."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("room", [0, 1, 50])
def test_a_write_cut_off_is_taken_back(tmp_path: Path, room: int) -> None:
    path = tmp_path / "j.journal"
    journal, _, trial = begun(path)
    before = path.read_bytes()
    with room_for(len(before) + room), pytest.raises(StorageError, match="File too large"):
        journal.set_trial_intermediate_value(trial, 1, 0.5)
    assert path.read_bytes() == before
    journal.set_trial_intermediate_value(trial, 1, 0.25)
    assert as_optuna_reads(path).intermediate_values == {1: 0.25}


def report_often(journal: SharedJournal, trial: int) -> None:
    for step in range(100):
        journal.set_trial_intermediate_value(trial, step, 1.0)


def test_a_full_disk_is_named_and_goes_on_when_freed(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        journal, _, trial = begun(disk / "j.journal")
        filler = fill(disk)
        with pytest.raises(StorageError, match=f"No space left.*free some space in {disk}"):
            report_often(journal, trial)
        filler.unlink()
        journal.set_trial_intermediate_value(trial, 1000, 0.5)
        values = as_optuna_reads(disk / "j.journal").intermediate_values
        assert list(values) == [*range(len(values) - 1), 1000]


def test_a_read_only_disk_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        journal, _, trial = begun(disk / "j.journal")
        remount(disk, "ro")
        with pytest.raises(StorageError, match=f"{disk}.*make it writable"):
            journal.set_trial_intermediate_value(trial, 1, 1.0)
        remount(disk, "rw")
        journal.set_trial_intermediate_value(trial, 1, 0.5)
        assert as_optuna_reads(disk / "j.journal").intermediate_values == {1: 0.5}


def test_a_silent_trial_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, study, silent = begun(tmp_path / "j.journal")
    lively, ended = journal.create_new_trial(study), journal.create_new_trial(study)
    now = time.time()
    for trial in (silent, lively, ended):
        journal.record_heartbeat(trial)
    journal.set_trial_state_values(ended, TrialState.COMPLETE, [1.0])
    monkeypatch.setattr(time, "time", lambda: now + 100)
    assert journal._get_stale_trial_ids(study) == []
    journal.record_heartbeat(lively)
    monkeypatch.setattr(time, "time", lambda: now + 150)
    assert journal._get_stale_trial_ids(study) == [silent]


LINES = {
    "no JSON": b"{]\n",
    "no text": b"\xff\xfe\xff\n",
    "zeros": b"\0" * 80 + b"\n",
    "no record": b"[1, 2]\n",
    "no operation": b'{"worker_id":"w","study_id":0}\n',
    "an unknown operation": b'{"op_code":77,"worker_id":"w"}\n',
    "a half-known operation": b'{"op_code":7,"worker_id":"w","trial_id":0,"step":1}\n',
    "a trial of no number": b'{"op_code":8,"worker_id":"w","trial_id":{},"user_attr":{"a":1}}\n',
    "a loss of no number": b'{"op_code":7,"worker_id":"w","trial_id":0,"step":1,'
    b'"intermediate_value":"x"}\n',
    "no distribution": b'{"op_code":5,"worker_id":"w","trial_id":0,"param_name":"x",'
    b'"param_value_internal":1.0,"distribution":"x"}\n',
    "an unknown state": b'{"op_code":6,"worker_id":"w","trial_id":0,"state":9,"values":null}\n',
    "no time": b'{"op_code":6,"worker_id":"w","trial_id":0,"state":1,"values":[1.0]}\n',
    "too deep": b'{"op_code":8,"worker_id":"w","user_attr":' + b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("kind", LINES)
def test_damage_is_named_with_a_way_on(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "my study.journal"
    journal, _, trial = begun(path)
    whole = path.read_bytes()
    journal.set_trial_intermediate_value(trial, 1, 0.5)
    after = path.read_bytes()[len(whole) :]
    path.write_bytes(whole + LINES[kind] + after)
    number = whole.count(b"\n")
    with pytest.raises(StorageError, match="is damaged in line") as caught:
        shared(path)
    told = str(caught.value)
    assert f"{path} is damaged in line {number + 1}, at byte {len(whole)} (" in told
    assert len(told) < 1000
    subprocess.run(told.rpartition("with: ")[2], shell=True, check=True)
    assert path.read_bytes() == whole
    shared(path).set_trial_intermediate_value(trial, 1, 0.25)
    assert as_optuna_reads(path).intermediate_values == {1: 0.25}


def test_damage_stays_damage_for_those_who_have_it_open(tmp_path: Path) -> None:
    path = tmp_path / "j.journal"
    journal, study, _ = begun(path)
    with path.open("ab") as file:
        file.write(LINES["zeros"])
    for _ in range(2):
        with pytest.raises(StorageError, match="is damaged in line"):
            journal.get_all_trials(study)


def test_what_this_process_can_t_do_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.journal"
    journal, study, trial = begun(path)
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        journal.create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    journal.set_trial_state_values(trial, TrialState.COMPLETE, [1.0])
    with pytest.raises(Exception, match="already finished"):
        journal.set_trial_user_attr(trial, "a", 1)
    assert len(journal.get_all_trials(study)) == 1


def test_whoever_opens_it_with_optuna_alone_waits_for_no_lock_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "j.journal"
    journal, _, trial = begun(path)
    journal.set_trial_intermediate_value(trial, 1, 0.5)
    assert not path.with_name("j.journal.lock").exists()  # Optuna's own: it waits for its end
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    storage.set_trial_intermediate_value(trial, 2, 0.25)
    journal.set_trial_intermediate_value(trial, 3, 0.125)
    assert as_optuna_reads(path).intermediate_values == {1: 0.5, 2: 0.25, 3: 0.125}
