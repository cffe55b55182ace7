"""Small search spaces are walked without repetitions."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna_search import StudyLocation, request_for
from ray import tune

from automodel_sk.search.optuna.loop import _next_trial, sampler_of
from automodel_sk.search.ray.searcher import Proposer
from automodel_sk.search.study.ownership import requeue
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.storage import open_storage
from automodel_sk.search.study.study import AskTellStudy, muted
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.search_space import Choice, Float, Integer, SearchSpace

SMALL = {
    "layers": Choice([[2, 2], [3, 3]]),
    "size": Integer(1, 3, log=True),
    "rate": Float(0.0, 1.0, step=0.5),
    "steps": Choice([5]),
}


def opened(request: SearchRequest) -> AskTellStudy:
    storage = open_storage(request.location)
    name = request.location.study_name
    optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    return AskTellStudy(name, storage, sampler_of(request), optuna.pruners.NopPruner())


def drawn(study: AskTellStudy, request: SearchRequest, count: int) -> list[tuple[Any, ...]]:
    """Return the parameters of so many trials, a third of which fail."""
    found = []
    for _ in range(count):
        trial = _next_trial(study, request)
        assert trial is not None
        found.append(tuple(sorted(trial.params.items())))
        if trial.number % 3:
            study.tell(trial, float(trial.number))
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return found


def request(location: StudyLocation, num_samples: int, **more: Any) -> SearchRequest:
    return request_for(location, SMALL, num_samples, **more)


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with muted():
        yield


@pytest.mark.parametrize("seed", range(5))
def test_two_trials_of_two_configurations_try_both(seed: int, tmp_path: Path) -> None:
    asked = request_for(StudyLocation(f"s{seed}", tmp_path), {"size": Choice([1, 2])}, 2)
    asked = SearchRequest(**{**vars(asked), "random_seed": seed})
    assert sorted(drawn(opened(asked), asked, 2)) == [(("size", 1),), (("size", 2),)]


@pytest.mark.parametrize(
    ("num_samples", "size", "algorithm", "distinct"),
    [
        (9, "small", "RandomSampler", 9),
        (17, "small", "RandomSampler", 17),
        (17, "large", "TPESampler", 5),
    ],
)
def test_random_draws_repeat_nothing(
    num_samples: int, size: str, algorithm: str, distinct: int, tmp_path: Path
) -> None:
    asked = request(StudyLocation("s", tmp_path), num_samples, size=size)
    assert asked.strategy.algorithm_name == algorithm
    study = opened(asked)
    study.enqueue_trial({"size": 2, "rate": 0.5})
    found = drawn(study, asked, distinct)
    assert len(set(found)) == distinct
    assert dict(found[0]) | {"size": 2, "rate": 0.5} == dict(found[0])


def test_a_space_that_is_used_up_is_drawn_from_again(tmp_path: Path) -> None:
    asked = request_for(StudyLocation("s", tmp_path), {"size": Choice([1, 2])}, 5)
    found = drawn(opened(asked), asked, 5)
    assert len(found) == 5
    assert len(set(found[:2])) == len(set(found)) == 2


def test_workers_draw_what_one_process_draws_also_after_a_resume(tmp_path: Path) -> None:
    asked = request(StudyLocation("one", tmp_path), 17)
    alone = drawn(opened(asked), asked, 17)
    shared = request(StudyLocation("several", tmp_path), 17)
    workers = [opened(shared) for _ in range(3)]
    begun = [_next_trial(worker, shared) for worker in workers]  # three at a time
    assert [tuple(sorted(t.params.items())) for t in begun if t] == alone[:3]
    for worker, trial in zip(workers, reversed(begun), strict=True):
        assert trial is not None
        worker.tell(trial.number, 1.0)
    assert drawn(opened(shared), shared, 14) == alone[3:]


def test_a_trial_that_was_cut_off_as_it_drew_draws_the_same_again(tmp_path: Path) -> None:
    asked = request(StudyLocation("one", tmp_path), 17)
    alone = drawn(opened(asked), asked, 17)
    asked = request(StudyLocation("cut", tmp_path), 17)
    study, found = opened(asked), []
    first = next(iter(asked.space.optuna_distributions().items()))
    for _ in range(17):
        trial = study.ask()
        trial.suggest_categorical(first[0], first[1].choices)  # type: ignore[attr-defined]
        requeue(study, trial)
        found += drawn(study, asked, 1)
    assert found == alone


def test_draws_are_those_of_the_plain_sampler_but_for_repetitions(tmp_path: Path) -> None:
    asked = request(StudyLocation("s", tmp_path), 9)
    selector = SearchAlgorithmSelector("optuna")
    plain = optuna.create_study(
        sampler=PerTrialSampler(
            lambda seed: selector.get_optuna_sampler(asked.strategy, seed=seed), 1
        )
    )
    distributions = asked.space.optuna_distributions()
    before = [tuple(sorted(plain.ask(distributions).params.items())) for _ in range(9)]
    after = drawn(opened(asked), asked, 9)
    fresh = [draw not in before[:n] for n, draw in enumerate(before)]
    assert sum(fresh) >= 5
    assert all(a == b for a, b, new in zip(before, after, fresh, strict=True) if new)


@pytest.mark.parametrize("grid", [False, True])
def test_ray_proposes_no_configuration_twice(grid: bool) -> None:
    choice = tune.grid_search if grid else tune.choice
    space = SearchSpace.parse({"a": choice([1, 2, 3]), "b": tune.randint(0, 2), "c": 7})
    strategy = SearchAlgorithmSelector("ray").select_algorithm(
        "simple", "small", 7, space, random_seed=1
    )
    proposer = Proposer(strategy, space)
    first = {"a": 2, "b": 1}
    proposer.begin(0, first)
    found = [first]
    for number in range(1, 7):
        params = proposer.propose()
        assert params is not None
        proposer.begin(number, params)
        found.append(params)
    points = {(p["a"], p["b"]) for p in found}
    assert points == set(itertools.product([1, 2, 3], [0, 1]))
    assert len({(p["a"], p["b"]) for p in found[:6]}) == 6


GRID = {"size": Choice([1, 2, 3]), "rate": Choice([0.1, 0.2, 0.3, 0.4])}


@pytest.mark.parametrize("seed", range(5))
def test_a_grid_has_the_points_that_earlier_trials_left(seed: int, tmp_path: Path) -> None:
    location = StudyLocation(f"s{seed}", tmp_path)
    first = request_for(location, GRID, 5)
    assert first.strategy.algorithm_name == "RandomSampler"
    found = drawn(opened(first), first, 5)
    later = request_for(location, GRID, 30)
    assert later.strategy.algorithm_name == "GridSampler"
    assert later.strategy.num_samples == 12
    found += drawn(opened(later), later, 4)
    found += drawn(opened(later), later, 3)  # another process
    assert len(set(found)) == 12


def test_a_grid_completes_the_trials_that_begin_with_some_values(tmp_path: Path) -> None:
    grid = {name: Choice(values.values, grid=True) for name, values in GRID.items()}
    asked = request_for(StudyLocation("s", tmp_path), grid, 11)
    assert asked.strategy.algorithm_name == "GridSampler"
    study = opened(asked)
    study.enqueue_trial({"rate": 0.3})
    found = drawn(study, asked, 11)
    assert dict(found[0])["rate"] == 0.3
    assert len(set(found)) == 11


def test_a_long_grid_is_walked_to_its_end(tmp_path: Path) -> None:
    grid = {"size": Choice([*range(150)]), "rate": Choice([0.1, 0.2, 0.3, 0.4])}
    asked = request_for(StudyLocation("s", tmp_path), grid, 600)
    assert asked.strategy.algorithm_name == "GridSampler"
    found = drawn(opened(asked), asked, 600)
    assert len(set(found)) == 600


def test_a_trial_of_a_grid_that_was_cut_off_draws_the_same_again(tmp_path: Path) -> None:
    asked = request_for(StudyLocation("one", tmp_path), GRID, 30)
    alone = drawn(opened(asked), asked, 12)
    asked = request_for(StudyLocation("cut", tmp_path), GRID, 30)
    study, found = opened(asked), []
    for _ in range(12):
        trial = study.ask()
        trial.suggest_categorical("rate", (0.1, 0.2, 0.3, 0.4))
        requeue(study, trial)
        found += drawn(study, asked, 1)
    assert found == alone
