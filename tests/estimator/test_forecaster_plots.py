"""The estimator's plots: the model's, in the names and times of the data of `fit`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.exceptions import NotFittedError
from sktime.utils._testing.hierarchical import _make_hierarchical

from automodel_sk import AutoNeuralForecaster

CONFIG = {"input_size": 12, "hidden_size": 8, "max_steps": 3}


@pytest.fixture
def monthly() -> pd.Series:
    index = pd.period_range("2015-01", periods=60, freq="M")
    return pd.Series(10 + np.sin(np.arange(60) * np.pi / 6), index=index, name="sales")


def test_times_and_names_are_those_of_the_data(monthly: pd.Series):
    forecaster = AutoNeuralForecaster("MLP", CONFIG).fit(monthly, fh=[1, 2, 3])
    [axes] = forecaster.plot.forecast(level=[], history=4).axes
    assert axes.get_title("left") == "sales"
    history, ahead = axes.lines
    months = pd.period_range("2019-09", periods=4, freq="M").to_timestamp()
    assert history.get_xdata().tolist() == months.to_numpy().tolist()
    assert ahead.get_ydata()[1:] == pytest.approx(forecaster.predict().to_numpy())
    assert ahead.get_xdata()[-1] == np.datetime64("2020-03-01")


def test_forecasts_start_from_the_data_of_update(monthly: pd.Series):
    forecaster = AutoNeuralForecaster("MLP", CONFIG).fit(monthly[:58], fh=[1, 2, 3])
    forecaster.update(monthly[58:], update_params=False)
    [axes] = forecaster.plot.forecast(level=[]).axes
    assert axes.lines[-1].get_xdata()[0] == np.datetime64("2019-12-01")
    assert axes.lines[-1].get_ydata()[1:] == pytest.approx(forecaster.predict().to_numpy())


def test_hierarchies_and_errors():
    y = _make_hierarchical((2, 2), min_timepoints=48, max_timepoints=48, random_state=0)
    forecaster = AutoNeuralForecaster("MLP", CONFIG).fit(y, fh=[1, 2])
    figure = forecaster.plot.forecast(ids=[("h0_1", "h1_0")])
    assert [axes.get_title("left") for axes in figure.axes] == ["h0_1 / h1_0"]
    names = {
        tick.get_text() for tick in forecaster.plot.error_by_series().axes[0].get_yticklabels()
    }
    assert names == {"h0_0 / h1_0", "h0_0 / h1_1", "h0_1 / h1_0", "h0_1 / h1_1"}
    drift = forecaster.plot.residuals(backend="plotly").data[1]
    assert pd.Timestamp(drift.x[0]) > pd.Timestamp("2000-01-01")


def test_future_values_come_from_X(monthly: pd.Series):
    X = pd.DataFrame({"price": np.arange(63.0)}, pd.period_range("2015-01", periods=63, freq="M"))
    forecaster = AutoNeuralForecaster("MLP", CONFIG).fit(monthly, X=X[:60], fh=[1, 2, 3])
    line = forecaster.plot.forecast(level=[], X=X[60:]).axes[0].lines[-1]
    assert line.get_ydata()[1:] == pytest.approx(forecaster.predict(X=X[60:]).to_numpy())


def test_an_unfitted_forecaster_says_so():
    with pytest.raises(NotFittedError):
        AutoNeuralForecaster("MLP", CONFIG).plot  # noqa: B018
