"""The search on Optuna: pruned, resumed, failed and counted, with real trainings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from disks import fill, small_disk
from optuna_search import MEMORY, SPACE, RecordingCallback, essence, request_for, run
from ray import tune
from series import seasonal_panel

from automodel_sk.catalog.scales import DatasetSize, ModelComplexity
from automodel_sk.exceptions import StorageError, StudyMismatchError
from automodel_sk.search.study.ownership import requeue
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.training.task import TrainingTask


@pytest.fixture(scope="module")
def dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    return TimeSeriesDataset.from_df(seasonal_panel())[0]


class TestTrials:
    def test_each_ends_complete_with_its_best_loss(self, dataset: Any) -> None:
        callback = RecordingCallback()
        records = run(request_for(MEMORY, num_samples=3), dataset, callback)
        assert [r.number for r in records] == [0, 1, 2]
        for record in records:
            assert record.state == "COMPLETE"
            assert len(record.intermediate_values) == 40
            assert record.value == min(record.intermediate_values.values())
            assert record.duration_seconds > 0
        assert callback.ended == records
        assert callback.reports == [(n, step) for n in range(3) for step in range(1, 41)]

    def test_same_seed_gives_the_same_trials(self, dataset: Any) -> None:
        first = essence(run(request_for(MEMORY, num_samples=3), dataset))
        assert first == essence(run(request_for(MEMORY, num_samples=3), dataset))

    def test_a_grid_is_walked_once(self, dataset: Any) -> None:
        space = {**SPACE, "input_size": tune.grid_search([12, 24, 36])}
        space |= {"learning_rate": tune.grid_search([1e-3, 1e-2, 3e-2, 1e-1]), "max_steps": 2}
        request = request_for(MEMORY, space, num_samples=12)
        assert request.strategy.algorithm_name == "GridSampler"
        records = run(request, dataset)
        points = {(r.params["input_size"], r.params["learning_rate"]) for r in records}
        assert len(records) == len(points) == 12


class TestFirstGuesses:
    def test_the_models_defaults_come_first(self, dataset: Any) -> None:
        space = {**SPACE, "learning_rate": tune.loguniform(1e-5, 1e-1), "max_steps": 2}
        space["batch_size"] = tune.choice([8, 32, 64])
        records = run(request_for(MEMORY, space, num_samples=2), dataset)
        assert records[0].params["learning_rate"] == 1e-3
        assert records[0].params["batch_size"] == 32
        assert records[1].params["learning_rate"] != 1e-3

    def test_a_configuration_is_trained_once(self, dataset: Any) -> None:
        space = {**SPACE, "learning_rate": 1e-2, "input_size": tune.choice([12, 24])}
        callback = RecordingCallback()
        records = run(request_for(MEMORY, space, num_samples=5), dataset, callback)
        first = {r.params["input_size"]: r for r in reversed(records)}
        assert {number for number, _ in callback.reports} == {r.number for r in first.values()}
        for record in records:
            twin = first[record.params["input_size"]]
            assert record.value == twin.value
            assert record.intermediate_values == twin.intermediate_values
            copied = {} if record is twin else {"copy_of": twin.number}
            assert record.tags == copied


PRUNING_ROWS = [
    (DatasetSize.LARGE, ModelComplexity.COMPLEX, "HyperbandPruner", 5),
    (DatasetSize.MEDIUM, ModelComplexity.COMPLEX, "MedianPruner", 10),
    (DatasetSize.SMALL, ModelComplexity.SIMPLE, "MedianPruner", 20),
]


class TestPruning:
    @pytest.mark.parametrize(("size", "complexity", "pruner", "warm_up"), PRUNING_ROWS)
    def test_weak_trials_are_stopped_after_the_warm_up(
        self,
        dataset: Any,
        size: DatasetSize,
        complexity: ModelComplexity,
        pruner: str,
        warm_up: int,
    ) -> None:
        request = request_for(MEMORY, SPACE, 12, size, complexity, use_pruning=True)
        assert request.strategy.pruner_name == pruner
        records = run(request, dataset)
        pruned = [r for r in records if r.state == "PRUNED"]
        assert pruned
        assert all(warm_up <= len(r.intermediate_values) < 40 for r in pruned)
        best = min(records, key=lambda r: min(r.intermediate_values.values()))
        assert best.state == "COMPLETE"

    def test_works_on_a_journal_too(self, dataset: Any, tmp_path: Path) -> None:
        location = StudyLocation("pruned", tmp_path)
        records = run(request_for(location, num_samples=10, use_pruning=True), dataset)
        assert "PRUNED" in {r.state for r in records}


class TestFailures:
    def test_a_failing_trial_is_recorded_and_the_search_goes_on(self, dataset: Any) -> None:
        space = {**SPACE, "scaler_type": tune.grid_search(["standard", "no such scaler"])}
        space |= {"learning_rate": 1e-3, "input_size": 12, "max_steps": 2}
        records = run(request_for(MEMORY, space, num_samples=2), dataset)
        by_scaler = {r.params["scaler_type"]: r for r in records}
        assert by_scaler["standard"].state == "COMPLETE"
        assert by_scaler["no such scaler"].state == "FAIL"
        assert by_scaler["no such scaler"].reason

    def test_a_diverging_trial_fails_with_its_loss(self, dataset: Any) -> None:
        space = {**SPACE, "learning_rate": 1e30, "input_size": tune.choice([12, 24])}
        records = run(request_for(MEMORY, space, num_samples=1), dataset)
        assert records[0].state == "FAIL"
        assert "validation loss was inf" in str(records[0].reason)

    def test_out_of_memory_is_tried_again_with_half_the_windows(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from automodel_sk.training import train as training

        build = training.build_model

        def scarce(task: TrainingTask, config: dict[str, Any]) -> Any:
            if config["windows_batch_size"] > 4:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
            return build(task, config)

        monkeypatch.setattr(training, "build_model", scarce)
        records = run(request_for(MEMORY, {**SPACE, "max_steps": 2}, num_samples=1), dataset)
        assert records[0].state == "COMPLETE"
        assert records[0].params["windows_batch_size"] == 4
        assert records[0].tags == {"retried_with": {"windows_batch_size": 4}}


@pytest.fixture(scope="module")
def undisturbed(dataset: Any) -> list[tuple[Any, ...]]:
    return essence(run(request_for(MEMORY, use_pruning=True), dataset))


class TestResume:
    def test_goes_on_up_to_num_samples(
        self, dataset: Any, tmp_path: Path, undisturbed: list[tuple[Any, ...]]
    ) -> None:
        location = StudyLocation("resumed", tmp_path)
        first = run(request_for(location, num_samples=2), dataset)
        assert essence(first) == undisturbed[:2]
        callback = RecordingCallback()
        assert (
            essence(run(request_for(location, use_pruning=True), dataset, callback)) == undisturbed
        )
        assert {number for number, _ in callback.reports} == {2, 3, 4, 5}
        assert (
            essence(
                run(request_for(location, use_pruning=True), dataset, RecordingCallback((0, 1)))
            )
            == undisturbed
        )

    def test_after_ctrl_c_the_half_done_trial_runs_again(
        self, dataset: Any, tmp_path: Path, undisturbed: list[tuple[Any, ...]]
    ) -> None:
        location = StudyLocation("interrupted", tmp_path)
        with pytest.raises(KeyboardInterrupt):
            run(
                request_for(location, use_pruning=True),
                dataset,
                RecordingCallback(interrupt_at=(2, 7)),
            )
        callback = RecordingCallback()
        assert (
            essence(run(request_for(location, use_pruning=True), dataset, callback)) == undisturbed
        )
        assert callback.reports[0] == (2, 1)

    def test_after_kill_nothing_finished_is_lost(
        self, dataset: Any, tmp_path: Path, undisturbed: list[tuple[Any, ...]]
    ) -> None:
        script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "fixtures")!r})
sys.path.insert(0, {str(Path(__file__).parent)!r})
from optuna_search import RecordingCallback, StudyLocation, request_for, run
from series import seasonal_panel
from neuralforecast.tsdataset import TimeSeriesDataset

class Killed(RecordingCallback):
    def on_report(self, number, step, loss):
        if (number, step) == (3, 5):
            os.kill(os.getpid(), signal.SIGKILL)

location = StudyLocation("killed", {str(tmp_path)!r})
dataset = TimeSeriesDataset.from_df(seasonal_panel())[0]
run(request_for(location, use_pruning=True), dataset, Killed())
"""
        done = subprocess.run([sys.executable, "-c", script], check=False, env={**os.environ})
        assert done.returncode == -signal.SIGKILL
        callback = RecordingCallback()
        location = StudyLocation("killed", tmp_path)
        assert (
            essence(run(request_for(location, use_pruning=True), dataset, callback)) == undisturbed
        )
        assert {number for number, _ in callback.reports} == {3, 4, 5}

    def test_a_torn_last_line_is_cut(
        self, dataset: Any, tmp_path: Path, undisturbed: list[tuple[Any, ...]]
    ) -> None:
        location = StudyLocation("torn", tmp_path)
        run(request_for(location, num_samples=2), dataset)
        journal = tmp_path / "torn.journal"
        with journal.open("ab") as file:
            file.write(b'{"op_code":8,"worker_id"')
        assert essence(run(request_for(location, use_pruning=True), dataset)) == undisturbed
        assert all(line.endswith(b"}\n") for line in journal.read_bytes().splitlines(True))

    def test_cut_off_between_a_report_and_its_verdict(self, dataset: Any, tmp_path: Path) -> None:
        whole = run(request_for(MEMORY, num_samples=10, use_pruning=True), dataset)
        pruned = next(r for r in whole if r.state == "PRUNED")
        request = request_for(StudyLocation("cut", tmp_path), num_samples=10, use_pruning=True)
        last = (pruned.number, len(pruned.intermediate_values))
        with pytest.raises(KeyboardInterrupt):
            run(request, dataset, RecordingCallback(interrupt_at=last))
        records = run(request, dataset)
        assert essence(records) == essence(whole)
        assert [r.intermediate_values for r in records] == [r.intermediate_values for r in whole]

    def test_after_a_full_disk_the_same_process_goes_on(
        self, dataset: Any, tmp_path: Path, undisturbed: list[tuple[Any, ...]]
    ) -> None:
        with small_disk(tmp_path / "disk") as disk:
            request = request_for(StudyLocation("cramped", disk), use_pruning=True)
            run(replace(request, num_samples=2), dataset)
            filler = fill(disk, leaving=4096)
            with pytest.raises(StorageError, match=f"No space left.*free some space in {disk}"):
                run(request, dataset)
            filler.unlink()
            callback = RecordingCallback()
            assert essence(run(request, dataset, callback)) == undisturbed
            assert {number for number, _ in callback.reports} == {2, 3, 4, 5}

    def test_a_database_url_keeps_the_study(
        self, dataset: Any, tmp_path: Path, undisturbed: list[tuple[Any, ...]]
    ) -> None:
        location = StudyLocation("in-sqlite", f"sqlite:///{tmp_path / 'study.db'}")
        run(request_for(location, num_samples=2), dataset)
        assert essence(run(request_for(location, num_samples=3), dataset)) == undisturbed[:3]


