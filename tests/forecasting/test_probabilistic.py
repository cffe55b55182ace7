"""Prediction intervals with every kind of loss: named, in order, of their coverage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from neuralforecast.losses import pytorch as losses
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.serving.requests import answer

H = 6
QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
}
SMALL: dict[str, Any] = {
    "input_size": 12,
    "max_steps": 5,
    "hidden_size": 16,
    "num_layers": 1,
    "windows_batch_size": 16,
    "scaler_type": "standard",
}

LOSSES: dict[str, Callable[[], Any]] = {
    "MAE": lambda: None,
    "MSE by name": lambda: "mse",
    "MQLoss": lambda: losses.MQLoss(level=[90]),
    "MQLoss without a median, high first": lambda: losses.MQLoss(quantiles=[0.95, 0.05]),
    "HuberMQLoss": lambda: losses.HuberMQLoss(level=[90]),
    "Normal": lambda: losses.DistributionLoss("Normal", level=[90]),
    "StudentT": lambda: losses.DistributionLoss("StudentT", level=[90]),
    "GMM": lambda: losses.GMM(n_components=2, level=[90]),
    "IQLoss": lambda: losses.IQLoss(),
}
ONE_QUANTILE: dict[str, Callable[[], Any]] = {
    "QuantileLoss": lambda: losses.QuantileLoss(q=0.9),
    "HuberQLoss": lambda: losses.HuberQLoss(q=0.9),
    "MQLoss": lambda: losses.MQLoss(quantiles=[0.9]),
    "HuberMQLoss": lambda: losses.HuberMQLoss(quantiles=[0.9]),
}
TRAINED_FOR_90 = {"MQLoss", "MQLoss without a median, high first", "HuberMQLoss"}


def fit(df: pd.DataFrame, config: dict[str, Any], loss: Any = None, **options: Any) -> AutoModel:
    model = options.pop("model", "MLP")
    return create_auto_model(model, H, df, config, loss, **{**QUIET, **options})


def rises(frame: pd.DataFrame) -> bool:
    """Return whether quantile columns, lowest first, never fall."""
    return bool((np.diff(frame.to_numpy(), axis=1) >= 0).all())


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return seasonal_panel(length=72)


@pytest.fixture(scope="module")
def trained(data: pd.DataFrame) -> Callable[[str], AutoModel]:
    """Return a function that trains each loss once."""
    known: dict[str, AutoModel] = {}

    def get(name: str) -> AutoModel:
        if name not in known:
            known[name] = fit(data, SMALL, LOSSES[name]())
        return known[name]

    return get


every_loss = pytest.mark.parametrize("loss", list(LOSSES))


@every_loss
def test_levels_are_named_and_in_order(loss: str, trained: Callable[[str], AutoModel]):
    levels = [90, 50]
    forecast = trained(loss).predict(level=levels)
    names = ["MLP-lo-90", "MLP-lo-50", "MLP-hi-50", "MLP-hi-90"]
    assert list(forecast.columns) == ["unique_id", "ds", "MLP", *names]
    assert len(forecast) == 3 * H
    assert np.isfinite(forecast[["MLP", *names]].to_numpy()).all()
    assert rises(forecast[names])


@every_loss
def test_quantiles_are_named_and_in_order(loss: str, trained: Callable[[str], AutoModel]):
    forecast = trained(loss).predict(quantiles=[0.9, 0.1, 0.5])
    names = ["MLP_ql0.1", "MLP_ql0.5", "MLP_ql0.9"]
    assert list(forecast.columns) == ["unique_id", "ds", "MLP", *names]
    assert rises(forecast[names])


@every_loss
def test_levels_and_quantiles_agree(loss: str, trained: Callable[[str], AutoModel]):
    model = trained(loss)
    by_level = model.predict(level=[80])
    by_quantile = model.predict(quantiles=[0.1, 0.9])
    assert np.allclose(by_level.iloc[:, 3:], by_quantile.iloc[:, 3:], rtol=1e-6)


@every_loss
def test_asking_for_quantiles_changes_no_later_forecast(
    loss: str, trained: Callable[[str], AutoModel], data: pd.DataFrame
):
    model = trained(loss)
    before = model.predict()
    assert list(before.columns)[:3] == ["unique_id", "ds", "MLP"]
    with_level = model.predict(level=[60])
    pd.testing.assert_frame_equal(model.predict(), before)
    pd.testing.assert_frame_equal(model.predict(data, level=[60]), with_level)
    model.predict(quantiles=[0.3])
    pd.testing.assert_frame_equal(model.predict(level=[60]), with_level)
    assert np.allclose(with_level["MLP"], before["MLP"], rtol=1e-5)


@every_loss
def test_cross_validation_has_a_column_of_the_model_s_name(
    loss: str, trained: Callable[[str], AutoModel]
):
    past = trained(loss).cross_validation(n_windows=1)
    assert list(past.columns)[:4] == ["unique_id", "ds", "cutoff", "MLP"]
    assert np.isfinite(past["MLP"]).all()
    assert len(past) == 3 * H


@pytest.mark.parametrize("loss", ["MQLoss", "Normal", "StudentT", "IQLoss", "MAE"])
def test_the_same_seed_gives_the_same_quantiles(
    loss: str, trained: Callable[[str], AutoModel], data: pd.DataFrame
):
    import torch

    torch.rand(3)
    again = fit(data, SMALL, LOSSES[loss]())
    pd.testing.assert_frame_equal(again.predict(level=[90]), trained(loss).predict(level=[90]))


@pytest.mark.parametrize("loss", ["MQLoss", "StudentT", "IQLoss", "MAE"])
def test_quantiles_never_cross_after_a_single_absurd_step(loss: str, data: pd.DataFrame):
    absurd = {**SMALL, "max_steps": 1, "learning_rate": 5.0, "scaler_type": "identity"}
    model = fit(data, absurd, LOSSES[loss]())
    names = ["MLP-lo-90", "MLP-lo-40", "MLP-hi-40", "MLP-hi-90"]
    assert rises(model.predict(level=[90, 40])[names])


def test_what_a_loss_gives_by_itself_is_in_order(trained: Callable[[str], AutoModel]):
    trained_quantiles = trained("MQLoss").predict()
    assert rises(trained_quantiles[["MLP-lo-90", "MLP-median", "MLP-hi-90"]])
    assert np.allclose(trained_quantiles["MLP"], trained_quantiles["MLP-median"])
    distribution = trained("Normal").predict()
    assert rises(distribution[["MLP-lo-90", "MLP-median", "MLP-hi-90"]])


def test_the_point_lies_between_quantiles_without_a_median(trained: Callable[[str], AutoModel]):
    forecast = trained("MQLoss without a median, high first").predict()
    low, high = forecast["MLP-lo-90"], forecast["MLP-hi-90"]
    assert np.allclose(forecast["MLP"], (low + high) / 2, rtol=1e-5)


@pytest.mark.parametrize("loss", sorted(TRAINED_FOR_90))
def test_a_level_beyond_the_trained_ones_is_refused(loss: str, trained: Callable[[str], AutoModel]):
    with pytest.raises(InvalidInputError, match=r"quantile 0.025 lies outside .*0.05 to 0.95"):
        trained(loss).predict(level=[95])


@pytest.mark.parametrize("loss", ["MQLoss", "HuberMQLoss"])
def test_the_trained_level_is_the_trained_output(loss: str, trained: Callable[[str], AutoModel]):
    model = trained(loss)
    ends = ["MLP-lo-90", "MLP-hi-90"]
    own, asked = model.predict()[ends], model.predict(level=[90])[ends]
    assert np.allclose(own, asked, rtol=1e-6)


def test_trained_quantiles_are_named_as_levels_are(trained: Callable[[str], AutoModel]):
    model = trained("MQLoss without a median, high first")
    asked = model.predict(level=[90])
    pd.testing.assert_frame_equal(
        model.predict()[asked.columns], asked, rtol=1e-6, check_dtype=False
    )
    assert {"MLP-lo-90", "MLP-hi-90"} < set(model.cross_validation().columns)


@pytest.mark.parametrize("loss", list(ONE_QUANTILE))
def test_a_loss_of_one_quantile_gives_that_one_alone(loss: str, data: pd.DataFrame, tmp_path: Path):
    model = fit(data, SMALL, ONE_QUANTILE[loss]())
    point = model.predict()
    assert list(point.columns) == ["unique_id", "ds", "MLP"]
    asked = model.predict(quantiles=0.9)
    assert list(asked.columns) == ["unique_id", "ds", "MLP", "MLP_ql0.9"]
    assert np.allclose(asked[["MLP", "MLP_ql0.9"]], point[["MLP"]], rtol=1e-6)
    for beyond in ({"quantiles": [0.5]}, {"quantiles": [0.9, 0.95]}, {"level": 80}):
        with pytest.raises(InvalidInputError, match=r"outside .* trained for \(only 0.9\)"):
            model.predict(**beyond)
    with pytest.raises(InvalidInputError, match=r"trained only for the quantile 0\.9"):
        model.simulate()
    assert model._scores is None  # nothing was calibrated around a quantile
    scores = model.validation_scores()
    assert scores["metric"].tolist() == ["mqloss"]
    assert scores["MLP"].gt(0).all()
    for measure in (lambda: model.diagnose(baselines=True), model.plot.residuals):
        with pytest.raises(InvalidInputError, match=r"forecasts the quantile 0\.9, for which"):
            measure()
    assert not model.plot.forecast(held_out=True).axes[0].collections
    page = model.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The accuracy of the forecasts is unknown: the model forecasts the quantile" in page


def test_a_loss_of_one_quantile_in_the_estimator(data: pd.DataFrame):
    y = data[data["unique_id"] == "s0"].set_index("ds")["y"]
    forecaster = AutoNeuralForecaster("MLP", SMALL, loss=losses.QuantileLoss(q=0.9), gpus=0).fit(
        y, fh=[1, 2]
    )
    quantile = forecaster.predict_quantiles(alpha=0.9)
    assert np.allclose(quantile.iloc[:, 0], forecaster.predict(), rtol=1e-6)
    with pytest.raises(InvalidInputError, match=r"outside .* \(only 0.9\)"):
        forecaster.predict_interval(coverage=0.8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"level": [0]}, "level must lie between 0 and 100 percent, got 0"),
        ({"level": [100]}, "level must lie between 0 and 100 percent, got 100"),
        ({"level": [-5]}, "got -5; try level="),
        ({"level": [0.9]}, r"level is in percent, got 0.9; did you mean level=90\?"),
        ({"level": 0.95}, r"did you mean level=95\?"),
        ({"level": ["80"]}, "level must be a number or a list of numbers, got '80'; try level="),
        ({"level": "80"}, "got '80'; try level="),
        ({"level": [True]}, "got True"),
        ({"level": [np.nan]}, "got nan"),
        ({"level": [None]}, "got None"),
        ({"level": {80: 1}}, "got {80: 1}"),
        ({"level": np.linspace(1, 99, 101)}, "level holds 101 numbers, 100 at most"),
        ({"quantiles": [0.0]}, "quantiles must lie between 0 and 1, got 0; try"),
        ({"quantiles": [95]}, r"quantiles must lie between 0 and 1, got 95; did you mean 0.95\?"),
        ({"quantiles": "0.5"}, "quantiles must be a number or a list of numbers, got '0.5'"),
        ({"level": [90], "quantiles": [0.1]}, "level and quantiles are both given"),
    ],
)
def test_levels_and_quantiles_that_are_none(
    wrong: dict[str, Any], message: str, trained: Callable[[str], AutoModel]
):
    with pytest.raises(InvalidInputError, match=message):
        trained("MAE").predict(**wrong)
    if "level" in wrong and "quantiles" not in wrong:
        with pytest.raises(InvalidInputError, match=message):
            trained("MAE").plot.forecast(**wrong)
    with pytest.raises(InvalidInputError, match=message):
        answer(trained("MAE"), None, wrong)


@pytest.mark.parametrize(
    "level", [80, 80.0, (80,), {80}, np.array([80]), np.array(80), np.float32(80), [80, 80.0]]
)
def test_one_level_is_a_list_of_one(level: Any, trained: Callable[[str], AutoModel]):
    expected = trained("MAE").predict(level=[80])
    pd.testing.assert_frame_equal(trained("MAE").predict(level=level), expected)
    pd.testing.assert_frame_equal(answer(trained("MAE"), None, {"level": level}), expected)


def test_numbers_of_single_precision_are_the_numbers_meant(trained: Callable[[str], AutoModel]):
    expected = trained("MAE").predict(quantiles=[0.9])
    asked = np.array([0.9], dtype=np.float32)
    pd.testing.assert_frame_equal(trained("MAE").predict(quantiles=asked), expected)


def test_series_too_short_to_calibrate_say_so():
    model = fit(seasonal_panel(length=40), {**SMALL, "input_size": 6, "max_steps": 1})
    with pytest.raises(InvalidInputError, match="too few to hold out 1 window of 6 steps"):
        model.calibrate(seasonal_panel(length=7))


# Coverage


def noise(n_series: int, length: int, *, rho: float = 0.6, seed: int = 0) -> pd.DataFrame:
    """Return autoregressive noise, each series with a level and a scale of its own."""
    rng = np.random.default_rng(seed)
    shocks = rng.normal(size=(n_series, length + 50))
    values = np.zeros_like(shocks)
    for step in range(1, shocks.shape[1]):
        values[:, step] = rho * values[:, step - 1] + shocks[:, step]
    level, scale = rng.uniform(-50, 50, (n_series, 1)), 10 ** rng.uniform(-1, 2, (n_series, 1))
    values = level + scale * values[:, 50:]
    ids = np.repeat([f"n{k:03d}" for k in range(n_series)], length)
    ds = np.tile(np.arange(length), n_series)
    return pd.DataFrame({"unique_id": ids, "ds": ds, "y": values.ravel()})


def coverage(forecast: pd.DataFrame, truth: pd.DataFrame, level: int) -> pd.Series:
    """Return which true values lie within an interval."""
    joined = forecast.merge(truth, on=["unique_id", "ds"], validate="one_to_one")
    assert len(joined) == len(forecast)
    name = forecast.columns[2]
    return joined["y"].between(joined[f"{name}-lo-{level}"], joined[f"{name}-hi-{level}"])


LINEAR: dict[str, Any] = {
    "input_size": 12,
    "max_steps": 150,
    "learning_rate": 5e-3,
    "windows_batch_size": 128,
    "scaler_type": "standard",
}


@pytest.fixture(scope="module")
def series() -> pd.DataFrame:
    return noise(200, 66)


@pytest.fixture(scope="module")
def past(series: pd.DataFrame) -> pd.DataFrame:
    return series[series["ds"] < 60]


@pytest.fixture(scope="module")
def calibrated(past: pd.DataFrame) -> AutoModel:
    return fit(past, LINEAR, model="NLinear").calibrate()


def test_conformal_intervals_cover_as_they_say(
    calibrated: AutoModel, series: pd.DataFrame, past: pd.DataFrame
):
    forecast = calibrated.predict(past, level=[50, 80, 95])
    covered = {level: coverage(forecast, series, level).mean() for level in (50, 80, 95)}
    assert 0.42 < covered[50] < 0.58
    assert 0.72 < covered[80] < 0.88
    assert 0.90 < covered[95] <= 0.99


def test_conformal_intervals_are_of_each_series_scale(
    calibrated: AutoModel, series: pd.DataFrame, past: pd.DataFrame
):
    forecast = calibrated.predict(past, level=[80])
    covered = coverage(forecast, series, 80)
    spread = past.groupby("unique_id")["y"].std()
    large = forecast["unique_id"].map(spread) > spread.median()
    assert 0.7 < covered[large].mean() < 0.9
    assert 0.7 < covered[~large].mean() < 0.9
    width = (forecast["NLinear-hi-80"] - forecast["NLinear-lo-80"]).groupby(forecast["unique_id"])
    assert np.corrcoef(np.log(width.mean()), np.log(spread))[0, 1] > 0.95


def test_conformal_intervals_of_series_never_seen(calibrated: AutoModel):
    new = noise(150, 66, seed=9)
    forecast = calibrated.predict(new[new["ds"] < 60], level=[80])
    assert 0.7 < coverage(forecast, new, 80).mean() < 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss",
    [losses.MQLoss(level=[80]), losses.DistributionLoss("Normal"), losses.IQLoss()],
    ids=["MQLoss", "Normal", "IQLoss"],
)
def test_trained_intervals_cover_as_they_say(loss: Any, series: pd.DataFrame, past: pd.DataFrame):
    config = {**SMALL, "max_steps": 800, "learning_rate": 3e-3, "windows_batch_size": 256}
    forecast = fit(past, config, loss).predict(past, level=[80])
    assert 0.65 < coverage(forecast, series, 80).mean() < 0.92
