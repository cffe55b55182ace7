"""Search spaces are written as JSON and read back, without what JSON can't hold."""

from __future__ import annotations

import json

import pytest

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Computed, Float, Integer, Normal, SearchSpace
from automodel_sk.search_space.serialization import space_from_json, space_to_json

SPACE = {
    "layers": Choice([[2, 2], [3, 3], None]),
    "grid": Choice([1, 2.5, "a"], grid=True),
    "lr": Float(1e-4, 1e-2, log=True),
    "dropout": Float(0.0, 0.5, step=0.1),
    "steps": Integer(100, 1000, step=100),
    "noise": Normal(0.0, 2.0, step=0.5),
    "nested": {"size": Integer(1, 8, log=True), "fixed": "x"},
    "max_steps": 10,
    "units": [[8, 8]],
}


def test_every_domain_and_constant_survives() -> None:
    space = SearchSpace.parse(SPACE)
    stored = json.loads(json.dumps(space_to_json(space)))
    assert stored["left_out"] == {}
    back = space_from_json(stored)
    assert back == space
    assert back is not None
    assert back.fingerprint() == space.fingerprint()


def test_what_json_cannot_hold_is_named() -> None:
    space = SearchSpace.parse({"lr": Float(0, 1), "h": Computed(len), "loss": object, "big": 2})
    stored = space_to_json(space)
    assert stored["left_out"] == {"h": "Computed(len)", "loss": "<class 'object'>"}
    assert space_from_json(stored) == SearchSpace.parse({"lr": Float(0, 1), "big": 2})


def test_a_function_alone_leaves_nothing() -> None:
    stored = space_to_json(SearchSpace.parse(lambda trial: {"lr": 0.1}))
    assert "function" in stored["left_out"]["config"]
    assert space_from_json(stored) is None


def _altered(change: dict) -> dict:
    stored = space_to_json(SearchSpace.parse({"lr": Float(0.0, 1.0)}))
    return {**stored, "domains": {"lr": stored["domains"]["lr"] | change}}


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {"domains": {}},
        {"domains": [], "constants": {}, "left_out": {}},
        {"domains": {"lr": 3}, "constants": {}, "left_out": {}},
        _altered({"kind": "os.system"}),
        _altered({"kind": ["float"]}),
        _altered({"low": "0"}),
        _altered({"low": 2.0}),
        _altered({"low": float("nan")}),
        _altered({"log": "yes"}),
        _altered({"step": -1}),
        _altered({"function": "len"}),
        {"domains": {"a": {"kind": "choice", "values": "ab", "grid": False}}}
        | {"constants": {}, "left_out": {}},
        {"domains": {"a": {"kind": "choice", "values": [], "grid": False}}}
        | {"constants": {}, "left_out": {}},
    ],
)
def test_other_content_is_refused(stored: object) -> None:
    with pytest.raises(InvalidInputError):
        space_from_json(stored)
