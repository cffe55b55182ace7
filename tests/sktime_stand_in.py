"""A pytest plugin: AutoNeuralForecaster stands in for NaiveForecaster in sktime's own tests."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Generator, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
import sktime.forecasting.naive as naive

from automodel_sk.forecaster import AutoNeuralForecaster

CONFIG = {"max_steps": 1, "input_size": 2, "learning_rate": 1e-4}
# Sets of parameters of one test that are tried: all of `evaluate` are 2,880.
MOST = {"test_evaluate.py": 12}
MOST_ELSEWHERE = 6

PER_LEVEL = "compares a model of each level with one of all series: they are not the same"
NO_TRAINING = "expects a model of earlier rows to be the same as one of all rows"
ALL_ROWS = "expects an update to forget what the window has left; this one trains on all rows"
VALUES = "expects the very values of the naive forecast"

# What can't pass, by file and name: each must fail, and nothing else may.
CANNOT_PASS = {
    "test_fallback.py::test_forecastbylevel_nan_predict": PER_LEVEL,
    "test_evaluate.py::test_evaluate_common_configs[[]*-no-update_params-*": NO_TRAINING,
    "test_evaluate.py::test_evaluate_common_configs[[]*-scoring?-update-*Sliding*": ALL_ROWS,
    "test_evaluate.py::test_evaluate_hierarchical_unequal_X_y": VALUES,
    "test_reconcile.py::test_reconcilerforecaster_singular[[]0]": VALUES,
    "test_base.py::test_col_vectorization_correct_col_order": VALUES,
    "test_base.py::test_row_vectorization_correct_row_order": VALUES,
    "test_base.py::test_panel_with_inner_freq": VALUES,
}


class StandIn(AutoNeuralForecaster):
    """A tiny fixed model behind the parameters of NaiveForecaster."""

    def __init__(self, strategy: str = "last", window_length: Any = None, sp: int = 1) -> None:
        self.strategy = strategy
        self.window_length = window_length
        self.sp = sp
        super().__init__("NLinear", CONFIG, h=3, gpus=0, random_state=1)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return the parameters that sktime's own tests of all forecasters use."""
        return [{}, {"strategy": "mean"}]


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Let the test modules, and nothing else, import the stand-in."""
    original = naive.NaiveForecaster
    naive.NaiveForecaster = StandIn
    try:
        return (yield)
    finally:
        naive.NaiveForecaster = original


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a sample of each test's sets of parameters and mark those that can't pass."""
    tests = defaultdict(list)
    for item in items:
        tests[item.nodeid.partition("[")[0]].append(item)
    kept = {item for name, sets in tests.items() for item in sample(name, sets)}
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]
    for pattern, reason in CANNOT_PASS.items():
        mark(pattern, reason, items)


def mark(pattern: str, reason: str, items: list[pytest.Item]) -> None:
    """Mark the tests of that name; a name that none of the file's tests has is an error."""
    name = pattern.partition("::")[0]
    of_file = [item for item in items if item.path.name == name]
    found = [item for item in of_file if fnmatchcase(f"{name}::{item.name}", pattern)]
    if of_file and not found:
        raise pytest.UsageError(f"no test is called {pattern}")
    for item in found:
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def sample(name: str, sets: list[pytest.Item]) -> list[pytest.Item]:
    """Return as many sets of parameters as are tried, the same in each run."""
    most = MOST.get(sets[0].path.name, MOST_ELSEWHERE)
    return sets if len(sets) <= most else random.Random(name).sample(sets, most)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip a test that lacks one of sktime's optional packages."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(ModuleNotFoundError):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, str(call.excinfo.value))
    return report
