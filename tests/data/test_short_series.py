"""Series too short for the validation are forecast all the same, and disturb nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice

H = 7
QUICK = {
    "use_mlflow": False,
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
    "storage": ":memory:",
    "precision": "32-true",
}
FIXED = {
    "input_size": 14,
    "hidden_size": 16,
    "num_layers": 1,
    "max_steps": 60,
    "learning_rate": 5e-3,
}
FIXED |= {"scaler_type": "standard"}
SPACE = {**FIXED, "max_steps": 20, "learning_rate": Choice([1e-2, 3e-3])}
DAYS = pd.date_range("2024-01-01", periods=100)


def wave(name: str, rows: int, level: float = 0.0) -> pd.DataFrame:
    """Return the last rows of a weekly wave, all waves ending on one day."""
    steps = np.arange(100 - rows, 100)
    noise = np.random.default_rng(rows).normal(0, 0.1, rows)
    y = 10 + level + 3 * np.sin(2 * np.pi * steps / 7) + noise
    return pd.DataFrame({"unique_id": name, "ds": DAYS[100 - rows :], "y": y})


LONG = pd.concat([wave("a", 100), wave("b", 90, 4.0)])
SHORT = pd.concat([wave(f"s{rows}", rows, 1.0) for rows in (1, 2, 3, 8, 14)])
BOTH = pd.concat([LONG, SHORT])
TRUTH = 10 + 3 * np.sin(2 * np.pi * np.arange(100, 107) / 7)


def fit(
    df: pd.DataFrame, config: object = SPACE, model: str = "MLP", **options: object
) -> AutoModel:
    more = {} if config is FIXED else {"num_samples": 2}
    return create_auto_model(model, H, df, config, **{**QUICK, **more, **options})


def error(model: AutoModel, name: str, level: float) -> float:
    forecast = model.predict().set_index("unique_id").loc[name, model.model_name]
    return float(np.abs(forecast.to_numpy() - TRUTH - level).mean())


def test_they_are_forecast_listed_once_and_spoil_nothing():
    model, alone = fit(BOTH, FIXED), fit(LONG, FIXED)
    assert model.predict().groupby("unique_id").size().eq(H).all()
    assert np.isfinite(model.predict()["MLP"]).all()
    for name, level in (("a", 0.0), ("b", 4.0)):
        assert error(alone, name, level) < 0.3
        assert error(model, name, level) < 0.4
    assert error(model, "s14", 1.0) < 0.6  # two seasons are a full window
    searched = fit(BOTH)
    (warning,) = [w for w in searched.validation.warnings if "left out of validation" in w]
    assert "5 of 7 series have fewer than the 15 rows" in warning
    assert "['s1', 's2', 's3', 's8', 's14']" in warning
    assert len(searched.predict()) == 7 * H


@pytest.mark.parametrize("metric", [None, "mase"])
def test_trials_are_judged_by_the_long_series_alone(metric):
    """Other values of the short series change no trial."""
    other = BOTH.assign(y=BOTH["y"].where(~BOTH["unique_id"].str.startswith("s"), 1e3))
    trials = [fit(df, metric=metric).trials["value"].tolist() for df in (BOTH, other)]
    assert trials[0] == trials[1]
    assert np.isfinite(trials[0]).all()


def test_several_windows_leave_out_who_is_too_short_for_them():
    df = pd.concat([LONG, wave("c", 40)])
    model = fit(df, n_windows=6)
    assert (
        "1 of 3 series have fewer than the 50 rows that h=7 and val_size=42 need: ['c']"
        in (model.validation.warnings[0])
    )
    scores = model.validation_scores(["mae"])
    assert len(scores) == 6
    assert np.isfinite(scores["MLP"]).all()
    assert model.best_score == pytest.approx(scores["MLP"].mean(), rel=1e-3)


@pytest.mark.parametrize("metric", [None, "mae"])
def test_a_model_of_all_series_at_once_keeps_their_places(metric):
    space = {**SPACE, "hidden_size": 8}
    model = fit(BOTH, space, "MLPMultivariate", metric=metric)
    assert model.predict().groupby("unique_id").size().eq(H).all()
    far = BOTH.copy()
    last = far["unique_id"].isin(["s8", "s14"]) & (far["ds"] > DAYS[-H - 1])
    far.loc[last, "y"] += 1e3  # held out: what comes there is no trial's business
    other = fit(far, space, "MLPMultivariate", metric=metric)
    assert other.trials["value"].tolist() == model.trials["value"].tolist()
    tested = model.cross_validation(n_windows=2)
    assert tested["unique_id"].unique().tolist() == ["a", "b"]
    assert np.isfinite(model.validation_scores(["mae"])["MLPMultivariate"]).all()


def test_saved_refitted_and_updated_they_stay_as_they_are(tmp_path):
    model = fit(BOTH, FIXED)
    expected = model.predict()["MLP"]
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    for again in (loaded, model.refit(BOTH), loaded.refit(BOTH)):
        pd.testing.assert_series_equal(again.predict()["MLP"], expected, rtol=1e-4)
    assert len(model.update(BOTH, max_steps=2).predict()) == 7 * H


@pytest.mark.parametrize(("first", "then"), [(18, 60), (60, 18)])
def test_a_refit_pads_where_its_own_series_are_short_as_a_new_call_does(first, then):
    model, anew = (
        create_auto_model("MLP", H, wave("a", rows), FIXED, **QUICK) for rows in (first, then)
    )
    refitted = model.refit(wave("a", then))
    assert refitted.state.task.pad_short_series is (then == 18)
    pd.testing.assert_frame_equal(refitted.predict(), anew.predict())


def test_past_windows_are_those_of_series_that_have_them(caplog):
    tested = fit(BOTH, FIXED).cross_validation(n_windows=2)
    assert tested.groupby("unique_id").size().to_dict() == {"a": 14, "b": 14}
    assert "5 of 7 series have fewer than the 16 rows" in caplog.text
    with pytest.raises(InvalidInputError, match=r"to hold out 105 .* lower h or n_windows"):
        fit(LONG, FIXED).cross_validation(n_windows=15)


def test_where_all_are_short_those_with_a_row_to_learn_from_are_validated_on():
    model = fit(pd.concat([wave("a", 10), wave("b", 9), wave("c", 3)]))
    assert model.predict().groupby("unique_id").size().to_dict() == {"a": 7, "b": 7, "c": 7}
    assert np.isfinite(model.best_score)
    assert "1 of 3 series have fewer than the 9 rows" in model.validation.warnings[0]


def test_a_horizon_that_no_series_can_hold_out_is_refused_with_what_to_lower():
    with pytest.raises(InvalidInputError, match="the longest of 2 series, 'a', has 7; lower h"):
        fit(pd.concat([wave("a", 7), wave("b", 3)]))
    with pytest.raises(InvalidInputError, match=r"n_windows=15 with h=7 holds out 105"):
        fit(LONG, n_windows=15)


@pytest.mark.parametrize("rows", [14, 7, 2])
def test_a_fixed_configuration_needs_no_rows_to_validate_on(rows):
    model = create_auto_model(
        "MLP", H, wave("a", rows), {**FIXED, "max_steps": 2}, freq="D", **QUICK
    )
    assert len(model.predict()) == H


def test_a_history_of_a_single_row_is_enough_to_forecast_from():
    model = fit(LONG, {**FIXED, "max_steps": 2})
    assert model.predict(wave("new", 1))["ds"].iloc[0] == pd.Timestamp("2024-04-10")
    with pytest.raises(InvalidInputError, match="nothing to learn from"):
        model.refit(wave("new", 1))
    with pytest.raises(InvalidInputError, match="nothing to learn from"):
        fit(wave("new", 1), FIXED, freq="D")
    assert len(model.update(wave("new", 9), max_steps=1).predict()) == H


LSTM = {"max_steps": 3, "encoder_hidden_size": 8, "decoder_hidden_size": 8}
QUICK_MLP = {**FIXED, "max_steps": 3}


@pytest.mark.parametrize(
    ("model", "lengths", "config"),
    [
        ("LSTM", (90, 16), {**LSTM, "input_size": -1, "learning_rate": Choice([1e-2, 1e-3])}),
        ("MLP", (40, 40), {**QUICK_MLP, "input_size": Choice([35])}),
        ("MLP", (40, 40), lambda t: {**QUICK_MLP, "input_size": t.suggest_int("size", 34, 35)}),
        ("MLP", (90, 90), {**QUICK_MLP, "input_size": -1, "learning_rate": Choice([1e-2, 1e-3])}),
        ("MLP", (30, 30), {**QUICK_MLP, "input_size": -1}),
    ],
    ids=["recurrent of -1", "choice", "function", "mlp of -1", "fixed of -1"],
)  # fmt: skip
def test_padding_is_settled_by_the_window_that_a_trial_has(model, lengths, config):
    df = pd.concat([wave(name, rows) for name, rows in zip("ab", lengths, strict=True)])
    fitted = fit(df, config, model)
    assert len(fitted.predict()) == 2 * H
    assert fitted.trials["state"].isin(["COMPLETE", "PRUNED"]).all()
    assert len(fitted.refit(df[df["unique_id"] == "b"].tail(12)).predict()) == H


def test_a_window_that_fits_is_not_padded():
    space = {**QUICK_MLP, "input_size": Choice([14, 60]), "learning_rate": 1e-3}
    for seed in range(3):
        model = fit(LONG.query("unique_id == 'a'"), space, random_seed=seed)
        longest = model.best_config["input_size"] + 2 * H
        assert model.to_neuralforecast().models[0].start_padding_enabled == (longest >= 100)


@pytest.mark.parametrize("metric", [None, "mae"])
def test_incomplete_batches_are_validated_although_they_are_not_trained_on(metric):
    """Five series in batches of two: the fifth is dropped from training alone."""
    df = pd.concat([wave(name, 90, 5.0 * place) for place, name in enumerate("abcde")])
    more = {"drop_last_loader": True, "batch_size": 2}
    model = fit(df, {**SPACE, **more}, metric=metric)
    assert model.trials["state"].isin(["COMPLETE", "PRUNED"]).all()
    scores = model.validation_scores(["mae"])["MLP"]
    assert model.best_score == pytest.approx(scores.iloc[0], rel=1e-3)


UNPADDED = {**QUICK_MLP, "input_size": 30, "start_padding_enabled": False}
SEARCHED = {**UNPADDED, "learning_rate": Choice([1e-2, 1e-3])}


@pytest.mark.parametrize(
    ("lengths", "config", "expected"),
    [
        ((90, 40, 20), UNPADDED, "needs 30 rows of each series; 1 of 3 series have fewer: ['c']"),
        ((90, 40, 20), SEARCHED, "needs 30 rows of each series; 1 of 3 series have fewer: ['c']"),
        ((36, 36), SEARCHED, "needs a series of 31 rows besides 7 rows of validation; the longest"),
        ((30, 30), UNPADDED, "needs a series of 31 rows; the longest has 30"),
    ],
)
def test_series_that_may_not_be_padded_are_refused_before_the_search(lengths, config, expected):
    df = pd.concat([wave(name, rows) for name, rows in zip("abc", lengths, strict=False)])
    with pytest.raises(InvalidInputError) as caught:
        fit(df, config)
    assert "start_padding_enabled=False with input_size=30" in str(caught.value)
    assert expected in str(caught.value)
    assert "leave start_padding_enabled out to pad them" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (UNPADDED, "trains on windows of theirs whose horizon is incomplete"),
        (SEARCHED, "leaves 2 of them out of the trials' training, whose rows do not fill a window"),
    ],
)
def test_the_warning_says_what_happens_without_padding(config, expected):
    df = pd.concat([wave(name, rows) for name, rows in zip("abc", (90, 36, 36), strict=True)])
    model = fit(df, config)
    (warning,) = model.validation.warnings
    assert f"start_padding_enabled=False {expected}" in warning
    assert "padded with zeros" not in warning
    assert not model.to_neuralforecast().models[0].start_padding_enabled
    assert model.predict().groupby("unique_id").size().tolist() == [7, 7, 7]
