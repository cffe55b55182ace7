"""Intervals and scores from what the search has forecast already, without a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ray import tune
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.data.held_out import hold_out
from automodel_sk.evaluation import validation_scores as scoring
from automodel_sk.evaluation.backtest import backtest
from automodel_sk.forecasting import past_windows

SPACE: dict[str, Any] = {
    "max_steps": 20,
    "input_size": 24,
    "hidden_size": 16,
    "num_layers": 1,
    "scaler_type": "standard",
    "learning_rate": tune.loguniform(1e-4, 1e-1),
}
QUIET: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}
MEMORY = {"storage": ":memory:", **QUIET}


def panel() -> pd.DataFrame:
    return seasonal_panel(n_series=10)


def search(
    data: pd.DataFrame | None = None, model: str = "MLP", space: Any = SPACE, **options: Any
) -> AutoModel:
    data = panel() if data is None else data
    loss = options.pop("loss", None)
    given = {"num_samples": 3, "n_windows": 2, **MEMORY, **options}
    return create_auto_model(model, 12, data, space, loss, **given)


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return search(metric="mae", n_windows=2)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(past_windows, "final_model", refuse)
    monkeypatch.setattr(scoring, "build_model", refuse)


def sizes(model: AutoModel) -> np.ndarray:
    """Return the errors that calibrate a model, in the units of its target."""
    scores = model._scores
    assert scores is not None
    return scores.errors * scores.series.units[:, None, None]


@pytest.mark.usefixtures("no_training")
def test_intervals_need_no_training(model: AutoModel) -> None:
    forecast = model.predict(level=[80])
    assert (forecast["MLP-lo-80"] < forecast["MLP"]).all()
    assert (forecast["MLP"] < forecast["MLP-hi-80"]).all()


def test_they_are_calibrated_by_the_errors_that_were_scored(model: AutoModel) -> None:
    assert sizes(model).shape == (10, 2, 12)
    assert sizes(model).mean() == pytest.approx(model.best_score, rel=1e-4)


@pytest.mark.usefixtures("no_training")
def test_the_report_needs_no_training(model: AutoModel, tmp_path: Path) -> None:
    assert model.report(tmp_path / "report.html").exists()


@pytest.mark.usefixtures("no_training")
def test_the_scores_are_those_of_the_search(model: AutoModel) -> None:
    scores = model.validation_scores(["mae", "rmse"])
    assert scores["MLP"].notna().all()
    by_window = scores.loc[scores["metric"] == "mae", "MLP"]
    assert by_window.mean() == pytest.approx(model.best_score, rel=1e-5)
    np.testing.assert_allclose(by_window, sizes(model).mean(axis=(0, 2)), rtol=1e-4)


def test_the_scores_are_those_of_a_training_without_the_windows() -> None:
    model = search(metric="mae", precision="32-true")
    kept = model.validation_scores(["mae", "smape"])
    model._state = replace(model.state, windows=None)
    scoring._FORECASTS.clear()
    trained = model.validation_scores(["mae", "smape"])
    np.testing.assert_allclose(kept["MLP"], trained["MLP"], rtol=1e-3)
    pd.testing.assert_frame_equal(kept.drop(columns="MLP"), trained.drop(columns="MLP"))


def test_without_a_metric_they_are_forecast_after_the_training() -> None:
    model = search()
    assert sizes(model).shape == (10, 2, 12)
    assert sizes(model).mean() == pytest.approx(model.best_score, rel=1e-3)  # trained by its MAE


@pytest.mark.parametrize(("data", "n_windows"), [(panel(), 1), (seasonal_panel(), 2)])
def test_few_windows_are_too_little(data: pd.DataFrame, n_windows: int) -> None:
    model = search(data, n_windows=n_windows, num_samples=1)
    assert model._scores is None
    assert model.state.kept_forecasts() is None
    assert model.predict(level=[80])["MLP-lo-80"].notna().all()
    assert model.validation_scores(["mae"])["MLP"].notna().all()


def test_the_backtest_is_that_of_the_search(model: AutoModel) -> None:
    tested = backtest(model)
    assert tested.windows.count == 2
    errors = (tested.forecasts["y"] - tested.forecasts["MLP"]).abs()
    assert errors.mean() == pytest.approx(model.best_score, rel=1e-5)
    assert tested.forecasts["SeasonalNaive"].notna().all()
    kept = model.state.kept_forecasts()
    assert kept is not None
    crossed = model.cross_validation(n_windows=2)
    pd.testing.assert_frame_equal(
        kept[1].drop(columns="MLP"),
        crossed.sort_values(["unique_id", "cutoff", "ds"], ignore_index=True).drop(columns="MLP"),
        check_dtype=False,
    )


def test_a_series_that_is_too_short_takes_the_intervals_of_others() -> None:
    data = panel()
    short = data[data["unique_id"] == data["unique_id"].iloc[0]].tail(20)
    data = pd.concat([data, short.assign(unique_id="short")], ignore_index=True)
    assert len(sizes(search(data))) == 10
    forecast = search(data).predict(level=[80])
    assert (forecast["MLP-lo-80"] < forecast["MLP-hi-80"]).all()
    joint = search(data, "TSMixer", {"max_steps": 4, "input_size": 24, "ff_dim": tune.choice([4])})
    assert len(sizes(joint)) == 10
    ids = joint._scores.series.ids if joint._scores else []
    assert "short" not in list(ids)


def test_unobserved_steps_do_not_count() -> None:
    data = panel().assign(available_mask=1.0)
    left = data.groupby("unique_id").cumcount(ascending=False)
    data.loc[(left == 3) & (data["unique_id"] == data["unique_id"].iloc[0]), "y"] = 1e9
    hidden = data["y"] == 1e9
    data.loc[hidden, "available_mask"] = 0.0
    assert hidden.sum() == 1
    assert sizes(search(data)).max() < 1e6


def test_a_distribution_has_its_own_intervals() -> None:
    model = search(loss="normal", num_samples=1)
    assert model._scores is None
    assert model.state.windows is not None
    assert 0.1 in model.state.windows.quantiles


def test_other_data_need_their_own(model: AutoModel) -> None:
    for renewed in (model.refit(panel()), model.update(panel(), max_steps=1)):
        assert renewed._scores is None
        assert renewed.state.windows is None
    assert model._scores is not None


def test_a_saved_model_keeps_its_intervals(model: AutoModel, tmp_path: Path) -> None:
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(loaded.predict(level=[80]), model.predict(level=[80]))


def test_calibrating_on_purpose_replaces_them(model: AutoModel) -> None:
    before = model.predict(level=[80])
    own = search(metric="mae")
    own.calibrate(n_windows=3)
    assert sizes(own).shape == (10, 3, 12)
    assert not own.predict(level=[80]).equals(before)


def test_a_search_that_was_resumed_calibrates_by_a_training(tmp_path: Path) -> None:
    options = {"study_name": "again", "storage": str(tmp_path), "metric": "mae"}
    first, again = search(**options), search(**options)
    assert len(sizes(first)) == 10
    assert again.best_config == first.best_config
    assert again._scores is None
    assert again.predict(level=[80])["MLP-lo-80"].notna().all()


@pytest.mark.parametrize("refit", ["best_weights", "continue"])
def test_every_refit_has_them(refit: str) -> None:
    model = search(refit=refit)
    assert sizes(model).mean() == pytest.approx(model.best_score, rel=1e-3)


def test_trials_in_worker_processes_leave_theirs() -> None:
    model = search(metric="mae", cpus=2)
    assert sizes(model).mean() == pytest.approx(model.best_score, rel=1e-4)


def test_they_are_the_distances_from_what_came(model: AutoModel) -> None:
    kept = model.state.windows
    assert kept is not None
    truth = hold_out(panel(), 12, 2).truth
    errors = np.abs(truth.reshape(kept.point.shape) - kept.point)
    np.testing.assert_allclose(np.sort(errors.ravel()), np.sort(sizes(model).ravel()), rtol=1e-4)
