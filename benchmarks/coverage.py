"""Measure the coverage of conformal intervals, by kind of series.

    python -m benchmarks.coverage [--data DIR] [--windows 2] [--seeds 3]

Uses synthetic panels that mix several kinds of series, and real ones: AirPassengersPanel, and with
`--data` ETTh1 and M4-hourly. A model is trained and calibrated once, and forecasts from several
later cutoffs; unseen series of the same kinds are forecast from the same cutoffs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk import AutoModel, create_auto_model
from benchmarks.datasets import NAMES, Dataset, load, needs_files
from benchmarks.tables import markdown

Array = npt.NDArray[np.float64]

H, SEASON, LENGTH = 7, 7, 200
LEVELS = (80, 95)
LATER = 6
CONFIG: dict[str, Any] = {
    "hidden_size": 64,
    "num_layers": 1,
    "max_steps": 400,
    "learning_rate": 3e-3,
    "scaler_type": "standard",
}
OPTIONS: dict[str, Any] = {
    "use_mlflow": False,
    "verbose": False,
    "storage": ":memory:",
    "cpus": 1,
    "gpus": 0,
}


def _active(n: int, rng: np.random.Generator) -> Array:
    return 10 + 3 * np.sin(2 * np.pi * np.arange(n) / SEASON) + rng.normal(0, 1, n)


def _smooth(n: int, rng: np.random.Generator) -> Array:
    phase = rng.uniform(0, 2 * np.pi)
    return 10 + 3 * np.sin(2 * np.pi * np.arange(n) / 30 + phase) + rng.normal(0, 0.01, n)


KINDS: Mapping[str, Callable[[int, np.random.Generator], Array]] = {
    "active": _active,
    "zero": lambda n, rng: np.zeros(n),
    "constant": lambda n, rng: np.full(n, float(rng.integers(1, 9))),
    "smooth": _smooth,
    "rare": lambda n, rng: (rng.random(n) < 0.02) * rng.uniform(1, 5, n),
    "intermittent": lambda n, rng: (rng.random(n) < 0.3) * rng.poisson(4, n).astype(float),
    "random walk": lambda n, rng: 50 + np.cumsum(rng.normal(0, 1, n)),
}
MIXES: Mapping[str, Mapping[str, int]] = {
    "alone": {"active": 10},
    "10 + 10 zero": {"active": 10, "zero": 10},
    "10 + 90 zero": {"active": 10, "zero": 90},
    "20 + 20 constant": {"active": 20, "constant": 20},
    "10 + 60 constant": {"active": 10, "constant": 60},
    "10 + 10 smooth": {"active": 10, "smooth": 10},
    "20 + 20 rare": {"active": 20, "rare": 20},
    "20 + 20 intermittent": {"active": 20, "intermittent": 20},
    "20 + 20 random walks": {"active": 20, "random walk": 20},
}


def made(mix: Mapping[str, int], n: int, rng: np.random.Generator, prefix: str = "") -> Any:
    """Return a synthetic panel with some series of each kind, named by kind."""
    return pd.concat(
        pd.DataFrame(
            {
                "unique_id": f"{prefix}{kind} {number}",
                "ds": np.arange(n),
                "y": KINDS[kind](n, rng),
                "kind": kind,
            }
        )
        for kind, count in mix.items()
        for number in range(count)
    )


def covered(model: AutoModel, truth: pd.DataFrame, h: int, later: int) -> pd.DataFrame:
    """Return the share of values within the intervals, by kind and level, and their widths.

    Parameters
    ----------
    model : AutoModel
        A calibrated model.
    truth : DataFrame
        The panel with `later` times `h` steps after the first cutoff, and a column `kind`.
    h : int
        Forecast horizon.
    later : int
        Number of cutoffs.
    """
    name, left = repr(model.to_neuralforecast().models[0]), _left(truth)
    found = []
    for number in range(later, 0, -1):
        past = truth.loc[left >= number * h, ["unique_id", "ds", "y"]]
        forecast = model.predict(past, level=list(LEVELS))
        found.append(forecast.merge(truth, on=["unique_id", "ds"], validate="one_to_one"))
    table = pd.concat(found)
    ends = {lv: (table[f"{name}-lo-{lv}"], table[f"{name}-hi-{lv}"]) for lv in LEVELS}
    inside = {f"{lv}%": table["y"].between(*both) for lv, both in ends.items()}
    width = ends[LEVELS[0]][1] - ends[LEVELS[0]][0]
    figures = pd.DataFrame({**inside, "width": width})
    return figures.groupby(table["kind"], sort=False).mean()


def _left(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return how many rows follow each row in its series."""
    counted: npt.NDArray[np.int64] = (
        frame.groupby("unique_id", observed=True).cumcount(ascending=False).to_numpy()
    )
    return counted


def of_mix(name: str, windows: int | None, seed: int, config: Mapping[str, Any]) -> pd.DataFrame:
    """Return the coverage of a synthetic panel, for its series and for new ones."""
    rng = np.random.default_rng(seed)
    n = LENGTH + LATER * H
    own, new = made(MIXES[name], n, rng), made(MIXES[name], n, rng, "new ")
    past = own.loc[_left(own) >= LATER * H, ["unique_id", "ds", "y"]]
    options = {**OPTIONS, "season_length": SEASON}
    model = create_auto_model("MLP", H, past, {"input_size": 28, **config}, **options)
    model.calibrate(n_windows=windows)
    both = {"calibrated": covered(model, own, H, LATER), "new": covered(model, new, H, LATER)}
    return pd.concat(both, names=["series"]).reset_index().assign(panel=name)


def of_dataset(data: Dataset, windows: int | None, config: Mapping[str, Any]) -> pd.DataFrame:
    """Return the coverage of a real panel's last steps, for quiet and for lively series."""
    truth = pd.concat([data.train, data.test]).sort_values(["unique_id", "ds"])
    options = {**OPTIONS, "season_length": data.season, "freq": data.freq}
    settings = {"input_size": 2 * data.h, **config}
    model = create_auto_model("MLP", data.h, data.train, settings, **options)
    model.calibrate(n_windows=windows)
    return (
        covered(model, truth.assign(kind="all"), data.h, 1)
        .reset_index()
        .assign(panel=data.name, series="calibrated")
    )


def _tables(arguments: argparse.Namespace) -> Iterator[pd.DataFrame]:
    for name in MIXES:
        for seed in range(arguments.seeds):
            yield of_mix(name, arguments.windows, seed, CONFIG)
    for name in NAMES:
        if arguments.data or not needs_files(name):
            yield of_dataset(load(name, arguments.data), arguments.windows, CONFIG)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of ETTh1.csv and m4_hourly_100.csv")
    parser.add_argument("--windows", type=int, help="calibration windows; as many as fit")
    parser.add_argument("--seeds", type=int, default=3)
    found = pd.concat(_tables(parser.parse_args()))
    means = found.groupby(["panel", "series", "kind"], sort=False).mean().reset_index()
    print(markdown(means))


if __name__ == "__main__":
    main()
