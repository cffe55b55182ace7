"""Carry out the task in a folder with AutoGluon: ``python forecast.py FOLDER``.

This file runs in AutoGluon's own environment and imports nothing of this project. ``--warm-up``
compiles its statistical models once; numba keeps them on disk.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # its pretrained models would be downloaded
os.environ["NIXTLA_NUMBA_CACHE"] = "1"

import numpy as np
import pandas as pd
from autogluon.timeseries import TimeSeriesDataFrame, TimeSeriesPredictor
from autogluon.timeseries.configs import get_hyperparameter_presets, get_predictor_presets
from autogluon.timeseries.utils.datetime import get_seasonality

# Imported before the clock starts, as the modules of the other contestants are; AutoGluon imports
# them while its time limit runs, which takes a large part of a short one.
MODULES = (
    "autogluon.tabular.registry",
    "gluonts.torch.model.deepar",
    "gluonts.torch.model.tft",
    "lightgbm",
    "lightning.pytorch",
    "mlforecast",
    "statsforecast.models",
)
PRETRAINED = ["Chronos", "Chronos2", "Toto", "Toto2"]
SEASONAL = ("SeasonalNaive", "AutoETS", "ETS", "Theta", "DynamicOptimizedTheta")
QUANTILES = [round(0.1 * k, 1) for k in range(1, 10)]
DEFAULT_PRESET = "high_quality"


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train, future = (_series(folder / name) for name in ("train.csv", "future.csv"))
    for module in MODULES:
        importlib.import_module(module)
    started = time.time()
    predictor = fitted(task, train, folder / "predictor")
    known = future if task["futr_exog"] else None
    forecast = predictor.predict(train, known_covariates=known, random_seed=task["seed"])
    seconds = time.time() - started
    frame = forecast.to_data_frame().reset_index()
    frame = frame.rename(columns={"item_id": "unique_id", "timestamp": "ds"})
    frame["point"] = frame["0.5"]  # the median, since absolute errors are judged
    frame.drop(columns="mean").to_csv(folder / "forecast.csv", index=False)
    models = predictor.leaderboard()[["model", "score_val", "fit_time_marginal"]]
    told = {"seconds": seconds, "models": models.to_dict("records")}
    (folder / "result.json").write_text(json.dumps(told), encoding="utf-8")


def fitted(task: dict, train: TimeSeriesDataFrame, path: Path) -> TimeSeriesPredictor:
    preset, _, refit = (task["contestant"].partition(":")[2] or DEFAULT_PRESET).partition("+")
    predictor = TimeSeriesPredictor(
        prediction_length=task["h"],
        freq=task["freq"],
        eval_metric="MASE",
        eval_metric_seasonal_period=task["season"],
        known_covariates_names=task["futr_exog"] or None,
        quantile_levels=QUANTILES,
        path=str(path),
        verbosity=2,
    )
    options = get_predictor_presets()[preset]
    options["hyperparameters"] = _hyperparameters(options["hyperparameters"], task)
    return predictor.fit(
        train,
        time_limit=task["seconds"],
        excluded_model_types=PRETRAINED,
        refit_full=refit == "refit",
        random_seed=task["seed"],
        **options,
    )


def _hyperparameters(name: str, task: dict) -> dict:
    """Return a preset's models; tell them the season where the frequency suggests another."""
    models = get_hyperparameter_presets()[name]
    if get_seasonality(task["freq"]) == task["season"]:
        return models
    told = {"seasonal_period": task["season"]}
    return {model: {**given, **told} if model in SEASONAL else given
            for model, given in models.items()}  # fmt: skip


def _series(path: Path) -> TimeSeriesDataFrame:
    frame = pd.read_csv(path, dtype={"unique_id": str}, parse_dates=["ds"])
    frame = frame.rename(columns={"y": "target"})
    return TimeSeriesDataFrame.from_data_frame(frame, "unique_id", "ds")


def warm_up() -> None:
    times = pd.date_range("2000-01-01", periods=60, freq="MS")
    values = np.sin(np.arange(60.0)) + np.random.default_rng(0).normal(10, 1, 60)
    frame = pd.DataFrame({"item_id": "a", "timestamp": times, "target": values})
    train = TimeSeriesDataFrame.from_data_frame(frame)
    models = {name: {} for name in SEASONAL}
    with tempfile.TemporaryDirectory() as folder:
        predictor = TimeSeriesPredictor(prediction_length=6, path=folder, verbosity=0)
        predictor.fit(train, hyperparameters=models).predict(train)


if __name__ == "__main__":
    if sys.argv[1] == "--warm-up":
        warm_up()
    else:
        main(Path(sys.argv[1]))
