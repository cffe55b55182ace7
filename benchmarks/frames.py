"""Time the conversion between sktime containers and long frames.

Run with ``python benchmarks/frames.py [n_series] [length]``. Prints seconds per step, best of
three, next to the time that sktime's own checks need in `fit`.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from automodel_sk.frames import Layout, exogenous_names, future_exogenous, last_steps, to_engine


def make_panel(n_series: int, length: int, levels: int, freq: str) -> pd.DataFrame:
    """Return a panel of random walks or, with two levels, a hierarchy."""
    names = [f"series {i}" for i in range(n_series)]
    times = pd.date_range("2020-01-31", periods=length, freq=freq)
    arrays: list = [np.repeat(names, length), np.tile(times, n_series)]
    if levels == 2:
        arrays.insert(0, np.repeat([f"region {i % 50}" for i in range(n_series)], length))
    index = pd.MultiIndex.from_arrays(arrays)
    y = pd.DataFrame({"y": np.random.default_rng(0).normal(size=len(index))}, index=index)
    return y.sort_index()


def best_of(action: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest duration in seconds."""
    durations = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        durations.append(time.perf_counter() - start)
    return min(durations)


def conversion(y: pd.DataFrame, h: int) -> dict[str, float]:
    """Time each step from a container to the long frame and back."""
    layout = Layout.learn(y)
    long = to_engine(layout, y)
    cutoffs = last_steps(long)
    steps = cutoffs[:, None] + np.arange(1, h + 1)
    X = y.rename(columns={"y": "x"})
    names = exogenous_names(X.columns)
    past = layout.index(steps - h)
    X_past = pd.DataFrame({"x": 1.0}, index=past)
    return {
        "learn the layout": best_of(lambda: Layout.learn(y)),
        "y to long": best_of(lambda: to_engine(layout, y)),
        "y and X to long": best_of(lambda: to_engine(layout, y, X, names)),
        "future X to long": best_of(
            lambda: future_exogenous(layout, X_past, names, cutoffs - h, h)
        ),
        "forecast index": best_of(lambda: layout.index(steps)),
    }


def sktime_share(y: pd.DataFrame) -> float:
    """Time the part of `fit` that sktime runs before an estimator's own `_fit`."""
    from sktime.forecasting.naive import NaiveForecaster

    class Empty(NaiveForecaster):
        _tags = {  # noqa: RUF012
            "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        }

        def _fit(self, y, X, fh):
            return self

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return best_of(lambda: Empty().set_config(remember_data=False).fit(y, fh=[1]))


def main(n_series: int = 10_000, length: int = 200) -> None:
    for levels, freq in ((1, "D"), (1, "ME"), (2, "B")):
        y = make_panel(n_series, length, levels, freq)
        print(f"{n_series} series x {length}, {levels} instance level(s), frequency {freq}")
        timings = conversion(y, h=24)
        for step, seconds in timings.items():
            print(f"  {step:18} {seconds:7.3f} s")
        total = sum(timings[step] for step in ("learn the layout", "y to long", "forecast index"))
        print(f"  {'total without X':18} {total:7.3f} s; sktime's own {sktime_share(y):.3f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
