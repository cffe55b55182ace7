"""Whatever the validators, the options and the spaces are given: an answer, soon, in words."""

from __future__ import annotations

import faulthandler
import inspect
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from cpu_time import cpu_time_below
from junk import frame, junk

from automodel_sk import OptimizationConfig
from automodel_sk.exceptions import AutoModelError
from automodel_sk.search_space import SearchSpace
from automodel_sk.validation import ConfigValidator, DataValidator, validate_all

ROUNDS = [pytest.param(300, id="300"), pytest.param(5_000, id="5000", marks=pytest.mark.slow)]
LONGEST = 10.0


def _called(call: Any, *args: Any, **kwargs: Any) -> Any:
    """Call, and hold that it took no longer than it may."""
    faulthandler.dump_traceback_later(60, exit=False)
    try:
        with cpu_time_below(LONGEST):
            return call(*args, **kwargs)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _some(rng: np.random.Generator, function: Any, fixed: frozenset[str]) -> dict[str, Any]:
    """Return junk for some of a function's parameters."""
    names = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in fixed and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    chosen = rng.choice(names, size=min(len(names), int(rng.integers(1, 5))), replace=False)
    return {str(name): junk(rng) for name in chosen}


def _is_answer(result: Any) -> bool:
    texts = [*result.errors, *result.warnings]
    return all(isinstance(text, str) and len(text) < 4_000 for text in texts)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_validate_all_answers(rounds: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(rounds // 3):
        given = _some(rng, validate_all, frozenset({"use_mlflow", "check_environment"}))
        given.setdefault("dataset", frame(rng))
        result = _called(validate_all, check_environment=False, **given)
        assert _is_answer(result)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_configs_validator_answers(rounds: int) -> None:
    rng = np.random.default_rng(2)
    validator = ConfigValidator()
    checks = (validator.validate_backend_config, validator.validate_model_config)
    for _ in range(rounds // 2):
        for check in checks:
            assert _is_answer(_called(check, **_some(rng, check, frozenset())))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_datas_validator_answers(rounds: int) -> None:
    rng = np.random.default_rng(3)
    validator = DataValidator()
    for _ in range(rounds):
        given = _some(rng, validator.validate_dataset, frozenset({"df"}))
        if rng.integers(2):
            given["static_df"] = frame(rng)
        assert _is_answer(_called(validator.validate_dataset, frame(rng), **given))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_space_is_read_or_refused_in_words(rounds: int) -> None:
    rng = np.random.default_rng(4)
    for _ in range(rounds):
        with suppress(AutoModelError):
            _called(SearchSpace.parse, {f"p{place}": junk(rng) for place in range(3)})
        with suppress(AutoModelError):
            _called(SearchSpace.parse, junk(rng))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_options_are_converted_or_refused_in_words(rounds: int) -> None:
    rng = np.random.default_rng(5)
    names = list(OptimizationConfig.__dataclass_fields__)
    for _ in range(rounds):
        given = {str(name): junk(rng) for name in rng.choice(names, 3, replace=False)}
        with suppress(AutoModelError):
            _called(OptimizationConfig(**given).converted)
