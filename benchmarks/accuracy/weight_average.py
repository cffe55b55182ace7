"""Compare the forecasts of a training's averaged weights with those of its last weights.

    python -m benchmarks.accuracy.weight_average [--models NHITS MLP] [--configurations 2]
    python -m benchmarks.accuracy.weight_average --data DIR --only etth1 m4-hourly --models DLinear

Trains configurations of the default space on all training rows, as the refit after a search does:
the one that a search tries first, and random ones. Both kinds of weights come from the same
training, at several steps, so that nothing else differs. Each row is the geometric mean of the
ratios of the MASE over data sets, and the smallest and the largest of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from neuralforecast import NeuralForecast
from pytorch_lightning.callbacks import Callback

from automodel_sk.options import OptimizationConfig
from automodel_sk.search.planning import UserInput, plan_search
from automodel_sk.training.build import module_of
from automodel_sk.training.refit import final_model
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import training
from automodel_sk.training.weight_average import EVERY, WeightAverage
from benchmarks.accuracy import datasets, metrics
from benchmarks.accuracy.task import Array, Dataset
from benchmarks.tables import markdown

STEPS = (250, 500, 700)
"""Of 1,000 or more, as the default space has; a refit takes half of them or more."""
SETS = (
    *("m1-monthly", "m3-quarterly", "m3-yearly", "tourism-monthly", "tourism-quarterly"),
    *("retail", "employment", "prison", "pedestrian", "air-passengers"),
)


class Watch(Callback):  # type: ignore[misc]  # upstream is untyped
    """Keeps the last and the averaged weights at some steps."""

    def __init__(self) -> None:
        self.average = WeightAverage()
        self.last: dict[int, dict[str, Any]] = {}
        self.averaged: dict[int, dict[str, Any]] = {}

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Add the weights to the average; keep both kinds at the steps."""
        step = trainer.global_step
        if step % EVERY == 0:
            self.average.add(pl_module.state_dict())
        if step in STEPS:
            self.last[step] = copied(pl_module.state_dict())
            self.averaged[step] = copied(self.average.state)


def copied(state: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a module's state."""
    return {name: value.clone() for name, value in state.items()}


def configurations(
    data: Dataset, model: str, number: int
) -> tuple[TrainingTask, list[dict[str, Any]]]:
    """Return how a search trains, the configuration that it tries first, and random ones."""
    options = OptimizationConfig(freq=data.freq, season_length=data.season)
    prepared = UserInput(model, data.h, data.train).prepared(options)
    plan = plan_search(prepared, model, prepared.options)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = [{**plan.space.constants, **plan.first}]
    for k in range(number - 1):
        drawn = study.ask(plan.space.optuna_distributions()).params
        found.append(plan.space.decode(drawn, number=k))
    return plan.task, found


def errors(
    data: Dataset, task: TrainingTask, config: dict[str, Any]
) -> Iterator[tuple[int, float, float]]:
    """Yield steps, and the MASE of the last and of the averaged weights after them."""
    watch = Watch()
    rows = data.train[["unique_id", "ds", "y"]]
    names = list(dict.fromkeys(data.train["unique_id"]))
    scales = metrics.scales(data)
    with training():
        fitted = NeuralForecast([final_model(task, config, max(STEPS))], freq=data.freq)
        module = module_of(fitted)
        module.trainer_kwargs["callbacks"] = [watch]
        fitted.fit(rows, val_size=0)
        module.trainer_kwargs["callbacks"] = []

        def mase(state: dict[str, Any]) -> float:
            module.load_state_dict(state)
            return metrics.mase(data.truth, by_series(fitted.predict(), names), scales)

        for step in watch.last:
            yield step, mase(watch.last[step]), mase(watch.averaged[step])


def by_series(forecast: pd.DataFrame, names: list[Any]) -> Array:
    """Return forecasts as an array, shape (n_series, h), in the order of the names."""
    column = forecast.columns[-1]
    series = {name: group[column].to_numpy(float) for name, group in forecast.groupby("unique_id")}
    return np.stack([series[name] for name in names])


def ratios(data: Dataset, model: str, number: int) -> dict[int, float]:
    """Return the error of averaged weights / that of the last ones, by steps."""
    task, found = configurations(data, model, number)
    logs: dict[int, list[float]] = {}
    for config in found:
        for step, last, averaged in errors(data, task, config):
            logs.setdefault(step, []).append(float(np.log(averaged / last)))
    return {step: float(np.exp(np.mean(values))) for step, values in logs.items()}


def table(ratios_of: dict[tuple[str, int], list[float]]) -> pd.DataFrame:
    """Return one row per model and number of steps."""
    rows = [
        {
            "model": model,
            "steps": str(step),
            "data sets": str(len(values)),
            "averaged / last": float(np.exp(np.mean(np.log(values)))),
            "least": min(values),
            "most": max(values),
        }
        for (model, step), values in ratios_of.items()
    ]
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["NHITS", "MLP"])
    parser.add_argument("--configurations", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=SETS, metavar="NAME", help="data sets")
    parser.add_argument("--data", type=Path, help="folder with the files of some data sets")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found: dict[tuple[str, int], list[float]] = {}
    for model in options.models:
        for name in options.only:
            _, data = next(datasets.tasks(datasets.load(name, options.data), 1))
            for step, ratio in ratios(data, model, options.configurations).items():
                found.setdefault((model, step), []).append(ratio)
                print(f"{model}, {name}, {step} steps: {ratio:.3f}", flush=True)
    print(markdown(table(found)))


if __name__ == "__main__":
    main()
