"""Tests of the time that several models share."""

from __future__ import annotations

import pytest

from automodel_sk.portfolio.budget import (
    REFIT_SHARE,
    SHORTEST_SLOT,
    PortfolioBudget,
    first_slot,
)
from automodel_sk.portfolio.members.table import member_of
from automodel_sk.portfolio.trainer import PortfolioTrainer
from automodel_sk.trials import TrialRecord


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def _record(number, model, loss, seconds):
    return TrialRecord(
        number, "COMPLETE", loss, {"model": model}, {1: loss}, duration_seconds=seconds
    )


@pytest.fixture
def budget():
    clock = Clock()
    shares = dict.fromkeys("ABCDE", 1.0)
    made = PortfolioBudget(100.0, clock=clock, refit_shares=shares, networks="ABCD")
    made.clock = clock
    return made


def test_nothing_is_set_aside_before_a_model_has_ended(budget):
    budget.note(_record(0, "unknown", 0.1, 5.0))
    assert budget.reserve == 0
    assert budget.refit_seconds is None


def test_the_refits_of_the_likely_members_are_set_aside(budget):
    for number, (name, loss) in enumerate(zip("ABC", (1.0, 1.4, 1.6), strict=True)):
        budget.note(_record(number, name, loss, 6.0))
    assert budget.reserve == 12.0, "one that is far worse than the best gets no equal weight"
    budget.note(_record(3, "A", 1.1, 5.0))
    assert budget.reserve == 17.0, "a further trial of a model may be a member too"
    budget.share_refits({**dict.fromkeys("ABC", 1.0), "SeasonalNaive": 1.0})
    budget.note(_record(4, "SeasonalNaive", 1.2, 0.5))
    assert budget.reserve == 11.5, "a network that does not beat it is none"


def test_at_most_five_members_are_expected(budget):
    for number, name in enumerate("AABBCCDD"):
        budget.note(_record(number, name, 1.0 + 0.01 * number, 4.0))
    assert budget.reserve == 20.0


def test_refits_side_by_side_need_less_time(budget):
    budget.share_refits(dict.fromkeys("ABCDE", 1.0), side_by_side=2)
    for number, (name, loss) in enumerate(zip("ABC", (1.0, 1.1, 1.2), strict=True)):
        budget.note(_record(number, name, loss, 6.0))
    assert budget.reserve == 12.0, "three refits take two turns of two workers"


def test_a_refit_makes_the_steps_that_it_needs_at_the_speed_of_the_trial(budget):
    losses = {100: 1.0, 200: 3.0, 300: 2.0}
    config = {"model": "A", "max_steps": 400}
    budget.note(TrialRecord(0, "COMPLETE", 1.0, config, losses, duration_seconds=12.0))
    assert budget.reserve == 8.0, "half of the 400 steps, since the best ones were the first 100"
    losses = {100: 0.9, 200: 0.8, 300: 0.7}
    budget.note(TrialRecord(1, "COMPLETE", 0.7, config, losses, duration_seconds=12.0))
    assert budget.reserve == 20.0, "the 300 best steps, and the other trial"


def test_a_local_model_takes_as_long_as_one_of_its_windows(budget):
    budget.share_refits({"A": 1.0, "AutoETS": 0.5})
    budget.note(_record(0, "A", 1.0, 6.0))
    budget.note(_record(1, "AutoETS", 1.2, 8.0))
    assert budget.reserve == 10.0


def test_a_models_better_trial_replaces_its_worse_one(budget):
    budget.note(_record(0, "A", 2.0, 9.0))
    budget.note(_record(1, "A", 1.0, 4.0))
    budget.note(_record(2, "A", 3.0, 20.0))
    assert budget.reserve == 4.0


def test_some_time_is_set_aside_even_for_models_that_take_none(budget):
    budget.note(_record(0, "A", 1.0, 0.01))
    assert budget.reserve == pytest.approx(4.0)


def test_no_more_than_a_share_is_set_aside(budget):
    for number, name in enumerate("ABC"):
        budget.note(_record(number, name, 1.0, 60.0))
    assert budget.reserve == pytest.approx(100.0 * REFIT_SHARE)


def test_the_search_ends_when_the_rest_is_needed(budget):
    budget.note(_record(0, "A", 1.0, 10.0))
    budget.clock.now = 87.0
    assert not budget.search_is_over()
    budget.clock.now = 88.5
    assert budget.search_is_over(), "1.5 s before the refit are too little for a trial"
    assert not budget.of_trial({}).is_over({1: 1.0})
    budget.clock.now = 90.0
    assert budget.of_trial({}).is_over({1: 1.0})
    assert budget.search_is_over()


def test_kept_weights_need_no_time():
    budget = PortfolioBudget(100.0, refit="best_weights", refit_shares={"A": 1.0})
    budget.note(_record(0, "A", 1.0, 10.0))
    assert budget.reserve == 0


def test_without_a_limit_no_trial_is_stopped():
    budget = PortfolioBudget(None, refit_shares={"A": 1.0})
    budget.note(_record(0, "A", 1.0, 10.0))
    assert not budget.of_trial({}).is_over({1: 1.0})
    assert not budget.search_is_over()


