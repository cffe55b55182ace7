"""Forecasts belong to the right series and step; data, parameters and errors behave."""

from __future__ import annotations

import dataclasses
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sktime.datatypes import check_is_mtype
from sktime.forecasting.base import ForecastingHorizon

from automodel_sk.estimator.code import code_of
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import _RENAMED, AutoNeuralForecaster
from automodel_sk.options import OptimizationConfig

pytestmark = pytest.mark.filterwarnings("ignore")

# NLinear forecasts the last value plus what its small weights add: on constant
# series each forecast shows which series it came from.
NAIVE = {"max_steps": 1, "input_size": 4, "learning_rate": 1e-4}
DAYS = pd.date_range("2024-01-01", periods=40, freq="D")


def naive(**parameters: object) -> AutoNeuralForecaster:
    return AutoNeuralForecaster("NLinear", NAIVE, gpus=0, **parameters)


def constant(level: float, times: pd.Index = DAYS) -> pd.DataFrame:
    return pd.DataFrame({"sales": np.full(len(times), float(level))}, index=times)


def levels_of(forecast: pd.DataFrame) -> list[float]:
    return (forecast.iloc[:, 0] / 100).round().mul(100).tolist()


def walk(n: int = 60) -> pd.Series:
    steps = np.random.default_rng(0).normal(size=n)
    return pd.Series(steps.cumsum(), index=pd.RangeIndex(n), name="walk")


class TestSeriesAndSteps:
    @pytest.mark.parametrize(
        "ids",
        [
            ["b", "a", "c"],
            [(1, 2), (2, 1), (1, 1)],
            [("a", "bc"), ("ab", "c"), ("a", "b")],
            [("x", 1, "z"), ("x", 1, "y"), ("w", 1, "z")],
        ],
        ids=["panel", "numbers", "texts", "three levels"],
    )
    def test_forecasts_keep_their_series(self, ids: list) -> None:
        y = pd.concat({key: constant(1000 * (i + 1)) for i, key in enumerate(ids)})
        forecast = naive().fit(y, fh=[2, 5]).predict()
        assert [entry[:-1] for entry in forecast.index[::2]] == [
            key if isinstance(key, tuple) else (key,) for key in ids
        ]
        assert levels_of(forecast) == [1000, 1000, 2000, 2000, 3000, 3000]
        assert forecast.columns.tolist() == ["sales"]

    def test_gapped_horizons_pick_their_steps(self) -> None:
        y = pd.concat({"a": walk().to_frame(), "b": -walk().to_frame()})
        forecaster = naive(h=6).fit(y)
        full = forecaster.predict(fh=[1, 2, 3, 4, 5, 6])
        gapped = forecaster.predict(fh=[2, 5])
        pd.testing.assert_frame_equal(gapped, full.loc[gapped.index])
        assert full["walk"].nunique() == 12

    def test_horizons_longer_than_the_model(self) -> None:
        y = walk()
        forecaster = naive(h=3).fit(y)
        longer = forecaster.predict(fh=np.arange(1, 9))
        assert longer.index.tolist() == list(range(60, 68))
        np.testing.assert_allclose(longer[:3], forecaster.predict(fh=[1, 2, 3]), rtol=1e-5)

    def test_unequal_ends_count_from_each_series(self) -> None:
        y = pd.concat({"long": constant(1000), "short": constant(2000, DAYS[:-7])})
        forecaster = naive(h=12).fit(y)
        relative = forecaster.predict(fh=[1, 2])
        assert relative.loc["short"].index.tolist() == DAYS[-7:-5].tolist()
        absolute = forecaster.predict(fh=ForecastingHorizon(DAYS[-1:] + DAYS.freq, False))
        assert absolute.index.get_level_values(-1).unique().tolist() == [DAYS[-1] + DAYS.freq]
        assert levels_of(absolute) == [1000, 2000]

    def test_series_names_survive(self) -> None:
        forecast = naive().fit(walk(), fh=[1, 3]).predict()
        assert isinstance(forecast, pd.Series)
        assert forecast.name == "walk"

    def test_several_columns_are_forecast_each(self) -> None:
        y = pd.concat([constant(1000), constant(2000)], axis=1, keys=["a", "b"])
        y.columns = ["a", "b"]
        forecast = naive().fit(y, fh=[1]).predict()
        assert forecast.round(-2).to_numpy().tolist() == [[1000.0, 2000.0]]


