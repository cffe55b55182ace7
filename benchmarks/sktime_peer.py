"""sktime's search over its own adapter of neuralforecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.datasets import Dataset
from benchmarks.plan import Run
from benchmarks.spaces import QUIET_TRAINER, gru_distributions

MODULES = (
    "neuralforecast",
    "optuna",
    "sktime.forecasting.model_selection",
    "sktime.forecasting.neuralforecast",
    "sktime.performance_metrics.forecasting",
)


def search(data: Dataset, run: Run) -> dict[str, Any]:
    """Tune the GRU on one validation window, the last before the test, by MAE."""
    import optuna
    from sktime.forecasting.model_selection import ForecastingOptunaSearchCV
    from sktime.forecasting.neuralforecast import NeuralForecastGRU
    from sktime.performance_metrics.forecasting import MeanAbsoluteError
    from sktime.split import SingleWindowSplitter

    horizon = np.arange(1, data.h + 1)
    gru = NeuralForecastGRU(
        freq=data.freq, max_steps=run.steps, random_seed=run.seed, trainer_kwargs=QUIET_TRAINER
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
    peer.fit(data.train.set_index(["unique_id", "ds"]), fh=horizon)
    trials = peer.cv_results_.dropna(subset=["mean_test_MeanAbsoluteError"])
    ends = [moment.timestamp() for moment in trials["datetime_complete"].dt.to_pydatetime()]
    return {
        "predict": lambda: _as_long(peer.predict()),
        "losses": list(zip(ends, trials["mean_test_MeanAbsoluteError"].astype(float), strict=True)),
        "trials": len(trials),
    }


def _as_long(forecast: pd.DataFrame) -> pd.DataFrame:
    return forecast.rename(columns={"y": "GRU"}).rename_axis(["unique_id", "ds"]).reset_index()
