"""Every kind of bad data has its message: column, first place, what was found, the fix."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.validation.data.validator import DataValidator
from automodel_sk.validation.result import Findings, ValidationReport, ValidationResult

TIMES = pd.date_range("2020-01-31", periods=36, freq="ME")


def panel(n_series: int = 3, times: pd.Index = TIMES) -> pd.DataFrame:
    steps = np.arange(len(times), dtype=float)
    return pd.concat(
        [
            pd.DataFrame({"unique_id": f"s{i}", "ds": times, "y": steps + i})
            for i in range(n_series)
        ],
        ignore_index=True,
    )


def with_cell(column: str, row: int, value: Any) -> pd.DataFrame:
    df = panel()
    df.loc[row, column] = value
    return df


def with_price(**cells: Any) -> pd.DataFrame:
    df = panel().assign(price=1.5)
    for row, value in cells.items():
        df.loc[int(row[1:]), "price"] = value
    return df


def static(ids: list[Any], **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": ids, **(columns or {"size": range(len(ids))})})


def future(h: int = 2, n_series: int = 3) -> pd.DataFrame:
    times = pd.date_range(TIMES[-1], periods=h + 1, freq="ME")[1:]
    df = panel(n_series, times).drop(columns="y")
    return df.assign(price=2.0)


def ds_as(values: Any) -> pd.DataFrame:
    df = panel(1).head(len(values))
    return df.assign(ds=pd.Series(list(values), index=df.index, dtype=object))


def one(times: Any) -> pd.DataFrame:
    return panel(1, pd.Index(times))


Case = tuple[str, Callable[[], Any], dict[str, Any], list[str]]

ERRORS: list[Case] = [
    # What was passed at all.
    ("None", lambda: None, {}, ["got None; pass a frame with columns 'unique_id', 'ds' and 'y'"]),
    ("series", lambda: panel()["y"], {}, ["got Series; pass a frame with", "df.rename_axis"]),
    ("dict", lambda: {"y": [1]}, {}, ["got dict; pass pd.DataFrame(df)"]),
    ("list", lambda: [1, 2], {}, ["got list; pass pd.DataFrame(df)"]),
    ("array", lambda: np.ones(3), {}, ["got ndarray; pass pd.DataFrame(df, columns="]),
    ("path", lambda: "data.csv", {}, ["got 'data.csv'; pass pd.read_csv('data.csv')"]),
    ("path object", lambda: Path("data.csv"), {}, ["pass pd.read_csv('data.csv')"]),
    ("empty frame", pd.DataFrame, {}, ["df has no rows"]),
    ("no rows", lambda: panel().head(0), {}, ["df has no rows; pass at least one series"]),
    (
        "column twice",
        lambda: pd.concat([panel(), panel()[["y"]]], axis=1),
        {},
        ["df has column 'y' more than once", "df.loc[:, ~df.columns.duplicated()]"],
    ),
    # Columns.
    (
        "date for ds",
        lambda: panel().rename(columns={"ds": "date"}),
        {},
        ["column 'ds' is missing", "df = df.rename(columns={'date': \"ds\"})"],
    ),
    (
        "upper case",
        lambda: panel().rename(columns={"y": "Y"}),
        {},
        ["column 'y' is missing", "df.rename(columns={'Y': \"y\"})"],
    ),
    (
        "sales for y",
        lambda: panel().rename(columns={"y": "Sales"}),
        {},
        ["df.rename(columns={'Sales': \"y\"})"],
    ),
    (
        "misspelt",
        lambda: panel().rename(columns={"unique_id": "uniqe_id"}),
        {},
        ["column 'unique_id' is missing", "df.rename(columns={'uniqe_id': \"unique_id\"})"],
    ),
    (
        "no id",
        lambda: panel(1).drop(columns="unique_id"),
        {},
        ['for a single series add it: df["unique_id"] = "series_1"'],
    ),
    ("numbered columns", lambda: panel().set_axis([0, 1, 2], axis=1), {}, ["is missing, found [0"]),
    (
        "keys in the index",
        lambda: panel().set_index(["unique_id", "ds"]),
        {},
        ["column 'unique_id' and column 'ds' is in the index", "df = df.reset_index()"],
    ),
    (
        "unnamed two-level index",
        lambda: panel().set_index(["unique_id", "ds"]).rename_axis([None, None]),
        {},
        ['df.rename_axis(["unique_id", "ds"]).reset_index()'],
    ),
    (
        "sktime's index names",
        lambda: panel().set_index(["unique_id", "ds"]).rename_axis(["instances", "time"]),
        {},
        ["named ['instances', 'time']", 'df.rename_axis(["unique_id", "ds"]).reset_index()'],
    ),
    (
        "times in an index",
        lambda: panel(1).set_index("ds")[["y"]].rename_axis(None),
        {},
        ['df.rename_axis("ds").reset_index().assign(unique_id="series_1")'],
    ),
    # Times.
    ("decimal ds", lambda: one(np.arange(9.0)), {}, ["holds decimal numbers", '.astype("int64")']),
    (
        "period ds",
        lambda: one(pd.period_range("2020-01", periods=9, freq="M")),
        {},
        ["column 'ds' holds periods", 'df["ds"].dt.to_timestamp()'],
    ),
    (
        "text ds that is not a date",
        lambda: ds_as(["2020-01-31", "n/a!", "2020-03-31"]),
        {},
        ["holds text that is not a date ('n/a!' in row"],
    ),
    (
        "day and month open",
        lambda: ds_as(["01/02/2020", "02/02/2020", "03/02/2020"]),
        {},
        ["ambiguous order of day and month (e.g. '01/02/2020')", 'format="%d/%m/%Y"'],
    ),
    (
        "mixed zones as text",
        lambda: ds_as(["2020-01-01T00:00+01:00", "2020-01-02T00:00+02:00"]),
        {},
        ["mixes time zones", 'pd.to_datetime(df["ds"], utc=True)'],
    ),
    (
        "mixed zones as timestamps",
        lambda: ds_as([pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-01-02")]),
        {},
        ["mixes time zones", "utc=True"],
    ),
    (
        "mixed types",
        lambda: ds_as([pd.Timestamp("2020-01-01"), 3, "2020-01-02"]),
        {},
        ["values of several types"],
    ),
    ("category ds", lambda: panel(1).astype({"ds": "category"}), {}, ["holds categories"]),
    ("bool ds", lambda: one(np.ones(5, dtype=bool)), {}, ["holds true and false"]),
    ("timedelta ds", lambda: one(pd.timedelta_range("1D", periods=9)), {}, ["holds durations"]),
    ("all ds missing", lambda: ds_as([None, None, None]), {}, ["holds no values"]),
    (
        "NaT",
        lambda: with_cell("ds", 40, pd.NaT),
        {},
        ["column 'ds' has 1 missing value, first in series 's1'", 'df.dropna(subset=["ds"])'],
    ),
    (
        "missing id",
        lambda: with_cell("unique_id", 3, None),
        {},
        ["column 'unique_id' has 1 missing value, first in no series at 2020-04-30 (row 3)"],
    ),
    (
        "ids of two types",
        lambda: panel(2).assign(unique_id=pd.Series([1] * 36 + ["1"] * 36, dtype=object)),
        {},
        ["mixes names of types int and str", '.astype(str)'],
    ),
    (
        "ids that are lists",
        lambda: panel(1).assign(unique_id=pd.Series([[1]] * 36)),
        {},
        ["values that can't name a series (first: [1])"],
    ),
    # Values.
    (
        "numbers as text",
        lambda: panel().assign(y=lambda d: d["y"].astype(str)),
        {},
        ["found numbers as text (first: '0.0')", 'pd.to_numeric(df["y"])'],
    ),
    ("text", lambda: panel().assign(y="high"), {}, ["found text (first: 'high')", "target_col="]),
    ("bool y", lambda: panel().assign(y=True), {}, ["found true and false", "astype(float)"]),
    ("complex y", lambda: panel().assign(y=1 + 2j), {}, ["found complex numbers"]),
    ("dates as y", lambda: panel().assign(y=lambda d: d["ds"]), {}, ["found dates"]),
    (
        "decimals",
        lambda: panel().assign(y=pd.Series([Decimal("1.5")] * 108, dtype=object)),
        {},
        ["found numbers as Python objects", 'df["y"].astype(float)'],
    ),
    ("category y", lambda: panel().astype({"y": "category"}), {}, ["found categories"]),
    (
        "NaN in y",
        lambda: with_cell("y", 38, np.nan),
        {},
        ["column 'y' of df has 1 missing value, first in series 's1' at 2020-03-31", ".ffill()"],
    ),
    (
        "NA in nullable y",
        lambda: with_cell("y", 38, pd.NA).astype({"y": "Float64"}),
        {},
        ["has 1 missing value, first in series 's1' at 2020-03-31"],
    ),
    (
        "infinite y",
        lambda: with_cell("y", 0, -np.inf),
        {},
        ["column 'y' of df has 1 infinite value, first in series 's0' at 2020-01-31", "replace"],
    ),
    # Rows.
    (
        "twice",
        lambda: pd.concat([panel(), panel().iloc[[40, 41]]]),
        {},
        [
            "name 2 rows more than once, first series 's1' at 2020-05-31",
            'df.drop_duplicates(["unique_id", "ds"], keep="last")',
        ],
    ),
    (
        "wrong frequency",
        panel,
        {"freq": "D"},
        ["freq='D' does not fit column 'ds': 100% of its steps differ, first in series 's0' from "
         "2020-01-31 to 2020-02-29; pass freq=\"ME\""],
    ),
    ("start for end", panel, {"freq": "MS"}, ["freq='MS' does not fit", 'pass freq="ME"']),
    ("hours for days", lambda: one(TIMES), {"freq": "h"}, ["100% of its steps differ"]),
    ("frequency unknown", panel, {"freq": "often"}, ["freq='often' is not a pandas", 'try "h"']),
    ("frequency outdated", panel, {"freq": "M"}, ['use freq="ME"']),
    ("number for dates", panel, {"freq": 1}, ["does not fit times that are dates"]),
    ("dates for numbers", lambda: one(range(9)), {"freq": "D"}, ["that are whole numbers"]),
    (
        "steps of 2",
        lambda: one(range(0, 18, 2)),
        {},
        ["freq=1, the default for whole numbers, does not fit", "pass freq=2"],
    ),
    (
        "irregular",
        lambda: one(pd.to_datetime(["2020-01-01", "2020-01-04", "2020-03-05", "2021-05-09"])),
        {},
        ["the times of 'ds' are not regularly spaced", 'freq="D"'],
    ),
    (
        "year and month",
        lambda: one([*range(202001, 202013), *range(202101, 202113)]),
        {},
        ["look like year and month (first: 202001)", 'format="%Y%m"'],
    ),
    (
        "year, month and day",
        lambda: one([20200130, 20200131, 20200201, 20200202]),
        {},
        ["look like year, month and day", 'format="%Y%m%d"'],
    ),
    (
        "Unix seconds",
        lambda: one(np.arange(9) * 3600 + 1_600_000_000),
        {},
        ["look like seconds since 1970", 'unit="s"'],
    ),
    # Lengths.
    ("h of 0", panel, {"h": 0}, ["h must be a whole number of at least 1, got 0; try h=12"]),
    ("h as text", panel, {"h": "12"}, ["h must be a whole number of at least 1, got '12'"]),
    ("h of True", panel, {"h": True}, ["h must be a whole number of at least 1, got True"]),
    ("val_size below 0", panel, {"h": 2, "val_size": -1}, ["val_size must be a whole number"]),
    (
        "all too short",
        panel,
        {"h": 36},
        ["h=36 holds out 36 rows", "the longest of 3 series, 's0', has 36; lower h, or pass"],
    ),
    (
        "too short for so many windows",
        panel,
        {"h": 6, "val_size": 36, "n_windows": 6},
        ["n_windows=6 with h=6 holds out 36 rows", "has 36; lower n_windows, step_size or h"],
    ),
    # Exogenous columns.
    (
        "exogenous missing",
        with_price,
        {"futr_exog": ["prices"]},
        ["futr_exog_list names 'prices', which df lacks", "did you mean 'price'?"],
    ),
    (
        "historic missing",
        panel,
        {"hist_exog": ["temperature"]},
        ["hist_exog_list names 'temperature', which df lacks", "add a column of its known"],
    ),
    ("lone name", with_price, {"futr_exog": "price"}, ["got 'price'; try ['price']"]),
    ("number for names", panel, {"hist_exog": 3}, ["must be a list of column names, got 3"]),
    (
        "in both lists",
        with_price,
        {"futr_exog": ["price"], "hist_exog": ["price"]},
        ["column 'price' is named in futr_exog_list and in hist_exog_list"],
    ),
    ("target as exogenous", panel, {"hist_exog": ["y"]}, ["hist_exog_list names 'y', which is a"]),
    (
        "text as exogenous",
        lambda: panel().assign(promo="yes"),
        {"hist_exog": ["promo"]},
        ["column 'promo' of df must hold numbers, found text (first: 'yes')"],
    ),
    (
        "NaN in exogenous",
        lambda: with_price(r70=np.nan),
        {"futr_exog": ["price"]},
        ["column 'price' of df has 1 missing value, first in series 's1' at 2022-11-30"],
    ),
    # Static features.
    ("static frame missing", panel, {"stat_exog": ["size"]}, ["static_df is missing; pass"]),
    ("static no frame", panel, {"static_df": [1]}, ["static_df must be a pandas DataFrame"]),
    (
        "static without ids",
        panel,
        {"static_df": pd.DataFrame({"size": [1, 2, 3]})},
        ["column 'unique_id' is missing in static_df"],
    ),
    (
        "static lacks a series",
        panel,
        {"static_df": static(["s0", "s2"]), "stat_exog": ["size"]},
        ["static_df lacks 1 of 3 series, first 's1'"],
    ),
    (
        "static twice",
        panel,
        {"static_df": static(["s0", "s1", "s2", "s1"]), "stat_exog": ["size"]},
        ["static_df has 1 row too many, first for series 's1'"],
    ),
    (
        "static of other series",
        panel,
        {"static_df": static([0, 1, 2]), "stat_exog": ["size"]},
        ["static_df names none of the series", "convert both to one type"],
    ),
    (
        "static column missing",
        panel,
        {"static_df": static(["s0", "s1", "s2"]), "stat_exog": ["sizes"]},
        ["stat_exog_list names 'sizes', which static_df lacks", "did you mean 'size'?"],
    ),
    (
        "static text",
        panel,
        {
            "static_df": static(["s0", "s1", "s2"], region=["n", "s", "w"]),
            "stat_exog": ["region"],
        },
        ["column 'region' of static_df must hold numbers, found text"],
    ),
    (
        "static NaN",
        panel,
        {"static_df": static(["s0", "s1", "s2"], size=[1.0, np.nan, 2.0]), "stat_exog": ["size"]},
        ["column 'size' of static_df has 1 missing value, first in row 1"],
    ),
    # The known future.
    (
        "future lacks a row",
        with_price,
        {"h": 2, "futr_exog": ["price"], "futr_df": future().drop(index=3)},
        ["futr_df lacks 1 row in 1 series, first series 's1' at 2023-02-28"],
    ),
    (
        "future lacks a series",
        with_price,
        {"h": 2, "futr_exog": ["price"], "futr_df": future(n_series=2)},
        ["futr_df lacks 2 rows in 1 series, first series 's2' at 2023-01-31"],
    ),
    (
        "future too short",
        with_price,
        {"h": 3, "futr_exog": ["price"], "futr_df": future(2)},
        ["futr_df lacks 3 rows in 3 series, first series 's0' at 2023-03-31", "the 3 times"],
    ),
    (
        "future without the column",
        with_price,
        {"h": 2, "futr_exog": ["price"], "futr_df": future().drop(columns="price")},
        ["futr_exog_list names 'price', which futr_df lacks"],
    ),
    (
        "future with the target",
        with_price,
        {"h": 2, "futr_exog": ["price"], "futr_df": future().assign(y=1.0)},
        ["futr_df holds the target 'y'", 'futr_df.drop(columns="y")'],
    ),
    (
        "future without times",
        with_price,
        {"h": 2, "futr_exog": ["price"], "futr_df": future().drop(columns="ds")},
        ["column 'ds' is missing in futr_df"],
    ),
    (
        "future of another zone",
        with_price,
        {
            "h": 2,
            "futr_exog": ["price"],
            "futr_df": future().assign(ds=lambda d: d["ds"].dt.tz_localize("UTC")),
        },
        ["of futr_df holds dates of time zone UTC, that of df holds dates without a time zone"],
    ),
    (
        "future with NaN",
        with_price,
        {"h": 2, "futr_exog": ["price"], "futr_df": future().assign(price=np.nan)},
        ["column 'price' of futr_df has 6 missing values, first in series 's0' at 2023-01-31"],
    ),
]  # fmt: skip

WARNINGS: list[Case] = [
    (
        "out of order",
        lambda: panel().iloc[::-1],
        {},
        ["the rows are not sorted by 'unique_id' and 'ds'", "they will be sorted", "sort_values"],
    ),
    (
        "gap",
        lambda: panel().drop(index=[40, 41, 80]),
        {},
        [
            "column 'ds' lacks 3 times at freq='ME' in 2 series, first in series 's1' from "
            "2020-04-30 to 2020-07-31",
            'utilsforecast.preprocessing.fill_gaps(df, freq="ME", end="per_serie")',
        ],
    ),
    ("gap in numbers", lambda: one([1, 2, 3, 5, 6]), {}, ["lacks 1 time at freq=1 in 1 series"]),
    (
        "weekends given as days",
        lambda: one(pd.date_range("2020-01-01", periods=90, freq="B")),
        {"freq": "D"},
        ["lacks 36 times at freq='D'"],
    ),
    (
        "one time of day off",
        lambda: one(
            pd.date_range("2020-01-01", periods=40, freq="D")
            + pd.to_timedelta([0] * 20 + [1] + [0] * 19, unit="h")
        ),
        {},
        ["has 2 steps of no whole number of freq='D', first in series 's0' from 2020-01-20 to "
         "2020-01-21 01:00:00"],
    ),
    (
        "constant",
        lambda: panel().assign(y=lambda d: d["y"].where(d["unique_id"] != "s1", 5.0)),
        {},
        ["column 'y' is constant in 1 of 3 series, first in series 's1' (always 5)"],
    ),
    (
        "huge",
        lambda: with_cell("y", 37, 1e30),
        {},
        ["holds 1e+30, in series 's1' at 2020-02-29", "float32"],
    ),
    (
        "unused",
        with_price,
        {},
        ["columns ['price'] are not used", "futr_exog_list=['price']", "hist_exog_list=['price']"],
    ),
    (
        "text dates",
        lambda: panel().assign(ds=lambda d: d["ds"].dt.strftime("%Y-%m-%d")),
        {},
        ["column 'ds' holds dates as text and is read as dates", 'pd.to_datetime(df["ds"])'],
    ),
    (
        "too short for the validation",
        lambda: panel().drop(index=range(36, 60)),
        {"h": 6},
        [
            "1 of 3 series have fewer than the 13 rows that h=6 and val_size=6 need: ['s1'];"
            " they are left out of validation but still forecast",
        ],
    ),
    (
        "shorter than the input",
        panel,
        {"h": 6, "input_size": 30},
        [
            "input_size=30, the largest value to try, with h=6 and val_size=6 needs series of 42"
            " rows for one full window; 3 of 3 series have fewer, the shortest 's0' with 36",
            "padded with zeros at the start; lower input_size to at most 24 for full windows",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "options", "parts"), [c[1:] for c in ERRORS], ids=[c[0] for c in ERRORS]
)
def test_errors(build: Callable[[], Any], options: dict[str, Any], parts: list[str]) -> None:
    result = DataValidator().validate_dataset(build(), **options)
    assert not result.is_valid
    assert any(all(part in message for part in parts) for message in result.errors), result.errors


@pytest.mark.parametrize(
    ("build", "options", "parts"), [c[1:] for c in WARNINGS], ids=[c[0] for c in WARNINGS]
)
def test_warnings(build: Callable[[], Any], options: dict[str, Any], parts: list[str]) -> None:
    result = DataValidator().validate_dataset(build(), **options)
    assert result.errors == []
    assert len(result.warnings) == 1
    assert all(part in result.warnings[0] for part in parts), result.warnings
    strict = DataValidator(strict_mode=True).validate_dataset(build(), **options)
    assert (strict.is_valid, strict.errors, strict.warnings) == (False, result.warnings, [])


def test_a_polars_frame_is_told_how_to_convert() -> None:
    stand_in = type("DataFrame", (), {"__module__": "polars.dataframe.frame"})
    result = DataValidator().validate_dataset(stand_in())
    assert result.errors == [
        "df must be a pandas DataFrame, got polars.DataFrame; pass df.to_pandas()"
    ]


@pytest.mark.parametrize(
    ("times", "freq"),
    [
        *(
            (pd.date_range("2019-11-05", periods=40, freq=freq), freq)
            for freq in ("ME", "MS", "QE", "QS-NOV", "W-SUN", "W-WED", "B", "D", "h", "15min",
                         "YE", "YS", "2h", "SME", "BME")
        ),
        (pd.date_range("2020-03-28", periods=72, freq="h", tz="Europe/Berlin"), "h"),
        (pd.date_range("2020-10-24", periods=72, freq="h", tz="Europe/Berlin"), "h"),
        (pd.date_range("2020-03-20", periods=30, freq="D", tz="Europe/Berlin"), "D"),
        (pd.RangeIndex(40), 1),
        (pd.Index(range(0, 80, 2)), 2),
        (pd.Index(range(40), dtype="Int64"), 1),
    ],
    ids=str,
)  # fmt: skip
def test_good_data_of_every_frequency_has_no_findings(times: pd.Index, freq: str | int) -> None:
    df = panel(2, times)
    after = times[-10:]
    price = df.assign(price=1.0)
    cut = price[price["ds"] < after[0]]
    futr_df = price[price["ds"] >= after[0]].drop(columns="y")
    result = DataValidator().validate_dataset(
        cut, freq=freq, h=10, input_size=5, futr_exog=["price"], futr_df=futr_df, val_size=5
    )
    assert (result.errors, result.warnings) == ([], [])


@pytest.mark.parametrize("kind", ["category", "string", "object", "int64", "int32", "float64"])
def test_ids_of_every_type(kind: str) -> None:
    df = panel()
    numbers = df["unique_id"].str[1:]
    df["unique_id"] = (
        numbers.astype("int64").astype(kind) if kind[-1] in "24" else (df["unique_id"].astype(kind))
    )
    bad = df.assign(y=df["y"].where(df.index != 38))
    assert DataValidator().validate_dataset(df, h=6).errors == []
    assert "at 2020-03-31" in DataValidator().validate_dataset(bad, h=6).errors[0]


def test_series_of_different_phase_and_length_are_fine() -> None:
    at_half_past = pd.date_range("2020-01-01 00:30", periods=50, freq="h")
    df = pd.concat([one(pd.date_range("2020-01-01", periods=60, freq="h")),
                    one(at_half_past).assign(unique_id="late")])  # fmt: skip
    assert str(DataValidator().validate_dataset(df, h=5)) == "valid: 0 errors, 0 warnings"


def test_shuffled_rows_give_the_findings_of_sorted_ones() -> None:
    df = pd.concat([panel().drop(index=[40, 41]), panel().iloc[[5]]])
    ordered = df.sort_values(["unique_id", "ds"])
    expected = DataValidator().validate_dataset(ordered, h=6)
    mixed = DataValidator().validate_dataset(df.sample(frac=1, random_state=1), h=6)
    assert "lacks 2 times" in expected.warnings[0]
    assert "name 1 row more than once" in expected.errors[0]
    # Series are numbered by appearance, which only the choice of the first one shows.
    assert [message[:30] for message in mixed.errors] == [m[:30] for m in expected.errors]
    assert [w for w in mixed.warnings if "lacks 2 times at freq='ME' in 1 series" in w]


def test_the_fix_of_a_message_mends_the_data() -> None:
    df = panel().rename(columns={"ds": "date"})
    df["date"] = df["date"].dt.strftime("%d/%m/%Y")
    df = pd.concat([df, df.iloc[[3]]]).sort_values("date")
    scope = {"df": df, "pd": pd}
    for _ in range(6):
        result = DataValidator(strict_mode=True).validate_dataset(scope["df"])
        if result.is_valid:
            break
        fix = next(m for m in result.errors if "df = " in m or 'df["' in m)
        start = min(at for at in (fix.find("df = "), fix.find('df["')) if at >= 0)
        exec(fix[start:], scope)
    assert result.is_valid
    assert len(scope["df"]) == 108


def test_masked_rows_may_be_missing() -> None:
    df = with_cell("y", 38, np.nan).assign(available_mask=1)
    df.loc[38, "available_mask"] = 0
    assert DataValidator().validate_dataset(df).is_valid
    assert not DataValidator().validate_dataset(df.assign(available_mask=1)).is_valid


def test_other_column_names() -> None:
    df = panel().rename(columns={"unique_id": "shop", "ds": "day", "y": "sales"})
    validator = DataValidator(id_col="shop", time_col="day", target_col="sales")
    assert validator.validate_dataset(df, h=6).is_valid
    gappy = validator.validate_dataset(df.drop(index=5))
    assert 'freq="ME", id_col="shop", time_col="day", end="per_serie")' in gappy.warnings[0]


def test_horizon_alone() -> None:
    validator = DataValidator()
    assert validator.validate_horizon(panel(), 6).is_valid
    assert validator.validate_horizon(panel(), 34).is_valid
    assert "holds out 35 rows" in validator.validate_horizon(panel(), 35).errors[0]
    assert "val_size=36 holds" in validator.validate_horizon(panel(), 20, val_size=36).errors[0]
    assert validator.validate_horizon(panel(), 99, val_size=0).is_valid
    ragged = panel().drop(index=range(37, 72))
    assert "have fewer than the 31 rows" in validator.validate_horizon(ragged, 15).warnings[0]
    assert validator.validate_dataset(ragged).is_valid
    single = panel().drop_duplicates("unique_id")
    assert "nothing to learn" in validator.validate_horizon(single, 1, val_size=0).errors[0]
    assert validator.validate_dataset(single, freq="D").is_valid
    assert "h must be" in validator.validate_horizon(panel(), None).errors[0]
    assert "got None" in validator.validate_horizon(None, 3).errors[0]


def test_the_frame_is_left_as_it_was() -> None:
    df = panel().sample(frac=1, random_state=0).assign(extra=1)
    before = df.copy(deep=True)
    DataValidator().validate_dataset(df, h=3)
    pd.testing.assert_frame_equal(df, before)


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=5),
    st.datetimes(),
    st.just([1]),
    st.sampled_from(["2020-01-01", "2020-01-02", pd.NaT, pd.NA, 1 + 1j, b"x", Decimal(1)]),
)


@settings(max_examples=300, deadline=None)
@given(
    columns=st.dictionaries(
        st.sampled_from(["unique_id", "ds", "y", "x", "available_mask", 0]),
        st.lists(CELLS, min_size=4, max_size=4),
        max_size=6,
    ),
    as_objects=st.booleans(),
    h=CELLS,
    freq=CELLS,
)
@example(
    columns={"unique_id": [None] * 4, "ds": [None, None, 0, pd.NA], "y": [None] * 4},
    as_objects=False,
    h=None,
    freq=None,
)
def test_nothing_raises(columns: dict[Any, Any], as_objects: bool, h: Any, freq: Any) -> None:
    df = pd.DataFrame(columns, dtype=object) if as_objects else pd.DataFrame(columns)
    options = {"h": h, "freq": freq, "hist_exog": ["x"], "static_df": df, "futr_df": df}
    assert isinstance(DataValidator().validate_dataset(df, **options), ValidationResult)


@settings(max_examples=100, deadline=None)
@example(ids=list("aaaabccc"), days=[0, 5, 5, 10, 3, 10, 11, 12], tz=None)
@given(
    ids=st.lists(st.sampled_from(["a", "b", "c"]), min_size=8, max_size=8),
    days=st.lists(st.integers(0, 12), min_size=8, max_size=8),
    tz=st.sampled_from([None, "Europe/Berlin"]),
)
def test_findings_match_a_plain_count(ids: list[str], days: list[int], tz: str | None) -> None:
    """Duplicates and gaps agree with what a loop over the series finds."""
    walls = pd.DatetimeIndex([pd.Timestamp("2020-03-25") + pd.offsets.Day(d) for d in days])
    times = walls.tz_localize(tz)
    df = pd.DataFrame({"unique_id": ids, "ds": times, "y": np.arange(8.0)})
    result = DataValidator().validate_dataset(df, freq="D")
    rows = df.assign(day=days).drop_duplicates(["unique_id", "ds"])
    n_twice = len(df) - len(rows)
    by_series = [np.diff(sorted(g)) for _, g in rows.groupby("unique_id")["day"]]
    steps = np.concatenate(by_series)
    messages = " ".join(result.errors + result.warnings)
    assert (f"name {n_twice} row" in messages) == (n_twice > 0)
    if "keeps freq=" in messages:  # refused: some series are daily, one has a step of its own
        assert any(len(own) and own.min() > 1 for own in by_series)
        assert any((own > 1).sum() <= 0.5 * len(own) for own in by_series)
        return
    n_missing = int((steps - 1).sum())
    wrong = (steps > 1).sum() > 0.5 * len(steps)
    if n_missing and not wrong:
        assert f"lacks {n_missing} time" in messages
    assert ("does not fit" in messages) == bool(wrong)


def test_result_is_readable() -> None:
    findings = Findings()
    findings.error("h must be at least 1, got 0; try h=12")
    findings.warn("<b> is odd")
    findings.correct("h", 12)
    result = findings.result()
    assert result == ValidationResult(
        False, ["h must be at least 1, got 0; try h=12"], ["<b> is odd"], {"h": 12}
    )
    assert str(result).splitlines() == [
        "invalid: 1 error, 1 warning",
        "  error: h must be at least 1, got 0; try h=12",
        "  warning: <b> is odd",
        "  suggested: {'h': 12}",
    ]
    assert "&lt;b&gt; is odd" in result._repr_html_()
    with pytest.raises(InvalidInputError, match="try h=12") as caught:
        result.raise_if_invalid()
    assert caught.value.result is result


def test_report_merges_and_keeps_sections() -> None:
    good = ValidationResult(True, [], ["a", "b"], {"x": 1})
    bad = ValidationResult(False, ["e"], ["b"], {"y": 2})
    report = ValidationReport.merge({"one": good, "two": bad})
    assert isinstance(report, ValidationResult)
    assert (report.is_valid, report.errors, report.warnings) == (False, ["e"], ["a", "b"])
    assert report.corrected_config == {"x": 1, "y": 2}
    assert report["two"] is bad
    assert report.sections == {"one": good, "two": bad}
    assert "two: invalid: 1 error, 1 warning\n  error: e" in str(report)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (1e8 + 3 * np.sin(np.arange(60)), "float32, which models use, hardly distinguishes"),
        (123_456_789 + np.arange(60), "float32, which models use, hardly distinguishes"),
        (1e-9 * np.sin(np.arange(60)), "scalers treat such a small spread as zero"),
    ],
)
def test_variation_that_is_lost_in_training(values: Any, found: str):
    fine = pd.DataFrame({"unique_id": "fine", "ds": range(60), "y": 1e6 + np.arange(60.0)})
    df = pd.concat([fine, fine.assign(unique_id="lost", y=values)])
    [warning] = [w for w in DataValidator().validate_dataset(df).warnings if "varies by" in w]
    assert found in warning
    assert "in series 'lost' (1 series like it)" in warning


def test_constant_and_ordinary_values_are_not_said_to_be_lost():
    ids = np.repeat(["a", "b", "c"], 60)
    values = np.r_[np.full(60, 1e8), np.sin(np.arange(60)), 1e19 * np.sin(np.arange(60))]
    df = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(60), 3), "y": values})
    assert not [w for w in DataValidator().validate_dataset(df).warnings if "varies by" in w]
