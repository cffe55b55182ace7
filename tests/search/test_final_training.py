"""The final model in its three ways, and searches that start from earlier ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from ray import tune
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search.initial_trials import earlier_configurations
from automodel_sk.training.refit import repeat_trial
from automodel_sk.training.task import TrainingTask

SPACE: dict[str, Any] = {
    "max_steps": 40,
    "input_size": 24,
    "hidden_size": 16,
    "num_layers": 1,
    "scaler_type": "standard",
    "learning_rate": tune.loguniform(1e-4, 1e-1),
}
QUIET: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:", "cpus": 1}


def search(refit: str = "full", **options: Any) -> AutoModel:
    given = {"num_samples": 3, "refit": refit, **QUIET, **options}
    return create_auto_model("MLP", 12, seasonal_panel(), SPACE, **given)


@pytest.fixture(scope="module")
def models() -> dict[str, AutoModel]:
    return {refit: search(refit) for refit in ("full", "best_weights", "continue")}


def state(model: AutoModel) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = model.to_neuralforecast().models[0].state_dict()
    return weights


def distance(one: AutoModel, other: AutoModel) -> float:
    pairs = zip(state(one).values(), state(other).values(), strict=True)
    return sum(float((a - b).abs().sum()) for a, b in pairs)


def test_every_way_finds_the_same_configuration(models: dict[str, AutoModel]) -> None:
    configs = [model.best_config for model in models.values()]
    assert configs[0] == configs[1] == configs[2]


def test_the_best_weights_are_those_of_the_trial(models: dict[str, AutoModel]) -> None:
    from neuralforecast.tsdataset import TimeSeriesDataset

    model = models["best_weights"]
    panel = seasonal_panel()
    task = TrainingTask("MLP", h=12, val_size=12, n_series=3, lengths=np.array([120] * 3))
    dataset = TimeSeriesDataset.from_df(panel)[0]
    trained = repeat_trial(task, model.best_config, dataset, int(model.best_step or 0))
    for name, value in state(model).items():
        torch.testing.assert_close(trained[name], value)


def test_best_weights_never_saw_the_validation_steps(models: dict[str, AutoModel]) -> None:
    changed = seasonal_panel()
    last = changed.groupby("unique_id").cumcount(ascending=False) < 12
    changed.loc[last, "y"] *= 1.001
    options = {"num_samples": 1, "warm_start": models["full"].best_config, **QUIET}
    one, other = (
        create_auto_model("MLP", 12, frame, SPACE, refit="best_weights", **options)
        for frame in (seasonal_panel(), changed)
    )
    assert one.best_step == other.best_step
    assert distance(one, other) == 0.0


def test_the_three_ways_differ_and_forecast_after_the_last_row(
    models: dict[str, AutoModel],
) -> None:
    assert distance(models["full"], models["best_weights"]) > 0
    assert distance(models["continue"], models["best_weights"]) > 0
    for model in models.values():
        forecast = model.predict()
        assert forecast["ds"].min() == pd.Timestamp("2020-01-31")
        errors = (forecast["MLP"] - true_future()["y"]).abs() / true_future()["y"]
        assert errors.mean() < 0.1


def true_future() -> pd.DataFrame:
    longer = seasonal_panel(length=132)
    last = longer.groupby("unique_id").cumcount(ascending=False) < 12
    return longer[last].reset_index(drop=True)


def test_weights_that_were_lost_are_trained_again(
    models: dict[str, AutoModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    from automodel_sk.search import final_refit as final_training

    monkeypatch.setattr(final_training, "stored_weights", lambda *_: None)
    again = search("best_weights")
    assert distance(again, models["best_weights"]) == pytest.approx(0.0, abs=1e-4)


def test_a_fixed_configuration_is_trained_in_full(models: dict[str, AutoModel]) -> None:
    config = {**models["full"].best_config, "max_steps": 5}
    model = create_auto_model(
        "MLP", 12, seasonal_panel(), config, refit="best_weights", **{**QUIET, "num_samples": None}
    )
    assert model.best_step is None
    assert len(model.predict()) == 36


class TestWarmStart:
    def test_the_best_trial_of_a_model_is_tried_first(self, models: dict[str, AutoModel]) -> None:
        earlier = models["full"]
        later = search(num_samples=1, warm_start=earlier)
        assert later.trials["params_learning_rate"].tolist() == [
            earlier.best_config["learning_rate"]
        ]
        assert later.best_score == pytest.approx(earlier.best_score)

    def test_a_saved_model_a_table_and_configurations_say_the_same(
        self, models: dict[str, AutoModel], tmp_path: Any
    ) -> None:
        model = models["full"]
        rates = [c["learning_rate"] for c in earlier_configurations(model)]
        assert len(rates) == 3
        assert rates[0] == model.best_config["learning_rate"]
        saved = earlier_configurations(model.save(tmp_path / "model"))
        table = earlier_configurations(model.trials)
        assert [c["learning_rate"] for c in saved] == rates
        assert [c["learning_rate"] for c in table] == rates
        assert earlier_configurations([{"learning_rate": 0.5}]) == [{"learning_rate": 0.5}]

    def test_values_outside_the_space_are_left_to_the_sampler(self) -> None:
        model = search(num_samples=2, warm_start=[{"learning_rate": 5.0}, {"hidden_size": 7}])
        rates = model.trials["params_learning_rate"]
        assert rates.between(1e-4, 1e-1).all()
        assert rates[0] == 1e-3  # the model's own default comes next

    @pytest.mark.parametrize("value", [3, [1, 2], pd.DataFrame({"a": [1]})])
    def test_anything_else_is_refused(self, value: Any) -> None:
        with pytest.raises(InvalidInputError, match="warm_start is"):
            search(warm_start=value)


@pytest.mark.parametrize("cpus", [1, 2])
def test_the_final_training_uses_the_cpus_that_it_may(
    cpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_lightning import Trainer

    monkeypatch.setattr("automodel_sk.search.optuna.workers.pool.n_cpus", lambda: 4)
    threads: list[int] = []
    fit = Trainer.fit

    def watched(self: Trainer, *given: Any, **named: Any) -> None:
        threads.append(torch.get_num_threads())
        fit(self, *given, **named)

    monkeypatch.setattr(Trainer, "fit", watched)
    before = torch.get_num_threads()
    fixed = {**SPACE, "learning_rate": 1e-3}
    create_auto_model("MLP", 12, seasonal_panel(), fixed, **{**QUIET, "cpus": cpus})
    assert threads == [cpus]
    assert torch.get_num_threads() == before
