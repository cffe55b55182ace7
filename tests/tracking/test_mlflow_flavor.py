"""`automodel_sk.mlflow`: models logged, and loaded back as what they were."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from mlflow_store import make_tables
from packaging.requirements import Requirement

import automodel_sk
from automodel_sk import AutoEnsemble, create_auto_model
from automodel_sk.exceptions import InvalidInputError, ModelFileError, TrackingError
from automodel_sk.mlflow import load_model, log_model
from automodel_sk.tracking.mlflow import model as stored_model
from automodel_sk.tracking.records import model_record

FRAME = pd.DataFrame({"shop": "a", "ds": range(40), "y": [0.0, 1.0, 2.0, 3.0] * 10})


@pytest.fixture(scope="module")
def ensemble() -> Any:
    return create_auto_model(
        ["Naive", "SeasonalNaive"],
        4,
        FRAME,
        id_col="shop",
        season_length=4,
        use_mlflow=False,
        verbose=False,
        cpus=1,
        storage=":memory:",
    )


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{make_tables(tmp_path_factory.mktemp('store') / 'mlflow.db')}"


@pytest.fixture(scope="module")
def logged(ensemble: Any, uri: str) -> str:
    return log_model(ensemble, uri, "sales", register_as="shops")


def folder_of(logged: str, uri: str) -> Path:
    model = MlflowClient(uri).get_logged_model(logged.removeprefix("models:/"))
    return Path(str(model.artifact_location).removeprefix("file://"))


def test_a_model_comes_back_as_what_it_was(ensemble: Any, logged: str, uri: str):
    client = MlflowClient(uri)
    client.set_registered_model_alias("shops", "best", "1")
    run = client.get_logged_model(logged.removeprefix("models:/")).source_run_id
    for name in (logged, "models:/shops/1", "models:/shops@best", f"runs:/{run}/AutoEnsemble"):
        loaded = load_model(name, uri)
        assert isinstance(loaded, AutoEnsemble)
        assert loaded.columns.id_col == "shop"
        pd.testing.assert_frame_equal(loaded.predict(), ensemble.predict())
        assert loaded.weights == ensemble.weights
        assert loaded.best_score == ensemble.best_score
    assert not mlflow.active_run()


def test_the_store_set_in_mlflow_is_the_default(
    logged: str, uri: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert load_model(logged).weights == load_model(folder_of(logged, uri).as_posix()).weights


def test_the_description_names_the_flavour(logged: str, uri: str):
    described = yaml.safe_load((folder_of(logged, uri) / "MLmodel").read_text())
    assert described["flavors"]["automodel_sk"] == {
        "data": "artifacts/automodel",
        "version": automodel_sk.__version__,
    }
    assert described["flavors"]["python_function"]["artifacts"]["model"]["path"] == (
        "artifacts/automodel"
    )


def test_a_server_can_install_what_the_model_needs(logged: str, uri: str):
    lines = (folder_of(logged, uri) / "requirements.txt").read_text().splitlines()
    needed = {requirement.name: requirement for requirement in map(Requirement, lines)}
    assert {"automodel_sk", "mlflow", "neuralforecast", "torch"} <= needed.keys()
    for requirement in needed.values():
        assert [each.operator for each in requirement.specifier] == ["=="]
        assert "+" not in str(requirement.specifier)  # no build that an index lacks
    assert needed["automodel_sk"].specifier.contains(automodel_sk.__version__)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, f"automodel_sk=={automodel_sk.__version__}"),
        ({"url": "file:///home/me/automodel_sk", "dir_info": {"editable": True}}, None),
        (
            {
                "url": "https://me:secret@host/automodel_sk.git",
                "vcs_info": {"vcs": "git", "commit_id": "0a1b"},
            },
            "automodel_sk @ git+https://***@host/automodel_sk.git@0a1b",
        ),
    ],
)
def test_a_package_of_a_repository_is_installed_from_there(
    origin: Any, expected: str | None, monkeypatch: pytest.MonkeyPatch
):
    text = None if origin is None else json.dumps(origin)
    known = SimpleNamespace(read_text=lambda name: text)
    monkeypatch.setattr(stored_model, "distribution", lambda name: known)
    found = stored_model._own_requirement()
    assert found == (expected or f"automodel_sk=={automodel_sk.__version__}")


def test_requirements_can_be_given(ensemble: Any, uri: str):
    given = ["automodel_sk @ https://wheels.example/automodel_sk-0.1.0-py3-none-any.whl"]
    name = log_model(ensemble, uri, "sales", pip_requirements=given)
    written = (folder_of(name, uri) / "requirements.txt").read_text().splitlines()
    assert given[0] in written
    with pytest.raises(InvalidInputError, match="pip_requirements must be a list of requirements"):
        log_model(ensemble, uri, pip_requirements="torch")  # type: ignore[arg-type]


def test_what_is_no_model_of_the_package_is_refused(tmp_path: Path, uri: str):
    with pytest.raises(InvalidInputError, match=r"model must be a fitted AutoModel, .* got dict"):
        log_model({"model": 1}, uri)

    class Other(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: list[str]) -> Any:
            return np.zeros(len(model_input))

    mlflow.pyfunc.save_model(tmp_path / "other", python_model=Other(), pip_requirements=["numpy"])
    with pytest.raises(ModelFileError, match=r"is no model of automodel_sk; load it with mlflow"):
        load_model(str(tmp_path / "other"))


def test_a_missing_model_is_told_without_passwords(uri: str):
    with pytest.raises(TrackingError, match=r"MLflow has no model 'models:/nothing/1'"):
        load_model("models:/nothing/1", uri)
    with pytest.raises(TrackingError) as caught:
        load_model("models:/a/1", "http://me:secret@127.0.0.1:1")
    assert "secret" not in str(caught.value)


def test_a_description_cannot_point_elsewhere(logged: str, uri: str, tmp_path: Path):
    folder = tmp_path / "model"
    folder.mkdir()
    described = yaml.safe_load((folder_of(logged, uri) / "MLmodel").read_text())
    for place in ("../elsewhere", "/etc"):
        described["flavors"]["automodel_sk"]["data"] = place
        (folder / "MLmodel").write_text(yaml.safe_dump(described))
        with pytest.raises(ModelFileError, match="points outside of its own folder"):
            load_model(str(folder))


def test_the_example_has_no_column_that_no_member_reads(caplog: pytest.LogCaptureFixture):
    # MLflow warns of each column that it drops.
    frame = FRAME.assign(promo=[0.0, 1.0] * 20).rename(columns={"shop": "unique_id"})
    model = create_auto_model(
        ["Naive", "SeasonalNaive", "DLinear"],
        4,
        frame,
        {"DLinear": {"max_steps": 1, "input_size": 8}},
        num_samples=1,
        futr_exog_list=["promo"],
        ensemble="best",
        season_length=4,
        use_mlflow=False,
        verbose=False,
        cpus=1,
        storage=":memory:",
    )
    assert "promo" in model.state.history()
    assert [*model_record(model).example()] == ["unique_id", "ds", "y"]
    # The column was named, so that the call is not told to name it.
    assert "are not used" not in caplog.text
    assert "columns that none of the models can use are left out: ['promo']" in caplog.text
