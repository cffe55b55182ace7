"""The estimator with several models inside sktime's compositions, with the values checked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.compose import ForecastByLevel, ForecastX, TransformedTargetForecaster
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.forecasting.trend import PolynomialTrendForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter
from sktime.transformations.series.detrend import Detrender
from sktime.utils.estimator_checks import check_estimator

from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.portfolio.networks import AUTO_NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore")

TINY = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
MONTHS = pd.period_range("2015-01", periods=60, freq="M")
STAIRS = pd.Series(1000.0 * (1 + np.arange(60) // 10), index=MONTHS, name="stairs")
SHOPS = {("A", "x"): 1000.0, ("A", "y"): 2000.0, ("B", "x"): 4000.0}


def last_value(**parameters: object) -> AutoNeuralForecaster:
    """Return several models of which the one that repeats the last value is used."""
    settings = {"ensemble": "best", "gpus": 0, **parameters}
    return AutoNeuralForecaster(["Naive", "RWD"], **settings)


def with_network(**parameters: object) -> AutoNeuralForecaster:
    settings = {"config": {"MLP": TINY}, "num_samples": 1, "gpus": 0, **parameters}
    return AutoNeuralForecaster(["Naive", "MLP"], **settings)


def hierarchy(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.concat(
        {
            key: pd.DataFrame({"sales": level + rng.normal(size=n)}, index=MONTHS[:n])
            for key, level in SHOPS.items()
        },
        names=["region", "shop", "month"],
    )


@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
def test_evaluate_forecasts_from_each_cutoff(strategy: str) -> None:
    cv = ExpandingWindowSplitter(initial_window=30, step_length=10, fh=[1, 2])
    result = evaluate(
        AutoNeuralForecaster("Naive", gpus=0),
        cv,
        STAIRS,
        strategy=strategy,
        scoring=MeanAbsoluteError(),
        return_data=True,
        error_score="raise",
    )
    assert [forecast.tolist() for forecast in result["y_pred"]] == [
        [3000.0, 3000.0],
        [4000.0, 4000.0],
        [5000.0, 5000.0],
    ]
    assert [str(forecast.index[0]) for forecast in result["y_pred"]] == [
        "2017-07",
        "2018-05",
        "2019-03",
    ]


def test_a_detrended_target_follows_the_trend() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 60)
    line = pd.Series(100.0 + 10.0 * np.arange(60) + noise, index=MONTHS, name="line")
    pipeline = TransformedTargetForecaster([Detrender(PolynomialTrendForecaster()), last_value()])
    forecast = pipeline.fit(line, fh=[1, 6]).predict()
    np.testing.assert_allclose(forecast, [700.0, 750.0], atol=0.2)


def test_grid_search_over_ways_to_combine() -> None:
    rng = np.random.default_rng(0)
    y = pd.Series(100 + rng.normal(size=60), index=MONTHS, name="noise")
    search = ForecastingGridSearchCV(
        AutoNeuralForecaster(["Naive", "WindowAverage"], gpus=0),
        cv=SlidingWindowSplitter(fh=[1, 2], window_length=40, step_length=10),
        param_grid={"ensemble": ["best", "mean"]},
        scoring=MeanAbsoluteError(),
        backend=None,
        error_score="raise",
    )
    search.fit(y, fh=[1, 2])
    scores = search.cv_results_.set_index("params")["mean_test_MeanAbsoluteError"]
    errors = {params["ensemble"]: score for params, score in scores.items()}
    assert errors["best"] != errors["mean"]
    best = min(errors, key=lambda name: errors[name])
    assert search.best_params_ == {"ensemble": best}
    assert len(search.best_forecaster_.weights_) == {"best": 1, "mean": 2}[best]


@pytest.mark.parametrize("method", ["bu", "mint_shrink"])
def test_reconciled_forecasts_add_up(method: str) -> None:
    forecaster = ReconcilerForecaster(last_value(h=3), method=method)
    forecast = forecaster.fit(hierarchy(30)).predict(fh=[1, 3])
    for month in forecast.index.get_level_values(-1).unique():
        at = forecast.xs(month, level=-1)["sales"]
        assert at[("A", "x")] == pytest.approx(1000, rel=0.01)
        parts = sum(at[key] for key in SHOPS)
        assert parts == pytest.approx(at[("__total", "__total")], rel=1e-6)
        assert parts == pytest.approx(7000, rel=0.01)


def test_one_ensemble_by_level_of_a_hierarchy() -> None:
    y = hierarchy()
    forecast = ForecastByLevel(last_value(), groupby="local").fit(y, fh=[1, 2]).predict()
    for key in SHOPS:
        own = last_value().fit(y.loc[key], fh=[1, 2]).predict()
        np.testing.assert_allclose(forecast.loc[key], own, rtol=1e-6)
        assert own["sales"].iloc[0] == pytest.approx(y.loc[key]["sales"].iloc[-1], abs=1)


def test_several_columns_have_an_ensemble_each() -> None:
    wide = pd.DataFrame({"up": STAIRS, "down": -STAIRS})
    forecaster = AutoNeuralForecaster(["Naive"], gpus=0).fit(wide, fh=[1, 2])
    assert forecaster.predict().to_numpy().tolist() == [[6000.0, -6000.0]] * 2


def test_forecast_x_supplies_the_future() -> None:
    X = pd.DataFrame({"price": np.arange(60.0)}, index=MONTHS)
    model = with_network(ensemble="mean")
    combined = ForecastX(model, NaiveForecaster(strategy="drift"))
    forecast = combined.fit(STAIRS, X=X, fh=[1, 2]).predict()
    future = pd.DataFrame({"price": [60.0, 61.0]}, index=MONTHS[-1] + np.array([1, 2]))
    expected = model.clone().fit(STAIRS, X=X, fh=[1, 2]).predict(X=future)
    pd.testing.assert_series_equal(forecast, expected)


def test_update_predict_moves_through_the_data() -> None:
    forecaster = AutoNeuralForecaster(["Naive"], gpus=0).fit(STAIRS[:20], fh=[1])
    cv = SlidingWindowSplitter(fh=[1], window_length=10, step_length=10)
    forecast = forecaster.update_predict(STAIRS[20:], cv=cv, update_params=False)
    assert forecast.tolist() == [3000.0, 4000.0, 5000.0]
    assert forecaster.cutoff[0] == MONTHS[19]


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_sktime_contract_of_auto() -> None:
    tiny = {name: {"max_steps": 1, "input_size": 4} for name in ("NHITS", "MLP")}
    forecaster = AutoNeuralForecaster(
        "auto",
        tiny,
        exclude=[name for name in AUTO_NETWORKS if name not in tiny],
        num_samples=1,
        n_windows=1,
        gpus=0,
    )
    results = check_estimator(forecaster, raise_exceptions=True, verbose=False)
    assert len(results) > 200
