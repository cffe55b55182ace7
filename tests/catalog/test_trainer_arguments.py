"""Lightning's arguments that start processes or write files never reach a trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ray import tune
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk.catalog.trainer_arguments import REFUSED
from automodel_sk.exceptions import InvalidInputError, NoUsableTrialError
from automodel_sk.persistence.allowed_arguments import passive
from automodel_sk.training.build import build_model, effective_config
from automodel_sk.training.task import TrainingTask
from automodel_sk.validation import ConfigValidator

SMALL: dict[str, Any] = {"input_size": 24, "max_steps": 2, "hidden_size": 8, "num_layers": 1}
QUIET: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:", "cpus": 1}
HARMFUL: dict[str, Any] = {
    "devices": 2,
    "num_nodes": 2,
    "strategy": "ddp",
    "plugins": [],
    "logger": True,
    "default_root_dir": "somewhere",
    "enable_checkpointing": True,
    "enable_progress_bar": True,
    "enable_model_summary": True,
    "profiler": "simple",
    "barebones": True,
    "fast_dev_run": True,
    "overfit_batches": 1,
    "max_time": "00:00:00:01",
    "model_registry": "name",
    "dataloader_kwargs": {"num_workers": 2},
}


def test_all_are_tried() -> None:
    assert {name.split("/")[0] for name in REFUSED} == set(HARMFUL)


@pytest.mark.parametrize("name", HARMFUL)
def test_the_validator_refuses_them_and_says_what_to_do_instead(name: str) -> None:
    validator = ConfigValidator()
    for value in (HARMFUL[name], tune.choice([HARMFUL[name]])):
        result = validator.validate_model_config({**SMALL, name: value}, "MLP")
        assert len(result.errors) == 1
        assert result.errors[0].startswith(f"{name} is not allowed in config, got ")
        assert result.corrected_config == SMALL


@pytest.mark.parametrize("devices", [2, -1, "auto", [0, 1], np.int64(2), True])
def test_more_than_one_device_is_refused_however_it_is_written(devices: Any) -> None:
    result = ConfigValidator().validate_model_config({**SMALL, "devices": devices}, "MLP")
    assert "give the search GPUs with gpus=2" in result.errors[0]


def test_what_does_nothing_may_stay() -> None:
    harmless = {"devices": 1, "logger": False, "enable_checkpointing": False}
    assert ConfigValidator().validate_model_config({**SMALL, **harmless}, "MLP").is_valid
    task = TrainingTask("MLP", h=12, val_size=12, trainer_options={"devices": 1})
    assert effective_config(task, {**SMALL, **harmless})["devices"] == 1


@pytest.mark.parametrize("name", HARMFUL)
def test_no_model_is_built_with_them_wherever_a_configuration_is_from(name: str) -> None:
    task = TrainingTask("MLP", h=12, val_size=12)
    with pytest.raises(InvalidInputError, match=f"^{name} is not allowed in config"):
        build_model(task, {**SMALL, name: HARMFUL[name]})
    hint = TrainingTask("HINT", h=12, val_size=12)
    parts = {"model": "MLP", "S": np.eye(3), "reconciliation": "BottomUp"}
    with pytest.raises(InvalidInputError, match=f"^{name} is not allowed in config"):
        build_model(hint, {**SMALL, **parts, name: HARMFUL[name]})
    assert name not in passive("MLP", {name: HARMFUL[name]}) or name == "dataloader_kwargs"


@pytest.mark.parametrize(
    "draw",
    [
        lambda trial: {**SMALL, "devices": trial.suggest_int("devices", 2, 3)},
        {**SMALL, "devices": tune.sample_from(lambda: 2)},
    ],
)
def test_what_functions_draw_fails_with_that_reason(draw: Callable[..., Any]) -> None:
    with pytest.raises(
        (InvalidInputError, NoUsableTrialError), match="devices is not allowed in config, got"
    ):
        create_auto_model("MLP", 12, seasonal_panel(), draw, num_samples=1, **QUIET)


def test_batches_larger_than_the_data_are_not_all_dropped() -> None:
    config = {**SMALL, "drop_last_loader": True, "max_steps": 3}
    model = create_auto_model("MLP", 12, seasonal_panel(), config, **QUIET)
    assert len(model.to_neuralforecast().models[0].train_trajectories) == 3


def test_one_whole_share_of_observed_steps_is_enough() -> None:
    config = {**SMALL, "training_data_availability_threshold": 1}
    model = create_auto_model("MLP", 12, seasonal_panel(), config, **QUIET)
    assert model.predict()["MLP"].notna().all()
