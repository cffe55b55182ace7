"""`available_mask` and `sample_weight` reach the models, in trials, refit and evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, DataValidator, create_auto_model
from automodel_sk.evaluation.backtest import backtest
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice

H = 7
STEPS = np.arange(120)
CONFIG = {
    "input_size": 7,
    "hidden_size": 16,
    "num_layers": 1,
    "max_steps": 60,
    "learning_rate": 1e-2,
    "windows_batch_size": 32,
}
GONE = (np.random.default_rng(1).random(120) < 0.3) & (STEPS < 116)
QUICK = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0, "storage": ":memory:"}


def plain() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=120)
    noise = np.random.default_rng(2).normal(0, 0.1, 120)
    y = 10 + 3 * np.sin(2 * np.pi * STEPS / 7) + noise
    return pd.DataFrame({"unique_id": "a", "ds": days, "y": y})


def masked(hole: float = np.nan) -> pd.DataFrame:
    """Return the series with holes under mask 0."""
    df = plain()
    return df.assign(y=df["y"].where(~GONE, hole), available_mask=~GONE)


def weighted() -> pd.DataFrame:
    """Return a series whose first two thirds are of another kind, and weigh nothing."""
    y = np.where(STEPS < 80, 100.0, plain()["y"])
    return plain().assign(y=y, sample_weight=np.where(STEPS < 90, 0.0, 1.0))


def fit(df: pd.DataFrame, config: object = CONFIG, **options: object) -> AutoModel:
    options = {**QUICK, "precision": "32-true", **options}
    return create_auto_model("MLP", H, df, config, **options)


def oracle(model: AutoModel, df: pd.DataFrame) -> np.ndarray:
    """Return what neuralforecast forecasts when it is given the user's own frame."""
    from neuralforecast import NeuralForecast

    from automodel_sk.training.refit import final_model
    from automodel_sk.training.train import training

    with training():
        fitted = NeuralForecast([final_model(model._task, model.best_config)], freq="D")
        fitted.fit(df)
        return fitted.predict()["MLP"].to_numpy()


@pytest.mark.parametrize("df", [masked(0.0).astype({"available_mask": float}), weighted()])
def test_a_forecast_is_that_of_neuralforecast_itself(df):
    model = fit(df)
    forecast = model.predict()["MLP"].to_numpy()
    assert forecast == pytest.approx(oracle(model, df), rel=1e-4)
    without = fit(df[["unique_id", "ds", "y"]]).predict()["MLP"].to_numpy()
    assert np.abs(forecast - without).max() > 0.05
    assert model.validation.warnings == []


def test_weights_decide_what_a_model_learns():
    truth = 10 + 3 * np.sin(2 * np.pi * np.arange(120, 127) / 7)
    config = {**CONFIG, "max_steps": 150}
    right = fit(weighted(), config).predict()["MLP"] - truth
    wrong = fit(weighted().drop(columns="sample_weight"), config).predict()["MLP"] - truth
    assert np.abs(right).mean() < 0.5 < np.abs(wrong).mean()


def test_a_hole_is_what_a_zero_under_the_mask_is_everywhere():
    holes, zeros = fit(masked()), fit(masked(0.0))
    expected = zeros.predict()["MLP"]
    pd.testing.assert_series_equal(holes.predict()["MLP"], expected)
    pd.testing.assert_series_equal(zeros.predict(masked())["MLP"], expected)
    pd.testing.assert_series_equal(zeros.refit(masked()).predict()["MLP"], expected)
    updated = [m.update(masked(), max_steps=3).predict()["MLP"] for m in (holes, zeros)]
    pd.testing.assert_series_equal(*updated)


def test_only_observed_steps_are_judged(tmp_path):
    model = fit(masked())
    for table in (
        model.cross_validation(n_windows=4),
        model.cross_validation(masked(), n_windows=4),
    ):
        gone = table["ds"].isin(plain()["ds"][GONE])
        assert gone.any()
        assert table.loc[gone, "y"].isna().all()
        assert table.loc[~gone, "y"].notna().all()
    interval = model.predict(level=[80])
    assert np.isfinite(interval.drop(columns=["unique_id", "ds"])).all(axis=None)
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    table = loaded.cross_validation(n_windows=4)
    assert table["y"].isna().sum() == model.cross_validation(n_windows=4)["y"].isna().sum()


