"""Future-known, historic and static variables: used, of the right series, asked for by name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ray import tune
from series import seasonal_panel

from automodel_sk import AutoModel, OptimizationConfig, create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search.prepared import prepare_data

H = 8
QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
}
SMALL: dict[str, Any] = {
    "input_size": 8,
    "hidden_size": 32,
    "num_layers": 1,
    "windows_batch_size": 64,
    "learning_rate": 5e-3,
    "scaler_type": "identity",
}
LEARNS: dict[str, Any] = {
    "input_size": H,
    "max_steps": 300,
    "learning_rate": 2e-2,
    "num_lr_decays": 3,
    "hidden_size": 32,
    "decoder_output_dim": 4,
    "temporal_decoder_dim": 16,
    "num_encoder_layers": 1,
    "num_decoder_layers": 1,
    "dropout": 0.0,
    "layernorm": False,
    "windows_batch_size": 128,
    "scaler_type": "identity",
}
"""Of TiDE: learns what variables tell within 5 seconds."""

TOUCHES = {**SMALL, "max_steps": 10}


def fit(df: pd.DataFrame, config: dict[str, Any], **options: Any) -> AutoModel:
    return create_auto_model(options.pop("model", "MLP"), H, df, config, **{**QUIET, **options})


def promoted(n_series: int = 10, length: int = 158, seed: int = 0) -> pd.DataFrame:
    """Return series that follow a random promotion of the same step: nothing else tells it."""
    rng = np.random.default_rng(seed)
    size = n_series * length
    promo = rng.integers(0, 2, size).astype(float)
    visits = rng.normal(size=size)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"p{k}" for k in range(n_series)], length),
            "ds": np.tile(pd.date_range("2024-01-01", periods=length, freq="D"), n_series),
            "y": 10 + 5 * promo,
            "promo": promo,
            "visits": visits,
        }
    )


def split(df: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the past and the last `H` steps of each series."""
    last = df.groupby("unique_id").cumcount(ascending=False) < H
    return df[~last].reset_index(drop=True), df[last].reset_index(drop=True)


@pytest.fixture(scope="module")
def past() -> pd.DataFrame:
    return split(promoted())[0]


@pytest.fixture(scope="module")
def future() -> pd.DataFrame:
    return split(promoted())[1]


@pytest.fixture(scope="module")
def promo_model(past: pd.DataFrame) -> AutoModel:
    return fit(past, LEARNS, model="TiDE", futr_exog_list=["promo"])


@pytest.fixture(scope="module")
def few(past: pd.DataFrame) -> pd.DataFrame:
    return past[past["unique_id"].isin(["p0", "p1", "p2", "p3"])].groupby("unique_id").tail(60)


# Known in the future


