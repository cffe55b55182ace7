"""Every row of both tables, run for real on both backends."""

from __future__ import annotations

import logging
import uuid
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import optuna
import pytest

from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.search_space import Choice, Computed, Float, Integer, Normal, SearchSpace
from automodel_sk.selection.ray_algorithms import ray_param_space

N_REPORTS = 30
MIXED = {"x": Float(0, 1), "layers": Choice([[1], [2, 2]]), "n": Integer(1, 9), "h": 12}
SCALARS = {"x": Float(0, 1), "kind": Choice(["a", "b"]), "n": Integer(1, 9), "h": 12}
NUMBERS = {"x": Float(0, 1), "y": Float(1e-4, 1, log=True)}
UNIFORM = {"x": Float(0, 1), "y": Float(0, 1)}
SMALL = {"x": Choice([0.1, 0.3, 0.9]), "layers": Choice([[1], [2, 2]]), "h": 12}


def by_function(trial: optuna.Trial) -> dict[str, float]:
    config = {"x": trial.suggest_float("first", 0, 1)}
    if config["x"] > 0.5:
        config["y"] = trial.suggest_float("second", 0, 1)
    return config


def loss_at(config: dict[str, float], report: int) -> float:
    return (config["x"] - 0.3) ** 2 + 0.1 / report


OPTUNA_ROWS = [
    # model, dataset, trials, space, sampler, pruner
    pytest.param("complex", "large", 9, MIXED, "RandomSampler", "HyperbandPruner", id="few"),
    pytest.param("simple", "medium", 20, SMALL, "GridSampler", "MedianPruner", id="grid"),
    pytest.param("complex", "large", 40, MIXED, "TPESampler", "HyperbandPruner", id="large"),
    pytest.param("complex", "medium", 40, NUMBERS, "CmaEsSampler", "MedianPruner", id="cmaes"),
    pytest.param("complex", "medium", 40, MIXED, "TPESampler", "MedianPruner", id="medium"),
    pytest.param("complex", "small", 40, MIXED, "RandomSampler", "MedianPruner", id="small"),
    pytest.param("simple", "large", 40, MIXED, "TPESampler", "MedianPruner", id="simple"),
    pytest.param("complex", "large", 40, by_function, "TPESampler", "HyperbandPruner", id="fn"),
]


def run_optuna(model, size, n, config, *, seed=7, sampler_seed=None, **kwargs) -> optuna.Study:
    selector = SearchAlgorithmSelector("optuna")
    space = SearchSpace.parse(config)
    strategy = selector.select_algorithm(
        model, size, n, space, random_seed=seed, n_reports=N_REPORTS, **kwargs
    )

    def objective(trial: optuna.Trial) -> float:
        drawn = space.suggest(trial)
        for report in range(1, N_REPORTS + 1):
            trial.report(loss_at(drawn, report), report)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss_at(drawn, N_REPORTS)

    study = optuna.create_study(
        study_name="a fixed name",
        sampler=selector.get_optuna_sampler(strategy, sampler_seed),
        pruner=selector.get_optuna_pruner(strategy),
    )
    study.optimize(objective, n_trials=n)
    return study


def drawn(study: optuna.Study) -> list[dict[str, object]]:
    return [trial.params for trial in study.trials]


def states(study: optuna.Study) -> Counter[str]:
    return Counter(trial.state.name for trial in study.trials)


@pytest.fixture(autouse=True)
def quiet_optuna():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.parametrize(("model", "size", "n", "config", "sampler", "pruner"), OPTUNA_ROWS)
def test_each_optuna_row_searches_and_prunes(model, size, n, config, sampler, pruner):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = run_optuna(model, size, n, config)
    assert (type(study.sampler).__name__, type(study.pruner).__name__) == (sampler, pruner)
    assert len(study.trials) == (6 if sampler == "GridSampler" else n)
    assert set(states(study)) == {"COMPLETE", "PRUNED"}
    # Nine random points or a coarse grid come this close; the others come closer still.
    assert abs(study.best_trial.params.get("x", study.best_trial.params.get("first")) - 0.3) < 0.15


