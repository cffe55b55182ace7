"""Ensembles of the best trials of a search over one network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from neuralforecast.losses.pytorch import DistributionLoss, MQLoss
from several_models import MLP, QUIET, frame
from small_models import SIZES

from automodel_sk import AutoEnsemble, AutoModel, create_auto_model
from automodel_sk.portfolio.budget import TrialsBudget
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.search_one import _usable
from automodel_sk.portfolio.shortlist import MOST_OF_A_MODEL, Field
from automodel_sk.trials import OUT_OF_TIME, TrialRecord

DF = frame()
WINDOWS = 5
SHORT = {**MLP, "max_steps": 8}


def search(
    name: str = "MLP", config: Any = MLP, loss: Any = None, storage: Any = ":memory:", **more: Any
) -> Any:
    """Search one network with a fixed name of the study."""
    options = {**QUIET, "num_samples": 3, "study_name": "one", "storage": storage, **more}
    return create_auto_model(name, 6, DF, config, loss, **options)


@pytest.fixture(scope="module")
def model() -> AutoEnsemble:
    """Return the mean of the three trials of a search."""
    found = search(ensemble="mean")
    assert isinstance(found, AutoEnsemble)
    return found


@pytest.fixture(scope="module")
def alone() -> AutoModel:
    """Return what the same search gives without an ensemble."""
    return search(n_windows=WINDOWS)


def test_the_trials_are_those_of_the_search_without_an_ensemble(
    model: AutoEnsemble, alone: AutoModel
) -> None:
    same = ["number", "value", "state", "params_learning_rate"]
    pd.testing.assert_frame_equal(model.trials[same], alone.trials[same])
    assert model.state.data.n_windows == WINDOWS
    assert len(alone.trials) == 3


def test_the_window_forecasts_are_the_mean_of_those_of_the_trials(model: AutoEnsemble) -> None:
    forecasts = [each.forecasts for each in model.candidates]
    assert len(forecasts) == 3
    np.testing.assert_allclose(model.state.record.combined, np.mean(forecasts, axis=0), rtol=1e-5)
    truth = model.state.data.truth
    assert forecasts[0].shape == truth.shape == (3, WINDOWS, 6)
    season = np.abs(DF.groupby("unique_id")["y"].diff(12))
    last = DF.groupby("unique_id").cumcount() < 30  # before the windows
    scales = season[last].groupby(DF["unique_id"]).mean().to_numpy()
    first = np.abs(truth - model.state.record.combined).mean(axis=2)[:, 0] / scales
    table = model.leaderboard().set_index("model")
    assert table.loc["AutoEnsemble", "score_1"] == pytest.approx(first.mean(), rel=1e-4)


def test_the_forecast_is_the_mean_of_three_models_trained_on_all_rows(
    model: AutoEnsemble, alone: AutoModel
) -> None:
    assert model.weights == pytest.approx({"MLP": 1 / 3, "MLP-2": 1 / 3, "MLP-3": 1 / 3})
    members = {name: model.predict(member=name)[name].to_numpy() for name in model.weights}
    together = model.predict()["AutoEnsemble"].to_numpy()
    np.testing.assert_allclose(together, np.mean(list(members.values()), axis=0), rtol=1e-5)
    numbers = model.leaderboard().set_index("member")["trial"]
    best = alone.trials.set_index("number")["value"].idxmin()
    (label,) = numbers.index[numbers == best]
    np.testing.assert_allclose(members[label], alone.predict()["MLP"].to_numpy(), rtol=1e-5)


def test_the_skill_is_measured_against_the_last_season(model: AutoEnsemble) -> None:
    table = model.leaderboard()
    naive = model.state.record.naive_score
    assert table["skill"].to_numpy() == pytest.approx(1 - table["score"].to_numpy() / naive)


def test_a_search_without_an_ensemble_resumes_as_one(tmp_path: Path, model: AutoEnsemble) -> None:
    search(storage=tmp_path, n_windows=WINDOWS)
    resumed = search(storage=tmp_path, ensemble="mean")
    assert resumed.weights == model.weights
    np.testing.assert_allclose(
        resumed.predict()["AutoEnsemble"], model.predict()["AutoEnsemble"], rtol=1e-4
    )


def test_best_is_one_trial_as_before() -> None:
    found = search(config=SHORT, num_samples=1, ensemble="best")
    assert type(found) is AutoModel
    assert found.model_name == "MLP"


def test_a_fixed_configuration_is_an_ensemble_of_one() -> None:
    config, earlier = {**SHORT, "learning_rate": 1e-3}, [{"learning_rate": 0.5}]
    found = search(config=config, num_samples=None, ensemble="mean", warm_start=earlier)
    assert found.weights == {"MLP": 1.0}
    assert found.trials["params_learning_rate"].tolist() == [1e-3], "nothing is left to try"


@pytest.mark.parametrize(
    ("loss", "metric"),
    [("mqloss", None), (MQLoss(level=[80]), "scaled_crps"), (DistributionLoss("Normal"), None)],
)
def test_every_loss_gives_point_forecasts_and_intervals_of_the_combination(
    loss: Any, metric: Any
) -> None:
    found = search(config=SHORT, loss=loss, metric=metric, num_samples=2, ensemble="mean")
    assert found.state.record.metric_name == "mase"
    assert np.isfinite(found.leaderboard()["score"]).all()
    assert len(found.weights) == 2
    table = found.predict(level=[80])
    point, low, high = (table[f"AutoEnsemble{end}"] for end in ("", "-lo-80", "-hi-80"))
    assert ((low < point) & (point < high)).all()


def test_a_metric_judges_trials_and_combination() -> None:
    def largest(truth: Any, forecast: Any) -> float:
        return float(np.abs(truth - forecast).max())

    found = search(config=SHORT, metric=largest, num_samples=2, ensemble="mean")
    candidate = found.candidates[1]
    errors = np.abs(found.state.data.truth - candidate.forecasts).max(axis=2)
    assert candidate.score == pytest.approx(errors.mean(), rel=1e-4)
    assert found.trials["value"][1] == pytest.approx(errors.mean(), rel=1e-3)


def test_multivariate_networks_and_spaces_of_code_are_combined_too() -> None:
    def space(trial: Any) -> dict[str, Any]:
        rate = trial.suggest_float("learning_rate", 1e-3, 1e-2)
        return {"max_steps": 8, "input_size": 12, "learning_rate": rate, **SIZES["TSMixer"]}

    found = search("TSMixer", space, num_samples=2, ensemble="mean")
    assert found.weights == {"TSMixer": 0.5, "TSMixer-2": 0.5}
    assert np.isfinite(found.predict()["AutoEnsemble"]).all()


def test_a_time_budget_covers_the_final_models() -> None:
    found = search(
        config={**MLP, "max_steps": 200},
        num_samples=None,
        time_budget_hours=8 / 3600,
        ensemble="mean",
    )
    assert 1 <= len(found.weights) <= 5
    assert sum(found.weights.values()) == pytest.approx(1.0)


def test_only_a_trial_that_the_end_of_the_time_stopped_counts_as_complete() -> None:
    point = np.ones((1, 1, 1), dtype=np.float32)
    late = Candidate(1, "MLP", "neural", "PRUNED", forecasts=point, reason=OUT_OF_TIME)
    behind = Candidate(2, "MLP", "neural", "PRUNED", forecasts=point, reason="pruned")
    done = Candidate(0, "MLP", "neural", forecasts=point)
    failed = Candidate(3, "MLP", "neural", "FAIL", reason="out of memory")
    states = [each.state for each in _usable([done, late, behind, failed])]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]
    assert [each.state for each in _usable([behind, failed])] == ["COMPLETE", "FAIL"]


def test_more_trials_of_a_network_take_part_if_there_is_no_other() -> None:
    forecasts = [np.full((1, 1, 1), 1.0 + i / 100, dtype=np.float32) for i in range(6)]
    cells = np.array([[True]])

    def errors_of(values: Any) -> Any:
        return np.abs(values[..., 0])

    one = Field(forecasts, errors_of, ["MLP"] * 6, ["neural"] * 6)
    assert one.shortlist(cells) == [0, 1, 2, 3, 4, 5]
    two = Field(forecasts, errors_of, ["MLP"] * 5 + ["NHITS"], ["neural"] * 6)
    assert two.shortlist(cells) == [*range(MOST_OF_A_MODEL), 5]


def test_the_time_for_several_final_models_is_bounded() -> None:
    def budget_after(seconds: float) -> TrialsBudget:
        budget = TrialsBudget(100.0, clock=lambda: 0.0)
        losses = {100: 1.0}
        budget.note(
            TrialRecord(0, "COMPLETE", 1.0, {"max_steps": 100}, losses, duration_seconds=seconds)
        )
        return budget

    assert budget_after(5.0).reserve == pytest.approx(20.0)  # four of them
    assert budget_after(10.0).reserve == pytest.approx(30.0)  # three tenths of the budget
    assert budget_after(40.0).reserve == pytest.approx(40.0)  # at least one
