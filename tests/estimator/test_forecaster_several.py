"""The estimator with several models: what it forecasts, keeps, saves and says."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sktime.base import load

from automodel_sk import create_auto_model
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.frames import to_long
from automodel_sk.validation import DataValidator

pytestmark = pytest.mark.filterwarnings("ignore")

TINY = {
    "max_steps": 5,
    "input_size": 12,
    "hidden_size": 8,
    "num_layers": 1,
    "scaler_type": "standard",
}
MONTHS = pd.period_range("2018-01", periods=72, freq="M")


def seasonal(n: int = 72, level: float = 100.0, seed: int = 0) -> pd.Series:
    """Return months whose values repeat each year, but for a little noise."""
    noise = np.random.default_rng(seed).normal(0, 0.1, n)
    values = level + 10 * np.sin(2 * np.pi * np.arange(n) / 12) + noise
    return pd.Series(values, index=MONTHS[:n], name="sales")


def noise(n: int = 72, level: float = 100.0, seed: int = 0) -> pd.Series:
    """Return months that a tiny network, which learns the mean, forecasts better than Naive."""
    values = level + np.random.default_rng(seed).normal(0, 1, n)
    return pd.Series(values, index=MONTHS[:n], name="sales")


def several(*models: str, **parameters: object) -> AutoNeuralForecaster:
    """Return an estimator of several models whose networks train for two steps."""
    models = models or ("Naive", "MLP")
    config = {name: TINY for name in models if name in ("MLP", "NLinear")}
    settings = {"config": config or None, "num_samples": 1, "gpus": 0, **parameters}
    return AutoNeuralForecaster(list(models), **settings)


PANEL = pd.concat(
    {
        "b": noise(72, 1000.0).to_frame(),
        "a": noise(60, 5.0, 1).to_frame(),
        "c": noise(66, -300.0, 2).to_frame(),
    },
    names=["shop", "month"],
)


@pytest.fixture(scope="module")
def fitted() -> AutoNeuralForecaster:
    return several(ensemble="mean").fit(PANEL, fh=[1, 2, 5])


class TestForecasts:
    def test_are_those_of_the_frame(self, fitted: AutoNeuralForecaster) -> None:
        long = to_long(PANEL)
        frame = create_auto_model(
            ["Naive", "MLP"],
            5,
            long,
            {"MLP": TINY},
            num_samples=1,
            cpus=1,
            gpus=0,
            ensemble="mean",
            storage=":memory:",
            use_mlflow=False,
            verbose=False,
        )
        assert frame.weights == fitted.weights_
        assert len(frame.weights) == 2
        table = frame.predict(quantiles=[0.1, 0.9])
        columns = table.columns[2:]
        for shop in ("a", "b", "c"):
            expected = table.loc[table["unique_id"] == shop, columns].to_numpy()[[0, 1, 4]]
            quantiles = fitted.predict_quantiles(alpha=[0.1, 0.9]).loc[shop].to_numpy()
            point = fitted.predict().loc[shop].to_numpy()
            np.testing.assert_allclose(point[:, 0], expected[:, 0], rtol=1e-4)
            np.testing.assert_allclose(quantiles, expected[:, 1:], rtol=1e-3)

    def test_of_each_instance_continue_its_own_series(self, fitted: AutoNeuralForecaster) -> None:
        forecast = fitted.predict()
        assert forecast.index.get_level_values(0).unique().tolist() == ["b", "a", "c"]
        for shop, n in (("a", 60), ("b", 72), ("c", 66)):
            months = forecast.loc[shop].index
            assert months[0] == MONTHS[0] + n
            last = PANEL.loc[shop]["sales"].iloc[-1]
            np.testing.assert_allclose(forecast.loc[shop]["sales"], last, atol=3)

    def test_from_kept_data_are_those_from_the_same_data_passed_anew(
        self, fitted: AutoNeuralForecaster
    ) -> None:
        context = fitted._context
        anew = fitted.auto_model_.predict(context.long)["AutoEnsemble"].to_numpy()
        kept = fitted.predict(fh=[1, 2, 5])["sales"].to_numpy()
        np.testing.assert_allclose(kept, anew.reshape(3, 5)[:, [0, 1, 4]].ravel(), rtol=1e-5)

    def test_intervals_widen_with_coverage_and_hold_the_point(
        self, fitted: AutoNeuralForecaster
    ) -> None:
        point = fitted.predict().sort_index()["sales"]
        interval = fitted.predict_interval(coverage=[0.5, 0.9])["sales"]
        outer, inner = interval[0.9], interval[0.5]
        assert (outer["lower"] <= inner["lower"]).all()
        assert (inner["upper"] <= outer["upper"]).all()
        assert ((outer["lower"] <= point) & (point <= outer["upper"])).all()
        assert (fitted.predict_var().to_numpy() > 0).all()

    def test_of_observed_points_come_from_the_rows_before_them(self) -> None:
        y = seasonal()
        past = several("SeasonalNaive", h=3).fit(y).predict(fh=[-20, -1, 0])
        np.testing.assert_allclose(past, y.iloc[[-33, -14, -13]], rtol=1e-5)
        residuals = several("SeasonalNaive", h=1).fit(y).predict_residuals(y)
        expected = y.to_numpy()[12:] - y.to_numpy()[:-12]
        np.testing.assert_allclose(residuals.to_numpy()[12:], expected, atol=1e-4)

    @pytest.mark.parametrize("model", ["RidgeRegression", "LightGBM"])
    def test_of_observed_points_read_as_much_as_those_of_the_future(self, model: str) -> None:
        hours = pd.date_range("2024-01-01", periods=24 * 21, freq="h")
        weekend = np.where(hours.dayofweek >= 5, 0.2, 1.0)
        y = pd.Series(100 + 10 * np.sin(2 * np.pi * np.arange(len(hours)) / 24) * weekend, hours)
        forecaster = several(model, h=2, n_windows=1).fit(y)
        long = forecaster._context.long
        for step in (-460, -200, -3, 0):
            past = long.iloc[: len(y) - 1 + step]
            expected = forecaster.auto_model_.predict(past)["AutoEnsemble"].iloc[0]
            assert forecaster.predict(fh=[step]).iloc[0] == pytest.approx(expected, rel=1e-5)

    def test_of_observed_points_by_trees_without_a_season(self) -> None:
        y = pd.Series(noise().to_numpy().cumsum())
        forecaster = several("LightGBM", h=1, n_windows=1).fit(y)
        past = forecaster._context.long.iloc[:-1]
        expected = forecaster.auto_model_.predict(past)["AutoEnsemble"].iloc[0]
        assert forecaster.predict(fh=[0]).iloc[0] == pytest.approx(expected, rel=1e-5)


class TestSeason:
    @pytest.mark.parametrize(
        ("index", "season"),
        [
            (pd.period_range("2018-01", periods=60, freq="M"), 12),
            (pd.period_range("2010Q1", periods=40, freq="Q"), 4),
            (pd.date_range("2024-01-01", periods=60, freq="D"), 7),
            (pd.date_range("2024-01-01", periods=120, freq="h", tz="Europe/Berlin"), 24),
            (pd.RangeIndex(40), 1),
        ],
        ids=["months", "quarters", "days", "hours", "numbers"],
    )
    def test_comes_from_the_times(self, index: pd.Index, season: int) -> None:
        values = np.random.default_rng(0).normal(size=len(index)) + 10
        y = pd.Series(values, index=index)
        forecaster = AutoNeuralForecaster("SeasonalNaive", gpus=0).fit(y, fh=[1, 2, 3])
        repeated = y.to_numpy()[-season:][np.arange(3) % season]
        np.testing.assert_allclose(forecaster.predict(), repeated, rtol=1e-5)

    def test_may_be_given(self) -> None:
        y = pd.Series(np.arange(40.0) % 5)
        forecaster = AutoNeuralForecaster("seasonalnaive", season_length=5, gpus=0)
        assert forecaster.fit(y, fh=range(1, 6)).predict().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]

    def test_of_statistical_and_tree_members(self) -> None:
        pytest.importorskip("statsforecast")
        pytest.importorskip("lightgbm")
        forecaster = several("AutoETS", "LightGBM", ensemble="mean").fit(PANEL, fh=[1, 2])
        assert forecaster.members_["AutoETS"].season == 12
        settings = forecaster.members_["LightGBM"].settings
        assert settings.season == 12
        assert settings.columns.calendar == ()  # the search sees numbers instead of dates
        for shop, level in (("a", 5), ("b", 1000), ("c", -300)):
            assert abs(forecaster.predict().loc[shop]["sales"] - level).max() < 3


class TestAttributes:
    def test_describe_the_ensemble(self, fitted: AutoNeuralForecaster) -> None:
        board = fitted.leaderboard_
        assert set(board["model"]) == {"AutoEnsemble", "Naive", "MLP"}
        assert sum(fitted.weights_.values()) == pytest.approx(1)
        assert list(fitted.members_) == list(fitted.weights_)
        assert set(fitted.weights_) == set(fitted.best_config_) == {"Naive", "MLP"}
        assert "array" not in repr(fitted.members_)
        assert fitted.best_score_ == pytest.approx(
            board.loc[board["model"] == "AutoEnsemble", "score"].item()
        )
        assert len(fitted.trials_) == 2
        assert fitted.strategy_ is None
        assert {"leaderboard", "weights", "members"} <= set(fitted.get_fitted_params())

    def test_belong_to_several_models_alone(self) -> None:
        forecaster = AutoNeuralForecaster("MLP", TINY, gpus=0).fit(seasonal(), fh=[1])
        assert not hasattr(forecaster, "leaderboard_")
        assert not hasattr(forecaster, "weights_")
        one = several("MLP").fit(seasonal(), fh=[1])
        assert one.weights_ == {"MLP": 1.0}
        assert set(one.leaderboard_["model"]) == {"AutoEnsemble", "MLP"}

    def test_parameters_clone_and_show(self) -> None:
        forecaster = several()
        copied = clone(forecaster)
        assert copied.get_params() == forecaster.get_params()
        assert copied.clone().model == ["Naive", "MLP"]
        assert "['Naive', 'MLP']" in repr(forecaster)
        assert forecaster.set_params(model="auto", config=None).model == "auto"
        assert "Naive" in several()._repr_html_()


class TestNewData:
    @pytest.mark.parametrize("update_params", [False, True])
    @pytest.mark.parametrize("on_update", ["refit", "continue", "search"])
    def test_forecasts_start_after_them(self, on_update: str, update_params: bool) -> None:
        y = seasonal()
        y[66:] += 50
        forecaster = several("SeasonalNaive", on_update=on_update).fit(y[:60], fh=range(1, 13))
        np.testing.assert_allclose(forecaster.predict(), y[48:60], rtol=1e-5)
        forecaster.update(y[60:], update_params=update_params)
        forecast = forecaster.predict()
        assert forecast.index[0] == MONTHS[-1] + 1
        np.testing.assert_allclose(forecast, y[60:], rtol=1e-5)

    @pytest.mark.parametrize("on_update", ["refit", "continue", "search"])
    def test_networks_are_trained_again_too(self, on_update: str) -> None:
        y = noise()
        forecaster = several(on_update=on_update, ensemble="mean")
        forecaster.fit(y[:60], fh=[1, 2]).update(y[60:])
        ensemble = forecaster.auto_model_
        assert ensemble.members["MLP"].model.state.ends()["ds"].tolist() == [71]
        anew = ensemble.predict(forecaster._context.long)["AutoEnsemble"]
        np.testing.assert_allclose(forecaster.predict(), anew, rtol=1e-5)

    def test_after_pretrain_forecasts_are_of_the_series_of_fit(self) -> None:
        y = seasonal(48, level=70, seed=9)
        forecaster = several("SeasonalNaive", h=3).pretrain(PANEL).fit(y, fh=[1, 2, 3])
        np.testing.assert_allclose(forecaster.predict(), y[36:39], rtol=1e-5)

    def test_nothing_is_validated_again_for_the_data_of_fit(
        self, fitted: AutoNeuralForecaster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = []
        validate = DataValidator.validate_dataset

        def counted(self: DataValidator, *args: object, **kwargs: object) -> object:
            calls.append(args)
            return validate(self, *args, **kwargs)

        single = AutoNeuralForecaster("MLP", TINY, gpus=0).fit(PANEL, fh=[1, 2])
        single.predict_interval()  # calibrates once
        monkeypatch.setattr(DataValidator, "validate_dataset", counted)
        for forecaster in (fitted, single):
            forecaster.predict()
            forecaster.predict_interval()
        assert not calls
        single.update(PANEL, update_params=False)
        single.predict()
        assert calls, "rows that were not trained on are validated"


class TestFiles:
    @pytest.mark.parametrize("newer", [False, True])
    def test_forecasts_are_those_of_the_saved_one(self, newer: bool, tmp_path: Path) -> None:
        y = noise()
        original = several(ensemble="mean").fit(y[:60], fh=[1, 4])
        assert set(original.weights_) == {"Naive", "MLP"}
        if newer:
            original.update(y[60:], update_params=False)
        original.save(tmp_path / "safe", serialization_format="safe")
        original.save(tmp_path / "zip").close()
        zipped = load(tmp_path / "zip.zip")
        for back in (AutoNeuralForecaster.load(tmp_path / "safe"), zipped):
            assert back.get_params() == original.get_params()
            pd.testing.assert_series_equal(back.predict(), original.predict())
            pd.testing.assert_frame_equal(back.predict_quantiles(), original.predict_quantiles())
            assert back.weights_ == original.weights_
            pd.testing.assert_frame_equal(
                back.leaderboard_[["model", "score", "weight"]],
                original.leaderboard_[["model", "score", "weight"]],
            )
            back.update(y, update_params=False)
            assert back.predict().index[0] == MONTHS[-1] + 1

    def test_spaces_become_what_was_found(self, tmp_path: Path) -> None:
        from automodel_sk.search_space import Choice

        config = {"MLP": {**TINY, "learning_rate": Choice((1e-3, 1e-2))}}
        original = several(config=config, num_samples=2).fit(noise(), fh=[1])
        back = AutoNeuralForecaster.load(original.save(tmp_path / "m", "safe"))
        best = original.leaderboard_.query("model == 'MLP'").iloc[0]["params"]
        assert back.config["MLP"]["learning_rate"] == best["learning_rate"]
        assert back.config["MLP"]["max_steps"] == 5
        pd.testing.assert_series_equal(back.predict(), original.predict())

    def test_a_model_of_other_names_is_refused(self, tmp_path: Path) -> None:
        folder = several("Naive").fit(seasonal(), fh=[1]).save(tmp_path / "m", "safe")
        manifest = folder / "forecaster.json"
        text = manifest.read_text()
        for other in ('["RWD"]', '"MLP"', '["no such model"]', "[]"):
            manifest.write_text(text.replace('["Naive"]', other))
            assert manifest.read_text() != text
            with pytest.raises(ModelFileError, match="AutoEnsemble of"):
                AutoNeuralForecaster.load(folder)

    @pytest.mark.parametrize(
        "config",
        ['{"MLP": {"callbacks": ["os.system"]}}', '{"Naive": {"a": 1}}', '{"MLP": 1}'],
    )
    def test_settings_that_do_more_are_refused(self, config: str, tmp_path: Path) -> None:
        folder = several("Naive").fit(seasonal(), fh=[1]).save(tmp_path / "m", "safe")
        manifest = folder / "forecaster.json"
        text = manifest.read_text()
        manifest.write_text(text.replace('"config": null', f'"config": {config}'))
        assert manifest.read_text() != text
        with pytest.raises(ModelFileError, match=r"settings of|sets callbacks"):
            AutoNeuralForecaster.load(folder)


class TestColumns:
    X = pd.DataFrame(
        {"price": np.random.default_rng(0).normal(size=75)},
        index=pd.period_range("2018-01", periods=75, freq="M"),
    )

    def test_are_left_out_of_those_that_cannot_use_them_and_said_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        forecaster = several(ensemble="mean")
        with caplog.at_level(logging.WARNING):
            forecaster.fit(noise(), X=self.X[:72], fh=[1, 2, 3])
            forecaster.predict(X=self.X[72:])
            forecaster.predict(X=self.X[72:])
        said = [r.getMessage() for r in caplog.records if "cannot use" in r.getMessage()]
        assert said == ["columns that models cannot use are left out: ['price'] of Naive"]

    def test_change_the_forecast_of_the_ensemble(self) -> None:
        y = (100 + 5 * self.X["price"][:72]).rename("y")
        config = {"MLP": {**TINY, "max_steps": 80, "learning_rate": 0.02}}
        forecaster = several(config=config, ensemble="best")
        forecaster.fit(y, X=self.X[:72], fh=[1, 2, 3])
        assert forecaster.weights_ == {"MLP": 1.0}
        expected = 100 + 5 * self.X["price"][72:]
        error = (forecaster.predict(X=self.X[72:]) - expected).abs().mean()
        assert error < 0.6 * (expected - 100).abs().mean()
        with pytest.raises(InvalidInputError, match="X is missing"):
            forecaster.predict()

    def test_need_no_future_where_no_member_reads_them(self) -> None:
        forecaster = several("SeasonalNaive", "MLP", ensemble="best")
        forecaster.fit(seasonal(), X=self.X[:72], fh=[1, 2])
        assert forecaster.weights_ == {"SeasonalNaive": 1.0}
        expected = seasonal().to_numpy()[60:62]
        np.testing.assert_allclose(forecaster.predict(), expected, rtol=1e-5)

    @pytest.mark.parametrize(
        ("model", "exogenous", "insample"),
        [
            ("auto", True, True),
            ("AUTO", True, True),
            ("AutoETS", False, True),
            (["AutoETS", "Naive"], False, True),
            (["AutoETS", "NHITS"], True, True),
            (["LightGBM"], True, True),
            ("LightGBM", True, True),
            (["TSMixer"], False, False),
            (["TSMixer", "Naive"], False, True),
            ("no such model", True, True),
            (["no such model"], True, True),
        ],
    )
    def test_tags(self, model: object, exogenous: bool, insample: bool) -> None:
        forecaster = AutoNeuralForecaster(model)
        assert forecaster.get_tag("capability:exogenous") == exogenous
        assert forecaster.get_tag("capability:insample") == insample

    def test_that_no_model_can_use_are_refused(self) -> None:
        with pytest.raises(InvalidInputError, match=r"none of \['Naive', 'RWD'\] accepts"):
            several("Naive", "RWD", hist_exog=["price"]).fit(seasonal(), X=self.X[:72], fh=[1])
        with pytest.raises(InvalidInputError, match="Naive does not accept static"):
            several("Naive", static=pd.DataFrame({"size": [1.0]})).fit(seasonal(), fh=[1])


class TestMessages:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"model": ["NHITS", "AutoEST"]}, "did you mean 'AutoETS'"),
            ({"model": []}, "model must name 1 to 100 models"),
            ({"model": ["auto", "NHITS"]}, "'auto' stands alone"),
            ({"model": ["MLP"], "config": {"max_steps": 2}}, "one search space by model name"),
            ({"model": ["MLP"], "config": {"NHITS": {}}}, "which takes no part"),
            ({"model": ["Naive"], "config": {"Naive": {"a": 1}}}, "has no parameters to tune"),
            ({"model": ["MLP"], "pi_method": "quantile"}, "intervals of an ensemble come"),
            ({"model": "auto", "pi_method": "distribution"}, "intervals of an ensemble come"),
        ],
    )
    def test_say_what_to_change(self, parameters: dict, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            AutoNeuralForecaster(**parameters, num_samples=1).fit(seasonal(), fh=[1])


class TestPlotsAndReports:
    def test_forecast_plot_names_the_instances(self, fitted: AutoNeuralForecaster) -> None:
        pytest.importorskip("matplotlib")
        figure = fitted.plot.forecast(["c"])
        assert [axes.get_title("left") for axes in figure.axes] == ["c"]

    def test_report_holds_code_that_fits_the_members_again(
        self, fitted: AutoNeuralForecaster, tmp_path: Path
    ) -> None:
        pytest.importorskip("plotly")
        from automodel_sk.estimator.code import code_of

        page = fitted.report(tmp_path / "report.html").read_text()
        assert "AutoEnsemble" in page
        code = code_of(fitted)
        assert code.splitlines()[0] == "from automodel_sk import AutoNeuralForecaster"
        variables: dict = {"y": PANEL}
        exec(code, variables)
        assert set(variables["forecaster"].leaderboard_["model"]) == {
            "AutoEnsemble",
            "Naive",
            "MLP",
        }


def test_observed_points_without_a_season_are_forecast_from_thirty_rows():
    steps = np.cumsum(np.random.default_rng(0).normal(1, 0.3, 40))
    y = pd.Series(steps, index=pd.period_range("1980", periods=40, freq="Y"), name="sales")
    forecaster = AutoNeuralForecaster(["RWD"], h=1, cpus=1).fit(y)
    drifts = [(y.iloc[n - 1] - y.iloc[max(0, n - 30)]) / (min(n, 30) - 1) for n in (35, 36)]
    expected = [y.iloc[n - 1] + drift for n, drift in zip((35, 36), drifts, strict=True)]
    assert forecaster.predict(fh=[-4, -3]).tolist() == pytest.approx(expected, rel=1e-5)
