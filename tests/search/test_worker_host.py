"""The host of the worker processes: a fork where that is safe, the same results either way."""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import multiprocessing
import os
import resource
import select
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import cloudpickle
import psutil
import pytest
import torch
from optuna_search import MEMORY, SPACE, request_for
from search_process import Silent, small_dataset
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk.search.optuna.backend import OptunaBackend
from automodel_sk.search.optuna.workers import fork_server as worker_host
from automodel_sk.search.optuna.workers import pool as worker_pool
from automodel_sk.search.optuna.workers import stuck as stuck_workers
from automodel_sk.search.optuna.workers.fork_server import is_forkable, start_host


@pytest.fixture(autouse=True)
def imported() -> None:
    import neuralforecast  # noqa: F401

    import automodel_sk.search.optuna.loop  # noqa: F401


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
    monkeypatch.setattr(worker_pool, "n_cpus", lambda: 2)
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


@pytest.mark.parametrize("may_fork", [True, False])
def test_nothing_in_the_temporary_folder_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: IO[bytes], may_fork: bool
) -> None:
    shared, canary = tmp_path / "shared", tmp_path / "canary"
    shared.mkdir()
    for module in ("json", "lzma", "ctypes", "neuralforecast", "automodel_sk", "sitecustomize"):
        (shared / f"{module}.py").write_text(f"open({str(canary)!r}, 'a').write({module!r})\n")
    monkeypatch.setenv("TMPDIR", str(shared))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert tempfile.gettempdir() == str(shared)
    host = start_host(errors, may_fork=may_fork)
    assert is_fork(host) is may_fork
    if not may_fork:
        assert host.stdout is not None
        assert host.stdout.readline().startswith(b'{"ready"')
    assert Path(f"/proc/{host.pid}/cwd").readlink() == Path("/")
    assert not canary.exists()
    end(host)


def test_a_host_imports_from_where_its_parent_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path, "", "lib"])
    assert worker_host._import_path()[-2:] == [str(folder), str(folder / "lib")]


def test_a_fork_made_while_another_thread_imports_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: IO[bytes]
) -> None:
    (tmp_path / "slow_to_import.py").write_text("import threading\nthreading.going_on.wait(60)\n")
    monkeypatch.syspath_prepend(tmp_path)
    going_on = threading.Event()
    monkeypatch.setattr(threading, "going_on", going_on, raising=False)
    importing = threading.Thread(target=importlib.import_module, args=["slow_to_import"])
    importing.start()
    while "slow_to_import" not in sys.modules:
        time.sleep(0.01)
    host = start_host(errors, may_fork=True)
    going_on.set()
    importing.join()
    assert isinstance(host, subprocess.Popen)
    end(host)


def open_files() -> int:
    return psutil.Process().num_fds()


def refuse(*_: Any, **__: Any) -> Any:
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


def test_without_room_for_a_fork_a_fresh_process_is_tried(
    monkeypatch: pytest.MonkeyPatch, errors: IO[bytes]
) -> None:
    before = open_files()
    monkeypatch.setattr(os, "fork", refuse)
    host = start_host(errors, may_fork=True)
    assert isinstance(host, subprocess.Popen)
    end(host)
    for pipe in (host.stdin, host.stdout):
        assert pipe is not None
        pipe.close()
    assert open_files() == before


@pytest.mark.parametrize("of_the_host", [True, False])
def test_without_room_for_a_process_the_search_goes_on_in_this_one(
    no_pool: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    of_the_host: bool,
) -> None:
    monkeypatch.setattr(worker_pool, "n_cpus", lambda: 2)
    if of_the_host:
        monkeypatch.setattr(worker_pool, "start_host", refuse)
    else:  # the host is forked with this, and can't fork any further
        here, fork = os.getpid(), os.fork
        monkeypatch.setattr(os, "fork", lambda: fork() if os.getpid() == here else refuse())
    _, values = forecast_and_trials(cpus=2)
    assert len(values) == 4
    assert "no worker process can be started (Resource temporarily unavailable)" in caplog.text


def test_a_parent_with_many_open_files_is_heard(no_pool: None) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, limits[1]), limits[1]))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        pool = worker_pool.WorkerPool(may_fork=True)
        events = list(pool.run(None, workers=2))
        assert [e["died"][1] for e in events if "died" in e] == [0, 0]
        pool.close()
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


