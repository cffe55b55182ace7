"""Times are read alike everywhere: text in one format, numbers and dates of every kind."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, DataValidator, create_auto_model
from automodel_sk.data.preparation import read_times
from automodel_sk.data.times.read import read_time_column
from automodel_sk.data.times.text_times import looks_like_dates, text_order
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.nixtla import from_long
from automodel_sk.serving.requests import answer


def column(*texts: Any) -> pd.Series[Any]:
    return pd.Series(list(texts), name="ds")


def frame(times: Any, **more: Any) -> pd.DataFrame:
    values = 2 + np.sin(np.arange(len(times)) / 2)
    return pd.DataFrame({"unique_id": "a", "ds": times, "y": values, **more})


def fit(df: Any, **options: Any) -> AutoModel:
    config = {"input_size": 6, "max_steps": 1, "hidden_size": 4, "num_layers": 1}
    quiet: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}
    return create_auto_model("MLP", 2, df, config, storage=":memory:", **quiet, **options)


def steps(df: pd.DataFrame) -> list[str]:
    return [str(time)[:10] for time in df["ds"]]


def refusal(times: pd.Series[Any]) -> str:
    with pytest.raises(InvalidInputError) as caught:
        read_time_column(times)
    return str(caught.value)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["13.01.2024", "01.02.2024"], ["2024-01-13", "2024-02-01"]),
        (["01/13/2024", "02/01/2024"], ["2024-01-13", "2024-02-01"]),
        (["1-2-2024", "13-2-2024"], ["2024-02-01", "2024-02-13"]),
        (["01.01.2020", "01.01.2021"], ["2020-01-01", "2021-01-01"]),
        (["01/02/2024 13:00", "13/02/2024 14:30:15"], ["2024-02-01 13:00", "2024-02-13 14:30:15"]),
        (["01/13/2024 12:15 AM", "01/02/2024 1:00 pm"], ["2024-01-13 00:15", "2024-01-02 13:00"]),
        (["2024/01/31", "2024/02/01"], ["2024-01-31", "2024-02-01"]),
        (["2024-1-5", "2024-12-31"], ["2024-01-05", "2024-12-31"]),
        (["20240131", "20240201"], ["2024-01-31", "2024-02-01"]),
        (["Jan 2015", "May 2015"], ["2015-01-01", "2015-05-01"]),
        (["13-Jan-2024", "01-May-2024"], ["2024-01-13", "2024-05-01"]),
        (["January 3, 2024", "September 4, 2024"], ["2024-01-03", "2024-09-04"]),
        (["3 January 2024", "4 September 2024"], ["2024-01-03", "2024-09-04"]),
        (["2023-05", "2023-06"], ["2023-05-01", "2023-06-01"]),
        (["05/2023", "06/2023"], ["2023-05-01", "2023-06-01"]),
        (["2023Q1", "2023Q4"], ["2023-01-01", "2023-10-01"]),
        (["Q1 2023", "Q4 2023"], ["2023-01-01", "2023-10-01"]),
        (["2023-W01", "2023-W52"], ["2023-01-02", "2023-12-25"]),
        (["2023W017", "2023W521"], ["2023-01-08", "2023-12-25"]),
        (["2023", "2024"], ["2023-01-01", "2024-01-01"]),
        (["", "13.01.2024"], [None, "2024-01-13"]),
        (["NaT", "2024-01-13"], [None, "2024-01-13"]),
    ],
)
def test_text_is_read_by_the_whole_column(texts: list[str], expected: list[Any]) -> None:
    assert read_time_column(column(*texts)).tolist() == pd.DatetimeIndex(expected).tolist()


@pytest.mark.parametrize(
    "written", ["%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%b %d, %Y", "%G-W%V-%u"]
)
def test_text_reads_back_to_the_dates_it_was_written_from(written: str) -> None:
    dates = pd.date_range("2023-11-05", periods=400, freq="D")
    assert read_time_column(pd.Series(dates.strftime(written))).equals(dates)


def test_many_texts_are_read_as_few_are() -> None:
    dates = pd.date_range("2023-11-05", periods=30_000, freq="h")
    texts = pd.Series(dates.strftime("%d.%m.%Y %H:%M"))
    assert read_time_column(texts).equals(dates)
    assert read_time_column(pd.concat([texts, pd.Series([None])]))[-1] is pd.NaT


@pytest.mark.parametrize(
    "written", ["%d.%m.%Y", "%d/%m/%Y", "%m-%d-%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p"]
)
def test_an_open_order_is_refused_with_the_format_that_reads_it(written: str) -> None:
    months = pd.date_range("2020-01-01", periods=48, freq="MS")
    texts = pd.Series(months.strftime(written), name="ds")
    said = refusal(texts)
    assert "ambiguous order of day and month" in said
    assert said.count("format=") == 2
    assert f'format="{written}"' in said
    assert pd.DatetimeIndex(pd.to_datetime(texts, format=written)).equals(months)


def test_the_advice_can_be_carried_out() -> None:
    df = frame(pd.date_range("2020-01-01", periods=12, freq="MS").strftime("%d.%m.%Y"))
    fix = refusal(df["ds"]).split("convert it: ")[1].split(", if the month")[0]
    exec(fix, {"df": df, "pd": pd})
    assert df["ds"].dt.month.tolist() == list(range(1, 13))


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (["2024-01-01", "13.01.2024"], ["mixes formats", "'13.01.2024'"]),
        (["13.01.2024", "01/14/2024"], ["mixes formats"]),
        (["2024-01-01", "2024-02"], ["mixes formats"]),
        (["13/01/2024", "01/13/2024"], ["mixes orders", "'13/01/2024'", "'01/13/2024'"]),
        (["13/01/24", "14/01/24"], ["two digits", 'format="%d/%m/%y"']),
        (["20-01-01", "20-01-31"], ["two digits", 'format="%y-%m-%d"']),
        (["Jan-20", "Feb-20"], ["two digits", 'format="%b-%y"']),
        (["13-Jan-24"], ["two digits", 'format="%d-%b-%y"']),
        (["20-Jan", "21-Jan"], ["without a year"]),
        (["00:15", "00:30"], ["times of day without a date"]),
        (["1", "2"], ["numbers as text", 'astype("int64")']),
        (["202401", "202402"], ["year and month", 'format="%Y%m"']),
        (["2024-02-30"], ["is not a date", "'2024-02-30'"]),
        (["31.04.2024"], ["is not a date", "'31.04.2024'"]),
        (["2023-W53"], ["is not a date"]),
        (["13/01/2024 13:00 PM"], ["is not a date"]),
        (["2024-01-01", "soon"], ["is not a date", "'soon'"]),
        (["today", "now"], ["is not a date"]),
        (["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00"], ["mixes time zones", "utc=True"]),
        (["2024-03-31 01:00", "2024-03-31 03:00+02:00"], ["mixes time zones"]),
    ],
)
def test_text_that_is_not_read_says_why(texts: list[str], parts: list[str]) -> None:
    said = refusal(column(*texts))
    assert all(part in said for part in ["column 'ds'", *parts]), said


def test_the_reader_and_the_validator_agree() -> None:
    months = frame(pd.date_range("2020-01-01", periods=48, freq="MS").strftime("%d/%m/%Y"))
    said = refusal(months["ds"])
    assert DataValidator().validate_dataset(months).errors == [said]
    with pytest.raises(InvalidInputError, match="ambiguous order of day and month"):
        fit(months)


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%m/%d/%Y"])
def test_what_fit_reads_every_other_call_reads(written: str, tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    df = frame(days.strftime(written), p=1.0)
    model = fit(df, futr_exog_list=["p"])
    assert model.freq == "D"
    after = pd.date_range(days[-1], periods=3)[1:]
    future = frame(after.strftime(written), p=1.0).drop(columns="y")  # its own order is open
    expected = steps(pd.DataFrame({"ds": after}))
    assert steps(model.predict(futr_df=future)) == expected
    assert steps(model.predict(df, futr_df=future)) == expected
    assert steps(model.refit(df).predict(futr_df=future)) == expected
    assert steps(model.update(df, max_steps=1).predict(futr_df=future)) == expected
    assert steps(model.calibrate(df).predict(futr_df=future, level=[80])) == expected
    assert steps(model.cross_validation(df)) == steps(frame(days[-2:]))
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    request = pd.concat([df, future])
    assert steps(answer(loaded, request, {})) == expected
    start = df.head(12)  # a past whose order is open, too
    third = pd.date_range("2024-01-13", periods=2)
    future = frame(third.strftime(written), p=1.0).drop(columns="y")
    assert steps(loaded.predict(start, futr_df=future)) == steps(pd.DataFrame({"ds": third}))


def several(df: pd.DataFrame) -> AutoModel:
    quiet: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}
    return create_auto_model(["Naive"], 2, df, storage=":memory:", **quiet)


@pytest.mark.parametrize("fitted", [fit, several])
@pytest.mark.parametrize("first", ["%d/%m/%Y", None])
@pytest.mark.parametrize("then", ["%m/%d/%Y", "%d/%m/%Y"])
def test_the_order_of_text_is_that_of_the_data_trained_on_last(
    fitted: Any, first: str | None, then: str
) -> None:
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    model = fitted(frame(days if first is None else days.strftime(first)))
    written = frame(days.strftime(then))
    past = written.tail(1) if fitted is several else written.tail(9)  # days 1 to 9: open
    after = steps(pd.DataFrame({"ds": days[-1:] + pd.Timedelta(days=1)}))
    for other in (model.refit(written), model.update(written, max_steps=1)):
        assert steps(other.predict(past, h=1)) == after
    assert steps(model.refit(written).refit(frame(days)).predict(past, h=1)) == after


def test_a_request_whose_times_cannot_be_read_is_told_so() -> None:
    model = fit(frame(pd.date_range("2024-01-01", periods=30, freq="D")))
    for times in ([{"day": 1}] * 8, [1] * 4 + ["2024-01-01"] * 4, ["01/02/2024"] * 8):
        with pytest.raises(InvalidInputError, match="'ds'"):
            answer(model, frame(times), {})


@pytest.mark.parametrize(
    "kind", ["int8", "int16", "int32", "uint8", "uint64", ">i8", ">i4", "Int32"]
)
def test_whole_numbers_of_every_size(kind: str) -> None:
    numbers = np.arange(31)
    times = pd.array(numbers, dtype="Int32") if kind == "Int32" else numbers.astype(kind)
    model = fit(frame(times), num_samples=None)
    assert model.predict()["ds"].tolist() == [31, 32]
    assert model.predict(frame(times))["ds"].tolist() == [31, 32]


def test_whole_numbers_beyond_64_bits_are_refused() -> None:
    assert "above 9223372036854775807" in refusal(pd.Series([2**64 - 1], dtype="uint64", name="ds"))


@pytest.mark.parametrize(
    "kind", ["timestamp[us][pyarrow]", "timestamp[ns][pyarrow]", "date32[day][pyarrow]"]
)
def test_times_and_names_of_arrow(kind: str) -> None:
    days = pd.date_range("2024-01-01", periods=31, freq="D")
    df = frame(days, p=1.0).convert_dtypes(dtype_backend="pyarrow").astype({"ds": kind})
    model = fit(df, futr_exog_list=["p"])
    future = frame(pd.date_range("2024-02-01", periods=2), p=1.0).drop(columns="y")
    future = future.convert_dtypes(dtype_backend="pyarrow").astype({"ds": kind})
    for forecast in (model.predict(futr_df=future), model.refit(df).predict(df, futr_df=future)):
        assert steps(forecast) == ["2024-02-01", "2024-02-02"]
        assert forecast["unique_id"].tolist() == ["a", "a"]


def test_dictionaries_of_arrow_name_series() -> None:
    pa = pytest.importorskip("pyarrow")
    names = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
    df = frame(range(20)).astype({"unique_id": names})
    assert read_times(df)["unique_id"].tolist() == ["a"] * 20
    assert DataValidator().validate_dataset(df).errors == []


@pytest.mark.parametrize("name", [("a", 1), b"a", True, frozenset("a"), datetime.date(2024, 1, 1)])
def test_names_that_no_model_can_be_saved_with_are_refused(name: Any) -> None:
    df = frame(range(20)).assign(unique_id=pd.Series([name] * 20, dtype=object))
    (said,) = DataValidator().validate_dataset(df).errors
    assert "can't be saved" in said
    df["unique_id"] = df["unique_id"].astype(str)
    assert DataValidator().validate_dataset(df).is_valid


@pytest.mark.parametrize("level", ["ds", "unique_id"])
def test_an_index_named_like_a_column(level: str) -> None:
    days = pd.date_range("2024-01-01", periods=31, freq="D")
    df = frame(days, p=1.0).set_index(level, drop=False)[::-1]
    future = frame(pd.date_range("2024-02-01", periods=2), p=1.0).drop(columns="y")
    model = fit(df, futr_exog_list=["p"])
    future = future.set_index(level, drop=False)[::-1]
    for forecast in (model.predict(futr_df=future), model.predict(df, futr_df=future)):
        assert steps(forecast) == ["2024-02-01", "2024-02-02"]


@pytest.mark.parametrize("zone", ["dateutil/Europe/Berlin", "Europe/Berlin", "UTC", "dateutil/UTC"])
def test_time_zones_survive_saving(zone: str, tmp_path: Path) -> None:
    model = fit(frame(pd.date_range("2024-03-01", periods=29, tz=zone)))
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    expected = pd.date_range("2024-03-30", periods=2, tz=zone)
    assert (loaded.predict()["ds"] == expected).all()


def test_a_zone_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tz = pytest.importorskip("dateutil.tz")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        times = pd.Series(pd.date_range("2024-03-01", periods=3, tz=tz.tzlocal()), name="ds")
        assert "tz_convert" in refusal(times)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (["2024-01-13", "2024-02-13"], ['df["ds"] = pd.to_datetime(df["ds"])']),
        (
            ["01.02.2024", "13.02.2024"],
            ["read as dates ('01.02.2024' as 2024-02-01)", '"%d.%m.%Y"'],
        ),
        (["2023Q1", "2023Q2"], ["read as dates ('2023Q1' as 2023-01-01)"]),
    ],
)
def test_the_validator_says_how_it_reads_text(text: list[str], parts: list[str]) -> None:
    warnings = DataValidator().validate_dataset(frame(text)).warnings
    assert all(part in warnings[0] for part in parts), warnings


def test_looks_and_order_of_text() -> None:
    assert looks_like_dates(column("13-Jan-24"))
    assert not looks_like_dates(column("00:15", "1"))
    assert text_order(column("", "13/01/2024")) == "day first"
    assert text_order(column("01/02/2024")) is None
    assert text_order(column("2024-01-13")) is None


def test_a_long_frame_with_text_becomes_dates_in_sktimes_form() -> None:
    months = pd.date_range("2023-01-01", periods=3, freq="MS")
    df = frame(["Jan 2023", "Feb 2023", "Mar 2023"])
    assert from_long(df)[0].index.get_level_values(1).equals(months.rename("ds"))
    assert from_long(df, period="M")[0].index[0] == ("a", pd.Period("2023-01"))
    with pytest.raises(InvalidInputError, match="ambiguous order of day and month"):
        from_long(frame(["01/02/2023", "02/02/2023"]), period="M")


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-01", pd.Timestamp("2024-01-02"), datetime.date(2024, 1, 3)],
        pd.Categorical(["2024-01-01", "2024-01-02", "2024-01-03"]),
        pd.period_range("2024-01-01", periods=3),
        pd.to_timedelta(range(3), unit="D"),
        [1.0, 2.0, 3.0],
    ],
)
def test_the_advice_for_other_types_leads_to_times(times: Any) -> None:
    df = frame(times)
    exec(refusal(df["ds"]).split("convert it: ")[1], {"df": df, "pd": pd})
    days = read_time_column(df["ds"])
    assert days.is_monotonic_increasing
    assert days.nunique() == 3
