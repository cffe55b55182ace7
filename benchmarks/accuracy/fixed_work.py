"""Combine members on the published tasks, those without networks with all the time they take.

    python -m benchmarks.accuracy.fixed_work [--windows 2] [--ensemble auto] [--members NAME ...]
    python -m benchmarks.accuracy.fixed_work --networks [--optimism 1.0] [--only NAME ...]

Without networks, nothing is searched and no budget is spent, so that the result does not depend on
the machine. Each member forecasts the validation windows and the test rows once; its forecasts are
stored in `benchmarks/results/accuracy/members`. Members and weights are then chosen as
`create_auto_model` does, and intervals come from the errors of the combination on the windows.

`--networks` adds three networks, each searched for 40 seconds on one core. `--optimism` is how many
times as large their errors count in the ranking.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk import create_auto_model
from automodel_sk.portfolio import shortlist
from automodel_sk.portfolio.combiners import ENSEMBLES, choose, combine
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.table import MEMBERS, member_of
from automodel_sk.portfolio.networks import networks_for
from automodel_sk.portfolio.window_record import WindowRecord, window_errors
from benchmarks.accuracy import competitions, datasets, metrics, published
from benchmarks.accuracy.compare import BASELINE
from benchmarks.accuracy.task import QUANTILES, Dataset, Forecast
from benchmarks.running import ROOT
from benchmarks.tables import markdown

STORE = ROOT / "benchmarks" / "results" / "accuracy" / "members"
NAIVE = ("SeasonalNaive", "Naive", "WindowAverage", "RWD")
NETWORK_SECONDS = 40.0
NETWORKS = 3
"""The first ones that "auto" tries."""
CHEAP = ("RidgeRegression", "DynamicOptimizedTheta", "LightGBM", "DirectLightGBM", "AutoCES")


def data_of(task: Dataset, windows: int) -> PortfolioData:
    """Return a task's training rows with as many windows as its series have room for."""
    rows = task.train[["unique_id", "ds", "y"]]
    data = PortfolioData(rows, task.h, task.freq, season=task.season)
    room = (int(np.median(data.lengths)) - max(2 * task.h + 1, 10) - task.h) // task.h + 1
    return replace(data, n_windows=max(1, min(windows, room)))


def forecasts_of(task: Dataset, data: PortfolioData, name: str) -> tuple[Any, Any]:
    """Return a member's forecasts of the windows and of the test rows."""
    if name not in MEMBERS:
        return _network(task, data, name)
    member = member_of(name)
    windows = _stored(
        STORE / f"{task.name}-{name}-{data.n_windows}.npy",
        lambda: member.forecast_windows(data, Deadline()).point,
    )
    ahead = _stored(
        STORE / f"{task.name}-{name}-ahead.npy", lambda: member.fit(data, Deadline()).predict()
    )
    return windows, ahead


def _network(task: Dataset, data: PortfolioData, name: str) -> tuple[Any, Any]:
    """Return a network's forecasts; it is searched within its seconds."""
    files = [STORE / f"{task.name}-{name}-{end}.npy" for end in (data.n_windows, "ahead")]
    if not all(file.exists() for file in files):
        files[0].parent.mkdir(parents=True, exist_ok=True)
        for file, values in zip(files, _searched(task, data, name), strict=True):
            np.save(file, values)
    return np.load(files[0]), np.load(files[1])


def _searched(task: Dataset, data: PortfolioData, name: str) -> tuple[Any, Any]:
    fitted = create_auto_model(
        name,
        h=task.h,
        dataset=data.frame,
        metric="mase",
        freq=task.freq,
        season_length=task.season,
        n_windows=data.n_windows,
        time_budget_hours=NETWORK_SECONDS / 3600,
        cpus=1,
        precision="32-true",
        use_mlflow=False,
        verbose=False,
        random_seed=1,
    )
    kept = fitted.state.windows
    assert kept is not None
    judged = data.judged["unique_id"].astype(str)
    places = {uid: place for place, uid in enumerate(sorted(judged.unique()))}
    windows = kept.point[[places[uid] for uid in judged.drop_duplicates()]]
    ahead = fitted.predict().set_index("unique_id")[name]
    order = data.frame["unique_id"].drop_duplicates()
    return windows, np.stack([ahead.loc[uid].to_numpy() for uid in order])


def _stored(file: Path, compute: Any) -> npt.NDArray[Any]:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, compute())
    return np.asarray(np.load(file))


def errors_of(task: Dataset, names: Sequence[str], windows: int, ensemble: str) -> dict[str, Any]:
    """Return the errors of a combination, relative to the published seasonal naive forecast."""
    data = data_of(task, windows)
    past, ahead = zip(*(forecasts_of(task, data, name) for name in names), strict=True)
    families = [MEMBERS[name].family if name in MEMBERS else "neural" for name in names]
    found = choose(past, window_errors(data, "mase"), names, families, allowed=ensemble)
    point = combine(ahead, found.weights, found.kind).astype(float)
    scores = WindowRecord(data, (), found.forecasts).conformal(found.forecasts)
    quantiles = scores.quantiles(point, scores.describe(data.frame), QUANTILES)
    errors = metrics.errors(task, Forecast(point, quantiles))
    naive = _naive_errors(task, data)
    return {
        "task": task.name,
        "MASE": errors["mase"] / naive["mase"],
        "WQL": errors["wql"] / naive["wql"],
        "coverage": errors["coverage80"],
        "combiner": found.name,
        "members": ", ".join(f"{names[i]} {w:.2f}" for i, w in found.weights.items()),
    }


def _naive_errors(task: Dataset, data: PortfolioData) -> Any:
    """Return the errors of the seasonal naive forecast, whose quantiles all equal its point."""
    figures = published.figures()
    known = (figures["system"] == BASELINE) & (figures["task"] == task.name)
    if known.any():
        return figures[known].iloc[0]
    point = np.asarray(forecasts_of(task, data, "SeasonalNaive")[1], dtype=float)
    quantiles = np.repeat(point[..., None], len(QUANTILES), axis=-1)
    return metrics.errors(task, Forecast(point, quantiles))


def with_means(table: pd.DataFrame) -> pd.DataFrame:
    """Add the geometric means over all tasks, and over those that no defaults are tuned on."""
    untuned = table["task"].isin(competitions.UNTUNED)
    means = [
        {"task": name}
        | {column: float(np.exp(np.log(part[column]).mean())) for column in ("MASE", "WQL")}
        | {"coverage": part["coverage"].mean(), "combiner": "", "members": ""}
        for name, part in (("all", table), ("not tuned on", table[untuned]))
        if len(part)
    ]
    return pd.concat([table, pd.DataFrame(means)], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--ensemble", choices=list(ENSEMBLES), default="auto")
    parser.add_argument("--members", nargs="+", default=[*NAIVE, *CHEAP])
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--optimism", type=float, default=shortlist.NEURAL_OPTIMISM)
    parser.add_argument("--only", nargs="+", default=list(competitions.PUBLISHED))
    parser.add_argument("--data", type=Path, help="folder with the files of the other data sets")
    given = parser.parse_args()
    shortlist.NEURAL_OPTIMISM = given.optimism
    rows = []
    for name in given.only:
        task = datasets.load(name, given.data)
        networks = networks_for(task.season)[:NETWORKS] if given.networks else ()
        members = [*given.members, *networks]
        rows.append(errors_of(task, members, given.windows, given.ensemble))
    print(markdown(with_means(pd.DataFrame(rows))))


if __name__ == "__main__":
    main()
