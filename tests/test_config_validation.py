"""Bad options, spaces, machines and addresses are found, named, and mended."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from ray import tune

from automodel_sk.catalog import MODEL_CATALOG
from automodel_sk.search_space import Choice, Float, Integer, Normal, SearchSpace
from automodel_sk.validation import ConfigValidator, ValidationReport, validate_all
from automodel_sk.validation.machine import n_cpus
from automodel_sk.validation.parameters import unknown_parameters

VALIDATOR = ConfigValidator()
STRICT = ConfigValidator(strict_mode=True)


class Unspeakable:
    """An object that fails at everything it is asked."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equal")

    __hash__ = None  # type: ignore[assignment]


JUNK = [
    ...,
    Unspeakable(),
    float("nan"),
    float("inf"),
    10**400,
    -1,
    True,
    "",
    "x",
    b"x",
    [],
    {},
    {1: 2},
    {"max_steps": Unspeakable()},
    object(),
    int,
    len,
    np.array([1, 2]),
    pd.DataFrame({"a": [1]}),
    1j,
]


# ------------------------------------------------------------------ backend and options

BACKEND_TABLE = [
    ({"backend": "Optuna "}, "backend must be 'optuna' or 'ray', got 'Optuna '", "optuna"),
    ({"backend": "rai"}, "did you mean 'ray'?", "ray"),
    ({"backend": "hyperopt-lib"}, "try backend='optuna'", "optuna"),
    ({"backend": None}, "backend must be 'optuna' or 'ray', got None", "optuna"),
    ({"backend": 3}, "backend must be 'optuna' or 'ray', got 3", "optuna"),
    ({"num_samples": 0}, "num_samples must be a whole number of at least 1 or None", 10),
    ({"num_samples": -5}, "got -5; try num_samples=10", 10),
    ({"num_samples": True}, "num_samples must be a whole number of at least 1 or None", 10),
    ({"num_samples": 20.0}, "got 20.0; try num_samples=10", 20),
    ({"num_samples": 2.5}, "got 2.5; try num_samples=10", 10),
    ({"num_samples": "50"}, "got '50'; try num_samples=10", 50),
    ({"cpus": 0}, "cpus must be a number above 0 or None, got 0; try cpus=1", 1),
    ({"cpus": "all"}, "cpus must be a number above 0 or None, got 'all'", 1),
    ({"cpus": float("nan")}, "cpus must be a number above 0 or None, got nan", 1),
    ({"gpus": -1}, "gpus must be a number of at least 0 or None", 0),
    ({"gpus": True}, "gpus must be a number of at least 0 or None", 0),
    ({"time_budget_hours": 0}, "time_budget_hours must be a number above 0 or None, got 0", 1.0),
    ({"time_budget_hours": "2"}, "got '2'; try time_budget_hours=1.0", 2.0),
    ({"time_budget_hours": float("inf")}, "time_budget_hours must be a number above 0", 1.0),
    ({"random_seed": -1}, "random_seed must be a whole number of at least 0", 42),
    ({"random_seed": 1.5}, "random_seed must be a whole number of at least 0", 42),
    ({"random_seed": 2**32}, "and at most 4294967295 or None, got 4294967296", 42),
]


@pytest.mark.parametrize(("options", "message", "correction"), BACKEND_TABLE)
def test_bad_option_is_named_and_mended(
    options: dict[str, Any], message: str, correction: Any
) -> None:
    result = VALIDATOR.validate_backend_config(**options)
    (name,) = options
    assert not result.is_valid
    assert len(result.errors) == 1
    assert message in result.errors[0]
    assert result.corrected_config == {name: correction}
    assert VALIDATOR.validate_backend_config(**{**options, **result.corrected_config}).is_valid


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"backend": "ray", "num_samples": 1, "cpus": 0.5, "gpus": 0},
        {"num_samples": np.int64(5), "cpus": np.float64(1.0), "random_seed": np.int32(0)},
        {"config": {"max_steps": tune.choice([10, 20])}, "time_budget_hours": 0.01},
        {"config": lambda trial: {"max_steps": trial.suggest_int("max_steps", 1, 5)}},
        {"config": SearchSpace.parse({"max_steps": 10})},
    ],
)
def test_good_options_pass_in_strict_mode(options: dict[str, Any]) -> None:
    result = STRICT.validate_backend_config(**options)
    assert (result.errors, result.warnings, result.corrected_config) == ([], [], None)