ORPHANING = """
import os, sys, time
import neuralforecast, automodel_sk.search.optuna.backend
from automodel_sk.search.optuna.workers import pool as worker_pool
pool = worker_pool.shared_pool(may_fork=sys.argv[1] == "fork")
worker_pool._pool = None  # so that the child keeps the pipes open, as one of C would
if os.fork() == 0:
    time.sleep(60)
print(pool.host, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("way", ["fork", "fresh"])
def test_a_host_ends_with_its_parent_whoever_holds_its_pipes(way: str) -> None:
    path = os.pathsep.join(p for p in sys.path if p)
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANING, way],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert parent.stdout is not None
    host = psutil.Process(int(parent.stdout.readline()))
    children = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs([host], timeout=5)[1] == []  # a fresh one is still at its imports
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def test_a_fork_of_the_parent_leaves_the_pool_alone(no_pool: None) -> None:
    pool = worker_pool.shared_pool()
    if (pid := os.fork()) == 0:
        alone = worker_pool._pool is None and pool._host.stdin is not None
        os._exit(0 if alone and pool._host.stdin.closed else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert worker_pool.shared_pool() is pool
    assert pool.is_alive()


def test_memory_is_shared_with_a_fork_until_its_search_has_ended() -> None:
    gc.unfreeze()
    pool = worker_pool.WorkerPool(may_fork=True)
    assert pool.is_fork
    frozen = [gc.get_freeze_count() for _ in pool.run((b"no search", None), workers=1)]
    assert min(frozen) > 100_000  # objects of the libraries
    assert gc.get_freeze_count() == 0
    pool.close()


def test_what_a_program_has_frozen_stays_so() -> None:
    own: list[Any] = [{}]
    gc.freeze()
    try:
        worker_pool.WorkerPool(may_fork=True).close()
        assert not _is_collected(own)
    finally:
        gc.unfreeze()
    assert _is_collected(own)


def _is_collected(value: Any) -> bool:
    """Return whether the garbage collector looks at an object: it is not frozen."""
    return any(known is value for known in gc.get_objects())


def test_a_pool_that_has_died_leaves_no_open_pipe(no_pool: None) -> None:
    pool = worker_pool.shared_pool(may_fork=True)
    pool._host.kill()
    pool._host.wait()
    assert worker_pool.shared_pool(may_fork=True) is not pool
    assert pool._host.stdin is not None
    assert pool._host.stdin.closed


def test_a_job_is_passed_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    pool = worker_pool.WorkerPool(may_fork=True)
    job = bytes(3_000_000)  # far more than a pipe holds
    deaths = []
    for event in pool.run((job, None), workers=1):
        assert not [*tmp_path.iterdir()]
        deaths += [event["died"][1]] if "died" in event else []
    assert deaths == [1]  # it has arrived, and is no search
    assert pool.last_words() == "AttributeError: 'bytes' object has no attribute 'gpus'"
    pool.close()


def lock() -> Any:
    """Return a lock of this process, which a fork of it has too."""
    holder = types.SimpleNamespace(lock=threading.Lock())
    return sys.modules.setdefault("lock_of_a_test", holder).lock  # type: ignore[arg-type]


def takes_a_lock(trial: Any) -> dict[str, Any]:
    """A space that needs what another thread of the parent may hold."""
    with lock():
        return {**SPACE, "input_size": 12, "learning_rate": 1e-3, "max_steps": 2}


def test_workers_that_hang_on_a_lost_lock_give_way_to_fresh_ones(
    no_pool: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stuck_workers, "IDLE_SECONDS", 3.0)
    with lock():
        assert worker_pool.shared_pool(may_fork=True).is_fork
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a fresh host can't import it
    request = replace(request_for(MEMORY, takes_a_lock, num_samples=2), workers=2)
    records = OptunaBackend().run(request, small_dataset(), Silent())
    assert [record.state for record in records] == ["COMPLETE"] * 2
    assert "worker processes forked from this one hang" in caplog.text
    assert not worker_pool.shared_pool().is_fork


def test_a_fork_of_a_program_that_has_trained_trains_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def train() -> Any:
        frame = seasonal_panel(n_series=2)
        config = {"input_size": 12, "max_steps": 2, "hidden_size": 8}
        options = {"cpus": 2, "use_mlflow": False, "verbose": False}
        return create_auto_model("MLP", 12, frame, config, **options).predict()

    monkeypatch.setattr(worker_pool, "n_cpus", lambda: 2)
    train()
    if (pid := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            train()
            os._exit(0)
        os._exit(1)
    until = time.monotonic() + 600
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0) and time.monotonic() < until:
        time.sleep(0.05)
    if ended == (0, 0):
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    assert ended == (pid, 0)


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


def test_a_host_has_trained_before_its_first_worker_and_has_no_thread_of_it(tmp_path: Path) -> None:
    program = (
        "import os, torch; torch.set_num_threads(1); import neuralforecast;"
        "from automodel_sk.training.warm_up import warm_up;"
        "count = lambda: len(os.listdir('/proc/self/task'));"
        "before = count(); print(warm_up(), count() - before)"
    )
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == [str(not torch.cuda.is_available()), "0"]
    assert list(tmp_path.iterdir()) == []
