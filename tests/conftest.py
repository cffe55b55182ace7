"""Fixtures that many tests share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import settings
from series import seasonal_panel

# The default suite draws the same examples each time; `make test-all` draws new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# A run in the background, or by nohup, inherits signals that are ignored, and so would the commands
# that tests start and stop by them.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)


def _seconds(item: pytest.Item) -> float:
    """Return roughly how long a test takes, as its marks tell."""
    timeout = item.get_closest_marker("timeout")
    if timeout is not None:  # its own, longer than that of all tests
        return timeout.args[0] / 6
    return 10 if item.get_closest_marker("slow") else 1


@pytest.hookimpl(trylast=True)  # the tests that run
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that at the end no worker waits long for the other one."""
    files: dict[Path, float] = {}
    for item in items:
        files[item.path] = files.get(item.path, 0) + _seconds(item)
    items.sort(key=lambda item: -files[item.path])


@pytest.fixture
def panel() -> pd.DataFrame:
    return seasonal_panel()


def _mlflow_globals() -> dict[tuple[str, str], Any]:
    """Return what MLflow keeps for the whole process, by module and name, if it is imported."""
    known = (
        ("mlflow.tracking._tracking_service.utils", "_tracking_uri"),
        ("mlflow.tracking._model_registry.utils", "_registry_uri"),
        ("mlflow.tracking.fluent", "_active_experiment_id"),
    )
    return {
        (module, name): getattr(sys.modules[module], name)
        for module, name in known
        if module in sys.modules
    }


def _mlflow_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}


_VARIABLES = _mlflow_variables()  # of the session


def _restore_mlflow(kept: dict[tuple[str, str], Any], variables: dict[str, str]) -> None:
    for module, name in _mlflow_globals():
        setattr(sys.modules[module], name, kept.get((module, name)))
    for name in _mlflow_variables():
        del os.environ[name]
    os.environ.update(variables)


@pytest.fixture(autouse=True, scope="module")
def ray_ends_with_its_file() -> Iterator[None]:
    """Shut down Ray, since a program that uses it is never forked for a search on Optuna."""
    yield
    session, ray = (sys.modules.get(name) for name in ("automodel_sk.search.ray.session", "ray"))
    if session is not None:
        session._close()
    if ray is not None and ray.is_initialized():
        ray.shutdown()


@pytest.fixture(autouse=True, scope="module")
def mlflow_as_in_a_new_process() -> Iterator[None]:
    """Undo what the fixtures of a module, or its threads, set in MLflow for the whole process."""
    _restore_mlflow({}, _VARIABLES)
    yield
    _restore_mlflow({}, _VARIABLES)


@pytest.fixture(autouse=True)
def mlflow_as_before(mlflow_as_in_a_new_process: None) -> Iterator[None]:
    """Undo what a test, or an example that it runs, sets in MLflow for the whole process."""
    kept, variables = _mlflow_globals(), _mlflow_variables()
    yield
    _restore_mlflow(kept, variables)
