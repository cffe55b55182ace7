"""One search on several machines: shared, waited for, taken over, joined by workers."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import mysql
import optuna
import postgres
import pytest
from database_server import Server
from search_process import SPACE, essence, search, small_dataset, small_request, start
from series import seasonal_panel
from typer.testing import CliRunner

from automodel_sk.auto_model_factory import create_auto_model
from automodel_sk.cli import app
from automodel_sk.exceptions import StorageError
from automodel_sk.search.optuna.backend import OptunaBackend
from automodel_sk.search.study import loop as run_remaining
from automodel_sk.search.study.database import database_lock, usable_url
from automodel_sk.search.study.ownership import Owner, owner_of
from automodel_sk.search.study.search_spec import read_search_spec
from automodel_sk.search.study.storage import StudyLocation, open_storage
from automodel_sk.search.study.study import muted
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

optuna.logging.set_verbosity(optuna.logging.ERROR)


FIXED = {"input_size": 12, "learning_rate": 0.01}


class RecordingCallback:
    """A callback that remembers which trials ended, and which reported here."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self.reported: set[int] = set()

    def on_report(self, number: int, step: int, loss: float) -> None:
        self.reported.add(number)

    def on_trial_end(self, record: TrialRecord) -> None:
        self.ended.append(record.number)


@pytest.fixture(scope="module")
def dataset() -> Any:
    return small_dataset()


@pytest.fixture(scope="module")
def undisturbed(dataset: Any) -> dict[int, tuple[Any, ...]]:
    request = small_request(StudyLocation("study", ":memory:"))
    return essence(OptunaBackend().run(request, dataset, RecordingCallback()))


SERVERS = {"postgresql": postgres.running_server, "mysql": mysql.running_server}


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    with postgres.running_server() as server:
        yield server.url


@pytest.fixture(scope="module")
def mysql_url() -> Iterator[str]:
    with mysql.running_server() as server:
        yield server.url


