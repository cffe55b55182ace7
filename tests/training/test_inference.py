"""Forecasts of many series: in larger batches than neuralforecast's, with the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.training import inference, train
from automodel_sk.training.build import trained_module

SMALL: dict[str, Any] = {"input_size": 7, "max_steps": 5, "hidden_size": 8, "num_layers": 1}
DATA = seasonal_panel(n_series=150, length=30)


def fitted(**config: Any) -> AutoModel:
    return create_auto_model(
        *("MLP", 3, DATA, {**SMALL, **config}),
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
        cpus=1,
    )


def batches(model: AutoModel, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], np.ndarray]:
    """Return the sizes of the batches of a forecast, and its values."""
    kind = type(trained_module(model.to_neuralforecast().models[0]))
    step, sizes = kind.predict_step, []

    def counted(module: Any, batch: Any, number: int) -> Any:
        sizes.append(len(batch["temporal"]))
        return step(module, batch, number)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "predict_step", counted)
        return sizes, model.predict()["MLP"].to_numpy()


def test_many_series_are_forecast_at_a_time_as_few_are(monkeypatch: pytest.MonkeyPatch):
    model = fitted()
    sizes, values = batches(model, monkeypatch)
    assert sizes == [128, 22]
    monkeypatch.setattr(inference, "_SERIES_AT_ONCE", 1)
    few, expected = batches(model, monkeypatch)
    assert few == [32, 32, 32, 32, 22]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_a_smaller_batch_that_was_asked_for_is_kept(monkeypatch: pytest.MonkeyPatch):
    sizes, _ = batches(fitted(valid_batch_size=10), monkeypatch)
    assert sizes == [10] * 15


def test_long_series_are_forecast_few_at_a_time(monkeypatch: pytest.MonkeyPatch):
    # 30 steps and 3 ahead, of y and its mask
    monkeypatch.setattr(train, "_MOST_NUMBERS_AT_ONCE", 40 * 33 * 2)
    sizes, _ = batches(fitted(), monkeypatch)
    assert sizes == [40, 40, 40, 30]
