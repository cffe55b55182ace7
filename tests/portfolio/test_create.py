"""Tests of whole searches over several models, tiny but real."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, AutoModelFactory, OptimizationConfig, create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Float

MLP = {"max_steps": 4, "input_size": 12, "hidden_size": 8, "num_layers": 1}
SMALL = {"cpus": 1, "gpus": 0, "use_mlflow": False, "verbose": False, "storage": ":memory:"}


def seasonal_and_walks(n=60, count=3, seed=0):
    rng = np.random.default_rng(seed)
    season = 10 + 5 * np.sin(np.arange(n) * np.pi / 6)
    frames = []
    for i in range(count):
        for kind, y in (
            ("walk", 100 + rng.normal(0, 1, n).cumsum()),
            ("season", season + rng.normal(0, 0.1, n)),
        ):
            times = pd.date_range("2015-01-31", periods=n, freq="ME")
            frames.append(pd.DataFrame({"unique_id": f"{kind}{i}", "ds": times, "y": y}))
    return pd.concat(frames, ignore_index=True)


DF = seasonal_and_walks()


def search(models=("SeasonalNaive", "Naive", "MLP"), df=DF, config=None, **options):
    config = {"MLP": {**MLP, "learning_rate": Float(1e-3, 1e-2)}} if config is None else config
    config = {name: space for name, space in config.items() if name in models}
    settings = {**SMALL, "num_samples": 2, **options}
    return create_auto_model(list(models), 6, df, config, **settings)


@pytest.fixture(scope="module")
def model():
    return search()


def test_every_model_has_a_row_and_weights_sum_to_one(model):
    table = model.leaderboard()
    assert set(table["model"]) == {"AutoEnsemble", "SeasonalNaive", "Naive", "MLP"}
    assert sum(model.weights.values()) == pytest.approx(1)
    assert (table["score"].dropna() >= 0).all()


def test_the_naive_scores_are_those_of_their_definition(model):
    table = model.leaderboard().set_index("model")
    windows = model.state.data.n_windows
    assert windows == 5
    errors = []
    for _, series in DF.groupby("unique_id"):
        y = series["y"].to_numpy()
        for window in range(windows):
            cut = len(y) - 6 * (windows - window)
            scale = np.abs(y[12:cut] - y[: cut - 12]).mean()
            errors.append(np.abs(y[cut : cut + 6] - y[cut - 1]).mean() / scale)
    assert table.loc["Naive", "score"] == pytest.approx(np.mean(errors), rel=1e-4)


def test_the_forecast_is_the_weighted_mean_of_the_members(model):
    table = model.predict()
    expected = sum(
        weight * model.predict(member=name)[name].to_numpy()
        for name, weight in model.weights.items()
    )
    assert table["AutoEnsemble"].to_numpy() == pytest.approx(expected, rel=1e-5)
    assert table["unique_id"].unique().tolist() == sorted(DF["unique_id"].unique())


def test_the_same_seed_gives_the_same_model_whatever_the_order_of_rows(model):
    again = search(df=DF.sample(frac=1, random_state=2))
    assert again.weights == model.weights
    pd.testing.assert_frame_equal(again.predict(level=[80]), model.predict(level=[80]))


def test_trials_of_networks_are_counted_and_those_of_others_come_on_top(model):
    assert len(model.trials) == 4
    assert model.trials["params_model"].tolist().count("MLP") == 2
    assert (model.trials["state"] == "COMPLETE").all()


def test_members_without_a_training_need_no_network():
    found = create_auto_model(["Naive", "RWD"], 6, DF, **SMALL)
    assert len(found.trials) == 2
    ends = DF.groupby("unique_id")["y"].last()
    naive = found.predict(member="Naive").groupby("unique_id")["Naive"].first()
    assert naive.to_numpy() == pytest.approx(ends.to_numpy(), rel=1e-6)


def test_a_network_that_fails_in_every_trial_is_left_out():
    broken = {"MLP": {**MLP, "optimizer": "no optimizer", "learning_rate": Float(1e-3, 1e-2)}}
    with pytest.raises(InvalidInputError):
        search(config={"MLP": {**MLP, "no_such_parameter": 1}}, strict_mode=True)
    found = search(config=broken)
    assert "MLP" not in found.weights
    failed = found.leaderboard().query("model == 'MLP'")
    assert set(failed["state"]) == {"FAIL"}
    assert failed["reason"].notna().all()


def test_a_network_without_a_trial_is_named_with_what_left_none_for_it():
    config = {name: {**MLP, "learning_rate": Float(1e-3, 1e-2)} for name in ("MLP", "NHITS")}
    del config["NHITS"]["hidden_size"], config["NHITS"]["num_layers"]
    found = search(("Naive", "MLP", "NHITS"), config=config, num_samples=1)
    reason = "num_samples=1 left no trial for it; a larger num_samples includes it"
    assert found.left_out == {"NHITS": reason}


def test_a_stopped_search_goes_on_and_ends_like_one_that_was_not(tmp_path, monkeypatch):
    from automodel_sk.portfolio.trainer import PortfolioTrainer

    whole = search(storage=tmp_path / "whole", study_name="s")
    trained = PortfolioTrainer.train
    calls = []

    def stop_at_the_third(self, config, *args, **kwargs):
        calls.append(config["model"])
        if len(calls) == 3:
            raise SystemExit(143)
        return trained(self, config, *args, **kwargs)

    monkeypatch.setattr(PortfolioTrainer, "train", stop_at_the_third)
    with pytest.raises(SystemExit):
        search(storage=tmp_path / "stopped", study_name="s")
    resumed = search(storage=tmp_path / "stopped", study_name="s")
    assert len(calls) == 5, "two ended trials were not run again"
    assert resumed.weights == whole.weights
    pd.testing.assert_frame_equal(resumed.predict(), whole.predict())


def test_a_search_resumes_with_its_models_in_another_order(tmp_path):
    names = ("SeasonalNaive", "Naive", "MLP")
    first = search(names, storage=tmp_path, study_name="s")
    again = search(names[::-1], storage=tmp_path, study_name="s", num_samples=3)
    assert len(first.trials) == 4
    assert len(again.trials) == 5
    pd.testing.assert_frame_equal(again.trials.head(4), first.trials)


def test_ctrl_c_combines_what_has_ended(monkeypatch, caplog):
    from automodel_sk.portfolio.trainer import PortfolioTrainer

    trained = PortfolioTrainer.train

    def stop_in_the_network(self, config, *args, **kwargs):
        if config["model"] == "MLP":
            raise KeyboardInterrupt
        return trained(self, config, *args, **kwargs)

    monkeypatch.setattr(PortfolioTrainer, "train", stop_in_the_network)
    with caplog.at_level(logging.WARNING):
        found = search()
    assert "interrupted" in caplog.text
    assert found.left_out == {"MLP": "the search was stopped before its first trial ended"}
    assert set(found.weights) <= {"SeasonalNaive", "Naive"}
    assert np.isfinite(found.predict(level=[80]).iloc[:, 2:].to_numpy()).all()


def test_one_network_keeps_the_weights_of_its_trial_where_asked():
    found = search(("MLP", "Naive"), refit="best_weights", ensemble="best")
    assert np.isfinite(found.predict()["AutoEnsemble"]).all()


def test_a_saved_ensemble_forecasts_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = AutoModel.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.predict(level=[80]), model.predict(level=[80]), rtol=1e-5)
    assert loaded.weights == pytest.approx(model.weights)


def test_the_factory_has_a_summary_of_the_search():
    factory = AutoModelFactory(["Naive", "RWD"], 6, OptimizationConfig(**SMALL))
    found = factory.create_auto_model(DF)
    summary = factory.get_optimization_summary()
    assert summary["best_score"] == found.best_score
    assert summary["n_trials"] == 2
    assert "Naive" in str(summary)


def test_a_name_of_a_member_alone_is_a_portfolio_of_one():
    found = create_auto_model("seasonalnaive", 6, DF, **SMALL)
    assert found.weights == {"SeasonalNaive": 1.0}


@pytest.mark.parametrize("bad", [["NHITS", "NHITS"], [], ["AutoEST"], [None]])
def test_names_that_make_no_sense_are_refused_before_anything_runs(bad):
    with pytest.raises(InvalidInputError):
        create_auto_model(bad, 6, DF, **SMALL)


def test_a_tree_without_time_is_the_one_that_was_judged(monkeypatch):
    pytest.importorskip("lightgbm")
    from automodel_sk.exceptions import SearchError
    from automodel_sk.portfolio.members.tree import TreeMember

    def no_time(self, data, deadline):
        raise SearchError("no time")

    monkeypatch.setattr(TreeMember, "fit", no_time)
    found = create_auto_model(["LightGBM"], 6, DF, **SMALL)
    assert found.weights == {"LightGBM": 1.0}
    ends = DF.groupby("unique_id")["ds"].max()
    first = found.predict().groupby("unique_id")["ds"].min()
    assert (first > ends).all()
    assert "before the validation windows" in found.state.team.parts[0].note


def test_models_that_take_no_weights_are_named(caplog):
    pytest.importorskip("lightgbm")
    with caplog.at_level(logging.WARNING):
        create_auto_model(["Naive", "LightGBM"], 6, DF.assign(sample_weight=1.0), **SMALL)
    assert "column 'sample_weight' has no effect on Naive, which take no weights" in caplog.text


def test_series_that_repeat_themselves_do_not_swamp_the_score():
    wave = 1e6 * np.sin(2 * np.pi * np.arange(60) / 12)
    times = pd.date_range("2015-01-31", periods=60, freq="ME")
    both = pd.concat([DF, pd.DataFrame({"unique_id": "wave", "ds": times, "y": wave})])
    names = ["Naive", "SeasonalNaive"]
    scores = [
        create_auto_model(names, 6, df, **SMALL).leaderboard().set_index("model")["score"]
        for df in (DF, both)
    ]
    pd.testing.assert_series_equal(scores[1].loc[names], scores[0].loc[names], rtol=1e-5)
    table = create_auto_model(names, 6, both, **SMALL).validation_scores(["mase", "rmsse", "msse"])
    assert table[names].to_numpy().max() < 1e5  # the wave alone gives some 1e30