class TestObservedPoints:
    @pytest.mark.parametrize("input_size", [1, 2, 4])
    def test_each_is_forecast_from_the_data_before_it(self, input_size: int) -> None:
        y = pd.concat({"a": walk().to_frame(), "b": 50 - walk(45).to_frame()})
        config = NAIVE | {"input_size": input_size}
        forecaster = AutoNeuralForecaster("NLinear", config, h=2, gpus=0).fit(y)
        forecast = forecaster.predict(fh=[-5, 0, 2])
        for key, end in (("a", 59), ("b", 44)):
            assert forecast.loc[key].index.tolist() == [end - 5, end, end + 2]
            for step in (end - 5, end):
                history = y.loc[key][:step].reset_index(drop=True)["walk"]
                long = pd.DataFrame({"unique_id": 0, "ds": range(step), "y": history})
                expected = forecaster.auto_model_.predict(long)["NLinear"].iloc[0]
                assert forecast.loc[(key, step), "walk"] == pytest.approx(expected, rel=1e-5)

    def test_whole_history_is_covered(self) -> None:
        y = walk()
        forecaster = naive(h=2).fit(y)
        forecast = forecaster.predict(fh=ForecastingHorizon(y.index, is_relative=False))
        assert forecast.index.equals(y.index)
        assert np.abs(forecast.to_numpy()[1:] - y.to_numpy()[:-1]).mean() < 1.5
        residuals = forecaster.predict_residuals(y)
        np.testing.assert_allclose(residuals, y - forecast)

    def test_future_x_of_the_last_points_is_not_needed(self) -> None:
        X = pd.DataFrame({"price": np.arange(40.0)})
        config = {"max_steps": 2, "input_size": 4, "hidden_size": 8, "num_layers": 1}
        forecaster = AutoNeuralForecaster("MLP", config, gpus=0)
        forecaster.fit(walk(40), X=X, fh=[-1, 0, 1, 2])
        forecast = forecaster.predict(X=pd.DataFrame({"price": [40.0, 41.0]}, index=[40, 41]))
        assert forecast.index.tolist() == [38, 39, 40, 41]
        assert np.isfinite(forecast).all()

    def test_points_before_the_start_are_named(self) -> None:
        with pytest.raises(InvalidInputError, match="before the start of the series at 0"):
            naive(h=1).fit(walk()).predict(fh=[-60])

    def test_multivariate_models_say_that_they_cannot(self) -> None:
        assert not AutoNeuralForecaster("TSMixer").get_tag("capability:insample")


