"""Forecast very many series with "auto": seconds, memory of all processes, series a second.

    python -m benchmarks.many_series [--series 100000] [--length 60] [--minutes 10] [--cpus 2]

Half of the series are seasonal, a quarter are random walks, a quarter are mostly zeros. Searches,
writes the forecasts with intervals to Parquet files, and compares them with repeating the last
season on months that the search has not seen. Memory is the PSS of the whole process tree.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.running import run_module

H, SEASON = 12, 12


def panel(n_series: int, length: int) -> tuple[pd.DataFrame, Any]:
    """Return the series, and what follows them, of shape (n_series, H)."""
    rng = np.random.default_rng(0)
    n = length + H
    level = rng.lognormal(3, 1, (n_series, 1))
    noise = rng.normal(0, 1, (n_series, n))
    phase = rng.uniform(0, 2 * np.pi, (n_series, 1))
    waves = np.sin(np.arange(n) * 2 * np.pi / SEASON + phase)
    y = level * (1 + 0.4 * waves + 0.1 * noise)
    kind = np.arange(n_series) % 4
    y[kind == 1] = level[kind == 1] + 0.1 * level[kind == 1] * noise[kind == 1].cumsum(axis=1)
    is_sale = rng.random((n_series, n)) < 0.3
    y[kind == 3] = np.where(is_sale, np.ceil(np.abs(level * (1 + noise) / 5)), 0.0)[kind == 3]
    names = np.array([f"series_{i:07d}" for i in range(n_series)], dtype=object)
    times = pd.date_range("2015-01-31", periods=length, freq="ME")
    frame = {"unique_id": np.repeat(names, length), "ds": np.tile(times, n_series)}
    return pd.DataFrame({**frame, "y": y[:, :length].ravel()}), y[:, length:]


def work(n_series: int, length: int, minutes: float, cpus: int) -> dict[str, Any]:
    """Search and forecast in this process and its workers."""
    from automodel_sk import create_auto_model

    data, truth = panel(n_series, length)
    started = time.time()
    model = create_auto_model(
        "auto",
        h=H,
        dataset=data,
        time_budget_hours=minutes / 60,
        cpus=cpus,
        gpus=0,
        use_mlflow=False,
        storage=":memory:",
    )
    searched = time.time()
    with tempfile.TemporaryDirectory() as folder:
        files = model.predict(level=[80], to=folder)
        written = time.time()
        table = pd.concat([pd.read_parquet(path) for path in files["path"]])
    own = table["AutoEnsemble"].to_numpy().reshape(n_series, H)
    last = data["y"].to_numpy().reshape(n_series, length)[:, -SEASON:][:, :H]
    inside = (table["AutoEnsemble-lo-80"] <= truth.ravel()) & (
        truth.ravel() <= table["AutoEnsemble-hi-80"]
    )
    lost = {c.name: c.n_fallbacks for c in model.candidates if c.n_fallbacks}
    final = {
        name: member.describe()["n_fallbacks"]
        for name, member in model.members.items()
        if "n_fallbacks" in member.describe()
    }
    return {
        "series": n_series,
        "budget, s": 60 * minutes,
        "search and fit, s": searched - started,
        "forecasts to files, s": written - searched,
        "series a second": n_series / (written - started),
        "MAE / seasonal naive's": float(np.abs(own - truth).mean() / np.abs(last - truth).mean()),
        "coverage of 80% intervals": float(inside.mean()),
        "weights": {name: round(weight, 3) for name, weight in model.weights.items()},
        "fallbacks in windows": lost,
        "fallbacks in forecasts": final,
        "trials": len(model.trials),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--length", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        found = work(options.series, options.length, options.minutes, options.cpus)
        Path(options.here).write_text(json.dumps(found), encoding="utf-8")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    flags = [
        text
        for name in ("series", "length", "minutes", "cpus")
        for text in (f"--{name}", str(getattr(options, name)))
    ]
    found, watch = run_module(
        ["benchmarks.many_series", *flags, "--here", "RESULT"], options.out / "many_series.log", 1.0
    )
    found["peak memory, GB"] = watch.peak_between(watch.times[0], watch.times[-1], "pss") / 1000
    (options.out / "many_series.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    for name, value in found.items():
        print(f"{name:28} {f'{value:,.2f}' if isinstance(value, float) else value}")


if __name__ == "__main__":
    sys.exit(main())
