"""What is found in sktime data is told in the user's names: series, times, columns, frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from automodel_sk import DataValidator
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.search_space import Choice

pytestmark = pytest.mark.filterwarnings("ignore")

MONTHS = pd.period_range("2015-01", periods=40, freq="M")
ENGINE_WORDS = ("np.int", "unique_id", " df", "df[", "futr_df", "static_df", "ds'")


def naive(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 1, "input_size": 4, "learning_rate": 1e-4}
    return AutoNeuralForecaster("NLinear", config, gpus=0, **parameters)


def mlp(**parameters: object) -> AutoNeuralForecaster:
    config = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    return AutoNeuralForecaster("MLP", config, gpus=0, **parameters)


def panel(ids: tuple = ("north", "south"), n: int = 36) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.concat(
        {key: pd.DataFrame({"sales": rng.normal(size=n)}, index=MONTHS[:n]) for key in ids}
    )


def prices(n: int = 36) -> pd.DataFrame:
    X = panel(n=n).rename(columns={"sales": "price"})
    return X.assign(y=1.0)


def said(do: object) -> str:
    """Return the message of the error, free of the engine's words."""
    with pytest.raises(InvalidInputError) as caught:
        do()
    message = str(caught.value)
    assert not [word for word in ENGINE_WORDS if word in message], message
    return message


class TestValues:
    def test_infinite(self) -> None:
        y = panel()
        y.iloc[48] = np.inf
        assert said(lambda: naive().fit(y, fh=[1])) == (
            "column 'sales' of y has 1 infinite value, first in series 'south' at 2016-01; "
            "replace them, e.g. y = y.replace([np.inf, -np.inf], np.nan).ffill()"
        )

    @pytest.mark.parametrize(
        ("ids", "name"),
        [
            (("north", "south"), "'south'"),
            ((101, 102), "102"),
            ((("north", 1), ("south", 2)), r"\('south', 2\)"),
        ],
    )
    def test_the_series_is_named(self, ids: tuple, name: str) -> None:
        y = panel(ids)
        y.iloc[48] = np.inf
        match = f"column 'sales' of y has 1 infinite value, first in series {name} at 2016-01;"
        with pytest.raises(InvalidInputError, match=match):
            naive().fit(y, fh=[1])

    @pytest.mark.parametrize(
        ("name", "words"), [(None, "^y has"), ("sales", "column 'sales' of y")]
    )
    def test_a_single_series(self, name: str | None, words: str) -> None:
        y = pd.Series(np.arange(20.0), index=MONTHS[:20], name=name)
        y.iloc[3] = -np.inf
        with pytest.raises(InvalidInputError, match=f"{words}.*first in the series at 2015-04"):
            naive().fit(y, fh=[1])

    def test_huge_and_constant_values_in_strict_mode(self) -> None:
        y = panel()
        y.iloc[48] = 1e25
        message = said(lambda: naive(strict_mode=True).fit(y, fh=[1]))
        assert "column 'sales' of y holds 1e+25, in series 'south' at 2016-01" in message
        y.loc["south"] = 5.0
        message = said(lambda: naive(strict_mode=True).fit(y, fh=[1]))
        assert "is constant in 1 of 2 series, first in series 'south'" in message

    def test_warnings(self) -> None:
        y = panel()
        y.loc["south"] = 5.0
        forecaster = naive().fit(y, fh=[1])
        (warning,) = forecaster.auto_model_.validation.warnings
        assert (
            "column 'sales' of y is constant in 1 of 2 series, first in series 'south'" in warning
        )

    @pytest.mark.parametrize("column", ["price", "y"])
    def test_x_in_the_past_and_in_the_future(self, column: str) -> None:
        wrong = prices(38)
        wrong.loc[("south", MONTHS[37]), column] = np.inf
        message = f"column '{column}' of X has 1 infinite value, first in series 'south' at 2018-02"
        forecaster = mlp().fit(panel(), X=prices(), fh=[1, 2])
        with pytest.raises(InvalidInputError, match=message):
            forecaster.predict(X=wrong)
        with pytest.raises(InvalidInputError, match=message):
            mlp().fit(panel(n=38), X=wrong, fh=[1])

    def test_later_rows(self) -> None:
        y = panel(n=38)
        y.iloc[-1] = np.inf
        forecaster = naive(h=2).fit(panel())
        for update_params in (True, False):
            with pytest.raises(InvalidInputError, match="first in series 'south' at 2018-02"):
                forecaster.update(y, update_params=update_params)


