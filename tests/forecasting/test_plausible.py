"""Tests of forecasts far beyond everything a series ever was."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from automodel_sk import create_auto_model
from automodel_sk.forecasting.plausible import far_from_past, ranges_of, stored_ranges

VALUES = [1, 2, 3, 4, 0, 0, 0, 0, 5, 5, 5, 5]
PAST = pd.DataFrame({"unique_id": np.repeat(["a", "b", "c"], 4), "y": np.array(VALUES, float)})


def _far(*values, past=PAST):
    point = np.repeat(np.array(values, dtype=float)[:, None], 2, axis=1)
    return far_from_past(point, ranges_of(past)).tolist()


def test_growth_is_not_far_and_an_explosion_is():
    assert _far(30, 0, 5) == [False, False, False]
    assert _far(1e3, 0, 56) == [True, False, True]
    assert _far(-1e3, 0.1, -46) == [True, True, True]


def test_unobserved_rows_do_not_count_as_past():
    masked = PAST.assign(available_mask=1.0)
    masked.loc[0, ["y", "available_mask"]] = [1e6, 0.0]
    assert _far(1e3, 0, 5, past=masked) == [True, False, False]


def test_a_model_knows_the_ranges_of_its_training_data_and_warns(caplog):
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], 40),
            "ds": [*range(40), *range(40)],
            "y": rng.normal(size=80),
        }
    )
    config = {"max_steps": 1, "input_size": 8, "hidden_size": 8, "num_layers": 1}
    model = create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False, cpus=1)
    low, high = stored_ranges(model.to_neuralforecast())
    assert np.allclose(low, df.groupby("unique_id")["y"].min())
    assert np.allclose(high, df.groupby("unique_id")["y"].max())
    with caplog.at_level(logging.WARNING):
        model.predict()
        assert "far beyond" not in caplog.text


def test_the_warning_names_the_series(caplog):
    from automodel_sk.forecasting.predict import _warn_of_far

    result = pd.DataFrame(
        {"unique_id": ["a", "a", "b", "b"], "ds": [1, 2, 1, 2], "MLP": [1, 2, 9, 1e9]}
    )
    with caplog.at_level(logging.WARNING):
        _warn_of_far(result, "MLP", (np.array([0.0, 0.0]), np.array([2.0, 9.0])))
    assert "MLP's forecasts of 1 of 2 series" in caplog.text
    assert "b" in caplog.text.split("values:")[1].split(";")[0]
