"""Models that take all series at once take the series that they know, in their places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, create_auto_model, validate_all
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.serving.requests import answer

H = 7
STEPS = np.arange(120)
QUICK = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0, "storage": ":memory:"}
CONFIG = {"input_size": 14, "max_steps": 60, "learning_rate": 1e-3, "hidden_size": 32}
CONFIG |= {"num_layers": 2, "scaler_type": "standard"}


def panel(*ids: object) -> pd.DataFrame:
    """Return weekly waves of the levels 10, 100 and 1000."""
    days = pd.date_range("2024-01-01", periods=120)
    wave = 10 + 3 * np.sin(2 * np.pi * STEPS / 7)
    return pd.concat(
        [
            pd.DataFrame({"unique_id": name, "ds": days, "y": y})
            for name, y in zip(ids, (wave, 10 * wave, 100 * wave), strict=True)
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return create_auto_model("MLPMultivariate", H, panel(9, 10, 100), CONFIG, **QUICK)


def levels(model: AutoModel, df: pd.DataFrame | None = None) -> list[float]:
    forecast = model.predict(df)
    return forecast.groupby("unique_id", sort=False)["MLPMultivariate"].mean().tolist()


def test_the_same_series_are_forecast_in_any_order_of_rows(model):
    shuffled = panel(9, 10, 100).sample(frac=1, random_state=0)
    assert levels(model, shuffled) == pytest.approx(levels(model), rel=1e-5)
    assert levels(model) == pytest.approx([10, 100, 1000], rel=0.4)


CALLS = {
    "predict": lambda m, df: m.predict(df),
    "simulate": lambda m, df: m.simulate(df, n_paths=2),
    "update": lambda m, df: m.update(df, max_steps=1),
    "calibrate": lambda m, df: m.calibrate(df),
    "cross_validation": lambda m, df: m.cross_validation(df),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_other_series_are_refused_by_every_call(model, call):
    renamed = panel(1000, 10, 100)
    with pytest.raises(InvalidInputError, match="lacks series 9 and has series 1000 in its place"):
        call(model, renamed)
    with pytest.raises(InvalidInputError, match=r"holds text, .* trained on whole .*astype\(int\)"):
        call(model, panel("9", "10", "100"))
    with pytest.raises(InvalidInputError, match="has 2 series, MLPMultivariate was built for 3"):
        call(model, renamed[renamed["unique_id"] > 10])


def test_a_refit_takes_any_series_and_then_knows_those(model):
    df = panel("x", "y", "z")
    renewed = model.refit(df)
    assert renewed.predict(df)["unique_id"].unique().tolist() == ["x", "y", "z"]
    with pytest.raises(
        InvalidInputError, match=r"holds whole numbers, .* on text; .*astype\(str\)"
    ):
        renewed.predict(panel(9, 10, 100))


def test_the_profile_is_of_the_data_that_a_model_was_trained_on_last(model):
    later = panel(9, 10, 100).assign(ds=lambda d: d["ds"] + pd.Timedelta(days=120))
    longer = pd.concat([panel(9, 10, 100), later])
    for renewed in (model.refit(longer), model.update(longer, max_steps=1)):
        assert (renewed.profile.n_rows, renewed.profile.max_length) == (720, 240)
    assert model.profile.n_rows == 360


def test_a_saved_model_knows_its_series(model, tmp_path):
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    assert levels(loaded, panel(9, 10, 100)) == pytest.approx(levels(model), rel=1e-5)
    with pytest.raises(InvalidInputError, match="lacks series 9"):
        loaded.predict(panel(8, 10, 100))


def test_series_that_end_at_different_times_are_noted(model, caplog):
    df = panel(9, 10, 100)
    ragged = df[~((df["unique_id"] == 10) & (df["ds"] > "2024-04-10"))]
    words = "1 of 3 series end before the last time (2024-04-29), first series 10 at 2024-04-10"
    for name, expected in (("MLPMultivariate", True), ("MLP", False)):
        report = validate_all(config=CONFIG, model_class_name=name, dataset=ragged, h=H)
        assert any(words in warning for warning in report.warnings) is expected
    model.predict(ragged)
    assert words in caplog.text


def test_a_model_of_single_series_takes_any():
    model = create_auto_model("MLP", H, panel(9, 10, 100), {**CONFIG, "max_steps": 1}, **QUICK)
    assert len(model.predict(panel("a", "b", "c"))) == 3 * H


def test_hint_knows_its_series_by_their_places_too():
    df = panel("a", "b", "c")
    df = pd.concat([df, df.groupby("ds", as_index=False)["y"].sum().assign(unique_id="_total")])
    matrix = np.vstack([np.ones(3), np.eye(3)])
    config = {"model": "MLP", "S": matrix, "reconciliation": "BottomUp", "max_steps": 1}
    config |= {"input_size": 14, "hidden_size": 8}
    model = create_auto_model("HINT", H, df, config, "normal", **QUICK)
    assert len(model.predict(df)) == 4 * H
    with pytest.raises(InvalidInputError, match="lacks series '_total' and has series 'z'"):
        model.predict(df.replace({"unique_id": {"_total": "z"}}))


def test_a_served_model_refuses_them_too(model):
    with pytest.raises(InvalidInputError, match="lacks series 9 and has series 1000 in its place"):
        answer(model, panel(1000, 10, 100), {})
