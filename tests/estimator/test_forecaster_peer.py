"""What sktime's own neuralforecast adapter gets wrong, and this estimator right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.neuralforecast import NeuralForecastGRU

from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.forecaster import AutoNeuralForecaster

pytestmark = pytest.mark.filterwarnings("ignore")

DAYS = pd.date_range("2024-01-01", periods=30, freq="D")


def theirs(freq: object = "auto", **parameters: object) -> NeuralForecastGRU:
    trainer = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
    return NeuralForecastGRU(
        freq=freq,
        input_size=4,
        max_steps=1,
        encoder_hidden_size=4,
        decoder_hidden_size=4,
        trainer_kwargs={**trainer, "accelerator": "cpu"},
        **parameters,
    )


def ours(more: dict | None = None, **parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 1, "input_size": 4, "encoder_hidden_size": 4, "decoder_hidden_size": 4}
    return AutoNeuralForecaster("GRU", {**config, **(more or {})}, gpus=0, **parameters)


def constant(level: float) -> pd.DataFrame:
    return pd.DataFrame({"sales": np.full(30, level)}, index=DAYS)


def is_right(forecaster: object, y: pd.DataFrame, fh: list[int]) -> bool:
    """Tell whether there is one forecast for each series and time asked for."""
    try:
        index = forecaster.fit(y, fh=fh).predict().index
    except Exception:
        return False
    expected = {(*key, DAYS[-1] + k * DAYS.freq) for key in y.index.droplevel(-1) for k in fh}
    if y.index.nlevels == 2:
        keys = y.index.get_level_values(0).unique()
        expected = {(key, DAYS[-1] + k * DAYS.freq) for key in keys for k in fh}
    return len(index) == len(expected) and set(index) == expected


def test_both_are_right_on_a_plain_panel() -> None:
    y = pd.concat({"a": constant(1.0), "b": constant(2.0)})
    assert is_right(ours(), y, [1, 2])
    assert is_right(theirs("D"), y, [1, 2])


@pytest.mark.parametrize("ids", [[(1, 2), (2, 1)], [("a", "bc"), ("ab", "c")]])
def test_hierarchies_that_look_alike(ids: list[tuple]) -> None:
    y = pd.concat({key: constant(10.0 * i) for i, key in enumerate(ids)})
    assert is_right(ours(), y, [1, 2])
    assert not is_right(theirs("D"), y, [1, 2])


def test_gapped_horizons_on_panels() -> None:
    y = pd.concat({"a": constant(1.0), "b": constant(2.0)})
    assert is_right(ours(), y, [2, 5])
    assert not is_right(theirs("D"), y, [2, 5])


def test_update_without_parameters_uses_the_new_data() -> None:
    y = pd.Series(np.sin(np.arange(40.0)) * 10, index=pd.RangeIndex(40))
    moved = {}
    for name, forecaster in {"ours": ours(), "theirs": theirs(1)}.items():
        before = forecaster.fit(y[:30], fh=[1, 2]).predict()
        after = forecaster.update(y[30:], update_params=False).predict()
        moved[name] = not np.allclose(before.to_numpy(), after.to_numpy())
    assert moved == {"ours": True, "theirs": False}


def test_models() -> None:
    from sktime.forecasting import neuralforecast as peer

    wrapped = {name for name in vars(peer) if name.startswith("NeuralForecast")}
    assert len(wrapped) == 5
    assert len(MODEL_CATALOG) == 36


def test_quantiles_of_a_multi_quantile_loss() -> None:
    from neuralforecast.losses.pytorch import MQLoss

    y = pd.Series(np.arange(40.0), index=pd.RangeIndex(40))
    quantiles = ours(loss=MQLoss(level=[80])).fit(y, fh=[1, 2]).predict_quantiles(alpha=[0.1, 0.9])
    low, high = quantiles.to_numpy().T
    assert np.all(low <= high)
    with pytest.raises(Exception):  # noqa: B017 - whatever it is, it is no forecast
        theirs(1, loss=MQLoss(level=[80])).fit(y, fh=[1, 2]).predict_quantiles(alpha=[0.1, 0.9])


def test_early_stopping() -> None:
    y = pd.Series(np.arange(60.0), index=pd.RangeIndex(60))
    patient = {"early_stop_patience_steps": 1, "max_steps": 20}
    forecaster = ours(patient).fit(y, fh=[1, 2])
    assert len(forecaster.predict()) == 2
    assert forecaster.trials_["n_reports"].tolist()[0] >= 2  # it was validated while it trained
    with pytest.raises(Exception, match="val_size"):
        theirs(1, early_stop_patience_steps=1).fit(y, fh=[1, 2])


def test_static_and_historic_variables() -> None:
    y = pd.concat({"a": constant(1.0), "b": constant(2.0)}, names=["shop", "day"])
    X = pd.DataFrame({"visits": np.arange(60.0)}, index=y.index)
    size = pd.DataFrame({"size": [1.0, 2.0]}, index=["a", "b"])
    forecaster = ours(hist_exog=["visits"], static=size).fit(y, X=X, fh=[1, 2])
    assert len(forecaster.predict()) == 4  # no future of `visits` is asked for
    assert not {"static", "hist_exog", "stat_exog_list", "hist_exog_list"} & set(
        NeuralForecastGRU.get_param_names()
    )
