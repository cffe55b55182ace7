"""Forecasts of the windows that were lost, damaged, or made elsewhere."""

from __future__ import annotations

import logging
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from several_models import QUIET, essence, frame, search

from automodel_sk import create_auto_model
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.packing import MOST_VALUES, packed, unpacked
from automodel_sk.portfolio.trainer import PortfolioTrainer
from automodel_sk.search.study.attributes import attachment_of
from automodel_sk.training import refit


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searched")
    return folder, essence(search(folder))


@pytest.fixture
def study(searched, tmp_path):
    folder, found = searched
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy", found


def test_a_study_without_its_folder_gives_the_same_model(study, caplog):
    folder, found = study
    shutil.rmtree(folder / "several.trials")
    with caplog.at_level(logging.WARNING):
        again = search(folder)
    assert essence(again) == found
    assert "5 earlier trials" in caplog.text
    assert len(again.trials) == 5
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert essence(search(folder)) == found
    assert "earlier trials" not in caplog.text, "what was made again is kept"


def _naive_scores(storage, noise, **options):
    """Search two naive models on a season with noise, and return the score of each."""
    y = np.arange(60) % 4 + noise * np.random.default_rng(1).normal(size=60)
    df = pd.DataFrame({"unique_id": "a", "ds": range(60), "y": y})
    told = {"season_length": 4, "metric": "mae", "n_windows": 2, "ensemble": "best"}
    options = {**QUIET, **told, "storage": storage, **options}
    table = create_auto_model(["Naive", "SeasonalNaive"], 2, df, **options).leaderboard()
    return dict(zip(table["model"], table["score"], strict=True))


def _another_of_the_journal(folder):
    study = {"storage": folder / "s.journal"}
    return {**study, "study_name": "monday"}, {**study, "study_name": "tuesday"}


def _overwritten(folder):
    study = {"storage": folder, "study_name": "x"}
    return study, {**study, "resume": "overwrite"}


def _of_the_same_file_name(folder):
    return {"storage": folder, "study_name": "a b"}, {"storage": folder, "study_name": "a_b"}


@pytest.mark.parametrize("studies", [_another_of_the_journal, _overwritten, _of_the_same_file_name])
def test_forecasts_of_another_search_are_not_taken(tmp_path, studies):
    first, second = studies(tmp_path)
    easy, hard = _naive_scores(":memory:", 0.01), _naive_scores(":memory:", 5.0)
    assert _naive_scores(noise=0.01, **first) == easy
    assert _naive_scores(noise=5.0, **second) == hard
    if studies is not _overwritten:
        assert _naive_scores(noise=0.01, **first) == easy


def test_a_study_that_is_created_anew_removes_what_the_one_before_it_left(tmp_path):
    study = {"storage": tmp_path, "study_name": "x"}
    _naive_scores(noise=0.01, **study)
    _naive_scores(noise=0.01, **study)
    [before] = (tmp_path / "x.trials").iterdir()
    _naive_scores(noise=5.0, resume="overwrite", **study)
    [after] = (tmp_path / "x.trials").iterdir()
    assert after != before
    (tmp_path / "x.journal").unlink()
    left = after / "Naive" / "0123_0_0.5.forecasts"
    left.write_text("of another seed")
    _naive_scores(noise=5.0, **study)
    assert not left.exists()
    assert len([*after.glob("*/*.forecasts")]) == 2


def _corrupt(file):
    file.write_bytes(file.read_bytes()[:20])


def _of_other_windows(file):
    from safetensors.numpy import save_file

    save_file({"point": np.zeros((1, 2, 3), dtype=np.float32)}, file)


def _not_finite(file):
    from safetensors.numpy import load_file, save_file

    save_file({"point": np.full_like(load_file(file)["point"], np.nan)}, file)


@pytest.mark.parametrize("damage", [_corrupt, _of_other_windows, _not_finite])
def test_a_damaged_file_is_made_again(study, damage):
    folder, found = study
    files = [*(folder / "several.trials").glob("*/*/*.forecasts")]
    assert len(files) == 5
    for file in files:
        damage(file)
    assert essence(search(folder)) == found


