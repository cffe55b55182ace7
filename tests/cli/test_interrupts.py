"""SIGTERM and SIGHUP end a search as Ctrl-C does, and the exit status tells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import run
from mlflow import MlflowClient
from processes import workers_running
from search_process import SPACE
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk._utils.interrupts import (
    Stopped,
    exit_at_signals,
    handlers_kept,
    interrupts_remembered,
    raise_if_stopping,
    stop_at_signals,
)
from automodel_sk.search.optuna.workers import pool as worker_pool
from automodel_sk.search.progress import ProgressBar, TrackerCallback
from automodel_sk.search.study.storage import StudyLocation, open_storage

SIGNALS = [signal.SIGTERM, signal.SIGHUP]
TERM, HUP = SIGNALS


@pytest.fixture(autouse=True)
def handlers_are_given_back() -> Iterator[None]:
    defaults = {
        TERM: signal.SIG_DFL,
        HUP: signal.SIG_DFL,
        signal.SIGINT: signal.default_int_handler,
    }
    for number, handler in defaults.items():  # Ray and Tune may have left theirs
        signal.signal(number, handler)
    before = [signal.getsignal(number) for number in (*SIGNALS, signal.SIGINT)]
    yield
    assert [signal.getsignal(number) for number in (*SIGNALS, signal.SIGINT)] == before


@pytest.fixture
def handled() -> Iterator[Callable[[int, Any], None]]:
    """Set handlers of the user's own for a test."""
    before = signal.getsignal(TERM)
    yield lambda number, handler: signal.signal(number, handler)
    signal.signal(TERM, before)


def send(number: int) -> None:
    # To this thread: sent to the process, another thread may get it once the handler is gone.
    signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_leaves_with_the_status_of_shells(number: int) -> None:
    with pytest.raises(SystemExit) as left, exit_at_signals():
        send(number)
    assert left.value.code == 128 + number


def test_the_outermost_call_decides() -> None:
    with pytest.raises(Stopped, match="SIGTERM"), stop_at_signals(), exit_at_signals():
        send(TERM)


def test_several_signals_at_once_are_one_request() -> None:
    sent = []

    def send_in_a_row() -> None:
        with pytest.raises(Stopped):
            send(TERM)
        for number in (HUP, TERM):
            send(number)
            sent.append(number)

    with pytest.raises(Stopped, match="SIGTERM"), stop_at_signals():
        send_in_a_row()
    assert sent == [HUP, TERM]


