"""Later rows join the earlier ones, whatever they are called; a refused update changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster

pytestmark = pytest.mark.filterwarnings("ignore")

MONTHS = pd.period_range("2015-01", periods=52, freq="M")
CONFIG = {"max_steps": 2, "input_size": 4, "hidden_size": 8, "num_layers": 1}


def naive(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 1, "input_size": 4, "learning_rate": 1e-4}
    return AutoNeuralForecaster("NLinear", config, gpus=0, **parameters)


def walk(name: object, n: int = 48) -> pd.Series:
    steps = np.random.default_rng(0).normal(size=n)
    return pd.Series(100 + steps.cumsum(), index=MONTHS[:n], name=name)


def series(name: object) -> pd.Series:
    return walk(name)


def frame(name: object) -> pd.DataFrame:
    return walk(name).to_frame(0 if name is None else name)


def panel(name: object) -> pd.DataFrame:
    return pd.concat({"b": frame(name), "a": frame(name) + 50})


def hierarchy(name: object) -> pd.DataFrame:
    return pd.concat({("b", 1): frame(name), ("a", 2): frame(name) + 50})


def halves(y: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    early = y.index.get_level_values(-1) <= MONTHS[39]
    return y[early], y[~early]


NAMES = [("sales", None), (None, "sales"), ("sales", "other")]


class TestNames:
    @pytest.mark.parametrize("container", [series, frame, panel, hierarchy])
    @pytest.mark.parametrize(("first", "second"), NAMES)
    def test_rows_join_whatever_they_are_called(
        self, container: object, first: object, second: object
    ) -> None:
        forecasts = {}
        for name in (first, second):
            forecaster = naive(h=3).fit(halves(container(first))[0])
            forecaster.update(halves(container(name))[1], update_params=False)
            forecasts[name] = forecaster.predict(fh=[1, 3])
            interval = forecaster.predict_interval(fh=[1])
            assert interval.columns[0][0] == (0 if name is None else name)
        np.testing.assert_array_equal(forecasts[first], forecasts[second])
        assert forecasts[first].index.equals(forecasts[second].index)
        assert np.isfinite(forecasts[second]).to_numpy().all()

    @pytest.mark.parametrize("mode", ["refit", "continue", "search"])
    @pytest.mark.parametrize(("first", "second"), NAMES)
    def test_every_way_to_update_takes_them(self, mode: str, first: str, second: str) -> None:
        forecasts = []
        for name in (first, second):
            forecaster = naive(h=1, on_update=mode).fit(walk(first)[:40])
            forecasts.append(forecaster.update(walk(name)[40:]).predict(fh=[1]))
        np.testing.assert_array_equal(*forecasts)

    def test_several_columns_are_distinguished_by_their_names(self) -> None:
        y = pd.DataFrame({"a": walk("a"), "b": walk("b") + 900})
        forecaster = naive(h=1).fit(y[:40])
        forecaster.update(y[40:][["b", "a"]], update_params=False)
        forecast = forecaster.predict(fh=[1])
        assert forecast.columns.tolist() == ["a", "b"]
        assert forecast["b"].iloc[0] - forecast["a"].iloc[0] == pytest.approx(900, abs=20)

    @pytest.mark.parametrize("columns", [["a"], ["a", "c"], ["c", "d"], ["a", "b", "c"]])
    def test_other_columns_are_refused(self, columns: list[str]) -> None:
        y = pd.DataFrame({"a": walk("a"), "b": walk("b") + 900})
        forecaster = naive(h=1).fit(y[:40])
        newer = pd.DataFrame({column: walk(column)[40:] for column in columns})
        with pytest.raises(InvalidInputError, match="fit got the columns"):
            forecaster.update(newer)

    def test_x_is_matched_by_column(self) -> None:
        X = pd.DataFrame({"p": np.arange(52.0), "q": np.sin(np.arange(52.0))}, index=MONTHS)

        def forecast(newer: pd.DataFrame) -> pd.Series:
            forecaster = AutoNeuralForecaster("MLP", CONFIG, gpus=0)
            forecaster.fit(walk("y")[:40], X=X[:40], fh=[1, 2])
            return forecaster.update(walk("y")[40:], X=newer[40:48]).predict(X=X[48:50])

        pd.testing.assert_series_equal(forecast(X), forecast(X[["q", "p"]]))
        pd.testing.assert_series_equal(forecast(X), forecast(X.assign(more=1.0)))
        with pytest.raises(InvalidInputError, match="X lacks the column 'q' that fit got"):
            forecast(X[["p"]])


class TestData:
    def test_levels_may_come_in_another_order(self) -> None:
        parts = {(r, s): frame("y") + 100 * (10 * r + s) for r in (1, 2) for s in (1, 2)}
        y = pd.concat(parts, names=["region", "shop", "month"])
        early, late = halves(y)
        forecaster, other = naive(h=1).fit(early), naive(h=1).fit(early)
        forecaster.update(late, update_params=False)
        other.update(late.swaplevel(0, 1).sort_index(), update_params=False)
        pd.testing.assert_frame_equal(other.predict(fh=[1]), forecaster.predict(fh=[1]))

    def test_times_may_be_in_another_zone(self) -> None:
        times = pd.date_range("2024-01-01", periods=48, freq="h", tz="Europe/Berlin")
        y = walk("y").set_axis(times)
        forecaster, other = naive(h=1).fit(y[:40]), naive(h=1).fit(y[:40])
        forecaster.update(y[40:], update_params=False)
        other.update(y[40:].tz_convert("UTC"), update_params=False)
        pd.testing.assert_series_equal(other.predict(fh=[0, 1]), forecaster.predict(fh=[0, 1]))

    @pytest.mark.parametrize("container", [series, frame, panel])
    def test_changes_of_the_frame_after_fit_change_nothing(
        self, container: object, tmp_path: Path
    ) -> None:
        early, late = halves(container("y"))
        X = pd.DataFrame({"p": np.arange(48.0)}, index=MONTHS[:48])
        X = pd.concat({"b": X, "a": X}) if container is panel else X
        early_X, late_X = halves(X)
        own = early.copy(), early_X.copy()
        forecasts = []
        for y, x in ((early, early_X), own):
            forecaster = AutoNeuralForecaster("MLP", CONFIG, gpus=0, hist_exog=["p"], h=1)
            forecaster.fit(y, X=x)
            if y is own[0]:
                own[0].iloc[:], own[1].iloc[:] = 0.0, 0.0
            forecaster.save(tmp_path / "m", "safe")
            loaded = AutoNeuralForecaster.load(tmp_path / "m").predict(fh=[0, 1])
            forecaster.update(late, X=late_X, update_params=False)
            forecasts.append((loaded, forecaster.predict(fh=[-8, 1])))
        for one, another in zip(*forecasts, strict=True):
            np.testing.assert_array_equal(one, another)


class TestRefused:
    @pytest.mark.parametrize("update_params", [False, True])
    @pytest.mark.parametrize(
        "newer",
        [
            walk("y")[43:],
            walk("y")[40:].replace(walk("y").iloc[41], np.inf),
            pd.DataFrame({"a": walk("y")[40:], "b": walk("y")[40:]}),
        ],
        ids=["gap", "infinite", "two columns"],
    )
    def test_the_forecaster_stays_as_it_was(self, newer: pd.Series, update_params: bool) -> None:
        forecaster = naive(h=2).fit(walk("y")[:40])
        before = forecaster.predict(fh=[1]), forecaster.predict_interval(fh=[1])
        with pytest.raises(InvalidInputError):
            forecaster.update(
                newer.rename("z") if newer.ndim == 1 else newer, update_params=update_params
            )
        assert forecaster.cutoff[0] == MONTHS[39]
        pd.testing.assert_series_equal(forecaster.predict(fh=[1]), before[0])
        pd.testing.assert_frame_equal(forecaster.predict_interval(fh=[1]), before[1])
        forecaster.update(walk("y")[40:44], update_params=False)
        assert forecaster.predict(fh=[1]).index[0] == MONTHS[44]

    @pytest.mark.parametrize("update_params", [False, True])
    def test_so_do_those_of_several_columns(self, update_params: bool) -> None:
        y = pd.DataFrame({"a": walk("a"), "b": walk("b") + 900})
        newer = y[40:44].copy()
        newer.iloc[1, 1] = np.inf
        forecaster = naive(h=2).fit(y[:40])
        before = forecaster.predict(fh=[1])
        with pytest.raises(InvalidInputError):
            forecaster.update(newer, update_params=update_params)
        assert forecaster.cutoff[0] == MONTHS[39]
        pd.testing.assert_frame_equal(forecaster.predict(fh=[1]), before)
        forecaster.update(y[40:44], update_params=False)
        assert forecaster.predict(fh=[1]).index[0] == MONTHS[44]

    @pytest.mark.parametrize("columns", [1, 2])
    @pytest.mark.parametrize("fault", ["y", "fh"])
    def test_so_do_those_that_update_and_predict_at_once(self, columns: int, fault: str) -> None:
        y = pd.DataFrame({name: walk(name) for name in "ab"[:columns]})
        newer = y[40:44].copy()
        if fault == "y":
            newer.iloc[1, -1] = np.inf
        forecaster = naive(h=2).fit(y[:40])
        before = forecaster.predict(fh=[1]), forecaster.predict_interval(fh=[1])
        with pytest.raises(InvalidInputError):
            forecaster.update_predict_single(
                newer, fh=[1] if fault == "y" else [-100], update_params=False
            )
        assert forecaster.cutoff[0] == MONTHS[39]
        pd.testing.assert_frame_equal(forecaster.predict(fh=[1]), before[0])
        pd.testing.assert_frame_equal(forecaster.predict_interval(fh=[1]), before[1])
        later = forecaster.update_predict_single(y[40:44], fh=[1], update_params=False)
        assert later.index[0] == MONTHS[44]
