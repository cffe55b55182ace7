"""The comparison of averaged and last weights: both are those of a refit of so many steps."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from automodel_sk.training.refit import fit_final
from benchmarks.accuracy import datasets, metrics, weight_average

SMALL = {"hidden_size": 8, "num_layers": 2, "input_size": 24, "max_steps": 1000}


def test_errors_are_those_of_refits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_average, "STEPS", (10, 20))
    data = datasets.load("air-passengers")
    task, found = weight_average.configurations(data, "MLP", 2)
    assert found[0] != found[1]
    config = {**found[1], **SMALL}
    measured = list(weight_average.errors(data, task, config))
    rows = data.train[["unique_id", "ds", "y"]]
    names = list(dict.fromkeys(rows["unique_id"]))
    for steps, *errors in measured:
        for averages, error in zip((False, True), errors, strict=True):
            trained = replace(task, average_weights=averages)
            forecast = fit_final(trained, config, rows, data.freq, steps=steps).predict()
            points = weight_average.by_series(forecast, names)
            expected = metrics.mase(data.truth, points, metrics.scales(data))
            assert error == pytest.approx(expected, rel=1e-4)
    assert [steps for steps, *_ in measured] == [10, 20]


def test_a_row_is_the_geometric_mean_and_the_range() -> None:
    row = weight_average.table({("MLP", 500): [0.5, 2.0, 1.0]}).iloc[0]
    assert row["averaged / last"] == pytest.approx(1)
    assert (row["least"], row["most"], row["data sets"]) == (0.5, 2.0, "3")


def test_forecasts_are_in_the_order_of_the_series() -> None:
    forecast = pd.DataFrame({"unique_id": ["a", "a", "b", "b"], "ds": 1, "MLP": [1.0, 2, 3, 4]})
    points = weight_average.by_series(forecast, ["b", "a"])
    assert points.tolist() == [[3, 4], [1, 2]]