@pytest.mark.parametrize("metric", [None, "mase", "wape", lambda y, f: np.abs(y - f).max()])
def test_trials_go_by_the_observed_steps_alone(metric):
    space = {**CONFIG, "max_steps": 15, "learning_rate": Choice([1e-2, 1e-3])}
    options = {"num_samples": 2, "n_windows": 3, "metric": metric, "use_pruning": False}
    holes = fit(masked(), space, **options)
    spoiled = fit(masked(0.0).assign(y=lambda d: d["y"].where(~GONE, 0.0)), space, **options)
    assert holes.trials["value"].tolist() == spoiled.trials["value"].tolist()
    assert np.isfinite(holes.trials["value"]).all()
    assert holes.best_score < 100


def test_a_metric_skips_what_was_not_observed():
    """Fill the holes with another number: the figures of a fixed forecast don't change."""
    from automodel_sk.data.held_out import hold_out
    from automodel_sk.data.preparation import prepare_frame
    from automodel_sk.metrics import Forecast, resolve_metric
    from automodel_sk.training.objective import make_objective

    scores = []
    for hole in (0.0, 1e6):
        frame = prepare_frame(masked(hole))
        windows = hold_out(frame, H, 4)
        forecast = Forecast(np.full(4 * H, 10.0), {})
        names = ("mae", "rmse", "mape", "smape", "wape", "bias", "cfe", "pis", "mase", "rmsse")
        judges = [make_objective(resolve_metric(name, 7), windows, frame) for name in names]
        scores.append([judge.score(forecast) for judge in judges])
    assert scores[0] == scores[1]
    observed = plain()["y"].to_numpy()[-28:].reshape(4, 7)
    seen = np.where(GONE[-28:].reshape(4, 7), np.nan, np.abs(observed - 10))
    assert scores[0][0] == pytest.approx(np.nanmean(seen, axis=1).mean())


def test_a_multivariate_model_and_a_distribution_take_them_too():
    df = pd.concat([weighted(), weighted().assign(unique_id="b", y=lambda d: 2 * d["y"])])
    config = {**CONFIG, "hidden_size": 8, "max_steps": 3}
    for model, loss in (("MLPMultivariate", None), ("MLP", "normal")):
        frame = df.assign(available_mask=1.0).reset_index(drop=True)
        frame.loc[10:20, ["available_mask", "y"]] = [0.0, np.nan]
        fitted = create_auto_model(model, H, frame, config, loss, **QUICK)
        assert np.isfinite(fitted.predict()[model]).all()


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("available_mask", 0.0, "is 0 in every row"),
        ("available_mask", 0.5, "holds 0.5"),
        ("available_mask", np.nan, "holds nan"),
        ("available_mask", "yes", "must hold numbers"),
        ("sample_weight", -1.0, "holds -1"),
        ("sample_weight", np.nan, "holds nan"),
        ("sample_weight", np.inf, "holds inf"),
        ("sample_weight", 0.0, "is 0 in every row"),
    ],
)
def test_masks_and_weights_that_can_not_be_meant_are_refused(column, values, words):
    with pytest.raises(InvalidInputError, match=words):
        fit(plain().assign(**{column: values}))


def test_a_weight_may_be_missing_where_nothing_was_observed():
    df = masked().assign(sample_weight=np.where(GONE, np.nan, 1.0))
    assert np.isfinite(fit(df, {**CONFIG, "max_steps": 2}).predict()["MLP"]).all()


@pytest.mark.parametrize("hole", [np.inf, -np.inf])
def test_infinite_values_that_were_not_observed_are_as_missing_ones(hole):
    short = {**CONFIG, "max_steps": 3}
    expected = fit(masked(), short)
    model = fit(masked(hole), short)
    assert model.validation.warnings == expected.validation.warnings
    pd.testing.assert_frame_equal(model.predict(), expected.predict())
    pd.testing.assert_frame_equal(model.predict(masked(hole)), expected.predict())


