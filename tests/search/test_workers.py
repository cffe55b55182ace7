"""Trials side by side in worker processes: the same results, whatever dies."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import optuna
import psutil
import pytest
from disks import fill, small_disk
from optuna_search import MEMORY, SPACE, RecordingCallback, essence, interrupt, request_for, run
from processes import workers_running

from automodel_sk.exceptions import SearchError, StorageError
from automodel_sk.search.optuna.workers.pool import shared_pool
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.trials import TrialRecord

# A host that is no fork of this process can't import the functions of this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset
    from series import seasonal_panel

    shared_pool()
    return TimeSeriesDataset.from_df(seasonal_panel())[0]


@pytest.fixture(scope="module")
def one_at_a_time(dataset: Any) -> list[tuple[Any, ...]]:
    return essence(run(request_for(MEMORY, num_samples=5), dataset))


def side_by_side(location: StudyLocation = MEMORY, num_samples: int = 5) -> SearchRequest:
    return replace(request_for(location, num_samples=num_samples), workers=2)


def test_results_are_those_of_one_at_a_time(
    dataset: Any, one_at_a_time: list[tuple[Any, ...]]
) -> None:
    callback = RecordingCallback()
    records = run(side_by_side(), dataset, callback)
    assert essence(records) == one_at_a_time
    assert sorted(r.number for r in callback.ended) == [0, 1, 2, 3, 4]
    assert len(callback.reports) == 5 * 40
    assert not workers_running()


def test_never_more_trials_than_asked_for(dataset: Any, tmp_path: Path) -> None:
    location = StudyLocation("counted", tmp_path)
    assert len(run(side_by_side(location, num_samples=3), dataset)) == 3
    assert len(run(side_by_side(location, num_samples=4), dataset)) == 4


class Killer(RecordingCallback):
    """Kills the worker of a trial, so many times."""

    def __init__(self, number: int, times: int) -> None:
        super().__init__()
        self._number, self._left = number, times

    def on_report(self, number: int, step: int, loss: float) -> None:
        super().on_report(number, step, loss)
        if number == self._number and step == 3 and self._left:
            self._left -= 1
            for worker in workers_running():
                worker.kill()


def test_a_killed_worker_is_replaced_and_its_trial_run_again(dataset: Any) -> None:
    records = run(side_by_side(), dataset, Killer(number=2, times=1))
    assert [r.state for r in records] == ["COMPLETE"] * 5
    assert records[2].tags == {"retried_with": {"windows_batch_size": 8}}


def test_a_trial_that_kills_its_worker_twice_fails_alone(dataset: Any, tmp_path: Path) -> None:
    location = StudyLocation("deadly", tmp_path)
    run(side_by_side(location, num_samples=4), dataset)
    records = run(side_by_side(location), dataset, Killer(number=4, times=2))
    assert [r.state for r in records] == ["COMPLETE"] * 4 + ["FAIL"]
    assert records[4].reason == "its worker process died (signal 9)"
    assert records[4].failure == "crashed"


def test_after_ctrl_c_the_search_resumes(
    dataset: Any, tmp_path: Path, one_at_a_time: list[tuple[Any, ...]]
) -> None:
    location = StudyLocation("interrupted", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(side_by_side(location), dataset, RecordingCallback((2, 7), interrupt))
    assert not workers_running()
    callback = RecordingCallback()
    assert essence(run(side_by_side(location), dataset, callback)) == one_at_a_time
    assert 2 in {number for number, _ in callback.reports}


class Lost(RecordingCallback):
    """Remembers the ended trials and ends the host in the middle."""

    def on_trial_end(self, record: TrialRecord) -> None:
        super().on_trial_end(record)
        if record.number == 1:
            psutil.Process(shared_pool().host).kill()


def test_a_dead_host_is_named_and_the_search_resumes(
    dataset: Any, tmp_path: Path, one_at_a_time: list[tuple[Any, ...]]
) -> None:
    location = StudyLocation("hostless", tmp_path)
    with pytest.raises(SearchError, match="worker process died"):
        run(side_by_side(location), dataset, Lost())
    assert essence(run(side_by_side(location), dataset)) == one_at_a_time


def hangs_or_dawdles(trial: Any) -> dict[str, Any]:
    """A space of one configuration; trial 1 hangs as it begins, trial 2 takes its time."""
    if trial.number == 1 and isinstance(trial, optuna.Trial):  # not where it is read back
        time.sleep(1000)
    steps = 100_000 if trial.number == 2 else 2
    return {**SPACE, "input_size": 12, "learning_rate": 1e-3, "max_steps": steps}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trial_that_takes_too_long_fails_alone(dataset: Any, workers: int) -> None:
    minutes = 4 / 60
    request = request_for(MEMORY, hangs_or_dawdles, num_samples=4)
    request = replace(request, workers=workers, trial_timeout_minutes=minutes)
    records = run(request, dataset)
    assert [r.state for r in records] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert {r.reason for r in records[1:3]} == {
        f"took longer than trial_timeout_minutes={minutes:g}"
    }
    assert {r.failure for r in records} == {None, "timeout"}
    assert all(4 <= r.duration_seconds < 1000 for r in records[1:3])
    assert not workers_running()


def test_a_full_disk_ends_the_search_and_keeps_what_has_ended(
    dataset: Any, tmp_path: Path, one_at_a_time: list[tuple[Any, ...]]
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        location = StudyLocation("cramped", disk)
        run(side_by_side(location, num_samples=2), dataset)
        filler = fill(disk, leaving=8192)
        with pytest.raises(StorageError, match=f"No space left.*free some space in {disk}"):
            run(side_by_side(location), dataset)
        assert not workers_running()
        filler.unlink()
        assert essence(run(side_by_side(location), dataset)) == one_at_a_time
