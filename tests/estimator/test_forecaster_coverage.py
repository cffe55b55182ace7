"""Intervals hold what they promise, on data whose noise is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from automodel_sk.forecaster import AutoNeuralForecaster

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

N_SERIES, LENGTH, H = 60, 160, 6


def noisy_panel() -> pd.DataFrame:
    """Return seasonal series with unit Gaussian noise, each at a level of its own."""
    rng = np.random.default_rng(0)
    step = np.arange(LENGTH)
    season = 5 * np.sin(2 * np.pi * step / 12)
    return pd.concat(
        {
            f"s{i}": pd.DataFrame({"y": 3.0 * i + season + rng.normal(size=LENGTH)})
            for i in range(N_SERIES)
        }
    )


@pytest.mark.parametrize("method", ["conformal", "quantile", "distribution"])
def test_coverage_is_near_the_nominal_one(method: str) -> None:
    y = noisy_panel()
    steps = y.index.get_level_values(-1)
    config = {
        "max_steps": 600,
        "input_size": 24,
        "hidden_size": 32,
        "num_layers": 2,
        "learning_rate": 3e-3,
        "scaler_type": "standard",
        "windows_batch_size": 256,
    }
    forecaster = AutoNeuralForecaster("MLP", config, pi_method=method, gpus=0)
    forecaster.fit(y[steps < LENGTH - H], fh=np.arange(1, H + 1))
    interval = forecaster.predict_interval(coverage=[0.5, 0.9])["y"]
    future = y.loc[interval.index, "y"]
    for coverage in (0.5, 0.9):
        inside = (interval[coverage]["lower"] <= future) & (future <= interval[coverage]["upper"])
        assert inside.mean() == pytest.approx(coverage, abs=0.12)
    width = (interval[0.9]["upper"] - interval[0.9]["lower"]).median()
    assert 2.0 < width < 8.0  # the noise alone spans 3.3
