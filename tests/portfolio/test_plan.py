"""Tests of the plan of a search over several models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.create import _announce_spaces
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.names import read_names
from automodel_sk.portfolio.networks import AUTO_NETWORKS
from automodel_sk.portfolio.plan import plan_portfolio
from automodel_sk.portfolio.search import dataset_of
from automodel_sk.portfolio.workers import gpu_share, workers_of
from automodel_sk.search import request_builder
from automodel_sk.search.network_spaces import PanelFacts, first_config, network_space
from automodel_sk.search.planning import UserInput
from automodel_sk.search.request_builder import (
    training_data,
    trials_at_a_time,
    trials_per_gpu,
)
from automodel_sk.search.study.identity import differences

OPTIONS = OptimizationConfig(cpus=1, gpus=0, use_mlflow=False, study_name="s").converted()


def panel(lengths=(60, 60), seed=0, **columns):
    rng = np.random.default_rng(seed)
    frames = [
        pd.DataFrame(
            {
                "unique_id": f"s{i}",
                "ds": pd.date_range("2015-01-31", periods=n, freq="ME"),
                "y": 10 + np.sin(np.arange(n) * np.pi / 6) + rng.normal(0, 0.1, n),
            }
        )
        for i, n in enumerate(lengths)
    ]
    return pd.concat(frames, ignore_index=True).assign(**columns)


def plan(models, df=None, h=6, options=OPTIONS, **given):
    return plan_portfolio(UserInput(models, h, panel() if df is None else df, **given), options)


def test_auto_has_baselines_and_networks_and_says_what_is_left_out():
    found = plan("auto")
    assert {"SeasonalNaive", "NHITS", "MLP"} <= set(found.names)
    assert "TFT" not in found.names
    assert "zeros" in found.left_out["CrostonOptimized"]
    assert "exogenous variables" in found.left_out["TFT"]
    assert found.left_out["AutoARIMA"] == "takes part by name only"
    assert found.left_out["DLinear"] == "for seasons of more than 12 steps"
    assert {*found.names, *found.left_out} >= {*MEMBERS, *AUTO_NETWORKS}
    assert not set(found.names) & set(found.left_out)


def test_exogenous_columns_bring_the_model_that_is_made_for_them():
    df = panel(promo=1.0)
    found = plan("auto", df, futr_exog_list=("promo",))
    assert "TFT" in found.names
    assert "TFT" not in found.left_out
    assert found.networks["TFT"].task.futr_exog == ("promo",)
    assert found.networks["NBEATS"].task.futr_exog == ()


@pytest.mark.parametrize(("n_series", "windows"), [(3, 5), (30, 3), (120, 2)])
def test_the_fewer_series_the_more_windows(n_series, windows):
    found = plan(["Naive"], panel([80] * n_series))
    assert found.data.n_windows == windows
    assert found.data.truth.shape == (n_series, windows, 6)


def test_short_series_have_fewer_windows_and_the_users_number_counts():
    assert plan(["Naive"], panel([26, 26])).data.n_windows == 2
    asked = OptimizationConfig(n_windows=1, use_mlflow=False, study_name="s").converted()
    assert plan(["Naive"], options=asked).data.n_windows == 1


def test_names_keep_their_order_and_exclude_leaves_some_out():
    assert plan(["MLP", "Naive"]).names == ("Naive", "MLP")
    some = OptimizationConfig(exclude=["nhits", "Naive"], study_name="s").converted()
    found = plan("auto", options=some)
    assert not {"NHITS", "Naive"} & set(found.names)
    assert found.left_out["NHITS"] == found.left_out["Naive"] == "excluded by the call"
    with pytest.raises(InvalidInputError, match="leaves out every model"):
        plan(["NHITS", "Naive"], options=some)


def test_a_warm_start_is_for_the_search_of_one_model():
    earlier = replace(OPTIONS, warm_start=[{"learning_rate": 0.5}])
    for models in ("auto", ["Naive", "MLP"]):
        with pytest.raises(InvalidInputError, match=r"warm_start is for the search of one model"):
            plan(models, options=earlier)


def test_the_same_names_in_another_order_are_the_same_search():
    one, other = plan(["MLP", "Naive", "NLinear"]), plan(["NLinear", "MLP", "Naive"])
    assert one.identity() == other.identity()
    assert one.spaces.optuna_distributions() == other.spaces.optuna_distributions()
    assert plan(["MLP", "Naive"]).identity() != one.identity()


def test_a_constant_series_is_not_scored_and_does_not_end_the_search():
    df = panel([60, 60])
    df.loc[df["unique_id"] == "s1", "y"] = 3.0
    found = plan(["Naive", "MLP"], df)
    errors = found.objective.by_window(_constant(found, 3.0)).reshape(2, -1)
    assert np.isfinite(errors[0]).all()
    assert np.isnan(errors[1]).all()


def test_constant_series_alone_are_scored_by_their_absolute_error():
    found = plan(["Naive"], panel().assign(y=3.0))
    assert found.objective.metric.name == "mae"
    assert found.objective.score(_constant(found, 5.0)) == 2.0


def _constant(found, value):
    from automodel_sk.metrics import Forecast

    return Forecast(np.full(found.data.truth.size, value), {})


def test_a_space_by_name_is_that_of_its_model():
    config = {"MLP": {"max_steps": 7, "input_size": 8}}
    found = plan(["MLP", "NHITS"], config=config)
    assert found.networks["MLP"].space.constants["max_steps"] == 7
    assert "learning_rate" in found.networks["NHITS"].space.domains


@pytest.mark.parametrize("config", [{"max_steps": 5}, lambda trial: {}, {"MLP": 5}])
def test_another_kind_of_config_is_refused_with_an_example(config):
    with pytest.raises(InvalidInputError, match=r"one search space by model name.*try config="):
        plan(["MLP", "NHITS"], config=config)


def test_a_config_of_an_unknown_model_is_refused():
    with pytest.raises(InvalidInputError, match=r"'NHTS'"):
        plan(["MLP", "NHITS"], config={"NHTS": {"max_steps": 5}})


def test_a_space_of_a_network_that_auto_draws_for_other_seasons_is_no_mistake(caplog):
    config = {"DLinear": {"max_steps": 7}, "TFT": {"max_steps": 5}, "MLP": {"max_steps": 3}}
    found = plan("auto", config=config)  # season 12, no exogenous variables
    assert found.unused_spaces == ("DLinear", "TFT")
    assert found.networks["MLP"].space.constants["max_steps"] == 3
    assert found.left_out["DLinear"] == "for seasons of more than 12 steps"
    caplog.clear()
    _announce_spaces(found)
    assert [record.getMessage() for record in caplog.records] == [
        "config has a space of DLinear, which takes no part: for seasons of more than 12 steps",
        "config has a space of TFT, which takes no part: its attention pays off with exogenous"
        " variables, of which there are none",
    ]
    some = OptimizationConfig(exclude=["MLP"], study_name="s").converted()
    assert plan("auto", options=some, config={"MLP": {"max_steps": 3}}).unused_spaces == ("MLP",)
    assert plan("auto").unused_spaces == ()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"BiTCN": {"max_steps": 5}}, "config has a space of 'BiTCN', which takes no part"),
        ({"TSB": {"alpha": 5}}, "config has a space of 'TSB', which has no parameters to tune"),
    ],
)
def test_a_space_of_a_model_that_auto_never_tunes_is_refused(config, message):
    with pytest.raises(InvalidInputError, match=message):
        plan("auto", config=config)


SKIES = np.resize(["sun", "rain", "fog", "rain"], 120)
CODES = {"sun": 100, "rain": 200, "fog": 300}
EMBEDDED = {"NHITS": {"cat_exog_list": ["sky"], "categorical_cardinalities": {"sky": 3}}}


def _values(dataset, column):
    return dataset.temporal[:, list(dataset.temporal_cols).index(column)].tolist()


@pytest.mark.parametrize("names", [["DLinear", "TFT", "NHITS"], ["NHITS", "TFT", "DLinear"]])
@pytest.mark.parametrize("kind", ["words", "categories", "numbers"])
def test_networks_read_the_same_values_in_trials_as_in_the_end(names, kind):
    skies = pd.Series(SKIES, dtype="category" if kind == "categories" else object)
    skies = skies.map(CODES) if kind == "numbers" else skies
    df = panel(sky=skies, size=7.0)
    config = EMBEDDED if kind == "numbers" else None
    found = plan(names, df, config=config, futr_exog_list=("sky", "size"))
    read = {name: network.task.futr_exog for name, network in found.networks.items()}
    assert read == {"NHITS": ("sky", "size"), "TFT": ("size",), "DLinear": ()}
    shared = dataset_of(found)
    for name, columns in read.items():
        own = training_data(found.networks[name])  # as the final model encodes them
        assert [_values(shared, c) for c in columns] == [_values(own, c) for c in columns]
    assert set(_values(shared, "sky")) == {1.0, 2.0, 3.0}


def test_what_a_model_that_is_left_out_embeds_is_a_number_for_the_others():
    df = panel(sky=pd.Series(SKIES).map(CODES))
    options = replace(OPTIONS, exclude=("NHITS",))
    columns = {"config": EMBEDDED, "futr_exog_list": ("sky",)}
    found = plan(["TFT", "NHITS"], df, options=options, **columns)
    assert found.networks["TFT"].task.futr_exog == ("sky",)
    assert set(_values(dataset_of(found), "sky")) == {100.0, 200.0, 300.0}


def test_text_that_no_network_reads_is_no_hindrance():
    static = pd.DataFrame({"unique_id": ["s0", "s1"], "shop": ["north", "south"]})
    columns = {"futr_exog_list": ("sky",), "static_df": static, "stat_exog_list": ("shop",)}
    found = plan(["DLinear", "Naive"], panel(sky=SKIES), **columns)
    shared = dataset_of(found)
    assert _values(shared, "y") == pytest.approx(found.data.frame["y"].tolist())
    assert set(_values(shared, "sky")) == {0.0}
    assert shared.static.tolist() == [[0.0], [0.0]]


def test_rows_in_any_order_give_the_same_plan():
    df = panel()
    shuffled = df.sample(frac=1, random_state=1)
    assert plan(["Naive"], df).identity() == plan(["Naive"], shuffled).identity()


def _spread(y_true, y_pred):
    return float(np.abs(y_true - y_pred).max())


def test_another_task_is_another_search():
    df = panel(x=1.0, w=2.0)
    static = pd.DataFrame({"unique_id": ["s0", "s1"], "size": [1.0, 2.0]})
    masked = df.assign(available_mask=(df.index != 3).astype(float))
    tasks = [
        {},
        {"loss": "mse"},
        {"options": replace(OPTIONS, season_length=5)},
        {"options": replace(OPTIONS, metric="rmse")},
        {"options": replace(OPTIONS, metric=_spread)},
        {"options": replace(OPTIONS, metric=lambda y, f: float(np.abs(y - f).min()))},
        {"options": replace(OPTIONS, n_windows=2)},
        {"options": replace(OPTIONS, n_windows=2, step_size=1)},
        {"futr_exog_list": ("x",)},
        {"hist_exog_list": ("x",)},
        {"futr_exog_list": ("x",), "hist_exog_list": ("w",)},
        {"futr_exog_list": ("w",), "hist_exog_list": ("x",)},
        {"static_df": static, "stat_exog_list": ("size",)},
        {"static_df": static.assign(size=5.0), "stat_exog_list": ("size",)},
        {"df": masked},
        {"df": df.assign(sample_weight=np.where(df.index < 9, 0.5, 1.0))},
        {"h": 7},
    ]
    found = [plan(["Naive", "NHITS"], **{"df": df, **task}).identity() for task in tasks]
    assert len({tuple(identity.items()) for identity in found}) == len(tasks)
    known, season = found[0], found[2]
    assert "metric mase of season 12, here mase of season 5" in differences(known, season)
    assert plan(["Naive", "NHITS"], df).identity() == known


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["NHITS", "nhits"], "twice"),
        ([], "1 to"),
        (["auto", "NHITS"], "stands alone"),
        (["AutoEST"], "AutoETS"),
        ([3], "unknown model 3"),
    ],
)
def test_names_that_make_no_sense_are_refused(names, message):
    with pytest.raises(InvalidInputError, match=message):
        read_names(names)


@pytest.mark.parametrize(
    "name", ["NHITS", "DLinear", "TiDE", "PatchTST", "GRU", "TFT", "MLP", "NBEATS"]
)
def test_the_first_configuration_lies_in_its_space(name):
    facts = PanelFacts(h=12, season=12, trained_length=100)
    space = network_space(name, facts)
    first = first_config(name, facts)
    assert set(first) == set(space.domains)
    encoded = space.encode(first)
    assert space.decode(encoded)["learning_rate"] == 1e-3


def test_windows_are_never_longer_than_half_of_the_series():
    facts = PanelFacts(h=24, season=24, trained_length=100)
    assert facts.first_input == 50
    assert max(network_space("NHITS", facts).domains["input_size"].values) <= 50
    assert PanelFacts(h=24, season=24, trained_length=1000).first_input == 168


def test_names_of_spaces_and_of_excluded_models_are_read_in_any_case_and_checked():
    found = plan(["MLP", "Naive"], config={"mlp": {"max_steps": 7}})
    assert found.networks["MLP"].space.constants["max_steps"] == 7
    misspelt = OptimizationConfig(exclude=["AutoEST"], study_name="s").converted()
    with pytest.raises(InvalidInputError, match=r"^exclude: unknown model 'AutoEST'; did you mean"):
        plan("auto", options=misspelt)
    everything = OptimizationConfig(exclude=["naive"], study_name="s").converted()
    with pytest.raises(InvalidInputError, match="exclude leaves out every model"):
        plan(["Naive"], options=everything)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"gpus": 1, "trials_per_gpu": 1}, (1, 1)),
        ({"gpus": 1, "trials_per_gpu": 2}, (2, 2)),
        ({"gpus": 0.5, "trials_per_gpu": 2}, (1, 2)),
        ({"gpus": 4, "trials_per_gpu": 4}, (2, 4)),
    ],
)
def test_networks_on_a_gpu_share_it_as_those_of_one_search(asked, expected):
    options = replace(OPTIONS, cpus=2, **asked)
    on_cpus = plan(["NLinear", "AutoETS"])
    assert workers_of(on_cpus, options) == trials_at_a_time(2, 2)
    networks = {
        name: replace(n, task=replace(n.task, trainer_options={"accelerator": "gpu"}))
        for name, n in on_cpus.networks.items()
    }
    on_gpu = replace(on_cpus, networks=networks)
    assert (workers_of(on_gpu, options), gpu_share(on_gpu, options)) == expected


def test_as_many_trials_share_a_gpu_as_the_largest_network_leaves_room_for(monkeypatch):
    monkeypatch.setattr(request_builder, "free_gpu_memory_gb", lambda: 8.0)
    small, large = (trials_per_gpu([name], OPTIONS) for name in ("NLinear", "TFT"))
    assert small > large >= 1
    assert trials_per_gpu(["NLinear", "TFT"], OPTIONS) == large
