"""What the trials of a search leave in its folder, as ensembles take it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_contract import RecordingCallback, make_dataset, request_for

from automodel_sk.search.backends import make_backend
from automodel_sk.training.refit import repeat_forecasts, repeat_trial
from automodel_sk.training.trial_files import stored_weights
from automodel_sk.training.window_forecasts import kept_forecasts
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


def ranked(records: list[TrialRecord]) -> list[TrialRecord]:
    return sorted(records, key=lambda record: record.value or 0.0)


def test_the_best_leave_their_weights_and_all_their_forecasts(
    searched: tuple[Path, Any, list[TrialRecord]], dataset: Any
) -> None:
    folder, task, records = searched
    best, second, *others = ranked(records)
    for record in records:
        left = kept_forecasts(str(folder), record.params)
        assert left is not None
        assert left.loss == record.value
    assert stored_weights(str(folder), second.params) is not None
    assert [stored_weights(str(folder), other.params) for other in others] == [None, None, None]
    weights = stored_weights(str(folder), best.params)
    assert weights is not None
    state = repeat_trial(task, best.params, dataset, best.best_step or 0)
    for name, value in weights.items():
        np.testing.assert_allclose(state[name], value, rtol=1e-4, atol=1e-6)


def test_lost_forecasts_are_made_again(
    searched: tuple[Path, Any, list[TrialRecord]], dataset: Any
) -> None:
    folder, task, records = searched
    best = ranked(records)[0]
    again = repeat_forecasts(task, best.params, dataset, best.best_step or 0)
    left = kept_forecasts(str(folder), best.params)
    assert left is not None
    assert again.point.shape == (3, 1, 12)
    np.testing.assert_allclose(again.point, left.point, rtol=1e-3)


def test_nothing_is_found_where_no_trial_ran(
    searched: tuple[Path, Any, list[TrialRecord]], tmp_path: Path
) -> None:
    params = searched[2][0].params
    assert kept_forecasts(str(tmp_path), params) is None
    assert stored_weights(str(tmp_path), params) is None
