"""The datasets of the comparison; the last steps of each series are the test set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ETT_ROWS = 2_500
M4_HORIZON = 48


@dataclass(frozen=True)
class Dataset:
    """A forecasting task; no contestant sees `test`."""

    name: str
    h: int
    freq: str | int
    season: int
    train: pd.DataFrame
    test: pd.DataFrame


def needs_files(name: str) -> bool:
    return name in FILES


def load(name: str, folder: Path | None) -> Dataset:
    """Load a dataset by name; `folder` holds the files of datasets that need one."""
    if name == "air-passengers":
        return air_passengers()
    if folder is None:
        raise SystemExit(f"{name} needs --data DIR with {FILES[name]}")
    return {"ETTh1": etth1, "M4-hourly": m4_hourly}[name](folder / FILES[name])


FILES = {"ETTh1": "ETTh1.csv", "M4-hourly": "m4_hourly_100.csv"}
NAMES = ("air-passengers", *FILES)


def air_passengers() -> Dataset:
    """Load two monthly series of air passengers, one derived from the other; h=12."""
    from neuralforecast.utils import AirPassengersPanel

    frame = AirPassengersPanel[["unique_id", "ds", "y"]]
    return Dataset("air-passengers", 12, "ME", 12, *split(frame, 12))


def etth1(path: Path) -> Dataset:
    """Read the last 2,500 hours of the seven variables as seven series; h=96."""
    wide = pd.read_csv(path, parse_dates=["date"]).tail(ETT_ROWS)
    frame = wide.melt("date", var_name="unique_id", value_name="y")
    frame = frame.rename(columns={"date": "ds"}).sort_values(["unique_id", "ds"])
    return Dataset("ETTh1", 96, "h", 24, *split(frame[["unique_id", "ds", "y"]], 96))


def m4_hourly(path: Path) -> Dataset:
    """Read hourly series of the M4 competition with its own split; h=48."""
    frame = pd.read_csv(path, dtype={"y": float}).sort_values(["unique_id", "ds"])
    is_test = frame["split"] == "test"
    train, test = (
        frame.loc[rows, ["unique_id", "ds", "y"]].reset_index(drop=True)
        for rows in (~is_test, is_test)
    )
    return Dataset("M4-hourly", M4_HORIZON, 1, 24, train, test)


def split(frame: pd.DataFrame, h: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split off the last `h` rows of each series."""
    is_last = frame.groupby("unique_id", observed=True).cumcount(ascending=False) < h
    return frame[~is_last].reset_index(drop=True), frame[is_last].reset_index(drop=True)


def errors(data: Dataset, forecast: pd.DataFrame) -> dict[str, float]:
    """Return the MAE and MASE of a forecast, averaged over the series.

    `forecast` has the columns `unique_id` and `ds` and one more.
    """
    from utilsforecast.losses import mae, mase

    [column] = forecast.columns.difference(["unique_id", "ds"])
    both = data.test.merge(forecast, on=["unique_id", "ds"], validate="one_to_one")
    if len(both) != len(data.test):
        raise ValueError(f"{len(data.test) - len(both)} of {len(data.test)} steps lack a forecast")
    both, past = both.astype({"y": float}), data.train.astype({"y": float})
    absolute = mae(both, [column])[column]
    scaled = mase(both, [column], seasonality=data.season, train_df=past)[column]
    return {"test_mae": float(absolute.mean()), "test_mase": float(scaled.mean())}
