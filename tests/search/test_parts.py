"""Tests of work that several processes share: what is computed, lost and stopped."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import psutil
import pytest

from automodel_sk.search.optuna.workers import pool
from automodel_sk.search.optuna.workers.pool import NoProcessError, workers_are_possible
from automodel_sk.search.parts import Processes, computed_parts

pytestmark = pytest.mark.skipif(not workers_are_possible(), reason="no worker processes here")
TWO = Processes(workers=2)


def work_of(compute: Any, count: int = 5) -> Any:
    """Return work whose parts are those of a function; local, so that it is sent by value."""

    class Work:
        gpus = 0

        def __len__(self) -> int:
            return count

        def part(self, number: int, data: Any) -> bytes:
            found: bytes = compute(number, data)
            return found

    return Work()


def test_each_part_is_computed_once_in_another_process() -> None:
    def compute(number: int, data: Any) -> bytes:
        return f"{data[number]} {os.getpid()}".encode()

    found = dict(computed_parts(work_of(compute), [n**2 for n in range(5)], TWO))
    values = {number: content.decode().split() for number, content in found.items()}
    assert {number: int(value) for number, (value, _) in values.items()} == {
        0: 0,
        1: 1,
        2: 4,
        3: 9,
        4: 16,
    }
    assert str(os.getpid()) not in {process for _, process in values.values()}


def test_a_killed_worker_costs_its_part_alone() -> None:
    def compute(number: int, data: Any) -> bytes:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return b"done"

    found = dict(computed_parts(work_of(compute), None, TWO))
    assert found == dict.fromkeys((0, 2, 3, 4), b"done")


def test_without_processes_the_caller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(**_: Any) -> Any:
        raise NoProcessError("no memory")

    monkeypatch.setattr("automodel_sk.search.optuna.workers.parts.shared_pool", none)
    with pytest.raises(NoProcessError, match="no memory"):
        list(computed_parts(work_of(lambda *_: b""), None, TWO))


def is_alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def sleeping() -> Any:
    """Return work of which only the first part ends."""

    def compute(number: int, data: Any) -> bytes:
        if number:
            time.sleep(600)
        return b"first"

    return work_of(compute)


@pytest.mark.slow
def test_what_is_not_done_in_time_is_stopped() -> None:
    assert len(dict(computed_parts(work_of(lambda *_: b"", 2), None, TWO))) == 2  # it has started
    began = time.monotonic()
    found = dict(computed_parts(sleeping(), None, TWO, seconds=10.0))
    assert found == {0: b"first"}
    assert time.monotonic() - began < 600


@pytest.mark.slow
def test_ctrl_c_ends_the_workers() -> None:
    parts = computed_parts(sleeping(), None, TWO)
    assert next(iter(parts)) == (0, b"first")
    running = pool.shared_pool().workers()
    assert running
    with pytest.raises(KeyboardInterrupt):
        parts.throw(KeyboardInterrupt)  # type: ignore[attr-defined]  # a generator
    assert not any(is_alive(process) for process in running)
    assert dict(computed_parts(work_of(lambda *_: b"again", 2), None, TWO)) == {
        0: b"again",
        1: b"again",
    }


@pytest.mark.slow
def test_ray_computes_the_same() -> None:
    def compute(number: int, data: Any) -> bytes:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return str(data[number]).encode()

    on_ray = Processes(on_ray=True, cpus=2)
    found = dict(computed_parts(work_of(compute, 4), [5, 6, 7, 8], on_ray))
    assert found == {0: b"5", 2: b"7", 3: b"8"}
