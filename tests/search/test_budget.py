"""The time budget of search and refit, on a clock that each validation moves by a second."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from optuna_search import MEMORY, RecordingCallback, request_for, run
from series import seasonal_panel

from automodel_sk import AutoModel, auto_model_factory, create_auto_model
from automodel_sk.search_space import Float
from automodel_sk.training.refit import fit_final, steps_of
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import OUT_OF_TIME, TrialRecord, best_record


class Ticking(RecordingCallback):
    """A callback that is the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def on_report(self, number: int, step: int, loss: float) -> None:
        super().on_report(number, step, loss)
        self.now += 1.0


@pytest.fixture(scope="module")
def dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    return TimeSeriesDataset.from_df(seasonal_panel())[0]


def test_a_search_ends_with_its_budget(dataset: Any) -> None:
    ticking = Ticking()
    budget = TimeBudget(100.0, clock=lambda: ticking.now)
    records = run(request_for(MEMORY, num_samples=9, budget=budget), dataset, ticking)
    assert [r.state for r in records] == ["COMPLETE", "COMPLETE", "COMPLETE"]
    assert [r.ran_to_its_end for r in records] == [True, True, False]
    assert records[2].reason == "the time budget was used up"
    assert records[2].value == min(records[2].intermediate_values.values())
    assert len(ticking.reports) <= 100


def test_a_trial_that_was_cut_off_is_better_than_none(dataset: Any) -> None:
    ticking = Ticking()
    budget = TimeBudget(10.0, clock=lambda: ticking.now)
    records = run(request_for(MEMORY, num_samples=9, budget=budget), dataset, ticking)
    assert [(r.state, r.ran_to_its_end) for r in records] == [("COMPLETE", False)]
    assert best_record(records) is records[0]
    assert len(records[0].intermediate_values) <= 10


def test_the_final_training_ends_with_the_budget_and_leaves_a_model() -> None:
    done: list[float] = []
    budget = TimeBudget(20.0, clock=lambda: float(len(done)))
    task = TrainingTask("NLinear", h=4, val_size=4)
    config = {"input_size": 8, "max_steps": 100}
    fitted = fit_final(
        task, config, seasonal_panel(), "ME", steps=100, budget=budget, on_progress=done.append
    )
    assert done[-1] == 0.2
    assert fitted.predict()["NLinear"].notna().all()
    assert steps_of(fitted) == 20


class TestReserve:
    """A trial ends where its final training would no longer fit; or it takes all the time."""

    CONFIG: ClassVar[dict[str, Any]] = {"max_steps": 100}

    def over(self, seconds: float, refit: str = "full") -> list[bool]:
        """Return what a trial of a second a step is told after each of its validations."""
        now = 0.0
        budget = TimeBudget(seconds, clock=lambda: now, refit=refit)
        trial, losses, told = budget.of_trial(self.CONFIG), {}, []
        for step in range(1, 101):
            now = float(step)
            losses[step] = 1.0 / step
            told.append(trial.is_over(losses))
            if told[-1]:
                break
        return told

    def test_the_steps_of_the_final_training_are_kept_free(self) -> None:
        assert len(self.over(80.0)) == 30  # half of a trial's 100 steps at least
        assert len(self.over(160.0)) == 80  # as many as were best
        assert not any(self.over(400.0))

    def test_where_they_never_fit_the_trial_takes_all_the_time(self) -> None:
        assert len(self.over(40.0)) == 39

    def test_other_ways_to_the_model_need_less(self) -> None:
        assert len(self.over(80.0, refit="best_weights")) == 80
        assert len(self.over(60.0, refit="continue")) == 50

    def test_an_ended_trial_tells_the_seconds_of_a_step(self) -> None:
        budget = TimeBudget(1000.0, clock=lambda: 0.0)
        assert budget.reserve == 0.0
        losses = {10: 2.0, 20: 1.0, 50: 3.0}
        budget.note(TrialRecord(0, "PRUNED", 1.0, self.CONFIG, losses, duration_seconds=50.0))
        assert budget.reserve == 50.0
        budget.note(
            TrialRecord(1, "COMPLETE", 1.5, {"max_steps": 20}, {20: 1.5}, duration_seconds=4.0)
        )
        assert budget.reserve == 4.0  # the model is made of a complete trial where there is one
        budget.calibrates = True
        assert budget.reserve == 8.0  # a calibration is one more training

    def test_a_trial_that_the_time_cut_counts_less_than_one_that_ran_to_its_end(self) -> None:
        budget = TimeBudget(1000.0, clock=lambda: 0.0)
        whole = TrialRecord(0, "COMPLETE", 1.5, {"max_steps": 20}, {20: 1.5}, duration_seconds=4.0)
        losses = {50: 1.0}
        cut = TrialRecord(
            1, "COMPLETE", 1.0, self.CONFIG, losses, duration_seconds=50.0, reason=OUT_OF_TIME
        )
        budget.note(cut)
        assert not budget.has_best
        budget.note(whole)
        budget.note(cut)
        assert budget.has_best
        assert budget.reserve == 4.0  # that of the trial that the model is made of

    def test_a_more_precise_final_training_takes_longer_than_its_trial(self) -> None:
        budget = TimeBudget(1000.0, clock=lambda: 0.0)
        budget.slower_refit = 1.5
        losses = {10: 2.0, 100: 1.0}
        budget.note(TrialRecord(0, "COMPLETE", 1.0, self.CONFIG, losses, duration_seconds=50.0))
        assert budget.reserve == 75.0
        budget.calibrates = True
        assert budget.reserve == 150.0


SPACE: dict[str, Any] = {
    "max_steps": 40,
    "input_size": 24,
    "hidden_size": 16,
    "num_layers": 1,
    "scaler_type": "standard",
    "num_lr_decays": 0,
    "learning_rate": Float(1e-3, 1e-2, log=True),
}


