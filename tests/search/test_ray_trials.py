"""What the Ray backend does in the driver: searchers that resume, what trials take, data lent."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from backend_contract import RecordingCallback, make_dataset, request_for
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from automodel_sk.search.ray.resources import ResourcesOfTrials
from automodel_sk.search.ray.scheduler import informed_scheduler
from automodel_sk.search.ray.trainable import LentDataset
from automodel_sk.search.ray.trials import RayTrials
from automodel_sk.search.study.attributes import FITTED_TO_SLOT, PLANNED_REPORTS
from automodel_sk.search.study.journal import JournalBackend
from automodel_sk.search.study.loop import TrialNotifier
from automodel_sk.search.study.ownership import requeue_orphans
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search.study.study import AskTellStudy, muted, open_study
from automodel_sk.search.study.trial_lifecycle import record_of
from automodel_sk.search.study.upstream import set_loss
from automodel_sk.search_space import Choice, Computed, Float, Integer, Normal
from automodel_sk.training.trainer import SingleModel
from automodel_sk.trials import Failure

REPORTS = 3
ANY = {
    "x": Float(0, 1),
    "layers": Choice([[1], [2, 2]]),
    "n": Integer(1, 9),
    "m": {"a": Float(0, 1)},
}
SCALARS = {
    "x": Float(0, 1),
    "kind": Choice(["a", "b"]),
    "learning_rate": Float(1e-4, 0.1),
    "max_steps": 9,
}
FLOATS = {"x": Float(0, 1), "learning_rate": Float(1e-4, 0.1)}
ODD = {"x": Float(0, 1), "z": Normal(0, 1, step=0.5), "c": Computed(lambda c: 2 * c["x"])}


def by_function(trial: optuna.Trial) -> dict[str, Any]:
    config: dict[str, Any] = {"x": trial.suggest_float("first", 0, 1)}
    if config["x"] > 0.5:
        config["y"] = trial.suggest_int("deep/second", 0, 5)
    return config


# data, space, searcher, trials
SEARCHERS = [
    pytest.param("large", ANY, "OptunaSearch", 14, id="optuna"),
    pytest.param("large", by_function, "OptunaSearch", 14, id="function"),
    pytest.param("small", SCALARS, "HyperOptSearch", 24, id="hyperopt"),
    pytest.param("medium", FLOATS, "BayesOptSearch", 12, id="bayesopt", marks=pytest.mark.slow),
    pytest.param("small", ODD, "BasicVariantGenerator", 8, id="variants"),
]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with muted():
        yield


def opened(request: SearchRequest) -> AskTellStudy:
    sampler = PerTrialSampler(RandomSampler, request.random_seed)
    pruner = NopPruner() if request.make_pruner is None else request.make_pruner()
    study = open_study(request, sampler, pruner)
    requeue_orphans(study, request.location)
    return study


class Life:
    """A driver between its start and its end, with trials whose losses are a formula."""

    def __init__(self, request: SearchRequest, most: int, chance: random.Random) -> None:
        self.study = opened(request)
        told = TrialNotifier(self.study, request, RecordingCallback())
        self._trials, self._chance = RayTrials(self.study, request, told, most), chance
        self._jobs: dict[int, dict[str, Any]] = {}

    def live(self, moments: float) -> bool:
        """Live so many moments; False where all is done before."""
        while moments > 0:
            moments -= 1
            while (job := self._trials.next_job()) is not None:
                self._jobs[job["number"]] = job | {"reports": 0}
                self._trials.start(job["number"])
            if not self._jobs:
                assert self._trials.is_over
                return False
            self._go_on(self._chance.choice(sorted(self._jobs)))
        return True

    def searcher(self) -> Any:
        return self._trials._proposer._source._searcher

    def _go_on(self, number: int) -> None:
        job = self._jobs[number]
        if number % 7 == 6:
            self._trials.fail(number, Failure("error", "it had to be"), 0.1)
            del self._jobs[number]
        elif job["reports"] == REPORTS:
            self._trials.end(number)
            del self._jobs[number]
        else:
            job["reports"] += 1
            loss = (job["config"]["x"] - 0.3) ** 2 + 0.1 / job["reports"]
            told = {"loss": loss, "number": number, "report": job["reports"]}
            self._trials.report(told | {"step": job["reports"], "seconds": 0.1, "changed": {}})


class Death(BaseException):
    """What a power cut is to a process."""


@contextmanager
def death_after(records: int) -> Iterator[None]:
    """End a life just before one of the records that it writes."""
    append, left = JournalBackend.append_logs, [records]

    def append_or_die(backend: JournalBackend, logs: list[dict[str, Any]]) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Death
        append(backend, logs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalBackend, "append_logs", append_or_die)
        yield


def drawn(study: AskTellStudy) -> list[tuple[Any, ...]]:
    return [(t.number, t.state, t.value, t.params) for t in study.get_trials()]


@pytest.mark.parametrize(("size", "space", "searcher", "n"), SEARCHERS)
def test_killed_at_any_record_a_search_proposes_as_if_undisturbed(
    size: str, space: Any, searcher: str, n: int, tmp_path: Path
) -> None:
    def request(name: str) -> SearchRequest:
        return request_for("ray", StudyLocation(name, tmp_path), space, n, size=size)

    assert request("any").strategy.algorithm_name == searcher
    undisturbed = Life(request("undisturbed"), 1, random.Random(0))
    assert not undisturbed.live(moments=10**6)
    chance, deaths = random.Random(1), 0
    while True:
        try:
            with death_after(chance.randrange(1, 30)):
                Life(request("killed"), 1, chance).live(moments=10**6)
            break
        except Death:
            deaths += 1
    assert deaths >= 5
    study = opened(request("killed"))
    assert drawn(study) == drawn(undisturbed.study)
    states = [state for _, state, *_ in drawn(study)]
    assert len(states) == n
    assert states[6] is TrialState.FAIL
    assert states[:6] == [TrialState.COMPLETE] * 6


@pytest.mark.parametrize(("earlier", "searcher"), [(14, "OptunaSearch"), (8, "BasicVariant")])
def test_a_search_for_more_trials_knows_the_results_of_the_first(
    earlier: int, searcher: str, tmp_path: Path
) -> None:
    def request(n: int) -> SearchRequest:
        return request_for("ray", StudyLocation("more", tmp_path), FLOATS, n, size="large")

    first, more = request(earlier), request(40)
    assert first.strategy.algorithm_name.startswith(searcher)
    assert first.strategy.algorithm_kwargs != more.strategy.algorithm_kwargs
    Life(first, 1, random.Random(0)).live(moments=10**6)
    study = opened(more)
    known = Life(more, 1, random.Random(0)).searcher()._ot_study.trials
    learned = {(t.params["x"], t.value) for t in known if t.state is TrialState.COMPLETE}
    ended = [t for t in study.get_trials() if t.state is TrialState.COMPLETE]
    assert len(ended) == earlier - earlier // 7
    expected = {(t.params["x"], min(t.intermediate_values.values())) for t in ended}
    assert learned == expected


@pytest.mark.parametrize(("size", "space", "searcher", "n"), SEARCHERS)
def test_side_by_side_nothing_that_ended_is_lost_and_none_is_begun_too_many(
    size: str, space: Any, searcher: str, n: int, tmp_path: Path
) -> None:
    request = request_for("ray", StudyLocation("killed", tmp_path), space, n, size=size)
    chance, before = random.Random(2), []
    while (life := Life(request, 3, chance)).live(moments=chance.expovariate(1 / 12)):
        ended = [trial for trial in drawn(life.study) if trial[1].is_finished()]
        assert [trial for trial in before if trial not in ended] == []
        before = ended
    assert len(drawn(life.study)) == n
    assert all(state.is_finished() for _, state, *_ in drawn(life.study))


def test_the_last_validation_of_a_slot_has_its_own_step() -> None:
    request = request_for("ray", space=FLOATS)
    study = opened(request)
    trials = RayTrials(study, request, TrialNotifier(study, request, RecordingCallback()), 1)
    job = trials.next_job()
    assert job is not None
    number = job["number"]
    trials.start(number)
    for report, loss in enumerate([3.0, 2.0, 1.0], start=1):
        told = {"loss": loss, "number": number, "report": report, "changed": {}}
        trials.report(told | {"step": 4 * report, "seconds": 0.1})
    found = {"notes": {}, "forecasts": None, "steps": [4, 8, 9]}
    trials.report({"loss": 1.0, "number": number, "seconds": 0.1, "outcome": found})
    trials.end(number)
    record = record_of(study.get_trials()[0], request)
    assert record.intermediate_values == {4: 3.0, 8: 2.0, 9: 1.0}
    assert record.best_step == 9


def test_the_planned_reports_are_those_of_the_steps_that_fit_into_the_slot() -> None:
    request = request_for("ray", space=FLOATS)
    request = replace(request, several=SingleModel(request.task))
    study = opened(request)
    trials = RayTrials(study, request, TrialNotifier(study, request, RecordingCallback()), 1)
    job = trials.next_job()
    assert job is not None
    told = {"loss": 1.0, "number": job["number"], "report": 1, "step": 4, "seconds": 0.1}
    fitted = {"max_steps": 21, "val_check_steps": 4}
    trials.start(job["number"])
    trials.report(told | {"changed": fitted})
    noted = study.get_trials()[job["number"]].user_attrs
    assert (noted[FITTED_TO_SLOT], noted[PLANNED_REPORTS]) == (fitted, 5)


def _median() -> BasePruner:
    return MedianPruner(n_startup_trials=2, n_warmup_steps=3)


@pytest.mark.parametrize("of_earlier_attempt", [None, 0.1], ids=["first attempt", "second"])
@pytest.mark.parametrize(("losses", "stopped_at"), [([9.0, 8.0, 7.0], 3), ([9.0, 2.0, 7.0], None)])
def test_the_pruner_stops_a_trial_at_the_report_that_lags(
    losses: list[float], stopped_at: int | None, of_earlier_attempt: float | None
) -> None:
    request = replace(request_for("ray", space=FLOATS), make_pruner=_median)
    study = opened(request)
    for _ in range(2):
        ended = study.ask()
        for report, loss in enumerate([5.0, 4.0, 3.0], start=1):
            ended.report(loss, report)
        study.tell(ended, 3.0)
    trials = RayTrials(study, request, TrialNotifier(study, request, RecordingCallback()), 1)
    job = trials.next_job()
    assert job is not None
    number = job["number"]
    trials.start(number)
    if of_earlier_attempt is not None:
        set_loss(study, trials.running[number].trial, 9, of_earlier_attempt)
    decisions = {}
    for report, loss in enumerate(losses, start=1):
        told = {"loss": loss, "number": number, "report": report, "changed": {}}
        told |= {"step": 4 * report, "seconds": 0.1}
        decisions[report] = trials.must_stop(told)  # Ray asks before it tells
        trials.report(told)
    assert decisions == {1: False, 2: False, 3: stopped_at == 3}
    trials.end(number)
    state = study.get_trials()[number].state
    assert state is (TrialState.COMPLETE if stopped_at is None else TrialState.PRUNED)


def test_searchers_learn_from_what_they_did_not_propose(tmp_path: Path) -> None:
    request = request_for("ray", StudyLocation("a", tmp_path), SCALARS, 24, size="small")
    life = Life(request, 1, random.Random(0))
    assert not life.live(10**6)
    default = life.study.get_trials()[0]
    assert default.params["learning_rate"] == 1e-3
    known = life.searcher()._hpopt_trials.trials[0]
    assert known["misc"]["vals"]["learning_rate"] == [1e-3]
    assert known["result"]["loss"] == default.value


def test_searchers_learn_from_trials_of_the_other_backend(tmp_path: Path) -> None:
    location = StudyLocation("a", tmp_path)
    study = opened(request_for("ray", location, ANY, 20, size="large"))
    for number in range(5):
        trial = study.ask()
        assert request_for("ray", space=ANY).space.suggest(trial)
        trial.report(float(number), 1)
        study.tell(trial, float(number))
    life = Life(request_for("ray", location, ANY, 20, size="large"), 1, random.Random(0))
    told = life.searcher()._ot_study.get_trials()
    assert [t.params for t in told] == [t.params for t in study.get_trials()]
    assert [t.value for t in told] == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_scheduler_told_of_earlier_trials_decides_as_one_that_saw_them(
    size: str, tmp_path: Path
) -> None:
    model = "complex" if size == "large" else "simple"
    strategy = _pruning(model, size)
    study = optuna.create_study()
    chance = np.random.default_rng(0)
    live = informed_scheduler(study, strategy)
    stopped = 0
    for number in range(12):
        losses = chance.uniform(0, 1) + 1 / np.arange(1, 31)
        later = informed_scheduler(study, strategy)
        decisions = [_decisions(s, str(number), losses) for s in (live, later)]
        assert decisions[0] == decisions[1]
        stopped += len(decisions[0]) < len(losses)
        trial = study.ask()
        for report in range(len(decisions[0])):
            trial.report(losses[report], report + 1)
        study.tell(trial, float(min(losses)))
    assert 0 < stopped < 12


def _pruning(model: str, size: str) -> Any:
    from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector

    return SearchAlgorithmSelector("ray").select_algorithm(model, size, 30, FLOATS, n_reports=30)


class _Trial:
    """A trial as far as a scheduler looks at it."""

    def __init__(self, trial_id: str) -> None:
        self.trial_id = trial_id


def _decisions(scheduler: Any, trial_id: str, losses: Any) -> list[str]:
    """Return a scheduler's decisions on a trial, up to the one that stops it."""
    trial, decisions = _Trial(trial_id), []
    scheduler.on_trial_add(None, trial)
    for report, loss in enumerate(losses, start=1):
        result = {"training_iteration": report, "loss": float(loss)}
        decisions.append(scheduler.on_trial_result(None, trial, result))
        if decisions[-1] == "STOP":
            break
    scheduler.on_trial_complete(None, trial, result)
    return decisions


