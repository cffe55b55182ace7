"""What every engine keeps to, shown by real trainings; each engine's tests inherit it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray import tune
from series import seasonal_panel

from automodel_sk.exceptions import StudyMismatchError
from automodel_sk.search.backends import make_backend
from automodel_sk.search.optuna.workers import pool as worker_pool
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.search_space import SearchSpace
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.train import Decision, train_config
from automodel_sk.trials import TrialRecord

MEMORY = StudyLocation("in-memory", ":memory:")
FIXED: dict[str, Any] = {
    "max_steps": 40,
    "input_size": 12,
    "hidden_size": 16,
    "num_layers": 1,
    "windows_batch_size": 16,
    "scaler_type": "standard",
}
SPACE = {**FIXED, "learning_rate": tune.loguniform(1e-5, 1e-1)}
UNSURE = {**SPACE, "scaler_type": tune.choice(["standard", "robust", "no such scaler"])}


class Heard:
    """A listener that remembers, and does something at one report, once."""

    def __init__(self, at: tuple[int, int] | None = None, do: Any = None) -> None:
        self.reports: list[tuple[int, int]] = []
        self.ended: list[TrialRecord] = []
        self._at, self._do = at, do

    def on_report(self, number: int, step: int, loss: float) -> None:
        self.reports.append((number, step))
        if (number, step) == self._at:
            self._at = None
            self._do()

    def on_trial_end(self, record: TrialRecord) -> None:
        self.ended.append(record)


def interrupt() -> None:
    raise KeyboardInterrupt


def request_for(
    backend: str,
    location: StudyLocation = MEMORY,
    space: Any = SPACE,
    num_samples: int = 3,
    *,
    size: str = "small",
    use_pruning: bool = False,
    task: TrainingTask | None = None,
    **more: Any,
) -> SearchRequest:
    """Return a request for trials that run one at a time."""
    parsed = SearchSpace.parse(space)
    strategy = SearchAlgorithmSelector(backend).select_algorithm(
        "simple", size, num_samples, parsed, use_pruning=use_pruning, random_seed=1
    )
    return SearchRequest(
        task=task or TrainingTask("MLP", h=12, val_size=12, n_series=3, random_seed=1),
        space=parsed,
        strategy=strategy,
        num_samples=num_samples,
        location=location,
        random_seed=1,
        **{"cpus": 1, **more},
    )


def side_by_side(request: SearchRequest) -> SearchRequest:
    """Return a request for two trials at a time."""
    return replace(request, workers=2, cpus=2)


def essence(records: list[TrialRecord]) -> list[tuple[Any, ...]]:
    return [(r.number, r.state, r.value, dict(r.params)) for r in records]


def make_dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    return TimeSeriesDataset.from_df(seasonal_panel())[0]


def processes_of_trials() -> list[psutil.Process]:
    """Return the processes that train, on either engine."""
    children = psutil.Process().children(recursive=True)
    return [p for p in children if _trains(p)]


def _trains(process: psutil.Process) -> bool:
    try:
        parent = process.parent()
        pool = worker_pool._pool
        forked = parent is not None and pool is not None and parent.pid == pool.host
        return forked or "".join(process.cmdline()).startswith("ray::ImplicitFunc")
    except psutil.NoSuchProcess:
        return False


def kill_trials() -> None:
    processes = processes_of_trials()
    assert processes
    for process in processes:
        process.kill()


class _Engine:
    """What the contract's parts share."""

    backend: str

    @pytest.fixture(scope="class")
    @classmethod
    def dataset(cls) -> Any:
        return make_dataset()

    @classmethod
    def run(
        cls, request: SearchRequest, dataset: Any, heard: Heard | None = None
    ) -> list[TrialRecord]:
        return list(make_backend(cls.backend).run(request, dataset, heard or Heard()))

    @classmethod
    def request(cls, *args: Any, **more: Any) -> SearchRequest:
        return request_for(cls.backend, *args, **more)


def cut_off(journal: Path, number: int, reports: int) -> None:
    """Leave a journal as a power cut in the middle of a trial would."""
    lines = journal.read_bytes().splitlines(keepends=True)
    said = [i for i, line in enumerate(lines) if b'"intermediate_value"' in line]
    of_trial = [i for i in said if f'"trial_id":{number},'.encode() in lines[i]]
    journal.write_bytes(b"".join(lines[: of_trial[reports - 1] + 1]))


