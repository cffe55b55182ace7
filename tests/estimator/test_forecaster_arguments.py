"""What the estimator's parameters and methods take, and what they say of anything else."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from optuna.pruners import PercentilePruner
from optuna.samplers import RandomSampler, TPESampler
from sklearn.base import clone
from sktime.forecasting.reconcile import ReconcilerForecaster

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.search_space import Float

pytestmark = pytest.mark.filterwarnings("ignore")

MONTHS = pd.period_range("2015-01", periods=60, freq="M")
RNG = np.random.default_rng(1)
Y = pd.Series(RNG.normal(size=60), index=MONTHS, name="y")
HIERARCHY = pd.concat({("A", k): Y.to_frame() for k in "xy"}, names=["r", "s", "t"])
NUMBERS = [90, 0, 1, -0.1, 1.5, True, np.nan, np.inf]
OTHERS = ["0.9", ["0.9"], [], [0.9, 0.9], {"a": 1}, [[0.9]], [0.5, None], "x" * 10_000, object()]
NONSENSE = [*NUMBERS, *OTHERS, [0.5, 80]]


def naive(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 1, "input_size": 4, "learning_rate": 1e-4}
    return AutoNeuralForecaster("NLinear", config, gpus=0, **parameters)


def mlp(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 2, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    return AutoNeuralForecaster("MLP", config, gpus=0, **parameters)


class TestTypes:
    @pytest.mark.parametrize("dtype", [bool, "boolean", int, "Int64", "float32", "Float64"])
    def test_columns_of_x_are_numbers(self, dtype: object) -> None:
        X = pd.DataFrame({"open": RNG.normal(size=60) > 0, "price": 1.0}, index=MONTHS)
        plain = mlp().fit(Y[:50], X=X[:50].astype(float), fh=[1, 2])
        expected = plain.predict(X=X[50:52].astype(float))
        other = mlp().fit(Y[:50], X=X[:50].astype({"open": dtype}), fh=[1, 2])
        pd.testing.assert_series_equal(other.predict(X=X[50:52].astype({"open": dtype})), expected)
        pd.testing.assert_series_equal(other.predict(X=X[50:52].astype(float)), expected)

    @pytest.mark.parametrize("dtype", [bool, "boolean", "Int64"])
    def test_y_is_numbers_in_fit_and_in_update(self, dtype: object) -> None:
        y = (Y > 0).astype(dtype)
        expected = naive(h=2).fit(y[:50].astype(float)).update(y[50:].astype(float))
        forecaster = naive(h=2).fit(y[:50]).update(y[50:])
        for fh in ([1, 2], [-1, 0]):
            np.testing.assert_array_equal(forecaster.predict(fh=fh), expected.predict(fh=fh))
        mixed = naive(h=2).fit(y[:50]).update(y[50:].astype(float))
        np.testing.assert_array_equal(mixed.predict(fh=[1]), expected.predict(fh=[1]))

    def test_dummies_follow_their_columns(self) -> None:
        X = pd.get_dummies(pd.Series(MONTHS.quarter, index=MONTHS))
        forecaster = mlp().fit(Y[:50], X=X[:50], fh=[1, 2])
        shuffled = forecaster.predict(X=X[50:52][[3, 1, 4, 2]])
        pd.testing.assert_series_equal(forecaster.predict(X=X[50:52]), shuffled)

    def test_names_that_the_engine_uses_are_ordinary_columns(self) -> None:
        reserved = ["available_mask", "sample_weight", "y", "unique_id"]
        X = pd.DataFrame(RNG.normal(size=(60, 4)), index=MONTHS, columns=reserved)
        plain = X.set_axis(list("abcd"), axis=1)
        expected = mlp().fit(Y[:50], X=plain[:50], fh=[1, 2]).predict(X=plain[50:52])
        forecaster = mlp().fit(Y[:50], X=X[:50], fh=[1, 2])
        pd.testing.assert_series_equal(forecaster.predict(X=X[50:52]), expected)
        assert not np.allclose(forecaster.predict(X=-X[50:52]), expected)


class TestHorizon:
    def test_fit_without_fh_names_h(self) -> None:
        with pytest.raises(InvalidInputError, match=r"fh is missing; .* h=12"):
            naive().fit(Y)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda: naive().fit(Y, fh=[1, 2]).predict(fh=[1, 2, 3]),
            lambda: naive().fit(Y, fh=[1, 2]).predict_residuals(Y),
            lambda: ReconcilerForecaster(naive(), method="mint_shrink").fit(HIERARCHY, fh=[1]),
        ],
        ids=["predict", "predict_residuals", "mint_shrink"],
    )
    def test_another_fh_names_h(self, ask: object) -> None:
        with pytest.raises(InvalidInputError, match="build the forecaster with h set to"):
            ask()

    def test_the_same_fh_is_taken(self) -> None:
        forecaster = naive().fit(Y, fh=[1, 2])
        pd.testing.assert_series_equal(forecaster.predict(fh=[1, 2]), forecaster.predict())

    @pytest.mark.parametrize("fh", [10**18, 10**300, -(10**9), pd.Timedelta("1D")])
    def test_what_cannot_be_counted_is_refused(self, fh: object) -> None:
        with pytest.raises(InvalidInputError, match="fh"):
            naive(h=2).fit(Y).predict(fh=fh)


class TestNumbers:
    @pytest.mark.parametrize("h", [2.7, "3", 0, True, np.nan])
    def test_h_is_a_whole_number(self, h: object) -> None:
        with pytest.raises(InvalidInputError, match="h must be a whole number of at least 1"):
            naive(h=h).fit(Y)

    @pytest.mark.parametrize("random_state", [1.5, "1", [1]])
    def test_other_seeds_are_refused(self, random_state: object) -> None:
        with pytest.raises(InvalidInputError, match="random_state must be a whole number"):
            naive(h=1, random_state=random_state).fit(Y)

    def test_generators_seed_the_model(self) -> None:
        forecasters = [
            mlp(h=1, random_state=np.random.default_rng(seed)).fit(Y) for seed in (1, 1, 2)
        ]
        first, again, other = (float(each.predict(fh=[1]).iloc[0]) for each in forecasters)
        assert first == again != other


class TestProbabilities:
    @pytest.mark.parametrize(
        "value",
        NONSENSE,
        ids=lambda value: str(value)[:10],
    )
    @pytest.mark.parametrize("name", ["alpha", "coverage"])
    def test_nonsense_is_named(self, name: str, value: object) -> None:
        method = {"alpha": "predict_quantiles", "coverage": "predict_interval"}[name]
        with pytest.raises(InvalidInputError, match=f"^{name} must .*; try {name}=") as caught:
            getattr(self.fitted(), method)(**{name: value})
        assert len(str(caught.value)) < 300

    @pytest.mark.parametrize("value", [0.5, [0.5], (0.5,), np.array([0.5]), np.float64(0.5), {0.5}])
    def test_numbers_of_any_kind_are_taken(self, value: object) -> None:
        forecaster = self.fitted()
        quantiles = forecaster.predict_quantiles(alpha=value)
        assert quantiles.columns.tolist() == [("y", 0.5)]
        assert forecaster.predict_interval(coverage=value).shape == (2, 2)
        assert forecaster.predict_quantiles(alpha=None).shape == (2, 2)

    _fitted: AutoNeuralForecaster | None = None

    @classmethod
    def fitted(cls) -> AutoNeuralForecaster:
        if cls._fitted is None:
            cls._fitted = naive(pi_method="quantile").fit(Y, fh=[1, 2])
        return cls._fitted


class TestExogenousKinds:
    X = pd.DataFrame({"visits": RNG.normal(size=60)}, index=MONTHS)

    def test_a_model_without_past_columns_is_named(self) -> None:
        with pytest.raises(InvalidInputError, match=r"hist_exog=.*but NLinear does not accept"):
            naive(hist_exog=["visits"]).fit(Y, X=self.X, fh=[1])

    def test_a_model_without_static_columns_is_named(self) -> None:
        static = pd.DataFrame({"size": [1.0]})
        with pytest.raises(InvalidInputError, match="static is given, but NLinear does not accept"):
            naive(static=static).fit(Y, fh=[1])

    @pytest.mark.parametrize("value", ["visits", None, 3, b"visits"])
    def test_hist_exog_is_a_list(self, value: object) -> None:
        with pytest.raises(InvalidInputError, match="hist_exog must be a list of columns of X"):
            mlp(hist_exog=value).fit(Y, X=self.X, fh=[1])

    @pytest.mark.parametrize("value", [["visits"], ("visits",), pd.Index(["visits"]), {"visits"}])
    def test_any_list_of_columns_is_taken(self, value: object) -> None:
        forecaster = mlp(hist_exog=value).fit(Y, X=self.X, fh=[1])
        assert np.isfinite(forecaster.predict()).all()


class TestSamplersAndPruners:
    def test_are_parameters_that_clones_keep(self) -> None:
        sampler, pruner = TPESampler(n_startup_trials=3), PercentilePruner(25.0)
        forecaster = mlp(sampler=sampler, pruner=pruner)
        assert forecaster.get_params()["sampler"] is sampler
        copied = clone(forecaster)
        assert isinstance(copied.pruner, PercentilePruner)
        assert copied.set_params(sampler="cmaes").get_params()["sampler"] == "cmaes"
        assert forecaster.clone().get_params()["sampler"] is not None

    def test_reach_the_search_and_are_not_changed_by_it(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = {"max_steps": 1, "input_size": 4, "learning_rate": Float(1e-4, 1e-2)}
        sampler = RandomSampler(seed=1)
        forecaster = AutoNeuralForecaster(
            "NLinear", config, gpus=0, num_samples=2, sampler=sampler, pruner="nop", verbose=True
        )
        before = sampler._rng._rng
        forecaster.fit(Y.rename("sales").to_frame(), fh=[1])
        printed = capsys.readouterr().err
        assert re.search(r"MAE \S+ \(in the unit of 'sales'\) on the last step; ", printed)
        assert "Details: forecaster.best_config_, forecaster.trials_, forecaster.rep" in printed
        assert (
            forecaster.strategy_.description == "RandomSampler as passed; NopPruner as requested."
        )
        assert forecaster.sampler is sampler
        assert sampler._rng._rng is before

    def test_of_other_kinds_are_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="try pruner='MedianPruner'"):
            mlp(pruner="meridian").fit(Y, fh=[1])
        with pytest.raises(InvalidInputError, match="sampler is for the search of one model"):
            AutoNeuralForecaster(["Naive", "MLP"], sampler="tpe").fit(Y, fh=[1])
