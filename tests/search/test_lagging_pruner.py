"""Trials behind those that have ended: pruned also where these ended early, at their plateau."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import optuna
import pytest
from optuna.pruners import MedianPruner, NopPruner

from automodel_sk.search.optuna.lagging_pruner import STALLED_REPORTS, LaggingPruner, is_behind
from automodel_sk.search.optuna.loop import pruner_of
from automodel_sk.search_algorithm_selector import SearchStrategy

GOOD = [5.0, 4.0, 3.0]
SETTINGS = {"n_startup_trials": 3, "n_warmup_steps": 2}


def study_of(
    curves: Sequence[Sequence[float]], pruner: optuna.pruners.BasePruner | None = None
) -> optuna.Study:
    """Return a study whose trials are complete with these losses."""
    study = optuna.create_study(pruner=pruner or LaggingPruner(NopPruner(), **SETTINGS))
    for curve in curves:
        study.tell(reported(study.ask(), curve), min(curve))
    return study


def reported(trial: optuna.Trial, losses: Sequence[float]) -> optuna.Trial:
    """Return a running trial that reported these losses too."""
    said = len(trial._cached_frozen_trial.intermediate_values)
    for number, loss in enumerate(losses, start=said + 1):
        trial.report(loss, number)
    return trial


def is_pruned(study: optuna.Study, losses: Sequence[float]) -> bool:
    """Return whether a new trial of these losses is pruned at the last of them."""
    return reported(study.ask(), losses).should_prune()


def test_the_best_of_trials_that_ended_early_counts_later() -> None:
    """Optuna's own pruner lets the trial go on: nobody else reported so late."""
    losses = [6.0, 5.0, 4.5, 4.4, 4.3]
    assert not is_pruned(study_of([GOOD, GOOD, GOOD], MedianPruner(**SETTINGS)), losses)
    assert is_pruned(study_of([GOOD, GOOD, GOOD]), losses)


@pytest.mark.parametrize("losses", [[5.0, 4.0, 3.0], [9.0, 9.0, 2.9], [2.0, 9.0, 9.0, 9.0]])
def test_a_trial_as_good_as_most_goes_on(losses: list[float]) -> None:
    assert not is_pruned(study_of([GOOD, [9.0], GOOD]), losses)


def test_the_pruners_own_patience_holds() -> None:
    bad = [9.0, 9.0, 9.0]
    assert is_pruned(study_of([GOOD] * 3), bad)
    assert not is_pruned(study_of([GOOD] * 2), bad)
    assert not is_pruned(study_of([GOOD] * 3), bad[:2])


def test_what_the_wrapped_pruner_prunes_is_pruned() -> None:
    study = study_of([GOOD], LaggingPruner(optuna.pruners.ThresholdPruner(upper=8.0), 9, 9))
    assert is_pruned(study, [9.0])
    assert not is_pruned(study, [7.0])


@pytest.mark.parametrize(
    ("name", "settings", "kind"),
    [
        ("MedianPruner", SETTINGS, LaggingPruner),
        ("HyperbandPruner", {"min_resource": 5}, optuna.pruners.HyperbandPruner),
        (None, {}, NopPruner),
    ],
)
def test_the_median_pruner_alone_is_wrapped(
    name: str | None, settings: dict[str, int], kind: type
) -> None:
    strategy = SearchStrategy("TPESampler", pruner_name=name, pruner_kwargs=settings)
    assert type(pruner_of(SimpleNamespace(strategy=strategy, make_pruner=None))) is kind  # type: ignore[arg-type]


def test_who_fell_behind_the_final_bests_has_so_many_validations_to_improve() -> None:
    ended = [[9.0] * 30 + [1.0]] * 3
    stalled = [8.0] + [8.5] * STALLED_REPORTS
    assert not is_behind(stalled[:-1], ended)
    assert is_behind(stalled, ended)
    assert not is_behind([*stalled[:-1], 7.9], ended)


def test_trials_that_end_meanwhile_count_and_other_studies_do_not() -> None:
    bad, worse = [8.0, 8.0, 8.0, 8.0], [9.0, 9.0, 9.0, 9.0]
    pruner = LaggingPruner(NopPruner(), **SETTINGS)
    study, other = study_of([worse] * 3, pruner), study_of([GOOD] * 9, pruner)
    trial = reported(study.ask(), bad[:3])
    assert is_pruned(other, bad)
    assert not trial.should_prune()
    for _ in range(4):
        study.add_trial(
            optuna.trial.create_trial(value=3.0, intermediate_values=dict(enumerate(GOOD, 1)))
        )
    assert reported(trial, bad[3:]).should_prune()