class _Finalized:
    """Gets a signal while it is deleted, where Python ignores what a handler raises."""

    def __init__(self, number: int = TERM) -> None:
        self._number = number

    def __del__(self) -> None:
        send(self._number)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ctrl_c_that_python_ignores_is_raised_again_by_the_next_turn_or_the_end() -> None:
    turns = []

    def turn() -> None:
        _Finalized(signal.SIGINT)
        turns.append("ignored")
        raise_if_stopping()
        turns.append("and forgotten")

    with pytest.raises(KeyboardInterrupt), interrupts_remembered():
        turn()
    assert turns == ["ignored"]
    raise_if_stopping()  # it was that work's
    with pytest.raises(KeyboardInterrupt), interrupts_remembered():
        _Finalized(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_ones_own_for_ctrl_c_is_kept() -> None:
    got = []
    before = signal.signal(signal.SIGINT, lambda number, frame: got.append(number))
    try:
        with interrupts_remembered():
            send(signal.SIGINT)
            raise_if_stopping()
    finally:
        signal.signal(signal.SIGINT, before)
    assert got == [signal.SIGINT]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_request_that_python_ignores_is_raised_again() -> None:
    turns = []

    def turn_twice() -> None:
        _Finalized()
        turns.append("the signal was ignored")
        raise_if_stopping()
        turns.append("and forgotten")

    with pytest.raises(Stopped, match="SIGTERM"), stop_at_signals():
        turn_twice()
    assert turns == ["the signal was ignored"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_ignored_request_decides_how_the_program_exits() -> None:
    with pytest.raises(SystemExit) as left, exit_at_signals():
        _Finalized()
    assert left.value.code == 128 + TERM
    raise_if_stopping()  # the request was that program's


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_a_library_makes_a_plain_interrupt_is_told_from_ctrl_c(number: int) -> None:
    def as_ray_does() -> None:
        try:
            send(number)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None

    with pytest.raises(SystemExit) as left, exit_at_signals():
        as_ray_does()
    assert left.value.code == 128 + number
    with pytest.raises(KeyboardInterrupt), exit_at_signals():
        send(signal.SIGINT)


def test_handlers_of_the_user_stay(handled: Callable[[int, Any], None]) -> None:
    heard = []
    handled(TERM, lambda number, frame: heard.append(number))
    with exit_at_signals():
        send(TERM)
    assert heard == [TERM]
    handled(TERM, signal.SIG_IGN)
    with exit_at_signals():
        send(TERM)


def test_other_threads_change_nothing() -> None:
    def enter() -> None:
        with exit_at_signals():
            found.append(signal.getsignal(TERM))

    found: list[Any] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_a_fork_dies_of_the_signal() -> None:
    with stop_at_signals():
        if (pid := os.fork()) == 0:
            with suppress(BaseException):
                send(TERM)
                time.sleep(10)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -TERM


class At:
    """Sends a signal, once, at a moment of a search."""

    def __init__(self, patch: pytest.MonkeyPatch, moment: str, number: int) -> None:
        self._number: int | None = number
        if moment == "trial":
            patch.setattr(ProgressBar, "on_report", lambda _, trial, *__: self._send(trial == 1))
        elif moment == "between":
            patch.setattr(
                TrackerCallback, "on_trial_end", lambda _, record: self._send(record.number == 1)
            )
        else:
            patch.setattr(ProgressBar, "on_refit", lambda _, share=0.0: self._send(share > 0))

    def _send(self, now: bool) -> None:
        if now and self._number is not None:
            number, self._number = self._number, None
            send(number)


def fit(folder: Path, **options: Any) -> Any:
    frame = seasonal_panel(n_series=2, length=72)
    options = {"cpus": 1, "use_mlflow": False, "verbose": False, **options}
    return create_auto_model(
        "MLP", 12, frame, SPACE, num_samples=3, study_name="stopped", storage=folder, **options
    )


def states(folder: Path) -> list[str]:
    storage = open_storage(StudyLocation("stopped", folder))
    [study] = storage.get_all_studies()
    return [trial.state.name for trial in storage.get_all_trials(study._study_id)]


@pytest.mark.parametrize(
    ("moment", "number", "cpus", "kept"),
    [
        ("trial", TERM, 1, ["COMPLETE", "WAITING"]),
        ("trial", HUP, 1, ["COMPLETE", "WAITING"]),
        ("trial", TERM, 2, None),
        ("between", TERM, 1, ["COMPLETE", "COMPLETE"]),
        ("refit", TERM, 1, ["COMPLETE"] * 3),
    ],
)
def test_a_search_that_is_stopped_keeps_what_has_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    moment: str,
    number: int,
    cpus: int,
    kept: list[str] | None,
) -> None:
    monkeypatch.setattr(worker_pool, "n_cpus", lambda: 2)
    with pytest.MonkeyPatch.context() as patch:
        At(patch, moment, number)
        with pytest.raises(SystemExit) as left:
            fit(tmp_path, cpus=cpus, verbose=True)
    assert left.value.code == 128 + number
    assert "study_name='stopped' resumes from them." in capfd.readouterr().err
    assert states(tmp_path) == kept if kept else "RUNNING" not in states(tmp_path)
    assert cpus == 1 or not workers_running()
    assert len(fit(tmp_path).trials) == 3
    assert states(tmp_path) == ["COMPLETE"] * 3


def test_the_run_of_a_search_that_is_stopped_is_killed_and_goes_on_with_its_study(
    tmp_path: Path,
) -> None:
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracked = {"use_mlflow": True, "mlflow_tracking_uri": address}
    client = MlflowClient(address)

    def statuses() -> list[str]:
        ids = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = client.search_runs(ids, "tags.`automodel_sk.study_id` LIKE 'stopped%'")
        return [run.info.status for run in runs]

    def stop(**options: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            At(patch, "refit", TERM)
            with pytest.raises(SystemExit):
                fit(tmp_path, **tracked, **options)

    stop()
    assert statuses() == ["KILLED"]
    stop(resume="overwrite")
    assert statuses() == ["KILLED", "KILLED"]
    fit(tmp_path, **tracked)
    assert statuses() == ["FINISHED", "KILLED"], "that of the study that exists"


def test_a_handler_of_the_user_decides_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handled: Callable[[int, Any], None]
) -> None:
    heard = []
    handled(TERM, lambda number, frame: heard.append(number))
    At(monkeypatch, "trial", TERM)
    assert len(fit(tmp_path).trials) == 3
    assert heard == [TERM]
    assert states(tmp_path) == ["COMPLETE"] * 3


def test_a_handler_of_the_user_that_exits_keeps_what_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handled: Callable[[int, Any], None]
) -> None:
    handled(TERM, lambda number, frame: sys.exit(7))
    At(monkeypatch, "trial", TERM)
    with pytest.raises(SystemExit) as left:
        fit(tmp_path)
    assert left.value.code == 7
    assert states(tmp_path) == ["COMPLETE", "WAITING"]


