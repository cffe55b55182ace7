"""Gaps are filled if asked to, within series alone, and what was filled is counted."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest

from automodel_sk import create_auto_model, validate_all
from automodel_sk.catalog.data_options import FILLS
from automodel_sk.data.gaps import fill_gaps
from automodel_sk.data.treatment import Treatment, treated
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.prepared import prepare_data

DAYS = pd.date_range("2024-01-01", periods=8, freq="D")


def holed() -> pd.DataFrame:
    """Two series: "a" lacks days 2 and 3 and the value of day 5, "b" begins and ends empty."""
    a = pd.DataFrame({"unique_id": "a", "ds": DAYS, "y": np.arange(8.0) ** 2, "price": 10.0})
    a.loc[5, "y"] = np.nan
    a.loc[1, "price"] = 20.0
    b = pd.DataFrame({"unique_id": "b", "ds": DAYS, "y": [np.nan, *range(6), np.nan], "price": 5.0})
    return pd.concat([a.drop(index=[2, 3]), b], ignore_index=True)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("zero", [0.0, 1.0, 0.0, 0.0, 16.0, 0.0, 36.0, 49.0]),
        ("ffill", [0.0, 1.0, 1.0, 1.0, 16.0, 16.0, 36.0, 49.0]),
        ("interpolate", [0.0, 1.0, 6.0, 11.0, 16.0, 26.0, 36.0, 49.0]),
    ],
)
def test_gaps_within_a_series_are_filled(method: str, expected: list[float]) -> None:
    frame, filled = fill_gaps(holed(), method, "D")
    a, b = (frame[frame["unique_id"] == name] for name in "ab")
    assert a["y"].tolist() == expected
    assert a["ds"].tolist() == DAYS.tolist()
    assert b["y"].isna().tolist() == [True, *[False] * 6, True]  # ends are no gaps
    assert (filled.rows, filled.values, filled.series) == (2, 1, 1)
    assert "'a' at 2024-01-03" in str(filled)


def test_other_columns_of_added_rows_repeat_the_row_before() -> None:
    prices = fill_gaps(holed(), "zero", "D")[0]["price"].tolist()[:5]
    assert prices == [10.0, 20.0, 20.0, 20.0, 10.0]
    prices = fill_gaps(holed(), "interpolate", "D")[0]["price"].tolist()[:5]
    assert prices == pytest.approx([10.0, 20.0, 50 / 3, 40 / 3, 10.0])


def test_a_mask_marks_the_gaps_as_not_observed() -> None:
    frame, _ = fill_gaps(holed(), "mask", "D")
    a = frame[frame["unique_id"] == "a"]
    assert a["available_mask"].tolist() == [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0]
    known = holed().assign(available_mask=lambda df: df["y"].notna().astype(float))
    kept, filled = fill_gaps(known, "zero", "D")
    assert kept["available_mask"].iloc[:8].tolist() == [1, 1, 1, 1, 1, 0, 1, 1]
    assert (filled.rows, filled.values) == (2, 0)


@pytest.mark.parametrize("method", FILLS)
def test_columns_keep_their_types(method: str) -> None:
    df = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 4, 5], "y": [1.0, np.nan, 3.0, 4.0]})
    df = df.assign(
        available_mask=df["y"].notna(),
        promo=[False, True, False, False],
        kind=[1, 2, 4, 4],
        shop=pd.Categorical(["s", "t", "s", "s"]),
        code=[1.0, 2.0, 4.0, 4.0],
        price=[1.0, 2.0, 4.0, 4.0],
    )
    frame, filled = fill_gaps(df, method, 1, ["code"])
    assert (filled.rows, filled.values) == (1, 0)
    assert frame.dtypes.to_dict() == df.dtypes.to_dict()
    assert frame["available_mask"].tolist() == [True, False, method != "mask", True, True]
    assert frame["promo"].tolist() == [False, True, True, False, False]
    assert frame["kind"].tolist() == frame["code"].tolist() == [1, 2, 2, 4, 4]
    assert frame["shop"].tolist() == ["s", "t", "t", "s", "s"]
    assert frame["price"].tolist() == [1.0, 2.0, 3.0 if method == "interpolate" else 2.0, 4.0, 4.0]


@pytest.mark.parametrize(
    ("method", "y", "mask"),
    [
        ("zero", [9.0, 0.0, 3.0, 0.0, 0.0, 0.0, 7.0], [0, 1, 1, 0, 1, 1, 1]),
        ("ffill", [9.0, np.nan, 3.0, 0.0, 3.0, 3.0, 7.0], [0, 0, 1, 0, 1, 1, 1]),
        ("interpolate", [9.0, np.nan, 3.0, 0.0, 5.0, 6.0, 7.0], [0, 0, 1, 0, 1, 1, 1]),
        ("mask", [9.0, np.nan, 3.0, 0.0, np.nan, np.nan, 7.0], [0, 0, 1, 0, 0, 0, 1]),
    ],
)
def test_values_that_were_not_observed_are_none_to_fill_from(
    method: str, y: list[float], mask: list[int]
) -> None:
    df = pd.DataFrame({"unique_id": "a", "ds": [1, 3, 4, 5, 7], "y": [9.0, 3.0, 0.0, np.nan, 7.0]})
    frame, _ = fill_gaps(df.assign(available_mask=[0, 1, 0, 1, 1]), method, 1)
    np.testing.assert_array_equal(frame["y"], y)
    assert frame["available_mask"].tolist() == mask


def test_columns_may_have_any_name() -> None:
    days = DAYS.tz_localize("Europe/Berlin")
    df = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0, "_from": 2, "cutoff": 3, "row": 4})
    frame, filled = fill_gaps(df.drop(index=3), "zero", "D")
    assert filled.rows == 1
    pd.testing.assert_frame_equal(frame, df.assign(y=[1.0, 1, 1, 0, 1, 1, 1, 1]))


def test_categories_that_a_configuration_names_are_not_interpolated() -> None:
    config = {"max_steps": 1, "input_size": 2, "hidden_size": 4, "num_layers": 1}
    config |= {"cat_exog_list": ["kind"], "categorical_cardinalities": {"kind": 2}}
    df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40) % 7.0})
    df = df.assign(kind=np.where(df["ds"] > 20, 3.0, 1.0)).drop(index=[20, 30])
    options = {"use_mlflow": False, "storage": ":memory:", "verbose": False, "cpus": 1, "gpus": 0}
    options |= {"hist_exog_list": ["kind"], "fill_gaps": "interpolate"}
    report = validate_all("optuna", config, model_class_name="MLP", dataset=df, h=2, **options)
    assert report["model"].errors == report["data"].errors == []
    model = create_auto_model("MLP", 2, df, config, **options)
    for own in (model, model.refit(df), model.update(df, max_steps=1)):
        assert own.state.categories == {"kind": {1.0: 1, 3.0: 2}}
    assert len(model.predict(df)) == 2


@pytest.mark.parametrize("freq", ["D", pd.offsets.Day(), pd.Timedelta(days=1), None])
def test_gaps_are_filled_at_a_frequency_in_any_form(freq: Any) -> None:
    df = pd.DataFrame({"unique_id": "a", "ds": DAYS, "y": np.arange(8.0)}).drop(index=3)
    assert len(treated(df, (), freq=freq, fill_gaps="zero")[0]) == 8
    report = validate_all("optuna", dataset=df, h=1, model_class_name="MLP", freq=freq)
    assert any("lacks 1 time" in warning for warning in report["data"].warnings)
    options = {"freq": freq, "fill_gaps": "zero"}
    report = validate_all("optuna", dataset=df, h=1, model_class_name="MLP", **options)
    assert not any("lacks 1 time" in warning for warning in report["data"].warnings)


@pytest.mark.parametrize("method", FILLS)
def test_without_gaps_nothing_changes(method: str) -> None:
    whole = pd.DataFrame({"unique_id": "a", "ds": DAYS, "y": 1.0})
    frame, filled = fill_gaps(whole, method, "D")
    assert frame is whole
    assert filled.series == 0


def test_duplicates_and_rows_off_the_grid_are_left_to_the_validator() -> None:
    twice = pd.concat([holed(), holed().iloc[:1]])
    assert fill_gaps(twice, "zero", "D")[0] is twice
    odd = holed()
    odd.loc[3, "ds"] += pd.Timedelta(hours=5)
    assert fill_gaps(odd, "zero", "D")[0] is odd


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-03-29", periods=6, freq="D", tz="Europe/Berlin"),
        pd.date_range("2024-03-30 22:00", periods=6, freq="h", tz="Europe/Berlin"),
        pd.date_range("2024-01-31", periods=6, freq="ME"),
        pd.date_range("2024-01-01", periods=6, freq="B"),
        pd.date_range("2024-01-01", periods=6, freq="D").as_unit("s"),
    ],
    ids=["days in a zone", "hours in a zone", "months", "business days", "seconds"],
)
def test_times_keep_zone_and_type(times: pd.DatetimeIndex) -> None:
    df = pd.DataFrame({"unique_id": "a", "ds": times, "y": np.arange(6.0)})
    frame, filled = fill_gaps(df.drop(index=[2, 4]), "interpolate", times.freqstr)
    assert filled.rows == 2
    assert frame["ds"].dtype == df["ds"].dtype
    assert frame["ds"].tolist() == times.tolist()
    assert frame["y"].tolist() == list(range(6))


@pytest.mark.parametrize("kind", ["category", "int"])
def test_names_of_series_keep_their_type(kind: str) -> None:
    df = pd.DataFrame({"unique_id": [1] * 3 + [2] * 3, "ds": [1, 2, 4] * 2, "y": 1.0})
    df = df.astype({"unique_id": kind})
    frame, _ = fill_gaps(df, "ffill", 1)
    assert frame["unique_id"].tolist() == [1] * 4 + [2] * 4
    assert frame["ds"].tolist() == [1, 2, 3, 4] * 2


def test_what_was_filled_is_told(caplog: pytest.LogCaptureFixture) -> None:
    options = OptimizationConfig(fill_gaps="zero")
    long = pd.concat([holed().iloc[:6].assign(ds=DAYS[[0, 1, 4, 5, 6, 7]])], ignore_index=True)
    with caplog.at_level(logging.WARNING):
        prepared = prepare_data(long, 1, options)
    assert prepared.data.frame["y"].tolist() == [0.0, 1.0, 0.0, 0.0, 16.0, 0.0, 36.0, 49.0]
    assert "gaps of 1 series are filled with 0: 2 rows added, 1 empty value" in caplog.text
    caplog.clear()
    assert prepare_data(long, 1, OptimizationConfig()).checked().findings.errors  # never unasked
    assert "filled" not in caplog.text


def test_a_model_fills_what_it_forecasts_from() -> None:
    frame = Treatment("ffill").of_data(holed(), "D")
    assert frame["y"].iloc[:4].tolist() == [0.0, 1.0, 1.0, 1.0]
    assert Treatment().of_data(holed(), "D")["y"].isna().sum() == 3


def test_what_is_no_frame_of_series_is_left_to_the_validator() -> None:
    for broken in (None, "x", pd.DataFrame({"y": [1.0]}), holed().assign(ds="soon")):
        assert treated(broken, (), fill_gaps="zero", calendar=["auto"])[0] is broken
