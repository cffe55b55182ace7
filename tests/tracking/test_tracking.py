"""Tracking in real MLflow stores: SQLite files, and a server over real HTTP."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow_store import closed_port, make_tables, mlflow_server

from automodel_sk.exceptions import AutoModelError, InvalidInputError, TrackingError
from automodel_sk.tracking import (
    MLflowTracker,
    NullTracker,
    SearchRecord,
    Tracker,
    make_tracker,
    mask_secrets,
)
from automodel_sk.trials import TrialRecord

START = datetime(2024, 3, 1, 12, 0, 0)
STUDY = {"automodel_sk.study_id": "5f3a"}


def trial(number: int = 0, **changes: Any) -> TrialRecord:
    values: dict[str, Any] = {
        "state": "COMPLETE",
        "value": 0.25,
        "params": {"max_steps": 100},
        "intermediate_values": {50: 0.5, 100: 0.25},
        "datetime_start": START + timedelta(minutes=number),
        "datetime_complete": START + timedelta(minutes=number, seconds=10),
        "duration_seconds": 10.0,
    }
    return TrialRecord(number=number, **{**values, **changes})


def search(name: str = "sales", **tags: str) -> SearchRecord:
    return SearchRecord(name, "NHITS", {"num_samples": 3}, {**STUDY, **tags})


def milliseconds(moment: datetime) -> int:
    return round(1000 * moment.timestamp())


def settings() -> dict[str, str]:
    """Return the environment but for what MLflow itself puts there."""
    return {k: v for k, v in os.environ.items() if not k.startswith("_MLFLOW")}


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables; making them takes seconds, copying them none."""
    return make_tables(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture(autouse=True)
def no_global_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an empty mlflow.db in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return tmp_path


class Stored:
    """What a store holds, read by MLflow's own client."""

    def __init__(self, uri: str, experiment: str = "automodel_sk") -> None:
        self.client = MlflowClient(tracking_uri=uri)
        found = self.client.get_experiment_by_name(experiment)
        self.experiment_id = found.experiment_id
        self.runs = list(self.client.search_runs([self.experiment_id]))

    def parents(self) -> list[Run]:
        return [run for run in self.runs if "automodel_sk.study" in run.data.tags]

    def parent(self) -> Run:
        (run,) = self.parents()
        return run

    def children(self, parent: Run | None = None) -> dict[int, Run]:
        above = (parent or self.parent()).info.run_id
        below = [r for r in self.runs if r.data.tags.get("mlflow.parentRunId") == above]
        numbers = {int(run.data.tags["automodel_sk.number"]): run for run in below}
        assert len(numbers) == len(below)
        return dict(sorted(numbers.items()))

    def history(self, run: Run, metric: str) -> list[tuple[int, float, int]]:
        points = self.client.get_metric_history(run.info.run_id, metric)
        return [(p.step, p.value, p.timestamp) for p in sorted(points, key=lambda p: p.step)]

    def file(self, run: Run, name: str) -> str:
        downloaded = self.client.download_artifacts(run.info.run_id, name)
        return Path(downloaded).read_text(encoding="utf-8")


def local(folder: Path, experiment: str = "automodel_sk") -> Stored:
    return Stored(f"sqlite:///{folder}/mlflow.db", experiment)


# --- what is written -------------------------------------------------------------------


def test_a_search_is_a_run_with_a_child_for_each_trial(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search(owner="me"))
    tracker.log_trial(trial(0))
    tracker.log_trial(trial(1, state="PRUNED", value=0.5, reason="worse than the median"))
    tracker.log_trial(trial(2, state="FAIL", value=None, intermediate_values={}, reason="NaN"))
    tracker.finish("FINISHED", metrics={"best_val_loss": 0.25, "best_trial": 0})

    stored = local(folder)
    parent = stored.parent()
    assert parent.info.run_id == tracker.run_id
    assert (parent.info.run_name, parent.info.status) == ("sales", "FINISHED")
    assert parent.data.params == {"model": "NHITS", "num_samples": "3"}
    assert parent.data.metrics == {"best_val_loss": 0.25, "best_trial": 0.0}
    tags = parent.data.tags
    assert (tags["owner"], tags["automodel_sk.study_id"]) == ("me", "5f3a")
    assert tags["automodel_sk.version.mlflow"] == mlflow.__version__
    assert "mlflow.parentRunId" not in tags

    children = stored.children()
    assert [run.info.run_name for run in children.values()] == [
        "trial 0",
        "trial 1 (pruned)",
        "trial 2",
    ]
    assert [run.info.status for run in children.values()] == ["FINISHED", "FINISHED", "FAILED"]
    states = [run.data.tags["automodel_sk.state"] for run in children.values()]
    assert states == ["COMPLETE", "PRUNED", "FAIL"]
    assert "automodel_sk.reason" not in children[0].data.tags
    assert children[1].data.tags["automodel_sk.reason"] == "worse than the median"
    assert children[2].data.metrics == {"duration_seconds": 10.0}


def test_losses_have_their_steps_and_times(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(4))
    assert tracker.flush(60)
    stored = local(folder)
    child = stored.children()[4]
    begin = milliseconds(START + timedelta(minutes=4))
    assert (child.info.start_time, child.info.end_time) == (begin, begin + 10_000)
    assert stored.history(child, "val_loss") == [
        (50, 0.5, begin + 5_000),
        (100, 0.25, begin + 10_000),
    ]
    assert stored.history(child, "best_val_loss") == [(0, 0.25, begin + 10_000)]
    assert stored.history(child, "duration_seconds") == [(0, 10.0, begin + 10_000)]
    assert stored.parent().info.status == "RUNNING"


def test_times_follow_from_the_duration_where_they_are_missing(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(0, datetime_complete=None))
    tracker.log_trial(trial(1, datetime_start=None))
    tracker.log_trial(trial(2, datetime_start=None, datetime_complete=None))
    assert tracker.flush(60)
    runs = local(folder).children().values()
    assert [run.info.end_time - run.info.start_time for run in runs] == [10_000] * 3
    assert next(iter(runs)).info.start_time == milliseconds(START)


def test_files_of_the_search(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    best = {"hidden": [64, 64], "rate": np.float32(0.5), "loss": math.nan, "store": "x://a:b@h/d"}
    trials = pd.DataFrame({"number": [0, 1], "value": [0.25, None]})
    tracker.finish(
        "FINISHED",
        artifacts={"best_config.json": best, "trials.csv": trials, "summary.txt": "größer"},
    )
    stored = local(folder)
    parent = stored.parent()
    assert json.loads(stored.file(parent, "best_config.json")) == {
        "hidden": [64, 64],
        "rate": 0.5,
        "loss": None,
        "store": "x://***@h/d",
    }
    assert stored.file(parent, "trials.csv").split() == ["number,value", "0,0.25", "1,"]
    assert stored.file(parent, "summary.txt") == "größer"
    assert parent.info.artifact_uri.startswith((folder / "mlartifacts").as_uri())


def test_parameters_of_every_kind(folder: Path) -> None:
    params = {
        "n_pool_kernel_size": [[2, 2, 1], [1, 1, 1]],
        "optimizer": {"name": "adam", "betas": (0.9, 0.99)},
        "rate": np.float64(0.001),
        "scaler": None,
        "flag": True,
        "nothing": {},
        "text": "naïve\n'quoted\" \ud800 \x00",
        "loss": print,
        "limit": math.inf,
        "empty": "",
        "storage": "postgresql://me:secret@db/x",
    }
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(params=params))
    assert tracker.flush(60)
    assert local(folder).children()[0].data.params == {
        "n_pool_kernel_size": "[[2, 2, 1], [1, 1, 1]]",
        "optimizer/name": "adam",
        "optimizer/betas": "[0.9, 0.99]",
        "rate": "0.001",
        "flag": "True",
        "nothing": "{}",
        "text": "naïve\n'quoted\" ? \\x00",
        "loss": "print",
        "limit": "inf",
        "empty": "",
        "storage": "postgresql://***@db/x",
    }


def test_names_that_mlflow_refuses(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    names = ["a b*c", "a b?c", "../up", "/", "preis€", "k" * 300, "x//y", "größe"]
    tracker.log_trial(trial(params={name: str(i) for i, name in enumerate(names)}))
    assert tracker.flush(60)
    assert local(folder).children()[0].data.params == {
        "a b_c": "0",
        "a b_c_2": "1",
        "up": "2",
        "_": "3",
        "preis_": "4",
        "k" * 250: "5",
        "x/y": "6",
        "größe": "7",
    }


def test_a_long_parameter_is_cut_and_says_so(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(params={"long": "x" * 10_000}, reason="y" * 10_000))
    assert tracker.flush(60)
    child = local(folder).children()[0]
    value = child.data.params["long"]
    assert len(value) == 6000
    assert value.endswith("xxx... [10000 characters in all]")
    assert len(child.data.tags["automodel_sk.reason"]) == 8000


def test_more_than_one_request_holds(folder: Path) -> None:
    params = {f"p{i}": "é" * 5000 for i in range(250)}
    losses = {step: 1 / step for step in range(1, 2501)}
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(params=params, intermediate_values=losses))
    assert tracker.flush(60)
    stored = local(folder)
    child = stored.children()[0]
    assert child.data.params == params
    assert {step: loss for step, loss, _ in stored.history(child, "val_loss")} == losses


def test_losses_that_are_not_finite(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(
        trial(value=math.inf, intermediate_values={1: math.nan, 2: math.inf, 3: -math.inf})
    )
    assert tracker.flush(60)
    stored = local(folder)
    child = stored.children()[0]
    assert child.info.status == "FINISHED"
    # MLflow keeps infinities as the largest floats.
    largest = sys.float_info.max
    history = [value for _, value, _ in stored.history(child, "val_loss")]
    assert math.isnan(history[0])
    assert history[1:] == [largest, -largest]
    assert child.data.metrics["best_val_loss"] == largest


def test_an_interrupted_search_is_killed(folder: Path) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(0))
    tracker.finish("KILLED")
    stored = local(folder)
    assert stored.parent().info.status == "KILLED"
    assert stored.children()[0].info.status == "FINISHED"


def test_two_searches_in_one_experiment(folder: Path) -> None:
    first, second = MLflowTracker(), MLflowTracker()
    first.start(search("a", **{"automodel_sk.study_id": "1"}))
    second.start(search("b", **{"automodel_sk.study_id": "2"}))
    first.log_trial(trial(0, value=1.0))
    second.log_trial(trial(0, value=2.0))
    first.finish("FINISHED")
    second.finish("FAILED")
    stored = local(folder)
    found = {
        run.info.run_name: (
            run.info.status,
            stored.children(run)[0].data.metrics["best_val_loss"],
        )
        for run in stored.parents()
    }
    assert found == {"a": ("FINISHED", 1.0), "b": ("FAILED", 2.0)}


# --- where it is written ---------------------------------------------------------------


def test_the_default_store_stays_where_the_search_began(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    tracker.log_trial(trial())
    tracker.finish("FINISHED", artifacts={"a.json": {}})
    assert tracker.location == f"sqlite:///{folder}/mlflow.db"
    assert list(local(folder).children()) == [0]
    assert list(elsewhere.iterdir()) == []
    assert (folder / "mlartifacts" / str(tracker.run_id) / "artifacts" / "a.json").exists()


def test_a_new_store_is_made_quietly(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "größe & #1 50%"
    folder.mkdir()
    monkeypatch.chdir(folder)
    levels = [logging.getLogger(n).level for n in ("alembic", "mlflow.store.db.utils")]
    environment = settings()
    tracker = MLflowTracker()
    with caplog.at_level(logging.INFO):
        tracker.start(search())
        tracker.log_trial(trial())
        tracker.finish("FINISHED", artifacts={"a.txt": "text"})
    assert sorted(path.name for path in folder.iterdir()) == ["mlartifacts", "mlflow.db"]
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert [logging.getLogger(n).level for n in ("alembic", "mlflow.store.db.utils")] == levels
    assert settings() == environment
    assert local(folder).file(local(folder).parent(), "a.txt") == "text"


@pytest.mark.parametrize("how", ["environment", "call", "argument"])
def test_the_store_that_the_user_chose(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (folder / "mlflow.db").rename(folder / "mine.db")
    uri = "sqlite:///./mine.db"
    if how == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    if how == "call":
        mlflow.set_tracking_uri(uri)
    tracker = MLflowTracker(uri if how == "argument" else None, "mine")
    tracker.start(search())
    assert Stored(f"sqlite:///{folder}/mine.db", "mine").parent().info.run_id == tracker.run_id
    assert not (folder / "mlflow.db").exists()


def test_a_search_lies_below_the_run_that_the_user_has_open(folder: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment_id = mlflow.create_experiment("weekly")
    with mlflow.start_run(run_name="monday", experiment_id=experiment_id) as mine:
        tracker = MLflowTracker()
        tracker.start(search())
        tracker.log_trial(trial())
        tracker.finish("FINISHED")
        assert mlflow.active_run().info.run_id == mine.info.run_id
        mlflow.log_metric("rows", 3)
    stored = local(folder, "weekly")
    parent = stored.parent()
    assert parent.data.tags["mlflow.parentRunId"] == mine.info.run_id
    assert list(stored.children()) == [0]
    assert stored.client.get_run(mine.info.run_id).data.metrics == {"rows": 3.0}
    assert stored.client.get_experiment_by_name("automodel_sk") is None


def test_an_open_run_of_another_store_is_left_alone(folder: Path) -> None:
    shutil.copy(folder / "mlflow.db", folder / "other.db")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    with mlflow.start_run():
        tracker = MLflowTracker(f"sqlite:///{folder}/other.db")
        tracker.start(search())
    parent = Stored(f"sqlite:///{folder}/other.db").parent()
    assert "mlflow.parentRunId" not in parent.data.tags


def test_nothing_global_changes(folder: Path) -> None:
    mlflow.set_tracking_uri("sqlite:////nowhere/at/all.db")
    tracker = MLflowTracker(f"sqlite:///{folder}/mlflow.db", "mine")
    tracker.start(search())
    tracker.log_trial(trial())
    tracker.finish("FINISHED")
    assert mlflow.get_tracking_uri() == "sqlite:////nowhere/at/all.db"
    assert mlflow.active_run() is None


# --- going on --------------------------------------------------------------------------


def test_an_unfinished_search_resumes_in_its_run(folder: Path) -> None:
    first = MLflowTracker()
    first.start(search())
    first.log_trial(trial(0, value=1.0))
    first.finish("KILLED")
    second = MLflowTracker()
    second.start(search())
    assert local(folder).parent().info.status == "RUNNING"
    second.log_trial(trial(0, value=7.0))
    second.log_trial(trial(1, value=2.0))
    second.finish("FINISHED")
    stored = local(folder)
    assert stored.parent().info.run_id == first.run_id == second.run_id
    assert stored.parent().info.status == "FINISHED"
    values = {n: run.data.metrics["best_val_loss"] for n, run in stored.children().items()}
    assert values == {0: 1.0, 1: 2.0}


@pytest.mark.parametrize(
    ("status", "tags"),
    [("FINISHED", STUDY), ("KILLED", {"automodel_sk.study_id": "it's another"})],
)
def test_another_search_begins_a_run_of_its_own(
    folder: Path, status: str, tags: dict[str, str]
) -> None:
    first, second = MLflowTracker(), MLflowTracker()
    first.start(search())
    first.finish(status)
    second.start(search(**tags))
    assert first.run_id != second.run_id
    assert len(local(folder).parents()) == 2


class Failing(dict[str, Any]):
    """Parameters that fail once while they are being written, as a store can at any moment."""

    def items(self) -> Any:
        if self.pop("fails", None):
            raise OSError("the line is broken")
        return super().items()


@pytest.mark.parametrize("end", ["finish", "dies"])
def test_a_trial_that_was_left_half_written_is_completed(folder: Path, end: str) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(0, params=Failing(fails=True, max_steps=100)))
    assert not tracker.flush(60)
    assert local(folder).children()[0].info.status == "RUNNING"
    if end == "finish":
        tracker.finish("KILLED")
    else:
        later = MLflowTracker()
        later.start(search())
        later.log_trial(trial(0))
        later.finish("FINISHED")
    child = local(folder).children()[0]
    assert (child.info.status, child.data.params) == ("FINISHED", {"max_steps": "100"})
    assert child.data.metrics["val_loss"] == 0.25


def test_a_trial_that_no_store_takes_does_not_hold_up_the_others(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = MLflowTracker()
    tracker.start(search())
    tracker.log_trial(trial(0, intermediate_values={10**30: 0.5}))
    tracker.log_trial(trial(1))
    tracker.log_trial(trial(2))
    assert not tracker.flush(60)
    children = local(folder).children()
    assert [children[n].info.status for n in (1, 2)] == ["FINISHED", "FINISHED"]
    tracker.finish("FINISHED")
    assert local(folder).parent().info.status == "FINISHED"
    messages = [record.getMessage() for record in caplog.records if "MLflow" in record.msg]
    assert len(messages) == 2
    assert "did not store trial 0" in messages[0]
    assert "did not store all of the search (trials missing: 1)" in messages[1]


# --- stores that can't be used ---------------------------------------------------------


def failure(uri: str, experiment: str = "automodel_sk") -> str:
    with pytest.raises(TrackingError) as caught:
        MLflowTracker(uri, experiment).start(search())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert isinstance(caught.value, AutoModelError)
    return str(caught.value)


def test_a_server_that_is_down(folder: Path) -> None:
    environment = settings()
    port = closed_port()
    message = failure(f"http://me:s3cret@127.0.0.1:{port}")
    assert message == (
        f"mlflow_tracking_uri 'http://***@127.0.0.1:{port}' can't be used: the connection was"
        " refused; check the server, pass another URI such as 'sqlite:///mlflow.db', or continue"
        " without MLflow: use_mlflow=False"
    )
    assert settings() == environment


def test_a_server_that_does_not_answer(folder: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        message = failure(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "can't be used: no answer in time;" in message


def test_a_database_that_is_down(folder: Path) -> None:
    message = failure(f"postgresql://me:p%40ss@127.0.0.1:{closed_port()}/mlflow")
    assert "postgresql://***@127.0.0.1" in message
    assert "p@ss" not in message
    assert "p%40ss" not in message


def test_files_that_are_no_store(folder: Path) -> None:
    (folder / "text.db").write_text("no database at all, only a text that is long enough" * 50)
    assert "file is not a database" in failure(f"sqlite:///{folder}/text.db")
    assert "can't be used" in failure(f"sqlite:///{folder}/text.db/below/mlflow.db")
    assert "MLflow no longer supports folders as stores" in failure(f"{folder}/mlruns")
    assert "'nonsense://x' can't be used" in failure("nonsense://x")


def test_an_experiment_that_was_deleted(folder: Path) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    client.delete_experiment(client.create_experiment("old"))
    assert failure(uri, "old") == (
        "mlflow_experiment_name 'old' was deleted in this store; restore it with "
        "`mlflow experiments restore`, or pass another name such as 'old_2'"
    )


# --- a server that dies ----------------------------------------------------------------


class Server:
    """MLflow's own request handlers behind a real port, which can be closed and opened."""

    def __init__(self, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from mlflow.server import handlers

        self.database_uri = f"sqlite:///{database}"
        self.port = closed_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", self.database_uri)
        monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(database.parent / "files"))
        monkeypatch.setattr(handlers, "_tracking_store", None)
        self.open()

    def open(self) -> None:
        from mlflow.server import app
        from werkzeug.serving import make_server

        self._server = make_server("127.0.0.1", self.port, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(folder: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # A busy machine's server is slow, not dead.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    database = folder / "server" / "server.db"
    database.parent.mkdir()
    shutil.copy(empty_database, database)
    running = Server(database, monkeypatch)
    yield running
    running.close()


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name.startswith("automodel_sk")]


def test_a_search_on_a_server(
    server: Server, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = MLflowTracker(server.uri)
    tracker.start(search())
    params = {"empty": "", "text": "größer", "long": "x" * 10_000}
    tracker.log_trial(trial(0, params=params, intermediate_values={1: math.nan, 2: 0.5}))
    tracker.finish("FINISHED", metrics={"best_val_loss": 0.25}, artifacts={"a.json": {"h": 24}})
    stored = Stored(server.uri)
    assert stored.parent().info.status == "FINISHED"
    assert json.loads(stored.file(stored.parent(), "a.json")) == {"h": 24}
    child = stored.children()[0]
    assert (child.data.params["empty"], child.data.params["text"]) == ("", "größer")
    assert [step for step, _, _ in stored.history(child, "val_loss")] == [1, 2]
    assert warnings_of(caplog) == []
    assert capsys.readouterr().out == ""


def test_what_a_server_missed_is_written_when_it_is_back(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = MLflowTracker(server.uri)
    tracker.start(search())
    tracker.log_trial(trial(0))
    assert tracker.flush(60)
    server.close()
    tracker.log_trial(trial(1))
    tracker.log_trial(trial(2))
    assert not tracker.flush(60)
    server.open()
    tracker.log_trial(trial(3))
    tracker.finish("FINISHED")
    stored = Stored(server.uri)
    children = stored.children()
    assert list(children) == [0, 1, 2, 3]
    assert {run.info.status for run in children.values()} == {"FINISHED"}
    assert children[1].info.start_time == milliseconds(START + timedelta(minutes=1))
    assert len(stored.history(children[1], "val_loss")) == 2
    (warning,) = warnings_of(caplog)
    assert "did not store trial 1: the connection was refused. The search continues" in warning


def test_what_a_server_missed_is_written_locally_at_the_end(
    server: Server, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = MLflowTracker(server.uri.replace("//", "//me:s3cret@"))
    tracker.start(search())
    tracker.log_trial(trial(0))
    assert tracker.flush(60)
    server.close()
    tracker.log_trial(trial(1, value=0.1))
    tracker.log_trial(trial(2, state="FAIL", value=None, reason="out of memory"))
    tracker.finish("FINISHED", metrics={"best_val_loss": 0.1}, artifacts={"a.json": {"h": 24}})

    stored = local(folder)
    parent, children = stored.parent(), stored.children()
    assert (parent.info.run_name, parent.info.status) == ("sales", "FINISHED")
    assert parent.data.metrics == {"best_val_loss": 0.1}
    belongs_to = f"http://***@127.0.0.1:{server.port} run {tracker.run_id}"
    assert parent.data.tags["automodel_sk.belongs_to"] == belongs_to
    assert json.loads(stored.file(parent, "a.json")) == {"h": 24}
    assert [run.info.status for run in children.values()] == ["FINISHED", "FAILED"]
    assert children[1].data.metrics["best_val_loss"] == 0.1
    first, second = warnings_of(caplog)
    assert "did not store trial 1" in first
    assert "did not store all of the search (trials missing: 2)" in second
    assert f"What is missing is in sqlite:///{folder}/mlflow.db" in second
    assert "s3cret" not in caplog.text

    server.open()
    assert list(Stored(server.uri).children()) == [0]


def test_trials_that_no_store_takes_are_counted(
    server: Server, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "mlflow.db").write_text("no database at all, only a text that is long enough" * 50)
    tracker = MLflowTracker(server.uri)
    tracker.start(search())
    server.close()
    tracker.log_trial(trial(0))
    tracker.finish("KILLED")
    server.open()
    last = warnings_of(caplog)[-1]
    assert "(trials missing: 1): the connection was refused. What is missing is lost" in last
    assert "file is not a database" in last


@pytest.mark.slow
def test_a_server_process_that_is_killed_in_the_middle(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    store = folder / "mine"
    store.mkdir()
    shutil.move(folder / "mlflow.db", store / "mlflow.db")
    with mlflow_server(store) as uri:
        tracker = MLflowTracker(uri)
        tracker.start(search())
        tracker.log_trial(trial(0))
        assert tracker.flush(60)
        assert list(Stored(uri).children()) == [0]
    tracker.log_trial(trial(1))
    tracker.finish("FINISHED")
    assert list(local(folder).children()) == [1]
    assert list(Stored(f"sqlite:///{store}/mlflow.db").children()) == [0]
    assert len(warnings_of(caplog)) == 2


@pytest.mark.slow
def test_two_processes_make_one_store(tmp_path: Path) -> None:
    script = (
        "import sys; from automodel_sk.tracking import *;"
        "from automodel_sk.trials import TrialRecord; t = MLflowTracker();"
        "t.start(SearchRecord(sys.argv[1], 'NHITS'));"
        "t.log_trial(TrialRecord(0, 'COMPLETE', 1.0)); t.finish('FINISHED')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, name], cwd=tmp_path) for name in "abc"
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    stored = local(tmp_path)
    assert sorted(run.info.run_name for run in stored.parents()) == ["a", "b", "c"]
    assert all(list(stored.children(run)) == [0] for run in stored.parents())
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


# --- the small parts -------------------------------------------------------------------


@pytest.mark.parametrize("tracker", [NullTracker(), MLflowTracker(), make_tracker(False)])
def test_every_tracker_is_one(tracker: Tracker) -> None:
    assert isinstance(tracker, Tracker)


def test_a_tracker_that_was_not_started_keeps_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    tracker = MLflowTracker()
    tracker.log_trial(trial())
    tracker.finish("FINISHED")
    assert list(tmp_path.iterdir()) == []
    assert "start() has not been called" in warnings_of(caplog)[0]


def test_states_and_statuses_are_checked() -> None:
    with pytest.raises(InvalidInputError, match=r"state must be one of .*, got 'DONE'; try"):
        trial(state="DONE")
    with pytest.raises(InvalidInputError, match=r"status must be one of .*, got 'DONE'; try"):
        MLflowTracker().finish("DONE")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://host:5000/path", "http://host:5000/path"),
        ("http://me:secret@host:5000", "http://***@host:5000"),
        ("http://token@host", "http://***@host"),
        ("mysql+pymysql://me:a@b:c@host/db", "mysql+pymysql://***@host/db"),
        ("postgresql://me:p/w@host/db", "postgresql://***@host/db"),
        (
            "postgresql://host/db?user=me&password=pw#x",
            "postgresql://host/db?***",
        ),
        ("see http://a:b@c and http://d:e@f.", "see http://***@c and http://***@f."),
        ("http://host:5000/a, mail me@host", "http://host:5000/a, mail me@host"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked
