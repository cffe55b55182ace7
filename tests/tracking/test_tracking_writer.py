"""Trials are written beside the search: at once told, in order, and none is lost."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow_store import make_tables

from automodel_sk import create_auto_model
from automodel_sk.tracking import MLflowTracker, SearchRecord
from automodel_sk.tracking.mlflow import writer as _writer
from automodel_sk.tracking.mlflow.runs import EndedTrial
from automodel_sk.tracking.mlflow.writer import TrialWriter
from automodel_sk.trials import TrialRecord


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tables(tmp_path_factory.mktemp("store") / "mlflow.db")


def trial(number: int) -> TrialRecord:
    return TrialRecord(number, "COMPLETE", 0.5, {"max_steps": 10}, {10: 0.5})


def ended(*numbers: int) -> list[EndedTrial]:
    return [EndedTrial.of(trial(number)) for number in numbers]


def numbers_of(trials: list[EndedTrial]) -> list[int]:
    return [trial.record.number for trial in trials]


class Slow:
    """A store that takes trials once it may, and refuses some."""

    def __init__(self, *refused: int) -> None:
        self.open = threading.Event()
        self.refused = set(refused)
        self.absence: str | None = None
        self.written: list[int] = []
        self.told: list[tuple[int, str]] = []

    def write(self, trial: EndedTrial) -> None:
        trial.tried = True
        assert self.open.wait(60)
        if trial.record.number in self.refused:
            raise ValueError("no such trial")
        self.written.append(trial.record.number)

    def writer(self) -> TrialWriter:
        return TrialWriter(
            self.write,
            lambda: self.absence,
            lambda trial, problem: self.told.append((trial.record.number, str(problem))),
        )


def test_a_search_does_not_wait_for_its_store(store: Path) -> None:
    tracker = MLflowTracker(f"sqlite:///{store}", "busy")
    tracker.start(SearchRecord("busy", "NHITS"))
    with sqlite3.connect(store, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        begin = time.perf_counter()
        for number in (2, 0, 1):
            tracker.log_trial(trial(number))
        waited = time.perf_counter() - begin
        assert not tracker.flush(0.3)
        other.execute("ROLLBACK")
    assert waited < _writer.PATIENCE  # which a search that waits would wait
    assert tracker.flush(60)
    tracker.finish("FINISHED")
    with sqlite3.connect(store) as read:
        names = read.execute("SELECT name FROM runs WHERE name LIKE 'trial %' ORDER BY rowid")
        assert [name for (name,) in names] == ["trial 2", "trial 0", "trial 1"]
    assert all(thread.name != "automodel_sk-tracking" for thread in threading.enumerate())


def test_tracking_costs_no_more_than_2_percent_of_a_trial_of_10_seconds(store: Path) -> None:
    params = {f"parameter_{i}": i / 7 for i in range(12)}
    losses = {step: 1 / step for step in range(1, 101)}
    tracker = MLflowTracker(f"sqlite:///{store}", "cost")
    tracker.start(SearchRecord("cost", "NHITS"))
    tracker.log_trial(trial(0))  # what MLflow prepares once
    assert tracker.flush(60)
    begin = time.process_time()
    for number in range(1, 6):
        tracker.log_trial(TrialRecord(number, "COMPLETE", 0.01, params, losses))
    assert tracker.flush(60)
    per_trial = (time.process_time() - begin) / 5
    tracker.finish("FINISHED")
    assert per_trial < 0.2


def test_an_interrupted_search_has_what_was_finished(store: Path, panel: pd.DataFrame) -> None:
    def space(trial: Any) -> dict[str, Any]:
        if trial.number == 2:
            raise KeyboardInterrupt
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-2)
        return {"input_size": 6, "max_steps": 2, "learning_rate": rate}

    uri = f"sqlite:///{store}"
    with pytest.raises(KeyboardInterrupt):
        create_auto_model(
            "NLinear",
            3,
            panel,
            space,
            num_samples=4,
            cpus=1,
            storage=":memory:",
            verbose=False,
            mlflow_tracking_uri=uri,
            mlflow_experiment_name="interrupted",
        )
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("interrupted")
    runs = {r.info.run_name: r.info.status for r in client.search_runs([experiment.experiment_id])}
    assert sorted(runs.values()) == ["FINISHED", "FINISHED", "KILLED"]
    assert (runs["trial 0"], runs["trial 1"]) == ("FINISHED", "FINISHED")


def test_a_refused_trial_is_tried_again_behind_the_others() -> None:
    slow = Slow(1)
    writer = slow.writer()
    for one in ended(0, 1, 2):
        writer.put(one)
    slow.open.set()
    assert not writer.flush(60)
    assert slow.written == [0, 2]
    slow.refused.clear()
    writer.put(*ended(3))
    assert writer.flush(60)
    assert slow.written == [0, 2, 3, 1]
    assert slow.told == [(1, "no such trial")]
    assert writer.close(60) == []


def test_nothing_is_tried_in_a_store_that_is_gone() -> None:
    slow = Slow()
    slow.open.set()
    slow.absence = "the connection was refused"
    writer = slow.writer()
    for one in ended(0, 1):
        writer.put(one)
        assert not writer.flush(60)
    assert slow.told == [(0, "the connection was refused")] * 2
    slow.absence = None
    writer.put(*ended(2))
    assert writer.flush(60)
    assert slow.written == [0, 1, 2]
    assert writer.close(60) == []


def test_only_a_slow_store_holds_up_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_writer, "MOST_WAITING", 2)
    monkeypatch.setattr(_writer, "PATIENCE", 1.0)
    slow = Slow()
    writer = slow.writer()
    times = []
    for one in ended(0, 1, 2):
        begin = time.perf_counter()
        writer.put(one)
        times.append(time.perf_counter() - begin)
    assert max(times[:2]) < 0.9 < times[2]
    slow.absence = "no answer in time"
    slow.open.set()
    assert not writer.flush(60)
    begin = time.perf_counter()
    writer.put(*ended(3))
    assert time.perf_counter() - begin < 0.9
    slow.absence = None
    assert writer.close(60) == []
    assert sorted(slow.written) == [0, 1, 2, 3]


def test_a_store_that_hangs_is_given_up() -> None:
    slow = Slow()
    writer = slow.writer()
    for one in ended(0, 1, 2):
        writer.put(one)
    begin = time.perf_counter()
    assert numbers_of(writer.close(0.3)) == [0, 1, 2]
    assert time.perf_counter() - begin < 60  # the store's own wait
    slow.open.set()
    assert not writer.flush(10)
    assert slow.written == [0]
