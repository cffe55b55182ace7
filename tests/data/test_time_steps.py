"""Steps between times: numbers that are dates, odd frequencies, far times, skipped midnights."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cpu_time import cpu_time_below

from automodel_sk import AutoModel, AutoNeuralForecaster, DataValidator, create_auto_model
from automodel_sk.data.baselines import seasonal_naive
from automodel_sk.data.frequency import infer_frequency
from automodel_sk.data.times.steps import later_times, plain_frequency
from automodel_sk.data.times.time_grid import TimeGrid
from automodel_sk.data.times.wall_clock import localised, wall_times
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.clocks import CalendarClock, FixedClock, clock_of

CONFIG = {"input_size": 6, "max_steps": 1, "hidden_size": 4, "num_layers": 1}
QUIET: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}


def frame(times: Any, name: str = "a", **more: Any) -> pd.DataFrame:
    values = 2 + np.sin(np.arange(len(times)) / 2)
    return pd.DataFrame({"unique_id": name, "ds": times, "y": values, **more})


def fit(df: Any, h: int = 4, **options: Any) -> AutoModel:
    return create_auto_model("MLP", h, df, CONFIG, storage=":memory:", **QUIET, **options)


def errors(df: pd.DataFrame, **options: Any) -> list[str]:
    return DataValidator().validate_dataset(df, **options).errors


def months() -> pd.DatetimeIndex:
    return pd.date_range("2015-01-01", periods=96, freq="MS")


@pytest.mark.parametrize(
    ("numbers", "found", "first"),
    [
        (range(202401, 202413), "year and month", "2024-01-01"),
        ((months().year * 100 + months().month).tolist(), "year and month", "2015-01-01"),
        (range(20240101, 20240132), "year, month and day", "2024-01-01"),
        (range(202301, 202353), "year and week", "2023-01-02"),
        ([20231, 20232, 20233, 20234, 20241], "year and quarter", "2023-01-01"),
        (range(2024001, 2024100), "day of the year", "2024-01-01"),
        (range(2024010100, 2024010124), "month, day and hour", "2024-01-01"),
        (range(240101, 240132), "year, month and day", "2024-01-01"),
    ],
)
def test_numbers_that_are_dates_are_refused_with_their_conversion(
    numbers: Any, found: str, first: str
) -> None:
    df = frame(list(numbers))
    (said,) = errors(df)
    assert found in said
    assert "freq=1" in said
    exec(said.split("convert it: ")[1].split("; if they")[0], {"df": df, "pd": pd})
    assert df["ds"][0] == pd.Timestamp(first)
    assert errors(df) == []


@pytest.mark.parametrize("numbers", [range(1990, 2024), range(100), range(100_000, 100_200)])
def test_years_and_counters_are_numbers(numbers: Any) -> None:
    assert errors(frame(numbers)) == []


def test_the_frequency_says_that_numbers_are_numbers() -> None:
    assert errors(frame(range(202401, 202413)), freq=1) == []
    hours = 1_704_067_200 + 3600 * np.delete(np.arange(60), [7])
    assert "to use them as plain numbers, pass freq=3600" in errors(frame(hours))[0]
    assert errors(frame(hours), freq=3600) == []
    assert errors(frame(1_704_067_200 + np.arange(50))) == []


def test_an_index_of_numbers_that_are_dates_is_refused_by_the_estimator() -> None:
    y = pd.Series(np.arange(12.0), index=range(202401, 202413))
    with pytest.raises(InvalidInputError, match="look like year and month"):
        clock_of(y.index)
    assert clock_of(y.index, 1).step == 1
    times = y.index.to_series()
    with pytest.raises(InvalidInputError) as caught:
        AutoNeuralForecaster(model="MLP", config=CONFIG, **QUIET).fit(y, fh=[1])
    fix = str(caught.value).split("times = y.index.to_series(); ")[1].split("; if they")[0]
    exec(fix, {"y": y, "pd": pd, "times": times})
    assert clock_of(y.index).step == "MS"


@pytest.mark.parametrize("freq", ["D", "B", "MS", "W", "SME", "bh", "C", None])
def test_a_time_far_from_the_others_costs_no_time(freq: str | None) -> None:
    days = pd.date_range("2024-01-01", periods=120, freq=freq or "D").as_unit("us")
    far = days.append(pd.DatetimeIndex(["9999-12-31"], dtype="M8[us]"))
    with cpu_time_below(5):
        (said,) = errors(frame(far), freq=freq)
    assert "9999-12-31" in said


@pytest.mark.parametrize("freq", ["D", "h", "B"])
@pytest.mark.parametrize("far", ["1900-01-01", "2900-12-31"])
def test_a_time_that_stands_for_unknown_is_named(freq: str, far: str) -> None:
    times = pd.date_range("2024-01-01", periods=60, freq=freq).as_unit("us")
    df = frame(times.append(pd.DatetimeIndex([far], dtype="M8[us]")).sort_values())
    (said,) = errors(df, freq=freq)
    assert "jumps in series 'a'" in said
    exec(said.split("drop such rows: ")[1], namespace := {"df": df})
    assert errors(namespace["df"], freq=freq) == []


@pytest.mark.parametrize("freq", ["D", "h", "W", "B", None])
@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_a_century_mistyped_by_three_is_named(freq: str | None, unit: str) -> None:
    """Over 292 years apart, nanoseconds seem to go backwards."""
    times = pd.date_range("2015-01-01", periods=60, freq=freq or "D").as_unit(unit)
    times = pd.DatetimeIndex(["1715-01-01"]).as_unit(unit).append(times)
    (said,) = errors(frame(times), freq=freq)
    assert "jumps in series 'a' from 1715-01-01" in said
    y = pd.Series(np.arange(61.0), index=times)
    forecaster = AutoNeuralForecaster(model="MLP", config=CONFIG, **QUIET)
    with pytest.raises(InvalidInputError, match="the time index jumps: 1715-01-01"):
        forecaster.fit(y, fh=[1])


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_centuries_without_rows_are_counted(unit: str) -> None:
    times = pd.date_range("2015-01-01", periods=80, freq="MS").as_unit(unit)
    panel = frame(pd.DatetimeIndex(["1715-01-01"]).as_unit(unit).append(times))
    (said,) = DataValidator().validate_dataset(panel).warnings
    assert "lacks 3,599 times at freq='MS'" in said


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_yearly_rows_of_four_centuries_have_their_frequency(unit: str) -> None:
    years = pd.date_range("1700-01-01", "2100-01-01", freq="YS").as_unit(unit)
    whole = DataValidator().validate_dataset(frame(years))
    assert (whole.errors, whole.warnings) == ([], [])
    (said,) = DataValidator().validate_dataset(frame(years.delete(slice(5, 395)))).warnings
    assert "lacks 390 times at freq='YS-JAN'" in said


def test_two_rows_of_a_request_cost_no_time() -> None:
    model = fit(frame(pd.date_range("2020-01-01", periods=60, freq="B")), freq="B")
    jump = pytest.raises(InvalidInputError, match="jumps in series 'a' from 2024-01-01")
    with cpu_time_below(5), jump:
        model.predict(frame(pd.DatetimeIndex(["2024-01-01", "9999-12-31"], dtype="M8[us]")))


HALF_YEARS = pytest.param(
    "HYE",
    marks=pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 has no half-years"),
)


@pytest.mark.parametrize(
    "freq",
    ["ME", "MS", "QE", "QS-NOV", "YE-JUN", "YS", "BME", "BMS", "BQE", "W-WED", "B", "C", "SME",
     "SMS", "WOM-2TUE", "2ME", "3B", "2W-TUE", "bh", HALF_YEARS, "REQ-N-DEC-MON-1"],
)  # fmt: skip
def test_positions_are_those_of_the_dates_written_out(freq: str) -> None:
    times = pd.date_range("2019-11-05", periods=40, freq=freq)
    ranks = np.arange(40)
    grid = TimeGrid.of(times, freq)
    assert (grid.steps(ranks[:-1], ranks[1:]) == 1).all()
    assert grid.successors().tolist() == [*range(1, 40), -1]
    gaps = TimeGrid.of(times[[0, 1, 4, 39]], freq)
    assert gaps.steps(np.array([0, 1, 2]), np.array([1, 2, 3])).tolist() == [1, 3, 35]


@pytest.mark.parametrize("freq", ["ME", "MS", "QS-NOV", "BME", "W-WED", "SMS", "WOM-2TUE"])
def test_dates_off_the_calendar_are_told(freq: str) -> None:
    times = pd.date_range("2019-11-05", periods=2, freq=freq)
    grid = TimeGrid.of(times.append(times[1:] + pd.Timedelta(days=2)), freq)
    assert grid.on_grid.tolist() == [True, True, False]


@pytest.mark.parametrize("day", [5, 15, 28, 30])
@pytest.mark.parametrize("freq", [None, "MS", "ME", "31D"])
def test_a_day_of_each_month_has_a_way_out(day: int, freq: str | None) -> None:
    within = [d.replace(day=min(day, d.days_in_month)) for d in months()]
    df = frame(pd.DatetimeIndex(within))
    said = errors(df, freq=freq)[0]
    assert f"day {day} of each month" in said
    exec(said.split("start of the month: ")[1], {"df": df})
    assert infer_frequency(df) == "MS"
    assert errors(df, freq="MS") == []


def test_a_day_of_each_month_has_a_way_out_in_the_estimator() -> None:
    index = months() + pd.Timedelta(days=14)
    with pytest.raises(InvalidInputError, match=r"y.index.to_period\(\"M\"\)"):
        clock_of(index)
    assert clock_of(index.to_period("M")).step == "M"


def test_days_are_told_in_days() -> None:
    times = pd.date_range("2024-01-01", periods=40, freq="10D").delete([3, 9])
    assert infer_frequency(frame(times)) == "10D"


@pytest.mark.parametrize(
    ("coarse", "n"), [("MS", 36), ("W-SUN", 90), ("W-MON", 20), ("ME", 24), ("3D", 40)]
)
def test_two_frequencies_in_one_frame_are_named(coarse: str, n: int) -> None:
    daily = frame(pd.date_range("2020-01-01", periods=800), "daily")
    other = frame(pd.date_range("2020-01-01", periods=n, freq=coarse), "other")
    (said,) = errors(pd.concat([daily, other]))
    assert "'daily' keeps freq='D'" in said
    assert f"'other' keeps freq='{coarse}'" in said
    assert f'freq="{coarse}")' in said
    for part in (daily, other):
        assert errors(part) == []


def test_many_coarse_series_and_a_fine_one_are_named() -> None:
    fine = frame(pd.date_range("2020-01-01", periods=100), "fine")
    coarse = [frame(months()[:36], f"m{k}") for k in range(9)]
    (said,) = errors(pd.concat([*coarse, fine]))
    assert "'fine' keeps freq='D'" in said
    assert "'m0' keeps freq='MS'" in said
    assert 'freq="MS")' in said


def test_whole_numbers_of_two_steps_are_named() -> None:
    (said,) = errors(pd.concat([frame(range(100), "one"), frame(range(0, 140, 7), "seven")]))
    assert "'one' keeps freq=1, 'seven' keeps freq=7" in said


def test_sparse_series_are_gaps_and_no_frequency() -> None:
    daily = frame(pd.date_range("2020-01-01", periods=200), "daily")
    kept = np.sort(np.random.default_rng(0).choice(200, 40, replace=False))
    sparse = frame(pd.date_range("2020-01-01", periods=200)[kept], "sparse")
    result = DataValidator().validate_dataset(pd.concat([daily, sparse]))
    assert result.errors == []
    assert "lacks" in result.warnings[0]


def test_missing_rows_are_to_be_filled_whatever_is_passed() -> None:
    times = pd.date_range("2024-01-01", periods=100)
    few = frame(times[np.sort(np.random.default_rng(0).choice(100, 40, replace=False))])
    for freq in (None, "D"):
        (said,) = errors(few, freq=freq)
        assert 'fill_gaps(df, freq="D", end="per_serie")' in said


def test_an_hour_that_clocks_repeat_is_explained() -> None:
    hours = pd.date_range("2024-10-20", periods=400, freq="h", tz="Europe/Berlin")
    (said,) = errors(frame(hours.tz_localize(None)))
    assert "when summer time ends" in said
    (said,) = errors(frame(pd.DatetimeIndex(["2024-01-01", "2024-01-01", "2024-01-02"])))
    assert "summer time" not in said


@pytest.mark.parametrize(
    ("freq", "plain"),
    [
        (pd.Timedelta(days=1), "D"), (pd.Timedelta(days=7), "7D"), (datetime.timedelta(0.5), "12h"),
        (pd.offsets.MonthBegin(), "MS"), (pd.offsets.QuarterEnd(startingMonth=2), "QE-FEB"),
        (pd.offsets.Week(2, weekday=1), "2W-TUE"), (pd.offsets.CustomBusinessDay(), "C"),
        (np.int64(3), 3), ("ME", "ME"),
    ],
)  # fmt: skip
def test_frequencies_are_kept_as_text(freq: Any, plain: str | int) -> None:
    assert plain_frequency(freq) == plain


@pytest.mark.parametrize(
    "freq",
    [pd.DateOffset(months=1), pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat")],
)
def test_a_frequency_without_a_name_is_refused_before_training(freq: Any) -> None:
    df = frame(pd.date_range("2024-01-01", periods=40))
    assert "couldn't be saved" in errors(df, freq=freq)[0]
    with pytest.raises(InvalidInputError, match="couldn't be saved"):
        fit(df, freq=freq)


@pytest.mark.parametrize("freq", [pd.Timedelta(days=1), pd.offsets.Day(), np.int64(1)])
def test_models_of_offset_objects_can_be_saved(freq: Any, tmp_path: Path) -> None:
    times = range(30) if isinstance(freq, np.int64) else pd.date_range("2024-01-01", periods=30)
    loaded = AutoModel.load(fit(frame(times), freq=freq).save(tmp_path / "model"))
    assert loaded.freq == (1 if isinstance(freq, np.int64) else "D")


def test_a_forecast_beyond_the_last_time_of_nanoseconds() -> None:
    df = frame(pd.date_range("2262-01-01", periods=100, unit="ns"))
    assert 'astype("datetime64[us]")' in errors(df, h=7)[0]
    model = fit(df.head(80))
    with pytest.raises(InvalidInputError, match="there are no dates of type"):
        model.predict(df)
    assert str(model.predict(df.astype({"ds": "datetime64[us]"}))["ds"].max())[:10] == "2262-04-14"


SKIPPED = [
    ("Africa/Cairo", "2024-04-26"),
    ("America/Sao_Paulo", "2018-11-04"),
    pytest.param("America/Santiago", "2024-09-08", marks=pytest.mark.slow),
    pytest.param("Asia/Beirut", "2024-03-31", marks=pytest.mark.slow),
    pytest.param("America/Havana", "2024-03-10", marks=pytest.mark.slow),
]


def local_days(zone: str, skipped: str, before: int, n: int = 30) -> pd.DatetimeIndex:
    end = pd.Timestamp(skipped) - pd.Timedelta(days=before)
    return localised(pd.date_range(end=end, periods=n), zone)


@pytest.mark.parametrize(("zone", "skipped"), SKIPPED)
def test_a_midnight_that_does_not_exist(zone: str, skipped: str) -> None:
    days = local_days(zone, skipped, 2)
    model = fit(frame(days))
    forecast = model.predict()
    expected = local_days(zone, skipped, -2, 4)
    assert forecast["ds"].tolist() == expected.tolist()
    assert expected[1].hour == 1
    grown = pd.concat([frame(days), forecast.rename(columns={"MLP": "y"})])
    later = local_days(zone, skipped, -6, 4).tolist()
    assert model.predict(grown)["ds"].tolist() == later
    refitted = model.refit(grown)
    assert refitted.predict()["ds"].tolist() == later
    ends_there = grown.iloc[:-2]
    assert model.predict(ends_there)["ds"].tolist()[:2] == expected[2:].tolist()
    assert fit(ends_there).predict()["ds"].tolist()[:2] == expected[2:].tolist()
    table = refitted.cross_validation(n_windows=2, step_size=1, refit=True)
    assert table["ds"].tolist()[-4:] == expected.tolist()
    assert seasonal_naive(frame(days), 4, "D", 1)["ds"].tolist() == expected.tolist()


def test_future_values_across_a_skipped_midnight() -> None:
    zone, skipped = "Africa/Cairo", "2024-04-26"
    model = fit(frame(local_days(zone, skipped, 2), p=1.0), futr_exog_list=["p"])
    future = frame(local_days(zone, skipped, -2, 4), p=1.0).drop(columns="y")
    assert model.predict(futr_df=future)["ds"].tolist() == future["ds"].tolist()


def test_the_estimator_goes_on_with_its_own_forecast_over_a_skipped_midnight() -> None:
    y = pd.Series(np.sin(np.arange(30.0)), index=local_days("America/Sao_Paulo", "2018-11-04", 2))
    forecaster = AutoNeuralForecaster(model="MLP", config=CONFIG, freq="D", **QUIET)
    forecast = forecaster.fit(y, fh=[1, 2, 3, 4]).predict()
    assert forecast.index[1] == pd.Timestamp("2018-11-04 01:00", tz="America/Sao_Paulo")
    forecaster.update(forecast, update_params=False)
    assert forecaster.predict().index[0] == pd.Timestamp("2018-11-07", tz="America/Sao_Paulo")
    both = pd.concat([y, forecast])
    again = AutoNeuralForecaster(model="MLP", config=CONFIG, freq="D", **QUIET).fit(both, fh=[1])
    assert again.predict().index[0] == pd.Timestamp("2018-11-07", tz="America/Sao_Paulo")


def test_clocks_count_over_skipped_midnights() -> None:
    days = local_days("Africa/Cairo", "2024-04-26", -2)
    clock = FixedClock(pd.offsets.Day(), days.unit, days.tz)
    assert set(np.diff(clock.units(days)) // clock.width) == {1}
    assert clock.times(clock.units(days)).equals(days)
    asuncion = localised(pd.date_range("2017-08-01", periods=4, freq="MS"), "America/Asuncion")
    monthly = CalendarClock(pd.offsets.MonthBegin(), asuncion.unit, asuncion[0])
    assert asuncion[2].hour == 1
    assert monthly.units(asuncion).tolist() == [0, 1, 2, 3]
    assert monthly.times(np.arange(4)).equals(asuncion)


@pytest.mark.parametrize(
    ("times", "days"),
    [
        (["2024-09-08 01:00"] * 2, ["2024-09-08"] * 2),
        (["2024-09-08 01:00"] * 3 + ["2024-09-07"], ["2024-09-08"] * 3 + ["2024-09-07"]),
        (["2024-09-08 01:00", "2023-09-03 01:00"], ["2024-09-08", "2023-09-03"]),
        (["2024-09-09 01:00"] * 2, ["2024-09-09 01:00"] * 2),
    ],
)
def test_several_series_that_end_at_a_skipped_midnight(times: list[str], days: list[str]) -> None:
    found = wall_times(pd.DatetimeIndex(times, tz="America/Santiago"))
    assert found.equals(pd.DatetimeIndex(days))


def test_several_series_go_on_at_midnight_after_a_skipped_one() -> None:
    days = local_days("America/Santiago", "2024-09-08", 0)
    later = local_days("America/Santiago", "2024-09-08", -4, 4).tolist()
    both = pd.concat([frame(days), frame(days, "b")])
    assert fit(both).predict()["ds"].tolist() == later * 2
    assert seasonal_naive(both, 4, "D", 1)["ds"].tolist() == later * 2


def test_times_at_one_in_the_morning_stay_there() -> None:
    ones = pd.date_range("2024-04-20 01:00", periods=10, tz="Africa/Cairo")
    assert (wall_times(ones).hour == 1).all()
    assert later_times(ones[-1:], pd.offsets.Day(), 1)[0].hour == 1


@pytest.mark.parametrize("freq", ["MS", "ME", "QS", "QE", "B", "YE", "2MS", "BME", "SMS", "D", "h"])
@pytest.mark.parametrize("fh", [[2, 5], [3, 6, 9, 12]])
def test_gapped_horizons_have_no_frequency(freq: str, fh: list[int]) -> None:
    index = pd.date_range("2015-01-01", periods=30, freq=freq)
    clock = clock_of(index)
    after = clock.times(clock.units(index)[-1] + np.array(fh) * clock.width)
    assert after.freq is None  # type: ignore[attr-defined]
    expected = pd.date_range(index[-1], periods=13, freq=freq)[fh]
    assert after.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "freq",
    ["MS", *(pytest.param(f, marks=pytest.mark.slow) for f in ("ME", "QE", "QS", "B", "YE"))],
)
@pytest.mark.parametrize("transformer", ["Detrender", "OptionalPassthrough", "Permute"])
def test_pipelines_of_gapped_horizons(freq: str, transformer: str) -> None:
    from sktime.forecasting.compose import Permute, TransformedTargetForecaster
    from sktime.transformations.series.compose import OptionalPassthrough
    from sktime.transformations.series.detrend import Detrender

    y = pd.Series(np.arange(30.0), index=pd.date_range("2015-01-01", periods=30, freq=freq))
    own = AutoNeuralForecaster(model="MLP", config=CONFIG, **QUIET)
    step = OptionalPassthrough(Detrender()) if transformer == "OptionalPassthrough" else Detrender()
    pipeline: Any = TransformedTargetForecaster([("t", step), ("f", own)])
    if transformer == "Permute":
        pipeline = Permute(pipeline, permutation=None)
    forecast = pipeline.fit(y, fh=[2, 5]).predict()
    assert (
        forecast.index.tolist() == pd.date_range(y.index[-1], periods=6, freq=freq)[[2, 5]].tolist()
    )
    assert forecast.index.freq is None


def test_an_index_with_a_time_twice_is_told_so() -> None:
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"])
    with pytest.raises(InvalidInputError, match="more than once") as caught:
        clock_of(index)
    assert "asfreq" not in str(caught.value)
    kept = index[~index.duplicated(keep="last")]
    assert clock_of(kept).step == "D"


def series(index: pd.Index) -> pd.Series[float]:
    return pd.Series(np.sin(np.arange(float(len(index)))), index=index)


def estimator(**options: Any) -> AutoNeuralForecaster:
    return AutoNeuralForecaster(model="MLP", config=CONFIG, **QUIET, **options)


@pytest.mark.parametrize("freq", [None, "D", "B"])
def test_a_far_time_costs_the_estimator_no_time(freq: str | None) -> None:
    days = pd.date_range("2024-01-01", periods=40, freq=freq or "D").as_unit("us")
    far = days.append(pd.DatetimeIndex(["9999-12-31"], dtype="M8[us]"))
    with cpu_time_below(5), pytest.raises(InvalidInputError, match="9999-12-31"):
        estimator(freq=freq).fit(series(far), fh=[1])


@pytest.mark.parametrize("coarse", ["MS", "W-SUN", "YS"])
def test_two_frequencies_in_a_panel_are_named(coarse: str) -> None:
    parts = {
        "fine": pd.date_range("2020-01-01", periods=60),
        "coarse": pd.date_range("2020-01-01", periods=90, freq=coarse),
    }
    for names in (["fine", "coarse"], ["coarse", "fine"]):
        y = pd.concat({name: series(parts[name]) for name in names}).to_frame("y")
        with pytest.raises(InvalidInputError, match="two frequencies") as caught:
            estimator().fit(y, fh=[1])
        assert "'D'" in str(caught.value)
        assert f"'{coarse}" in str(caught.value)


def test_a_forecast_beyond_the_last_nanosecond_is_no_time_of_1677() -> None:
    y = series(pd.date_range("2262-03-11", periods=31, unit="ns"))
    with pytest.raises(InvalidInputError, match="beyond the last time"):
        estimator().fit(y, fh=[1, 2]).predict()
    y.index = pd.DatetimeIndex(y.index).as_unit("us")
    assert str(estimator().fit(y, fh=[1]).predict().index[0])[:10] == "2262-04-11"


@pytest.mark.parametrize("freq", [pd.Timedelta(days=1), np.int64(1), pd.offsets.Day()])
def test_forecasters_of_offset_objects_can_be_saved(freq: Any, tmp_path: Path) -> None:
    numbers = isinstance(freq, np.int64)
    index = pd.RangeIndex(30) if numbers else pd.date_range("2024-01-01", periods=30)
    fitted = estimator(freq=freq).fit(series(index), fh=[1])
    loaded = AutoNeuralForecaster.load(fitted.save(tmp_path / "forecaster", "safe"))
    assert loaded.predict().index[0] == (30 if numbers else pd.Timestamp("2024-01-31"))


def test_forecasters_of_dateutil_zones_can_be_saved(tmp_path: Path) -> None:
    y = series(pd.date_range("2024-03-01", periods=30, tz="dateutil/Europe/Berlin"))
    fitted = estimator().fit(y, fh=[1, 2])
    loaded = AutoNeuralForecaster.load(fitted.save(tmp_path / "forecaster", "safe"))
    assert loaded.predict().index.tolist() == fitted.predict().index.tolist()


def test_an_offset_without_a_name_is_refused_by_the_estimator() -> None:
    y = series(pd.date_range("2020-01-01", periods=30, freq="MS"))
    with pytest.raises(InvalidInputError, match='try freq="MS"'):
        estimator(freq=pd.DateOffset(months=1)).fit(y, fh=[1])


def test_calendar_clocks_find_points_off_the_calendar_and_far_ones() -> None:
    clock = CalendarClock(pd.offsets.BDay(2), "us", pd.Timestamp("2024-01-01"))
    days = pd.DatetimeIndex(["2024-01-05", "2023-12-28", "9999-12-30"], dtype="M8[us]")
    units = clock.units(days)
    assert units.tolist()[:2] == [2, -1]
    assert clock.times(units).equals(days)
    for off in ("2024-01-02", "2024-01-06", "2024-01-03 01:00"):
        with pytest.raises(InvalidInputError, match="does not match the frequency '2B'"):
            clock.units(pd.DatetimeIndex([off]).as_unit("us"))
