"""Categorical columns of X and of static data: embedded where named, otherwise refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoNeuralForecaster
from automodel_sk.exceptions import InvalidInputError

VALUES = {"rain": 2.0, "snow": 6.0, "sun": 10.0}
DAYS = pd.date_range("2024-01-01", periods=165, name="day")
SKY = pd.Series(np.random.default_rng(1).choice(list(VALUES), 165), index=DAYS, name="sky")
Y = SKY.map(VALUES).rename("sales")
X = SKY.to_frame()
PAST, LAST = X.index[:153], X.index[153:160]
FH = list(range(1, 8))
CATEGORIES = {"cat_exog_list": ["sky"], "categorical_cardinalities": {"sky": 3}}
CONFIG = {
    "input_size": 7,
    "hidden_size": 32,
    "num_layers": 1,
    "max_steps": 150,
    "learning_rate": 1e-2,
}
QUIET: dict[str, Any] = {"cpus": 1, "gpus": 0, "precision": "32-true"}


def forecaster(config: Any, model: Any = "MLP", **options: Any) -> AutoNeuralForecaster:
    return AutoNeuralForecaster(model, config, h=7, **QUIET, **options)


@pytest.mark.parametrize("kind", ["object", "category", "string"])
@pytest.mark.parametrize("model", ["MLP", "NLinear and NHITS"])
def test_text_that_is_not_named_is_refused_with_its_columns(kind: str, model: str) -> None:
    names = model.split(" and ") if "and" in model else model
    own = forecaster(None, names)
    with pytest.raises(InvalidInputError, match="categorical columns \\['sky'\\]") as caught:
        own.fit(Y[PAST], X=X.loc[PAST].astype(kind).assign(price=1.0))
    assert isinstance(caught.value, TypeError)  # what sktime requires
    assert "X['sky'] = X['sky'].map({" in str(caught.value)
    assert "'cat_exog_list': ['sky']" in str(caught.value)
    assert "'categorical_cardinalities': {'sky': 3}" in str(caught.value)


def test_values_that_cannot_be_compared_are_refused_with_their_column() -> None:
    lists = X.loc[PAST].assign(sky=[[1, 2]] * len(PAST))
    with pytest.raises(InvalidInputError, match="categorical columns \\['sky'\\]"):
        forecaster(None).fit(Y[PAST], X=lists)


def test_text_at_predict_is_refused_where_fit_had_numbers() -> None:
    numbers = pd.DataFrame({"sky": Y}, index=DAYS)
    own = forecaster({**CONFIG, "max_steps": 1}).fit(Y[PAST], X=numbers.loc[PAST])
    with pytest.raises(InvalidInputError, match="categorical columns \\['sky'\\]"):
        own.predict(fh=FH, X=X.loc[LAST])


def test_a_model_without_categories_is_named() -> None:
    config = {"max_steps": 1, "input_size": 7, **CATEGORIES}
    with pytest.raises(InvalidInputError, match="TFT does not accept categorical variables"):
        forecaster(config, "TFT").fit(Y[PAST], X=X.loc[PAST])


@pytest.mark.parametrize("kind", ["object", "category"])
def test_named_categories_decide_the_forecast_also_when_loaded(kind: str, tmp_path: Path) -> None:
    own = forecaster({**CONFIG, **CATEGORIES}).fit(Y[PAST], X=X.loc[PAST].astype(kind))
    assert own.get_tag("capability:categorical_in_X")
    future = X.loc[LAST].astype(kind)
    forecast = own.predict(fh=FH, X=future)
    np.testing.assert_allclose(forecast, Y[LAST], atol=1)
    own.save(tmp_path / "saved", serialization_format="safe")
    loaded = AutoNeuralForecaster.load(tmp_path / "saved")
    pd.testing.assert_series_equal(loaded.predict(fh=FH, X=future), forecast)
    if kind == "category":
        return
    rows = LAST[:2]
    for each in (own, loaded):
        each.update(Y[rows], X=X.loc[rows], update_params=False)
    later = X.index[155:162]
    forecasts = [each.predict(fh=FH, X=X.loc[later]) for each in (own, loaded)]
    np.testing.assert_allclose(forecasts[0], Y[later], atol=1)
    pd.testing.assert_series_equal(*forecasts)
    with pytest.raises(InvalidInputError, match="column 'sky' of X has no category known"):
        own.predict(fh=FH, X=X.loc[later].assign(sky="hail"))


def test_static_categories_are_saved_as_they_are(tmp_path: Path) -> None:
    panel = pd.concat({"a": Y[PAST].to_frame(), "b": (100 + Y[PAST]).to_frame()})
    static = pd.DataFrame({"region": ["north", "south"]}, index=["a", "b"])
    named = {"cat_exog_list": ["region"], "categorical_cardinalities": {"region": 2}}
    own = forecaster({**CONFIG, "max_steps": 2, **named}, static=static).fit(panel)
    own.save(tmp_path / "saved", serialization_format="safe")
    loaded = AutoNeuralForecaster.load(tmp_path / "saved")
    pd.testing.assert_frame_equal(loaded.get_params()["static"], static)
    pd.testing.assert_frame_equal(loaded.predict(fh=FH), own.predict(fh=FH))


def test_several_models_embed_and_encode_the_same_text(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    noise = np.random.default_rng(2).normal(0, 0.8, len(PAST))  # so that neither is far ahead
    config = {"MLP": {**CONFIG, **CATEGORIES}}
    own = forecaster(config, ["LightGBM", "MLP"], num_samples=1, n_windows=1, ensemble="mean")
    own.fit(Y[PAST] + noise, X=X.loc[PAST])
    assert set(own.members_) == {"LightGBM", "MLP"}
    own.save(tmp_path / "saved", serialization_format="safe")
    loaded = AutoNeuralForecaster.load(tmp_path / "saved")
    for name in own.members_:
        future = own._context.future(X.loc[LAST], 7)
        alone = own.auto_model_.predict(futr_df=future, member=name)[name]
        np.testing.assert_allclose(alone, Y[LAST], atol=1.95)  # values are 4 apart
    pd.testing.assert_series_equal(
        loaded.predict(fh=FH, X=X.loc[LAST]), own.predict(fh=FH, X=X.loc[LAST])
    )
