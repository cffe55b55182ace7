"""How an ended trial of a study becomes a record, without any training."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from backend_contract import request_for
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from automodel_sk.search.run import failures_of
from automodel_sk.search.study.attributes import FITTED_TO_SLOT, RETRIED_WITH, changes_of
from automodel_sk.search.study.trial_lifecycle import (
    find_duplicate,
    record_of,
    retry_after_crash,
)
from automodel_sk.trials import TrialRecord

REQUEST = request_for("optuna")
START = datetime(2024, 5, 5, 12)
RATE = {"learning_rate": 0.01}
RANGE = {"learning_rate": FloatDistribution(1e-5, 1e-1, log=True)}


def ended(
    losses: dict[int, float], state: TrialState = TrialState.COMPLETE, **attributes: Any
) -> FrozenTrial:
    trial = create_trial(
        state=state,
        value=min(losses.values()) if state is TrialState.COMPLETE else None,
        params=RATE,
        distributions=RANGE,
        intermediate_values=losses,
        user_attrs=attributes,
    )
    trial.number, trial.datetime_start = 4, START
    trial.datetime_complete = START + timedelta(seconds=9)
    return trial


def test_a_complete_trial() -> None:
    record = record_of(ended({1: 3.0, 2: 2.0}, steps=[20, 40], seconds=5.5), REQUEST)
    assert (record.number, record.state, record.value) == (4, "COMPLETE", 2.0)
    assert record.intermediate_values == {20: 3.0, 40: 2.0}
    assert record.params == {**REQUEST.space.constants, **RATE}
    assert record.duration_seconds == 5.5
    assert record.tags == {}


def test_the_value_of_a_pruned_trial_is_its_last_loss() -> None:
    record = record_of(ended({1: 1.0, 2: 4.0}, TrialState.PRUNED, steps=[5, 10]), REQUEST)
    assert (record.state, record.value) == ("PRUNED", 4.0)
    assert record.duration_seconds == 9.0


def test_a_clock_that_is_set_back_makes_no_negative_duration() -> None:
    trial = ended({1: 3.0}, steps=[20])
    trial.datetime_complete = START - timedelta(seconds=3500)
    assert record_of(trial, REQUEST).duration_seconds == 0.0


@pytest.mark.parametrize("steps", [None, "20", [20, 10], [20, 10**7], [True]])
def test_without_plausible_steps_losses_are_numbered(steps: Any) -> None:
    record = record_of(ended({1: 3.0, 2: 2.0}, steps=steps), REQUEST)
    assert record.intermediate_values == {1: 3.0, 2: 2.0}


def test_losses_that_are_not_finite_and_reports_of_an_earlier_attempt_are_left_out() -> None:
    trial = ended({1: float("inf"), 2: 2.0, 3: 9.0}, steps=[20, 40])
    assert record_of(trial, REQUEST).intermediate_values == {40: 2.0}


def test_changes_of_further_attempts_are_part_of_the_configuration() -> None:
    trial = ended({1: 3.0}, steps=[1], **{RETRIED_WITH: {"windows_batch_size": 8}})
    record = record_of(trial, REQUEST)
    assert record.params["windows_batch_size"] == 8
    assert record.tags == {RETRIED_WITH: {"windows_batch_size": 8}}


def test_changes_never_enlarge_a_configuration() -> None:
    noted = {
        RETRIED_WITH: {"windows_batch_size": 10**9, "logger": True},
        FITTED_TO_SLOT: {"max_steps": 10**9},
    }
    assert changes_of(ended({1: 3.0}, **noted), REQUEST.space.decode(RATE)) == {}


@pytest.mark.parametrize(
    ("earlier", "retried"),
    [
        ({}, {"windows_batch_size": 8}),
        ({"windows_batch_size": 4}, {"windows_batch_size": 2}),
        ({"windows_batch_size": 1}, {"windows_batch_size": 1, "batch_size": 16}),
    ],
)
def test_a_crash_halves_what_was_trained_last(
    earlier: dict[str, int], retried: dict[str, int]
) -> None:
    study = optuna.create_study()
    trial = study.ask(RANGE)
    if earlier:
        trial.set_user_attr(RETRIED_WITH, earlier)
    retry_after_crash(study, REQUEST, study.get_trials()[0], "killed")
    (waiting,) = study.get_trials(states=(TrialState.WAITING,))
    assert waiting.user_attrs[RETRIED_WITH] == retried


def test_a_copy_names_its_original() -> None:
    assert record_of(ended({1: 3.0}, copy_of=2), REQUEST).tags == {"copy_of": 2}
    assert record_of(ended({1: 3.0}, copy_of="2"), REQUEST).tags == {}


def test_parameters_outside_the_space_fail_the_trial() -> None:
    trial = create_trial(
        value=1.0, params={"other": 0.5}, distributions={"other": FloatDistribution(0, 1)}
    )
    record = record_of(trial, REQUEST)
    assert record.state == "FAIL"
    assert record.reason == "its parameters are not in the search space"
    assert record.params == {"other": 0.5}


class _Study:
    """A study with the given trials."""

    def __init__(self, *trials: FrozenTrial) -> None:
        self._trials = trials

    def get_trials(self, deepcopy: bool, states: tuple[TrialState, ...]) -> list[FrozenTrial]:
        return [trial for trial in self._trials if trial.state in states]


@pytest.mark.parametrize(
    ("attributes", "is_copied"),
    [
        ({"steps": [20]}, True),
        ({"steps": [20], "reason": "the time budget was used up"}, False),
        ({"steps": [20], RETRIED_WITH: {"windows_batch_size": 8}}, False),
        ({}, False),
    ],
    ids=["whole", "cut off", "smaller batches", "without steps"],
)
def test_only_whole_results_are_copied(attributes: dict[str, Any], is_copied: bool) -> None:
    earlier: Any = ended({1: 3.0}, **attributes)
    study: Any = _Study(earlier)
    assert find_duplicate(study, earlier, REQUEST) is (earlier if is_copied else None)


def test_results_of_computed_spaces_are_never_copied() -> None:
    request = request_for("optuna", space=lambda trial: RATE)
    earlier: Any = ended({1: 3.0}, steps=[20])
    study: Any = _Study(earlier)
    assert find_duplicate(study, earlier, request) is None


def failed(number: int, reason: str | None) -> TrialRecord:
    return TrialRecord(number, "FAIL", None, {}, {}, START, START, 1.0, reason, {})


def test_failures_are_counted_by_reason() -> None:
    records = [failed(0, "out of memory"), failed(1, "diverged"), failed(2, "out of memory")]
    lines = failures_of([*records, failed(3, None)]).splitlines()
    assert lines[0].startswith("all 4 trials failed")
    assert lines[1:] == ["  2 x out of memory", "  1 x diverged", "  1 x fail"]


def test_no_trial_at_all_means_the_time_was_too_short() -> None:
    assert "raise time_budget_hours" in failures_of([])
