"""sktime's search over its own neuralforecast adapter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.datasets import Dataset
from benchmarks.plan import Run
from benchmarks.spaces import QUIET_TRAINER, gru_distributions

EPOCH = pd.Timestamp("2000-01-01")
MODULES = (
    "neuralforecast",
    "optuna",
    "sktime.forecasting.model_selection",
    "sktime.forecasting.neuralforecast",
    "sktime.performance_metrics.forecasting",
)


def search(data: Dataset, run: Run) -> dict[str, Any]:
    """Tune the GRU by MAE on one validation window, the last before the test set."""
    import optuna
    from sktime.forecasting.model_selection import ForecastingOptunaSearchCV
    from sktime.forecasting.neuralforecast import NeuralForecastGRU
    from sktime.performance_metrics.forecasting import MeanAbsoluteError
    from sktime.split import SingleWindowSplitter

    horizon = np.arange(1, data.h + 1)
    freq = "h" if data.freq == 1 else data.freq
    gru = NeuralForecastGRU(
        freq=freq, max_steps=run.steps, random_seed=run.seed, trainer_kwargs=QUIET_TRAINER
    )
    peer = ForecastingOptunaSearchCV(
        forecaster=gru,
        cv=SingleWindowSplitter(fh=horizon),
        param_grid=gru_distributions(data.h),
        scoring=MeanAbsoluteError(),
        n_evals=run.trials,
        sampler=optuna.samplers.TPESampler(seed=run.seed),
        error_score="raise",
    )
    peer.fit(_indexed(data), fh=horizon)
    trials = peer.cv_results_.dropna(subset=["mean_test_MeanAbsoluteError"])
    ends = [moment.timestamp() for moment in trials["datetime_complete"].dt.to_pydatetime()]
    return {
        "predict": lambda: _as_long(peer.predict(), data),
        "losses": list(zip(ends, trials["mean_test_MeanAbsoluteError"].astype(float), strict=True)),
        "trials": len(trials),
    }


def _indexed(data: Dataset) -> pd.DataFrame:
    """Return the series as an sktime panel of hourly times; the adapter fails on integers."""
    frame = data.train
    if data.freq == 1:
        frame = frame.assign(ds=EPOCH + pd.to_timedelta(frame["ds"], unit="h"))
    return frame.set_index(["unique_id", "ds"])


def _as_long(forecast: pd.DataFrame, data: Dataset) -> pd.DataFrame:
    frame = forecast.rename(columns={"y": "GRU"}).rename_axis(["unique_id", "ds"]).reset_index()
    if data.freq == 1:
        frame["ds"] = (frame["ds"] - EPOCH) // pd.Timedelta(hours=1)
    return frame
