"""Kills and signals in the middle of a search over several models, in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState
from search_process import _forked_host, start
from several_models import essence, search, search_and_write, trials

STEPS = 200  # long enough for a signal in the middle of a trial


@pytest.fixture(scope="module")
def whole():
    return essence(search(":memory:", steps=STEPS))


def _ended(folder):
    return {t.number: (t.state, t.params, t.value) for t in trials(folder) if t.state.is_finished()}


def _begin(folder, result, *, ended, cpus=1):
    """Start a search and wait until so many trials have ended and another one trains."""
    process = start(search_and_write, folder, result, cpus=cpus, steps=STEPS)
    while process.is_alive():
        reports = [len(t.intermediate_values) for t in trials(folder) if not t.state.is_finished()]
        if len(_ended(folder)) >= ended and any(reports):
            return process
        time.sleep(0.02)
    raise AssertionError(f"no trial was caught in the middle ({process.exitcode})")


def _finish(folder, result):
    process = start(search_and_write, folder, result, steps=STEPS)
    process.join()
    assert process.exitcode == 0
    return json.loads(result.read_text())


def _kill_all(process):
    for victim in [*process.children(recursive=True), process]:
        with suppress(psutil.NoSuchProcess):
            victim.kill()


def test_killed_twice_it_resumes_to_the_same_result(tmp_path, whole):
    for ended in (2, 3):
        process = _begin(tmp_path, tmp_path / "result.json", ended=ended)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    before = _ended(tmp_path)
    assert len(before) >= 3
    assert _finish(tmp_path, tmp_path / "result.json") == whole
    after = _ended(tmp_path)
    assert len(after) == 5
    assert {number: after[number] for number in before} == before


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_signal_in_a_trial_leaves_what_has_ended(tmp_path, whole, number):
    result = tmp_path / "result.json"
    process = _begin(tmp_path, result, ended=3)
    os.kill(process.pid, number)
    process.join()
    if number == signal.SIGTERM:
        assert not result.exists()
        assert process.exitcode == 128 + number
    else:  # Ctrl-C: an ensemble of what has ended
        assert process.exitcode == 0
        assert sum(json.loads(result.read_text())["weights"].values()) == pytest.approx(1)
    assert TrialState.RUNNING not in {t.state for t in trials(tmp_path)}
    assert _finish(tmp_path, result) == whole


@pytest.mark.slow
@pytest.mark.parametrize("who", ["all", "worker"])
def test_with_two_workers_no_ended_trial_is_lost(tmp_path, who):
    result = tmp_path / "result.json"
    process = _begin(tmp_path, result, ended=2, cpus=2)
    before = _ended(tmp_path)
    running = psutil.Process(process.pid)
    if who == "all":
        _kill_all(running)
    else:
        workers = [worker for host in running.children() for worker in host.children()]
        workers[0].kill()
    process.join()
    assert process.exitcode == (0 if who == "worker" else -signal.SIGKILL)
    found = _finish(tmp_path, result)
    assert sum(found["weights"].values()) == pytest.approx(1)
    after = _ended(tmp_path)
    assert {number: after[number] for number in before} == before
    assert {state for state, _, _ in after.values()} == {TrialState.COMPLETE}
    assert len(after) == 5


@pytest.mark.slow
def test_a_killed_worker_costs_a_member_without_a_training_nothing(tmp_path, monkeypatch):
    from automodel_sk.portfolio.members.local import LocalMember
    from automodel_sk.search.optuna.workers import pool

    monkeypatch.setattr(pool, "n_cpus", lambda: 2)
    monkeypatch.setattr(pool, "start_host", _forked_host)  # also where Ray runs in this process
    forecast, marker = LocalMember.forecast_windows, tmp_path / "killed"

    def die_once(self, data, deadline):
        if self.name == "Naive" and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return forecast(self, data, deadline)

    monkeypatch.setattr(LocalMember, "forecast_windows", die_once)
    pool.shared_pool(may_fork=True).close()  # the next host must know the patch
    found = search(tmp_path, ("SeasonalNaive", "Naive"), cpus=2)
    assert marker.exists()
    table = found.leaderboard().set_index("model")
    assert table.loc["Naive", "state"] == "COMPLETE"
    assert table["score"].notna().all()


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from several_models import essence, search
print(json.dumps(essence(search(":memory:"))))
"""


@pytest.mark.slow
def test_a_fresh_process_finds_the_same_model():
    fixtures = str(Path(__file__).parents[1] / "fixtures")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", PROGRAM, fixtures]
    done = subprocess.run(command, check=True, capture_output=True, env=environment, text=True)
    assert json.loads(done.stdout) == essence(search(":memory:"))
