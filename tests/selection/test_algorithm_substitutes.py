"""What an algorithm can't take is named, and the next best runs in its place."""

from __future__ import annotations

import optuna
import pytest

from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.search_space import Choice, Computed, Float, Integer, Normal
from automodel_sk.selection import algorithm_tables

pytest.importorskip("hyperopt")
pytest.importorskip("bayes_opt")

MIXED = {"x": Float(0, 1), "kind": Choice(["a", "b"]), "n": Integer(1, 200), "h": 12}
NUMBERS = {"x": Float(0, 1), "y": Float(-1, 1)}


def by_function(trial: optuna.Trial) -> dict[str, float]:
    return {"x": trial.suggest_float("x", 0, 1)}


def choose(backend, model, size, n, config):
    selector = SearchAlgorithmSelector(backend)
    return selector.select_algorithm(model, size, n, config, random_seed=1)


REFUSALS = [
    # backend, dataset, space, algorithm that runs, what the description says
    ("optuna", "medium", MIXED, "TPESampler", "CmaEsSampler, which can't take choices ('kind')"),
    ("optuna", "medium", {"n": Integer(1, 99), **NUMBERS}, "TPESampler", "not for integers ('n')"),
    (
        "optuna",
        "medium",
        {"s": Float(0, 99, step=0.5), **NUMBERS},
        "TPESampler",
        "not for stepped ones ('s')",
    ),
    ("optuna", "medium", {"x": Float(0, 1)}, "TPESampler", "needs at least two parameters"),
    ("optuna", "medium", by_function, "TPESampler", "that is a function of the trial"),
    ("optuna", "medium", None, "TPESampler", "a search space that is not given"),
    (
        "optuna",
        "small",
        {"g": Choice([1, 2], grid=True), "x": Float(0, 1)},
        "TPESampler",
        "GridSampler, which can't enumerate a continuous range ('x')",
    ),
    (
        "optuna",
        "small",
        {"g": Choice([1, 2], grid=True), "c": Computed(lambda config: 1)},
        "TPESampler",
        "GridSampler, which can't enumerate computed values ('c')",
    ),
    (
        "optuna",
        "small",
        {name: Choice(range(30), grid=True) for name in "abc"},
        "TPESampler",
        "GridSampler, which would have to list more than 10,000 points",
    ),
    (
        "ray",
        "medium",
        {name: Choice([1, 2]) for name in "abcdefg"},
        "OptunaSearch",
        "BayesOptSearch, which can't take choices ('a', 'b', 'c' and 4 more)",
    ),
    (
        "ray",
        "medium",
        {"n": Integer(1, 99), **NUMBERS},
        "OptunaSearch",
        "can't take integers ('n')",
    ),
    (
        "ray",
        "medium",
        {"lr": Float(1e-4, 1, log=True)},
        "OptunaSearch",
        "can't take logarithmic ranges ('lr')",
    ),
    (
        "ray",
        "medium",
        {"s": Float(0, 99, step=0.5)},
        "OptunaSearch",
        "can't take stepped ranges ('s')",
    ),
    (
        "ray",
        "medium",
        {"s": Float(1, 99, log=True, step=0.5)},
        "HyperOptSearch",
        "and of OptunaSearch, which can't take ranges that are both logarithmic and stepped ('s')",
    ),
    ("ray", "medium", by_function, "OptunaSearch", "that is a function of the trial"),
    ("ray", "medium", None, "OptunaSearch", "a search space that is not given"),
    (
        "ray",
        "small",
        {"k": Choice([[1], [2]]), "x": Float(0, 1)},
        "OptunaSearch",
        "HyperOptSearch, which would turn lists into tuples ('k')",
    ),
    (
        "ray",
        "small",
        {"k": [1, 2], "x": Float(0, 1)},
        "OptunaSearch",
        "HyperOptSearch, which would turn lists into tuples ('k')",
    ),
    (
        "ray",
        "small",
        {"k": [1, 2], "z": Normal()},
        "BasicVariantGenerator",
        "HyperOptSearch, which would turn lists into tuples ('k') and of OptunaSearch, "
        "which can't take normal values ('z')",
    ),
    (
        "ray",
        "large",
        {"n": Integer(10, 1000, log=True, step=10)},
        "HyperOptSearch",
        "OptunaSearch, which can't take ranges that are both logarithmic and stepped ('n')",
    ),
    ("ray", "large", {"z": Normal()}, "HyperOptSearch", "can't take normal values ('z')"),
    (
        "ray",
        "large",
        {"x": Float(0, 1), "c": Computed(lambda config: 1)},
        "BasicVariantGenerator",
        "HyperOptSearch, which can't take computed values ('c')",
    ),
]


