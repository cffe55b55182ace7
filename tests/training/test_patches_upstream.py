"""The private names of neuralforecast, Lightning and torch that the patches replace."""

from __future__ import annotations

import inspect
from typing import Any

import pandas as pd
import pytest
import torch
from neuralforecast import NeuralForecast
from neuralforecast.common._base_model import BaseModel
from neuralforecast.losses.pytorch import MAE, HuberIQLoss
from neuralforecast.models import MLP
from pytorch_lightning.trainer.connectors import callback_connector, signal_connector

from automodel_sk.training.patches import isolation, upstream
from automodel_sk.training.patches.lazy_windows import is_known


def test_windows_are_cut_as_the_patch_cuts_them():
    assert is_known(BaseModel._create_windows), (
        "neuralforecast cuts windows in another way, so searches copy all of them: compare its"
        " _create_windows with lazy_windows.py and add its digest to _KNOWN"
    )


def test_trainers_look_for_plugins_and_signals_where_the_patches_replace_it():
    assert callable(callback_connector._load_external_callbacks)
    handlers = signal_connector._SignalConnector.register_signal_handlers
    with isolation.no_plugins(), isolation.no_signal_handlers():
        assert callback_connector._load_external_callbacks("any") == []
        assert signal_connector._SignalConnector.register_signal_handlers is not handlers


def test_autologging_has_a_switch():
    from mlflow.utils import autologging_utils

    before = autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED
    with isolation.no_autologging():
        assert autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED
    assert before == autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED


def test_fits_derive_category_codes_in_the_replaced_method():
    assert "self._build_categorical_vocab(" in inspect.getsource(NeuralForecast)
    fitted = NeuralForecast([MLP(h=1, input_size=2)], freq=1)
    fitted.categorical_vocab_ = {"shop": ["a", "b"]}
    with upstream.same_codes(fitted):
        fitted._build_categorical_vocab(pd.DataFrame())
        assert fitted.categorical_vocab_ == {"shop": ["a", "b"]}
    assert "_build_categorical_vocab" not in vars(fitted)


class _Trainer:
    """Return as many forecasts as the model needs, without a model."""

    def predict(self, model: Any, datamodule: Any) -> list[Any]:
        return [torch.full((1, model.h, 1), 7.0)]


def test_forecasts_use_the_trainer_and_the_seeds_given():
    series = pd.DataFrame({"unique_id": "a", "ds": range(8), "y": 1.0})
    fitted = NeuralForecast([MLP(h=1, input_size=2, max_steps=1, accelerator="cpu")], freq=1)
    fitted.fit(series)
    seeds: list[Any] = []
    upstream.forecast_with(fitted.models[0], _Trainer(), seeds.append)
    before = torch.get_rng_state()
    assert fitted.predict()["MLP"].tolist() == [7.0]
    assert len(seeds) == 1
    assert torch.equal(torch.get_rng_state(), before)


def test_the_quantiles_that_a_model_was_built_with_come_back():
    model = MLP(h=1, input_size=2, loss=HuberIQLoss())
    model.loss.update_quantile(q=[0.9])
    upstream.restore_quantiles(model)
    assert float(model.loss.q) == 0.5


def test_modules_keep_weights_and_trainers_in_the_attributes_named():
    model = MLP(h=1, input_size=2)
    assert set(upstream.REGISTRIES) <= set(vars(model))
    assert "hidden_size" not in upstream.REGISTRIES
    assert "loss" not in upstream.own_attributes(model)
    assert set(upstream.TRAINERS) <= {*vars(model), "_pred_trainer"}


def test_losses_come_back_from_their_json_form():
    assert type(upstream.decode_value(upstream.encode_value(MAE(), "loss"))) is MAE
    with pytest.raises(TypeError, match="loss"):
        upstream.encode_value(lambda: None, "loss")
