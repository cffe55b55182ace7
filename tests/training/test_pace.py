"""Training steps fitted to a time slot, told by a clock that only counts steps."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from neuralforecast.tsdataset import TimeSeriesDataset
from series import seasonal_panel

from automodel_sk.metrics import resolve_metric
from automodel_sk.training import trainer
from automodel_sk.training.pace import (
    LEAST_STEPS,
    TIMED_STEPS,
    Pace,
    fitted_steps,
    fitted_to_slot,
    measured_pace,
    no_more_steps,
)
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Decision, train_config
from automodel_sk.training.trainer import train_within_memory

TASK = TrainingTask("MLP", h=12, val_size=12, n_series=3, random_seed=1)
CONFIG: dict[str, Any] = {
    "max_steps": 60,
    "input_size": 12,
    "hidden_size": 8,
    "num_layers": 1,
    "windows_batch_size": 16,
}


@pytest.fixture(scope="module")
def dataset() -> Any:
    return TimeSeriesDataset.from_df(seasonal_panel())[0]


class Clock:
    """A clock that moves on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def go_on(*_: Any) -> Decision:
    return Decision.CONTINUE


@pytest.mark.parametrize("seconds", [0.5, 3.0, 10.0, 30.0, 100.0, 1000.0])
@pytest.mark.parametrize("pace", [Pace(0.01, 0.001), Pace(0.1, 0.1), Pace(0.05, 2.0)])
def test_the_fitted_training_takes_the_time_and_not_more(seconds: float, pace: Pace) -> None:
    config = {"max_steps": 1000}
    fitted = fitted_steps(TASK, config, seconds, pace)
    if not fitted:
        assert pace.seconds(1000, 10) <= seconds
        return
    steps, interval = fitted["max_steps"], fitted["val_check_steps"]
    assert 1 <= interval <= steps <= 1000
    if seconds < pace.step + pace.validation:
        assert steps == 1, "the least that a trial can be"
        return
    assert pace.seconds(steps, interval) <= seconds + 1e-9
    if steps < 1000:
        assert pace.seconds(steps, interval) >= 0.7 * seconds
    if seconds >= 10 * pace.validation + 5 * pace.step:
        assert steps // interval >= 4


def test_the_interval_that_was_asked_for_is_kept() -> None:
    config = {"max_steps": 1000, "val_check_steps": 50}
    fitted = fitted_steps(TASK, config, 30.0, Pace(0.1, 1.0))
    assert fitted == {"max_steps": 250, "val_check_steps": 50}
    assert fitted_steps(TASK, config, 2.0, Pace(0.1, 1.0)) == {
        "max_steps": 10,
        "val_check_steps": 10,
    }


def test_a_fast_model_makes_the_least_steps_where_measuring_took_all_of_its_slot() -> None:
    slot = replace(TASK, slot_seconds=10.0)
    config = {"max_steps": 1000}
    assert fitted_steps(slot, config, -1.0, Pace(0.01, 0.01))["max_steps"] == LEAST_STEPS
    assert fitted_steps(slot, config, -1.0, Pace(0.1, 0.1))["max_steps"] == 10
    assert fitted_steps(slot, config, -1.0, Pace(2.0, 1.0))["max_steps"] == 1
    assert fitted_steps(slot, {"max_steps": 20}, -1.0, Pace(0.01, 0.1))["max_steps"] == 20


def test_more_time_never_means_fewer_steps() -> None:
    found = [
        fitted_steps(TASK, {"max_steps": 500}, s, Pace(0.05, 0.3)).get("max_steps", 500)
        for s in np.linspace(0.1, 120, 300)
    ]
    assert found[0] == 1
    assert found[-1] == 500
    assert all(before <= after + 1 for before, after in pairwise(found))


def test_a_configuration_of_few_steps_is_left_as_it_is(dataset: Any) -> None:
    few = {**CONFIG, "max_steps": TIMED_STEPS}
    assert fitted_to_slot(replace(TASK, slot_seconds=1e-9), few, dataset) == {}
    assert no_more_steps({"max_steps": 30, "val_check_steps": 1}, {"max_steps": 20}) == {}


def test_steps_and_validation_are_timed_apart(dataset: Any) -> None:
    pace = measured_pace(TASK, CONFIG, dataset, clock=Clock())
    # The clock is read before the first step, after each step and at each end of the validation.
    assert pace == Pace(step=1.0, validation=1.0)


def test_the_measurement_ends_at_its_time_with_a_validation(dataset: Any) -> None:
    clock = Clock()
    pace = measured_pace(TASK, CONFIG, dataset, most_seconds=1.0, clock=clock)
    assert pace == Pace(step=1.0, validation=1.0)
    assert clock.now == 5  # its start, two steps, two ends of a validation