def timed(
    monkeypatch: pytest.MonkeyPatch, ticks: float, config: Any = None, **options: Any
) -> tuple[AutoModel, Any]:
    """Search within so many looks at the clock, each of which takes a second."""
    from automodel_sk import AutoModelFactory, OptimizationConfig

    def budget(_: float | None, **given: Any) -> TimeBudget:
        return TimeBudget(ticks, clock=itertools.count().__next__, **given)

    monkeypatch.setattr(auto_model_factory, "TimeBudget", budget)
    given = {"use_mlflow": False, "verbose": False, "storage": ":memory:", "cpus": 1}
    given |= {"time_budget_hours": 1.0, "num_samples": 3, **options}
    factory = AutoModelFactory("MLP", 12, OptimizationConfig(**given))
    return factory.create_auto_model(seasonal_panel(), config or SPACE), factory


@pytest.fixture(scope="module")
def cut() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield timed(patch, 14.0)


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Seconds of each budget of a factory; its clock ticks, and ends a search after 30 looks."""
    seconds: list[float | None] = []

    def budget(given: float | None, **more: Any) -> TimeBudget:
        seconds.append(given)
        ticks = None if given is None else 30.0
        return TimeBudget(ticks, clock=itertools.count().__next__, **more)

    monkeypatch.setattr(auto_model_factory, "TimeBudget", budget)
    return seconds


class TestWithoutALimit:
    given: ClassVar[dict[str, Any]] = {"use_mlflow": False, "storage": ":memory:", "cpus": 1}

    def test_a_search_has_the_time_of_its_preset(
        self, budgets: list[float | None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = create_auto_model("MLP", 12, seasonal_panel(), SPACE, preset="quick", **self.given)
        assert budgets == [60.0]
        assert 1 <= len(model.trials) < 5
        lines = capsys.readouterr().err.splitlines()
        assert lines[0] == "MLP: checking the data"
        assert "Time: up to 1 minute (preset quick); time_budget_hours=0.2 changes it" in lines

    def test_a_number_of_trials_or_one_training_takes_the_time_that_it_takes(
        self, budgets: list[float | None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        df = seasonal_panel()
        model = create_auto_model("MLP", 12, df, SPACE, num_samples=1, **self.given)
        assert len(model.trials) == 1
        line = "Time: no limit; time_budget_hours=0.2 limits search and final training"
        assert line in capsys.readouterr().err.splitlines()
        fixed = create_auto_model("MLP", 12, df, {**SPACE, "learning_rate": 1e-2}, **self.given)
        assert fixed.training_note is None
        assert budgets == [None, 300.0, None]  # the last one holds


class TestWhatShips:
    def test_a_model_that_can_t_be_trained_in_full_has_the_weights_that_were_judged(
        self, cut: tuple[AutoModel, Any]
    ) -> None:
        model, _ = cut
        assert model.trained_steps == model.best_step < 20
        assert "the model has the best trial's weights" in str(model.training_note)
        scores = model.validation_scores(["mae"])["MLP"]
        assert scores.tolist() == pytest.approx([model.best_score], rel=1e-4)
        tested = model.cross_validation()
        assert (tested["MLP"] - tested["y"]).abs().mean() == pytest.approx(
            model.best_score, rel=0.02
        )

    def test_it_is_said_everywhere(
        self, cut: tuple[AutoModel, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        model, factory = cut
        summary = factory.get_optimization_summary()
        assert summary["cut"] == model.training_note
        assert summary.metrics()["trained_steps"] == model.trained_steps
        back = AutoModel.load(model.save(tmp_path / "model"))
        assert (back.trained_steps, back.training_note) == (
            model.trained_steps,
            model.training_note,
        )
        assert str(model.training_note) in model.report(tmp_path / "r.html").read_text(
            "utf-8"
        ).replace("&#39;", "'")

    def test_a_refit_without_a_budget_is_a_full_one(self, cut: tuple[AutoModel, Any]) -> None:
        again = cut[0].refit(seasonal_panel())
        assert again.trained_steps == steps_of(again.to_neuralforecast()) == 20
        assert again.training_note is None

    def test_a_fixed_configuration_that_was_cut_is_judged_by_the_steps_it_got(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        fixed = {**SPACE, "learning_rate": 1e-2}
        model, _ = timed(monkeypatch, 10.0, fixed, num_samples=None)
        steps = steps_of(model.to_neuralforecast())
        assert model.trained_steps == steps < 20
        assert f"after {steps} of 40 steps" in caplog.text
        monkeypatch.undo()
        shorter = create_auto_model(
            "MLP",
            12,
            seasonal_panel(),
            {**fixed, "max_steps": steps},
            use_mlflow=False,
            verbose=False,
            cpus=1,
        )
        pd.testing.assert_frame_equal(model.predict(), shorter.predict())
        pd.testing.assert_frame_equal(model.cross_validation(), shorter.cross_validation())
        for column in ("MLP",):
            one, other = (m.validation_scores(["mae"])[column] for m in (model, shorter))
            np.testing.assert_allclose(one, other)

    def test_with_time_enough_nothing_is_cut_and_the_intervals_are_ready(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model, _ = timed(monkeypatch, 10_000.0)
        assert model.training_note is None
        assert model.trained_steps == max(20, int(model.best_step or 0))
        assert steps_of(model.to_neuralforecast()) == model.trained_steps
        assert model._scores is not None

    def test_a_training_on_is_cut_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, _ = timed(monkeypatch, 14.0, refit="continue")
        assert model.trained_steps is not None
        assert model.best_step is not None
        assert model.best_step < model.trained_steps <= model.best_step + 8
