"""The demonstration: its pieces by value, and the whole of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from series import seasonal_panel

from automodel_sk.cli.demo_search import (
    DEMO_SPACES,
    LEFT_OUT,
    hold_out,
    mean_absolute_error,
    run_demo,
)
from automodel_sk.portfolio.networks import networks_for
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


def test_every_network_of_auto_is_left_out_or_has_a_small_space_to_search():
    assert {*DEMO_SPACES, *LEFT_OUT} == set(networks_for(season=12))
    for given in DEMO_SPACES.values():
        space = SearchSpace.parse(given)
        assert set(space.domains) == {"input_size", "learning_rate"}
        assert space.constants["max_steps"] <= 200


@pytest.mark.slow
def test_the_whole_demo_stays_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from automodel_sk import AutoModel

    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    result = run_demo(Path("demo"), told.append, trials=2)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    wanted = {"forecast.csv", "forecast.png", "mlflow.db", "model", "report.html", "study"}
    assert wanted <= written
    assert (tmp_path / "demo" / "forecast.png").read_bytes().startswith(PNG)

    forecast = pd.read_csv(tmp_path / "demo" / "forecast.csv")
    assert len(forecast) == 24
    assert (forecast["AutoEnsemble-lo-90"] <= forecast["AutoEnsemble-hi-90"]).all()
    networks = result.model.leaderboard().query("family == 'neural'")
    assert sorted(networks["model"]) == ["MLP", "NHITS"]
    assert result.naive_error == pytest.approx(47.83, abs=0.01)
    assert result.model_error < 0.6 * result.naive_error
    loaded = AutoModel.load(tmp_path / "demo" / "model")
    assert loaded.weights == result.model.weights

    text = "\n".join(told)
    assert f"AutoEnsemble    {result.model_error:5.1f}" in text
    for name, weight in result.model.weights.items():
        assert f"  {name:<28}{weight:5.2f}" in text
    assert f"mlflow ui --backend-store-uri sqlite:///{tmp_path}/demo/mlflow.db" in text
    with sqlite3.connect(tmp_path / "demo" / "mlflow.db") as store:
        [(runs,)] = store.execute(
            "select count(*) from runs where run_uuid in (select run_uuid from tags"
            " where key = 'mlflow.parentRunId')"
        )
    assert runs >= len(result.model.trials)
