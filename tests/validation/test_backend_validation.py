"""Bad options, and what the machine lacks, are found, named, and fixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ray import tune

from automodel_sk._utils.machine import n_cpus
from automodel_sk.search_space import SearchSpace
from automodel_sk.validation import ConfigValidator

VALIDATOR = ConfigValidator()
STRICT = ConfigValidator(strict_mode=True)


BACKEND_TABLE = [
    ({"backend": "Optuna "}, "backend must be 'optuna' or 'ray', got 'Optuna '", "optuna"),
    ({"backend": "rai"}, "did you mean 'ray'?", "ray"),
    ({"backend": "hyperopt-lib"}, "try backend='optuna'", "optuna"),
    ({"backend": None}, "backend must be 'optuna' or 'ray', got None", "optuna"),
    ({"backend": 3}, "backend must be 'optuna' or 'ray', got 3", "optuna"),
    ({"num_samples": 0}, "num_samples must be a whole number of at least 1 or None", 10),
    ({"num_samples": -5}, "got -5; try num_samples=10", 10),
    ({"num_samples": True}, "num_samples must be a whole number of at least 1 or None", 10),
    ({"num_samples": 20.0}, "got 20.0; try num_samples=20", 20),
    ({"num_samples": 2.5}, "got 2.5; try num_samples=10", 10),
    ({"num_samples": "50"}, "got '50'; try num_samples=50", 50),
    ({"cpus": 0}, "cpus must be a number above 0 or None, got 0; try cpus=1", 1),
    ({"cpus": "all"}, "cpus must be a number above 0 or None, got 'all'", 1),
    ({"cpus": float("nan")}, "cpus must be a number above 0 or None, got nan", 1),
    ({"gpus": -1}, "gpus must be a number of at least 0 or None", 0),
    ({"gpus": True}, "gpus must be a number of at least 0 or None", 0),
    ({"time_budget_hours": 0}, "time_budget_hours must be a number above 0 or None, got 0", 1.0),
    (
        {"trial_timeout_minutes": 0},
        "trial_timeout_minutes must be a number above 0 or None, got 0; try",
        60.0,
    ),
    ({"time_budget_hours": "2"}, "got '2'; try time_budget_hours=2.0", 2.0),
    ({"time_budget_hours": float("inf")}, "time_budget_hours must be a number above 0", 1.0),
    (
        {"ray_address": 6379},
        "ray_address must be a string on one line of at most 200 characters or None, got 6379",
        None,
    ),
    ({"ray_address": " "}, "got ' '; try ray_address='auto'", None),
    ({"random_seed": -1}, "random_seed must be a whole number of at least 0", 42),
    ({"random_seed": 1.5}, "random_seed must be a whole number of at least 0", 42),
    ({"random_seed": 2**32}, "and at most 4294967295 or None (None: drawn), got 4294967296", 42),
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


def test_a_cluster_is_not_measured_by_this_machine() -> None:
    options = {"backend": "ray", "cpus": 10_000, "gpus": 64, "ray_address": "auto"}
    result = STRICT.validate_backend_config(**options)
    assert (result.errors, result.warnings, result.corrected_config) == ([], [], None)


def test_an_address_of_rays_client_is_refused() -> None:
    result = VALIDATOR.validate_backend_config(backend="ray", ray_address="ray://head:10001")
    assert "run the program on a machine of the cluster with ray_address='auto'" in result.errors[0]
    assert result.corrected_config == {"ray_address": "auto"}


def test_a_cluster_that_optuna_would_not_use_is_said() -> None:
    result = VALIDATOR.validate_backend_config(ray_address="auto")
    assert "ray_address='auto' is only for backend='ray'" in result.warnings[0]
    assert result.corrected_config == {"ray_address": None}


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
        ({"min_memory_gb": 10**9}, "GB are free, min_memory_gb=1000000000 are required"),
        ({"min_memory_gb": -1}, "min_memory_gb must be a number of at least 0 or None, got -1"),
        ({"min_disk_gb": 10**12}, "GB are free, min_disk_gb=1000000000000 are required"),
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
    assert "GB are free, but about 3000000.5 GB are needed" in result.warnings[0]