@pytest.mark.parametrize(
    ("model", "size", "first_report"),
    [
        ("complex", "large", 5),
        ("complex", "medium", 10),
        ("simple", "small", 20),
        ("simple", "medium", 10),
        ("moderate", "large", 10),
    ],
)
def test_each_pruner_row_stops_trials_from_its_report_on(model, size, first_report):
    study = run_optuna(model, size, 40, MIXED)
    stopped = [trial.last_step for trial in study.trials if trial.state.name == "PRUNED"]
    assert len(stopped) >= 5
    assert min(stopped) == first_report
    assert max(stopped) < N_REPORTS


def test_a_search_of_ten_trials_prunes_too():
    assert states(run_optuna("complex", "medium", 10, MIXED))["PRUNED"] >= 1


def test_without_pruning_every_trial_completes():
    assert states(run_optuna("complex", "large", 12, MIXED, use_pruning=False)) == {"COMPLETE": 12}


def test_a_warmup_as_long_as_a_trial_prunes_nothing_as_the_description_says():
    selector = SearchAlgorithmSelector("optuna")
    strategy = selector.select_algorithm("simple", "small", 12, MIXED, n_reports=20)
    assert "can't stop any trial early" in strategy.description
    study = optuna.create_study(pruner=selector.get_optuna_pruner(strategy))
    for value in range(12):
        trial = study.ask()
        for report in range(1, 20):
            trial.report(float(value), report)
            assert not trial.should_prune()
        study.tell(trial, float(value))


@pytest.mark.parametrize(("model", "size", "n", "config", "sampler", "pruner"), OPTUNA_ROWS)
def test_a_seed_gives_the_same_trials_again(model, size, n, config, sampler, pruner):
    n = min(n, 20)
    first, second = (run_optuna(model, size, n, config) for _ in range(2))
    assert drawn(first) == drawn(second)
    assert states(first) == states(second)
    assert drawn(run_optuna(model, size, n, config, seed=8)) != drawn(first)


@pytest.mark.parametrize(("model", "size", "n", "config", "sampler", "pruner"), OPTUNA_ROWS)
def test_a_sampler_seed_goes_before_that_of_the_strategy(model, size, n, config, sampler, pruner):
    n = min(n, 12)
    given = drawn(run_optuna(model, size, n, config, seed=8))
    assert drawn(run_optuna(model, size, n, config, seed=7, sampler_seed=8)) == given


def test_samplers_of_one_strategy_share_no_random_generator():
    selector = SearchAlgorithmSelector("optuna")
    strategy = selector.select_algorithm("complex", "large", 20, MIXED, random_seed=3)
    distributions = SearchSpace.parse(MIXED).optuna_distributions()
    studies = [optuna.create_study(sampler=selector.get_optuna_sampler(strategy)) for _ in range(2)]
    pairs = [[study.ask(distributions).params for study in studies] for _ in range(3)]
    assert all(left == right for left, right in pairs)


def test_no_seed_draws_anew_each_time():
    args = ("complex", "large", 3, MIXED)
    assert drawn(run_optuna(*args, seed=None)) != drawn(run_optuna(*args, seed=None))


def test_building_a_sampler_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for _, _, n, config, _, _ in (row.values for row in OPTUNA_ROWS):
        selector = SearchAlgorithmSelector("optuna")
        selector.get_optuna_sampler(selector.select_algorithm("complex", "large", n, config))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_grid_runs_every_point_once():
    study = run_optuna("simple", "small", 20, SMALL)
    points = [tuple(trial.params.values()) for trial in study.trials]
    assert len(points) == len(set(points)) == 6