@pytest.mark.parametrize("name", ["available_mask", "sample_weight"])
def test_they_are_no_exogenous_columns(name):
    result = DataValidator().validate_dataset(plain().assign(**{name: 1.0}), futr_exog=[name])
    assert "used by that name" in result.errors[0]


def test_values_under_the_mask_are_not_in_the_profile():
    df = plain().assign(y=np.where(GONE, -5.0, 4.0), available_mask=(~GONE).astype(float))
    model = fit(df, {**CONFIG, "max_steps": 1})
    assert not model.profile.has_negatives
    assert "constant" in model.validation.warnings[0]


def test_what_stands_under_the_mask_is_neither_simulated_from_nor_drawn():
    model = fit(masked(), {**CONFIG, "max_steps": 5})
    seen = STEPS < 106
    assert not GONE[106 - CONFIG["input_size"] : 106].any()  # what the forecast itself is made of
    for method in ("schaake_shuffle", "gaussian_copula"):
        paths = [
            model.simulate(masked(hole)[seen], n_paths=20, method=method)["MLP"]
            for hole in (np.nan, 500.0)
        ]
        np.testing.assert_allclose(*paths, rtol=1e-5)
    drawn = model.plot.forecast(history=40).axes[0].lines[0].get_ydata()
    assert np.isnan(drawn).sum() == GONE[-40:].sum() > 0


def test_what_is_never_observed_or_far_out_under_the_mask_is_told(caplog):
    gone = plain().assign(unique_id="b", available_mask=0.0)
    both = pd.concat([plain().assign(available_mask=1.0), gone], ignore_index=True)
    found = DataValidator().validate_dataset(both, h=H).warnings
    assert any("1 of 2 series never observed, first series 'b'" in w for w in found)
    model = fit(plain())
    with caplog.at_level("WARNING"):
        model.predict(both)
    assert "1 of 2 series never observed, first series 'b'" in caplog.text
    hole = int(np.flatnonzero(GONE)[0])
    far = masked(0.0)
    far.loc[hole, "y"] = -1e9
    found = DataValidator().validate_dataset(far, h=H).warnings
    assert any("column 'y' holds -1e+09 in series 'a'" in w for w in found)
    for value in (0.0, np.nan, 10.0):
        found = DataValidator().validate_dataset(masked(value), h=H).warnings
        assert not any("marks as not observed" in w for w in found)


def test_unobserved_rows_that_come_later_are_trained_on():
    """Series of unequal lengths without a mask ask for whole pasts; with one, none may be left."""
    noise = np.random.default_rng(3)
    days = pd.date_range("2024-01-01", periods=100)
    parts = [
        pd.DataFrame({"unique_id": name, "ds": days[:n], "y": noise.normal(10, 1, n)})
        for name, n in (("a", 100), ("b", 90))
    ]
    model = fit(pd.concat(parts, ignore_index=True), {**CONFIG, "input_size": 14})
    later = pd.concat([parts[0], parts[1].iloc[:60]], ignore_index=True)
    later["available_mask"] = (later.groupby("unique_id").cumcount() % 10 != 0).astype(int)
    updated = model.update(later)
    assert updated.state.task.lengths.tolist() == [100, 60]
    assert updated.state.task.has_mask
    assert not model.state.task.has_mask
    expected = model.refit(later).cross_validation(n_windows=2)
    pd.testing.assert_frame_equal(updated.cross_validation(n_windows=2), expected)
    pd.testing.assert_frame_equal(model.cross_validation(later, n_windows=2), expected)
    assert model.calibrate(later).predict(later, level=[80])["MLP-lo-80"].notna().all()


def test_scales_of_a_backtest_are_those_of_observed_rows():
    y = np.random.default_rng(0).normal(10, 1, 120)
    df = plain().assign(y=y, available_mask=(STEPS % 3 != 0).astype(int))
    model = fit(df, season_length=1)
    scale = backtest(model).forecasts["scale"].iloc[0]
    seen = y[STEPS % 3 != 0][: -2 * H]
    assert scale == pytest.approx(np.abs(np.diff(seen)).mean(), rel=0.3)
    assert scale < 2, "the zeros under the mask are 10 away from all others"
