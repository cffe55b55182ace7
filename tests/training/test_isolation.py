"""What training leaves alone: the user's runs, standard output, torch's modes, no stream at all."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow_store import make_tables
from series import seasonal_panel
from typer.testing import CliRunner

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.cli import app
from automodel_sk.search_space import Choice
from automodel_sk.training.patches.isolation import no_autologging, no_prints, quiet
from automodel_sk.training.patches.torch_modes import threads

DATA = seasonal_panel(n_series=2, length=60)
SMALL: dict[str, Any] = {"input_size": 7, "max_steps": 10, "hidden_size": 8, "num_layers": 1}
SEARCHED = {**SMALL, "learning_rate": Choice([1e-3, 1e-2])}


def fit(config: Any = SMALL, **options: Any) -> AutoModel:
    quiet_ones: dict[str, Any] = {
        "use_mlflow": False,
        "storage": ":memory:",
        "verbose": False,
        "cpus": 1,
        "gpus": 0,
        "num_samples": 2,
    }
    return create_auto_model("MLP", 3, DATA, config, **{**quiet_ones, **options})


@pytest.fixture
def autologging(tmp_path: Path) -> Iterator[Any]:
    """MLflow as on Databricks: it logs whatever is trained."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{make_tables(tmp_path / 'mlflow.db')}")
    mlflow.autolog(silent=True)
    mlflow.pytorch.autolog(silent=True)
    yield mlflow
    mlflow.pytorch.autolog(disable=True)
    mlflow.autolog(disable=True)
    mlflow.set_tracking_uri(None)


def runs(mlflow: Any) -> dict[str, int]:
    return {
        experiment.name: len(mlflow.search_runs([experiment.experiment_id], output_format="list"))
        for experiment in mlflow.search_experiments()
    }


@pytest.mark.parametrize("cpus", [1, 2])
def test_autologging_records_no_trial(cpus: int, autologging: Any):
    model = fit(SEARCHED, use_mlflow=True, cpus=cpus)
    model.predict()
    model.cross_validation()
    model.refit(DATA)
    model.update(DATA, max_steps=1)
    assert runs(autologging) == {"automodel_sk": 3, "Default": 0}


def test_autologging_writes_nothing_into_an_open_run(autologging: Any):
    with autologging.start_run() as run:
        fit(SEARCHED).validation_scores(["mae"])
    data = autologging.get_run(run.info.run_id).data
    assert (data.params, data.metrics) == ({}, {})
    assert runs(autologging) == {"Default": 1}


def test_autologging_is_as_it_was_afterwards(autologging: Any):
    from mlflow.utils import autologging_utils

    with autologging_utils.disable_autologging():
        fit()
        assert autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED is True
    with no_autologging():
        assert bool(autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED)
    assert autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED is False


DIVERGING = {**SMALL, "learning_rate": 1e30, "val_check_steps": 5}


def test_what_upstream_prints_of_a_nan_loss_is_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, "automodel_sk")
    with pytest.raises(Exception, match=r"NaN|diverged|finite"):
        fit(DIVERGING, precision="32-true")
    assert capfd.readouterr().out == ""
    assert "Model Parameters" in caplog.text


def test_a_search_over_nan_losses_writes_nothing_to_standard_output(
    capfd: pytest.CaptureFixture[str],
):
    fit({**SMALL, "learning_rate": Choice([1e30, 1e-2])}, num_samples=4, precision="32-true")
    assert capfd.readouterr().out == ""


def test_the_command_line_gives_json_alone(tmp_path: Path):
    DATA.to_csv(tmp_path / "data.csv", index=False)
    space = {**SMALL, "learning_rate": {"choice": [0.01, 1e30]}}
    (tmp_path / "space.json").write_text(json.dumps(space))
    told = CliRunner().invoke(
        app,
        [
            *("fit", str(tmp_path / "data.csv"), "--model", "MLP", "--h", "3", "--json"),
            *("--space", str(tmp_path / "space.json"), "--no-mlflow", "--quiet"),
            *("--num-samples", "4", "--cpus", "1", "--output", str(tmp_path / "model")),
        ],
    )
    assert json.loads(told.stdout)


def test_what_users_print_in_a_metric_is_shown(capfd: pytest.CaptureFixture[str]):
    def metric(y_true: Any, y_pred: Any) -> float:
        print("a metric of mine")
        return float(np.abs(y_true - y_pred).mean())

    fit(SEARCHED, metric=metric)
    assert "a metric of mine" in capfd.readouterr().out


def test_standard_output_is_as_it_was():
    before = sys.stdout
    with no_prints():
        with redirect_stdout(io.StringIO()) as text:
            print("x")
        assert text.getvalue() == "x\n"
    assert sys.stdout is before


def test_a_process_without_streams(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    model = fit(SEARCHED, verbose=True)
    assert len(model.predict()) == 6


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def forecasts(config: Any, folder: Path) -> pd.DataFrame:
    model = fit(config)
    model.save(folder)
    model = AutoModel.load(folder)
    point, cross = model.predict(level=[80]), model.cross_validation(DATA)
    return pd.concat([point, model.update(DATA, max_steps=2).predict(), cross])


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(SMALL, id="fixed"),
        pytest.param(SEARCHED, id="searched", marks=pytest.mark.slow),
    ],
)
def test_torch_set_to_other_modes_changes_no_forecast(config: Any, double: None, tmp_path: Path):
    changed = forecasts(config, tmp_path / "model")
    assert torch.get_default_dtype() is torch.float64
    torch.set_default_dtype(torch.float32)
    expected = forecasts(config, tmp_path / "model")
    pd.testing.assert_frame_equal(changed, expected, rtol=1e-5)
    for mode in (torch.inference_mode(), torch.no_grad(), torch.autocast("cpu", torch.bfloat16)):
        with mode:
            pd.testing.assert_frame_equal(
                forecasts(config, tmp_path / "model"), expected, rtol=1e-5
            )


def test_no_call_shows_warnings_of_libraries():
    model = fit()
    model.to_neuralforecast().predict()  # leaves a trainer on the model, as users may
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.simulate(n_paths=2)
        model.simulate(DATA, n_paths=2, method="gaussian_copula")
        model.update(DATA, max_steps=1).predict(level=[80])
        model.refit(DATA).cross_validation()


def test_quiet_threads_may_come_and_go_in_any_order():
    before = list(warnings.filters), logging.getLogger("optuna").level
    first, second = quiet(), quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert (list(warnings.filters), logging.getLogger("optuna").level) == before


def test_a_number_of_threads_is_this_threads_alone():
    from concurrent.futures import ThreadPoolExecutor

    before = torch.get_num_threads()
    with threads(before + 1), ThreadPoolExecutor(1) as elsewhere:
        assert torch.get_num_threads() == before + 1
        assert elsewhere.submit(torch.get_num_threads).result() == before
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before