@pytest.fixture(params=["postgresql", "mysql", "journal"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A storage that several processes can share."""
    kind = request.param
    return tmp_path if kind == "journal" else request.getfixturevalue(f"{kind}_url")


def study_at(location: StudyLocation) -> optuna.Study:
    return optuna.load_study(study_name=location.study_name, storage=open_storage(location))


def wait_for_trials(location: StudyLocation, other: Any) -> None:
    """Wait until another process has begun a trial."""
    lives = True
    while lives:
        lives = other.is_alive()
        with suppress(KeyError):
            if any(owner_of(t) is not None for t in study_at(location).get_trials()):
                return
        time.sleep(0.1)
    raise AssertionError("the other process has begun no trial")


def test_two_processes_share_the_trials(
    place: Any, dataset: Any, undisturbed: dict[int, tuple[Any, ...]]
) -> None:
    location = StudyLocation(f"shared by {Path(str(place)).name}", place)
    other = start(search, place, location.study_name)
    wait_for_trials(location, other)
    callback = RecordingCallback()
    records = OptunaBackend().run(small_request(location), dataset, callback)
    other.join()
    assert other.exitcode == 0
    assert essence(records) == undisturbed
    assert sorted(callback.ended) == list(range(6))
    owners = {owner_of(trial) for trial in study_at(location).get_trials()}
    assert other.pid in {owner.pid for owner in owners if owner is not None}


def test_the_last_trial_of_another_process_is_waited_for(
    place: Any, dataset: Any, caplog: pytest.LogCaptureFixture
) -> None:
    location = StudyLocation("awaited", place)
    other = start(search, place, "awaited", num_samples=1, max_steps=400)
    wait_for_trials(location, other)
    callback = RecordingCallback()
    with caplog.at_level(logging.WARNING, "automodel_sk"):
        [record] = OptunaBackend().run(small_request(location, 1, 400), dataset, callback)
    other.join()
    assert record.state == "COMPLETE"
    assert callback.ended == [0]
    assert not callback.reported
    assert f"waiting for trials of other processes: 0 on {Owner.here().machine.split()[0]}" in (
        caplog.text
    )


def abandoned(location: StudyLocation, silent_seconds: float) -> None:
    """Leave a trial behind as another machine does that was switched off."""
    OptunaBackend().run(small_request(location, 1), small_dataset(), RecordingCallback())
    storage = open_storage(location)
    with muted():
        trial = optuna.load_study(study_name=location.study_name, storage=storage).ask()
    storage.record_heartbeat(trial._trial_id)  # type: ignore[attr-defined]
    trial.set_user_attr("owner", json.dumps(["elsewhere", 1, 0.0, 1]))
    _set_back(location, trial._trial_id, silent_seconds)


def _set_back(location: StudyLocation, trial_id: int, seconds: float) -> None:
    """Date a trial's last sign of life back."""
    if not location.is_url:
        beat = "automodel_sk:heartbeat"
        open_storage(location).set_trial_system_attr(trial_id, beat, time.time() - seconds)
        return
    import sqlalchemy

    engine = sqlalchemy.create_engine(usable_url(str(location.storage)))
    beats = sqlalchemy.Table("trial_heartbeats", sqlalchemy.MetaData(), autoload_with=engine)
    its_own = beats.c.trial_id == trial_id
    with engine.begin() as connection:
        last = connection.execute(sqlalchemy.select(beats.c.heartbeat).where(its_own)).scalar_one()
        earlier = last - timedelta(seconds=seconds)
        connection.execute(beats.update().where(its_own).values(heartbeat=earlier))
    engine.dispose()


def test_a_trial_of_a_machine_that_went_silent_runs_again(
    place: Any, dataset: Any, undisturbed: dict[int, tuple[Any, ...]]
) -> None:
    location = StudyLocation("gone", place)
    abandoned(location, silent_seconds=130)
    callback = RecordingCallback()
    records = OptunaBackend().run(small_request(location, 3), dataset, callback)
    assert essence(records) == {number: undisturbed[number] for number in range(3)}
    assert callback.reported == {1, 2}


def test_a_trial_of_a_machine_that_is_heard_of_is_left_alone(place: Any, dataset: Any) -> None:
    location = StudyLocation("alive", place)
    abandoned(location, silent_seconds=60)
    callback = RecordingCallback()
    request = small_request(location, 2, budget=TimeBudget(2.0))
    assert [r.number for r in OptunaBackend().run(request, dataset, callback)] == [0]
    assert not callback.reported


def test_a_trial_that_ends_elsewhere_as_the_search_does_is_heard_of(
    tmp_path: Path, dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = StudyLocation("last", tmp_path)
    abandoned(location, silent_seconds=0)

    def ended_just_now(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
        study.tell(1, 0.5)
        return []

    monkeypatch.setattr(run_remaining, "running_trials", ended_just_now)
    callback = RecordingCallback()
    OptunaBackend().run(small_request(location, 2), dataset, callback)
    assert callback.ended == [0, 1]


def test_what_was_taken_over_is_not_ended_twice(place: Any, dataset: Any) -> None:
    location = StudyLocation("taken over", place)

    class Thief(RecordingCallback):
        """Another process, which takes this one for dead."""

        def on_report(self, number: int, step: int, loss: float) -> None:
            if number == 1 and step == 3:
                study = study_at(location)
                storage, trial = study._storage, study.get_trials()[1]
                owner = json.dumps(["elsewhere", 1, 0.0, 1])
                storage.set_trial_user_attr(trial._trial_id, "owner", owner)
                study.tell(1, 0.125)

    records = OptunaBackend().run(small_request(location, 3), dataset, Thief())
    assert [r.state for r in records] == ["COMPLETE"] * 3
    assert records[1].value == 0.125
    assert records[1].reason is None


@pytest.mark.parametrize("kind", [*SERVERS, "sqlite"])
def test_a_lock_lets_one_in_at_a_time(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    sqlite = f"sqlite:///{tmp_path / 'study.db'}"
    url = sqlite if kind == "sqlite" else request.getfixturevalue(f"{kind}_url")
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(10):
            with database_lock(url, "mine"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    with database_lock(url, "mine"), database_lock(url, "another"):
        pass


class Unplugged(RecordingCallback):
    """Ends the database's server in the middle of a trial."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def on_report(self, number: int, step: int, loss: float) -> None:
        if number == 1 and step == 3:
            self._server.stop()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_database_that_goes_away_is_named_without_its_password(kind: str, dataset: Any) -> None:
    with SERVERS[kind]() as server:
        request = small_request(StudyLocation("left", server.url), 2)
        with pytest.raises(StorageError, match="its content is kept: call again") as caught:
            OptunaBackend().run(request, dataset, Unplugged(server))
    assert "hunter2" not in str(caught.value)


def test_urls_name_a_driver_that_is_installed() -> None:
    for url in ("postgresql://me:secret@host/db", "postgres://me:secret@host/db"):
        assert usable_url(url).drivername == "postgresql+psycopg"
        assert usable_url(url).password == "secret"
    assert usable_url("postgresql+psycopg2://host/db").drivername == "postgresql+psycopg2"
    assert usable_url("mysql://me:secret@host/db").drivername == "mysql+pymysql"
    with pytest.raises(StorageError, match="PostgreSQL, MySQL or SQLite, got 'mssql'"):
        usable_url("mssql://host/db")


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automodel_sk.search.study.database.find_spec", lambda name: None)
    with pytest.raises(StorageError, match=r"pip install 'psycopg\[binary\]'"):
        usable_url("postgresql://me:secret@host/db")
    with pytest.raises(StorageError, match="pip install 'pymysql'"):
        usable_url("mysql://me:secret@host/db")


class TestWorkerCommand:
    """`automodel-sk worker`, on a search that its own program has left unfinished."""

    OPTIONS: dict[str, Any] = {"cpus": 1, "use_mlflow": False, "verbose": False}  # noqa: RUF012

    @pytest.fixture
    def sales(self, tmp_path: Path) -> Path:
        path = tmp_path / "sales.csv"
        frame = seasonal_panel(n_series=2, length=72)
        frame.rename(columns={"unique_id": "shop"}).to_csv(path, index=False)
        return path

    @pytest.fixture
    def unfinished(self, tmp_path: Path, sales: Path) -> StudyLocation:
        """Begin a search of 3 trials, and interrupt it in the second."""
        from automodel_sk.search import progress

        def interrupt(_: Any, number: int, step: int, loss: float) -> None:
            if number == 1:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(progress.TrackerCallback, "on_report", interrupt)
            with pytest.raises(KeyboardInterrupt):
                self.begin(tmp_path)
        return StudyLocation("joined", tmp_path)

    def begin(self, storage: Path, space: Any = SPACE, loss: Any = "huber") -> Any:
        frame = seasonal_panel(n_series=2, length=72)
        options = {**self.OPTIONS, "study_name": "joined", "storage": storage, "num_samples": 3}
        return create_auto_model("MLP", 12, frame, space, loss, metric="mae", **options)

    def join(self, location: StudyLocation, *arguments: Any) -> Any:
        words = ["worker", "--study", location.study_name, "--storage", location.storage]
        words += ["--cpus", 1, "--quiet", *arguments]
        return CliRunner().invoke(app, [str(word) for word in words])

    def test_it_ends_the_search_and_leaves_the_model_to_its_program(
        self, tmp_path: Path, sales: Path, unfinished: StudyLocation
    ) -> None:
        result = self.join(unfinished, "--data", sales, "--id-col", "shop")
        assert result.exit_code == 0, result.output
        assert result.stdout == "Study joined: 3 of 3 trials have ended\n"
        model = self.begin(tmp_path)
        alone = self.begin(tmp_path / "alone")
        columns = ["number", "state", "value", "params_learning_rate", "best_step"]
        assert model.trials[columns].equals(alone.trials[columns])

    def test_it_refuses_other_data(
        self, tmp_path: Path, sales: Path, unfinished: StudyLocation
    ) -> None:
        other = tmp_path / "other.csv"
        other.write_text(sales.read_text().replace(",100.0\n", ",101.0\n", 1))
        result = self.join(unfinished, "--data", other, "--id-col", "shop")
        assert result.exit_code == 1
        assert f"{other} is not what study 'joined' was started with: other values" in result.stderr

    def test_it_refuses_what_it_would_have_to_unpickle(self, tmp_path: Path, sales: Path) -> None:
        self.begin(tmp_path, space=lambda trial: {**SPACE, **FIXED})
        result = self.join(StudyLocation("joined", tmp_path), "--data", sales)
        assert result.exit_code == 1
        assert "can't be joined by a worker: its search space is a Python function" in result.stderr

    def test_it_refuses_settings_that_act(self, tmp_path: Path, sales: Path) -> None:
        self.begin(tmp_path, space={**SPACE, "detect_anomaly": True, "max_steps": 2})
        result = self.join(StudyLocation("joined", tmp_path), "--data", sales)
        assert result.exit_code == 1
        assert "study 'joined' sets 'detect_anomaly', which may execute code" in result.stderr

    def test_it_names_what_is_missing(self, tmp_path: Path, sales: Path) -> None:
        result = self.join(StudyLocation("nowhere", tmp_path / "none"), "--data", sales)
        assert result.exit_code == 1
        assert "there is no study 'nowhere' in" in result.stderr
        assert not (tmp_path / "none").exists()

    def test_it_makes_no_database_either(self, tmp_path: Path, sales: Path) -> None:
        for folder in ("", "none/"):
            place = f"sqlite:///{tmp_path}/{folder}nowhere.db"
            result = self.join(StudyLocation("nowhere", place), "--data", sales)
            assert result.exit_code == 1
            assert "there is no study 'nowhere' in" in result.stderr
        assert list(tmp_path.glob("*nowhere*")) == []
        assert not (tmp_path / "none").exists()

    def test_a_job_is_read_back_as_it_was(self, unfinished: StudyLocation) -> None:
        job = read_search_spec(unfinished)
        assert (job.model_name, job.h, type(job.loss).__name__) == ("MLP", 12, "HuberLoss")
        assert job.space.domains == {k: v for k, v in SPACE.items() if k in job.space.domains}
        assert (job.options.num_samples, job.options.metric, job.ends) == (3, "mae", None)
        assert replace(job.options, num_samples=None, metric=None).backend == "optuna"
