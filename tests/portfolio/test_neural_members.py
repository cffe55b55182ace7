"""Networks as members: the forecasts of the model itself, and what only networks can do."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ensembles import LastTimes, data_of, ensemble_of
from mlflow_store import make_tables

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.members.base import NotSupportedByMemberError
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.serving.requests import answer

pytestmark = pytest.mark.filterwarnings("ignore")
H = 3
CONFIG = {"max_steps": 3, "input_size": 6, "hidden_size": 8, "num_layers": 1}
QUIET = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}


def rows(n_series: int = 3, length: int = 40) -> pd.DataFrame:
    step = np.arange(length)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{n_series - i}",
                "ds": pd.date_range("2023-01-01", periods=length, freq="D", tz="Africa/Cairo"),
                "y": 10.0 * (i + 1) + np.sin(step / 2 + i) + 0.02 * step,
                "price": step % 3 + 0.5 * i,
            }
        )
        for i in range(n_series)
    ]
    return pd.concat(parts, ignore_index=True)


def network(name: str = "MLP", config: Any = CONFIG, **options: Any) -> AutoModel:
    return create_auto_model(name, H, rows(), config, **{**QUIET, **options})


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return network(futr_exog_list=["price"])


@pytest.fixture(scope="module")
def ensemble(model: AutoModel) -> AutoEnsemble:
    frame = rows()
    data = data_of(frame, H, season=4, n_windows=2, futr_exog=("price",))
    last = LastTimes(1.0, data.frame, H, name="Last")
    return ensemble_of(frame, data, [NeuralMember(model), last], (0.25, 0.75))


def future_of(frame: pd.DataFrame, steps: int = H) -> pd.DataFrame:
    ends = frame.groupby("unique_id", as_index=False)["ds"].max()
    parts = [
        ends.assign(ds=ends["ds"] + pd.DateOffset(days=i + 1), price=float(i)) for i in range(steps)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("steps", [1, H, H + 2])
@pytest.mark.parametrize("given", [False, True])
def test_the_ensemble_weighs_the_forecast_of_the_model_itself(ensemble, model, given, steps):
    frame = rows(length=38) if given else None
    future = future_of(rows(length=38) if given else rows(), steps=2 * H)
    own = model.predict(frame, futr_df=future, h=steps)
    found = ensemble.predict(frame, futr_df=future, h=steps)
    pd.testing.assert_frame_equal(found[["unique_id", "ds"]], own[["unique_id", "ds"]])
    values = (rows(length=38) if given else rows()).groupby("unique_id")["y"].last().to_numpy()
    expected = 0.25 * own["MLP"] + 0.75 * np.repeat(values, steps)
    np.testing.assert_allclose(found["AutoEnsemble"], expected, rtol=1e-5)
    alone = ensemble.predict(frame, futr_df=future, h=steps, member="MLP")
    np.testing.assert_allclose(alone["MLP"], own["MLP"], rtol=1e-5)
    assert "dataset=df,\n    loss='mae'," in ensemble._code()


def test_refit_and_update_are_those_of_the_model(ensemble, model):
    newer = rows(length=44)
    future = future_of(newer)
    for of_ensemble, of_model in (
        (ensemble.refit(newer), model.refit(newer)),
        (ensemble.update(newer, max_steps=1), model.update(newer, max_steps=1)),
    ):
        found = of_ensemble.predict(futr_df=future, member="MLP")
        own = of_model.predict(futr_df=future)
        pd.testing.assert_frame_equal(found, own, rtol=1e-5, check_dtype=False)


def test_refit_takes_categories_that_the_network_itself_takes():
    frame = rows(2).drop(columns="price")
    frame["promo"] = np.where(np.arange(len(frame)) % 3 == 0, "A", "B")
    newer = frame.assign(promo=frame["promo"].map({"A": "C", "B": "D"}))
    exog = {"hist_exog_list": ["promo"]}
    config = {**CONFIG, "cat_exog_list": ["promo"], "categorical_cardinalities": {"promo": 10}}
    model = create_auto_model("MLP", H, frame, config, **exog, **QUIET)
    data = data_of(frame, H, n_windows=2, hist_exog=("promo",))
    last = LastTimes(1.0, data.frame, H, name="Last")
    ensemble = ensemble_of(frame, data, [NeuralMember(model), last], (0.5, 0.5))
    renewed = ensemble.refit(newer)
    own = model.refit(newer).predict()["MLP"]
    assert list(renewed.weights) == ["MLP", "Last"]
    assert renewed.predict(member="MLP")["MLP"].tolist() == own.tolist()
    with pytest.raises(InvalidInputError, match=r"'promo' .* no category known to the model"):
        ensemble.predict(newer)
    alone = ensemble_of(frame, data, [NeuralMember(model)], (1.0,))
    with pytest.raises(InvalidInputError, match=r"'promo' .* no category known to the model"):
        alone.update(newer)


def test_a_member_that_knows_no_category_of_a_window_is_left_out_of_it(caplog):
    # As the last month of a year: its category stands in no row before the window.
    promo = lambda frame: frame.assign(  # noqa: E731
        promo=np.where(frame.groupby("unique_id").cumcount(ascending=False) < H, "C", "A")
    )
    frame = rows(2).drop(columns="price").pipe(promo)
    exog = {"futr_exog_list": ["promo"]}
    config = {**CONFIG, "cat_exog_list": ["promo"], "categorical_cardinalities": {"promo": 10}}
    early = frame.assign(promo=np.where(frame["y"] > 15, "A", "B"))
    model = create_auto_model("MLP", H, early, config, **exog, **QUIET)
    data = data_of(early, H, n_windows=2, futr_exog=("promo",))
    last = LastTimes(1.0, data.frame, H, name="Last")
    ensemble = ensemble_of(early, data, [NeuralMember(model), last], (0.5, 0.5))
    table = ensemble.cross_validation(frame, n_windows=1)
    known = frame.groupby("unique_id")["y"].apply(lambda y: y.iloc[-H - 1])
    expected = np.repeat(known.to_numpy(), H)
    np.testing.assert_allclose(table["AutoEnsemble"], expected, rtol=1e-6)
    assert "MLP (weight 0.50) is left out of this forecast" in caplog.text
    assert "'promo' of futr_df has no category known to the model (first 'C')" in caplog.text

    newer = rows(2, length=40 + 2 * H).drop(columns="price").pipe(promo)
    newer["promo"] = newer["promo"].where(newer["promo"] == "C", early["promo"].iloc[0])
    later = newer.assign(promo=np.where(newer["ds"] > early["ds"].max(), "C", newer["promo"]))
    standings = ensemble.leaderboard(later).set_index("model")
    assert np.isfinite(standings.loc["Last", "mae"])
    assert np.isnan(standings.loc["MLP", "mae"])
    renewed = ensemble.reweight(later)
    assert renewed.weights == {"Last": 1.0}


def test_past_windows_are_those_of_the_model(ensemble, model):
    table = ensemble.cross_validation(n_windows=2)
    own = model.cross_validation(n_windows=2)
    pd.testing.assert_frame_equal(
        table[["unique_id", "ds", "cutoff", "y"]],
        own[["unique_id", "ds", "cutoff", "y"]],
        check_dtype=False,
    )
    y = rows().set_index(["unique_id", "ds"])["y"]
    last = y.loc[list(zip(table["unique_id"], table["cutoff"], strict=True))].to_numpy()
    expected = 0.25 * own["MLP"] + 0.75 * last
    # Trained on the same rows, but told of no validation steps: equal up to the drawn windows.
    np.testing.assert_allclose(table["AutoEnsemble"], expected, rtol=2e-2)


def test_a_multivariate_member_is_left_out_for_other_series(caplog):
    frame = rows().drop(columns="price")
    data = data_of(frame, H, n_windows=2)
    config = {"max_steps": 2, "input_size": 6, "n_block": 1, "ff_dim": 4}
    member = NeuralMember(network("TSMixer", config))
    ensemble = ensemble_of(
        frame, data, [member, LastTimes(2.0, data.frame, H, name="Last")], (0.5, 0.5)
    )
    assert len(ensemble.predict()) == 3 * H
    other = frame[frame["unique_id"] != "s1"]
    with pytest.raises(NotSupportedByMemberError, match="TSMixer is multivariate"):
        member.predict(data.frame[data.frame["unique_id"] != "s1"])
    with caplog.at_level(logging.WARNING):
        found = ensemble.predict(other)
    assert "TSMixer (weight 0.50) is left out" in caplog.text
    last = other.groupby("unique_id")["y"].last().to_numpy()
    np.testing.assert_allclose(found["AutoEnsemble"], 2 * np.repeat(last, H), rtol=1e-6)


def test_networks_are_explained_others_are_not(ensemble, model):
    pytest.importorskip("captum")
    future = future_of(rows())
    table = ensemble.explain(futr_df=future, method="InputXGradient")
    own = model.explain(futr_df=future, method="InputXGradient")
    pd.testing.assert_frame_equal(table.attributions, own.attributions)
    with pytest.raises(InvalidInputError, match=r"member='Last' is none; try member='MLP'"):
        ensemble.explain(futr_df=future, member="Last")
    with pytest.raises(InvalidInputError, match=r"ensemble.members\['MLP'\].model"):
        ensemble.to_neuralforecast()


def test_requests_are_answered_as_for_one_model(ensemble):
    future = future_of(rows())
    sent = pd.concat([rows(), future], ignore_index=True)
    found = answer(ensemble, sent, {"level": [80.0]})
    expected = ensemble.predict(rows(), futr_df=future, level=[80])
    pd.testing.assert_frame_equal(found, expected)
    one = future[future["unique_id"] == "s2"]
    found = answer(ensemble, one, {})
    pd.testing.assert_frame_equal(
        found,
        ensemble.predict(futr_df=future)[lambda df: df["unique_id"] == "s2"].reset_index(drop=True),
        rtol=1e-5,
    )
    with pytest.raises(InvalidInputError, match="was not trained on"):
        answer(ensemble, one.assign(unique_id="new"), {})


def test_an_ensemble_is_stored_in_mlflow_and_loaded(model, tmp_path, monkeypatch):
    import mlflow

    from automodel_sk.portfolio.members.base import Deadline
    from automodel_sk.portfolio.members.table import member_of

    frame = rows()
    data = data_of(frame, H, season=4, n_windows=2, futr_exog=("price",))
    naive = member_of("SeasonalNaive").fit(data, Deadline())
    ensemble = ensemble_of(frame, data, [NeuralMember(model), naive], (0.5, 0.5))
    uri = f"sqlite:///{make_tables(tmp_path / 'mlflow.db')}"
    stored = ensemble.log_to_mlflow(uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    loaded = mlflow.pyfunc.load_model(stored)
    future = future_of(frame)
    found = loaded.predict(pd.concat([frame, future], ignore_index=True), {"level": [80.0]})
    expected = ensemble.predict(frame, futr_df=future, level=[80])
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)


def test_a_member_takes_known_categories_and_learns_new_ones_in_a_refit():
    frame = rows()[["unique_id", "ds", "y"]]
    static = pd.DataFrame({"unique_id": ["s1", "s2", "s3"], "shop": ["low", "low", "high"]})
    config = {**CONFIG, "cat_exog_list": ["shop"], "categorical_cardinalities": {"shop": 2}}
    model = network(config=config, static_df=static, stat_exog_list=["shop"])
    data = data_of(frame, H, n_windows=2, static_df=static, stat_exog=("shop",))
    ensemble = ensemble_of(frame, data, [NeuralMember(model)], (1.0,))
    strange = static.assign(shop=["new", "new", "newer"])
    with pytest.raises(InvalidInputError, match="'shop' of static_df has no category known"):
        ensemble.predict(frame, static_df=strange)
    with pytest.raises(InvalidInputError, match="'shop' of static_df has 1 missing value"):
        ensemble.predict(frame, static_df=static.assign(shop=["low", None, "high"]))
    again = ensemble.refit(frame, static_df=strange)
    assert again.members["MLP"].model.state.categories == {"shop": {"new": 1, "newer": 2}}
