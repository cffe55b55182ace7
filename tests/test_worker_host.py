"""The host of the worker processes: a fork where that is safe, the same results either way."""

from __future__ import annotations

import multiprocessing
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any

import psutil
import pytest
from series import seasonal_panel
from test_optuna_engine import SPACE

from automodel_sk import create_auto_model
from automodel_sk.search import worker_host, worker_pool
from automodel_sk.search.worker_host import is_forkable, start_host


@pytest.fixture(autouse=True)
def imported() -> None:
    import neuralforecast  # noqa: F401

    import automodel_sk.search.optuna_engine  # noqa: F401


@pytest.fixture
def errors() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


@pytest.fixture
def no_pool() -> Iterator[None]:
    """Start without the pool that other tests left, and leave none."""
    worker_pool.shared_pool().close()
    yield
    worker_pool.shared_pool().close()


def is_fork(host: worker_host.Host) -> bool:
    return isinstance(host, worker_host._ForkedHost)


def end(host: worker_host.Host) -> None:
    host.kill()
    assert host.wait() == -9
    assert not psutil.pid_exists(host.pid)


def forecast_and_trials(**options: Any) -> tuple[Any, Any]:
    model = create_auto_model(
        "MLP",
        h=12,
        dataset=seasonal_panel(n_series=2),
        config=SPACE,
        num_samples=4,
        random_seed=3,
        verbose=False,
        use_mlflow=False,
        use_pruning=False,
        **options,
    )
    return model.predict(), model.trials["value"].tolist()


def test_a_search_forks_and_its_results_are_those_of_one_process(
    no_pool: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "usable_cpus", lambda: 2)
    forecast, values = forecast_and_trials(cpus=2)
    assert worker_pool._pool is not None
    assert is_fork(worker_pool._pool._host)
    alone, values_alone = forecast_and_trials(cpus=1)
    assert values == values_alone
    assert forecast.equals(alone)


def test_a_program_that_says_so_is_not_forked(
    monkeypatch: pytest.MonkeyPatch, errors: IO[bytes]
) -> None:
    assert is_forkable()
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none: "spawn")
    assert not is_forkable()
    host = start_host(errors, may_fork=True)
    assert isinstance(host, subprocess.Popen)
    end(host)


def test_a_program_with_a_gpu_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not is_forkable()


def test_a_program_that_has_not_imported_yet_is_not_forked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "neuralforecast")
    assert not is_forkable()


def test_a_fork_that_hangs_gives_way_to_a_fresh_process(
    monkeypatch: pytest.MonkeyPatch, errors: IO[bytes]
) -> None:
    lock = threading.Lock()  # held by another thread, which a fork does not have
    monkeypatch.setattr(worker_host, "_prove_fit", lock.acquire)
    monkeypatch.setattr(worker_host, "READY_SECONDS", 0.5)
    with lock:
        host = start_host(errors, may_fork=True)
    assert isinstance(host, subprocess.Popen)
    end(host)


def test_a_fork_that_fails_gives_way_to_a_fresh_process(
    monkeypatch: pytest.MonkeyPatch, errors: IO[bytes]
) -> None:
    monkeypatch.setattr(worker_host, "_prove_fit", lambda: 1 / 0)
    host = start_host(errors, may_fork=True)
    assert isinstance(host, subprocess.Popen)
    end(host)


def test_a_fork_holds_no_pipe_of_its_parent(errors: IO[bytes]) -> None:
    read, write = os.pipe()
    host = start_host(errors, may_fork=True)
    assert is_fork(host)
    os.close(write)
    assert select.select([read], [], [], 0)[0]
    assert os.read(read, 1) == b""
    os.close(read)
    end(host)


def test_a_fork_ends_with_its_parent(errors: IO[bytes]) -> None:
    host = start_host(errors, may_fork=True)
    assert is_fork(host)
    assert host.poll() is None
    assert host.stdin is not None
    host.stdin.close()  # as at the parent's end
    assert host.wait() == 0


def test_what_a_fork_prints_is_not_the_parents_output(
    monkeypatch: pytest.MonkeyPatch, errors: IO[bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_host, "_prove_fit", lambda: print("printed", flush=True))
    host = start_host(errors, may_fork=True)
    assert is_fork(host)
    end(host)
    assert capfd.readouterr().out == ""
    errors.seek(0)
    assert errors.read() == b"printed\n"