@pytest.mark.parametrize(("backend", "size", "space", "algorithm", "phrase"), REFUSALS)
def test_what_an_algorithm_cannot_take_is_named_and_the_next_best_used(
    backend, size, space, algorithm, phrase
):
    strategy = choose(backend, "complex", size, 50, space)
    assert strategy.algorithm_name == algorithm
    assert ", in place of " in strategy.description
    assert phrase in strategy.description


def test_few_trials_of_a_function_go_to_the_searcher_that_takes_functions():
    strategy = choose("ray", "complex", "large", 5, by_function)
    assert strategy.algorithm_name == "OptunaSearch"
    assert "BasicVariantGenerator, which can't take a search space" in strategy.description


def test_cmaes_takes_normal_and_logarithmic_ranges():
    space = {"lr": Float(1e-4, 1, log=True), "z": Normal()}
    assert choose("optuna", "complex", "medium", 50, space).algorithm_name == "CmaEsSampler"


@pytest.mark.parametrize(
    ("module", "backend", "size", "space", "algorithm", "fix"),
    [
        ("cmaes", "optuna", "medium", NUMBERS, "TPESampler", "pip install 'cmaes>=0.11'"),
        (
            "bayes_opt",
            "ray",
            "medium",
            NUMBERS,
            "OptunaSearch",
            "pip install 'automodel_sk[ray-search]'",
        ),
        (
            "hyperopt",
            "ray",
            "small",
            MIXED,
            "OptunaSearch",
            "pip install 'automodel_sk[ray-search]'",
        ),
        (
            "hyperopt",
            "ray",
            "large",
            {"z": Normal()},
            "BasicVariantGenerator",
            "pip install 'automodel_sk[ray-search]'",
        ),
    ],
)
def test_a_missing_package_gives_way_and_the_command_is_named(
    monkeypatch, module, backend, size, space, algorithm, fix
):
    found = algorithm_tables.find_spec
    monkeypatch.setattr(
        algorithm_tables, "find_spec", lambda name: None if name == module else found(name)
    )
    strategy = choose(backend, "complex", size, 50, space)
    assert strategy.algorithm_name == algorithm
    assert f"which is not installed ({fix})" in strategy.description


@pytest.mark.parametrize(("found", "works"), [("1.5.1", True), ("2.0.0", False), ("3.1rc1", False)])
def test_a_version_that_does_not_work_gives_way(monkeypatch, found, works):
    monkeypatch.setattr(algorithm_tables, "installed_version", lambda name: found)
    strategy = choose("ray", "complex", "medium", 50, NUMBERS)
    assert (strategy.algorithm_name == "BayesOptSearch") is works
    assert (f"does not work with bayesian-optimization {found}" in strategy.description) != works


def test_an_old_hyperopt_gives_way(monkeypatch):
    monkeypatch.setattr(algorithm_tables, "installed_version", lambda name: "0.2.7")
    assert (
        "does not work with hyperopt 0.2.7"
        in choose("ray", "complex", "small", 50, MIXED).description
    )


def test_a_package_without_metadata_is_taken_as_it_is(monkeypatch):
    monkeypatch.setattr(algorithm_tables, "installed_version", lambda name: None)
    assert choose("ray", "complex", "small", 50, MIXED).algorithm_name == "HyperOptSearch"
