"""The errors of a forecast against values by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import metrics
from benchmarks.accuracy.task import KEYS, QUANTILE_COLUMNS, Dataset, Forecast, split


def task() -> Dataset:
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], 6),
            "ds": [*pd.date_range("2020", periods=6, freq="D")] * 2,
            "y": [1.0, 3.0, 2.0, 4.0, 10.0, 0.0, 5.0, 5.0, 5.0, 5.0, 6.0, 8.0],
        }
    )
    return Dataset("small", *split(frame, 2), h=2, season=2, freq="D")


def forecast(point: list[list[float]], spread: float = 0.0) -> Forecast:
    points = np.array(point)
    steps = np.linspace(-spread, spread, len(QUANTILE_COLUMNS))
    return Forecast(points, points[..., None] + steps)


def test_errors_by_hand() -> None:
    found = metrics.errors(task(), forecast([[8.0, 2.0], [5.0, 5.0]]))
    # Series a: its seasonal differences are 1, so the errors 2 and 2 are scaled by 1. Series b is
    # constant and has no scale.
    assert found["mase"] == pytest.approx(2.0)
    assert found["wape"] == pytest.approx((2 + 2 + 1 + 3) / (10 + 0 + 6 + 8))
    assert found["wql"] == pytest.approx(found["wape"])  # all quantiles are the point
    expected = np.mean([4 / 18, 4 / 2, 2 / 11, 6 / 13])
    assert found["smape"] == pytest.approx(expected)
    assert found["coverage80"] == 0.0


def test_quantiles_count_by_their_level() -> None:
    truth = np.array([[10.0]])
    quantiles = np.full((1, 1, 9), 10.0)
    quantiles[..., 0] = 8.0  # the 10% quantile: 2 * 0.1 * 2
    assert metrics.wql(truth, quantiles) == pytest.approx(2 * 0.1 * 2 / 10 / 9)
    quantiles[..., 0] = 12.0  # too high: 2 * 0.9 * 2
    assert metrics.wql(truth, quantiles) == pytest.approx(2 * 0.9 * 2 / 10 / 9)


def test_coverage_includes_the_ends() -> None:
    found = metrics.errors(task(), forecast([[8.0, 0.5], [4.0, 9.0]], spread=2.0))
    assert found["coverage80"] == 1.0
    found = metrics.errors(task(), forecast([[7.9, 0.5], [4.0, 9.0]], spread=2.0))
    assert found["coverage80"] == 0.75


def test_smape_of_two_zeros_is_zero() -> None:
    assert metrics.smape(np.zeros((1, 2)), np.array([[0.0, 1.0]])) == pytest.approx(1.0)


def test_forecasts_are_matched_by_series_and_time() -> None:
    data = task()
    frame = data.test[KEYS].assign(point=data.test["y"])
    frame = frame.assign(**dict.fromkeys(QUANTILE_COLUMNS, data.test["y"]))
    shuffled = Forecast.from_frame(data, frame.sample(frac=1, random_state=1))
    assert metrics.errors(data, shuffled)["mase"] == 0.0
    with pytest.raises(ValueError, match="1 of 4 steps lack a forecast"):
        Forecast.from_frame(data, frame.iloc[1:])


def test_crossing_quantiles_are_sorted() -> None:
    data = task()
    frame = data.test[KEYS].assign(point=0.0)
    frame = frame.assign(**{q: -float(q) for q in QUANTILE_COLUMNS})
    assert Forecast.from_frame(data, frame).quantiles[0, 0, 0] == -0.9
