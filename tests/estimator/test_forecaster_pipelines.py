"""Within pipelines: each transformer on each kind of index, horizons with gaps and in the past."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.compose import Permute, TransformedTargetForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.transformations.series.boxcox import LogTransformer
from sktime.transformations.series.compose import OptionalPassthrough
from sktime.transformations.series.detrend import Detrender
from sktime.transformations.series.difference import Differencer

from automodel_sk.forecaster import AutoNeuralForecaster

pytestmark = pytest.mark.filterwarnings("ignore")

N = 36
INDICES = {
    "month begin": pd.date_range("2020-01-01", periods=N, freq="MS"),
    "month end": pd.date_range("2020-01-31", periods=N, freq="ME"),
    "business day": pd.date_range("2020-01-01", periods=N, freq="B"),
    "day in a zone": pd.date_range("2020-03-01", periods=N, freq="D", tz="Europe/Berlin"),
    "month period": pd.period_range("2020-01", periods=N, freq="M"),
    "range": pd.RangeIndex(N),
}
TRANSFORMERS = {
    "detrend": Detrender,
    "difference": Differencer,
    "log": LogTransformer,
    "optional": lambda: OptionalPassthrough(Detrender()),
}
# (Differencer fails on time stamps with gaps, whatever the forecaster.)
PAIRS = [
    ("month begin", "detrend"),
    ("month begin", "log"),
    ("month begin", "optional"),
    ("month end", "optional"),
    ("business day", "detrend"),
    ("day in a zone", "optional"),
    ("month period", "detrend"),
    ("range", "detrend"),
]


def naive(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 1, "input_size": 1, "learning_rate": 1e-5}
    return AutoNeuralForecaster("NLinear", config, gpus=0, **parameters)


def line(index: pd.Index) -> pd.Series:
    return pd.Series(100.0 + 10.0 * np.arange(N), index=index, name="y")


def piped(forecaster: object, transformer: str) -> TransformedTargetForecaster:
    return TransformedTargetForecaster(
        [("transform", TRANSFORMERS[transformer]()), ("forecast", forecaster)]
    )


@pytest.mark.parametrize("fh", [[2, 5], [3, 6, 9, 12]], ids=str)
@pytest.mark.parametrize(("name", "transformer"), PAIRS)
def test_horizons_with_gaps(name: str, transformer: str, fh: list[int]) -> None:
    y = line(INDICES[name])
    expected = piped(NaiveForecaster(), transformer).fit(y, fh=fh).predict()
    forecast = piped(naive(), transformer).fit(y, fh=fh).predict()
    pd.testing.assert_index_equal(forecast.index, expected.index)
    assert getattr(forecast.index, "freq", None) == getattr(expected.index, "freq", None)
    if transformer != "log":  # the residuals are nought, and so is what is forecast of them
        np.testing.assert_allclose(forecast, expected, atol=4.0)


@pytest.mark.parametrize("transformer", ["detrend", "difference", "log"])
@pytest.mark.parametrize("ids", [None, ("b", "a"), (("b", 1), ("a", 2))], ids=str)
def test_observed_points(ids: tuple | None, transformer: str) -> None:
    y = line(INDICES["month period"])
    if ids:
        y = pd.concat({key: y.to_frame() + 100 * i for i, key in enumerate(ids)})
    fh = [-2, 0, 1]
    forecast = piped(naive(), transformer).fit(y, fh=fh).predict()
    expected = piped(NaiveForecaster(), transformer).fit(y, fh=fh).predict()
    pd.testing.assert_index_equal(forecast.index, expected.index)
    assert np.isfinite(forecast).to_numpy().all()
    if transformer == "detrend":
        first = np.array([430.0, 450.0, 460.0])
        levels = np.concatenate([first + 100 * i for i in range(len(ids or "1"))])
        np.testing.assert_allclose(np.ravel(forecast), levels, atol=4.0)


def test_permuted_steps() -> None:
    y = line(INDICES["month begin"])
    steps = [("a", Detrender()), ("b", LogTransformer()), ("forecast", naive())]
    permuted = Permute(TransformedTargetForecaster(steps), permutation=["b", "a", "forecast"])
    forecast = permuted.fit(y, fh=[2, 5]).predict()
    assert forecast.index.tolist() == [pd.Timestamp("2023-02-01"), pd.Timestamp("2023-05-01")]
