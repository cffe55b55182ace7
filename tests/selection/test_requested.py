"""Samplers and pruners that users ask for by name, or pass as objects."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.pruners import PercentilePruner, ThresholdPruner
from optuna.samplers import CmaEsSampler, NSGAIISampler, TPESampler

from automodel_sk import SearchAlgorithmSelector, validate_all
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import PRUNERS, SAMPLERS, OptimizationConfig
from automodel_sk.search_space import Choice, Computed, Float

FINITE = {"input_size": Choice([6, 12]), "batch_size": Choice([8, 16])}
CONTINUOUS = {"learning_rate": Float(1e-4, 1e-2, log=True), "dropout": Float(0.0, 0.5)}
SELECTOR = SearchAlgorithmSelector("optuna")


def strategy_for(config: Any = FINITE, **options: Any) -> Any:
    return SELECTOR.select_algorithm("simple", "small", 20, config, random_seed=3, **options)


@pytest.mark.parametrize("name", SAMPLERS)
def test_each_name_builds_the_sampler_of_that_name(name: str):
    strategy = strategy_for(sampler=name)
    sampler = SELECTOR.get_optuna_sampler(strategy)
    assert type(sampler) is getattr(optuna.samplers, name)
    assert strategy.description.startswith(f"{name}")
    assert " as requested; " in strategy.description


@pytest.mark.parametrize("name", PRUNERS)
def test_each_name_builds_the_pruner_of_that_name(name: str):
    strategy = strategy_for(pruner=name)
    assert type(SELECTOR.get_optuna_pruner(strategy)) is getattr(optuna.pruners, name)
    assert strategy.description.endswith(f"; {name} as requested.")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("tpe", "TPESampler"), ("cma-es", "CmaEsSampler"), ("Brute Force", "BruteForceSampler")],
)
def test_the_spelling_of_a_name_does_not_matter(written: str, meant: str):
    assert OptimizationConfig(sampler=written).converted().sampler == meant


def test_a_named_pruner_waits_a_while_and_compares_like_the_tables():
    median = strategy_for(CONTINUOUS, pruner="median", n_reports=40)
    assert median.pruner_kwargs == {"n_startup_trials": 4, "n_warmup_steps": 10}
    halving = strategy_for(pruner="SuccessiveHalving", n_reports=4)
    assert halving.pruner_kwargs == {"min_resource": 4, "reduction_factor": 3}


def test_objects_are_known_by_their_class():
    strategy = strategy_for(sampler=NSGAIISampler(), pruner=ThresholdPruner(upper=3.0))
    assert (strategy.algorithm_name, strategy.pruner_name) == ("NSGAIISampler", "ThresholdPruner")
    assert strategy.description == "NSGAIISampler as passed; ThresholdPruner as passed."
    assert strategy.num_samples == 20


def test_a_grid_covers_its_points_once():
    strategy = strategy_for(sampler="grid")
    assert (strategy.num_samples, strategy.exhaustive) == (4, True)


def test_a_sampler_that_cannot_draw_from_the_space_is_refused():
    for name in ("grid", "BruteForce"):
        with pytest.raises(InvalidInputError, match=r"can't enumerate a continuous range .*'drop"):
            strategy_for(CONTINUOUS, sampler=name)
    with pytest.raises(InvalidInputError, match="can't enumerate computed values"):
        strategy_for(FINITE | {"hidden_size": Computed(lambda c: c)}, sampler="grid")
    assert strategy_for(FINITE, sampler="cmaes").algorithm_name == "CmaEsSampler"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("sampler", "TPESmapler", "got 'TPESmapler'; try sampler='TPESampler'"),
        ("sampler", "random search", "try sampler='RandomSampler'"),
        ("sampler", TPESampler, r"pass an object: sampler=TPESampler\(\)"),
        ("sampler", ThresholdPruner(upper=1.0), "an object of optuna.samplers.BaseSampler, or"),
        ("pruner", "hyperbnd", "try pruner='HyperbandPruner'"),
        ("pruner", "HyperbandPrunner", "try pruner='HyperbandPruner'"),
        ("sampler", "GridSmapler", "try sampler='GridSampler'"),
        ("pruner", 3, "pruner must be one of 'MedianPruner', "),
    ],
)
def test_wrong_values_are_refused_with_a_suggestion(option: str, value: Any, message: str):
    with pytest.raises(InvalidInputError, match=message):
        OptimizationConfig(**{option: value}).converted()
    with pytest.raises(InvalidInputError, match=message):
        strategy_for(**{option: value})


@pytest.mark.parametrize(("name", "value"), [("sampler", CmaEsSampler()), ("pruner", "median")])
def test_ray_has_none_of_optuna_s(name: str, value: Any):
    message = f"{name} is for backend='optuna'; leave it out"
    report = validate_all("ray", model_class_name="MLP", h=2, **{name: value})
    assert any(error.startswith(message) for error in report["backend"].errors)
    assert report["backend"].corrected_config == {name: None}
    with pytest.raises(InvalidInputError, match=message):
        SearchAlgorithmSelector("ray").select_algorithm("simple", "small", 5, None, **{name: value})


def test_a_pruner_without_pruning_is_refused():
    report = validate_all(model_class_name="MLP", h=2, pruner="median", use_pruning=False)
    assert any("pruner is passed and use_pruning=False" in e for e in report["backend"].errors)
    assert report["backend"].corrected_config == {"use_pruning": True}
    assert validate_all(pruner=PercentilePruner(25.0))["backend"].is_valid
