"""The simple forecasts, by value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from automodel_sk.data.baselines import BASELINES, baseline_forecasts, seasonal_naive
from automodel_sk.exceptions import InvalidInputError


def frame(name: str, ds: object, y: object) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": y})


def test_repeats_the_last_season_beyond_its_length():
    df = frame("a", range(1, 7), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    expected = pd.DataFrame(
        {
            "unique_id": "a",
            "ds": range(7, 12),
            "SeasonalNaive": [4.0, 5.0, 6.0, 4.0, 5.0],
        }
    )
    assert_frame_equal(seasonal_naive(df, 5, 1, 3), expected, check_dtype=False)


def test_series_of_unequal_length_end_and_order_of_rows():
    months = pd.date_range("2024-01-31", periods=5, freq="ME")
    df = pd.concat(
        [frame("b", months[:3], [10.0, 20.0, 30.0]), frame("a", months, [1.0, 2.0, 3.0, 4.0, 5.0])]
    )
    result = seasonal_naive(df.sample(frac=1, random_state=0), 2, "ME", 2)
    assert result["unique_id"].tolist() == ["a", "a", "b", "b"]
    assert result["ds"].dt.strftime("%Y-%m-%d").tolist() == [
        "2024-06-30",
        "2024-07-31",
        "2024-04-30",
        "2024-05-31",
    ]
    assert result["SeasonalNaive"].tolist() == [4.0, 5.0, 20.0, 30.0]


def test_a_series_shorter_than_a_season_repeats_its_last_value():
    df = pd.concat([frame("a", [1, 2], [7.0, 9.0]), frame("b", [1, 2, 3], [1.0, 2.0, 3.0])])
    result = seasonal_naive(df, 2, 1, 3)
    assert result["SeasonalNaive"].tolist() == [9.0, 9.0, 1.0, 2.0]


def test_season_of_one_is_the_naive_forecast():
    df = frame("a", pd.date_range("2024-01-01", periods=4, freq="h"), [1.0, 2.0, 3.0, 9.0])
    assert seasonal_naive(df, 3, "h", 1)["SeasonalNaive"].tolist() == [9.0, 9.0, 9.0]


def test_categorical_ids_without_rows_are_left_out():
    ids = pd.Categorical(["a", "a"], categories=["a", "unused"])
    df = pd.DataFrame({"unique_id": ids, "ds": [1, 2], "y": [1.0, 2.0]})
    result = seasonal_naive(df, 1, 1, 2)
    assert result["unique_id"].tolist() == ["a"]
    assert result["SeasonalNaive"].tolist() == [1.0]


def test_a_periodic_series_is_forecast_exactly():
    step = np.arange(60)
    y = np.sin(2 * np.pi * step / 12)
    df = frame("a", step[:48], y[:48])
    assert seasonal_naive(df, 12, 1, 12)["SeasonalNaive"].to_numpy() == pytest.approx(y[48:])


@pytest.mark.parametrize(
    ("h", "season", "message"),
    [
        (0, 12, "h must be at least 1, got 0; try h=12"),
        (12, 0, "season must be at least 1, got 0; try season=12"),
    ],
)
def test_numbers_below_one(h: int, season: int, message: str):
    with pytest.raises(InvalidInputError, match=message):
        seasonal_naive(frame("a", [1], [1.0]), h, 1, season)


def test_no_rows():
    with pytest.raises(InvalidInputError, match="df has no rows"):
        seasonal_naive(frame("a", [], []), 1, 1, 1)


def test_every_simple_rule_by_value_on_series_of_unequal_length():
    df = pd.concat(
        [
            frame("b", range(1, 3), [4.0, 6.0]),
            frame("a", range(1, 7), [1.0, 9.0, 2.0, 3.0, 4.0, 11.0]),
            frame("c", [5], [7.0]),
        ]
    )
    result = baseline_forecasts(df.sample(frac=1, random_state=0), 2, 1, 3)
    expected = pd.DataFrame(
        {
            "unique_id": ["a", "a", "b", "b", "c", "c"],
            "ds": [7, 8, 3, 4, 6, 7],
            "SeasonalNaive": [3.0, 4.0, 6.0, 6.0, 7.0, 7.0],
            "Naive": [11.0, 11.0, 6.0, 6.0, 7.0, 7.0],
            "WindowAverage": [6.0, 6.0, 5.0, 5.0, 7.0, 7.0],
            "RWD": [13.0, 15.0, 8.0, 10.0, 7.0, 7.0],
        }
    )
    assert_frame_equal(result, expected, check_dtype=False)
    assert list(result.columns[2:]) == list(BASELINES)