class TestObservedPointsOfSpecialData:
    """Each is forecast as by the model itself from the rows before it."""

    MONTHS = pd.period_range("2015-01", periods=60, freq="M")
    Y = pd.Series(np.arange(48) % 12 + 100.0, index=MONTHS[:48], name="y")
    CONFIG = {"max_steps": 20, "input_size": 6, "hidden_size": 8, "num_layers": 1}  # noqa: RUF012

    @pytest.mark.parametrize("fill_gaps", ["zero", "ffill", "interpolate", "mask"])
    def test_with_gaps(self, fill_gaps: str) -> None:
        y = self.Y.copy()
        y.iloc[[38, 40]] = np.nan
        forecaster = AutoNeuralForecaster("MLP", self.CONFIG, h=1, gpus=0, fill_gaps=fill_gaps)
        forecaster.fit(y)
        long = forecaster._context.long
        for row in (39, 41, 44, 45, 46, 47):
            past = long.iloc[:row].copy()
            if row in (39, 41):  # ends in a gap, of which the value after it is not known yet
                last = past.index[-1]
                if fill_gaps == "mask":
                    past["available_mask"] = past["y"].notna() * 1.0
                else:
                    past.loc[last, "y"] = 0.0 if fill_gaps == "zero" else y.iloc[row - 2]
            expected = forecaster.auto_model_.predict(past).iloc[0, 2]
            assert forecaster.predict(fh=[row - 47]).iloc[0] == pytest.approx(expected, rel=1e-5)
        assert np.isfinite(forecaster.predict_residuals(y)[y.notna()]).all()

    def test_with_the_calendar(self) -> None:
        forecaster = AutoNeuralForecaster("MLP", self.CONFIG, h=6, gpus=0, calendar=["month"])
        forecaster.fit(self.Y)
        before = AutoNeuralForecaster("MLP", self.CONFIG, h=6, gpus=0, calendar=["month"])
        before.fit(self.Y)
        before._update(self.Y[:46].to_frame(), update_params=False)
        forecast = before.predict(fh=[1])
        assert forecast.index[0] == self.MONTHS[46]
        assert forecaster.predict(fh=[-1]).iloc[0] == pytest.approx(forecast.iloc[0], rel=1e-5)

    @pytest.mark.parametrize(("known", "step"), [(54, 1), (51, 3), (48, 6)])
    def test_with_x_that_goes_on(self, known: int, step: int) -> None:
        X = pd.DataFrame({"p": np.cos(np.arange(60.0))}, index=self.MONTHS)
        forecaster = AutoNeuralForecaster("MLP", self.CONFIG, h=6, gpus=0)
        forecaster.fit(self.Y, X=X[:known])
        before = 48 - step
        future = pd.DataFrame({"unique_id": 0, "ds": np.arange(before, before + 6)})
        future["p"] = X["p"].to_numpy()[before : before + 6]
        past = forecaster._context.long.iloc[:before]
        expected = forecaster.auto_model_.predict(past, futr_df=future).iloc[step - 1, 2]
        assert forecaster.predict(fh=[0]).iloc[0] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("known", [51, 53])
    def test_with_x_whose_last_values_are_empty(self, known: int) -> None:
        X = pd.DataFrame({"p": np.cos(np.arange(60.0))}, index=self.MONTHS)
        forecaster = AutoNeuralForecaster("MLP", self.CONFIG, h=6, gpus=0, fill_gaps="ffill")
        expected = forecaster.fit(self.Y, X=X[:51]).predict(fh=[-4, 0])
        empty = X[:known].assign(p=lambda rows: rows["p"].where(np.arange(known) < 51))
        found = forecaster.fit(self.Y, X=empty).predict(fh=[-4, 0])
        pd.testing.assert_series_equal(found, expected)
        pd.testing.assert_series_equal(
            forecaster.predict(fh=[1, 3]), forecaster.predict(fh=[1, 3], X=X[48:51])
        )


