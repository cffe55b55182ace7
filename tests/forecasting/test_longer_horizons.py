"""Forecasts of more steps than the model's own: each step right, however many follow it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError

pytestmark = pytest.mark.filterwarnings("ignore")

H = 7
DAYS = pd.date_range("2024-01-01", periods=120)


def panel(length: int = 80) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": DAYS[:length],
                "y": np.arange(float(length)) % 7 + k,
                "price": np.arange(float(length)) % 5,
            }
        )
        for k, name in enumerate("ab")
    )


def trained(name: str, config: dict[str, Any], **options: Any) -> AutoModel:
    more: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    frame = panel() if "futr_exog_list" in options else panel().drop(columns="price")
    config = {"input_size": 14, "max_steps": 2, **config}
    return create_auto_model(name, H, frame, config, cpus=1, gpus=0, **more, **options)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("MLP", {"hidden_size": 8, "num_layers": 1}),
        ("NLinear", {}),
        ("LSTM", {"encoder_hidden_size": 4, "decoder_hidden_size": 4, "recurrent": True}),
        ("GRU", {"encoder_hidden_size": 4, "decoder_hidden_size": 4}),
        pytest.param(
            "iTransformer", {"hidden_size": 8, "n_heads": 1, "n_series": 2}, marks=pytest.mark.slow
        ),
        pytest.param("NHITS", {"mlp_units": 3 * [[8, 8]]}, marks=pytest.mark.slow),
    ],
)
def test_each_step_is_the_same_however_many_are_asked_for(name: str, config: dict[str, Any]):
    model = trained(name, config)
    longest = model.predict(h=3 * H)
    for h in (H + 1, 2 * H - 1, 2 * H, 2 * H + 3):
        expected = longest.groupby("unique_id").head(h).reset_index(drop=True)
        pd.testing.assert_frame_equal(model.predict(h=h), expected, rtol=1e-4)


def test_the_steps_are_those_of_forecasts_made_in_turn():
    model = trained("MLP", {"hidden_size": 8, "num_layers": 1})
    first = model.predict()
    known = pd.concat([panel().drop(columns="price"), first.rename(columns={"MLP": "y"})])
    expected = model.predict(known).groupby("unique_id").head(1)
    result = model.predict(h=H + 1).groupby("unique_id").tail(1)
    pd.testing.assert_frame_equal(
        result.reset_index(drop=True), expected.reset_index(drop=True), rtol=1e-4
    )


def test_future_values_reach_to_the_next_multiple():
    model = trained("MLP", {"hidden_size": 8, "num_layers": 1}, futr_exog_list=["price"])
    future = panel(120).groupby("unique_id").tail(40)
    longest = model.predict(futr_df=future, h=2 * H)
    expected = longest.groupby("unique_id").head(H + 1).reset_index(drop=True)
    pd.testing.assert_frame_equal(model.predict(futr_df=future, h=H + 1), expected, rtol=1e-4)
    with pytest.raises(InvalidInputError, match="futr_df lacks"):
        model.predict(futr_df=future.groupby("unique_id").head(H + 1), h=H + 1)
