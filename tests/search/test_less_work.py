"""Work that is not done: plateaus, ended searches, trials that don't fit the time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna_search import (
    MEMORY,
    SPACE,
    RecordingCallback,
    StudyLocation,
    essence,
    request_for,
    run,
)
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.pacing import run_at_pace, trials_that_fit
from automodel_sk.search.progress import Callbacks
from automodel_sk.search.run import run_trials
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.training import train as training
from automodel_sk.training.task import FEWEST_REPORTS, REPORTS_PER_TRIAL, TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.train import Decision, train_config
from automodel_sk.trials import TrialRecord


@pytest.fixture(scope="module")
def dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    return TimeSeriesDataset.from_df(seasonal_panel())[0]


def with_plateau(request: SearchRequest, share: float | None = 0.2) -> SearchRequest:
    return replace(request, task=replace(request.task, plateau=share))


WORSE: dict[str, Any] = {**SPACE, "learning_rate": 0.5, "max_steps": 100}
"""A training that only gets worse."""

SHORT: dict[str, Any] = {**SPACE, "max_steps": 3}

ENDED = TrialRecord(0, "COMPLETE", 1.0, duration_seconds=10.0)


class TestPlateau:
    def test_a_trial_ends_complete_once_it_has_not_improved(self, dataset: Any) -> None:
        request = with_plateau(request_for(MEMORY, WORSE, num_samples=1))
        (record,) = run(request, dataset)
        losses = list(record.intermediate_values.values())
        assert record.state == "COMPLETE"
        assert record.value == min(losses)
        assert len(losses) - 1 - losses.index(min(losses)) == 20

    def test_up_to_there_it_is_the_trial_that_runs_to_its_end(self, dataset: Any) -> None:
        request = request_for(MEMORY, WORSE, num_samples=1)
        (short,), (whole,) = run(with_plateau(request), dataset), run(request, dataset)
        assert len(whole.intermediate_values) == 100
        same = list(whole.intermediate_values.items())[: len(short.intermediate_values)]
        assert list(short.intermediate_values.items()) == same

    def test_a_user_s_own_patience_holds_instead(self, dataset: Any) -> None:
        space = {**WORSE, "early_stop_patience_steps": 60}
        (record,) = run(with_plateau(request_for(MEMORY, space, num_samples=1)), dataset)
        losses = list(record.intermediate_values.values())
        assert len(losses) - 1 - losses.index(min(losses)) == 60

    def test_it_goes_with_pruning(self) -> None:
        options = {"use_mlflow": False, "verbose": False, "storage": ":memory:", "cpus": 1}
        pruned, whole = (
            create_auto_model(
                "MLP",
                12,
                seasonal_panel(),
                {**SPACE, "max_steps": 60},
                num_samples=1,
                use_pruning=use_pruning,
                **options,
            ).trials["n_reports"][0]
            for use_pruning in (True, False)
        )
        assert whole == 60
        assert pruned <= 60


class TestReports:
    @pytest.mark.parametrize("max_steps", [300, 1000, 5000])
    def test_a_hundred_where_they_are_cheap(self, max_steps: int) -> None:
        interval = TrainingTask("MLP", h=12, val_size=12, n_series=100).check_interval(max_steps)
        assert max_steps // interval == REPORTS_PER_TRIAL

    def test_fewer_where_there_are_many_series(self) -> None:
        task = TrainingTask("MLP", h=12, val_size=12, n_series=10_000)
        assert 1000 // task.check_interval(1000) == FEWEST_REPORTS

    def test_more_windows_cost_more(self) -> None:
        one, ten = (TrainingTask("MLP", h=1, val_size=k, n_series=1000) for k in (1, 10))
        assert one.check_interval(1000) < ten.check_interval(1000)


@pytest.fixture(scope="module")
def many() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    return TimeSeriesDataset.from_df(seasonal_panel(n_series=70))[0]


class TestSeriesOfAValidation:
    def losses(
        self, many: Any, monkeypatch: pytest.MonkeyPatch, **config: Any
    ) -> tuple[list[float], list[int]]:
        """Return the validation losses of a short training, and the series of each batch."""
        from neuralforecast.models import MLP

        batches: list[int] = []
        upstream = MLP.validation_step

        def counted(self: Any, batch: Any, batch_idx: int) -> Any:
            batches.append(len(batch["temporal"]))
            return upstream(self, batch, batch_idx)

        monkeypatch.setattr(MLP, "validation_step", counted)
        task = TrainingTask("MLP", h=12, val_size=12, n_series=70)
        fixed = {"input_size": 24, "hidden_size": 8, "max_steps": 4, "val_check_steps": 2}
        fixed["windows_batch_size"] = 128
        outcome = train_config(task, {**fixed, **config}, many, lambda *_: Decision.CONTINUE)
        return list(outcome.losses.values()), batches

    def test_all_at_once_where_they_are_small(
        self, many: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at_once, batches = self.losses(many, monkeypatch)
        assert batches == [70, 70]
        some, batches = self.losses(many, monkeypatch, valid_batch_size=32)
        assert batches == [32, 32, 6] * 2
        assert at_once == pytest.approx(some, rel=1e-5)

    def test_no_more_than_memory_should_hold(
        self, many: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.losses(many, monkeypatch, windows_batch_size=50)[1] == [50, 20] * 2
        rows_of_all = many.max_size * len(many.temporal_cols)
        monkeypatch.setattr(training, "_MOST_NUMBERS_AT_ONCE", 40 * rows_of_all)
        assert self.losses(many, monkeypatch)[1] == [40, 30] * 2


class TestPatience:
    def test_the_search_ends_after_so_many_trials_without_a_better_one(self, dataset: Any) -> None:
        request = request_for(MEMORY, num_samples=30, patience=3)
        records = run(request, dataset)
        best = min(range(len(records)), key=lambda k: records[k].value or np.inf)
        assert len(records) == best + 1 + 3 < 30

    def test_a_resumed_search_keeps_the_count(self, dataset: Any, tmp_path: Any) -> None:
        from automodel_sk.search.study.storage import StudyLocation

        request = request_for(StudyLocation("p", tmp_path), num_samples=30, patience=3)
        ended = run(request, dataset)
        assert run(request, dataset, RecordingCallback()) == ended


class Told:
    """Keeps the numbers of trials that a progress bar is told."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def expect(self, number: int) -> None:
        self.numbers.append(number)


