"""Kills at seeded random moments of a search: no ended trial is lost, and the search resumes.

Each backend has a `FaultyBackend`: how a search is started, and what its store holds.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import optuna
import psutil
import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from search_process import Silent, essence, search, small_dataset, small_request, start

from automodel_sk.search.backends import make_backend
from automodel_sk.search.optuna.backend import OptunaBackend
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search.study.trial_lifecycle import record_of

TRIALS, STEPS = 6, 20
ENTRIES = 100  # of the 170 or so that these trials write: the most between two kills
Ended = Mapping[int, tuple[Any, ...]]


class FaultyBackend(Protocol):
    """A backend under fire."""

    start_seconds: float
    """What a process takes to its first trial, roughly."""

    def start(self, folder: Path, workers: int) -> Any:
        """Start a search of `TRIALS` trials, or resume it, in a process of its own."""

    def trials(self, folder: Path) -> Sequence[FrozenTrial]:
        """Return the trials that the store holds; raise where it is corrupt."""

    def undisturbed(self) -> Ended:
        """Return what a search comes to that nothing disturbs."""


class Optuna:
    """The Optuna backend on a journal."""

    start_seconds = 1.0

    def start(self, folder: Path, workers: int) -> Any:
        return start(search, folder, num_samples=TRIALS, max_steps=STEPS, workers=workers)

    def trials(self, folder: Path) -> Sequence[FrozenTrial]:
        journal = StudyLocation("study", folder).journal
        if journal is None or not journal.exists():
            return []
        *lines, _ = journal.read_bytes().split(b"\n")
        for line in lines:
            json.loads(line)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
        try:
            return optuna.load_study(study_name="study", storage=storage).get_trials()
        except KeyError:  # killed before the study was made
            return []

    def undisturbed(self) -> Ended:
        request = small_request(StudyLocation("study", ":memory:"), TRIALS, STEPS)
        return essence(OptunaBackend().run(request, small_dataset(), Silent()))


class Ray(Optuna):
    """The Ray backend, whose studies are of the same kind."""

    start_seconds = 12.0  # Ray's own, and its processes' imports

    def start(self, folder: Path, workers: int) -> Any:
        size = {"num_samples": TRIALS, "max_steps": STEPS}
        return start(search, folder, backend="ray", cpus=workers, **size)

    def undisturbed(self) -> Ended:
        location = StudyLocation("study", ":memory:")
        request = small_request(location, TRIALS, STEPS, backend="ray", cpus=1)
        return essence(make_backend("ray").run(request, small_dataset(), Silent()))


BACKENDS: dict[str, type[FaultyBackend]] = {"optuna": Optuna, "ray": Ray}


def kill_parent(process: psutil.Process, chance: random.Random) -> None:
    process.kill()


def kill_worker(process: psutil.Process, chance: random.Random) -> None:
    workers = [worker for host in process.children() for worker in host.children()]
    workers = [w for w in workers if not w.name().endswith("Agent")]  # Ray's own
    if workers:
        chance.choice(workers).kill()


def kill_all(process: psutil.Process, chance: random.Random) -> None:
    for victim in [*process.children(recursive=True), process]:
        with suppress(psutil.NoSuchProcess):
            victim.kill()


def _entries(folder: Path) -> int:
    """Return how many entries the study's journal has: a trial writes one with each report."""
    journal = StudyLocation("study", folder).journal
    return journal.read_bytes().count(b"\n") if journal is not None and journal.exists() else 0


class Siege:
    """Starts one search after another and kills each several times, until it has ended."""

    def __init__(self, backend: FaultyBackend, folder: Path, seed: int) -> None:
        self._backend, self._folder = backend, folder
        self._chance = random.Random(seed)
        self._whole = backend.undisturbed()
        self.kills = self.studies = self.cut_off = 0

    def go_on(self, kills: int) -> None:
        """Kill so many times, whole studies at a time; check all after each kill."""
        while self.kills < kills:
            folder = self._folder / str(self.studies)
            before: Ended = {}
            for way in [kill_parent, kill_all, kill_worker] * 4:
                if self.kills < kills:
                    self._strike(folder, way)
                    before = self._checked(folder, before)
            self._finish(folder, before)
            self.studies += 1

    def _strike(self, folder: Path, way: Any) -> None:
        workers = 2 if way is kill_worker else self._chance.choice([1, 2])
        process = self._backend.start(folder, workers)
        self._wait(folder, process)
        if process.is_alive():
            with suppress(psutil.NoSuchProcess):
                way(psutil.Process(process.pid), self._chance)
                self.kills += 1
            if way is kill_worker:
                time.sleep(self._chance.uniform(0, 0.3))
                process.kill()
        process.join()
        states = {trial.state for trial in self._backend.trials(folder)}
        self.cut_off += TrialState.RUNNING in states

    def _wait(self, folder: Path, process: Any) -> None:
        """Let some time pass, mostly until the study has gone on by so many entries."""
        if self._chance.random() < 0.2:
            time.sleep(self._chance.uniform(0, self._backend.start_seconds))
        else:
            wanted = _entries(folder) + self._chance.randint(1, ENTRIES)
            while process.is_alive() and _entries(folder) < wanted:
                time.sleep(0.002)
            time.sleep(self._chance.uniform(0, 0.05))

    def _checked(self, folder: Path, before: Ended) -> Ended:
        """Return the ended trials; none that was there before may be gone or changed."""
        request = small_request(StudyLocation("study", folder), TRIALS, STEPS)
        trials = [t for t in self._backend.trials(folder) if t.state.is_finished()]
        ended = essence(record_of(trial, request) for trial in trials)
        assert {number: ended[number] for number in before} == before
        return ended

    def _finish(self, folder: Path, before: Ended) -> None:
        process = self._backend.start(folder, 1)
        process.join()
        assert process.exitcode == 0
        ended = self._checked(folder, before)
        assert set(ended) == set(self._whole)
        spared = {n: t for n, t in ended.items() if t[2] == self._whole[n][2]}
        assert spared == {n: self._whole[n] for n in spared}, "as if nothing had happened"
        for number in set(ended) - set(spared):  # its worker was killed: again with less memory
            assert ended[number][2] == {**self._whole[number][2], "windows_batch_size": 4}


@pytest.mark.parametrize("name", ["optuna", pytest.param("ray", marks=pytest.mark.slow)])
def test_nothing_that_ended_is_lost(name: str, tmp_path: Path) -> None:
    siege = Siege(BACKENDS[name](), tmp_path, seed=1)
    siege.go_on(kills=4)
    assert siege.cut_off >= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
@pytest.mark.parametrize("name", BACKENDS)
def test_a_hundred_kills_in_four_parts(name: str, seed: int, tmp_path: Path) -> None:
    siege = Siege(BACKENDS[name](), tmp_path, seed)
    siege.go_on(kills=25)
    assert siege.cut_off >= 10
