"""Which algorithm and pruner are chosen, why, and how many trials are recommended."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import optuna
import pytest

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_algorithm_selector import (
    DatasetSize,
    ModelComplexity,
    SearchAlgorithmSelector,
    recommend_num_samples,
)
from automodel_sk.search_space import Choice, Float, Integer, SearchSpace

MIXED = {"x": Float(0, 1), "kind": Choice(["a", "b"]), "n": Integer(1, 200), "h": 12}
NUMBERS = {"x": Float(0, 1), "y": Float(-1, 1)}
SMALL = {"a": Choice([1, 2, 3]), "b": Integer(1, 4)}
GRID = {"a": Choice(range(20), grid=True), "b": Choice(range(20), grid=True)}


RAY_SEARCH = pytest.mark.skipif(
    not (find_spec("bayes_opt") and find_spec("hyperopt")), reason="needs the extra ray-search"
)


def by_function(trial: optuna.Trial) -> dict[str, float]:
    return {"x": trial.suggest_float("x", 0, 1)}


def choose(backend="optuna", model="complex", size="large", n=50, config=None, **kwargs):
    selector = SearchAlgorithmSelector(backend)
    return selector.select_algorithm(model, size, n, config, random_seed=1, **kwargs)


ROWS = [
    # model, dataset, trials, space, Optuna's algorithm, Ray's algorithm
    ("complex", "large", 9, MIXED, "RandomSampler", "BasicVariantGenerator"),
    ("complex", "large", 9, SMALL, "RandomSampler", "BasicVariantGenerator"),
    ("complex", "large", 12, SMALL, "GridSampler", "BasicVariantGenerator"),
    ("complex", "large", 11, SMALL, "TPESampler", "OptunaSearch"),
    ("simple", "small", 10, GRID, "GridSampler", "BasicVariantGenerator"),
    ("complex", "large", 10, MIXED, "TPESampler", "OptunaSearch"),
    ("complex", "large", 10, None, "TPESampler", "OptunaSearch"),
    pytest.param(
        *("simple", "medium", 50, NUMBERS, "CmaEsSampler", "BayesOptSearch"), marks=RAY_SEARCH
    ),
    ("complex", "medium", 50, MIXED, "TPESampler", "OptunaSearch"),
    pytest.param(
        *("moderate", "small", 50, MIXED, "RandomSampler", "HyperOptSearch"), marks=RAY_SEARCH
    ),
    pytest.param(
        *("complex", "small", 50, NUMBERS, "RandomSampler", "HyperOptSearch"), marks=RAY_SEARCH
    ),
    ("simple", "large", 50, MIXED, "TPESampler", "OptunaSearch"),
    ("moderate", "large", 50, NUMBERS, "TPESampler", "OptunaSearch"),
]


@pytest.mark.parametrize(("model", "size", "n", "space", "on_optuna", "on_ray"), ROWS)
def test_each_row_names_its_algorithm_on_both_backends(model, size, n, space, on_optuna, on_ray):
    assert choose("optuna", model, size, n, space).algorithm_name == on_optuna
    assert choose("ray", model, size, n, space).algorithm_name == on_ray


@pytest.mark.parametrize(
    ("model", "size", "on_optuna", "on_ray"),
    [
        (
            "complex",
            "large",
            {"min_resource": 5, "max_resource": 40, "reduction_factor": 3},
            {
                "grace_period": 5,
                "max_t": 40,
                "reduction_factor": 3,
                "stop_last_trials": False,
            },
        ),
        *(
            (
                model,
                size,
                {"n_startup_trials": 5, "n_warmup_steps": warmup},
                {"grace_period": warmup, "min_samples_required": 5, "hard_stop": True},
            )
            for model, size, warmup in [
                ("complex", "medium", 10),
                ("simple", "small", 20),
                ("complex", "small", 20),
                ("simple", "medium", 10),
                ("moderate", "large", 10),
            ]
        ),
    ],
)
def test_each_row_sets_its_pruner_on_both_backends(model, size, on_optuna, on_ray):
    optunas, rays = choose("optuna", model, size), choose("ray", model, size)
    assert optunas.pruner_kwargs == on_optuna
    assert rays.pruner_kwargs == on_ray
    hyperband = "min_resource" in on_optuna
    assert optunas.pruner_name == ("HyperbandPruner" if hyperband else "MedianPruner")
    assert rays.pruner_name == ("ASHAScheduler" if hyperband else "MedianStoppingRule")


@pytest.mark.parametrize("backend", ["optuna", "ray"])
def test_a_search_runs_no_more_trials_than_its_grid_has_points(backend):
    assert choose(backend, n=50, config=SMALL).num_samples == 12
    assert choose(backend, n=11, config=SMALL).num_samples == 11
    assert choose(backend, n=50, config=GRID).num_samples == 50
    assert choose(backend, n=9, config=SMALL).num_samples == 9
    assert choose(backend, n=50, config={"h": 12}).num_samples == 1


def test_without_pruning_both_backends_run_every_trial_to_its_end():
    strategy = choose("optuna", use_pruning=False)
    assert (strategy.pruner_name, strategy.pruner_kwargs) == (None, {})
    assert strategy.description.endswith("; no pruning.")
    pruner = SearchAlgorithmSelector("optuna").get_optuna_pruner(strategy)
    assert isinstance(pruner, optuna.pruners.NopPruner)
    ray_strategy = choose("ray", use_pruning=False)
    scheduler = SearchAlgorithmSelector("ray").get_ray_scheduler(ray_strategy)
    assert type(scheduler).__name__ == "FIFOScheduler"


@pytest.mark.parametrize(("n", "startup"), [(1, 1), (10, 2), (15, 3), (24, 4), (25, 5), (100, 5)])
def test_a_median_needs_fewer_trials_in_a_short_search(n, startup):
    assert choose(size="medium", n=n).pruner_kwargs["n_startup_trials"] == startup
    assert choose("ray", size="medium", n=n).pruner_kwargs["min_samples_required"] == startup


@RAY_SEARCH
@pytest.mark.parametrize(("n", "startup"), [(10, 3), (20, 6), (30, 10), (500, 10)])
def test_a_third_of_a_short_search_is_random(n, startup):
    assert choose(n=n).algorithm_kwargs["n_startup_trials"] == startup
    assert choose("ray", n=n).algorithm_kwargs["n_startup_trials"] == startup
    small = choose("ray", size="small", n=n, config=MIXED)
    assert small.algorithm_kwargs["n_initial_points"] == startup
    medium = choose("ray", size="medium", n=n, config=NUMBERS)
    assert medium.algorithm_kwargs["random_search_steps"] == startup


@pytest.mark.parametrize("backend", ["optuna", "ray"])
@pytest.mark.parametrize(
    ("size", "n_reports", "warmup"), [("large", 5, 5), ("medium", 10, 10), ("small", 10, 20)]
)
def test_a_warmup_longer_than_a_trial_is_named(backend, size, n_reports, warmup):
    strategy = choose(backend, size=size, n_reports=n_reports)
    assert strategy.description.endswith(
        f"{strategy.pruner_name} can't stop any trial early, because it waits for report "
        f"{warmup} and a trial makes {n_reports}."
    )
    assert "can't stop" not in choose(backend, size=size, n_reports=warmup + 1).description


@RAY_SEARCH
def test_descriptions_say_what_and_why_in_one_sentence():
    assert choose().description == (
        "TPESampler (multivariate) for a large dataset and a complex model; "
        "HyperbandPruner stops weak trials from report 5 of 40 on."
    )
    assert choose("ray", size="small", config=MIXED).description == (
        "HyperOptSearch for a small dataset; "
        "MedianStoppingRule stops weak trials from report 20 of 40 on."
    )


def test_strings_enums_and_all_kinds_of_space_are_taken():
    from ray import tune

    selector = SearchAlgorithmSelector()
    expected = choose("optuna", "complex", "large", 50, NUMBERS)
    ray_space = {"x": tune.uniform(0, 1), "y": tune.uniform(-1, 1)}
    for config in (SearchSpace.parse(NUMBERS), ray_space):
        strategy = selector.select_algorithm(
            ModelComplexity.COMPLEX, DatasetSize.LARGE, np.int64(50), config, random_seed=1
        )
        assert strategy == expected
    assert choose("optuna", "Complex", "LARGE", 50, NUMBERS) == expected


def test_a_strategy_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        choose().backend = "ray"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SearchAlgorithmSelector("hyperopt"),
            "backend must be 'optuna' or 'ray', got 'hyperopt'; try backend='optuna'",
        ),
        (
            lambda: choose(model="huge"),
            "model_complexity must be one of 'simple', 'moderate', 'complex', got 'huge'; "
            "try model_complexity='simple'",
        ),
        (
            lambda: choose(size=None),
            "dataset_size must be one of 'small', 'medium', 'large', got None; "
            "try dataset_size='small'",
        ),
        (
            lambda: choose(n=0),
            "num_samples must be a whole number of at least 1, got 0; try num_samples=20",
        ),
        (
            lambda: choose(n=2.5),
            "num_samples must be a whole number of at least 1, got 2.5; try num_samples=20",
        ),
        (
            lambda: choose(n=True),
            "num_samples must be a whole number of at least 1, got True; try num_samples=20",
        ),
        (
            lambda: choose(n_reports=0),
            "n_reports must be a whole number of at least 1, got 0; try n_reports=40",
        ),
        (
            lambda: SearchAlgorithmSelector().select_algorithm(
                "simple", "small", 5, None, random_seed=-1
            ),
            "random_seed must be a whole number of at least 0 and at most 4294967295 or None,"
            " got -1; try random_seed=42",
        ),
        (
            lambda: SearchAlgorithmSelector("ray").get_optuna_sampler(choose("ray")),
            "strategy must be one of the backend 'optuna', got one of 'ray'; "
            "make it with SearchAlgorithmSelector(backend='optuna')",
        ),
        (
            lambda: SearchAlgorithmSelector().get_optuna_pruner(choose("ray")),
            "strategy must be one of the backend 'optuna', got one of 'ray'; "
            "make it with SearchAlgorithmSelector(backend='optuna')",
        ),
        (
            lambda: SearchAlgorithmSelector("ray").get_ray_search_alg(choose()),
            "strategy must be one of the backend 'ray', got one of 'optuna'; "
            "make it with SearchAlgorithmSelector(backend='ray')",
        ),
        (
            lambda: SearchAlgorithmSelector("ray").get_ray_scheduler(choose()),
            "strategy must be one of the backend 'ray', got one of 'optuna'; "
            "make it with SearchAlgorithmSelector(backend='ray')",
        ),
        (
            lambda: SearchAlgorithmSelector("ray").get_ray_search_alg(choose("ray"), mode="least"),
            "mode must be 'min' or 'max', got 'least'; try mode='min'",
        ),
        (
            lambda: SearchAlgorithmSelector("ray").get_ray_search_alg(
                choose("ray", config=by_function)
            ),
            "space must be given to OptunaSearch, because this search space is a function of "
            "the trial; try get_ray_search_alg(strategy, space)",
        ),
        (
            lambda: recommend_num_samples("simple", "small", "vast"),
            "search_complexity must be one of 'low', 'medium', 'high', got 'vast'; "
            "try search_complexity='low'",
        ),
        (
            lambda: recommend_num_samples("simple", "small", "low", 0),
            "time_budget_hours must be a number above 0, got 0; try time_budget_hours=2.0",
        ),
        (
            lambda: recommend_num_samples("simple", "small", "low", float("nan")),
            "time_budget_hours must be a number above 0, got nan; try time_budget_hours=2.0",
        ),
        (
            lambda: recommend_num_samples("simple", "small", "low", minutes_per_trial=-1),
            "minutes_per_trial must be a number above 0, got -1; try minutes_per_trial=2.0",
        ),
        (
            lambda: recommend_num_samples("simple", "small", "low", n_parallel=0),
            "n_parallel must be a whole number of at least 1, got 0; try n_parallel=2",
        ),
    ],
)
def test_bad_arguments_are_named_with_a_fix(call, message):
    with pytest.raises(InvalidInputError) as caught:
        call()
    assert str(caught.value) == message


def test_importing_the_module_pulls_in_no_heavy_library():
    code = (
        "import sys, automodel_sk.search_algorithm_selector as s; "
        "print(sorted({'torch', 'ray', 'optuna', 'mlflow', 'sktime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