class EngineContract(_Engine):
    """Nine trials one at a time, looked at from all sides, and half of them again."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("studies")

    @classmethod
    def nine(cls, folder: Path) -> SearchRequest:
        return cls.request(StudyLocation("nine", folder), UNSURE, 9, use_pruning=True)

    @pytest.fixture(scope="class")
    @classmethod
    def heard(cls) -> Heard:
        return Heard()

    @pytest.fixture(scope="class")
    @classmethod
    def records(cls, dataset: Any, folder: Path, heard: Heard) -> list[TrialRecord]:
        return cls.run(cls.nine(folder), dataset, heard)

    def test_every_trial_ends_complete_pruned_or_failed(self, records: list[TrialRecord]) -> None:
        assert [r.number for r in records] == list(range(9))
        assert {r.state for r in records} == {"COMPLETE", "PRUNED", "FAIL"}

    def test_a_complete_trial_scores_its_best_loss(self, records: list[TrialRecord]) -> None:
        for record in [r for r in records if r.state == "COMPLETE"]:
            assert list(record.intermediate_values) == list(range(1, 41))
            assert record.value == min(record.intermediate_values.values())
            assert record.reason is None
            assert 0 < record.duration_seconds < 60

    def test_a_pruned_trial_was_behind_after_the_warm_up(self, records: list[TrialRecord]) -> None:
        whole = [list(r.intermediate_values.values()) for r in records if r.state == "COMPLETE"]
        for record in [r for r in records if r.state == "PRUNED"]:
            losses = list(record.intermediate_values.values())
            assert 20 <= len(losses) < 40
            assert record.value == losses[-1]
            better = [w for w in whole if min(w[: len(losses)]) < min(losses)]
            assert len(better) >= len(whole) / 2

    def test_a_failed_trial_says_why(self, records: list[TrialRecord]) -> None:
        failed = [r for r in records if r.state == "FAIL"]
        assert {r.params["scaler_type"] for r in failed} == {"no such scaler"}
        assert {r.reason for r in failed} == {"AssertionError: no such scaler not defined"}
        assert {r.value for r in failed} == {None}

    def test_the_models_defaults_come_first(self, records: list[TrialRecord]) -> None:
        assert records[0].params["learning_rate"] == 1e-3

    def test_the_listener_hears_it_in_this_order(
        self, records: list[TrialRecord], heard: Heard
    ) -> None:
        assert heard.ended == records
        assert heard.reports == [
            (r.number, k + 1) for r in records for k in range(len(r.intermediate_values))
        ]

    def test_losses_are_those_of_a_training_by_hand(
        self, dataset: Any, folder: Path, records: list[TrialRecord]
    ) -> None:
        best = min((r for r in records if r.state == "COMPLETE"), key=lambda r: r.value or 0.0)
        task = self.nine(folder).task
        outcome = train_config(task, best.params, dataset, lambda *_: Decision.GO_ON)
        assert outcome.losses == pytest.approx(best.intermediate_values, rel=1e-6)

    def test_cut_off_it_goes_on_to_the_same_end(
        self, dataset: Any, folder: Path, tmp_path: Path, records: list[TrialRecord]
    ) -> None:
        pruned = next(r.number for r in records if r.state == "PRUNED")
        journal = tmp_path / "nine.journal"
        journal.write_bytes((folder / "nine.journal").read_bytes())
        cut_off(journal, pruned, 7)
        heard = Heard()
        again = self.run(self.nine(tmp_path), dataset, heard)
        assert essence(again) == essence(records)
        assert heard.reports[0] == (pruned, 1)
        assert [r.number for r in heard.ended] == list(range(9))

    def test_a_finished_search_trains_nothing(
        self, dataset: Any, folder: Path, records: list[TrialRecord]
    ) -> None:
        heard = Heard()
        assert essence(self.run(self.nine(folder), dataset, heard)) == essence(records)
        assert not heard.reports
        assert [r.number for r in heard.ended] == list(range(9))


class LongEngineContract(_Engine):
    """What takes a run of its own to see."""

    def test_trials_run_side_by_side(self, dataset: Any) -> None:
        space = {**SPACE, "max_steps": 400, "val_check_steps": 10}
        records = self.run(side_by_side(self.request(space=space, num_samples=4)), dataset)
        spans = [(r.datetime_start, r.datetime_complete) for r in records]
        assert [r.state for r in records] == ["COMPLETE"] * 4
        assert any(a[0] < b[0] < a[1] for a in spans for b in spans if a is not b)

    def test_steps_are_those_of_the_training(self, dataset: Any) -> None:
        space = {**SPACE, "max_steps": 10, "val_check_steps": 3}
        (record,) = self.run(self.request(space=space, num_samples=1), dataset)
        assert list(record.intermediate_values) == [3, 6, 9]

    def test_a_grid_is_walked_once(self, dataset: Any) -> None:
        space = {**FIXED, "input_size": tune.grid_search([12, 24, 36]), "max_steps": 2}
        space |= {"learning_rate": tune.grid_search([1e-3, 1e-2, 3e-2, 1e-1])}
        request = self.request(space=space, num_samples=12)
        assert request.strategy.exhaustive
        records = self.run(request, dataset)
        points = {(r.params["input_size"], r.params["learning_rate"]) for r in records}
        assert len(records) == len(points) == 12

    def test_a_configuration_is_trained_once(self, dataset: Any) -> None:
        space = {**FIXED, "learning_rate": 1e-2, "input_size": tune.choice([12, 24])}
        heard = Heard()
        records = self.run(self.request(space=space, num_samples=5), dataset, heard)
        first = {r.params["input_size"]: r for r in reversed(records)}
        assert {number for number, _ in heard.reports} == {r.number for r in first.values()}
        for record in records:
            twin = first[record.params["input_size"]]
            assert record.intermediate_values == twin.intermediate_values
            assert record.tags == ({} if record is twin else {"copy_of": twin.number})

    def test_a_space_may_be_a_function_of_a_trial(self, dataset: Any) -> None:
        def space(trial: Any) -> dict[str, Any]:
            if trial.number == 1:
                raise RuntimeError("not this one")
            layers = trial.suggest_int("layers", 1, 2)
            width = [trial.suggest_categorical(f"width/{i}", [8, 16]) for i in range(layers)]
            return {**FIXED, "num_layers": layers, "hidden_size": width[0], "max_steps": 2}

        records = self.run(self.request(space=space, num_samples=4), dataset)
        assert [r.state for r in records] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
        assert records[1].reason == "RuntimeError: not this one"
        assert all(r.params["hidden_size"] in (8, 16) for r in records if r.number != 1)

    def test_computed_values_reach_the_model(self, dataset: Any) -> None:
        space = {**SPACE, "max_steps": 2, "input_size": tune.sample_from(lambda spec: 24)}
        records = self.run(self.request(space=space, num_samples=2), dataset)
        assert [r.params["input_size"] for r in records] == [24, 24]

    def test_a_diverging_trial_fails_with_its_loss(self, dataset: Any) -> None:
        space = {**FIXED, "learning_rate": 1e30, "input_size": tune.choice([12, 24])}
        (record,) = self.run(self.request(space=space, num_samples=1), dataset)
        assert record.state == "FAIL"
        assert "validation loss was inf" in str(record.reason)

    def test_out_of_memory_is_tried_again_with_half_the_windows(self, dataset: Any) -> None:
        from neuralforecast.losses.pytorch import MAE

        class Scarce(MAE):  # type: ignore[misc]
            def __call__(self, y: Any, y_hat: Any, **more: Any) -> Any:
                if y_hat.requires_grad and len(y) > 4:
                    raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
                return super().__call__(y=y, y_hat=y_hat, **more)

        task = replace(self.request().task, loss=Scarce(), valid_loss=MAE())
        space = {**SPACE, "max_steps": 2}
        (record,) = self.run(self.request(space=space, num_samples=1, task=task), dataset)
        assert record.state == "COMPLETE", record.reason
        assert record.params["windows_batch_size"] == 4
        assert record.tags == {"retried_with": {"windows_batch_size": 4}}

    def test_a_time_budget_ends_the_search(self, dataset: Any) -> None:
        space = {**SPACE, "max_steps": 4000, "val_check_steps": 20}
        budget = TimeBudget(45.0)
        records = self.run(self.request(space=space, num_samples=99, budget=budget), dataset)
        assert 1 <= len(records) < 99
        assert records[-1].state == "PRUNED"
        assert records[-1].reason == "the time budget was used up"
        assert budget.reserve > 0  # for the final training
        assert -5 < budget.left() < max(30, budget.reserve)

    def test_a_trial_that_takes_too_long_fails(self, dataset: Any) -> None:
        space = {**SPACE, "max_steps": 100_000, "val_check_steps": 20}
        request = self.request(space=space, num_samples=1, trial_timeout_minutes=0.05)
        (record,) = self.run(request, dataset)
        assert record.state == "FAIL"
        assert record.reason == "took longer than trial_timeout_minutes=0.05"

    def test_after_ctrl_c_the_half_done_trial_runs_again(
        self, dataset: Any, tmp_path: Path
    ) -> None:
        undisturbed = essence(self.run(self.request(num_samples=4), dataset))
        request = self.request(StudyLocation("interrupted", tmp_path), num_samples=4)
        with pytest.raises(KeyboardInterrupt):
            self.run(request, dataset, Heard(at=(2, 7), do=interrupt))
        time.sleep(1)
        assert not processes_of_trials()
        heard = Heard()
        assert essence(self.run(request, dataset, heard)) == undisturbed
        assert heard.reports[0] == (2, 1)

    def test_a_killed_process_costs_its_trial_alone(self, dataset: Any) -> None:
        request = side_by_side(self.request(num_samples=5))
        records = self.run(request, dataset, Heard(at=(2, 3), do=kill_trials))
        assert [(r.number, r.state) for r in records] == [(n, "COMPLETE") for n in range(5)]
        assert records[2].tags == {"retried_with": {"windows_batch_size": 8}}
        assert records[2].params["windows_batch_size"] == 8

    def test_killed_with_all_its_processes_it_goes_on(self, dataset: Any, tmp_path: Path) -> None:
        undisturbed = essence(self.run(self.request(num_samples=5), dataset))
        done = self._killed_at(tmp_path, number=3, report=5)
        assert done == -signal.SIGKILL
        request = self.request(StudyLocation("killed", tmp_path), num_samples=5)
        heard = Heard()
        assert essence(self.run(request, dataset, heard)) == undisturbed
        assert {number for number, _ in heard.reports} == {3, 4}

    def _killed_at(self, folder: Path, number: int, report: int) -> int:
        """Run a search in a process that kills itself; return its exit code."""
        program = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from engine_contract import *
request = request_for({self.backend!r}, StudyLocation("killed", {str(folder)!r}), num_samples=5)
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
make_backend({self.backend!r}).run(request, make_dataset(), Heard(({number}, {report}), die))
"""
        return subprocess.run([sys.executable, "-c", program], check=False).returncode

    def test_another_search_of_that_name_is_refused(self, dataset: Any, tmp_path: Path) -> None:
        location, space = StudyLocation("taken", tmp_path), {**SPACE, "max_steps": 1}
        self.run(self.request(location, space, 1, identity={"data": "a"}), dataset)
        with pytest.raises(StudyMismatchError, match="other values in the data"):
            self.run(self.request(location, space, 1, identity={"data": "b"}), dataset)
        with pytest.raises(StudyMismatchError, match="resume='never'"):
            self.run(self.request(location, space, 2, resume="never"), dataset)
        heard = Heard()
        self.run(self.request(location, space, 1, resume="overwrite"), dataset, heard)
        assert [r.number for r in heard.ended] == [0]

    def test_nothing_is_said(self, tmp_path: Path) -> None:
        program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from engine_contract import *
request = request_for({self.backend!r}, space={{**UNSURE, "max_steps": 2}}, num_samples=4)
records = make_backend({self.backend!r}).run(request, make_dataset(), Heard())
assert len(records) == 4
"""
        home = {**os.environ, "HOME": str(tmp_path)}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, check=False, capture_output=True, env=home, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert {path.name for path in tmp_path.iterdir()} <= {".config", ".cache"}
