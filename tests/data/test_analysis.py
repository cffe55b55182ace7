"""The profile of a dataset, and the number of training windows it holds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from automodel_sk.catalog.scales import DatasetSize
from automodel_sk.data.analysis import (
    LARGE_ROWS,
    SMALL_ROWS,
    DatasetProfile,
    analyse_dataset,
    dataset_size,
)
from automodel_sk.data.windows import WindowShape, count_windows
from automodel_sk.exceptions import InvalidInputError


def series(name: str, length: int) -> pd.DataFrame:
    times = pd.date_range(end="2024-12-31", periods=length, freq="ME")
    return pd.DataFrame({"unique_id": name, "ds": times, "y": np.arange(length, dtype=float)})


def frame(*lengths: int) -> pd.DataFrame:
    parts = [series(f"s{i}", length) for i, length in enumerate(lengths)]
    return pd.concat(parts, ignore_index=True)


def plain_count(lengths: list[int], shape: WindowShape, val_size: int, multivariate: bool) -> int:
    """Return the number of windows by laying them out one by one."""
    longest = max(lengths)
    rows = []
    for length in lengths:
        mask = np.zeros(longest)
        mask[longest - length :] = 1
        mask = mask[: longest - val_size] if val_size else mask
        rows.append(np.concatenate([np.zeros(shape.padding), mask, np.zeros(shape.h)]))
    masks = np.array(rows)
    width = shape.input_size + shape.h
    total = 0
    for start in range(0, masks.shape[1] - width + 1, shape.step_size):
        past = masks[:, start : start + shape.input_size].sum(axis=1)
        future = masks[:, start + shape.input_size : start + width].sum(axis=1)
        need_past, need_future = shape.least_observed(len(lengths) if multivariate else 1)
        if multivariate:
            total += bool(past.sum() >= need_past and future.sum() >= need_future)
        else:
            total += int(((past >= need_past) & (future >= need_future)).sum())
    return total


@pytest.mark.parametrize("lengths", [[20], [20, 20], [20, 7, 3], [5, 4], [30, 1, 12]])
def test_windows_against_laying_them_out(lengths: list[int]) -> None:
    for input_size, h, val_size, step, padded, share, joint in product(
        (1, 4, 9, 25), (1, 3), (0, 3), (1, 2, 5), (False, True), (0.0, 0.5, 1.0), (False, True)
    ):
        shape = WindowShape(input_size, h, step, padded, (share, share))
        found = count_windows(np.array(lengths), shape, val_size, joint)
        assert found == plain_count(lengths, shape, val_size, joint), (shape, val_size, joint)


def test_windows_of_a_profile() -> None:
    profile = analyse_dataset(frame(60))
    assert profile.n_windows(24, 12) == 36
    assert profile.n_windows(24, 12, val_size=12) == 24
    assert profile.n_windows(24, 12, val_size=12, step_size=12) == 2
    assert profile.n_windows(24, 12, start_padding_enabled=True) == 59
    assert profile.n_windows(24, 12, min_available=(1.0, 1.0)) == 25
    assert profile.n_windows(60, 12) == 0
    assert profile.n_windows(61, 12) == 0
    assert profile.n_windows(24, 12, val_size=60) == 0
    assert analyse_dataset(frame(60, 60)).n_windows(24, 12, multivariate=True) == 36


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [(40,), (40, 25, 6)])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("step_size", [1, 3])
@pytest.mark.parametrize("val_size", [0, 5])
def test_windows_against_neuralforecast(
    lengths: tuple[int, ...], padded: bool, step_size: int, val_size: int
) -> None:
    import torch
    from neuralforecast.models import MLP
    from neuralforecast.tsdataset import TimeSeriesDataset

    df = frame(*lengths)
    dataset, *_ = TimeSeriesDataset.from_df(df)
    model = MLP(h=4, input_size=8, start_padding_enabled=padded, step_size=step_size, max_steps=1)
    model.val_size, model.test_size = val_size, 0
    items = [dataset[i] for i in range(len(lengths))]
    batch = {
        "temporal": torch.stack([item["temporal"] for item in items]),
        "temporal_cols": items[0]["temporal_cols"],
        "y_idx": items[0]["y_idx"],
    }
    _, _, _, usable, *_ = model._create_windows(batch, step="train")
    profile = analyse_dataset(df)
    found = profile.n_windows(8, 4, val_size, step_size, start_padding_enabled=padded)
    assert found == len(usable)


def test_profile_by_value() -> None:
    df = frame(30, 20, 13).assign(price=1.0, temperature=2.0, note="x", available_mask=1)
    df.loc[3, "y"] = -1.0
    static_df = pd.DataFrame({"unique_id": ["s0", "s1", "s2"], "size": [1, 2, 3]})
    profile = analyse_dataset(
        df, futr_exog=["price"], hist_exog=["temperature"], static_df=static_df
    )
    assert profile == DatasetProfile(
        n_rows=63,
        n_series=3,
        min_length=13,
        max_length=30,
        median_length=20.0,
        freq="ME",
        season_length=12,
        futr_exog=("price",),
        hist_exog=("temperature",),
        stat_exog=("size",),
        unused_columns=("note",),
        size=DatasetSize.SMALL,
        has_zeros=True,
        has_negatives=True,
        lengths=np.array([]),
    )
    assert profile.lengths.tolist() == [30, 20, 13]
    assert str(profile) == (
        "3 series of 13 to 30 rows, freq 'ME', season 12, small; "
        "known future: price; historic: temperature; static: size"
    )


def test_profile_does_not_depend_on_the_order_of_rows() -> None:
    df = frame(30, 20)
    profile = analyse_dataset(df)
    shuffled = analyse_dataset(df.sample(frac=1, random_state=3))
    assert shuffled == profile
    assert sorted(shuffled.lengths) == sorted(profile.lengths)


def test_description_is_a_table() -> None:
    table = analyse_dataset(frame(30, 20)).describe()
    assert table.loc["rows", "value"] == 50
    assert table.loc["frequency", "value"] == "ME"
    assert table.loc["known future columns", "value"] == "none"
    assert table.index.name == "property"


def test_a_given_frequency_is_taken() -> None:
    profile = analyse_dataset(frame(30), freq="QE")
    assert (profile.freq, profile.season_length) == ("QE", 4)


def test_integer_times_other_names_and_nullable_values() -> None:
    df = pd.DataFrame(
        {"shop": [1, 1, 2], "t": [1, 2, 1], "sales": pd.array([0.5, None, 2], "Float64")}
    )
    profile = analyse_dataset(df, id_col="shop", time_col="t", target_col="sales")
    assert (profile.freq, profile.season_length, profile.n_series) == (1, 1, 2)
    assert (profile.has_zeros, profile.has_negatives, profile.unused_columns) == (False, False, ())


def test_rows_without_a_time_are_not_counted() -> None:
    df = frame(30)
    df.loc[29, "ds"] = pd.NaT
    assert analyse_dataset(df).n_rows == 29


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        (1, DatasetSize.SMALL),
        (SMALL_ROWS - 1, DatasetSize.SMALL),
        (SMALL_ROWS, DatasetSize.MEDIUM),
        (LARGE_ROWS - 1, DatasetSize.MEDIUM),
        (LARGE_ROWS, DatasetSize.LARGE),
    ],
)
def test_thresholds(rows: int, size: DatasetSize) -> None:
    assert dataset_size(rows) is size


def test_size_follows_the_rows_of_all_series() -> None:
    df = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(100), 100),
            "ds": np.tile(np.arange(100), 100),
            "y": 1.0,
        }
    )
    assert analyse_dataset(df).size is DatasetSize.MEDIUM
    assert analyse_dataset(df.head(9_999)).size is DatasetSize.SMALL


@pytest.mark.parametrize(
    ("df", "message"),
    [
        (frame(5).drop(columns="y"), "column 'y' is missing"),
        (frame(5).head(0), "df has no row with both 'unique_id' and 'ds'"),
        (frame(5).assign(y="1"), 'pd.to_numeric(df["y"])'),
        (frame(1), 'pass it, e.g. freq="ME"'),
    ],
)
def test_what_can_not_be_analysed(df: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        analyse_dataset(df)
    assert message in str(caught.value)
