"""Frequencies are found for every pandas step, and season lengths follow from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.frequencies import to_offset

from automodel_sk.data.frequency import infer_frequency, monthly_advice, season_length
from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.data.times.time_grid import TimeGrid
from automodel_sk.exceptions import InvalidInputError

FREQUENCIES = [
    "ME", "MS", "QE", "QS-NOV", "W-SUN", "W-WED", "B", "D", "h", "15min", "YE", "YS", "2h", "2ME",
    "3D", "30s", "BME", "BQE", "YE-JUN", "YS-APR", "SME", "SMS", "2W-TUE", "min", "ms",
]  # fmt: skip


def long_frame(times: pd.Index, name: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": times, "y": np.arange(len(times), dtype=float)})


def assert_same_steps(found: str | int, freq: str, times: pd.DatetimeIndex) -> None:
    """Two names of one frequency (QS-NOV, QS-FEB) walk the same dates."""
    offset = to_offset(found)
    assert [t + offset for t in times[:-1]] == list(times[1:]), (found, freq)


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_frequency_of_complete_series(freq: str) -> None:
    times = pd.date_range("2019-11-05", periods=60, freq=freq)
    found = infer_frequency(long_frame(times))
    assert_same_steps(found, freq, times)
    assert season_length(found) == season_length(freq)


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_frequency_despite_gaps_in_the_longest_series(freq: str) -> None:
    times = pd.date_range("2019-11-05", periods=60, freq=freq)
    kept = np.delete(np.arange(60), [17, 18, 40])
    found = infer_frequency(long_frame(times[kept]))
    assert_same_steps(found, freq, times)


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_frequency_does_not_depend_on_the_order_of_rows(freq: str) -> None:
    times = pd.date_range("2019-11-05", periods=40, freq=freq)
    frame = pd.concat([long_frame(times, "a"), long_frame(times[5:30], "b")])
    shuffled = frame.sample(frac=1, random_state=0)
    assert infer_frequency(shuffled) == infer_frequency(frame)


@pytest.mark.parametrize(("start", "freq"), [("2020-03-28", "h"), ("2020-10-24", "h"),
                                             ("2020-03-20", "D"), ("2020-03-01", "W-SUN"),
                                             ("2020-01-31", "ME")])  # fmt: skip
def test_frequency_across_a_change_of_the_clocks(start: str, freq: str) -> None:
    times = pd.date_range(start, periods=60, freq=freq, tz="Europe/Berlin")
    assert infer_frequency(long_frame(times)) == freq
    grid = TimeGrid.of(times, freq)
    assert (grid.steps(np.arange(59), np.arange(1, 60)) == 1).all()


def test_integer_times() -> None:
    assert infer_frequency(long_frame(pd.Index([3, 4, 5]))) == 1
    assert infer_frequency(long_frame(pd.Index([3, 5, 7], dtype="int32"))) == 1


def test_two_rows_are_enough() -> None:
    assert infer_frequency(long_frame(pd.DatetimeIndex(["2020-01-31", "2020-02-29"]))) == "ME"
    assert infer_frequency(long_frame(pd.DatetimeIndex(["2020-01-01", "2020-01-02"]))) == "D"


def test_text_dates_are_read() -> None:
    frame = long_frame(pd.Index(["2020-01-31", "2020-02-29", "2020-03-31"]))
    assert infer_frequency(frame) == "ME"


def test_other_column_names() -> None:
    times = pd.date_range("2020", periods=9, freq="W-WED")
    frame = long_frame(times).rename(columns={"unique_id": "shop", "ds": "day"})
    assert infer_frequency(frame, id_col="shop", time_col="day") == "W-WED"


def test_single_series_of_many_union_is_used() -> None:
    """Each series lacks half of its rows; together they hold every month."""
    times = pd.date_range("2020-01-31", periods=24, freq="ME")
    frame = pd.concat([long_frame(times[::2][:7], "a"), long_frame(times[1::2], "b")])
    assert infer_frequency(frame) in ("2ME", "ME")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (long_frame(pd.DatetimeIndex(["2020-01-31"])), 'pass it, e.g. freq="ME"'),
        (
            long_frame(pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-13", "2021-05-01"])),
            "are not regularly spaced",
        ),
        (long_frame(pd.Index([0.5, 1.5])), 'df["ds"].astype("int64")'),
        (long_frame(pd.Index([1, 2])).drop(columns="ds"), "column 'ds' is missing"),
        (pd.DataFrame(), "column 'unique_id' is missing"),
    ],
)
def test_what_can_not_be_told(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        infer_frequency(frame)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("freq", "season"),
    [
        ("ME", 12), ("MS", 12), ("BME", 12), ("2ME", 6), ("3MS", 4), ("QE-DEC", 4), ("QS-NOV", 4),
        ("2QE", 2), ("YE", 1), ("YS-APR", 1), ("W", 52), ("W-WED", 52), ("2W", 26), ("7D", 52),
        ("D", 7), ("2D", 7), ("B", 5), ("SME", 24), ("h", 24), ("2h", 12), ("24h", 7), ("5h", 24),
        ("15min", 96), ("5min", 288), ("min", 1440), ("30s", 120), ("s", 3600), ("100ms", 10),
        ("30D", 12), ("365D", 1), (1, 1), (5, 1), (pd.offsets.MonthEnd(), 12), ("bh", 8),
    ],
)  # fmt: skip
def test_season_lengths(freq: str | int, season: int) -> None:
    assert season_length(freq) == season


@pytest.mark.parametrize(
    ("freq", "message"),
    [
        ("M", "freq='M' is an outdated name; use freq=\"ME\""),
        ("2H", 'use freq="2h"'),
        ("15T", 'use freq="15min"'),
        ("Q-NOV", 'use freq="QE-NOV"'),
        ("monthly", 'use freq="ME"'),
        ("fortnight", "is not a pandas frequency"),
        ("-1D", "must go forward"),
        (0, "must go forward by at least one step, got 0; try 1"),
        (True, "must be a pandas offset alias or a whole number, got True"),
        (1.5, "must be a pandas offset alias or a whole number, got 1.5"),
    ],
)
def test_frequencies_that_are_none(freq: object, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_frequency(freq)
    assert message in str(caught.value)


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_grid_counts_steps_by_value(freq: str) -> None:
    times = pd.date_range("2019-11-05", periods=30, freq=freq)
    grid = TimeGrid.of(times[[0, 1, 4, 29]], freq)
    np.testing.assert_array_equal(
        grid.steps(np.array([0, 1, 2]), np.array([1, 2, 3])), [1.0, 3.0, 25.0]
    )
    assert TimeGrid.of(times, freq).successors().tolist() == [*range(1, 30), -1]


def test_grid_marks_times_off_the_calendar() -> None:
    times = pd.DatetimeIndex(["2020-01-31", "2020-02-15", "2020-02-29"])
    grid = TimeGrid.of(times, "ME")
    assert grid.on_grid.tolist() == [True, False, True]
    assert np.isnan(grid.steps(np.array([0]), np.array([1])))[0]
    assert grid.steps(np.array([0]), np.array([2]))[0] == 1


def test_grid_keeps_the_hour_of_calendar_steps_out() -> None:
    times = pd.date_range("2020-01-31 18:00", periods=12, freq="ME")
    assert (TimeGrid.of(times, "ME").steps(np.arange(11), np.arange(1, 12)) == 1).all()


def test_grid_refuses_the_wrong_kind() -> None:
    with pytest.raises(InvalidInputError, match="times that are whole numbers"):
        TimeGrid.of(pd.Index([1, 2]), "D")
    with pytest.raises(InvalidInputError, match="times that are dates"):
        TimeGrid.of(pd.DatetimeIndex(["2020-01-01"]), 1)


def test_grid_of_steps_finer_than_the_unit_of_the_dates() -> None:
    times = pd.date_range("2020", periods=3, freq="s", unit="s")
    grid = TimeGrid.of(times, "500ms")
    assert grid.steps(np.array([0]), np.array([1])).tolist() == [2.0]


@pytest.mark.parametrize("freq", ["2B", "3B", "4B"])
def test_steps_of_several_business_days_are_no_days(freq: str) -> None:
    times = pd.date_range("2024-01-01", periods=60, freq=freq)
    frame = pd.DataFrame({"unique_id": "a", "ds": times})
    assert infer_frequency(frame) == freq
    assert infer_frequency(frame.drop(index=[7, 30])) == freq


@pytest.mark.parametrize("freq", ["B", "2D", "W-FRI", "D"])
def test_other_steps_on_weekdays_stay_what_they_are(freq: str) -> None:
    times = pd.date_range("2024-01-01", periods=3 if freq == "D" else 60, freq=freq)
    assert infer_frequency(pd.DataFrame({"unique_id": "a", "ds": times})) == freq


@pytest.mark.parametrize("freq", ["10min", "30min", "h"])
def test_a_clock_set_back_does_not_hide_the_step(freq: str) -> None:
    """By the wall clock, 02:30 is followed by 02:00 there."""
    times = pd.date_range("2024-10-26", periods=400, freq=freq, tz="Europe/Berlin")
    few = times[np.random.default_rng(0).random(400) < 0.55]
    with pytest.raises(InvalidInputError, match=f'"{freq}"'):
        infer_frequency(pd.DataFrame({"unique_id": "a", "ds": few}))


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_months_that_are_centuries_apart_are_read_without_overflow(unit: str) -> None:
    far = pd.DatetimeIndex(["1700-01-15", "2200-01-15", "2200-02-15"]).as_unit(unit)
    assert "day 15 of each month" in str(monthly_advice(far))
    daily = pd.DatetimeIndex(["1700-01-15", "2200-01-15", "2200-01-16"]).as_unit(unit)
    assert monthly_advice(daily) is None