def test_damaged_weights_count_as_none(study):
    folder, _ = study
    for file in (folder / "several.trials").glob("*/*/*.safetensors"):
        _corrupt(file)
    again = search(folder, refit="best_weights", ensemble="best")
    whole = search(":memory:", refit="best_weights", ensemble="best")
    assert essence(again) == essence(whole)


def test_what_cannot_be_made_again_is_reported(study, monkeypatch):
    folder, _ = study
    for file in (folder / "several.trials").glob("*/MLP/*.forecasts"):
        file.unlink()

    def fail(*_):
        raise RuntimeError("no such device")

    from automodel_sk.portfolio import window_store

    monkeypatch.setattr(window_store, "repeat_forecasts", fail)
    found = search(folder)
    rows = found.leaderboard().query("model == 'MLP'")
    assert (rows["reason"].str.contains("no such device")).all()
    assert "MLP" not in found.weights
    assert refit.repeat_forecasts is not fail


def test_a_database_keeps_the_forecasts(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    found = essence(search(url))
    from automodel_sk.portfolio import window_store

    monkeypatch.setattr(window_store.WindowStore, "_repeated", None)  # nothing is trained twice
    assert essence(search(url)) == found
    assert found == essence(search(":memory:"))


@pytest.mark.slow
def test_forecasts_too_large_for_a_database_are_made_again(tmp_path, monkeypatch):
    from automodel_sk.portfolio import packing

    monkeypatch.setattr(packing, "MOST_VALUES", 3)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    found = essence(search(url))
    assert essence(search(url)) == found


def test_a_spent_budget_still_leaves_a_model_that_forecasts():
    found = create_auto_model(
        "auto",
        6,
        frame(),
        use_mlflow=False,
        verbose=False,
        cpus=1,
        time_budget_hours=1e-6,
        storage=":memory:",
    )
    assert set(found.weights) <= {"SeasonalNaive", "Naive", "WindowAverage", "RWD"}
    assert np.isfinite(found.predict(level=[80]).iloc[:, 2:].to_numpy()).all()


def _data():
    df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40.0)})
    return PortfolioData(df, h=2, freq=1, season=1, n_windows=3)


@pytest.mark.parametrize("text", ["", "%", "AAAA", "eJwDAAAAAAE=", "\u00e9"])
def test_text_that_is_no_forecast_counts_as_none(text):
    assert unpacked(text, _data()) is None


def test_packed_forecasts_of_other_windows_count_as_none():
    assert unpacked(packed(np.zeros((1, 3, 3), dtype=np.float32)), _data()) is None
    assert unpacked(packed(np.zeros((9, 99, 99), dtype=np.float32)), _data()) is None
    assert packed(np.zeros((1, 1, MOST_VALUES + 1), dtype=np.float32)) is None


@pytest.mark.parametrize(
    "noted",
    [
        {},
        {"attached": 1},
        {"attached": 2, "attached:0": "a"},
        {"attached": 10**9},
        {"attached": -1},
        {"attached": 1, "attached:0": 5},
    ],
)
def test_an_incomplete_attachment_counts_as_none(noted):
    assert attachment_of(SimpleNamespace(user_attrs=noted)) is None


def test_on_a_machine_without_the_folder_forecasts_travel_with_the_result(tmp_path):
    from automodel_sk.metrics import resolve_metric
    from automodel_sk.portfolio.members.table import member_of
    from automodel_sk.training.objective import make_objective

    data = _data()
    objective = make_objective(resolve_metric("mae", 1), data.windows, data.judged)
    members = {"Naive": member_of("Naive")}
    here = PortfolioTrainer({}, members, data, objective, str(tmp_path))
    there = PortfolioTrainer({}, members, data, objective, str(tmp_path / "of another machine"))
    there = there.adapted(lambda task: task)
    config = {"model": "Naive"}
    given = (None, lambda: lambda number, loss: None, None, {})
    assert here.train(config, *given).forecasts is None
    outcome = there.train(config, *given)
    expected = [[[33, 33], [35, 35], [37, 37]]]
    assert unpacked(outcome.forecasts, data).tolist() == expected
    assert not (tmp_path / "of another machine").exists()
    received = PortfolioTrainer({}, members, data, objective, str(tmp_path / "parent"))
    assert received.keep(config, outcome).forecasts is None
    assert len([*(tmp_path / "parent" / "Naive").glob("*.forecasts")]) == 1
