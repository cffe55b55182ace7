"""The search on Optuna: pruned, resumed, failed and counted, with real trainings."""

from __future__ import annotations

import itertools
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from backend_contract import BackendContract, FurtherBackendContract, LongBackendContract
from disks import fill, small_disk
from optuna_search import MEMORY, SPACE, RecordingCallback, essence, interrupt, request_for, run
from series import seasonal_panel

from automodel_sk._utils.interrupts import Stopped
from automodel_sk.exceptions import StorageError
from automodel_sk.search.optuna import loop
from automodel_sk.search.study.ownership import requeue
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.storage import StudyLocation, open_storage
from automodel_sk.search.study.study import AskTellStudy


@pytest.fixture(scope="module")
def dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    return TimeSeriesDataset.from_df(seasonal_panel())[0]


class TestContract(BackendContract):
    backend = "optuna"


class TestFurtherContract(FurtherBackendContract):
    backend = "optuna"


@pytest.mark.slow
class TestLongContract(LongBackendContract):
    backend = "optuna"


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


PRUNING_ROWS = [
    ("large", "complex", "HyperbandPruner", 5),
    ("medium", "complex", "MedianPruner", 10),
    ("small", "simple", "MedianPruner", 20),
]


class TestPruning:
    @pytest.mark.parametrize(("size", "complexity", "pruner", "warm_up"), PRUNING_ROWS)
    def test_weak_trials_are_stopped_after_the_warm_up(
        self,
        dataset: Any,
        size: str,
        complexity: str,
        pruner: str,
        warm_up: int,
    ) -> None:
        request = request_for(MEMORY, SPACE, 12, size=size, complexity=complexity, use_pruning=True)
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


@pytest.fixture(scope="module")
def undisturbed(dataset: Any) -> list[tuple[Any, ...]]:
    return essence(run(request_for(MEMORY, use_pruning=True), dataset))


class TestResume:
    def test_resumes_up_to_num_samples(
        self, dataset: Any, tmp_path: Path, undisturbed: list[tuple[Any, ...]]
    ) -> None:
        location = StudyLocation("resumed", tmp_path)
        first = run(request_for(location, num_samples=2), dataset)
        assert essence(first) == undisturbed[:2]
        request = request_for(location, use_pruning=True)
        callback = RecordingCallback()
        assert essence(run(request, dataset, callback)) == undisturbed
        assert {number for number, _ in callback.reports} == {2, 3, 4, 5}
        complete = RecordingCallback((0, 1), interrupt)
        assert essence(run(request, dataset, complete)) == undisturbed

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
            run(request, dataset, RecordingCallback(last, interrupt))
        records = run(request, dataset)
        assert essence(records) == essence(whole)
        assert [r.intermediate_values for r in records] == [r.intermediate_values for r in whole]

    @pytest.mark.parametrize("where", ["asked", "claimed", "drawn"])
    def test_a_signal_between_two_lines_leaves_no_trial_running(
        self,
        dataset: Any,
        tmp_path: Path,
        undisturbed: list[tuple[Any, ...]],
        monkeypatch: pytest.MonkeyPatch,
        where: str,
    ) -> None:
        owner, name = {
            "asked": (AskTellStudy, "ask"),
            "claimed": (loop, "claim"),
            "drawn": (loop, "_draw"),
        }[where]
        done, calls = getattr(owner, name), itertools.count(1)

        def do_then_stop(*arguments: Any) -> Any:
            result = done(*arguments)
            if next(calls) == 3:
                raise Stopped(signal.SIGTERM)  # as the handler of the signal does
            return result

        monkeypatch.setattr(owner, name, do_then_stop)
        location = StudyLocation("between", tmp_path)
        request = request_for(location, use_pruning=True)
        with pytest.raises(Stopped):
            run(request, dataset)
        states = [
            trial.state.name
            for trial in optuna.load_study(
                study_name="between", storage=open_storage(location)
            ).get_trials()
        ]
        assert states == ["COMPLETE", "COMPLETE", "WAITING"]
        assert essence(run(request, dataset)) == undisturbed

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


class TestStorageErrors:
    def test_a_place_that_cannot_be_written_is_named(self, dataset: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(StorageError, match=r"can't be used .*pass a writable folder"):
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