def test_a_series_that_follows_a_known_variable_is_forecast_by_value(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    forecast = promo_model.predict(past, futr_df=future.drop(columns="y"))
    joined = forecast.merge(future, on=["unique_id", "ds"], validate="one_to_one")
    assert len(joined) == len(future)
    assert (joined["TiDE"] - joined["y"]).abs().max() < 0.5


def test_without_the_variable_it_can_not_be_known(past: pd.DataFrame, future: pd.DataFrame):
    blind = fit(past, {**LEARNS, "max_steps": 60}, model="TiDE").predict(past)
    joined = blind.merge(future, on=["unique_id", "ds"])
    assert (joined["TiDE"] - joined["y"]).abs().mean() > 1.5


def test_the_future_values_are_those_that_are_passed(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    opposite = future.assign(promo=1 - future["promo"])
    forecast = promo_model.predict(past, futr_df=opposite)
    joined = forecast.merge(opposite, on=["unique_id", "ds"])
    assert (joined["TiDE"] - (10 + 5 * joined["promo"])).abs().max() < 0.5


def test_shuffled_future_rows_give_the_same_forecast(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    expected = promo_model.predict(past, futr_df=future)
    shuffled = future.sample(frac=1, random_state=2)[["promo", "ds", "visits", "unique_id"]]
    pd.testing.assert_frame_equal(promo_model.predict(past, futr_df=shuffled), expected)
    pd.testing.assert_frame_equal(promo_model.predict(futr_df=shuffled), expected)


def test_text_dates_in_the_future_frame(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    as_text = future.assign(ds=future["ds"].dt.strftime("%Y-%m-%d"))
    pd.testing.assert_frame_equal(
        promo_model.predict(past, futr_df=as_text), promo_model.predict(past, futr_df=future)
    )


def test_rows_beyond_the_horizon_have_no_influence(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    later = future.assign(ds=future["ds"] + pd.Timedelta(days=H), promo=1e9)
    longer = pd.concat([later, future], ignore_index=True)
    pd.testing.assert_frame_equal(
        promo_model.predict(past, futr_df=longer), promo_model.predict(past, futr_df=future)
    )


def test_rows_of_other_series_have_no_influence(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    one = past[past["unique_id"] == "p2"]
    forecast = promo_model.predict(one, futr_df=future)
    assert forecast["unique_id"].unique().tolist() == ["p2"]
    together = promo_model.predict(past, futr_df=future).query("unique_id == 'p2'")
    assert np.allclose(forecast["TiDE"], together["TiDE"], rtol=1e-5)


@pytest.mark.parametrize(
    "columns", [None, ["unique_id", "ds"], ["unique_id", "ds", "visits"]], ids=str
)
def test_a_missing_future_frame_says_what_to_pass(
    columns: list[str] | None, promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    message = r"futr_df lacks \['promo'\].* 'unique_id', 'ds' and \['promo'\] for the next 8 steps"
    with pytest.raises(InvalidInputError, match=message):
        promo_model.predict(past, futr_df=None if columns is None else future[columns])


def test_future_rows_that_are_missing_are_named(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    gone = future[~((future["unique_id"] == "p1") & (future["ds"] == future["ds"].max()))]
    with pytest.raises(InvalidInputError, match="p1"):
        promo_model.predict(past, futr_df=gone)


def test_future_values_that_are_missing_are_named(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    hole = future.copy()
    hole.loc[3, "promo"] = np.nan
    with pytest.raises(InvalidInputError, match="promo"):
        promo_model.predict(past, futr_df=hole)


def test_two_future_rows_for_one_time_are_refused(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    twice = pd.concat([future, future[future["unique_id"] == "p1"].tail(1).assign(promo=7)])
    with pytest.raises(InvalidInputError, match=r"(?s)futr_df.*'p1'"):
        promo_model.predict(past, futr_df=twice)


def test_a_future_frame_of_categories_or_an_index(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    expected = promo_model.predict(past, futr_df=future)
    for same in (future.astype({"unique_id": "category"}), future.set_index("unique_id")):
        pd.testing.assert_frame_equal(promo_model.predict(past, futr_df=same), expected)


def test_new_series_with_their_future(promo_model: AutoModel):
    new_past, new_future = split(promoted(n_series=2, length=60, seed=5))
    rename = {"p0": "new", "p1": "newer"}
    new_past["unique_id"] = new_past["unique_id"].map(rename)
    new_future["unique_id"] = new_future["unique_id"].map(rename)
    joined = promo_model.predict(new_past, futr_df=new_future).merge(
        new_future, on=["unique_id", "ds"], validate="one_to_one"
    )
    assert len(joined) == 2 * H
    assert (joined["TiDE"] - joined["y"]).abs().max() < 0.5


def test_intervals_with_future_variables(
    promo_model: AutoModel, past: pd.DataFrame, future: pd.DataFrame
):
    forecast = promo_model.predict(past, futr_df=future, level=[80])
    joined = forecast.merge(future, on=["unique_id", "ds"])
    assert (joined["TiDE-hi-80"] - joined["TiDE-lo-80"]).max() < 2
    assert joined["y"].between(joined["TiDE-lo-80"] - 0.2, joined["TiDE-hi-80"] + 0.2).mean() > 0.7


# Known in the past alone


def leading(n_series: int = 10, length: int = 158) -> pd.DataFrame:
    """Return series that repeat, `H` steps later, what a historic variable showed."""
    frame = promoted(n_series, length + H, seed=1)
    frame["y"] = 10 + 5 * frame.groupby("unique_id")["promo"].shift(H)
    return frame.rename(columns={"promo": "leads"}).dropna().reset_index(drop=True)


def test_a_leading_variable_is_used():
    past, future = split(leading())
    model = fit(past, LEARNS, model="TiDE", hist_exog_list=["leads"])
    joined = model.predict(past).merge(future, on=["unique_id", "ds"], validate="one_to_one")
    assert len(joined) == len(future)
    assert (joined["TiDE"] - joined["y"]).abs().max() < 1.2
    flipped = model.predict(past.assign(leads=1 - past["leads"]))
    assert (flipped["TiDE"] - (25 - joined["y"])).abs().mean() < 1.5


def test_historic_variables_need_no_future(past: pd.DataFrame, future: pd.DataFrame):
    model = fit(past, TOUCHES, hist_exog_list=["visits"])
    expected = model.predict(past)
    assert len(expected) == len(future)
    poisoned = future.assign(visits=1e9)
    pd.testing.assert_frame_equal(model.predict(past, futr_df=poisoned), expected)


def test_a_historic_column_that_is_missing_is_named(past: pd.DataFrame):
    model = fit(past, TOUCHES, hist_exog_list=["visits"])
    with pytest.raises(InvalidInputError, match="visits"):
        model.predict(past.drop(columns="visits"))


# Static


LEVELS = {"p0": 10.0, "p1": 20.0, "p2": 30.0, "p3": 40.0, "p4": 50.0, "p5": 60.0}


def leveled(length: int = 60) -> pd.DataFrame:
    """Return noise around a level that the static variable tells exactly."""
    rng = np.random.default_rng(3)
    ids = np.repeat(list(LEVELS), length)
    return pd.DataFrame(
        {
            "unique_id": ids,
            "ds": np.tile(np.arange(length), len(LEVELS)),
            "y": pd.Series(ids).map(LEVELS) + rng.normal(scale=0.1, size=len(ids)),
        }
    )


def statics() -> pd.DataFrame:
    return pd.DataFrame({"unique_id": list(LEVELS), "level": [v / 10 for v in LEVELS.values()]})


@pytest.fixture(scope="module")
def static_model() -> AutoModel:
    return fit(leveled(), TOUCHES, static_df=statics(), stat_exog_list=["level"])


def test_shuffled_static_rows_give_the_same_forecast(static_model: AutoModel):
    expected = static_model.predict()
    shuffled = statics().sample(frac=1, random_state=4)
    again = fit(leveled(), TOUCHES, static_df=shuffled, stat_exog_list=["level"])
    pd.testing.assert_frame_equal(again.predict(), expected)
    pd.testing.assert_frame_equal(static_model.predict(leveled(), static_df=shuffled), expected)
    indexed = shuffled.set_index("unique_id")
    pd.testing.assert_frame_equal(static_model.predict(leveled(), static_df=indexed), expected)


def test_static_values_reach_the_forecast(static_model: AutoModel):
    expected = static_model.predict()
    other = statics().assign(level=lambda frame: frame["level"][::-1].to_numpy())
    changed = static_model.predict(leveled(), static_df=other)
    assert (changed["MLP"] - expected["MLP"]).abs().max() > 1e-3


def test_static_values_are_of_their_own_series():
    """Where the past is blank, the static variable alone tells the series apart."""
    rng = np.random.default_rng(3)
    ids = np.repeat(list(LEVELS), 80)
    promo = (rng.random(len(ids)) < 0.3).astype(float)
    level = pd.Series(ids).map(LEVELS) / 10
    ds = np.tile(np.arange(80), len(LEVELS))
    data = pd.DataFrame({"unique_id": ids, "ds": ds, "y": level * promo, "promo": promo})
    config = {**SMALL, "input_size": 2, "max_steps": 300, "learning_rate": 1e-2}
    columns = {"futr_exog_list": ["promo"], "stat_exog_list": ["level"]}
    backwards = statics().iloc[::-1]
    model = fit(data, {**config, "num_lr_decays": 3}, static_df=backwards, **columns)
    blank = data[data["ds"] < 10].assign(y=0.0, promo=0.0)
    future = data[data["ds"].between(10, 17)].assign(promo=1.0)
    for static in (None, statics().sample(frac=1, random_state=1)):
        means = model.predict(blank, futr_df=future, static_df=static)
        means = means.groupby("unique_id")["MLP"].mean()
        assert means.is_monotonic_increasing
        assert means["p5"] - means["p0"] > 1


def test_static_values_of_the_training_are_kept(static_model: AutoModel):
    some = leveled().query("unique_id in ['p4', 'p1']")
    kept = static_model.predict(some)
    passed = static_model.predict(some, static_df=statics())
    among_all = static_model.predict().query("unique_id in ['p4', 'p1']")
    pd.testing.assert_frame_equal(kept, passed)
    assert np.allclose(kept["MLP"], among_all["MLP"], rtol=1e-5)


def test_static_rows_of_other_series_have_no_influence(static_model: AutoModel):
    others = pd.DataFrame({"unique_id": ["a_first", "p05", "z_last"], "level": [90.0, 80.0, 70.0]})
    more = pd.concat([others, statics()], ignore_index=True)
    expected = static_model.predict()
    again = fit(leveled(), TOUCHES, static_df=more, stat_exog_list=["level"])
    pd.testing.assert_frame_equal(again.predict(), expected)
    pd.testing.assert_frame_equal(static_model.predict(leveled(), static_df=more), expected)


def test_a_new_series_without_static_values_is_named(static_model: AutoModel):
    new = leveled().query("unique_id == 'p0'").assign(unique_id="stranger")
    with pytest.raises(InvalidInputError, match="static_df has no row for unique_id 'stranger'"):
        static_model.predict(new)
    row = pd.DataFrame({"unique_id": ["stranger"], "level": [1.0]})
    forecast = static_model.predict(new, static_df=row)
    known = static_model.predict(leveled().query("unique_id == 'p0'"))
    assert np.allclose(forecast["MLP"], known["MLP"], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": [1.0, np.nan]}, "column 'level' of static_df has 1 missing value"),
        ({"level": [np.inf, 1.0]}, "column 'level' of static_df has 1 infinite value"),
        ({"level": ["1", "2"]}, "column 'level' of static_df must hold numbers, found numbers as"),
        ({"unique_id": ["p1", "p1"]}, "static_df has 1 row too many, first for series 'p1'"),
    ],
)
@pytest.mark.parametrize("call", ["predict", "simulate", "refit", "update", "cross_validation"])
def test_static_values_given_later_are_checked(
    static_model: AutoModel, call: str, changes: dict[str, Any], words: str
):
    some = leveled().query("unique_id in ['p0', 'p1']")
    static = pd.DataFrame({"unique_id": ["p0", "p1"], "level": [1.0, 2.0]}).assign(**changes)
    with pytest.raises(InvalidInputError, match=re.escape(words)):
        getattr(static_model, call)(some, static_df=static)


def test_static_rows_of_other_series_are_not_checked(static_model: AutoModel):
    some = leveled().query("unique_id in ['p0', 'p1']")
    other = statics().assign(level=lambda frame: frame["level"].where(frame.index < 2))
    expected = static_model.predict(some, static_df=statics())
    pd.testing.assert_frame_equal(static_model.predict(some, static_df=other), expected)


@pytest.mark.parametrize("call", ["predict", "simulate", "explain"])
def test_static_values_without_a_dataset_are_refused(static_model: AutoModel, call: str):
    with pytest.raises(InvalidInputError, match="static_df is given without dataset"):
        getattr(static_model, call)(static_df=statics())


def test_a_static_frame_that_is_missing_is_asked_for():
    with pytest.raises(InvalidInputError, match="static_df"):
        fit(leveled(), TOUCHES, stat_exog_list=["level"])


def test_a_series_without_static_values_is_named():
    with pytest.raises(InvalidInputError, match="p3"):
        fit(
            leveled(),
            TOUCHES,
            static_df=statics().query("unique_id != 'p3'"),
            stat_exog_list=["level"],
        )


# All together, and where they are refused


@pytest.mark.parametrize("model", ["NHITS", "TSMixerx"])
def test_all_three_kinds_in_a_search(model: str, few: pd.DataFrame, future: pd.DataFrame):
    static = pd.DataFrame({"unique_id": ["p3", "p1", "p0", "p2"], "size": [3, 1, 0, 2]})
    size = {"NHITS": {"mlp_units": 3 * [[8, 8]]}, "TSMixerx": {"ff_dim": 8, "n_block": 1}}[model]
    space = {
        "input_size": 8,
        "max_steps": 3,
        "windows_batch_size": 8,
        "learning_rate": tune.choice([1e-3, 1e-2]),
        **size,
    }
    result = create_auto_model(
        model,
        H,
        few.sample(frac=1, random_state=0),
        space,
        static_df=static,
        futr_exog_list=["promo"],
        hist_exog_list=["visits"],
        stat_exog_list=["size"],
        num_samples=2,
        **QUIET,
    )
    assert result.trials["state"].tolist() == ["COMPLETE", "COMPLETE"]
    forecast = result.predict(few, futr_df=future)
    assert len(forecast) == 4 * H
    assert np.isfinite(forecast[model]).all()
    module = result.to_neuralforecast().models[0]
    assert list(module.futr_exog_list) == ["promo"]
    assert list(module.hist_exog_list) == ["visits"]
    assert list(module.stat_exog_list) == ["size"]


@pytest.mark.parametrize("kind", ["futr_exog_list", "hist_exog_list", "stat_exog_list"])
def test_lists_within_a_config_are_sent_beside_it(kind: str, past: pd.DataFrame):
    with pytest.raises(InvalidInputError, match=f"{kind} is not allowed in config.*{kind}="):
        fit(past, {**TOUCHES, kind: ["promo"]})


def test_a_model_without_exogenous_variables_refuses_them(past: pd.DataFrame):
    with pytest.raises(InvalidInputError, match="NLinear"):
        fit(past, {"input_size": 8, "max_steps": 1}, model="NLinear", futr_exog_list=["promo"])


def test_a_column_that_is_not_there_is_named(past: pd.DataFrame):
    with pytest.raises(InvalidInputError, match="price"):
        fit(past, TOUCHES, futr_exog_list=["price"])


def test_columns_that_no_list_names_have_no_influence(past: pd.DataFrame):
    bare = fit(past[["unique_id", "ds", "y"]], TOUCHES).predict()
    wide = fit(past.assign(note="text", promo=np.nan), TOUCHES).predict()
    pd.testing.assert_frame_equal(bare, wide)


def test_the_profile_names_the_static_columns_that_are_used():
    panel = seasonal_panel()
    ids = panel["unique_id"].unique()
    static = pd.DataFrame({"unique_id": ids, "size": range(len(ids)), "town": "x"})
    options = OptimizationConfig()
    prepared = prepare_data(panel, 6, options, static_df=static, stat_exog=["size"])
    assert prepared.profile.stat_exog == ("size",)