@pytest.mark.parametrize("moment", ["trial", "refit"])
def test_the_command_line_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.chdir(tmp_path)
    seasonal_panel(n_series=2, length=72).to_csv("data.csv", index=False)
    At(monkeypatch, moment, TERM)
    asked = ["fit", "data.csv", "--model", "MLP", "--h", 12, "--cpus", 1, "--no-mlflow"]
    asked += ["--num-samples", 3, "--study-name", "stopped", "--space", "space.yaml"]
    Path("space.yaml").write_text("max_steps: 10\nlearning_rate: {uniform: [0.01, 0.1]}\n")
    result = run(*asked)
    assert result.exit_code == 143, result.stderr
    assert result.stderr.splitlines()[-1] == "Stopped by SIGTERM."
    assert "automodel-sk fit --config data_MLP_run.yaml --study-name stopped" in result.stderr
    assert Path("data_MLP_run.yaml").exists()
    assert not Path("data_MLP").exists()


class Stopper:
    """Stops the workers of a trial, so many times."""

    def __init__(self, patch: pytest.MonkeyPatch, times: int) -> None:
        self.left = times
        patch.setattr(ProgressBar, "on_report", self._hear)

    def _hear(self, trial: int, step: int, loss: float) -> None:
        if trial == 1 and self.left:
            self.left -= 1
            for worker in workers_running():
                worker.send_signal(TERM)
            psutil.wait_procs(workers_running(), timeout=0)


def test_a_worker_that_is_stopped_costs_no_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "n_cpus", lambda: 2)
    Stopper(monkeypatch, times=1)
    model = fit(tmp_path, cpus=2)
    assert [record.state for record in model._records] == ["COMPLETE"] * 3
    assert not any("retried_with" in record.tags for record in model._records)


@pytest.mark.slow
@pytest.mark.parametrize("cpus", [1, 2])
def test_nothing_is_left_of_a_program_that_is_stopped(tmp_path: Path, cpus: int) -> None:
    seasonal_panel(n_series=2, length=72).to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "space.yaml").write_text(
        "max_steps: 100000\nlearning_rate: {uniform: [0.01, 0.1]}\nval_check_steps: 20\n"
    )
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-c", "from automodel_sk.cli import main; main()", "fit", "data.csv"]
    command += ["--model", "MLP", "--h", "12", "--cpus", str(cpus), "--no-mlflow"]
    command += ["--num-samples", "3", "--space", "space.yaml"]
    path = os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "/3 trials; " in line:
                break
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        told = process.stderr.read()
        assert process.wait(timeout=60) == 143
    assert told.splitlines()[-1] == "Stopped by SIGTERM."
    assert not psutil.wait_procs(children, timeout=5)[1]
    assert not [*temporary.iterdir()]


def test_handlers_that_a_library_replaces_come_back() -> None:
    with handlers_kept():
        signal.signal(TERM, lambda number, frame: None)
        signal.signal(signal.SIGINT, lambda number, frame: None)
    assert signal.getsignal(TERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
