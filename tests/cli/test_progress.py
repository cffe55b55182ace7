"""How far a search is: the estimates, and how a log and a notebook show them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from automodel_sk.console.displays import open_display
from automodel_sk.console.state import SearchState
from automodel_sk.search.progress import ProgressBar, progress_bar
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def state(clock: Clock, total: int = 10, seconds: float | None = None) -> SearchState:
    return SearchState("NHITS", total, TimeBudget(seconds, clock), reports=40, clock=clock)


def trial(number: int, value: float | None = 1.0, kind: str = "COMPLETE", **more: Any) -> Any:
    ended = datetime.now().astimezone() + timedelta(seconds=1)
    losses = dict.fromkeys(range(1, 41), 1.0)
    return TrialRecord(
        number, kind, value, {"max_steps": 2}, losses, None, more.pop("ended", ended), **more
    )


def model_trial(number: int, value: float, model: str) -> Any:
    ended = datetime.now().astimezone() + timedelta(seconds=1)
    params = {"model": model}
    return TrialRecord(number, "COMPLETE", value, params, {1: value}, None, ended)


def test_the_time_left_follows_from_trials_ended_and_running(clock: Clock):
    search = state(clock)
    assert search.left() is None
    clock.now = 30.0
    search.end(trial(0))
    search.end(trial(1, 0.5))
    search.report(2, 20)
    search.report(3, 20)
    assert search.share == pytest.approx(0.3)
    assert search.left() == pytest.approx(70.0)
    assert search.line() == (
        "NHITS: 2/10 trials, best 0.5 (trial 1); trial 2 50%, trial 3 50%;"
        " 0:00:30 elapsed, about 0:01:10 left"
    )


def test_several_models_show_the_best_and_the_time_but_no_number_of_trials(clock: Clock):
    budget = TimeBudget(60.0, clock)
    models = ["Naive", "NHITS", "GRU"]
    search = SearchState("auto", None, budget, 40, clock, metric="MASE", models=models)
    assert search.line() == "auto: at most 0:01:00 left"
    clock.now = 28.0
    search.end(model_trial(0, 1.41, "Naive"))
    search.end(model_trial(1, 0.612341, "NHITS"))
    search.end(model_trial(3, 0.7, "NHITS"))
    search.report(2, 16)
    search.report(4, 4)
    assert search.line() == (
        "auto: 3 trials of 2 models, best MASE 0.612 (NHITS); GRU 40%, trial 4 10%;"
        " at most 0:00:32 left"
    )
    assert search.share == pytest.approx(28 / 60)
    search.begin_refit()
    assert search.left() == pytest.approx(32.0)
    search.refit(0.5)
    clock.now = 30.0
    assert search.left() == pytest.approx(2.0)
    assert search.times() == "about 0:00:02 left"


def test_a_number_of_trials_is_shown_where_it_is_known(clock: Clock):
    search = SearchState("auto", 4, TimeBudget(None, clock), 40, clock, models=["Naive"])
    clock.now = 10.0
    search.end(model_trial(0, 1.0, "Naive"))
    assert search.line() == (
        "auto: 1/4 trials of 1 model, best 1 (Naive); 0:00:10 elapsed, about 0:00:30 left"
    )


def test_models_without_a_training_say_nothing_of_how_long_networks_take(clock: Clock):
    models = ["Naive", "AutoETS", "NHITS"]
    search = SearchState("auto", 6, TimeBudget(None, clock), 40, clock, models=models)
    clock.now = 1.0
    search.end(model_trial(0, 1.0, "Naive"))
    search.end(model_trial(1, 1.0, "AutoETS"))
    for step in range(1, 7):
        clock.now = 1.0 + step
        search.report(2, step)
    assert search.left() == pytest.approx(34 + 3 * 40)  # a report per second


def test_the_final_training_is_part_of_the_time_left(clock: Clock):
    budget = TimeBudget(None, clock)
    search = SearchState("NHITS", 2, budget, reports=40, clock=clock)
    clock.now = 20.0
    record = trial(0, duration_seconds=8.0)
    search.end(record)
    budget.note(record)
    assert budget.refit_seconds == pytest.approx(0.2)  # its best step is the first of 40
    assert search.left() == pytest.approx(20.2)
    search.end(trial(1, None, "FAIL"))
    search.begin_refit()
    assert search.left() == pytest.approx(0.2)
    clock.now = 21.0
    search.refit(0.25)
    assert search.left() == pytest.approx(3.0)
    assert search.line() == (
        "NHITS: 2/2 trials, best 1 (trial 0), 1 failed; final training 25%;"
        " 0:00:21 elapsed, about 0:00:03 left"
    )
    search.finish()
    assert search.line() == "NHITS: 2/2 trials, best 1 (trial 0), 1 failed; 0:00:21 elapsed"


def test_the_time_budget_bounds_the_time_left(clock: Clock):
    search = state(clock, total=100, seconds=60.0)
    assert search.left() == 60.0
    clock.now = 20.0
    search.end(trial(0))
    assert search.left() == 40.0
    assert search.share == pytest.approx(1 / 3)
    assert search.times() == "0:00:20 of 0:01:00 elapsed, about 0:00:40 left"


def test_trials_of_an_earlier_call_count_as_done_but_say_nothing_of_the_speed(clock: Clock):
    search = state(clock)
    for number in range(4):
        search.end(trial(number, ended=datetime(2020, 1, 1)))
    assert search.left() is None
    assert search.counted() == "4/10 trials"
    clock.now = 5.0
    search.end(trial(4))
    assert search.left() == pytest.approx(25.0)
    assert search.results() == "best 1 (trial 0), 4 of an earlier call"


def complete(number: int, reports: int) -> TrialRecord:
    return TrialRecord(number, "COMPLETE", 1.0, {}, dict.fromkeys(range(1, reports + 1), 1.0))


def test_a_trial_that_ended_at_its_plateau_does_not_shorten_the_others(clock: Clock):
    search = state(clock)
    search.end(complete(0, reports=5))
    search.report(1, 20)
    assert search.running() == "trial 1 50%"


def test_a_trial_is_measured_by_the_longest_so_far(clock: Clock):
    search = state(clock)
    search.end(complete(0, reports=80))
    search.report(1, 20)
    assert search.running() == "trial 1 25%"


def test_a_log_gets_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str], clock: Clock):
    search = state(clock, total=3)
    with open_display(search, verbose=True) as display:
        bar = ProgressBar(search, display)
        for second in range(25):
            clock.now = float(second)
            bar.on_report(0, second, 1.0)
        bar.on_trial_end(trial(0))
        bar.on_refit()
        bar.on_refit(0.5)
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r", about .*", "", line) for line in lines] == [
        "NHITS: 0/3 trials; trial 0 25%; 0:00:10 elapsed",
        "NHITS: 0/3 trials; trial 0 50%; 0:00:20 elapsed",
        "NHITS: 1/3 trials, best 1 (trial 0); final training; 0:00:24 elapsed",
    ]


def test_the_start_of_processes_does_not_count_as_the_speed_of_trials(clock: Clock):
    search = state(clock, total=10)
    clock.now = 60.0
    search.report(0, 1)
    assert search.left() is None
    for second in range(1, 5):
        clock.now = 60.0 + second
        search.report(0, 1 + second)
    assert search.left() == pytest.approx(9 * 40 + 35)  # a report per second


def test_the_time_left_does_not_swing_where_trials_are_pruned(clock: Clock):
    """Twenty trials, of which all but every fifth are pruned at a quarter of their training."""
    shown = []
    search = SearchState("NHITS", 20, TimeBudget(None, clock), 40, clock, prunes=True)
    clock.now = 15.0
    for number in range(20):
        kept = number % 5 == 0
        for step in range(1, 41 if kept else 11):
            clock.now += 1.0
            search.report(number, step)
            shown.append((clock.now, search.left()))
        losses = dict.fromkeys(range(1, 41 if kept else 11), 1.0)
        ended = datetime.now().astimezone() + timedelta(seconds=1)
        search.end(
            TrialRecord(number, "COMPLETE" if kept else "PRUNED", 1.0, {}, losses, None, ended)
        )
    ends = [(now + left) / clock.now for now, left in shown if left is not None]
    assert len(ends) > 280
    assert min(ends) > 0.95
    assert max(ends) < 1.8  # counting from the start would give 40 at first


def test_a_search_without_a_limit_says_once_how_long_it_takes(
    capsys: pytest.CaptureFixture[str], clock: Clock
):
    budget = TimeBudget(None, clock)
    search = SearchState("NHITS", 45, budget, reports=40, clock=clock)
    with open_display(search, verbose=True) as display:
        bar = ProgressBar(search, display, announces=True)
        for second in range(1, 9):
            clock.now = 0.4 * second
            bar.on_report(0, second, 1.0)
    assert capsys.readouterr().err.splitlines() == [
        "Time: about 12 minutes for 45 trials; time_budget_hours=0.2 limits it"
    ]


def test_nothing_is_shown_where_it_is_not_asked_for(capsys: pytest.CaptureFixture[str]):
    with progress_bar(3, "NHITS", verbose=False, budget=TimeBudget()) as bar:
        bar.on_trial_end(trial(0))
        bar.on_refit()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


NOTEBOOK = """
from automodel_sk.search.progress import progress_bar
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

with progress_bar(2, "NHITS", True, TimeBudget()) as bar:
    for number in range(2):
        bar.on_report(number, 20, 1.0)
        bar.on_trial_end(TrialRecord(number, "COMPLETE", 1.0 - number / 2))
    bar.on_refit(1.0)
"""


def test_a_notebook_shows_one_text_that_is_renewed():
    """In a real kernel: one output, which holds the last state, and no control characters."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    [output] = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    text = output.data["text/plain"]
    assert re.fullmatch(r"NHITS: 2/2 trials, best 0\.5 \(trial 1\); 0:00:\d\d elapsed", text)
