"""Trials that the time budget stopped: complete, with a reason, and no pruner's doing."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.pruners import NopPruner

from automodel_sk.console.state import SearchState
from automodel_sk.diagnosis.search_record import SearchRun
from automodel_sk.plots.search_plots import history
from automodel_sk.search.optuna.lagging_pruner import LaggingPruner
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import OUT_OF_TIME, TrialRecord, best_record


def trial(number: int, *losses: float, state: str = "COMPLETE", **more: Any) -> TrialRecord:
    reported = dict(enumerate(losses, start=1))
    return TrialRecord(number, state, min(losses), intermediate_values=reported, **more)


WHOLE = trial(0, 5.0, 4.0)
CUT = trial(1, 3.0, reason=OUT_OF_TIME)
PRUNED = trial(2, 2.0, state="PRUNED")
OF_AN_EARLIER_RELEASE = trial(3, 1.0, state="PRUNED", reason=OUT_OF_TIME)
ALL = [WHOLE, CUT, PRUNED, OF_AN_EARLIER_RELEASE]


def test_a_trial_that_ran_to_its_end_is_best():
    assert [record.ran_to_its_end for record in ALL] == [True, False, False, False]
    assert best_record(ALL) is WHOLE
    assert best_record([CUT, PRUNED]) is PRUNED
    assert best_record([CUT, trial(4, 9.0, state="FAIL")]) is CUT
    assert best_record([]) is None


def test_findings_tell_them_from_pruned_ones():
    run = SearchRun(ALL, {}, h=2, val_size=2)
    assert run.complete == [WHOLE]
    assert run.pruned == [PRUNED]


def test_progress_counts_them_by_themselves():
    state = SearchState("MLP", 9, TimeBudget(), 2)
    for record in (WHOLE, CUT, PRUNED):
        state.end(record)
    assert state.results() == "best 4 (trial 0), 1 pruned, 1 out of time"
    assert state.done == 3


def test_the_plot_names_them():
    layers = [layer for panel in history([WHOLE, CUT, PRUNED]).panels for layer in panel.layers]
    assert [layer.name for layer in layers] == [
        "complete",
        "pruned early",
        "out of time",
        "best so far",
    ]
    assert history([WHOLE]).panels[0].layers[-1].name == "best so far"


@pytest.mark.parametrize(("reason", "pruned"), [(None, True), (OUT_OF_TIME, False)])
def test_other_trials_are_not_compared_with_what_they_never_reached(
    reason: str | None, pruned: bool
):
    study = optuna.create_study(pruner=LaggingPruner(NopPruner(), 1, 1))
    first = study.ask()
    first.report(4.0, 1)
    if reason is not None:
        first.set_user_attr("reason", reason)
    study.tell(first, 4.0)
    second = study.ask()
    for number, loss in enumerate([9.0, 8.0, 7.0], start=1):
        second.report(loss, number)
    assert second.should_prune() is pruned
