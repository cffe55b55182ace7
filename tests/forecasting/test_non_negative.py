"""Forecasts below zero become zero on request, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.data.treatment import Treatment
from automodel_sk.evaluation.backtest import backtest
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.prepared import prepare_data, treatment_of

QUICK: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "storage": ":memory:"}


def falling(lowest: float = 0.0) -> pd.DataFrame:
    """A straight line down to its lowest value, which a drift continues below it."""
    values = np.linspace(60, lowest, 61)
    return pd.DataFrame({"unique_id": "a", "ds": np.arange(61), "y": values})


@pytest.mark.parametrize(
    ("asked", "lowest", "clipped"),
    [
        (False, 0.0, False),
        (True, 0.0, True),
        (True, -5.0, True),
        ("auto", 0.0, True),
        ("auto", -5.0, False),
    ],
)
def test_who_clips(asked: Any, lowest: float, clipped: bool) -> None:
    options = OptimizationConfig(non_negative=asked).converted()
    prepared = prepare_data(falling(lowest), 3, options)
    prepared.checked()
    assert treatment_of(options, prepared.profile).non_negative is clipped


def test_points_quantiles_and_paths_of_an_ensemble(tmp_path: Path) -> None:
    plain = create_auto_model(["RWD"], 3, falling(), **QUICK)
    assert plain.predict()["AutoEnsemble"].tolist() == pytest.approx([-1.0, -2.0, -3.0])
    model = create_auto_model(["RWD"], 3, falling(), non_negative=True, **QUICK)
    assert model.predict()["AutoEnsemble"].tolist() == [0.0, 0.0, 0.0]
    assert model.predict(level=[80]).drop(columns=["unique_id", "ds"]).min().min() == 0.0
    assert (model.simulate(n_paths=20)["AutoEnsemble"] >= 0).all()
    assert plain.simulate(n_paths=20)["AutoEnsemble"].min() < 0
    past = model.cross_validation(n_windows=1)
    assert past["AutoEnsemble"].min() >= 0
    loaded = AutoModel.load(model.save(tmp_path / "m"))
    assert loaded.predict()["AutoEnsemble"].tolist() == [0.0, 0.0, 0.0]
    files = model.predict(to=tmp_path / "f")
    assert pd.read_parquet(files["path"].iloc[0])["AutoEnsemble"].min() == 0.0


def test_a_backtest_keeps_the_forecasts_that_intervals_rest_on() -> None:
    df = falling().assign(y=lambda rows: np.where(rows["ds"] < 55, 60.0 - rows["ds"], 0.0))
    test = backtest(create_auto_model(["RWD"], 3, df, non_negative=True, n_windows=1, **QUICK))
    assert test.raw is not None
    assert test.raw["AutoEnsemble"].min() < 0
    assert test.forecasts["AutoEnsemble"].tolist() == test.raw["AutoEnsemble"].clip(0).tolist()


def test_points_and_intervals_of_a_network(tmp_path: Path) -> None:
    config = {"max_steps": 2, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    df = falling().assign(y=lambda frame: frame["y"] % 2)
    model = create_auto_model("MLP", 3, df, config, non_negative="auto", **QUICK)
    plain = create_auto_model("MLP", 3, df, config, **QUICK)
    names = ["MLP", "MLP-lo-99", "MLP-hi-99"]
    table, free = model.predict(level=99)[names], plain.predict(level=99)[names]
    assert free.min().min() < 0
    np.testing.assert_allclose(table, free.clip(lower=0))
    loaded = AutoModel.load(model.save(tmp_path / "m"))
    np.testing.assert_allclose(loaded.predict(level=99)[names], table)
    assert loaded.state.treatment == model.state.treatment


def test_intervals_are_laid_around_forecasts_before_clipping() -> None:
    values = np.where(np.arange(80) % 2, 6.0, 0.0)
    df = pd.DataFrame({"unique_id": "a", "ds": np.arange(80), "y": values})
    config = {"max_steps": 2, "input_size": 3, "hidden_size": 8, "num_layers": 1}
    for name, given in (("MLP", config), (["RWD"], None)):
        plain = create_auto_model(name, 3, df, given, **QUICK)
        clipped = create_auto_model(name, 3, df, given, non_negative=True, **QUICK)
        tables = [m.calibrate(n_windows=4).predict(level=80).iloc[:, 2:] for m in (plain, clipped)]
        np.testing.assert_allclose(tables[1], tables[0].clip(lower=0), rtol=1e-6)
        assert tables[0].min().min() < 0


@pytest.mark.parametrize("name", ["MLP", ["RWD"]])
def test_auto_is_decided_by_the_data_trained_on_last(name: Any, tmp_path: Path) -> None:
    config = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    own = config if name == "MLP" else None
    model = create_auto_model(name, 3, falling(), own, non_negative="auto", **QUICK)
    saved = AutoModel.load(model.save(tmp_path / "m"))
    below = falling().assign(y=lambda frame: frame["y"] - 100)
    for kept in (model, saved):
        assert kept.state.treatment.non_negative
        for other in (kept.refit(below), kept.update(below, max_steps=1)):
            assert not other.state.treatment.non_negative
            assert (other.predict().iloc[:, 2] != 0).all()
            assert other.refit(falling()).state.treatment.non_negative
    always = create_auto_model(name, 3, falling(), own, non_negative=True, **QUICK)
    assert always.refit(below).predict().iloc[:, 2].min() >= 0


def test_a_model_that_was_saved_without_what_was_asked_keeps_what_it_does(tmp_path: Path) -> None:
    config = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    model = create_auto_model("MLP", 3, falling(), config, non_negative="auto", **QUICK)
    manifest = model.save(tmp_path / "m") / "automodel.json"
    stored = json.loads(manifest.read_text())
    del stored["treatment"]["goes_by_data"]
    manifest.write_text(json.dumps(stored))
    assert AutoModel.load(tmp_path / "m").state.treatment == Treatment(non_negative=True)
