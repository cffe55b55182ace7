"""The time budget of search and refit, on a clock that each validation moves by a second."""

from __future__ import annotations

from typing import Any

import pytest
from test_optuna_engine import MEMORY, Heard, request_for, run

from automodel_sk.search.budget import TimeBudget
from automodel_sk.search.refit import fit_final
from automodel_sk.search.request import best_record
from automodel_sk.search.task import TrainingTask


class Ticking(Heard):
    """A listener that is the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def on_report(self, number: int, step: int, loss: float) -> None:
        super().on_report(number, step, loss)
        self.now += 1.0


@pytest.fixture(scope="module")
def dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset
    from series import seasonal_panel

    return TimeSeriesDataset.from_df(seasonal_panel())[0]


def test_a_search_ends_with_its_budget(dataset: Any) -> None:
    ticking = Ticking()
    budget = TimeBudget(100.0, clock=lambda: ticking.now)
    records = run(request_for(MEMORY, num_samples=9, budget=budget), dataset, ticking)
    assert [r.state for r in records] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert records[2].reason == "the time budget was used up"
    assert len(ticking.reports) <= 100


def test_a_trial_that_was_cut_off_is_better_than_none(dataset: Any) -> None:
    ticking = Ticking()
    budget = TimeBudget(10.0, clock=lambda: ticking.now)
    records = run(request_for(MEMORY, num_samples=9, budget=budget), dataset, ticking)
    assert [r.state for r in records] == ["PRUNED"]
    assert best_record(records) is records[0]
    assert len(records[0].intermediate_values) <= 10


def test_the_final_training_ends_with_the_budget_and_leaves_a_model() -> None:
    from series import seasonal_panel

    done: list[float] = []
    budget = TimeBudget(20.0, clock=lambda: float(len(done)))
    task = TrainingTask("NLinear", h=4, val_size=4)
    config = {"input_size": 8, "max_steps": 100}
    fitted = fit_final(
        task, config, seasonal_panel(), "ME", steps=100, budget=budget, on_progress=done.append
    )
    assert done[-1] == 0.2
    assert fitted.predict()["NLinear"].notna().all()
