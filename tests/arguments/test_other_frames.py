"""Frames of other libraries are taken by value wherever a frame is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from automodel_sk.arguments.boundary import public
from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.other_frames import as_pandas
from automodel_sk.data.analysis import analyse_dataset
from automodel_sk.data.columns import ColumnNames
from automodel_sk.validation import DataValidator, validate_all

DAYS = [dt.date(2024, 1, day) for day in range(1, 31)]
MOMENTS = [dt.datetime(2024, 1, day, tzinfo=dt.timezone.utc) for day in range(1, 31)]


def table(**more: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "unique_id": pa.array(["a"] * 30).dictionary_encode(),
        "ds": pa.array(DAYS),
        "y": pa.array([Decimal(day % 7 + 1) / 2 for day in range(30)]),
    }
    return pa.table({**columns, **more})


class OnlyStream:
    """Hands out an Arrow stream and nothing else."""

    def __init__(self, held: pa.Table) -> None:
        self._held = held

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._held.__arrow_c_stream__(requested_schema)


class OnlyProtocol:
    """Has the interchange protocol of dataframes and nothing else."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __dataframe__(self, *args: Any, **options: Any) -> Any:
        return self._held.__dataframe__(*args, **options)


def to_polars(held: pa.Table) -> Any:
    return pytest.importorskip("polars").from_arrow(held)


def through_protocol(held: pa.Table) -> Any:
    plain = held.set_column(0, "unique_id", held["unique_id"].cast(pa.string()))
    plain = plain.set_column(1, "ds", held["ds"].cast(pa.timestamp("us")))
    return OnlyProtocol(plain.set_column(2, "y", held["y"].cast(pa.float64())))


KINDS: dict[str, Callable[[pa.Table], Any]] = {
    "pyarrow": lambda held: held,
    "stream": OnlyStream,
    "protocol": through_protocol,
    "polars": to_polars,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_arrives_by_value(kind: str) -> None:
    frame = as_pandas(KINDS[kind](table()))
    assert type(frame) is pd.DataFrame
    assert frame["unique_id"].astype(str).tolist() == ["a"] * 30
    assert frame["ds"].dt.date.tolist() == DAYS
    assert frame["y"].tolist() == [(day % 7 + 1) / 2 for day in range(30)]
    assert frame["y"].dtype == "float64"
    profile = analyse_dataset(KINDS[kind](table()))
    assert (profile.n_rows, profile.n_series, profile.freq) == (30, 1, "D")


@pytest.mark.parametrize("kind", KINDS)
def test_validators_take_it(kind: str) -> None:
    given = KINDS[kind](table())
    assert DataValidator().validate_dataset(given).errors == []
    assert DataValidator().validate_horizon(given, 7).errors == []
    report = validate_all(dataset=given, h=7, model_class_name="NHITS", check_environment=False)
    assert report.errors == []


@pytest.mark.parametrize("kind", ["pyarrow", "polars"])
def test_every_frame_of_a_call_is_converted_and_renamed(kind: str) -> None:
    class Model:
        _columns = ColumnNames("shop", "date", "sales")

        @public(test_df=Frame("test_df"))
        def predict(self, dataset: Any, futr_df: Any, static_df: Any, test_df: Any) -> Any:
            return dataset, futr_df, static_df, test_df

    own = table().rename_columns(["shop", "date", "sales"])
    given = KINDS[kind](own)
    keys, names = KINDS[kind](own.select(["shop", "date"])), KINDS[kind](own.select(["shop"]))
    dataset, futr_df, static_df, test_df = Model().predict(given, keys, names, given)
    assert list(dataset.columns) == list(test_df.columns) == ["unique_id", "ds", "y"]
    assert list(futr_df.columns) == ["unique_id", "ds"]
    assert list(static_df.columns) == ["unique_id"]


@pytest.mark.parametrize("kind", ["pyarrow", "stream", "polars"])
def test_zones_and_missing_values_stay(kind: str) -> None:
    given = table(ds=pa.array(MOMENTS, pa.timestamp("us", "Europe/Berlin")))
    given = given.set_column(2, "y", pa.array([None, *range(29)], pa.int64()))
    frame = as_pandas(KINDS[kind](given))
    assert str(frame["ds"].dt.tz) == "Europe/Berlin"
    assert frame["ds"].iloc[0] == pd.Timestamp(MOMENTS[0])
    assert frame["y"].isna().tolist() == [True, *[False] * 29]
    assert "1 missing value" in " ".join(
        DataValidator().validate_dataset(KINDS[kind](given)).errors
    )


@pytest.mark.parametrize("kind", ["pyarrow", "polars"])
def test_rows_without_a_series_are_refused(kind: str) -> None:
    given = table(unique_id=pa.array([None, *["a"] * 29]))
    errors = DataValidator().validate_dataset(KINDS[kind](given)).errors
    assert any("column 'unique_id' has 1 missing value" in error for error in errors)


def test_what_is_to_be_computed_first_is_refused_with_the_call() -> None:
    polars = pytest.importorskip("polars")
    lazy = polars.from_arrow(table()).lazy()
    assert as_pandas(lazy) is lazy
    (error,) = DataValidator().validate_dataset(lazy).errors
    assert error == "df must be a pandas DataFrame, got polars.LazyFrame; pass df.collect()"


def test_what_is_no_frame_stays_as_it_is() -> None:
    class Broken:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            raise RuntimeError("no stream")

    for value in (None, 3, "sales.csv", pd.Series([1]), Broken(), pa.array([1]), {"y": [1]}):
        assert as_pandas(value) is value
