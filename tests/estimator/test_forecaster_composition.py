"""The estimator inside sktime's and scikit-learn's compositions, with the values checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit
from sktime.benchmarking.forecasting import ForecastingBenchmark
from sktime.forecasting.compose import (
    EnsembleForecaster,
    ForecastingPipeline,
    ForecastX,
    TransformedTargetForecaster,
)
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.forecasting.trend import PolynomialTrendForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter
from sktime.transformations.series.detrend import Detrender
from sktime.transformations.series.difference import Differencer
from sktime.transformations.series.exponent import ExponentTransformer

from automodel_sk.forecaster import AutoNeuralForecaster

pytestmark = pytest.mark.filterwarnings("ignore")

MONTHS = pd.period_range("2015-01", periods=60, freq="M")


def naive(**parameters: object) -> AutoNeuralForecaster:
    """Return a model whose small weights add next to nothing to the last value."""
    config = {"max_steps": 1, "input_size": 4, "learning_rate": 1e-5}
    return AutoNeuralForecaster("NLinear", config, gpus=0, **parameters)


@pytest.fixture
def stairs() -> pd.Series:
    """Return a series whose last value tells where it was cut: 1000, 2000, ... each 10 months."""
    return pd.Series(1000.0 * (1 + np.arange(60) // 10), index=MONTHS, name="stairs")


@pytest.fixture
def line() -> pd.Series:
    return pd.Series(100.0 + 10.0 * np.arange(60), index=MONTHS, name="line")


@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
def test_evaluate_forecasts_from_each_cutoff(stairs: pd.Series, strategy: str) -> None:
    cv = ExpandingWindowSplitter(initial_window=20, step_length=10, fh=[1, 2])
    result = evaluate(
        naive(),
        cv,
        stairs,
        strategy=strategy,
        scoring=MeanAbsoluteError(),
        return_data=True,
        error_score="raise",
    )
    firsts = [round(forecast.iloc[0], -3) for forecast in result["y_pred"]]
    assert firsts == [2000.0, 3000.0, 4000.0, 5000.0]
    assert [str(forecast.index[0]) for forecast in result["y_pred"]] == [
        "2016-09",
        "2017-07",
        "2018-05",
        "2019-03",
    ]
    np.testing.assert_allclose(result["test_MeanAbsoluteError"], 1000.0, rtol=0.1)


@pytest.mark.parametrize("strategy", ["refit", "no-update_params"])
def test_evaluate_passes_future_x(strategy: str) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"price": rng.normal(size=60)}, index=MONTHS)
    y = (5 * X["price"]).rename("y")
    config = {
        "max_steps": 200,
        "learning_rate": 0.01,
        "input_size": 4,
        "hidden_size": 32,
        "num_layers": 1,
    }
    forecaster = AutoNeuralForecaster("MLP", config, gpus=0)
    cv = ExpandingWindowSplitter(initial_window=50, step_length=4, fh=[1, 2])
    result = evaluate(
        forecaster, cv, y, X=X, strategy=strategy, scoring=MeanAbsoluteError(), error_score="raise"
    )
    assert result["test_MeanAbsoluteError"].mean() < 0.7 * y.abs().mean()


def test_update_predict_moves_through_the_data(stairs: pd.Series) -> None:
    forecaster = naive().fit(stairs[:20], fh=[1])
    cv = SlidingWindowSplitter(fh=[1], window_length=10, step_length=10)
    forecast = forecaster.update_predict(stairs[20:], cv=cv, update_params=False)
    assert forecast.round(-3).tolist() == [3000.0, 4000.0, 5000.0]
    assert forecast.index.astype(str).tolist() == ["2017-07", "2018-05", "2019-03"]
    assert forecaster.cutoff[0] == MONTHS[19]


def test_detrended_target_follows_the_trend(line: pd.Series) -> None:
    pipeline = TransformedTargetForecaster([Detrender(PolynomialTrendForecaster()), naive()])
    forecast = pipeline.fit(line, fh=[1, 6]).predict()
    np.testing.assert_allclose(forecast, [700.0, 750.0], atol=1.0)
    assert forecast.index.astype(str).tolist() == ["2020-01", "2020-06"]


def test_differenced_target_follows_the_trend(line: pd.Series) -> None:
    pipeline = Differencer() * naive()
    forecast = pipeline.fit(line, fh=[1, 2, 3]).predict()
    np.testing.assert_allclose(forecast, [700.0, 710.0, 720.0], rtol=0.02)


def test_pipeline_transforms_x() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"price": rng.uniform(1, 2, size=60)}, index=MONTHS)
    y = (X["price"] ** 2).rename("y")
    config = {"max_steps": 2, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    model = AutoNeuralForecaster("MLP", config, gpus=0)
    pipeline = ForecastingPipeline([("square", ExponentTransformer(2)), ("model", model)])
    direct = model.clone().fit(y[:57], X=X[:57] ** 2, fh=[1, 2, 3]).predict(X=X[57:] ** 2)
    piped = pipeline.fit(y[:57], X=X[:57], fh=[1, 2, 3]).predict(X=X[57:])
    pd.testing.assert_series_equal(piped, direct)


def test_forecast_x_supplies_the_future(line: pd.Series) -> None:
    X = pd.DataFrame({"price": np.arange(60.0)}, index=MONTHS)
    config = {"max_steps": 2, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    model = AutoNeuralForecaster("MLP", config, gpus=0)
    combined = ForecastX(model, NaiveForecaster(strategy="drift"))
    forecast = combined.fit(line, X=X, fh=[1, 2]).predict()
    future = pd.DataFrame({"price": [60.0, 61.0]}, index=MONTHS[-1] + np.array([1, 2]))
    expected = model.clone().fit(line, X=X, fh=[1, 2]).predict(X=future)
    pd.testing.assert_series_equal(forecast, expected)


def test_ensemble_averages(stairs: pd.Series) -> None:
    ensemble = EnsembleForecaster([("a", naive()), ("b", NaiveForecaster(strategy="mean"))])
    forecast = ensemble.fit(stairs, fh=[1, 4]).predict()
    np.testing.assert_allclose(forecast, (6000 + 3500) / 2, rtol=0.01)


def test_grid_search_over_models(stairs: pd.Series) -> None:
    search = ForecastingGridSearchCV(
        naive(),
        cv=SlidingWindowSplitter(fh=[1, 2], window_length=40, step_length=10),
        param_grid={"model": ["NLinear", "DLinear"]},
        scoring=MeanAbsoluteError(),
        backend=None,
        error_score="raise",
    )
    search.fit(stairs, fh=[1, 2])
    scores = search.cv_results_.set_index("params")["mean_test_MeanAbsoluteError"]
    errors = {params["model"]: score for params, score in scores.items()}
    assert errors["NLinear"] == pytest.approx(1000, rel=0.05)  # untrained DLinear is far off
    assert search.best_params_ == {"model": "NLinear"}
    assert search.predict().round(-3).tolist() == [6000.0, 6000.0]


@pytest.mark.parametrize("method", ["bu", "ols", "mint_shrink"])
def test_reconciled_forecasts_add_up(method: str) -> None:
    times = MONTHS[:30]
    rng = np.random.default_rng(0)
    levels = {("A", "x"): 1000.0, ("A", "y"): 2000.0, ("B", "x"): 4000.0}
    y = pd.concat(
        {
            key: pd.DataFrame({"sales": level + rng.normal(size=30)}, index=times)
            for key, level in levels.items()
        },
        names=["region", "shop", "month"],
    )
    forecast = ReconcilerForecaster(naive(h=3), method=method).fit(y).predict(fh=[1, 3])
    assert ("__total", "__total") in forecast.index.droplevel(-1)
    for month in forecast.index.get_level_values(-1).unique():
        at = forecast.xs(month, level=-1)["sales"]
        assert at[("A", "x")] == pytest.approx(1000, rel=0.01)
        assert at[("__total", "__total")] == pytest.approx(7000, rel=0.01)
        parts = sum(at[key] for key in levels)
        assert parts == pytest.approx(at[("__total", "__total")], rel=1e-6)


def test_plain_loop_with_sklearn(stairs: pd.Series) -> None:
    errors = []
    for train, test in TimeSeriesSplit(n_splits=3, test_size=10).split(stairs):
        forecast = naive().fit(stairs.iloc[train], fh=np.arange(1, len(test) + 1)).predict()
        assert forecast.index.equals(stairs.index[test])
        errors.append(mean_absolute_error(stairs.iloc[test], forecast))
    np.testing.assert_allclose(errors, 1000.0, rtol=0.05)


def test_benchmark_compares_it_with_a_naive_forecast(stairs: pd.Series, tmp_path: Path) -> None:
    benchmark = ForecastingBenchmark()
    benchmark.add_estimator(naive(), estimator_id="ours")
    benchmark.add_estimator(NaiveForecaster(), estimator_id="last value")
    benchmark.add_task(
        lambda: stairs,
        ExpandingWindowSplitter(initial_window=20, step_length=10, fh=[1, 2]),
        [MeanAbsoluteError()],
        task_id="stairs",
    )
    table = benchmark.run(str(tmp_path / "results.csv")).set_index("model_id")
    means = table["MeanAbsoluteError_mean"]
    assert means["last value"] == 1000.0  # each cutoff stands right before a step
    assert means["ours"] == pytest.approx(1000.0, rel=0.02)
