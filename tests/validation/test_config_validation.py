"""Bad models and search spaces are found, named, and fixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from odd_values import JUNK
from ray import tune

from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.search_space import Choice, Float, Integer, Normal, SearchSpace
from automodel_sk.validation import ConfigValidator

VALIDATOR = ConfigValidator()
STRICT = ConfigValidator(strict_mode=True)


CONFIG_TABLE = [
    ([("max_steps", 10)], "config must be a dict of parameters, a function of a trial", None),
    ("max_steps=10", "got 'max_steps=10', a str; try config={'max_steps'", None),
    (dict, "config must be a dict of parameters", None),
    ({}, "config is empty, got {}; pass config=None", None),
    (lambda: {}, "must take the trial as its one argument, got <lambda>()", None),
    ({3: 1, "max_steps": 5}, "config has the key 3, which is not", {"max_steps": 5}),
    ({"a/b": 1, "max_steps": 5}, "config has the key 'a/b'", {"max_steps": 5}),
    (
        {"batch_size": tune.grid_search([]), "max_steps": 5},
        "batch_size can't be read as part of a search space: batch_size: ",
        {"max_steps": 5},
    ),
    (
        {"max_steps": 0},
        "max_steps must be a whole number of at least 1, got 0",
        {"max_steps": 1000},
    ),
    ({"max_steps": "500"}, "got '500'; try max_steps=1000", {"max_steps": 500}),
    ({"max_steps": True}, "max_steps must be a whole number", {"max_steps": 1000}),
    ({"max_steps": None}, "max_steps must be a whole number", {"max_steps": 1000}),
    ({"max_steps": float("nan")}, "got nan", {"max_steps": 1000}),
    ({"max_steps": 0.5}, "got 0.5", {"max_steps": 1000}),
    (
        {"max_steps": tune.choice([100, -5])},
        "got -5 among the choices (100, -5)",
        {"max_steps": Choice([100, 1000])},
    ),
    ({"max_steps": tune.grid_search([0])}, "got 0 among the choices (0,)", {"max_steps": 1000}),
    (
        {"max_steps": tune.uniform(10, 100)},
        "got fractions from Float(low=10.0, high=100.0",
        {"max_steps": Integer(10, 100)},
    ),
    (
        {"max_steps": tune.randint(0, 100)},
        "got 0 as the lower bound of Integer(low=0, high=99",
        {"max_steps": Integer(1, 99)},
    ),
    (
        {"learning_rate": -0.1},
        "learning_rate must be a number above 0, got -0.1; try learning_rate=0.001",
        {"learning_rate": 0.001},
    ),
    (
        {"learning_rate": 0},
        "learning_rate must be a number above 0, got 0",
        {"learning_rate": 0.001},
    ),
    ({"learning_rate": "1e-3"}, "got '1e-3'", {"learning_rate": 0.001}),
    (
        {"learning_rate": optuna.distributions.FloatDistribution(-0.1, 0.1)},
        "got -0.1 as the lower bound of Float(",
        {"learning_rate": Float(0.001, 0.1)},
    ),
    (
        {"learning_rate": tune.randn(0.001, 1.0)},
        "got any number from Normal(",
        {"learning_rate": 0.001},
    ),
    (
        {"learning_rate": [0.1, 0.01]},
        "(to search over several values write tune.choice([...]))",
        {"learning_rate": Choice([0.1, 0.01])},
    ),
    ({"batch_size": 0}, "batch_size must be a whole number of at least 1", {"batch_size": 32}),
    ({"batch_size": 16.5}, "got 16.5; try batch_size=32", {"batch_size": 32}),
    ({"valid_batch_size": 0}, "valid_batch_size must be", {"valid_batch_size": 32}),
    ({"windows_batch_size": -1}, "windows_batch_size must be", {"windows_batch_size": 256}),
    (
        {"inference_windows_batch_size": 0},
        "must be a whole number of at least 1 or -1 or None, got 0",
        {"inference_windows_batch_size": 256},
    ),
    (
        {"input_size": tune.choice([0, 24])},
        "input_size must be a whole number of at least 1 or -1, got 0 among the choices (0, 24); "
        "try input_size=14",
        {"input_size": Choice([14, 24])},
    ),
    ({"input_size": "24"}, "got '24'; try input_size=14", {"input_size": 24}),
    ({"val_check_steps": 0}, "val_check_steps must be", {"val_check_steps": 100}),
    (
        {"early_stop_patience_steps": 0},
        "(-1: never), got 0; try early_stop_patience_steps=-1",
        {"early_stop_patience_steps": -1},
    ),
    ({"early_stop_patience_steps": -2}, "got -2", {"early_stop_patience_steps": -1}),
    ({"num_lr_decays": -3}, "num_lr_decays must be", {"num_lr_decays": 3}),
    ({"step_size": 0}, "step_size must be a whole number of at least 1", {"step_size": 1}),
    (
        {"dropout_prob_theta": 1},
        "dropout_prob_theta must be a number of at least 0 and below 1, got 1",
        {"dropout_prob_theta": 0.1},
    ),
    (
        {"dropout_prob_theta": tune.quniform(0, 1, 0.5)},
        "got 1.0 as the upper bound",
        {"dropout_prob_theta": Float(0, 0.1, step=0.5)},
    ),
    ({"scaler_type": "standart"}, "try scaler_type='standard'", {"scaler_type": "standard"}),
    (
        {"lerning_rate": 0.01},
        "lerning_rate is not a parameter of NHITS; did you mean learning_rate?",
        {"learning_rate": 0.01},
    ),
    ({"lr": -1}, "lr is not a parameter of NHITS; did you mean", {"learning_rate": 0.001}),
    ({"Max_Steps ": 5}, "did you mean max_steps?", {"max_steps": 5}),
    (
        {"acelerator": "cpu", "max_steps": 5},
        "did you mean accelerator?",
        {"accelerator": "cpu", "max_steps": 5},
    ),
    (
        {"zzqq": 1, "max_steps": 5},
        "zzqq is not a parameter of NHITS; remove it",
        {"max_steps": 5},
    ),
    (
        {"h": 7, "max_steps": 5},
        "h is not allowed in config, got 7; pass it outside the config: create_auto_model(...,"
        " h=24)",
        {"max_steps": 5},
    ),
    ({"loss": "MAE", "max_steps": 5}, "loss is not allowed in config", {"max_steps": 5}),
    ({"valid_loss": 1, "max_steps": 5}, "another with metric='mae'", {"max_steps": 5}),
    (
        {"futr_exog_list": ["price"], "max_steps": 5},
        "futr_exog_list is not allowed in config, got ['price']; pass it outside the config",
        {"max_steps": 5},
    ),
    ({"max_epochs": 3, "max_steps": 5}, "training is counted in steps", {"max_steps": 5}),
]


@pytest.mark.parametrize(("config", "message", "correction"), CONFIG_TABLE)
def test_bad_configuration_is_named_and_mended(
    config: Any, message: str, correction: dict[str, Any] | None
) -> None:
    result = VALIDATOR.validate_model_config(config, "NHITS", h=7)
    assert not result.is_valid
    assert any(message in error for error in result.errors), result.errors
    assert result.corrected_config == correction
    retry = VALIDATOR.validate_model_config(result.corrected_config, "NHITS", h=7)
    assert retry.is_valid, retry.errors


WARNING_TABLE = [
    (
        {"learning_rate": tune.choice([0.01, 5])},
        "learning_rate is unusually large, got 5 among the choices (0.01, 5)",
        {"learning_rate": Choice([0.01, 0.001])},
    ),
    (
        {"max_steps": tune.choice([50, 500]), "val_check_steps": 100},
        "val_check_steps must be at most the smallest max_steps, 50, got 100",
        {"max_steps": tune.choice, "val_check_steps": 50},
    ),
    (
        {"max_steps": 50, "val_check_steps": tune.choice([10, 100])},
        "got 100 among the choices (10, 100)",
        {"max_steps": 50, "val_check_steps": Choice([10, 50])},
    ),
    (
        {"val_check_steps": 5000},
        "val_check_steps must be at most the smallest max_steps, 1000, got 5000",
        {"val_check_steps": 1000},
    ),
    (
        {"max_steps": 1000, "val_check_steps": 100, "early_stop_patience_steps": 50},
        "early_stop_patience_steps=50 never stops a trial early: 1000 steps have 10 validations",
        {"max_steps": 1000, "val_check_steps": 100, "early_stop_patience_steps": 5},
    ),
    (
        {"random_seed": tune.randint(1, 20), "max_steps": 10},
        "random_seed is not tuned, got Integer(low=1, high=19",
        {"max_steps": 10},
    ),
    (
        {"n_head": tune.choice([2, 4]), "max_steps": 10},
        "n_head is not a parameter of NHITS (it is one of ",
        {"max_steps": 10},
    ),
    (
        {"input_size": tune.choice([-7, 24])},
        "input_size below 0 stands for 3 horizons, got -7; try input_size=-1 for that",
        {"input_size": Choice([-1, 24])},
    ),
    ({"n_series": 3, "max_steps": 10}, "n_series is for models that", {"max_steps": 10}),
]


@pytest.mark.parametrize(("config", "message", "correction"), WARNING_TABLE)
def test_likely_mistake_is_a_warning_and_an_error_in_strict_mode(
    config: dict[str, Any], message: str, correction: dict[str, Any]
) -> None:
    result = VALIDATOR.validate_model_config(config, "NHITS", h=7)
    assert result.is_valid
    assert len(result.warnings) == 1
    assert message in result.warnings[0]
    expected = {k: config[k] if v is tune.choice else v for k, v in correction.items()}
    assert result.corrected_config == expected
    strict = STRICT.validate_model_config(config, "NHITS", h=7)
    assert (strict.is_valid, strict.errors) == (False, result.warnings)
    assert STRICT.validate_model_config(strict.corrected_config, "NHITS", h=7).is_valid


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"max_steps": 500.0, "batch_size": np.int64(32)},
        {"max_steps": tune.quniform(500, 1500, 100), "learning_rate": tune.uniform(0, 0.1)},
        {
            "input_size": -1,
            "windows_batch_size": None,
            "scaler_type": tune.choice([None, "robust"]),
        },
        {"dropout_prob_theta": tune.uniform(0, 1), "batch_size": tune.sample_from(lambda: 32)},
        {"learning_rate": Normal(0.01, 0.001), "precision": "32-true"},
        {"optimizer_kwargs": {"weight_decay": tune.loguniform(1e-5, 1e-2)}},
        {"n_blocks": tune.choice([[1, 1, 1], [2, 2, 2]]), "val_check_steps": 10, "max_steps": 10},
        lambda trial: {"max_steps": 5},
    ],
)
def test_good_configurations_pass_in_strict_mode(config: Any) -> None:
    result = STRICT.validate_model_config(config, "NHITS", h=7)
    assert (result.errors, result.warnings, result.corrected_config) == ([], [], None)


def test_all_faults_are_reported_at_once_and_mended_together() -> None:
    config = {
        "lerning_rate": -1,
        "max_steps": tune.choice([0, 10]),
        "batch_size": "8",
        "random_seed": 1,
        "optimizer_kwargs": {"eps": 1e-8},
    }
    result = VALIDATOR.validate_model_config(config, "NHITS")
    assert len(result.errors) == 4
    assert result.corrected_config == {
        "max_steps": Choice([1000, 10]),
        "batch_size": 8,
        "optimizer_kwargs": {"eps": 1e-8},
        "learning_rate": 0.001,
    }
    assert config["batch_size"] == "8"
    retry = STRICT.validate_model_config(result.corrected_config, "NHITS")
    assert (retry.errors, retry.corrected_config) == ([], None)


def test_search_space_object_is_mended_like_a_dict() -> None:
    space = SearchSpace.parse({"batch_size": tune.choice([0, 8]), "max_steps": 5})
    result = VALIDATOR.validate_model_config(space, "NHITS")
    assert "got 0 among the choices (0, 8)" in result.errors[0]
    assert result.corrected_config == {"batch_size": Choice([32, 8]), "max_steps": 5}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("AutoNHITS", "'NHITS'"),
        ("nhits", "'NHITS'"),
        ("NoSuchModel", "'NoSuchModel'"),
        (7, "got 7"),
    ],
)
def test_unknown_model_is_named(name: Any, message: str) -> None:
    result = VALIDATOR.validate_model_config({"max_steps": 5}, name)
    assert not result.is_valid
    assert message in result.errors[0]


def test_model_without_default_space_says_what_to_pass() -> None:
    result = VALIDATOR.validate_model_config(None, "HINT", h=7)
    assert not result.is_valid
    assert "has no default search space" in result.errors[0]
    assert "'reconciliation'" in result.errors[0]


def test_model_around_another_model_needs_its_parts() -> None:
    result = VALIDATOR.validate_model_config({"model": "NHITS", "max_steps": 5}, "HINT")
    assert "config of HINT lacks S, reconciliation" in result.errors[0]
    config = {"model": "NHITS", "S": np.eye(2), "reconciliation": "BottomUp", "n_blocks": [1, 1, 1]}
    assert VALIDATOR.validate_model_config(config, "HINT").errors == []


@pytest.mark.parametrize("kind", ["futr_exog_list", "hist_exog_list", "stat_exog_list"])
def test_exogenous_variables_for_a_model_that_takes_none(kind: str) -> None:
    result = VALIDATOR.validate_model_config(None, "DLinear", h=7, **{kind: ["price"]})
    assert f"{kind}: DLinear does not accept" in result.errors[0]
    assert "got ['price']; leave out" in result.errors[0]
    named = result.errors[0].rsplit("such as ", 1)[1].split(" or ")
    assert len(named) == 3
    assert set(named) <= set(MODEL_CATALOG)
    for model in named:
        assert VALIDATOR.validate_model_config(None, model, h=7, **{kind: ["price"]}).is_valid


def test_number_of_series_must_be_that_of_the_data() -> None:
    result = VALIDATOR.validate_model_config({"n_series": 3, "max_steps": 5}, "TSMixer", n_series=2)
    assert "n_series must be the number of series in the data, 2, got 3" in result.errors[0]
    assert result.corrected_config == {"max_steps": 5}
    assert STRICT.validate_model_config({"n_series": 2}, "TSMixer", n_series=2).is_valid


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["ray", "optuna"])
@pytest.mark.parametrize("name", [n for n, r in MODEL_CATALOG.items() if r.has_default_space])
def test_default_spaces_of_neuralforecast_pass(name: str, backend: str) -> None:
    import neuralforecast.auto

    auto = getattr(neuralforecast.auto, f"Auto{name}")
    arguments = {"n_series": 2} if MODEL_CATALOG[name].multivariate else {}
    config = auto.get_default_config(h=12, backend=backend, **arguments)
    if backend == "ray":
        config = {k: v for k, v in config.items() if k not in ("h", "loss", "n_series")}
    result = VALIDATOR.validate_model_config(config, name, h=12)
    assert result.errors == []


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_nothing_raises_whatever_it_is_given(junk: Any) -> None:
    for name in ("backend", "config", "num_samples", "cpus", "time_budget_hours", "random_seed"):
        VALIDATOR.validate_backend_config(**{name: junk})
    for name in ("config", "model_name", "h", "futr_exog_list", "n_series"):
        VALIDATOR.validate_model_config(**{"model_name": "DLinear", name: junk})
    for name in ("required", "dataset", "model_name", "min_memory_gb", "min_disk_gb", "folder"):
        VALIDATOR.validate_environment(**{name: junk})
    VALIDATOR.validate_mlflow_config(junk, junk)


@pytest.mark.parametrize(
    "name",
    ["max_steps", "learning_rate", "input_size", "dropout_prob_theta", "scaler_type", "n_series"],
)
@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_no_value_of_a_parameter_raises(name: str, junk: Any) -> None:
    result = VALIDATOR.validate_model_config({name: junk}, "NHITS", h=7)
    for message in (*result.errors, *result.warnings):
        assert name in message
