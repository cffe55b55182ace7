"""Errors on rows that came after the training data, of a model and of an ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ensembles import LastTimes, data_of, ensemble_of
from neuralforecast.losses.pytorch import QuantileLoss

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.data.columns import ColumnNames
from automodel_sk.exceptions import InvalidInputError

CONFIG = {"input_size": 6, "max_steps": 2, "hidden_size": 4, "num_layers": 1}
QUIET: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}
DAYS = pd.date_range("2024-01-01", periods=44)
SEASON = [4.0, 9.0, 2.0, 7.0]


def panel(**columns: Any) -> pd.DataFrame:
    """Return two series of season 4, of which the second is ten times as large."""
    return pd.concat(
        pd.DataFrame({"unique_id": name, "ds": DAYS, "y": scale * np.array(SEASON * 11), **columns})
        for name, scale in (("small", 1.0), ("large", 10.0))
    ).reset_index(drop=True)


FRAME = panel()
PAST, LATER = FRAME[FRAME["ds"] < DAYS[40]], FRAME[FRAME["ds"] >= DAYS[40]]


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return create_auto_model("MLP", 4, PAST, CONFIG, season_length=4, **QUIET)


@pytest.fixture(scope="module")
def ensemble() -> AutoModel:
    """Members that forecast the last value times 1 and times 2, with equal weights."""
    data = data_of(PAST, 4, season=4, n_windows=2)
    frame = data.frame
    members = [LastTimes(1.0, frame, 4, name="One"), LastTimes(2.0, frame, 4, name="Two")]
    return ensemble_of(PAST, data, members, [0.5, 0.5])


def test_the_errors_are_those_of_the_forecasts(model: AutoModel):
    table = model.evaluate(LATER, ["mae", "rmse"])
    assert table.columns.tolist() == [
        "metric", "MLP", "SeasonalNaive", "Naive", "WindowAverage", "RWD"
    ]  # fmt: skip
    errors = LATER.merge(model.predict(), on=["unique_id", "ds"]).eval("MLP - y")
    by_series = errors.groupby(np.repeat([0, 1], 4))
    mae, rmse = (
        by_series.apply(lambda e: e.abs().mean()),
        by_series.apply(lambda e: np.sqrt((e**2).mean())),
    )
    assert table["metric"].tolist() == ["mae", "rmse"]
    assert table["MLP"].tolist() == pytest.approx([mae.mean(), rmse.mean()], rel=1e-5)
    assert table["SeasonalNaive"].tolist() == [0.0, 0.0]
    # The last value is 7: errors of 3, 2, 5 and 0, ten times as large in the other series.
    assert table["Naive"][0] == pytest.approx(2.5 * 11 / 2)


def test_an_ensemble_is_beside_its_members(ensemble: AutoModel):
    table = ensemble.evaluate(LATER, ["mae"])
    assert table.columns.tolist() == [
        "metric", "AutoEnsemble", "One", "Two", "SeasonalNaive", "Naive", "WindowAverage", "RWD"
    ]  # fmt: skip
    row = table.iloc[0]
    two = np.abs(14.0 - np.array(SEASON)).mean()
    both = np.abs(10.5 - np.array(SEASON)).mean()
    assert row[["One", "Two", "AutoEnsemble"]].tolist() == pytest.approx(
        [2.5 * 5.5, two * 5.5, both * 5.5]
    )


def test_each_series_has_a_row_by_itself(ensemble: AutoModel):
    table = ensemble.evaluate(LATER, ["mae", "mase"], by_series=True)
    keys = table[["unique_id", "metric"]].values.tolist()
    assert keys == [["large", "mae"], ["large", "mase"], ["small", "mae"], ["small", "mase"]]
    assert table["One"].tolist()[::2] == pytest.approx([25.0, 2.5])
    # The past repeats itself without error, so that there is no scale.
    assert table["One"].tolist()[1::2] == pytest.approx([np.inf, np.inf])


def test_the_scale_is_that_of_the_training_data():
    walk = np.arange(40.0)
    frame = pd.DataFrame({"unique_id": "a", "ds": range(44), "y": [*walk, 50.0, 50.0, 50.0, 50.0]})
    data = data_of(frame[:40], 4, season=4, n_windows=2)
    own = ensemble_of(frame[:40], data, [LastTimes(1.0, data.frame, 4, name="One")], [1.0])
    # Off by 11 at each step; a seasonal-naive forecast of the training data is off by 4.
    assert own.evaluate(frame[40:], ["mase"])["AutoEnsemble"].tolist() == pytest.approx([11 / 4])


def test_rows_of_the_training_data_and_unobserved_ones_do_not_count(ensemble: AutoModel):
    masked = FRAME.assign(y=FRAME["y"].mask(FRAME["ds"] == DAYS[41], 1e6))
    masked["available_mask"] = (masked["ds"] != DAYS[41]).astype(float)
    holed = LATER.assign(y=LATER["y"].mask(LATER["ds"] == DAYS[41]))
    for frame in (masked, holed):
        errors = ensemble.evaluate(frame, ["mae"], by_series=True)["One"]
        assert errors.tolist() == pytest.approx([80 / 3, 8 / 3])


def test_fewer_rows_than_the_horizon_are_enough(ensemble: AutoModel):
    first = LATER.groupby("unique_id").head(2)
    assert ensemble.evaluate(first, ["mae"], by_series=True)["One"].tolist() == [25.0, 2.5]


def test_quantile_metrics_score_the_intervals(ensemble: AutoModel):
    table = ensemble.evaluate(LATER, ["mqloss", "mae"])
    assert np.isfinite(table["AutoEnsemble"]).all()
    assert table["Naive"].isna().tolist() == [True, False]
    assert 0 < table["AutoEnsemble"][0] < table["AutoEnsemble"][1]


def test_metrics_are_functions_too(ensemble: AutoModel):
    def worst(y_true: Any, y_pred: Any) -> float:
        return float(np.abs(y_true - y_pred).max())

    table = ensemble.evaluate(LATER, [worst])
    assert table["metric"].tolist() == [f"{__name__}.{worst.__qualname__}"]
    assert table["One"].tolist() == [27.5]


def test_the_usual_metrics_are_the_default(model: AutoModel):
    assert model.evaluate(LATER)["metric"].tolist() == ["mae", "rmse", "smape", "mase"]


def test_names_are_the_users(ensemble: AutoModel):
    names = {"unique_id": "shop", "ds": "day", "y": "sales"}
    ensemble.columns = ColumnNames("shop", "day", "sales")
    try:
        table = ensemble.evaluate(LATER.rename(columns=names), ["mae"], by_series=True)
        assert table.columns[0] == "shop"
        with pytest.raises(InvalidInputError, match=r"test_df lacks the column 'sales' \(target"):
            ensemble.evaluate(LATER.rename(columns=names).drop(columns="sales"))
        with pytest.raises(InvalidInputError, match=r'test_df.groupby\("shop"\).head\(4\)'):
            ensemble.evaluate(_longer().rename(columns=names))
        assert "mae" in ensemble.leaderboard(_longer().rename(columns=names))
    finally:
        ensemble.columns = ColumnNames()


def _longer() -> pd.DataFrame:
    """Return rows of five days after the training data."""
    more = LATER[LATER["ds"] == DAYS[43]].assign(ds=DAYS[43] + pd.Timedelta(days=1))
    return pd.concat([LATER, more])


WRONG: dict[str, tuple[pd.DataFrame, str]] = {
    "no later row": (PAST, "no row after the training data, which end at 2024-02-09"),
    "none observed": (LATER.assign(y=np.nan), "no observed value after the training data"),
    "another series": (
        LATER.replace({"unique_id": {"small": "tiny"}}),
        "series 'tiny', which the model was not trained on",
    ),
    "too many rows": (_longer(), r"5 rows of series 'large' .* more than the horizon h=4"),
    "a gap at first": (
        LATER[LATER["ds"] > DAYS[40]],
        "lacks the row of series 'large' at 2024-02-10; the next one is at 2024-02-11",
    ),
    "a gap later": (LATER[LATER["ds"] != DAYS[42]], "series 'large' at 2024-02-12"),
    "twice": (pd.concat([LATER, LATER[:1]]), "series 'small' twice at 2024-02-10"),
    "words": (LATER.assign(y="many"), "column 'y' of test_df holds values that are no numbers"),
    "numbers as times": (LATER.assign(ds=range(8)), "is of type int64, and that of the training"),
    "no column": (LATER.drop(columns="ds"), "test_df lacks the column 'ds'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_evaluated_is_refused(case: str, ensemble: AutoModel):
    frame, message = WRONG[case]
    with pytest.raises(InvalidInputError, match=message):
        ensemble.evaluate(frame, ["mae"])


def test_no_frame_is_refused(ensemble: AutoModel):
    with pytest.raises(InvalidInputError, match="test_df must be a pandas DataFrame, got None"):
        ensemble.evaluate(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="by_series must be True or False"):
        ensemble.evaluate(LATER, by_series="yes")  # type: ignore[arg-type]


def test_a_missing_series_is_warned_about(
    ensemble: AutoModel, caplog: pytest.LogCaptureFixture
) -> None:
    table = ensemble.evaluate(LATER[LATER["unique_id"] == "small"], ["mae"])
    assert table["One"].tolist() == [2.5]
    assert "no later row of series 'large'; the errors are those of the other 1" in caplog.text


def test_future_values_come_from_the_test_rows() -> None:
    frame = panel(promo=np.tile([0.0, 1.0], 22))
    past, later = frame[frame["ds"] < DAYS[40]], frame[frame["ds"] >= DAYS[40]]
    data = data_of(past, 4, season=4, n_windows=2, futr_exog=("promo",))
    member = LastTimes(1.0, data.frame, 4, name="One", futr_exog=("promo",))
    own = ensemble_of(past, data, [member], [1.0])
    # 7 and 8 in turn beside 4, 9, 2 and 7, and 70 and 71 beside ten times as much.
    expected = [(30 + 19 + 50 + 1) / 4, (3 + 1 + 5 + 1) / 4]
    table = own.evaluate(later, ["mae"], by_series=True)
    assert table["AutoEnsemble"].tolist() == pytest.approx(expected)
    first = later.groupby("unique_id").head(1)
    with pytest.raises(InvalidInputError, match=r"future values of 'promo' for all h=4 steps"):
        own.evaluate(first, ["mae"])
    future = later.drop(columns="y")
    table = own.evaluate(first, ["mae"], futr_df=future, by_series=True)
    assert table["AutoEnsemble"].tolist() == pytest.approx([30.0, 3.0])
    with pytest.raises(InvalidInputError, match="'promo'"):
        own.evaluate(later, ["mae"], futr_df=future[["unique_id", "ds"]])
    with pytest.raises(InvalidInputError, match="lacks"):
        own.evaluate(later, ["mae"], futr_df=future.drop(index=future.index[0]))


def test_calendar_columns_are_computed():
    network = create_auto_model("MLP", 4, PAST, CONFIG, calendar=["weekday"], **QUIET)
    table = network.evaluate(LATER, ["mae"])
    errors = LATER.merge(network.predict(), on=["unique_id", "ds"]).eval("MLP - y")
    assert table["MLP"].tolist() == pytest.approx([errors.abs().mean()], rel=1e-5)


def test_metrics_of_one_name_have_a_row_each(ensemble: AutoModel):
    largest, least = lambda y, f: abs(y - f).max(), lambda y, f: abs(y - f).min()
    table = ensemble.evaluate(LATER, [largest, least, least, "mae", "MAE", largest])
    names = [name.rpartition(".")[2] for name in table["metric"]]
    assert names == ["<lambda>", "<lambda> (2)", "mae"]
    apart = [[LATER["y"].iloc[4 * k : 4 * k + 4] - 7.0 * 10**k for k in (0, 1)]]
    assert table["One"].tolist()[:2] == [
        np.mean([getattr(e.abs(), word)() for e in apart[0]]) for word in ("max", "min")
    ]


@pytest.mark.parametrize("loss", ["poisson", QuantileLoss(0.9)], ids=["mean", "quantile"])
def test_the_error_of_a_quantile_is_that_of_its_forecast(loss: Any):
    counts = FRAME.assign(y=np.random.default_rng(0).poisson(0.5, len(FRAME)).astype(float))
    past, later = counts[counts["ds"] < DAYS[40]], counts[counts["ds"] >= DAYS[40]]
    network = create_auto_model("MLP", 4, past, CONFIG, loss, **QUIET)
    found = network.evaluate(later, ["quantile_loss"])["MLP"].iloc[0]
    if loss != "poisson":
        assert np.isnan(found), "it has no median"
        return
    median = later.merge(network.predict(quantiles=[0.5]), on=["unique_id", "ds"])
    assert found == pytest.approx((median["y"] - median["MLP_ql0.5"]).abs().mean() / 2, rel=1e-5)


def test_unreadable_times_are_refused(ensemble: AutoModel):
    texts = [f"0{day}/02/2024" for day in (1, 2, 3, 4)]
    with pytest.raises(InvalidInputError, match="'ds'"):
        ensemble.evaluate(LATER.assign(ds=texts * 2), ["mae"])
    with pytest.raises(InvalidInputError, match="column 'ds' of test_df has missing times"):
        ensemble.evaluate(LATER.assign(ds=LATER["ds"].where(LATER["ds"] > DAYS[40])), ["mae"])
