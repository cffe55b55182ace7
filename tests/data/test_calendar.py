"""Columns of the calendar: their values, where they come from, and what is refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from automodel_sk.catalog.data_options import CALENDAR_PARTS
from automodel_sk.data.calendar import (
    PARTS,
    calendar_columns,
    calendar_values,
    is_calendar,
    with_calendar,
    without_calendar,
)
from automodel_sk.data.preparation import read_times
from automodel_sk.data.treatment import treated
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError
from automodel_sk.forecasting.future_values import future_values
from automodel_sk.validation import validate_all

DAYS = pd.date_range("2024-01-01", periods=366, freq="D")


def long(times: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": "a", "ds": times, "y": np.arange(len(times)) % 7 + 1.0})


@pytest.mark.parametrize(
    ("freq", "parts"),
    [
        ("15min", ["hour", "weekday", "month"]),
        ("h", ["hour", "weekday", "month"]),
        ("D", ["weekday", "month"]),
        ("B", ["weekday", "month"]),
        ("W-SUN", ["week"]),
        ("MS", ["month"]),
        ("QE", ["quarter"]),
    ],
)
def test_the_frequency_decides_what_is_of_use(freq: str, parts: list[str]) -> None:
    found = calendar_columns(["auto"], None, freq)
    assert list(dict.fromkeys(name.split("_")[1] for name in found)) == parts
    assert all(map(is_calendar, found))


def test_the_columns_tell_each_weekday_apart() -> None:
    names = calendar_columns(["weekday"], None, "D")
    values = np.column_stack(list(calendar_values(DAYS, names).values()))
    for day in range(7):
        effect = (DAYS.dayofweek == day).astype(float)
        design = np.column_stack([values, np.ones(len(DAYS))])
        fitted, *_ = np.linalg.lstsq(design, effect, rcond=None)
        assert np.abs(design @ fitted - effect).max() < 1e-9


def test_values_of_each_part() -> None:
    moment = pd.DatetimeIndex(["2024-07-01 06:00"])
    expected = {
        "hour": 0.25,
        "weekday": 0.0,
        "day": 0.0,
        "month": 0.5,
        "quarter": 0.5,
        "week": 182 / 365.25,
        "minute": 0.0,
    }
    assert set(expected) == set(PARTS) == set(CALENDAR_PARTS)
    for part, phase in expected.items():
        sine, cosine = calendar_values(
            moment, [f"calendar_{part}_sin1", f"calendar_{part}_cos1"]
        ).values()
        assert sine[0] == pytest.approx(np.sin(2 * np.pi * phase), abs=1e-12)
        assert cosine[0] == pytest.approx(np.cos(2 * np.pi * phase), abs=1e-12)


def test_the_clock_is_that_of_the_zone() -> None:
    names = ["calendar_hour_sin1", "calendar_hour_cos1"]
    berlin = pd.date_range("2024-07-01", periods=24, freq="h", tz="Europe/Berlin")
    theirs = calendar_values(berlin, names)
    wall = calendar_values(berlin.tz_localize(None), names)
    assert all((theirs[name] == wall[name]).all() for name in names)


def test_columns_that_were_there_are_renewed_and_others_kept() -> None:
    frame = long(DAYS[:3]).assign(calendar_month_sin1=[np.nan, 5.0, 5.0], price=3.0)
    found = with_calendar(frame, ["calendar_month_sin1", "price"])
    assert found["calendar_month_sin1"].tolist() == [0.0, 0.0, 0.0]
    assert found["price"].tolist() == [3.0, 3.0, 3.0]
    counted = pd.DataFrame({"ds": [1, 2]})
    assert with_calendar(counted, ["calendar_month_sin1"]) is counted


REFUSED = [
    (["auto"], None, 1, "dates"),
    (["auto"], None, "YE", "nothing to say"),
    (["hour"], None, "D", "'hour', which is the same at all steps"),
    (["weekday"], None, "W", "'weekday', which is the same"),
    (["month"], None, "YS", "'month', which is the same"),
    ([], "DE", "W", "needs steps of a day or less"),
    ([], "germany", "D", "try holidays='DE'"),
]


@pytest.mark.parametrize(("parts", "holidays", "freq", "said"), REFUSED)
def test_what_says_nothing_is_refused(
    parts: list[str], holidays: str, freq: str, said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        calendar_columns(parts, holidays, freq)


def test_future_values_need_no_frame() -> None:
    names = calendar_columns(["weekday"], None, "D")
    ends = pd.DataFrame({"unique_id": ["b", "a"], "ds": DAYS[[3, 9]]})
    future = future_values(None, names, ends, 2, "D")
    assert future is not None
    assert future["unique_id"].tolist() == ["a", "a", "b", "b"]
    assert future["ds"].tolist() == [DAYS[10], DAYS[11], DAYS[4], DAYS[5]]
    expected = calendar_values(pd.DatetimeIndex(future["ds"]), names)
    assert all(future[name].tolist() == expected[name].tolist() for name in names)


def test_future_values_are_asked_for_beside_the_calendar() -> None:
    names = ("price", *calendar_columns(["month"], None, "D"))
    ends = pd.DataFrame({"unique_id": ["a"], "ds": DAYS[[9]]})
    with pytest.raises(InvalidInputError, match=r"futr_df lacks \['price'\]"):
        future_values(None, names, ends, 1, "D")
    given = pd.DataFrame({"unique_id": ["a"], "ds": ["2024-01-11"], "price": [2.0]})
    future = future_values(given, names, ends, 1, "D")
    assert future is not None
    assert future[["price", "calendar_month_cos1"]].values.tolist() == [[2.0, 1.0]]


def test_a_dataset_gets_the_columns_and_their_names() -> None:
    frame, names = treated(read_times(long(DAYS[:20])), ["price"], calendar=("auto",))
    assert without_calendar(names) == ("price",)
    assert set(names) - {"price"} <= set(frame.columns)
    report = validate_all(
        dataset=long(DAYS[:60]),
        h=7,
        model_class_name="NLinear",
        calendar=True,
        check_environment=False,
    )
    assert "NLinear does not accept future-known" in " ".join(report["model"].errors)
    report = validate_all(
        dataset=long(DAYS[:60]),
        h=7,
        model_class_name="NHITS",
        calendar=["hour"],
        check_environment=False,
    )
    assert "'hour', which is the same" in " ".join(report["data"].errors)


class TestHolidays:
    @pytest.fixture(autouse=True)
    def package(self) -> None:
        pytest.importorskip("holidays")

    def test_public_holidays_are_ones(self) -> None:
        (name,) = calendar_columns([], "DE", "D")
        values = calendar_values(DAYS, [name])[name]
        found = {day.date() for day in DAYS[values == 1]}
        assert {dt.date(2024, 1, 1), dt.date(2024, 5, 1), dt.date(2024, 10, 3)} <= found
        assert {dt.date(2024, 4, 1), dt.date(2024, 12, 25), dt.date(2024, 12, 26)} <= found
        assert len(found) == 9

    def test_parts_of_a_country_have_more(self) -> None:
        (name,) = calendar_columns([], "DE-BY", "D")
        values = calendar_values(DAYS, [name])[name]
        assert dt.date(2024, 1, 6) in {day.date() for day in DAYS[values == 1]}

    def test_all_hours_of_a_holiday_count(self) -> None:
        hours = pd.date_range("2024-12-24 22:00", periods=4, freq="h", tz="America/New_York")
        assert calendar_values(hours, ["calendar_holiday_US"])["calendar_holiday_US"].tolist() == [
            *(0.0, 0.0, 1.0, 1.0)
        ]

    @pytest.mark.parametrize(
        ("code", "said"), [("XX", "'XX' is not known"), ("DE-XX", "no part 'XX'; its parts are BB")]
    )
    def test_unknown_codes_are_refused(self, code: str, said: str) -> None:
        with pytest.raises(InvalidInputError, match=said):
            calendar_columns([], code, "D")


def test_without_the_package_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "holidays", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'automodel_sk\[holidays\]'"):
        calendar_columns([], "DE", "D")
