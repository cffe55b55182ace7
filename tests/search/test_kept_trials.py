"""The best trials with what they left, as ensembles take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_contract import RecordingCallback, make_dataset, request_for

from automodel_sk.search.backends import make_backend
from automodel_sk.search.kept_trials import best_kept_trials
from automodel_sk.training.refit import repeat_forecasts, repeat_trial
from automodel_sk.trials import TrialRecord


@pytest.fixture(scope="module")
def dataset() -> Any:
    return make_dataset()


@pytest.fixture(scope="module")
def searched(
    dataset: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any, list[TrialRecord]]:
    folder = tmp_path_factory.mktemp("trials")
    request = request_for("optuna", num_samples=5)
    task = replace(request.task, weights=str(folder), keep=2, forecasts=str(folder))
    request = replace(request, task=task)
    return folder, task, list(make_backend("optuna").run(request, dataset, RecordingCallback()))


def test_the_best_come_first_with_their_weights(
    searched: tuple[Path, Any, list[TrialRecord]], dataset: Any
) -> None:
    folder, task, records = searched
    kept = best_kept_trials(records, str(folder), most=3)
    assert [trial.record.value for trial in kept] == sorted(r.value or 0.0 for r in records)[:3]
    assert [trial.forecasts.loss for trial in kept] == [trial.record.value for trial in kept]
    assert [trial.weights is not None for trial in kept] == [True, True, False]
    best = kept[0]
    state = repeat_trial(task, best.record.params, dataset, best.record.best_step or 0)
    assert best.weights is not None
    for name, value in best.weights.items():
        np.testing.assert_allclose(state[name], value, rtol=1e-4, atol=1e-6)


def test_lost_forecasts_are_made_again(
    searched: tuple[Path, Any, list[TrialRecord]], dataset: Any
) -> None:
    folder, task, records = searched
    (best,) = best_kept_trials(records, str(folder), most=1)
    again = repeat_forecasts(task, best.record.params, dataset, best.record.best_step or 0)
    assert again.point.shape == (3, 1, 12)
    np.testing.assert_allclose(again.point, best.forecasts.point, rtol=1e-3)


def test_a_configuration_counts_once_and_a_failure_not_at_all(
    searched: tuple[Path, Any, list[TrialRecord]],
) -> None:
    folder, _, records = searched
    copies = [replace(r, number=r.number + 10, tags={"copy_of": r.number}) for r in records]
    failed = [replace(r, number=r.number + 20, state="FAIL", value=None) for r in records[:1]]
    kept = best_kept_trials([*failed, *copies, *records], str(folder), most=9)
    assert sorted(trial.record.number for trial in kept) == [0, 1, 2, 3, 4]


def test_trials_that_ran_elsewhere_are_left_out(
    searched: tuple[Path, Any, list[TrialRecord]], tmp_path: Path
) -> None:
    assert best_kept_trials(searched[2], str(tmp_path), most=3) == []
