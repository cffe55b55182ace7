"""The names of metrics: in texts, tables and plots, and of functions after saving."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import run
from series import seasonal_panel

from automodel_sk import AutoEnsemble, AutoModel, create_auto_model
from automodel_sk.evaluation.outcome import outcome_of
from automodel_sk.metrics import METRIC_NAMES, SavedMetric, display_name, metric_name
from automodel_sk.portfolio.conclusion import outcome_of as outcome_of_several
from automodel_sk.search_space import Choice

pytestmark = pytest.mark.filterwarnings("ignore")
OPTIONS: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:", "cpus": 1}
H = 4


def worst_step(y: np.ndarray, forecast: np.ndarray) -> float:
    return float(np.abs(y - forecast).max())


OWN = f"{__name__}.worst_step"


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        ("mae", "MAE"),
        ("mase", "MASE"),
        ("rmsse", "RMSSE"),
        ("smape", "sMAPE"),
        ("rmae", "rMAE"),
        ("bias", "bias"),
        ("quantile_loss", "quantile_loss"),
        (worst_step, "worst_step"),
        (partial(np.quantile, q=0.9), "quantile(q=0.9)"),
        (lambda y, f: 0.0, "<lambda>"),
        (SavedMetric("a.b"), "b"),
    ],
)
def test_names_as_texts_spell_them(metric: Any, shown: str):
    assert display_name(metric_name(metric)) == shown
    assert display_name("loss") == "loss"
    assert all(display_name(name).lower() == name for name in METRIC_NAMES)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    frame = seasonal_panel(n_series=3, length=60)
    return frame.assign(y=frame["y"] + np.random.default_rng(0).normal(0, 3, len(frame)))


@pytest.fixture(scope="module")
def several(panel: pd.DataFrame) -> AutoEnsemble:
    models = ["SeasonalNaive", "WindowAverage", "Naive"]
    found = create_auto_model(models, H, panel, metric=worst_step, n_windows=2, **OPTIONS)
    assert isinstance(found, AutoEnsemble)
    return found


def test_an_ensemble_keeps_the_name_and_the_scores_of_a_function(
    several: AutoEnsemble, panel: pd.DataFrame, tmp_path: Path
):
    again = AutoModel.load(several.save(tmp_path / "first"))
    again = AutoModel.load(again.save(tmp_path / "second"))
    assert isinstance(again, AutoEnsemble)
    assert again.metric_name == several.metric_name == OWN
    pd.testing.assert_frame_equal(again.leaderboard(), several.leaderboard(), rtol=1e-6)
    assert again.best_score == several.best_score
    assert outcome_line(again) == outcome_line(several)
    assert again.summary() == several.summary()
    assert "\nworst_step " in again.summary()
    assert "best_worst_step=" in repr(again)
    assert set(again.validation_scores()["metric"]) == {"mae", "rmse", "smape", "mase"}
    newer = seasonal_panel(n_series=3, length=68)
    assert again.reweight(newer).metric_name == "mase"  # the function is not saved
    shown = run("leaderboard", tmp_path / "second")
    assert shown.exit_code == 0, shown.output
    assert f"worst_step {several.best_score:.3g} on the last 2 windows" in shown.stderr


def outcome_line(model: AutoEnsemble) -> str:
    return outcome_of_several(model).sentence()


def test_a_single_model_keeps_the_name_of_a_function(panel: pd.DataFrame, tmp_path: Path):
    space: dict[str, Any] = {"max_steps": 4, "input_size": 8, "hidden_size": 8}
    space |= {"val_check_steps": 2, "learning_rate": Choice([1e-3, 1e-2])}
    model = create_auto_model("MLP", H, panel, space, metric=worst_step, num_samples=2, **OPTIONS)
    again = AutoModel.load(model.save(tmp_path / "model"))
    again = AutoModel.load(again.save(tmp_path / "again"))
    assert again.metric_name == model.metric_name == OWN
    assert again.best_score == model.best_score
    assert repr(again) == repr(model)
    assert "best_worst_step=" in repr(again)
    pd.testing.assert_frame_equal(again.trials, model.trials)
    scores = again.validation_scores()
    assert "mae" in scores["metric"].unique()
    assert OWN not in scores["metric"].unique()
    found = outcome_of(again)
    assert found is None or found.metric == "mae"
    shown = run("trials", tmp_path / "again")
    assert "worst_step" in shown.stdout
    axes = [again.plot.history().axes[0], again.plot.learning_curves().axes[0]]
    assert [axis.get_ylabel() for axis in axes] == ["validation worst_step"] * 2


def test_all_places_spell_a_metric_in_the_same_way(panel: pd.DataFrame, tmp_path: Path):
    pytest.importorskip("plotly")
    several = create_auto_model(["SeasonalNaive", "Naive"], H, panel, n_windows=2, **OPTIONS)
    assert isinstance(several, AutoEnsemble)
    page = several.report(tmp_path / "report.html").read_text()
    assert '<th class="number">MASE</th>' in page
    assert "Small scores (MASE) are good" in page
    assert "MASE" in several.summary()
    assert ">MASE</th>" in several._repr_html_()
    for text in (several.summary(), several._repr_html_(), page.split("<h2>The models</h2>")[1]):
        assert "mase" not in text.split("<script")[0]
    axis = several.plot.leaderboard().axes[0]
    assert axis.get_xlabel() == "MASE on the validation windows"
    model = several.save(tmp_path / "model")
    seasonal_panel(n_series=3, length=64).to_csv(tmp_path / "later.csv", index=False)
    shown = run("leaderboard", model, "--data", tmp_path / "later.csv")
    assert "MASE" in shown.stdout


def test_what_came_later_is_called_actual(panel: pd.DataFrame):
    past = panel.groupby("unique_id").head(60 - H)
    model = create_auto_model(["Naive"], H, past, **OPTIONS)
    figure = model.plot.forecast(actual=panel)
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert "actual" in labels
    assert "actual" in inspect.signature(model.plot.forecast).parameters
