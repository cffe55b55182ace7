"""Compare the time of a forecast with that of the network inside it.

    python -m benchmarks.predicting [--series 10000] [--repeats 7]

Three rows: `predict` on a panel of many series; the first `predict` with intervals after a search,
whose errors of the validation windows it needs, compared with a training; and the estimator's
`predict` on one series. The network's own time is measured inside the same call, around its
`forward`, so that other programs slow both alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.tables import markdown

H, LENGTH = 24, 200
CONFIG = {"input_size": 72, "max_steps": 20, "val_check_steps": 10}


class Forward:
    """Adds up the seconds in the `forward` of a model's class."""

    def __init__(self, model: type) -> None:
        self._model = model
        self._forward: Callable[..., Any] = model.forward  # type: ignore[attr-defined]
        self.seconds = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure from zero."""
        self.seconds = 0.0

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return self._forward(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - started

        with mock.patch.object(self._model, "forward", timed):
            yield


def panel(n_series: int, seed: int = 0) -> pd.DataFrame:
    """Return daily series with a weekly season."""
    noise = np.random.default_rng(seed).normal(size=(n_series, LENGTH))
    season = np.sin(2 * np.pi * np.arange(LENGTH) / 7)
    ids = np.repeat([f"series_{i:05d}" for i in range(n_series)], LENGTH)
    times = np.tile(pd.date_range("2024-01-01", periods=LENGTH, freq="D"), n_series)
    values = 10 + 3 * season + noise
    return pd.DataFrame({"unique_id": ids, "ds": times, "y": values.ravel()})


def row(what: str, call: Callable[[], object], forward: Forward, repeats: int) -> dict[str, Any]:
    """Return the medians of a call's time and of its network's."""
    call()  # imports
    figures = []
    for _ in range(repeats):
        with forward.measured():
            started = time.perf_counter()
            call()
            figures.append((time.perf_counter() - started, forward.seconds))
    whole, network = (statistics.median(column) for column in zip(*figures, strict=True))
    return {
        "call": what,
        "ms": 1000 * whole,
        "network, ms": 1000 * network,
        "ratio": statistics.median(a / b for a, b in figures),
        "beside it, ms": 1000 * statistics.median(a - b for a, b in figures),
    }


def fitted(n_series: int, **more: Any) -> Any:
    """Return a searched model."""
    from automodel_sk import create_auto_model

    options: dict[str, Any] = {"config": CONFIG, "use_mlflow": False, "verbose": False, **more}
    return create_auto_model("NHITS", h=H, dataset=panel(n_series), storage=":memory:", **options)


def measure(n_series: int, repeats: int) -> list[dict[str, Any]]:
    """Return the rows."""
    from neuralforecast.models import NHITS

    from automodel_sk import AutoNeuralForecaster

    forward = Forward(NHITS)
    many = fitted(n_series)
    later = panel(n_series, seed=1)
    rows = [
        row(f"predict, {n_series:,} series", many.predict, forward, repeats),
        row(f"predict(df), {n_series:,} series", lambda: many.predict(later), forward, repeats),
    ]
    series = panel(1).set_index("ds")["y"].asfreq("D")
    estimator = AutoNeuralForecaster("NHITS", config=CONFIG)
    estimator.fit(series, fh=range(1, H + 1))
    rows.append(row("estimator's predict, 1 series", estimator.predict, forward, repeats))
    return rows


def intervals(n_windows: int) -> dict[str, float]:
    """Return the seconds of a training and of forecasts with intervals after a search.

    Several windows of the search calibrate the intervals; one says too little and needs a training.
    """
    from optuna.distributions import FloatDistribution

    rates = FloatDistribution(1e-4, 1e-2, log=True)
    config = {**CONFIG, "max_steps": 200, "learning_rate": rates}
    model = fitted(100, config=config, num_samples=3, n_windows=n_windows)
    model.predict()
    training, _ = timed(lambda: model.refit(panel(100)))
    first, _ = timed(lambda: model.predict(level=[80]))
    second, _ = timed(lambda: model.predict(level=[80]))
    return {
        "validation windows": n_windows,
        "a training, s": training,
        "first predict(level=[80]), s": first,
        "share of a training": first / training,
        "second, s": second,
    }


def timed(call: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds of a call, and its result."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predicting", description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    print(markdown(pd.DataFrame(measure(options.series, options.repeats))))
    print(markdown(pd.DataFrame([intervals(1), intervals(3)])))


if __name__ == "__main__":
    main()
