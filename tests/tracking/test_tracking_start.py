"""A search doesn't wait until MLflow has made its tables; a store that can't be used stops it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow_store import make_tables

from automodel_sk import create_auto_model
from automodel_sk.exceptions import TrackingError
from automodel_sk.search_space import Float
from automodel_sk.tracking import MLflowTracker, SearchRecord
from automodel_sk.trials import TrialRecord

pytestmark = pytest.mark.filterwarnings("ignore")

SPACE = {"input_size": 6, "max_steps": 2, "learning_rate": Float(1e-4, 1e-2, log=True)}


def test_trials_that_end_before_the_store_is_open_are_written(tmp_path: Path) -> None:
    store = tmp_path / "mlflow.db"
    make_tables(store)
    tracker = MLflowTracker(f"sqlite:///{store}", "early")
    with sqlite3.connect(store, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")  # no run can be created
        tracker.start(SearchRecord("early", "NHITS"), wait=False)
        tracker.log_trial(TrialRecord(number=0, state="COMPLETE", value=1.0))
        assert tracker.run_id is None
        other.execute("ROLLBACK")
    tracker.finish("FINISHED")
    client = MlflowClient(f"sqlite:///{store}")
    experiment = client.get_experiment_by_name("early")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name: run.info.status for run in runs} == {
        "early": "FINISHED",
        "trial 0": "FINISHED",
    }


def test_the_store_is_opened_once_the_trials_are_on_their_way(tmp_path: Path) -> None:
    store = tmp_path / "mlflow.db"
    tracker = MLflowTracker(f"sqlite:///{store}", "beside")
    tracker.start(SearchRecord("beside", "NHITS"), wait=False)
    assert not store.exists()
    assert tracker.run_id is None
    tracker.check()
    tracker.check()  # again, and nothing more is started
    tracker.finish("FINISHED")
    client = MlflowClient(f"sqlite:///{store}")
    experiment = client.get_experiment_by_name("beside")
    assert experiment is not None
    [run] = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("beside", "FINISHED")


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_file_that_is_no_database_stops_the_search(
    tmp_path: Path, panel: pd.DataFrame, cpus: int
) -> None:
    (tmp_path / "mlflow.db").write_text("no database at all, but long enough for a header" * 4)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with pytest.raises(TrackingError, match="file is not a database"):
        create_auto_model(
            "NLinear",
            3,
            panel,
            {**SPACE, "max_steps": 20_000, "val_check_steps": 1},
            num_samples=2,
            cpus=cpus,
            use_pruning=False,
            storage=":memory:",
            verbose=False,
            mlflow_tracking_uri=uri,
        )


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "sqlite:///{folder}/mlflow.db sales None None"),
        ({"MLFLOW_TRACKING_URI": "sqlite:////a.db"}, "sqlite:////a.db sales None None"),
        ({"MLFLOW_RUN_ID": "abc"}, "sqlite:///{folder}/mlflow.db sales None abc"),
    ],
)
@pytest.mark.parametrize("imports", ["sys", "mlflow"])
def test_where_to_write_is_the_same_before_mlflow_is_imported(
    tmp_path: Path, imports: str, variables: dict[str, str], expected: str
) -> None:
    program = (
        f"import {imports}; from automodel_sk.tracking.mlflow.target import find_target;"
        "t = find_target(None, 'sales');"
        "print(t.uri, t.experiment_name, t.experiment_id, t.parent_run_id)"
    )
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **variables}
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == expected.format(folder=tmp_path)
