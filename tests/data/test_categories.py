"""Categorical columns have the same codes in trials as in the final model."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.data.held_out import with_unobserved_rows
from automodel_sk.exceptions import InvalidInputError, NoUsableTrialError
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.planning import UserInput, make_plan
from automodel_sk.search.request_builder import training_data
from automodel_sk.search_space import Choice

H = 7
QUICK = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0, "storage": ":memory:"}
QUICK |= {"precision": "32-true"}
DAYS = pd.date_range("2024-01-01", periods=120)
NEXT = pd.date_range("2024-04-30", periods=H)
CONFIG = {
    "input_size": 7,
    "hidden_size": 16,
    "num_layers": 1,
    "max_steps": 60,
    "learning_rate": 1e-2,
    "scaler_type": "standard",
    "cat_exog_list": ["day"],
    "categorical_cardinalities": {"day": 7},
}
SPACE = {**CONFIG, "max_steps": 20, "learning_rate": Choice([1e-2, 1e-3])}
KINDS = {
    "0 to 6": lambda times: times.dayofweek,
    "1000 to 1006": lambda times: times.dayofweek + 1000,
    "text": lambda times: times.day_name().astype(object),
    "categories": lambda times: pd.Categorical(times.day_name()),
    "categories of numbers": lambda times: pd.Categorical(times.dayofweek),
}


def panel(kind: str) -> pd.DataFrame:
    days = KINDS[kind](DAYS)
    return pd.DataFrame({"unique_id": "a", "ds": DAYS, "day": days, "y": 10.0 + DAYS.dayofweek})


def future(kind: str) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": "a", "ds": NEXT, "day": KINDS[kind](NEXT)})


def fit(df: pd.DataFrame, config: object = CONFIG, model: str = "MLP", **more: object) -> AutoModel:
    searched = {"num_samples": 2} if isinstance(config, dict) and config is not CONFIG else {}
    options = {**QUICK, "futr_exog_list": ["day"], **searched, **more}
    return create_auto_model(model, H, df, config, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_trials_and_the_final_model_see_equal_codes(kind):
    df = panel(kind)
    plan = make_plan(
        UserInput("MLP", H, df, SPACE, futr_exog_list=["day"]), OptimizationConfig(cpus=1)
    )
    trial = training_data(plan)
    final = fit(df, {**CONFIG, "max_steps": 1}, num_samples=None).to_neuralforecast().dataset
    at = list(trial.temporal_cols).index("day")
    codes = trial.temporal[:, at].tolist()
    assert list(final.temporal_cols) == list(trial.temporal_cols)
    assert codes == final.temporal[:, at].tolist()
    assert sorted(set(codes)) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_forecast_of_its_codes(kind, tmp_path):
    model = fit(panel(kind), SPACE)
    assert model.trials["state"].isin(["COMPLETE", "PRUNED"]).all()
    assert model.best_score == pytest.approx(
        model.validation_scores(["mae"])["MLP"].iloc[0], rel=1e-3
    )
    forecast = model.predict(futr_df=future(kind))["MLP"]
    if kind == "1000 to 1006":  # another name for the same codes
        same = fit(panel("0 to 6"), SPACE).predict(futr_df=future("0 to 6"))["MLP"]
        pd.testing.assert_series_equal(forecast, same)
    again = model.predict(panel(kind), futr_df=future(kind))["MLP"]
    pd.testing.assert_series_equal(again, forecast)
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    pd.testing.assert_series_equal(loaded.predict(futr_df=future(kind))["MLP"], forecast)
    pd.testing.assert_series_equal(
        loaded.cross_validation(n_windows=2)["MLP"],
        model.cross_validation(panel(kind), n_windows=2)["MLP"],
    )
    assert len(model.simulate(panel(kind), futr_df=future(kind), n_paths=2)) == 2 * H


def test_an_update_keeps_the_codes():
    """Rows without Mondays and Tuesdays would shift all codes by two."""
    model = fit(panel("text"))
    few = panel("text")[lambda d: ~d["day"].isin(["Monday", "Friday"])]
    few = few.assign(ds=DAYS[-len(few) :])
    updated = model.update(few, max_steps=1)
    before, after = (m.to_neuralforecast().categorical_vocab_ for m in (model, updated))
    assert before == after
    ahead = future("text")
    shift = (
        updated.predict(panel("text"), futr_df=ahead)["MLP"] - model.predict(futr_df=ahead)["MLP"]
    )
    assert shift.abs().max() < 1


def test_a_category_that_is_new_is_said_so(caplog):
    model = fit(panel("text"), {**CONFIG, "max_steps": 2}, num_samples=None)
    some = future("text").replace({"day": {"Friday": "Holiday"}})
    assert np.isfinite(model.predict(futr_df=some)["MLP"]).all()
    assert "1 categories that the model was not trained on, first 'Holiday'" in caplog.text
    numbers = future("0 to 6")
    with pytest.raises(InvalidInputError, match=r"no category known to the model .*'Friday'"):
        model.predict(futr_df=numbers)
    more = panel("text").replace({"day": {"Friday": "Holiday"}})
    more.loc[4, "day"] = "Friday"
    with pytest.raises(InvalidInputError, match="holds 8 categories, the model has room for 7"):
        model.refit(more)
    other = panel("text").assign(day=lambda rows: rows["day"] + "!")
    anew, known = (model.cross_validation(one)["MLP"] for one in (other, panel("text")))
    assert anew.tolist() == known.tolist()


@pytest.mark.parametrize(
    ("changes", "model", "columns", "words"),
    [
        (
            {"categorical_cardinalities": {"day": 6}},
            "MLP",
            ["day"],
            "gives 'day' 6, but .* holds 7",
        ),
        ({"categorical_cardinalities": {}}, "MLP", ["day"], "lacks 'day', which holds 7"),
        (
            {"cat_exog_list": ["dya"]},
            "MLP",
            ["day"],
            "names 'dya', which none .* 'day'",
        ),
        ({}, "NBEATS", [], "NBEATS does not accept categorical variables"),
        ({"cat_exog_list": Choice([["day"], []])}, "MLP", ["day"], "must be one plain value"),
    ],
)
def test_what_can_not_work_is_refused_beforehand(changes, model, columns, words):
    with pytest.raises(InvalidInputError, match=words):
        fit(panel("0 to 6"), {**SPACE, **changes}, model, futr_exog_list=columns)


def test_a_function_can_not_name_categories():
    with pytest.raises(NoUsableTrialError, match="cat_exog_list must be one plain list"):
        fit(panel("0 to 6"), lambda trial: CONFIG, num_samples=1)


def test_static_categories_are_coded_too():
    df = pd.concat([panel("0 to 6"), panel("0 to 6").assign(unique_id="b")])[
        ["unique_id", "ds", "y"]
    ]
    static = pd.DataFrame({"unique_id": ["b", "a"], "shop": ["small", "large"]})
    config = {**SPACE, "cat_exog_list": ["shop"], "categorical_cardinalities": {"shop": 2}}
    options = {**QUICK, "static_df": static, "stat_exog_list": ["shop"], "num_samples": 2}
    model = create_auto_model("MLP", H, df, config, **options)
    forecast = model.predict()["MLP"]
    pd.testing.assert_series_equal(model.predict(df)["MLP"], forecast)
    pd.testing.assert_series_equal(model.predict(df, static_df=static)["MLP"], forecast)
    assert len(model.refit(df).predict()) == 2 * H


def test_static_categories_that_are_new_are_said_so(caplog):
    df = pd.concat([panel("0 to 6").assign(unique_id=name) for name in "ab"])
    df = df[["unique_id", "ds", "y"]]
    static = pd.DataFrame({"unique_id": ["a", "b"], "shop": ["large", "small"]})
    config = {**CONFIG, "max_steps": 2, "cat_exog_list": ["shop"]}
    config["categorical_cardinalities"] = {"shop": 2}
    options = {**QUICK, "static_df": static, "stat_exog_list": ["shop"]}
    model = create_auto_model("MLP", H, df, config, **options)
    strange = static.assign(shop=["new", "newer"])
    for call in (model.predict, model.update):
        with pytest.raises(InvalidInputError, match="'shop' of static_df has no category known"):
            call(df, static_df=strange)
    caplog.clear()
    anew, known = (model.cross_validation(df, static_df=one) for one in (strange, static))
    pd.testing.assert_frame_equal(anew, known)  # trained anew on categories of the same codes
    assert "not trained on" not in caplog.text
    assert model.refit(df, static_df=strange).state.categories == {"shop": {"new": 1, "newer": 2}}
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        model.predict(df, static_df=static.assign(shop=["large", "newer"]))
    assert "'shop' of static_df holds 1 categories that the model was not trained on" in caplog.text


@pytest.mark.slow
def test_ray_trains_on_the_same_codes():
    values = [
        fit(
            panel("1000 to 1006"), SPACE, backend=backend, storage=None, use_pruning=False
        ).best_score
        for backend in ("ray", "optuna")
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


def test_text_is_taken_as_categories_by_its_type(tmp_path):
    plain = {
        k: v for k, v in CONFIG.items() if k not in ("cat_exog_list", "categorical_cardinalities")
    }
    for kind in ("text", "categories"):
        model, named = fit(panel(kind), plain), fit(panel(kind))
        assert model.state.task.cat_exog == ("day",)
        forecast = model.predict(futr_df=future(kind))["MLP"]
        pd.testing.assert_series_equal(forecast, named.predict(futr_df=future(kind))["MLP"])
    loaded = AutoModel.load(model.save(tmp_path / "m"))
    pd.testing.assert_series_equal(loaded.predict(futr_df=future(kind))["MLP"], forecast)
    numbers = fit(panel("0 to 6"), {**plain, "max_steps": 1})
    assert numbers.state.task.cat_exog == ()


def test_text_in_the_default_space():
    options = OptimizationConfig(cpus=1)
    given = UserInput("MLP", H, panel("text"), futr_exog_list=["day"])
    plan = make_plan(given, options)
    assert plan.space.constants["cat_exog_list"] == ["day"]
    assert "learning_rate" in plan.space.domains
    with pytest.raises(InvalidInputError, match="choose a model that takes categories"):
        make_plan(UserInput("TFT", H, panel("text"), futr_exog_list=["day"]), options)


def test_models_that_embed_text_read_it_among_others(tmp_path):
    pytest.importorskip("lightgbm")
    network = {k: v for k, v in CONFIG.items() if not k.startswith("cat")}
    config = {"MLP": network, "TFT": {"max_steps": 1, "input_size": 7, "hidden_size": 8}}
    df = pd.concat([panel("text"), panel("text").assign(unique_id="b")], ignore_index=True)
    model = fit(df, config, ["LightGBM", "MLP", "TFT"], num_samples=2, n_windows=1)
    assert set(model.leaderboard()["model"]) >= {"LightGBM", "MLP", "TFT"}
    ahead = pd.concat([future("text"), future("text").assign(unique_id="b")])
    table = model.predict(futr_df=ahead)
    expected = np.tile(10.0 + NEXT.dayofweek, 2)
    assert np.abs(table["AutoEnsemble"] - expected).mean() < 1
    loaded = AutoModel.load(model.save(tmp_path / "m"))
    pd.testing.assert_frame_equal(loaded.predict(futr_df=ahead), table)
    pd.testing.assert_frame_equal(
        loaded.predict(df, futr_df=ahead), model.predict(df, futr_df=ahead)
    )


@pytest.mark.parametrize("kind", ["text", "1000 to 1006"])
def test_short_series_of_models_of_all_series_are_padded_by_their_own_categories(kind):
    df = pd.concat([panel(kind), panel(kind).tail(9).assign(unique_id="b")], ignore_index=True)
    padded = with_unobserved_rows(df.tail(129), rows=12, freq="D", categories=["day"])
    assert padded.query("unique_id == 'b'")["day"].tolist()[:4] == [df["day"].iloc[120]] * 4
    assert padded.query("unique_id == 'b'")["y"].tolist()[:4] == [0, 0, 0, df["y"].iloc[120]]
    model = fit(df, {**CONFIG, "max_steps": 2}, "MLPMultivariate", num_samples=None)
    tested = model.cross_validation()
    assert tested["unique_id"].unique().tolist() == ["a", "b"]