class TestUpdate:
    def test_without_parameters_only_the_data_move_on(self) -> None:
        y = constant(1000)
        forecaster = naive(h=2).fit(y[:20])
        model = forecaster.auto_model_
        later = pd.concat([y[20:24], constant(3000, DAYS[24:30])])
        forecaster.update(later, update_params=False)
        forecast = forecaster.predict(fh=[1, 2])
        assert forecaster.auto_model_ is model
        assert forecast.index.tolist() == DAYS[30:32].tolist()
        assert levels_of(forecast) == [3000, 3000]
        assert forecaster.cutoff[0] == DAYS[29]

    def test_with_parameters_the_best_configuration_is_trained_anew(self) -> None:
        forecaster = naive(h=2).fit(walk()[:40])
        before = forecaster.predict(fh=[1])
        model = forecaster.auto_model_
        forecaster.update(walk()[40:])
        assert forecaster.auto_model_ is not model
        assert forecaster.best_config_ == model.best_config
        assert forecaster.predict(fh=[1]).index[0] == 60
        assert before.index[0] == 40

    def test_one_series_of_a_panel(self) -> None:
        y = pd.concat({"a": constant(1000), "b": constant(2000, DAYS[:-5])})
        forecaster = naive(h=2).fit(y)
        forecaster.update(pd.concat({"b": constant(4000, DAYS[-5:])}), update_params=False)
        forecast = forecaster.predict(fh=[1])
        assert levels_of(forecast) == [1000, 4000]
        assert forecast.index.get_level_values(-1).tolist() == [DAYS[-1] + DAYS.freq] * 2

    def test_a_series_never_seen_joins(self) -> None:
        y = pd.concat({"a": constant(1000), "b": constant(2000)})
        forecaster = naive(h=2).fit(y)
        forecaster.update(pd.concat({"c": constant(3000)}), update_params=False)
        assert levels_of(forecaster.predict(fh=[1])) == [1000, 2000, 3000]

    def test_a_gap_leaves_the_forecaster_as_it_was(self) -> None:
        forecaster = naive(h=2).fit(walk()[:40])
        before = forecaster.predict(fh=[1])
        with pytest.raises(InvalidInputError, match="gap of 5"):
            forecaster._update(walk()[45:].to_frame())
        pd.testing.assert_series_equal(forecaster.predict(fh=[1]), before)


class TestExogenous:
    def setup_method(self) -> None:
        rng = np.random.default_rng(1)
        self.X = pd.DataFrame({"price": rng.normal(size=44), "visits": rng.normal(size=44)})
        self.y = pd.Series(3 * self.X["price"][:40], name="y")
        self.config = {
            "max_steps": 100,
            "learning_rate": 0.01,
            "input_size": 4,
            "hidden_size": 16,
            "num_layers": 1,
        }

    def forecaster(self, **parameters: object) -> AutoNeuralForecaster:
        return AutoNeuralForecaster("MLP", self.config, gpus=0, **parameters)

    def test_known_future_moves_the_forecast(self) -> None:
        forecaster = self.forecaster().fit(self.y, X=self.X[:40], fh=[1, 2, 3])
        low, high = (forecaster.predict(X=self.X.assign(price=p)[40:]) for p in (-3.0, 3.0))
        assert (high - low > 1).all()

    def test_rows_of_the_past_in_x_change_nothing(self) -> None:
        forecaster = self.forecaster().fit(self.y, X=self.X[:40], fh=[1, 2])
        expected = forecaster.predict(X=self.X[40:42])
        pd.testing.assert_series_equal(forecaster.predict(X=self.X), expected)

    def test_future_given_to_fit_is_remembered(self) -> None:
        forecaster = self.forecaster().fit(self.y, X=self.X, fh=[1, 2])
        pd.testing.assert_series_equal(forecaster.predict(), forecaster.predict(X=self.X))

    @pytest.mark.parametrize(
        ("X", "message"), [(None, "X is missing"), (slice(41, 44), "X has no row at 40")]
    )
    def test_missing_future_is_named(self, X: object, message: str) -> None:
        forecaster = self.forecaster().fit(self.y, X=self.X[:40], fh=[1, 2])
        with pytest.raises(InvalidInputError, match=message):
            forecaster.predict(X=None if X is None else self.X[X])

    def test_past_only_columns_need_no_future(self) -> None:
        forecaster = AutoNeuralForecaster(
            "NHITS",
            {"max_steps": 2, "input_size": 8, "mlp_units": 3 * [[8, 8]]},
            hist_exog=["visits"],
            gpus=0,
        )
        forecaster.fit(self.y, X=self.X[["visits"]][:40], fh=[1, 2])
        assert np.isfinite(forecaster.predict()).all()
        assert forecaster.auto_model_.to_neuralforecast().models[0].hist_exog_list == ["visits"]

    def test_unknown_past_column_is_named(self) -> None:
        with pytest.raises(InvalidInputError, match="hist_exog names the column 'clicks'"):
            self.forecaster(hist_exog=["clicks"]).fit(self.y, X=self.X[:40], fh=[1])

    def test_static_columns_follow_their_series(self) -> None:
        y = pd.concat({"b": constant(10), "a": constant(10)}, names=["shop", "day"])
        static = pd.DataFrame({"size": [-2.0, 2.0]}, index=["a", "b"])
        forecasts = {}
        for name, table in {"given": static, "reordered": static[::-1], "swapped": -static}.items():
            forecaster = self.forecaster(static=table).fit(y, fh=[1])
            forecasts[name] = forecaster.predict()
        pd.testing.assert_frame_equal(forecasts["given"], forecasts["reordered"])
        assert not np.allclose(forecasts["given"].loc["a"], forecasts["given"].loc["b"])

    def test_series_without_static_row_is_named(self) -> None:
        y = pd.concat({"b": constant(10), "a": constant(10)})
        with pytest.raises(InvalidInputError, match="static has no row for series 'a'"):
            self.forecaster(static=pd.DataFrame({"size": [1.0]}, index=["b"])).fit(y, fh=[1])


