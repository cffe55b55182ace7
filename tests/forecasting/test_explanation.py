"""Explanations and simulated paths, by value: of the right series, variable and spread."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from neuralforecast.losses.pytorch import DistributionLoss, MQLoss

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError
from automodel_sk.forecasting.explanation import METHODS

pytestmark = pytest.mark.filterwarnings("ignore")

H, ROWS = 3, 80
OPTIONS: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
}
COLUMNS: dict[str, Any] = {
    "futr_exog_list": ["price", "noise"],
    "hist_exog_list": ["visits"],
    "stat_exog_list": ["size"],
}
LEARNS = {
    "max_steps": 250,
    "input_size": 3,
    "hidden_size": 16,
    "num_layers": 1,
    "learning_rate": 1e-2,
    "windows_batch_size": 64,
}


def driven_panel(names: tuple[str, ...] = ("b", "a", "c")) -> pd.DataFrame:
    """Return series whose target is 4 times the price of the same row, and a level."""
    rng = np.random.default_rng(0)
    frames = []
    for level, name in enumerate(names):
        price, noise, visits = rng.normal(size=(3, ROWS + H))
        columns = {"price": price, "noise": noise, "visits": visits, "y": 4 * price + level}
        frames.append(pd.DataFrame({"unique_id": name, "ds": range(ROWS + H), **columns}))
    return pd.concat(frames, ignore_index=True)


PANEL = driven_panel()
PAST = PANEL[PANEL["ds"] < ROWS]
FUTURE = PANEL[PANEL["ds"] >= ROWS].drop(columns=["y", "visits"])
STATIC = pd.DataFrame({"unique_id": ["a", "b", "c"], "size": [1.0, 0.0, 2.0]})


def fit(model: str, config: dict[str, Any], loss: Any = None, *, plain: bool = False) -> AutoModel:
    more = {} if plain else {**COLUMNS, "static_df": STATIC}
    data = PAST[["unique_id", "ds", "y"]] if plain else PAST
    return create_auto_model(model, H, data, config, loss, **more, **OPTIONS)


@pytest.fixture(scope="module")
def driven() -> AutoModel:
    return fit("MLP", LEARNS)


@pytest.fixture(scope="module")
def plain() -> AutoModel:
    return fit("MLP", {**LEARNS, "max_steps": 60}, plain=True).calibrate()


class TestExplain:
    @pytest.mark.parametrize(
        "method",
        [*METHODS[:2], pytest.param(METHODS[2], marks=pytest.mark.slow)],
    )
    def test_what_drives_the_series_weighs_most(self, method: str, driven: AutoModel):
        explanation = driven.explain(futr_df=FUTURE, method=method)
        importance = explanation.importance()
        assert importance.index[0] == "price"
        assert importance["price"] > 0.6
        assert importance.sum() == pytest.approx(1)
        assert set(importance.index) == {"y", "price", "noise", "visits", "size"}

    def test_each_forecast_is_explained_by_the_price_of_its_own_row(self, driven: AutoModel):
        explanation = driven.explain(futr_df=FUTURE.sample(frac=1, random_state=1))
        table = explanation.attributions.query("variable == 'price'")
        steps_ahead = table["ds"] - (ROWS - 1)
        own = table[table["lag"] == steps_ahead].merge(FUTURE, on=["unique_id", "ds"])
        assert len(own) == 3 * H
        assert np.corrcoef(own["attribution"], own["price"])[0, 1] > 0.98
        others = table[table["lag"] != steps_ahead]["attribution"].abs()
        assert others.mean() < 0.1 * own["attribution"].abs().mean()

    def test_attributions_and_baseline_add_up_to_the_forecast(self, driven: AutoModel):
        explanation = driven.explain(futr_df=FUTURE)
        forecast = driven.predict(futr_df=FUTURE)
        pd.testing.assert_frame_equal(explanation.forecast[list(forecast.columns)], forecast)
        sums = explanation.attributions.groupby(["unique_id", "ds"])["attribution"].sum()
        total = explanation.forecast.set_index(["unique_id", "ds"])["baseline"] + sums
        expected = forecast.set_index(["unique_id", "ds"])["MLP"]
        assert (total - expected).abs().max() < 0.1
        assert explanation.forecast["unexplained"].abs().max() < 0.1

    def test_new_series_in_any_order_are_explained_as_themselves(self, driven: AutoModel):
        names = {"a": "z", "b": "k", "c": "m"}
        renamed = {"unique_id": PAST["unique_id"].map(names)}
        explanation = driven.explain(
            PAST.assign(**renamed).sample(frac=1, random_state=0),
            futr_df=FUTURE.assign(unique_id=FUTURE["unique_id"].map(names)),
            static_df=STATIC.assign(unique_id=STATIC["unique_id"].map(names)),
        )
        known = driven.explain(futr_df=FUTURE).attributions
        keys = ["unique_id", "ds", "kind", "variable", "lag"]
        moved = known.assign(unique_id=known["unique_id"].map(names)).set_index(keys)
        found = explanation.attributions.set_index(keys).loc[moved.index]
        np.testing.assert_allclose(found["attribution"], moved["attribution"], atol=1e-4)

    def test_steps_and_columns(self, driven: AutoModel):
        table = driven.explain(futr_df=FUTURE, steps=[3, 1]).attributions
        assert sorted(table["ds"].unique()) == [ROWS, ROWS + 2]
        lags = table.groupby("kind")["lag"].agg(lambda lag: sorted(set(lag.dropna())))
        assert lags["target"] == lags["historic"] == [-2, -1, 0]
        assert lags["future"] == [-2, -1, 0, 1, 2, 3]
        assert lags["static"] == []
        by_lag = driven.explain(futr_df=FUTURE, steps=[2]).importance(["variable", "lag"])
        assert by_lag.index[0] == ("price", 2)

    def test_forecasts_are_the_same_afterwards(self, driven: AutoModel):
        before = driven.predict(futr_df=FUTURE)
        driven.explain(futr_df=FUTURE, steps=[1])
        pd.testing.assert_frame_equal(driven.predict(futr_df=FUTURE), before)

    def test_multivariate_models_name_the_series_that_a_value_is_of(self):
        config = {**LEARNS, "max_steps": 200}
        explanation = fit("MLPMultivariate", config).explain(futr_df=FUTURE)
        assert explanation.importance().index[0] == "price"
        table = explanation.attributions
        assert (table.groupby(["unique_id", "ds"])["source"].nunique() == 3).all()
        own = table["unique_id"] == table["source"]
        prices = table[(table["variable"] == "price") & (table["lag"] == table["ds"] - ROWS + 1)]
        assert prices[own]["attribution"].abs().mean() > 3 * (
            prices[~own]["attribution"].abs().mean()
        )
        assert explanation.forecast["unexplained"].abs().max() < 0.5

    def test_recurrent_models(self):
        config = {"max_steps": 2, "input_size": 3, "encoder_hidden_size": 4, "recurrent": True}
        config |= {"decoder_hidden_size": 4}
        model = fit("LSTM", config)
        explanation = model.explain(futr_df=FUTURE)
        assert explanation.method == "InputXGradient"
        assert "baseline" not in explanation.forecast
        assert explanation.attributions["lag"].min() == -2
        with pytest.raises(InvalidInputError, match="InputXGradient"):
            model.explain(futr_df=FUTURE, method="IntegratedGradients")

    @pytest.mark.slow
    def test_the_median_of_quantiles_is_explained(self):
        model = fit("MLP", LEARNS, MQLoss(quantiles=[0.9, 0.5, 0.1]))
        explanation = model.explain(futr_df=FUTURE)
        assert explanation.importance().index[0] == "price"
        assert explanation.forecast["unexplained"].abs().max() < 0.2

    def test_what_scaling_hides_is_said(self, caplog: pytest.LogCaptureFixture):
        config = {"max_steps": 2, "input_size": 3, "revin": True}
        explanation = fit("TSMixer", config, plain=True).explain()
        assert explanation.forecast["unexplained"].abs().max() > 0.1
        assert "unexplained" in caplog.text

    def test_what_cannot_be_explained(self, plain: AutoModel, monkeypatch: pytest.MonkeyPatch):
        with pytest.raises(InvalidInputError, match="MQLoss"):
            fit("MLP", {**LEARNS, "max_steps": 1}, DistributionLoss("Normal"), plain=True).explain()
        with pytest.raises(InvalidInputError, match="method must be one of"):
            plain.explain(method="Magic")
        for steps in ([], [0], [2.5], "all"):
            with pytest.raises(InvalidInputError, match="steps can't be"):
                plain.explain(steps=steps)
        with pytest.raises(InvalidInputError, match="steps must lie between 1 and 3"):
            plain.explain(steps=[H + 1])
        monkeypatch.setitem(sys.modules, "captum", None)  # as if it were not installed
        with pytest.raises(MissingDependencyError, match=r"automodel_sk\[explain\]"):
            plain.explain()

    def test_missing_future_values_are_named(self, driven: AutoModel):
        with pytest.raises(InvalidInputError, match="futr_df lacks"):
            driven.explain()


class TestSimulate:
    @pytest.mark.parametrize("method", ["gaussian_copula", "schaake_shuffle"])
    def test_paths_are_spread_as_the_quantiles_are(self, method: str, plain: AutoModel):
        paths = plain.simulate(n_paths=2000, method=method, seed=1)
        assert paths.columns.tolist() == ["unique_id", "ds", "sample_id", "MLP"]
        assert len(paths) == 3 * 2000 * H
        forecast = plain.predict(quantiles=[0.1, 0.5, 0.9])
        found = paths.groupby(["unique_id", "ds"])["MLP"].quantile([0.1, 0.5, 0.9]).unstack()
        expected = forecast.set_index(["unique_id", "ds"]).filter(like="_ql")
        assert found.index.equals(expected.index)
        width = (expected["MLP_ql0.9"] - expected["MLP_ql0.1"]).to_numpy()[:, None]
        assert (np.abs(found.to_numpy() - expected.to_numpy()) < 0.12 * width).all()

    def test_rows_are_in_order_of_series_path_and_time(self, plain: AutoModel):
        paths = plain.simulate(n_paths=2)
        keys = ["unique_id", "sample_id", "ds"]
        assert paths[keys].equals(paths[keys].sort_values(keys, ignore_index=True))
        assert (
            paths.groupby(["unique_id", "sample_id"])["ds"]
            .apply(list)
            .map(lambda times: times == [ROWS, ROWS + 1, ROWS + 2])
            .all()
        )

    def test_steps_are_related_as_in_the_past(self):
        """A random walk's paths stay where they are; white noise does not."""
        rng = np.random.default_rng(0)
        walk, noise = rng.normal(size=200).cumsum(), rng.normal(size=200)
        data = pd.concat(
            pd.DataFrame({"unique_id": name, "ds": range(200), "y": values})
            for name, values in {"walk": walk, "noise": noise}.items()
        )
        config = {"max_steps": 5, "input_size": 3, "hidden_size": 8, "num_layers": 1}
        model = create_auto_model("MLP", H, data, config, **OPTIONS)
        paths = model.simulate(n_paths=1000).pivot_table(
            index=["unique_id", "sample_id"], columns="ds", values="MLP"
        )
        related = {name: group.corr().iloc[0, 1] for name, group in paths.groupby("unique_id")}
        assert related["walk"] > 0.8
        assert abs(related["noise"]) < 0.25

    def test_the_same_seed_gives_the_same_paths(self, plain: AutoModel):
        first, again, other = (plain.simulate(n_paths=3, seed=seed) for seed in (4, 4, 5))
        pd.testing.assert_frame_equal(first, again)
        assert not first.equals(other)
        state = np.random.get_state()[1].tolist()  # noqa: NPY002
        plain.simulate(n_paths=3)
        assert np.random.get_state()[1].tolist() == state  # noqa: NPY002

    def test_each_series_has_its_own_level(self, plain: AutoModel):
        data = pd.concat(
            pd.DataFrame({"unique_id": name, "ds": range(40), "y": np.sin(np.arange(40)) + level})
            for name, level in {"low": 0.0, "high": 50.0}.items()
        )
        paths = plain.simulate(data.sample(frac=1, random_state=0), n_paths=20)
        forecast = plain.predict(data).groupby("unique_id")["MLP"].mean()
        means = paths.groupby("unique_id")["MLP"].mean()
        assert means["high"] - means["low"] == pytest.approx(
            forecast["high"] - forecast["low"], rel=0.3
        )
        assert means["high"] > means["low"] + 10

    @pytest.mark.parametrize(
        "loss",
        [
            pytest.param(MQLoss(level=[50, 80]), id="quantiles"),
            pytest.param(DistributionLoss("Normal"), marks=pytest.mark.slow, id="distribution"),
        ],
    )
    def test_losses_with_quantiles_of_their_own(self, loss: Any):
        model = fit("MLP", LEARNS, loss)
        paths = model.simulate(futr_df=FUTURE, n_paths=200)
        medians = paths.groupby(["unique_id", "ds"])["MLP"].median()
        truth = PANEL[PANEL["ds"] >= ROWS].set_index(["unique_id", "ds"])["y"].loc[medians.index]
        assert np.corrcoef(medians, truth)[0, 1] > 0.9
        inner = model.predict(futr_df=FUTURE, quantiles=[0.1, 0.9])
        ends = paths.groupby(["unique_id", "ds"])["MLP"].agg(["min", "max"]).reset_index()
        slack = 0.15 * (inner["MLP_ql0.9"] - inner["MLP_ql0.1"])
        assert (ends["min"] <= inner["MLP_ql0.1"] + slack).all()
        assert (ends["max"] >= inner["MLP_ql0.9"] - slack).all()

    def test_future_values_are_used(self, driven: AutoModel):
        driven.calibrate()
        paths = driven.simulate(futr_df=FUTURE, n_paths=50)
        dear = driven.simulate(futr_df=FUTURE.assign(price=FUTURE["price"] + 1), n_paths=50)
        assert (dear["MLP"] - paths["MLP"]).mean() == pytest.approx(4, abs=1)

    def test_what_cannot_be_simulated(self, plain: AutoModel):
        for n_paths in (0, -1, 2.5, True):
            with pytest.raises(InvalidInputError, match="n_paths must be a whole number"):
                plain.simulate(n_paths=n_paths)
        with pytest.raises(InvalidInputError, match="method must be one of"):
            plain.simulate(method="magic")
        short = PAST[["unique_id", "ds", "y"]].groupby("unique_id").tail(2)
        with pytest.raises(InvalidInputError, match="a series of 2 rows is too short"):
            plain.simulate(short, method="schaake_shuffle")
        assert len(plain.simulate(short, n_paths=1)) == 3 * H
