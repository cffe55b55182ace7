"""The values in a search space: NumPy's numbers, and objects that answer nothing."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from ray import tune

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, SearchSpace

NUMPY = {
    "batch_size": Choice(2 ** np.arange(3, 6)),
    "windows_batch_size": tune.choice(2 ** np.arange(5, 8)),
    "layers": CategoricalDistribution([2, np.float64(3)]),
    "dropout": tune.choice([np.float32(0.5), np.float64(0.25)]),
    "units": Choice([[np.int64(8), (np.int64(4),)], [np.int64(16)]]),
    "computed": tune.sample_from(lambda config: np.int64(5)),
    "max_steps": np.int64(20),
    "flag": np.bool_(True),
    "nested": {"n_head": np.int64(4), "sizes": [np.int64(1), np.array(2)]},
}


def numpy_config(trial: Any) -> dict[str, Any]:
    return {"batch_size": np.int64(2 ** trial.suggest_int("power", 3, 5)), "sizes": [np.int64(2)]}


@pytest.mark.parametrize("written", [NUMPY, numpy_config])
def test_numbers_of_numpy_become_python_s_own(written: Any) -> None:
    space = SearchSpace.parse(written)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(5):
        config = space.suggest(study.ask())
        json.dumps(config)  # raises at any of NumPy's
        assert type(config["batch_size"]) is int


def test_a_space_of_numpy_s_numbers_is_the_same_as_one_of_python_s_and_can_be_kept() -> None:
    from automodel_sk.search_space.serialization import space_from_json, space_to_json

    one = SearchSpace.parse({"b": Choice(2 ** np.arange(3, 6)), "s": np.int64(3)})
    assert one.fingerprint() == SearchSpace.parse({"b": Choice([8, 16, 32]), "s": 3}).fingerprint()
    stored = space_to_json(one)
    assert stored["left_out"] == {}
    assert space_from_json(stored) == one


class Unhelpful:
    """An object whose every answer is an error."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __deepcopy__(self, memo: Any) -> Any:
        raise RuntimeError("no copy")


class Closed(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise RuntimeError("no items")


def endless() -> list[Any]:
    nested: list[Any] = []
    nested.append(nested)
    return nested


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"a": [Unhelpful()]},
        lambda: {"a": {"b": Unhelpful(), "c": tune.choice([1])}, "d": [Unhelpful()]},
        lambda: {"a": tune.choice([Unhelpful(), Unhelpful()])},
        lambda: {"a": tune.choice([endless()])},
        lambda: {"a": {"grid_search": Unhelpful()}},
        lambda: {"a": endless()},
        lambda: {"a": tune.choice(itertools.repeat(1, 200_000))},
        lambda: {"a": tune.uniform(0, 10**400)},
        lambda: {Unhelpful: 1},
        lambda: Closed(a=1),
    ],
)
def test_odd_objects_are_one_error_that_names_the_entry(make: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^(a|d|config|names of parameters)\b") as error:
        SearchSpace.parse(make())
    assert len(str(error.value)) < 500