@pytest.mark.parametrize(
    ("asked", "there", "cpu", "gpu", "most"),
    [
        ({"cpus": None}, {"CPU": 8}, 1.0, 0.0, 8),
        ({"cpus": 3.5}, {"CPU": 8}, 1.0, 0.0, 3),
        ({"cpus": 0.5}, {"CPU": 8}, 0.5, 0.0, 1),
        ({"cpus": None}, {"CPU": 64}, 1.0, 0.0, 20),
        ({"cpus": None, "gpus": 0}, {"CPU": 8, "GPU": 2}, 1.0, 0.0, 8),
        ({"cpus": None, "gpus": None}, {"CPU": 8, "GPU": 2}, 1.0, 1.0, 2),
        ({"cpus": None, "gpus": 0.5}, {"CPU": 8, "GPU": 2}, 1.0, 0.5, 1),
        ({"cpus": None, "gpus": 1, "trials_per_gpu": 3}, {"CPU": 8, "GPU": 2}, 1.0, 1 / 3, 3),
        ({"cpus": 2, "gpus": 1, "trials_per_gpu": 3}, {"CPU": 8, "GPU": 2}, 1.0, 1 / 3, 2),
        ({"cpus": None, "gpus": 2}, {"CPU": 8}, 1.0, 0.0, 8),
    ],
)
def test_trials_share_what_the_search_may_use(
    asked: dict[str, Any], there: dict[str, float], cpu: float, gpu: float, most: int
) -> None:
    request = replace(request_for("ray", num_samples=20), **asked)
    assert ResourcesOfTrials.of(request, there) == ResourcesOfTrials(cpu, gpu, most)


def test_lent_data_are_the_same_and_no_copy() -> None:
    dataset = make_dataset()
    lent = LentDataset.of(dataset)
    assert lent.shell.temporal is None
    there = lent.dataset()
    assert there.temporal.data_ptr() == dataset.temporal.data_ptr()
    assert there.temporal.equal(dataset.temporal)
    assert there.n_groups == dataset.n_groups
    lent.arrays["temporal"].flags.writeable = False  # as Ray hands them out
    assert lent.dataset().temporal.data_ptr() == dataset.temporal.data_ptr()
