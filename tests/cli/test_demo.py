"""The demonstration: its pieces by value, and the whole of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from series import seasonal_panel

from automodel_sk.cli.demo_search import DEMO_SPACE, hold_out, mean_absolute_error, run_demo
from automodel_sk.search_space import SearchSpace

PNG = b"\x89PNG\r\n\x1a\n"


def test_hold_out_takes_the_last_steps_of_each_series():
    panel = pd.concat([seasonal_panel(1, 20), seasonal_panel(2, 30).tail(30)])
    past, last = hold_out(panel, 12)
    assert past.groupby("unique_id").size().to_dict() == {"s0": 8, "s1": 18}
    assert last.groupby("unique_id").size().to_dict() == {"s0": 12, "s1": 12}
    assert (past.groupby("unique_id")["ds"].max() < last.groupby("unique_id")["ds"].min()).all()


def test_error_goes_by_series_and_time_rather_than_by_row():
    truth = seasonal_panel(2, 6)
    forecast = truth.assign(m=truth["y"] + truth["unique_id"].map({"s0": 1.0, "s1": -4.0}))
    shuffled = forecast.drop(columns="y").sample(frac=1, random_state=0)
    assert mean_absolute_error(truth, shuffled, "m") == pytest.approx(2.5)


def test_the_space_is_one_to_search():
    space = SearchSpace.parse(DEMO_SPACE)
    assert not space.is_fixed
    assert set(space.domains) == {
        "input_size",
        "learning_rate",
        "scaler_type",
        "n_pool_kernel_size",
    }


@pytest.mark.slow
def test_the_whole_demo_stays_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from automodel_sk import AutoModel

    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    result = run_demo(Path("demo"), told.append, trials=3)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    wanted = {"forecast.csv", "forecast.png", "mlflow.db", "model", "report.html", "study"}
    assert wanted <= written
    assert (tmp_path / "demo" / "forecast.png").read_bytes().startswith(PNG)

    forecast = pd.read_csv(tmp_path / "demo" / "forecast.csv")
    assert len(forecast) == 24
    assert (forecast["NHITS-lo-90"] <= forecast["NHITS-hi-90"]).all()
    assert len(result.model.trials) == 3
    assert result.naive_error == pytest.approx(47.83, abs=0.01)
    loaded = AutoModel.load(tmp_path / "demo" / "model")
    assert loaded.best_config == result.model.best_config

    text = "\n".join(told)
    assert str(result.model.strategy.description) in text
    assert f"NHITS           {result.model_error:5.1f}" in text
    assert f"mlflow ui --backend-store-uri sqlite:///{tmp_path}/demo/mlflow.db" in text
    with sqlite3.connect(tmp_path / "demo" / "mlflow.db") as store:
        [(runs,)] = store.execute("select count(*) from runs")
    assert runs == 4