def test_slots_share_the_rest_and_leave_one_for_the_search():
    assert first_slot(60.0, remaining=5, workers=1) == 10.0
    assert first_slot(60.0, remaining=1, workers=4) == 30.0
    assert first_slot(0.0, remaining=3, workers=1) > 0
    assert first_slot(60.0, remaining=5, workers=2, others=200.0) == SHORTEST_SLOT


def _trainer(budget, workers=2, cheap=("DynamicOptimizedTheta", "AutoETS"), **more):
    members = {name: member_of(name) for name in ("Naive", *cheap)}
    order = ("A", "B", "C", "D")
    return PortfolioTrainer({}, members, None, None, None, budget, order, workers, cheap, **more)


def test_the_first_trials_share_the_time_beside_members_without_a_training(budget):
    trainer = _trainer(budget)
    alone = _trainer(budget, cheap=())
    assert trainer.slot({"model": "A"}) == pytest.approx(0.9 * (100 - 15) * 2 / 5)
    assert alone.slot({"model": "A"}) == pytest.approx(0.9 * 100 * 2 / 5)
    assert _trainer(budget, workers=1, cheap=()).slot({"model": "A"}) == pytest.approx(0.9 * 20)


def test_members_without_a_training_share_what_is_theirs(budget):
    trainer = _trainer(budget)
    assert trainer.slot({"model": "AutoETS"}) == pytest.approx(30.0)
    budget.note(_record(0, "DynamicOptimizedTheta", 1.0, 25.0))
    assert trainer.slot({"model": "AutoETS"}) == pytest.approx(5.0)
    budget.note(_record(1, "AutoETS", 1.0, 9.0))
    assert trainer.slot({"model": "AutoETS"}) == 0


def test_members_have_all_of_the_time_where_it_is_all_theirs(budget):
    trainer = _trainer(budget, workers=1, cheap_share=1.0)
    assert trainer.slot({"model": "AutoETS"}) == pytest.approx(100.0)


def test_time_that_they_leave_unused_goes_to_the_networks(budget):
    trainer = _trainer(budget)
    before = trainer.slot({"model": "A"})
    for number, name in enumerate(trainer.cheap):
        budget.note(_record(number, name, 1.0, 0.5))
    assert trainer.slot({"model": "A"}) > before


def test_further_trials_take_as_long_as_the_longest_first_one(budget):
    trainer = _trainer(budget)
    for number, (name, seconds) in enumerate([("A", 4.0), ("B", 7.0)]):
        budget.note(_record(number, name, 1.0, seconds))
    budget.note(_record(4, "A", 0.9, 30.0))
    assert trainer.slot({"model": "A"}) == 7.0
    assert trainer.slot({"model": "B"}) == 7.0
    assert trainer.slot({"model": "D"}) != 7.0, "its first trial"


def test_the_last_trial_takes_the_time_that_is_too_little_for_another(budget):
    trainer = _trainer(budget, cheap=())
    for number, name in enumerate("ABCD"):
        budget.note(_record(number, name, 1.0, 8.0))
    reserve = budget.reserve
    for left, slot in ((40.0, 8.0), (12.1, 8.0), (11.9, 11.9), (5.0, 5.0)):
        budget.clock.now = 100 - reserve - left
        assert trainer.slot({"model": "A"}) == pytest.approx(slot)


def _failed(number, model, seconds):
    return TrialRecord(number, "FAIL", None, {"model": model}, duration_seconds=seconds)


def test_a_failed_first_trial_does_not_tell_how_long_one_takes(budget):
    trainer = _trainer(budget, workers=1, cheap=())
    budget.note(_failed(0, "A", 0.4))
    assert budget.search_slot("A") is None
    assert trainer.slot({"model": "A"}) == pytest.approx(0.9 * 20), "as for a first trial"
    budget.note(_failed(1, "B", 40.0))
    budget.note(_record(2, "C", 1.0, 8.0))
    assert [budget.search_slot(name) for name in "ABCD"] == [8.0, 8.0, 8.0, None]
    budget.note(_record(4, "A", 1.0, 9.0))
    assert budget.search_slot("B") == 9.0, "the first trial of A that ended well"


def test_networks_whose_first_trial_failed_are_not_waited_for(budget):
    for number, name in enumerate("ABC"):
        budget.note(_failed(number, name, 0.4))
    budget.note(_record(3, "D", 1.0, 8.0))
    budget.clock.now = 100 - budget.reserve - 3.5
    assert budget.search_is_over(), "a further trial takes 8 s"
    assert budget.reserve == 8.0


def test_no_trial_starts_with_less_than_half_of_its_time(budget):
    for number, name in enumerate("ABCD"):
        budget.note(_record(number, name, 1.0, 8.0))
    budget.clock.now = 100 - 30 - 4.5
    assert not budget.search_is_over()
    budget.clock.now = 100 - 30 - 3.5
    assert budget.search_is_over()


def test_without_networks_the_search_may_use_all_of_the_time():
    clock = Clock()
    budget = PortfolioBudget(10.0, clock=clock)
    clock.now = 9.5
    assert not budget.search_is_over()