class TestQuantiles:
    @pytest.mark.parametrize("method", ["conformal", "quantile", "distribution"])
    def test_requested_order_and_no_crossing(self, method: str) -> None:
        y = pd.concat({"b": walk().to_frame(), "a": 50 + walk().to_frame()})
        forecaster = naive(pi_method=method).fit(y, fh=[1, 3])
        alpha = [0.9, 0.1, 0.5]
        quantiles = forecaster.predict_quantiles(alpha=alpha)
        assert quantiles.columns.tolist() == [("walk", a) for a in alpha]
        assert quantiles.index.equals(forecaster.predict().sort_index().index)
        ordered = quantiles["walk"][sorted(alpha)].to_numpy()
        assert (np.diff(ordered, axis=1) > 0).all()

    @pytest.mark.parametrize("ids", [["b", "a"], [2, 1], [("b", 1), ("a", 2), ("a", 1)]])
    def test_unsorted_instances_pass_sktimes_check(self, ids: list) -> None:
        y = pd.concat({key: 100.0 * i + walk().to_frame() for i, key in enumerate(ids)})
        forecaster = naive().fit(y, fh=[1, 3])
        quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.5, 0.9])
        interval = forecaster.predict_interval()
        assert check_is_mtype(quantiles, "pred_quantiles", "Proba")
        assert check_is_mtype(interval, "pred_interval", "Proba")
        point = forecaster.predict()["walk"]
        assert list(dict.fromkeys(entry[:-1] for entry in point.index)) == [
            key if isinstance(key, tuple) else (key,) for key in ids
        ]
        middle = quantiles[("walk", 0.5)].loc[point.index]
        np.testing.assert_allclose(middle, point, atol=1.0)

    def test_interval_contains_the_forecast(self) -> None:
        forecaster = naive().fit(walk(), fh=[1, 2])
        interval = forecaster.predict_interval(coverage=[0.5, 0.9])["walk"]
        point = forecaster.predict()
        assert (interval[0.9]["lower"] < interval[0.5]["lower"]).all()
        assert (interval[0.5]["lower"] < point).all()
        assert (point < interval[0.5]["upper"]).all()
        assert (forecaster.predict_var()["walk"] > 0).all()