def test_a_grid_larger_than_the_search_repeats_no_point():
    grid = {
        "x": Choice([i / 10 for i in range(10)], grid=True),
        "b": Choice(["a", "b", "c"], grid=True),
    }
    study = run_optuna("complex", "large", 12, grid)
    points = [tuple(trial.params.values()) for trial in study.trials]
    assert type(study.sampler).__name__ == "GridSampler"
    assert len(points) == len(set(points)) == 12


def test_a_fixed_configuration_is_run_once():
    study = run_optuna("complex", "large", 12, {"x": 0.25})
    assert [trial.value for trial in study.trials] == [loss_at({"x": 0.25}, N_REPORTS)]


RAY_SUGGESTERS = [
    ("medium", UNIFORM, "BayesOptSearch"),
    ("small", SCALARS, "HyperOptSearch"),
    ("large", SCALARS, "OptunaSearch"),
    ("large", by_function, "OptunaSearch"),
]


@pytest.mark.parametrize(("size", "config", "searcher"), RAY_SUGGESTERS)
def test_a_seed_gives_the_same_suggestions_again_on_ray(size, config, searcher):
    def suggested(seed: int) -> list[object]:
        selector, space = SearchAlgorithmSelector("ray"), SearchSpace.parse(config)
        strategy = selector.select_algorithm("complex", size, 12, space, random_seed=seed)
        alg = selector.get_ray_search_alg(strategy, space)
        alg.set_search_properties("loss", "min", ray_param_space(strategy, space))
        assert type(alg).__name__ == searcher
        return [alg.suggest(str(i)) for i in range(3)]

    assert suggested(1) == suggested(1)
    assert suggested(1) != suggested(2)


def test_optuna_search_gives_the_configuration_and_no_more(tmp_path):
    selector, space = SearchAlgorithmSelector("ray"), SearchSpace.parse(by_function)
    strategy = selector.select_algorithm("complex", "large", 12, space, random_seed=1)
    alg = selector.get_ray_search_alg(strategy, space)
    assert all(set(alg.suggest(str(i))) <= {"x", "y"} for i in range(5))
    again = selector.get_ray_search_alg(strategy, space)
    alg.save(str(tmp_path / "searcher"))
    again.restore(str(tmp_path / "searcher"))
    assert again.suggest("next") == alg.suggest("next")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    import ray

    ray.init(
        "local",  # not the cluster of another test
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        namespace="test_algorithms_run",
    )
    yield tmp_path_factory.mktemp("ray")
    ray.shutdown()


def run_ray(folder: Path, model, size, n, config, *, seed=7, own_space=True, **kwargs):
    """Return the strategy, the results, and how often a trial was started."""
    from ray import tune

    starts = folder / uuid.uuid4().hex
    starts.mkdir()
    n_reports = N_REPORTS

    def train(config):
        (starts / uuid.uuid4().hex).touch()
        for report in range(1, n_reports + 1):
            tune.report({"loss": float((config["x"] - 0.3) ** 2 + 0.1 / report)})

    selector, space = SearchAlgorithmSelector("ray"), SearchSpace.parse(config)
    strategy = selector.select_algorithm(
        model, size, n, space, random_seed=seed, n_reports=N_REPORTS, **kwargs
    )
    searcher = selector.get_ray_search_alg(strategy, space if own_space else None)
    tuner = tune.Tuner(
        train,
        param_space=ray_param_space(strategy, space) if own_space else space.to_ray(),
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            num_samples=1 if strategy.exhaustive else strategy.num_samples,  # passes of a grid
            search_alg=searcher,
            scheduler=selector.get_ray_scheduler(strategy),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(folder), name=uuid.uuid4().hex, verbose=0),
    )
    results = tuner.fit()
    assert results.num_errors == 0
    return strategy, results, len(list(starts.iterdir()))


def check_ray(folder, n, config, size, model, searcher, scheduler, first_report, **kwargs):
    strategy, results, starts = run_ray(folder, model, size, n, config, **kwargs)
    assert (strategy.algorithm_name, strategy.pruner_name) == (searcher, scheduler)
    assert starts == len(results) == strategy.num_samples
    reports = [result.metrics["training_iteration"] for result in results]
    stopped = [report for report in reports if report < N_REPORTS]
    assert min(reports) >= first_report
    assert max(reports) == N_REPORTS
    return results, stopped


