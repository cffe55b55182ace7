"""What a container leaves of the machine, and why trials fail, in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk._utils import machine
from automodel_sk.exceptions import NoUsableTrialError
from automodel_sk.search_space import Choice
from automodel_sk.validation import ConfigValidator


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(machine, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(64)))
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class TestShareOfCpus:
    @pytest.mark.parametrize(
        ("quota", "cpus"),
        [("200000 100000\n", 2), ("150000 100000", 2), ("5000 100000", 1), ("max 100000", 64)],
    )
    def test_a_container_s_quota_counts(self, groups: Path, quota: str, cpus: int) -> None:
        write(groups / "cpu.max", quota)
        assert machine.n_cpus() == cpus

    def test_without_groups_all_cores_count(self, groups: Path) -> None:
        assert machine.n_cpus() == 64

    def test_the_tightest_of_nested_groups_counts(self, groups: Path) -> None:
        write(groups / "own", "0::/pods/mine\n")
        write(groups / "pods" / "cpu.max", "300000 100000")
        write(groups / "pods" / "mine" / "cpu.max", "max 100000")
        assert machine.n_cpus() == 3

    @pytest.mark.parametrize(("quota", "cpus"), [("400000", 4), ("-1", 64)])
    def test_version_1_is_read_too(self, groups: Path, quota: str, cpus: int) -> None:
        write(groups / "own", "4:cpu,cpuacct:/docker/a\n5:memory:/docker/a\n")
        write(groups / "cpu" / "docker" / "a" / "cpu.cfs_quota_us", quota)
        write(groups / "cpu" / "docker" / "a" / "cpu.cfs_period_us", "100000")
        assert machine.n_cpus() == cpus


def test_a_reason_is_never_blank() -> None:
    config = {"hidden_size": 10, "n_head": 4, "max_steps": 2, "input_size": Choice([4, 8])}
    options = {"use_mlflow": False, "verbose": False, "storage": ":memory:", "cpus": 1}
    with pytest.raises(NoUsableTrialError, match=r"AssertionError: raised by `assert .*line \d+"):
        create_auto_model("TFT", 2, seasonal_panel(), config, num_samples=2, **options)


@pytest.mark.parametrize("name", ["num_samples", "freq", "time_budget_hours", "cpus"])
def test_an_option_in_a_configuration_is_told_where_it_belongs(name: str) -> None:
    (error,) = ConfigValidator().validate_model_config({"max_steps": 5, name: 1}, "MLP").errors
    assert error == (
        f"{name} is an option of the search, not a parameter of MLP; pass it outside the config:"
        f" create_auto_model(..., {name}=...)"
    )


def test_what_neuralforecast_takes_elsewhere_is_told_what_it_is_here() -> None:
    config = {"max_steps": 5, "local_scaler_type": "standard"}
    (error,) = ConfigValidator().validate_model_config(config, "MLP").errors
    assert error.endswith("scaling is the model's own: try scaler_type='standard'")