class TestLengths:
    def test_too_short_to_train(self) -> None:
        space = {"max_steps": 1, "input_size": 4, "learning_rate": Choice((1e-3, 1e-2))}
        forecaster = AutoNeuralForecaster("NLinear", space, num_samples=1, gpus=0)
        message = said(lambda: forecaster.fit(panel(n=9), fh=range(1, 13)))
        assert "the longest of 2 series, 'north', has 9" in message

    def test_short_series_are_named(self) -> None:
        y = panel().drop(index=[("south", month) for month in MONTHS[9:36]])
        forecaster = naive().fit(y, fh=range(1, 13))
        (warning,) = forecaster.auto_model_.validation.warnings
        assert "1 of 2 series have fewer, the shortest 'south' with 9" in warning

    def test_a_fixed_configuration_needs_no_rows_for_validation(self) -> None:
        for y in (panel(n=14), panel(n=14).loc["north"]):
            assert np.isfinite(naive().fit(y, fh=range(1, 13)).predict()).to_numpy().all()

    @pytest.mark.parametrize("model", ["SeasonalNaive", "NLinear", ["SeasonalNaive"]])
    def test_columns_that_no_model_uses(self, model: Any, caplog: pytest.LogCaptureFixture) -> None:
        y = panel()
        config = {"input_size": 12, "max_steps": 1} if model == "NLinear" else None
        forecaster = naive().set_params(model=model, config=config)
        with caplog.at_level("WARNING", "automodel_sk"):
            forecaster.fit(y, X=pd.DataFrame({"price": 1.0}, index=y.index), fh=[1])
        assert "does not accept columns ['price']; leave X out" in caplog.text

    def test_too_short_for_intervals(self) -> None:
        with pytest.raises(InvalidInputError, match="use pi_method='distribution', or longer"):
            mlp().fit(panel(n=3), fh=[1, 2, 3]).predict_interval()

    def test_too_short_to_calibrate(self, caplog: pytest.LogCaptureFixture) -> None:
        y = panel().drop(index=[("south", month) for month in MONTHS[10:36]])
        forecaster = naive().fit(y, fh=[1, 2, 3, 4])
        with caplog.at_level("WARNING", "automodel_sk"):
            assert np.isfinite(forecaster.predict_interval()).to_numpy().all()
        assert "series 'south': too short to hold out 12 steps" in caplog.text

    @pytest.mark.parametrize("ids", [("north", "south"), (("a", 1), ("b", 2)), None])
    @pytest.mark.parametrize(
        "times", [MONTHS[:36], MONTHS[:36].to_timestamp(), pd.RangeIndex(36)], ids=["M", "MS", "1"]
    )
    def test_gaps(self, ids: tuple | None, times: pd.Index) -> None:
        rows = panel().loc["north"].set_axis(times)
        y = pd.concat(dict.fromkeys(ids, rows)) if ids else rows
        freq = "MS" if isinstance(times, pd.DatetimeIndex) else None
        message = said(lambda: naive(freq=freq).fit(y.drop(index=y.index[-6]), fh=[1]))
        assert " has a gap of 1 row(s) between " in message
        code = message.split("e.g. ")[1].rsplit(", or", 1)[0]
        filled = eval(code, {"y": y.drop(index=y.index[-6]), "pd": pd})
        assert len(filled) == len(y)
        assert filled.notna().to_numpy().all()


class TestStatic:
    @pytest.mark.parametrize(
        ("static", "message"),
        [
            ({"size": 1.0}, "static must be a DataFrame .* got dict"),
            (pd.Series([1.0, 2.0], index=[101, 102]), r"static.to_frame\('size'\)"),
            (pd.DataFrame({"size": [1.0]}, index=[101]), "static has no row for series 102;"),
            (pd.DataFrame({"size": ["a", "b"]}, index=[101, 102]), "column 'size' of static must"),
            (
                pd.DataFrame({"size": [1, np.nan]}, index=[101, 102]),
                "column 'size' of static has 1",
            ),
            (pd.DataFrame([[1, 2]] * 2, index=[101, 102], columns=["s", "s"]), "two columns 's'"),
        ],
    )
    def test_what_is_wrong_is_named(self, static: object, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            mlp(static=static).fit(panel((101, 102)), fh=[1])

    @pytest.mark.parametrize(
        "static",
        [
            pd.DataFrame({"size": [1.0, 2.0]}, index=[101.0, 102.0]),
            pd.DataFrame({"unique_id": [1.0, 2.0]}, index=[101, 102]),
            pd.DataFrame({"open": [True, False]}, index=[101, 102]),
            pd.DataFrame({"open": pd.array([True, False], "boolean")}, index=[101, 102]),
        ],
    )
    def test_what_can_be_read_is_taken(self, static: pd.DataFrame) -> None:
        forecaster = mlp(static=static).fit(panel((101, 102)), fh=[1])
        model = forecaster.auto_model_.to_neuralforecast().models[0]
        assert len(model.stat_exog_list) == 1
        assert np.isfinite(forecaster.predict()).to_numpy().all()


def test_long_frames_name_whole_numbers_plainly() -> None:
    df = pd.DataFrame({"unique_id": np.repeat([101, 102], 20), "ds": [*range(20)] * 2, "y": 1.0})
    df.loc[25, "y"] = np.inf
    df.loc[25, "ds"] = 4
    result = DataValidator().validate_dataset(df, h=12, input_size=8)
    assert "first in series 102 at 4" in result.errors[0]
    assert not [message for message in result.errors + result.warnings if "np.int" in message]


def test_the_calendar_is_refused_by_its_own_name() -> None:
    y = panel().loc["north"]
    assert said(lambda: naive(h=1, calendar=True).fit(y)) == (
        "calendar and holidays add columns with known future values, but NLinear does not accept"
        " such columns; leave calendar and holidays out, or choose a model that accepts them, e.g."
        " model='NHITS'"
    )
