"""Which rows of X a forecast needs: those up to the last point asked for, and no others."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import ForecastingHorizon
from sktime.forecasting.compose import ForecastX
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.naive import NaiveForecaster
from sktime.split import ExpandingWindowSplitter

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster

pytestmark = pytest.mark.filterwarnings("ignore")

MONTHS = pd.period_range("2015-01", periods=60, freq="M")
X = pd.DataFrame({"price": np.random.default_rng(1).normal(size=60)}, index=MONTHS)
Y = (3 * X["price"]).rename("y")


def mlp(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 2, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    return AutoNeuralForecaster("MLP", config, gpus=0, **parameters)


def recurrent(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 2, "input_size": 4, "encoder_hidden_size": 8, "recurrent": True}
    return AutoNeuralForecaster("GRU", config, gpus=0, **parameters)


class TestOneSeries:
    def test_rows_up_to_the_last_point_suffice(self) -> None:
        forecaster = mlp(h=8).fit(Y[:40], X=X[:40])
        with pytest.warns(UserWarning, match="h=8 steps that MLP forecasts at once"):
            forecast = forecaster.predict(fh=[1, 2, 3], X=X[40:43])
        repeated = pd.concat([X[40:43], X[42:43].set_axis(MONTHS[43:44])])
        for month in MONTHS[44:48]:
            repeated.loc[month] = X.iloc[42]
        pd.testing.assert_series_equal(forecast, forecaster.predict(fh=[1, 2, 3], X=repeated))
        assert len(forecaster.predict_interval(fh=[2], X=X[40:42])) == 1

    def test_a_recurrent_model_does_not_look_further(self) -> None:
        forecaster = recurrent(h=8).fit(Y[:40], X=X[:40])
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            forecast = forecaster.predict(fh=[1, 3], X=X[40:43])
        full = forecaster.predict(fh=[1, 3], X=X[40:])
        np.testing.assert_allclose(forecast, full, rtol=1e-5)

    def test_whole_blocks_of_the_model_need_no_more(self) -> None:
        forecaster = mlp(h=2).fit(Y[:40], X=X[:40])
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            forecast = forecaster.predict(fh=[1, 4], X=X[40:44])
        pd.testing.assert_series_equal(forecast, forecaster.predict(fh=[1, 4], X=X))

    def test_the_last_block_of_a_longer_horizon_repeats_the_last_row(self) -> None:
        forecaster = mlp(h=2).fit(Y[:40], X=X[:40])
        with pytest.warns(UserWarning, match="its last row is repeated"):
            forecast = forecaster.predict(fh=[1, 3], X=X[40:43])
        repeated = pd.concat([X[40:43], X[42:43].set_axis(MONTHS[43:44])])
        pd.testing.assert_series_equal(forecast, forecaster.predict(fh=[1, 3], X=repeated))

    def test_points_with_gaps_use_the_rows_between(self) -> None:
        forecaster = mlp().fit(Y[:40], X=X[:40], fh=[2, 5])
        low, high = X[40:45].copy(), X[40:45].copy()
        low.loc[MONTHS[42]], high.loc[MONTHS[42]] = -50.0, 50.0
        assert not np.allclose(forecaster.predict(X=low), forecaster.predict(X=high))

    @pytest.mark.parametrize("fh", [[2, 5], [3]])
    def test_missing_rows_between_are_named(self, fh: list[int]) -> None:
        forecaster = mlp(h=5).fit(Y[:40], X=X[:40])
        message = rf"no row at 2018-05; .* between the points of fh.*fh=range\(1, {fh[-1] + 1}\)"
        with pytest.raises(InvalidInputError, match=message):
            forecaster.predict(fh=fh, X=X.iloc[[39 + step for step in fh]])

    def test_without_x_the_rows_are_counted(self) -> None:
        forecaster = mlp(h=8).fit(Y[:40], X=X[:40])
        with pytest.raises(InvalidInputError, match="with the next 3 time points"):
            forecaster.predict(fh=[1, 3])

    def test_observed_points_need_no_x(self) -> None:
        forecaster = mlp(h=3).fit(Y[:40], X=X[:40])
        assert np.isfinite(forecaster.predict(fh=[-2, 0])).all()


class TestCompositions:
    @pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
    def test_evaluate(self, strategy: str) -> None:
        def score(fh: list[int]) -> pd.DataFrame:
            cv = ExpandingWindowSplitter(initial_window=50, step_length=4, fh=fh)
            return evaluate(mlp(), cv, Y, X=X, strategy=strategy, error_score="raise")

        assert len(score([1, 2, 3, 4, 5])) == 2
        with pytest.raises(InvalidInputError, match=r"\(evaluate, ForecastX\).*fh=range\(1, 6\)"):
            score([2, 5])

    def test_forecast_x(self) -> None:
        combined = ForecastX(mlp(), NaiveForecaster())
        assert len(combined.fit(Y, X=X, fh=[1, 2, 3]).predict()) == 3
        with pytest.raises(InvalidInputError, match=r"fh=range\(1, 4\)"):
            combined.fit(Y, X=X, fh=[3]).predict()


class TestPanel:
    def setup_method(self) -> None:
        self.y = pd.concat({"b": Y[:45].to_frame(), "a": Y[:40].to_frame()})
        self.X = pd.concat({"b": X[:45], "a": X[:40]})
        self.fh = ForecastingHorizon(MONTHS[[46, 47]], is_relative=False)

    def future(self, b: int, a: int) -> pd.DataFrame:
        return pd.concat({"b": X[45 : 45 + b], "a": X[40 : 40 + a]})

    def test_each_series_needs_x_to_its_own_last_point(self) -> None:
        forecaster = recurrent().fit(self.y, X=self.X, fh=self.fh)
        forecast = forecaster.predict(X=self.future(b=3, a=8))
        full = forecaster.predict(X=pd.concat({"b": X, "a": X}))
        np.testing.assert_allclose(forecast, full, rtol=1e-5)
        assert forecast.index.get_level_values(-1).unique().tolist() == MONTHS[[46, 47]].tolist()
        assert len(forecaster.predict_interval(X=self.future(b=3, a=8))) == 4

    def test_a_point_that_one_series_has_observed(self) -> None:
        forecaster = recurrent(h=8).fit(self.y, X=self.X)
        fh = ForecastingHorizon(MONTHS[[43, 44]], is_relative=False)
        assert np.isfinite(forecaster.predict(fh=fh, X=self.future(b=0, a=5))).to_numpy().all()

    def test_the_series_and_time_that_lack_are_named(self) -> None:
        forecaster = mlp().fit(self.y, X=self.X, fh=self.fh)
        with pytest.raises(
            InvalidInputError, match=r"no row at 2018-12 of series 'a'.*these 8 rows"
        ):
            forecaster.predict(X=self.future(b=3, a=7))


class TestEmptyValues:
    """Empty values of X: they tell nothing, and are named where a model would read them."""

    def test_they_override_no_known_ones(self) -> None:
        forecaster = mlp(h=6, fill_gaps="ffill").fit(Y[:40], X=X[:46])
        expected = forecaster.predict(fh=[1, 2])
        empty = X[40:46].where(np.arange(6)[:, None] < 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            found = forecaster.predict(fh=[1, 2], X=empty)
        pd.testing.assert_series_equal(found, expected)
        later = forecaster.update(Y[40:41], X=empty, update_params=False).predict(fh=[1])
        whole = mlp(h=6, fill_gaps="ffill").fit(Y[:40], X=X[:46])
        whole = whole.update(Y[40:41], update_params=False).predict(fh=[1])
        pd.testing.assert_series_equal(later, whole)

    @pytest.mark.parametrize("panel", [False, True])
    def test_the_future_of_a_past_column_may_be_empty(self, panel: bool) -> None:
        both = X.assign(visits=np.arange(60.0))
        empty = both.assign(visits=both["visits"].where(np.arange(60) < 40))
        y, given, known = Y[:40].to_frame(), empty[:46], both[:40]
        if panel:  # the second series ends earlier
            y, given, known = (
                pd.concat({"a": rows, "b": rows[: len(rows) - 2]}, names=["s", "t"])
                for rows in (y, given, known)
            )
            given.loc[("b", MONTHS[38:40]), "visits"] = np.nan
        forecaster = mlp(h=3, hist_exog=["visits"]).fit(y, X=given)
        whole = mlp(h=3, hist_exog=["visits"]).fit(y, X=known)
        ahead = given[["price"]]
        pd.testing.assert_frame_equal(
            forecaster.predict(fh=[1, 2, 3]), whole.predict(fh=[1, 2, 3], X=ahead)
        )
        pd.testing.assert_frame_equal(
            forecaster.predict(fh=[1, 2, 3], X=given), whole.predict(fh=[1, 2, 3], X=ahead)
        )
        assert not forecaster.get_tag("capability:missing_values")

    def test_others_are_named(self) -> None:
        empty = X.where(np.arange(60)[:, None] != 30)
        with pytest.raises(InvalidInputError) as caught:
            mlp(h=3).fit(Y[:40], X=empty)
        assert str(caught.value) == (
            "column 'price' of X has 1 missing value, first at 2017-07; fill them, e.g."
            " X = X.ffill(), or hist_exog=['price'] if its future isn't known"
        )
        with pytest.raises(InvalidInputError, match=r"first at 2017-07; fill them, .*ffill\(\)$"):
            mlp(h=3, hist_exog=["price"]).fit(Y[:40], X=empty)
        forecaster = mlp(h=3).fit(Y[:40], X=X[:40])
        with pytest.raises(InvalidInputError, match="column 'price' of X has 1 missing value"):
            forecaster.predict(fh=[1], X=X[40:43].where(np.arange(3)[:, None] > 0))