SAMPLERS = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=2),
    "multivariate tpe": lambda seed: optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=2, multivariate=True
    ),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_trial_cut_off_as_it_draws_draws_the_same_again(name: str) -> None:
    def draw(trial: optuna.Trial, cut_off: bool = False) -> dict[str, Any]:
        trial.suggest_categorical("kind", ["a", "b", "c"])
        trial.suggest_float("rate", 1e-5, 1.0, log=True)
        if not cut_off:
            trial.suggest_int("size", 1, 1000)
            trial.suggest_float("share", 0.0, 1.0)
        return trial.params

    def search(cut_off: bool) -> list[dict[str, Any]]:
        study = optuna.create_study(sampler=PerTrialSampler(SAMPLERS[name], 7))
        study.enqueue_trial({"rate": 0.5})
        drawn = []
        for number in range(6):
            if cut_off:
                trial = study.ask()
                draw(trial, cut_off=True)
                requeue(study, trial)
            trial = study.ask()
            assert trial.number == number
            drawn.append(draw(trial))
            study.tell(trial, trial.params["share"])
        return drawn

    assert search(cut_off=True) == search(cut_off=False)


class TestExistingStudy:
    def test_another_search_of_that_name_is_refused(self, dataset: Any, tmp_path: Path) -> None:
        location = StudyLocation("taken", tmp_path)
        space = {**SPACE, "max_steps": 1}
        run(request_for(location, space, 1, identity={"data": "a"}), dataset)
        with pytest.raises(StudyMismatchError, match="other values in the data"):
            run(request_for(location, space, 1, identity={"data": "b"}), dataset)

    def test_never_refuses_and_overwrite_starts_anew(self, dataset: Any, tmp_path: Path) -> None:
        location = StudyLocation("taken", tmp_path)
        space = {**SPACE, "max_steps": 1}
        run(request_for(location, space, 2), dataset)
        with pytest.raises(StudyMismatchError, match="resume='never'"):
            run(request_for(location, space, 2, resume="never"), dataset)
        callback = RecordingCallback()
        run(request_for(location, space, 1, resume="overwrite"), dataset, callback)
        assert [r.number for r in callback.ended] == [0]

    def test_a_place_that_cannot_be_written_is_named(self, dataset: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(StorageError, match=r"can't be used .*pass a folder"):
            run(request_for(StudyLocation("s", tmp_path / "file" / "folder")), dataset)

    def test_secrets_of_a_url_stay_out_of_errors(self, dataset: Any) -> None:
        location = StudyLocation("s", "postgresql://me:hunter2@127.0.0.1:1/none")
        with pytest.raises(StorageError) as caught:
            run(request_for(location), dataset)
        assert "hunter2" not in str(caught.value)


def test_optuna_can_read_the_study(dataset: Any, tmp_path: Path) -> None:
    run(request_for(StudyLocation("open", tmp_path), num_samples=2), dataset)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "open.journal"))
    study = optuna.load_study(study_name="open", storage=optuna.storages.JournalStorage(backend))
    frame: pd.DataFrame = study.trials_dataframe()
    assert frame["state"].tolist() == ["COMPLETE", "COMPLETE"]
    assert set(frame["params_input_size"]) <= {12, 24}