def test_the_searcher_and_scheduler_of_the_large_row_run_on_ray(cluster):
    results, stopped = check_ray(
        cluster, 10, MIXED, "large", "complex", "OptunaSearch", "ASHAScheduler", 5
    )
    assert stopped
    configs = [result.config for result in results]
    assert all(isinstance(config["layers"], list) and config["h"] == 12 for config in configs)


RAY_ROWS = [
    pytest.param(9, MIXED, "small", "simple", "BasicVariantGenerator", 20, id="few"),
    pytest.param(14, UNIFORM, "medium", "complex", "BayesOptSearch", 10, id="medium"),
    pytest.param(14, SCALARS, "small", "complex", "HyperOptSearch", 20, id="small"),
    pytest.param(14, MIXED, "large", "simple", "OptunaSearch", 10, id="simple"),
    pytest.param(14, by_function, "medium", "simple", "OptunaSearch", 10, id="fn"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "config", "size", "model", "searcher", "first_report"), RAY_ROWS)
def test_the_other_rows_run_on_ray_and_no_trial_starts_twice(
    cluster, n, config, size, model, searcher, first_report
):
    _, stopped = check_ray(
        cluster, n, config, size, model, searcher, "MedianStoppingRule", first_report
    )
    assert stopped


@pytest.mark.slow
def test_a_small_space_runs_point_by_point_on_ray(cluster):
    nested = {"x": SMALL["x"], "m": {"layers": SMALL["layers"]}, "h": 12}
    strategy, results, starts = run_ray(cluster, "simple", "medium", 20, nested)
    assert (strategy.algorithm_name, strategy.exhaustive) == ("BasicVariantGenerator", True)
    points = {(r.config["x"], tuple(r.config["m"]["layers"])) for r in results}
    assert len(points) == len(results) == starts == 6


@pytest.mark.slow
def test_a_large_grid_runs_no_more_trials_than_asked_for_on_ray(cluster):
    grid = {"x": Choice([i / 10 for i in range(10)], grid=True), "b": Choice([1, 2], grid=True)}
    _, results, starts = run_ray(cluster, "simple", "medium", 10, grid, use_pruning=False)
    assert len(results) == starts == 10


@pytest.mark.slow
def test_a_fixed_configuration_runs_once_on_ray(cluster):
    _, results, starts = run_ray(cluster, "simple", "medium", 10, {"x": 0.25}, use_pruning=False)
    assert len(results) == starts == 1


@pytest.mark.slow
def test_random_trials_are_the_same_again_on_ray(cluster):
    def values(seed: int) -> list[float]:
        args = ("simple", "large", 5, {"x": Float(0, 1)})
        return sorted(r.config["x"] for r in run_ray(cluster, *args, seed=seed)[1])

    assert values(1) == values(1)
    assert values(1) != values(2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "config", "searcher"),
    [
        ("large", SCALARS, "OptunaSearch"),
        ("large", {"x": Float(0, 1), "n": Normal()}, "HyperOptSearch"),
        ("large", {"x": Float(0, 1), "n": Integer(4, 64, log=True, step=4)}, "HyperOptSearch"),
        ("large", {"x": Float(0, 1), "c": Computed(lambda spec: 1)}, "BasicVariantGenerator"),
        ("small", {"x": Float(0, 1, step=0.1), "n": Integer(1, 99)}, "HyperOptSearch"),
    ],
)
def test_every_searcher_takes_the_space_from_the_tuner_as_well(cluster, size, config, searcher):
    strategy, results, _ = run_ray(
        cluster, "complex", size, 10, config, own_space=False, use_pruning=False
    )
    assert strategy.algorithm_name == searcher
    assert len(results) == 10
    assert all(0 <= result.config["x"] <= 1 for result in results)