def test_more_cores_than_the_machine_has_is_a_warning_and_an_error_in_strict_mode() -> None:
    asked = n_cpus() + 1000
    result = VALIDATOR.validate_backend_config(cpus=asked)
    assert result.is_valid
    assert f"cpus={asked} is above the {n_cpus()} that this machine has" in result.warnings[0]
    assert result.corrected_config == {"cpus": n_cpus()}
    strict = STRICT.validate_backend_config(cpus=asked)
    assert (strict.is_valid, strict.errors, strict.warnings) == (False, result.warnings, [])
    assert STRICT.validate_backend_config(**strict.corrected_config).is_valid


def test_more_gpus_than_the_machine_has_is_a_warning() -> None:
    import torch

    result = VALIDATOR.validate_backend_config(gpus=1000)
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    expected = "is above" if available else "CUDA isn't available here; training runs on the CPU"
    assert result.is_valid
    assert expected in result.warnings[0]
    assert result.corrected_config == {"gpus": available}


# ------------------------------------------------------------------ the model's configuration

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
        "h has no place in config, got 7; pass it beside the config: create_auto_model(..., h=24)",
        {"max_steps": 5},
    ),
    ({"loss": "MAE", "max_steps": 5}, "loss has no place in config", {"max_steps": 5}),
    ({"valid_loss": 1, "max_steps": 5}, "another with metric='mae'", {"max_steps": 5}),
    (
        {"futr_exog_list": ["price"], "max_steps": 5},
        "futr_exog_list has no place in config, got ['price']; pass it beside the config",
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
    assert f"{kind}: DLinear takes no" in result.errors[0]
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


def test_unknown_parameters_are_found_by_their_top_name() -> None:
    names = ["max_steps", "hidden_size", "optimizer_kwargs/eps", "accelerator"]
    assert unknown_parameters(names, "NHITS") == ("hidden_size",)


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


# ------------------------------------------------------------------ nothing raises


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


# ------------------------------------------------------------------ the machine


def test_this_machine_passes() -> None:
    result = VALIDATOR.validate_environment()
    assert result.errors == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"required": ["no-such-package"]}, "no-such-package is not installed; try pip install"),
        (
            {"required": {"numpy": "99.0"}},
            "is too old, 99.0 or later is needed; try pip install -U",
        ),
        ({"required": {"no-such-package": "2.0"}}, "try pip install 'no-such-package>=2.0'"),
        ({"required": 5}, "required must list names of packages, got 5"),
        ({"min_memory_gb": 10**9}, "GB are free, min_memory_gb=1000000000 are asked for"),
        ({"min_memory_gb": -1}, "min_memory_gb must be a number of at least 0 or None, got -1"),
        ({"min_disk_gb": 10**12}, "GB are free, min_disk_gb=1000000000000 are asked for"),
        ({"min_disk_gb": "x"}, "min_disk_gb must be a number of at least 0 or None, got 'x'"),
        ({"folder": "/no/such/folder"}, "folder must be an existing folder"),
    ],
)
def test_what_the_machine_lacks_is_named(options: dict[str, Any], message: str) -> None:
    result = VALIDATOR.validate_environment(**options)
    assert not result.is_valid
    assert message in result.errors[0]
    corrected = result.corrected_config
    if corrected:
        assert VALIDATOR.validate_environment(**{**options, **corrected}).is_valid


def test_data_too_large_for_the_memory_is_a_warning() -> None:
    class Huge(pd.DataFrame):
        def memory_usage(self, index: bool = True, deep: bool = False) -> pd.Series:
            return pd.Series([10**15])

    result = VALIDATOR.validate_environment([], dataset=Huge())
    assert result.is_valid
    assert "GB are free, about 3000000.5 GB are needed" in result.warnings[0]


# ------------------------------------------------------------------ tracking


