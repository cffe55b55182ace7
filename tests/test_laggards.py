"""Trials behind those that have ended: pruned also where these ended early, at their plateau."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
import pytest

from automodel_sk.search.optuna.lagging_pruner import STALLED_REPORTS, is_behind, lags

GOOD = [5.0, 4.0, 3.0]


def study_of(
    curves: Sequence[Sequence[float]], pruner: optuna.pruners.BasePruner | None = None
) -> optuna.Study:
    """Return a study whose trials are complete with these losses."""
    study = optuna.create_study(
        pruner=pruner or optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2)
    )
    for curve in curves:
        trial = study.ask()
        for number, loss in enumerate(curve, start=1):
            trial.report(loss, number)
        study.tell(trial, min(curve))
    return study


def test_the_best_of_trials_that_ended_early_counts_later() -> None:
    """Optuna's own pruner lets the trial go on: nobody else reported so late."""
    study = study_of([GOOD, GOOD, GOOD])
    trial = study.ask()
    losses = [6.0, 5.0, 4.5, 4.4, 4.3]
    for number, loss in enumerate(losses, start=1):
        trial.report(loss, number)
    assert not trial.should_prune()
    assert lags(trial, losses)


@pytest.mark.parametrize("losses", [[5.0, 4.0, 3.0], [9.0, 9.0, 2.9], [2.0, 9.0, 9.0, 9.0]])
def test_a_trial_as_good_as_most_goes_on(losses: list[float]) -> None:
    assert not lags(study_of([GOOD, [9.0], GOOD]).ask(), losses)


def test_the_pruners_own_patience_holds() -> None:
    bad = [9.0, 9.0, 9.0]
    assert lags(study_of([GOOD] * 3).ask(), bad)
    assert not lags(study_of([GOOD] * 2).ask(), bad)
    assert not lags(study_of([GOOD] * 3).ask(), bad[:2])


@pytest.mark.parametrize(
    "pruner", [optuna.pruners.NopPruner(), optuna.pruners.HyperbandPruner(min_resource=5)]
)
def test_other_pruners_judge_alone(pruner: optuna.pruners.BasePruner) -> None:
    assert not lags(study_of([GOOD] * 3, pruner).ask(), [9.0] * 50)


def test_who_fell_behind_the_final_bests_has_so_many_validations_to_improve() -> None:
    ended = [[9.0] * 30 + [1.0]] * 3
    stalled = [8.0] + [8.5] * STALLED_REPORTS
    assert not is_behind(stalled[:-1], ended)
    assert is_behind(stalled, ended)
    assert not is_behind([*stalled[:-1], 7.9], ended)


def test_trials_that_end_meanwhile_count_and_other_studies_do_not() -> None:
    bad, worse = [8.0, 8.0, 8.0, 8.0], [9.0, 9.0, 9.0, 9.0]
    study, other = study_of([worse] * 3), study_of([GOOD] * 9)
    trial = study.ask()
    assert lags(other.ask(), bad)
    assert not lags(trial, bad[:3])
    for _ in range(4):
        study.add_trial(
            optuna.trial.create_trial(value=3.0, intermediate_values=dict(enumerate(GOOD, 1)))
        )
    assert lags(trial, bad)