class TestPretrain:
    def test_series_never_seen_are_forecast_without_training(self) -> None:
        panel = pd.concat({"a": constant(1000), "b": constant(2000)})
        forecaster = naive().pretrain(panel, fh=[1, 2])
        model = forecaster.pretrained_model_
        assert forecaster.state == "pretrained"
        forecast = forecaster.fit(constant(7000), fh=[1, 2]).predict()
        assert levels_of(forecast) == [7000, 7000]
        assert forecaster.auto_model_ is model
        others = pd.concat({"x": constant(5000), "y": constant(6000, DAYS[:-3])})
        assert levels_of(forecaster.fit(others, fh=[2]).predict()) == [5000, 6000]

    def test_a_clone_keeps_the_pretrained_model(self) -> None:
        panel = pd.concat({"a": constant(1000), "b": constant(2000)})
        forecaster = naive().pretrain(panel, fh=[1]).clone()
        assert levels_of(forecaster.fit(constant(300), fh=[1]).predict()) == [300]


class TestSklearn:
    def test_every_option_has_a_parameter_with_a_quick_and_clean_default(self) -> None:
        options = {f.name: f.default for f in dataclasses.fields(OptimizationConfig)}
        defaults = AutoNeuralForecaster.get_param_defaults()
        theirs = {_RENAMED.get(name, name): default for name, default in options.items()}
        differing = {name for name, default in theirs.items() if defaults[name] != default}
        assert differing == {"cpus", "preset", "use_mlflow", "storage", "verbose", "random_state"}

    def test_clone_and_set_params(self) -> None:
        forecaster = naive(num_samples=3)
        copied = clone(forecaster).set_params(model="MLP", num_samples=5)
        assert copied.get_params() == {**forecaster.get_params(), "model": "MLP", "num_samples": 5}
        assert not copied.is_fitted

    def test_tags_follow_parameters(self) -> None:
        assert not AutoNeuralForecaster("NLinear").get_tag("capability:exogenous")
        assert AutoNeuralForecaster("NHITS").get_tag("capability:exogenous")
        assert AutoNeuralForecaster().get_tag("requires-fh-in-fit")
        assert not AutoNeuralForecaster(h=3).get_tag("requires-fh-in-fit")

    def test_sklearn_asks_whether_it_is_fitted(self) -> None:
        from sklearn.utils import get_tags
        from sklearn.utils.validation import check_is_fitted

        forecaster = naive().fit(walk(), fh=[1])
        check_is_fitted(forecaster)
        assert get_tags(forecaster).target_tags.required
        assert "AutoNeuralForecaster" in forecaster._repr_html_()

    def test_pickled_and_read_back(self) -> None:
        forecaster = naive().fit(walk(), fh=[1, 4])
        back = pickle.loads(pickle.dumps(forecaster))
        pd.testing.assert_series_equal(back.predict(), forecaster.predict())

    def test_results_repeat_with_the_seed(self) -> None:
        space = {**NAIVE, "learning_rate": (1e-4, 1e-2)}
        from automodel_sk.search_space import Float

        space["learning_rate"] = Float(1e-4, 1e-2, log=True)
        forecasters = [
            AutoNeuralForecaster(
                "NLinear", space, num_samples=2, cpus=1, gpus=0, random_state=s
            ).fit(walk(), fh=[1, 2])
            for s in (5, 5, 6)
        ]
        first, second, other = (f.predict() for f in forecasters)
        pd.testing.assert_series_equal(first, second)
        assert not np.allclose(first, other)
        assert len(forecasters[0].trials_) == 2
        assert forecasters[0].best_score_ == forecasters[0].trials_["value"].min()
        assert forecasters[0].strategy_.algorithm_name


