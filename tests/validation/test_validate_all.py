"""One report over every check, and the documented examples of validation."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from odd_values import JUNK
from ray import tune

from automodel_sk._utils.machine import n_cpus
from automodel_sk.validation import ConfigValidator, ValidationReport, validate_all
from automodel_sk.validation.config.parameters import unknown_parameters

VALIDATOR = ConfigValidator()
STRICT = ConfigValidator(strict_mode=True)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


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
    assert len(result.warnings) == 1
    assert result.warnings[0].startswith("hidden_size is not a parameter of NHITS (it is one of ")


def test_unknown_parameters_are_found_by_their_top_name() -> None:
    names = ["max_steps", "hidden_size", "optimizer_kwargs/eps", "accelerator"]
    assert unknown_parameters(names, "NHITS") == ("hidden_size",)


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


@pytest.mark.parametrize("names", ["price", 5])
def test_a_list_that_is_none_is_refused_beside_a_calendar(names: Any) -> None:
    days = pd.date_range("2024-01-01", periods=100, freq="D")
    df = pd.DataFrame({"unique_id": "a", "ds": days, "y": np.arange(100.0), "price": 1.0})
    options = {"dataset": df, "h": 7, "futr_exog_list": names, "check_environment": False}
    report = validate_all("optuna", None, model_class_name="MLP", calendar=True, **options)
    errors = [error for section in report.sections.values() for error in section.errors]
    assert len(errors) == 1
    assert errors[0].startswith(f"futr_exog_list must be a list of column names, got {names!r}")