def test_a_first_step_that_takes_ten_times_as_long_is_the_only_one(dataset: Any) -> None:
    clock = Clock()
    assert measured_pace(TASK, CONFIG, dataset, most_seconds=0.1, clock=clock).step == 1.0
    assert clock.now == 4


def test_a_model_whose_steps_take_longer_than_its_slot_makes_one(dataset: Any) -> None:
    slot = replace(TASK, slot_seconds=0.5)
    fitted = fitted_to_slot(slot, {**CONFIG, "max_steps": 200}, dataset, Clock())
    assert fitted == {"max_steps": 1, "val_check_steps": 1}
    outcome = train_config(TASK, {**CONFIG, **fitted}, dataset, go_on)
    assert list(outcome.losses) == [1]


def test_measuring_changes_no_training(dataset: Any) -> None:
    losses = train_config(TASK, CONFIG, dataset, go_on).losses
    measured_pace(TASK, CONFIG, dataset)
    assert train_config(TASK, CONFIG, dataset, go_on).losses == losses


def test_a_metric_is_timed_with_its_validation(dataset: Any) -> None:
    from automodel_sk.data.held_out import hold_out
    from automodel_sk.training.objective import make_objective

    data, metric = seasonal_panel(), resolve_metric("mae", 1)
    assert metric is not None
    objective = make_objective(metric, hold_out(data, 12), data)
    pace = measured_pace(replace(TASK, objective=objective), CONFIG, dataset, clock=Clock())
    assert pace == Pace(step=1.0, validation=1.0)


def test_a_slot_that_is_long_enough_changes_nothing(dataset: Any) -> None:
    assert fitted_to_slot(TASK, CONFIG, dataset) == {}
    assert fitted_to_slot(replace(TASK, slot_seconds=1e6), CONFIG, dataset) == {}


def test_a_slot_includes_the_time_of_measuring(dataset: Any) -> None:
    slot = replace(TASK, slot_seconds=200.0)
    config = {**CONFIG, "max_steps": 200, "val_check_steps": 200}
    fitted = fitted_to_slot(slot, config, dataset, Clock())
    # A step takes a second of this clock; 90% of the slot less the 10 that measuring took, and one
    # validation at the end.
    assert fitted["max_steps"] == 169
    assert fitted["max_steps"] == fitted["val_check_steps"]


@pytest.fixture
def fixed_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let half of the steps fit."""
    half = {"max_steps": 31, "val_check_steps": 7}

    def fitted(task: TrainingTask, config: Any, dataset: Any) -> dict[str, int]:
        return half if config["max_steps"] > 31 else {}

    monkeypatch.setattr(trainer, "fitted_to_slot", fitted)


@pytest.mark.usefixtures("fixed_pace")
def test_the_fitted_steps_are_the_whole_training(dataset: Any) -> None:
    changes: list[dict[str, int]] = []
    outcome = train_within_memory(
        replace(TASK, slot_seconds=1e6),
        CONFIG,
        dataset,
        lambda: go_on,
        lambda changed: changes.append(dict(changed)),
    )
    assert changes == [{"max_steps": 31, "val_check_steps": 7}]
    by_hand = train_config(TASK, {**CONFIG, **changes[0]}, dataset, go_on)
    assert outcome.losses == by_hand.losses
    assert list(outcome.losses) == [7, 14, 21, 28]


def test_a_training_far_beyond_its_slot_stops_as_complete(dataset: Any) -> None:
    outcome = train_config(replace(TASK, slot_seconds=1e-9), CONFIG, dataset, go_on)
    assert outcome.verdict is Decision.SLOT_OVER
    assert len(outcome.losses) == 1
    assert outcome.score == train_config(TASK, CONFIG, dataset, go_on).losses[outcome.best_step]


def test_a_training_beyond_its_slot_does_not_wait_for_its_next_validation(dataset: Any) -> None:
    rare = {**CONFIG, "val_check_steps": 60}
    outcome = train_config(replace(TASK, slot_seconds=1e-9), rare, dataset, go_on)
    assert outcome.verdict is Decision.SLOT_OVER
    assert list(outcome.losses) == [1]
    each = train_config(TASK, {**CONFIG, "val_check_steps": 1}, dataset, go_on)
    assert outcome.score == each.losses[1]


def test_a_pruned_training_stays_pruned_beyond_its_slot(dataset: Any) -> None:
    slot = replace(TASK, slot_seconds=1e-9)
    outcome = train_config(slot, CONFIG, dataset, lambda *_: Decision.PRUNE)
    assert outcome.verdict is Decision.PRUNE