class TestPace:
    def test_as_many_fit_as_there_is_time_for(self) -> None:
        assert trials_that_fit([ENDED], 95.0, workers=2) == (19, 10.0)
        assert trials_that_fit([ENDED], 3.0, workers=2) == (1, 10.0)
        assert trials_that_fit([], 95.0, workers=2) == (2, 0.0)

    def test_the_first_trials_speed_decides(self) -> None:
        now = 0.0
        asked: list[int] = []
        told: list[tuple[int, float]] = []
        budget = TimeBudget(100.0, clock=lambda: now)

        def run(number: int) -> list[TrialRecord]:
            nonlocal now
            now += 10.0 * (number - (asked[-1] if asked else 0))
            asked.append(number)
            return [TrialRecord(k, "COMPLETE", 1.0, duration_seconds=10.0) for k in range(number)]

        records = run_at_pace(run, 50, 1, budget, lambda *seen: told.append(seen))
        assert asked == [1, 10]
        assert told == [(10, 10.0)]
        assert len(records) == 10

    def test_never_more_than_wanted(self) -> None:
        asked: list[int] = []

        def run(number: int) -> list[TrialRecord]:
            asked.append(number)
            return [TrialRecord(k, "COMPLETE", 1.0, duration_seconds=0.1) for k in range(number)]

        run_at_pace(run, 7, 2, TimeBudget(1000.0), lambda *_: None)
        assert asked == [2, 7]

    def test_each_trial_is_passed_on_once(self) -> None:
        callback = RecordingCallback()
        once = Callbacks([callback])
        for _ in range(2):
            once.on_trial_end(ENDED)
        assert callback.ended == [ENDED]

    @pytest.mark.parametrize(
        ("in_memory", "resume", "workers"),
        [
            (True, "auto", 1),
            (True, "auto", 2),
            (False, "never", 1),
            (False, "overwrite", 1),
            (False, "overwrite", 2),
        ],
    )
    def test_the_rounds_are_one_search(
        self, dataset: Any, tmp_path: Path, in_memory: bool, resume: str, workers: int
    ) -> None:
        place = MEMORY if in_memory else StudyLocation("rounds", tmp_path)
        if resume == "overwrite":
            run(request_for(place, WORSE, num_samples=1), dataset)
        request = request_for(place, SHORT, 4, resume=resume, budget=TimeBudget(1000.0))
        callback, told = RecordingCallback(), Told()
        options = OptimizationConfig(time_budget_hours=1.0, verbose=False)
        records = run_trials(replace(request, workers=workers), dataset, options, callback, told)
        assert told.numbers == [4]
        assert essence(records) == essence(run(request_for(MEMORY, SHORT, 4), dataset))
        began = {(record.number, record.datetime_start) for record in callback.ended}
        assert sorted(number for number, _ in began) == [0, 1, 2, 3], "no trial is run twice"

    def test_a_budget_without_a_number_is_filled_and_said(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        import neuralforecast  # noqa: F401 - a third of the budget otherwise

        model = create_auto_model(
            "MLP",
            12,
            seasonal_panel(),
            SPACE,
            time_budget_hours=12 / 3600,
            use_mlflow=False,
            storage=":memory:",
            cpus=1,
        )
        assert "fit into the time budget" in capsys.readouterr().err
        numbers = model.trials["number"].tolist()
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= 2