@pytest.fixture(autouse=True)
def _no_tracking_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def _server(status: int) -> Iterator[tuple[int, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"OK")

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_server_that_answers_is_asked_for_its_health() -> None:
    with _server(200) as (port, asked):
        uri = f"http://me:secret@127.0.0.1:{port}/"
        result = STRICT.validate_mlflow_config(uri, "production_forecast")
    assert (result.errors, result.warnings) == ([], [])
    assert asked == ["/health None"]


@pytest.mark.parametrize("status", [401, 404])
def test_server_with_another_answer_is_a_warning(status: int) -> None:
    with _server(status) as (port, _):
        result = VALIDATOR.validate_mlflow_config(f"http://127.0.0.1:{port}")
    assert result.is_valid
    assert f"answered {status} at /health where an MLflow server says 200" in result.warnings[0]


def test_server_that_asks_for_the_given_password_is_fine() -> None:
    with _server(401) as (port, _):
        result = STRICT.validate_mlflow_config(f"http://me:secret@127.0.0.1:{port}")
    assert result.is_valid


def test_server_in_trouble_is_an_error() -> None:
    with _server(503) as (port, _):
        result = VALIDATOR.validate_mlflow_config(f"http://127.0.0.1:{port}")
    assert "answered 503" in result.errors[0]


def test_closed_port_is_an_error_without_the_password(closed_port: int) -> None:
    result = VALIDATOR.validate_mlflow_config(f"http://me:secret@127.0.0.1:{closed_port}?t=secret")
    assert result.errors[0].startswith(
        f"mlflow_tracking_uri can't be reached: 'http://***@127.0.0.1:{closed_port}' refused the "
        "connection; start the server"
    )
    assert "secret" not in str(result)


def test_silent_server_is_given_up_at_the_deadline(silent_port: int) -> None:
    uri = f"http://127.0.0.1:{silent_port}"
    started = time.monotonic()
    result = VALIDATOR.validate_mlflow_config(uri, deadline_seconds=0.3)
    assert time.monotonic() - started < 3.0
    assert "gave no answer" in result.errors[0]


def test_dripping_server_is_given_up_at_the_deadline() -> None:
    """Each byte restarts a socket's own timeout; the deadline holds nonetheless."""
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            while not stop.wait(0.05):
                connection.sendall(b"H")

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = VALIDATOR.validate_mlflow_config(uri, deadline_seconds=0.4)
        stop.set()
        thread.join()
    assert "gave no answer within 0.4 s" in result.errors[0]


def test_database_port_is_asked(closed_port: int, silent_port: int) -> None:
    refused = VALIDATOR.validate_mlflow_config(
        f"postgresql+psycopg2://me:secret@127.0.0.1:{closed_port}/runs"
    )
    assert "refused the connection; start the database" in refused.errors[0]
    assert "secret" not in str(refused)
    open_port = VALIDATOR.validate_mlflow_config(f"mysql://me:secret@127.0.0.1:{silent_port}/runs")
    assert open_port.is_valid


URI_TABLE = [
    ("", "mlflow_tracking_uri must be an address, got ''"),
    (5, "mlflow_tracking_uri must be an address, got 5"),
    ("ftp://me:secret@host/runs", "has the scheme 'ftp', got 'ftp://***@host/runs'"),
    ("htp://host:5000", "did you mean 'http'?"),
    ("localhost:5000", "lacks its scheme, got 'localhost:5000'; try 'http://localhost:5000'"),
    ("me:secret@host:5000", "lacks its scheme, got '***@host:5000'"),
    ("http://", "must name a host and a port"),
    ("http://me:secret@host:port", "must name a host and a port from 1 to 65535"),
    ("http://host:99999", "must name a host and a port from 1 to 65535"),
    ("http://me:sec/ret@:5000", "must name a host and a port"),
    ("./mlruns", "names a folder, got './mlruns', and MLflow refuses folders"),
    ("file:///tmp/mlruns", "names a folder, got 'file:///tmp/mlruns'"),
    (Path("mlruns"), "names a folder, got 'mlruns'"),
    ("sqlite://mlflow.db", "needs three slashes after 'sqlite:'"),
    ("sqlite:mlflow.db", "needs three slashes after 'sqlite:'"),
    ("sqlite:///:memory:", "keeps its runs in memory"),
    ("sqlite:////no/such/folder/mlflow.db", "lies in a folder that doesn't exist"),
    ("sqlite:////tmp", "names the file '/tmp', which is a folder"),
]


@pytest.mark.parametrize(("uri", "message"), URI_TABLE)
def test_bad_address_is_named(uri: Any, message: str) -> None:
    result = VALIDATOR.validate_mlflow_config(uri)
    assert not result.is_valid
    assert message in result.errors[0]
    assert "secret" not in str(result)
    assert "sec/ret" not in str(result)


@pytest.mark.parametrize("uri", ["", "./mlruns", "sqlite://mlflow.db", "sqlite:///:memory:"])
def test_corrected_address_passes(uri: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    corrected = VALIDATOR.validate_mlflow_config(uri).corrected_config
    assert corrected == {"mlflow_tracking_uri": "sqlite:///mlflow.db"}
    assert STRICT.validate_mlflow_config(corrected["mlflow_tracking_uri"]).is_valid


@pytest.mark.parametrize("uri", [None, "databricks", "databricks://profile"])
def test_addresses_that_are_not_asked(uri: str | None) -> None:
    assert STRICT.validate_mlflow_config(uri).is_valid


def test_sqlite_file_that_can_be_made_passes(tmp_path: Path) -> None:
    assert STRICT.validate_mlflow_config(f"sqlite:///{tmp_path}/mlflow.db").is_valid


def test_folder_passes_where_mlflow_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert STRICT.validate_mlflow_config("./mlruns").is_valid


def test_blanks_around_an_address_are_a_warning(tmp_path: Path) -> None:
    result = VALIDATOR.validate_mlflow_config(f" sqlite:///{tmp_path}/a.db\n")
    assert result.is_valid
    assert "has blanks around it" in result.warnings[0]
    assert result.corrected_config == {"mlflow_tracking_uri": f"sqlite:///{tmp_path}/a.db"}


@pytest.mark.parametrize(
    ("name", "message", "correction"),
    [
        ("", "must not be empty, got ''", "forecast"),
        ("   ", "must not be empty, got '   '", "forecast"),
        ("weekly\nsales", "must be on one line", "weekly sales"),
        ("x" * 501, "must have at most 500 characters (501 are too many)", "x" * 500),
        (7, "must be a string, got 7", "7"),
        (["a"], "must be a string, got ['a']", "forecast"),
    ],
)
def test_bad_experiment_name_is_named_and_mended(name: Any, message: str, correction: str) -> None:
    result = VALIDATOR.validate_mlflow_config(None, name)
    assert message in result.errors[0]
    assert result.corrected_config == {"mlflow_experiment_name": correction}
    assert VALIDATOR.validate_mlflow_config(None, correction).is_valid


# ------------------------------------------------------------------ everything at once


def _daily(length: int = 200) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=length, freq="D")
    return pd.DataFrame({"unique_id": "a", "ds": days, "y": np.sin(np.arange(length))})


def test_report_has_a_section_for_each_check(closed_port: int) -> None:
    report = validate_all(
        "Optuna",
        {"lerning_rate": 0.01, "input_size": 20},
        0,
        1,
        None,
        "NHITS",
        _daily(),
        7,
        time_budget_hours=-1,
        use_mlflow=True,
        mlflow_tracking_uri=f"http://127.0.0.1:{closed_port}",
        mlflow_experiment_name="",
    )
    assert isinstance(report, ValidationReport)
    assert list(report.sections) == ["backend", "model", "environment", "mlflow", "data"]
    assert [len(report[name].errors) for name in ("backend", "model", "mlflow")] == [3, 1, 2]
    assert report["data"].errors == []
    assert report.corrected_config == {
        "backend": "optuna",
        "num_samples": 10,
        "time_budget_hours": 1.0,
        "config": {"input_size": 20, "learning_rate": 0.01},
        "mlflow_experiment_name": "forecast",
    }


def test_corrections_of_a_report_validate_on_retry() -> None:
    arguments: dict[str, Any] = {
        "backend": "RAY",
        "config": {"max_steps": tune.choice([0, 10]), "lr": 0.1},
        "num_samples": "20",
        "cpus": n_cpus() + 1,
        "model_class_name": "AutoDLinear",
        "dataset": _daily(),
        "h": 7,
        "random_seed": -1,
        "use_mlflow": True,
        "mlflow_tracking_uri": "./mlruns",
    }
    report = validate_all(**arguments)
    assert not report.is_valid
    retry = validate_all(**{**arguments, **(report.corrected_config or {})})
    assert retry.is_valid, retry.errors
    exogenous = {**arguments, **(report.corrected_config or {}), "hist_exog_list": ["y"]}
    assert validate_all(**exogenous).corrected_config["hist_exog_list"] == ()


def test_series_too_short_for_the_largest_input_size_are_found() -> None:
    config = {"input_size": tune.choice([10, 5000])}
    report = validate_all("optuna", config, 5, 1, 0, "NHITS", _daily(), 7, check_environment=False)
    findings = [*report["data"].errors, *report["data"].warnings]
    assert any("5000" in finding for finding in findings), findings
    short = validate_all(
        "optuna", {"input_size": 10}, 5, 1, 0, "NHITS", _daily(), 7, check_environment=False
    )
    assert [*short["data"].errors, *short["data"].warnings] == []


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_validate_all_never_raises(junk: Any) -> None:
    for name in ("config", "model_class_name", "dataset", "h", "freq", "n_windows", "static_df"):
        arguments = {"model_class_name": "NHITS", "dataset": _daily(), "h": 7}
        report = validate_all(**{**arguments, name: junk}, check_environment=False)
        assert isinstance(report, ValidationReport)


# ------------------------------------------------------------------ the documented examples


def test_example_of_the_config_validator() -> None:
    my_config = {"max_steps": tune.choice([100, 200])}
    validator = ConfigValidator(strict_mode=False)
    result = validator.validate_backend_config(
        backend="optuna", config=my_config, num_samples=50, cpus=4, gpus=1
    )
    assert result.is_valid
    assert result.errors == []
    assert isinstance(result.warnings, list)


def test_example_of_the_full_validation() -> None:
    custom_config = {
        "max_steps": tune.choice([500, 1000, 2000]),
        "learning_rate": tune.loguniform(1e-4, 1e-2),
        "batch_size": tune.choice([32, 64, 128]),
    }
    validation_results = validate_all(
        backend="optuna",
        config=custom_config,
        num_samples=50,
        cpus=8,
        gpus=2,
        model_class_name="TFT",
        dataset=_daily(),
        h=24,
        strict_mode=False,
    )
    assert validation_results.is_valid, validation_results.errors


def test_example_with_a_parameter_of_another_model_is_valid() -> None:
    custom_config = {
        "max_steps": tune.choice([1000, 2000, 3000]),
        "learning_rate": tune.loguniform(1e-5, 1e-2),
        "batch_size": tune.choice([64, 128, 256]),
        "n_blocks": tune.choice([[2, 2, 2], [3, 3, 3]]),
        "hidden_size": tune.choice([128, 256, 512]),
    }
    result = VALIDATOR.validate_model_config(custom_config, "NHITS", h=24)
    assert result.is_valid
    assert result.warnings == [
        "hidden_size is not a parameter of NHITS (it is one of "
        f"{result.warnings[0].split('one of ')[1].split(')')[0]}) and is left out; remove it"
    ]


def test_example_of_error_handling_with_a_placeholder() -> None:
    validator = ConfigValidator(strict_mode=True)
    result = validator.validate_backend_config(...)
    assert result.errors == [
        "backend must be 'optuna' or 'ray', got Ellipsis; try backend='optuna'"
    ]
    assert result.corrected_config == {"backend": "optuna"}


def test_example_of_large_data_is_valid() -> None:
    custom_config = {
        "batch_size": tune.choice([256, 512, 1024]),
        "max_steps": tune.choice([500, 1000]),
        "early_stop_patience_steps": 2,
    }
    assert STRICT.validate_model_config(custom_config, "NHITS", h=24).is_valid


def test_example_of_an_unreachable_server(closed_port: int) -> None:
    validation_result = VALIDATOR.validate_mlflow_config(
        tracking_uri=f"http://localhost:{closed_port}"
    )
    assert not validation_result.is_valid
    assert "can't be reached" in validation_result.errors[0]


def test_import_is_light() -> None:
    program = (
        "import sys, automodel_sk.validation\n"
        "heavy = {'torch', 'ray', 'mlflow', 'sktime', 'optuna', 'neuralforecast'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
