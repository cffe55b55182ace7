"""Ray from the front door: the factory, the estimator, Ctrl-C on a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from series import seasonal_panel

from automodel_sk import AutoNeuralForecaster, create_auto_model
from automodel_sk.exceptions import SearchError
from automodel_sk.search.study.search_spec import earlier_precision, read_search_spec
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search_space import Choice, Float

pytestmark = pytest.mark.slow

SPACE = {
    "input_size": Choice([12, 24]),
    "learning_rate": Float(1e-3, 1e-1, log=True),
    "max_steps": 20,
    "scaler_type": "standard",
}
QUIET = {"use_mlflow": False, "use_pruning": False, "verbose": False, "cpus": 1}


def search(backend: str, num_samples: int, **more: Any) -> Any:
    return create_auto_model(
        "MLP",
        12,
        seasonal_panel(),
        SPACE,
        backend=backend,
        num_samples=num_samples,
        **QUIET,
        **more,
    )


def test_a_search_begun_on_optuna_resumes_on_ray(tmp_path: Path) -> None:
    study = {"study_name": "both", "storage": tmp_path}
    first = search("optuna", 2, **study)
    both = search("ray", 4, refit="best_weights", **study)
    assert both.trials["value"].tolist()[:2] == first.trials["value"].tolist()
    assert both.trials["state"].tolist() == ["COMPLETE"] * 4
    assert both.strategy.algorithm_name == "BasicVariantGenerator"
    assert both.best_score == both.trials["value"].min()
    assert both.predict()["MLP"].notna().all()


def test_a_study_keeps_its_precision_and_is_joined_by_no_worker(tmp_path: Path) -> None:
    search("ray", 1, study_name="half", storage=tmp_path, precision="bf16-mixed")
    location = StudyLocation("half", tmp_path)
    assert earlier_precision(location) == "bf16-mixed"
    with pytest.raises(SearchError, match="can't be joined by a worker: Ray runs its trials"):
        read_search_spec(location)


def test_what_is_judged_by_a_metric_is_judged_so_on_ray() -> None:
    on_ray = search("ray", 1, metric="smape", n_windows=2, storage=":memory:")
    on_optuna = search("optuna", 1, metric="smape", n_windows=2, storage=":memory:")
    assert on_ray.best_config == on_optuna.best_config
    assert on_ray.best_score == pytest.approx(on_optuna.best_score, rel=1e-6)


def test_the_estimator_searches_on_ray() -> None:
    y = seasonal_panel(n_series=1).set_index("ds")["y"].asfreq("ME")
    forecaster = AutoNeuralForecaster(
        model="MLP", config=SPACE, num_samples=2, backend="ray", storage=":memory:", **QUIET
    )
    forecast = forecaster.fit(y, fh=[1, 12]).predict()
    assert isinstance(forecast, pd.Series)
    assert forecast.to_numpy() == pytest.approx(y.iloc[[-12, -1]].to_numpy(), rel=0.2)


PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "fixtures")!r})
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_ray_search import SPACE, search
SPACE["max_steps"] = 800
search("ray", 50, study_name="long", storage=sys.argv[1])
"""


def test_ctrl_c_on_a_terminal_keeps_what_ended_and_leaves_no_process(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    journal = tmp_path / "long.journal"
    while not (journal.exists() and b'"state":1' in journal.read_bytes()):
        assert process.poll() is None
        time.sleep(0.2)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGINT
    assert errors.decode().strip().endswith("KeyboardInterrupt")
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    SPACE["max_steps"] = 800
    try:
        again = search("ray", 2, study_name="long", storage=tmp_path)
    finally:
        SPACE["max_steps"] = 20
    assert again.trials["state"].tolist()[:2] == ["COMPLETE"] * 2


IN_A_LONG_FOLDER = f"""
import signal, sys, tempfile
sys.path.insert(0, {str(Path(__file__).parents[1] / "fixtures")!r})
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_ray_search import search
numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
before = [signal.getsignal(number) for number in numbers]
model = search("ray", 1, storage=":memory:")
assert [signal.getsignal(number) for number in numbers] == before
print(tempfile.gettempdir(), model.trials["state"].tolist())
"""


def test_ray_starts_where_the_temporary_folder_has_a_long_name(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    result = subprocess.run(
        [sys.executable, "-c", IN_A_LONG_FOLDER],
        env={**os.environ, "TMPDIR": str(long)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.split() == [str(long), "['COMPLETE']"]
    assert "Ray keeps its files in /tmp" in result.stderr
    assert not list(long.glob("automodel_sk*"))
