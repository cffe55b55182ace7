"""Measure the time and memory of validating a large dataset.

    python -m benchmarks.validate_rows [--series 50000] [--length 200]

Each case runs in a separate process, so that no peak hides another. Extra memory is the peak
resident memory, sampled every 2 ms, minus the memory held with the frame loaded and freed memory
returned. CPU seconds are shown next to elapsed seconds, which other programs increase.
"""

from __future__ import annotations

import argparse
import ctypes.util
import gc
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa

MB = 1e6


def panel(n_series: int, length: int) -> pd.DataFrame:
    names = np.array([f"series_{i:06d}" for i in range(n_series)])
    ids = pd.Series(pd.Categorical.from_codes(np.repeat(np.arange(n_series), length), names))
    times = pd.date_range("2020-01-01", periods=length, freq="D")
    values = np.random.default_rng(0).normal(size=n_series * length)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(times, n_series), "y": values})


def with_ids(kind: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda df: df.assign(unique_id=df["unique_id"].astype(kind))


def as_integers(df: pd.DataFrame) -> pd.DataFrame:
    return df.assign(unique_id=df["unique_id"].cat.codes.astype("int64"))


def shuffled(df: pd.DataFrame) -> pd.DataFrame:
    return with_ids("str")(df).sample(frac=1, random_state=0, ignore_index=True)


def minutely(df: pd.DataFrame) -> pd.DataFrame:
    times = pd.date_range("2000-01-01", periods=len(df), freq="min")
    return with_ids("str")(df).assign(unique_id="one", ds=times)


def gappy(df: pd.DataFrame) -> pd.DataFrame:
    return with_ids("str")(df)[np.random.default_rng(1).random(len(df)) > 0.05]


CASES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "text ids": with_ids("str"),
    "object ids": with_ids("object"),
    "integer ids": as_integers,
    "categorical ids": lambda df: df,
    "text ids, shuffled rows": shuffled,
    "text ids, 5% of rows lacking": gappy,
    "one series, every minute": minutely,
}


class PeakMemory:
    """Samples the resident memory of this process in a thread."""

    def __enter__(self) -> PeakMemory:
        self.process = psutil.Process()
        self.start = self.peak = self.process.memory_info().rss
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        """Record the maximum every 2 ms."""
        while not self.done.wait(0.002):
            self.peak = max(self.peak, self.process.memory_info().rss)

    def __exit__(self, *_: Any) -> None:
        self.done.set()
        self.thread.join()


def return_freed_memory() -> None:
    gc.collect()
    pa.default_memory_pool().release_unused()
    libc = ctypes.util.find_library("c")
    if libc and sys.platform == "linux":
        ctypes.CDLL(libc).malloc_trim(0)


def measure(name: str, n_series: int, length: int) -> None:
    from automodel_sk.validation.data.validator import DataValidator

    df = CASES[name](panel(n_series, length))
    # The first call includes imports, which are not part of the figure.
    DataValidator().validate_dataset(df.head(1000), h=14)
    size = df.memory_usage(index=False, deep=True).sum()
    start, cpu_start = time.perf_counter(), time.process_time()
    result = DataValidator().validate_dataset(df, h=14, input_size=56)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    return_freed_memory()
    # Use a separate run, since the sampling thread would slow the timed one down.
    with PeakMemory() as memory:
        DataValidator().validate_dataset(df, h=14, input_size=56)
    extra = memory.peak - memory.start
    print(
        f"{name:30s} {len(df):>12,} {seconds:>8.2f} {cpu:>8.2f} {size / MB:>9.0f} "
        f"{extra / MB:>9.0f} {(size + extra) / size:>7.2f}  "
        f"{len(result.errors)} / {len(result.warnings)}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=50_000)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--case", choices=CASES, action="append")
    args = parser.parse_args()
    print(
        f"{'case':30s} {'rows':>12s} {'seconds':>8s} {'CPU s':>8s} {'frame MB':>9s} "
        f"{'extra MB':>9s} {'x frame':>7s}  errors / warnings"
    )
    spawn = multiprocessing.get_context("spawn")
    for name in args.case or CASES:
        worker = spawn.Process(target=measure, args=(name, args.series, args.length))
        worker.start()
        worker.join()


if __name__ == "__main__":
    main()
