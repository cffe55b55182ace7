"""Where a search is tracked: odd names, MLflow's own settings, stores that are half there."""

from __future__ import annotations

import http.server
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow_store import make_tables

from automodel_sk.exceptions import TrackingError
from automodel_sk.tracking import MLflowTracker, ModelRecord, SearchRecord
from automodel_sk.tracking.mlflow import guard as _guard
from automodel_sk.tracking.mlflow.guard import once_created, open_lock, reason_of
from automodel_sk.tracking.mlflow.model_log import log_model
from automodel_sk.trials import TrialRecord

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.setenv(name, "")  # restored afterwards, whatever MLflow itself sets
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    make_tables(tmp_path / "mlflow.db")
    before = mlflow.tracking.fluent._active_experiment_id
    yield f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.tracking.fluent._active_experiment_id = before
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


def track(tracker: MLflowTracker, name: str = "study") -> MLflowTracker:
    tags = {"automodel_sk.study_id": f"{name} in memory"}
    tracker.start(SearchRecord(name, "NHITS", tags=tags))
    return tracker


@pytest.mark.parametrize(
    "name", ["it's", 'the "best"', 'it\'s "both"', "50%_x'\"", "`x`", "a\\'\""]
)
def test_a_study_of_any_name_resumes_in_its_run(name: str, uri: str):
    first = track(MLflowTracker(uri), name)
    first.log_trial(TrialRecord(number=0, state="COMPLETE", value=1.0))
    first.finish("KILLED")
    other = track(MLflowTracker(uri), name.replace("'", "x"))
    other.finish("KILLED")
    again = track(MLflowTracker(uri), name)
    assert again.run_id == first.run_id
    assert (other.run_id == first.run_id) == ("'" not in name)
    again.finish("FINISHED")


def test_the_experiment_that_mlflow_is_set_to(uri: str):
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.set_experiment("mine")
    tracker = track(MLflowTracker())
    tracker.finish("FINISHED")
    client = MlflowClient(uri)
    assert client.get_run(str(tracker.run_id)).info.experiment_id == experiment.experiment_id
    named = track(MLflowTracker(None, "named"))
    named.finish("FINISHED")
    found = client.get_experiment_by_name("named")
    assert found is not None
    assert client.get_run(str(named.run_id)).info.experiment_id == found.experiment_id


def test_mlflows_environment(uri: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of the environment")
    tracker = track(MLflowTracker())
    tracker.finish("FINISHED")
    client = MlflowClient(uri)
    found = client.get_experiment_by_name("of the environment")
    assert found is not None
    assert client.get_run(str(tracker.run_id)).info.experiment_id == found.experiment_id

    above = client.create_run(found.experiment_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", above.info.run_id)
    below = track(MLflowTracker(), "below")
    below.finish("FINISHED")
    tags = client.get_run(str(below.run_id)).data.tags
    assert tags["mlflow.parentRunId"] == above.info.run_id
    elsewhere = track(MLflowTracker(f"{uri}.other.db"), "elsewhere")
    assert elsewhere.run_id is not None
    elsewhere.finish("FINISHED")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(TrackingError, match=r"MLFLOW_RUN_ID '0+' is not a run of this store"):
        track(MLflowTracker())


def test_an_experiment_of_another_store_is_not_asked_for(uri: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "12345")
    tracker = track(MLflowTracker())
    tracker.finish("FINISHED")
    assert MlflowClient(uri).get_experiment_by_name("automodel_sk") is not None


def test_runs_that_are_deleted_or_unknown_are_named(uri: str):
    client = MlflowClient(uri)
    gone = client.create_run("0").info.run_id
    client.delete_run(gone)
    model: Any = ModelRecord.__new__(ModelRecord)
    with pytest.raises(TrackingError, match=rf"run_id '{gone}' was deleted .*mlflow runs restore"):
        log_model(model, uri, run_id=gone)
    with pytest.raises(TrackingError, match="run_id 'abc' is not a run of this store"):
        log_model(model, uri, run_id="abc")


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b"<!doctype html><html><body>Hello</body></html>"
        self.send_response(404 if self.path != "/health" else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_page_in_place_of_a_server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(TrackingError) as caught:
                track(MLflowTracker(f"http://127.0.0.1:{server.server_port}"))
        finally:
            server.shutdown()
    assert "no MLflow server answers there (404); is a path prefix missing?" in str(caught.value)
    assert "html" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(sqlite3.OperationalError) database or disk is full", "the disk is full"),
        ("(raised as a result of Query-invoked autoflush) disk I/O error", "the disk can't be"),
        ("attempt to write a readonly database", "can't be written"),
    ],
)
def test_full_disks_are_named(text: str, reason: str, uri: str):
    assert reason in reason_of(RuntimeError(text), uri)


# --- stores whose tables are just being made ---------------------------------------------


def test_tables_that_another_program_makes_are_waited_for(uri: str):
    problems = [
        "UNIQUE constraint failed: alembic_version.version_num",
        "(sqlite3.OperationalError) duplicate column name: step",
    ]

    def ask() -> str:
        if problems:
            raise sqlite3.OperationalError(problems.pop())
        return "made"

    assert once_created(uri, ask) == "made"


def test_other_problems_are_not_waited_for(uri: str, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def ask() -> None:
        asked.append(1)
        raise sqlite3.OperationalError("no such table: runs" if len(asked) > 1 else "odd")

    with pytest.raises(sqlite3.OperationalError, match="odd"):
        once_created(uri, ask)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        once_created("postgresql://host/db", ask)
    monkeypatch.setattr(_guard, "CREATION_SECONDS", 0.6)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        once_created(uri, ask)
    assert 3 < len(asked) < 7


def test_no_lock_stays_behind(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with open_lock(uri):  # the folder isn't there: it goes without
        pass
    (tmp_path / "temporary").mkdir()
    inside = []
    threads = [threading.Thread(target=_hold, args=(uri, inside)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inside) == 3
    assert list((tmp_path / "temporary").iterdir()) == []


def _hold(uri: str, inside: list[int]) -> None:
    with open_lock(uri):
        inside.append(1)