class TestErrors:
    def test_long_frame_is_named(self) -> None:
        df = pd.DataFrame({"unique_id": 1, "ds": range(9), "y": 1.0})
        with pytest.raises(InvalidInputError, match="from_long"):
            naive().fit(df, fh=[1])

    @pytest.mark.parametrize("name", ["pi_method", "on_update"])
    def test_unknown_choice_is_named(self, name: str) -> None:
        with pytest.raises(InvalidInputError, match=f"{name} must be one of .* got 'x'"):
            naive(**{name: "x"}).fit(walk(), fh=[1])

    def test_unknown_model_is_named(self) -> None:
        with pytest.raises(InvalidInputError, match="NHITS"):
            AutoNeuralForecaster("NHITZ").fit(walk(), fh=[1])

    def test_no_warnings_of_our_own(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            naive().fit(walk(), fh=[1]).predict()


class TestCode:
    Y = pd.Series(
        50 + np.arange(48) % 12, index=pd.period_range("2015-01", periods=48, freq="M"), name="y"
    )
    X = pd.DataFrame({"visits": np.cos(np.arange(48.0))}, index=Y.index)

    @pytest.mark.parametrize("model", ["MLP", ["MLP"]])
    def test_fits_the_same_model_again(self, model: object) -> None:
        config = {"max_steps": 2, "input_size": 6, "hidden_size": 8, "num_layers": 1}
        y = self.Y.astype(float)
        y.iloc[20] = np.nan
        several = isinstance(model, list)
        shaping = {
            "hist_exog": ("visits",),
            "freq": "M",
            "season_length": np.int64(6),
            "fill_gaps": "zero",
            "calendar": "month",
            "non_negative": True,
        }
        forecaster = AutoNeuralForecaster(
            model,
            {"MLP": config} if several else config,
            gpus=0,
            num_samples=1 if several else None,
            n_windows=1,
            ensemble="mean" if several else None,
            **shaping,
        )
        forecaster.fit(y, X=self.X, fh=[1, 2])
        code = code_of(forecaster).replace("random_state=", "gpus=0, random_state=")
        if several:
            code = code.replace("gpus=0", "gpus=0, num_samples=1, n_windows=1")
            assert "ensemble='mean'," in code
        scope = {"y": y, "X": self.X}
        exec(compile(code, "code", "exec"), scope)
        again = scope["forecaster"]
        assert {name: again.get_params()[name] for name in shaping} == {
            **shaping,
            "hist_exog": ["visits"],
            "calendar": ["month"],
        }
        np.testing.assert_allclose(again.predict(), forecaster.predict(), rtol=1e-5)

    def test_names_the_columns_that_members_read(self) -> None:
        config = {"max_steps": 1, "input_size": 6, "hidden_size": 8, "num_layers": 1}
        X = self.X.assign(price=1.0)
        forecaster = AutoNeuralForecaster(
            ["MLP"], {"MLP": config}, num_samples=1, gpus=0, hist_exog=np.array(["visits"])
        )
        forecaster.fit(self.Y, X=X, fh=[1, 2])
        code = code_of(forecaster)
        assert "hist_exog=['visits']," in code
        assert "fit(y, X=X, fh" in code
        state = forecaster.auto_model_.state
        for past, future, given in (
            ((), ("price",), "y, X=X[['price']], fh"),
            (("visits",), (), "y, X=X[['visits']], fh"),
            ((), (), "y, fh"),
        ):
            task = dataclasses.replace(state.task, hist_exog=past, futr_exog=future)
            forecaster.auto_model_._state = dataclasses.replace(state, task=task)
            code = code_of(forecaster)
            assert f"fit({given}" in code
            assert ("hist_exog" in code) == bool(past)

    def test_leaves_out_what_the_members_do_not_take(self) -> None:
        config = {"max_steps": 1, "input_size": 6, "learning_rate": 1e-5}
        forecaster = AutoNeuralForecaster(
            ["SeasonalNaive", "MLP"],
            {"MLP": config},
            gpus=0,
            num_samples=1,
            ensemble="best",
            hist_exog=["visits"],
            calendar=True,
            season_length=12,
        )
        forecaster.fit(self.Y, X=self.X, fh=[1, 2])
        assert list(forecaster.weights_) == ["SeasonalNaive"]
        code = code_of(forecaster)
        assert "season_length=12,\n    ensemble='best',\n    random_state=42," in code
        assert not any(word in code for word in ("X", "visits", "calendar"))
