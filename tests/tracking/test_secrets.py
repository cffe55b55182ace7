"""Passwords in addresses reach no file, log, message, tracked parameter or repr."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from postgres import running_server
from series import seasonal_panel

from automodel_sk import OptimizationConfig, create_auto_model
from automodel_sk.exceptions import AutoModelError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search_space import Float
from automodel_sk.validation import ConfigValidator

pytestmark = pytest.mark.filterwarnings("ignore")

SECRET = "s3cr3t-w0rd"
DATABASE = f"postgresql://u:{SECRET}@127.0.0.1:1/db"
SERVER = f"http://u:{SECRET}@127.0.0.1:1"
SPACE = {"max_steps": 2, "input_size": 4, "learning_rate": Float(1e-3, 1e-2)}
TINY = {"num_samples": 1, "cpus": 1, "gpus": 0}


@pytest.fixture
def leaks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[[str], None]]:
    """Look for the secret in what is said, at the end also in every file and log record."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)

    def look(text: str) -> None:
        assert SECRET not in text, text

    yield look
    said = capsys.readouterr()
    look(said.out + said.err + caplog.text)
    for record in caplog.records:
        look(record.getMessage() + str(record.args))
    for path in tmp_path.rglob("*"):
        look(str(path))
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def told(work: Callable[[], Any]) -> str:
    """Return all that a traceback would show of an error, its causes included."""
    with pytest.raises(AutoModelError) as caught:
        work()
    return "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "storage",
    [
        DATABASE,
        pytest.param(DATABASE.replace("postgresql", "postgresql+psycopg"), marks=pytest.mark.slow),
    ],
)
def test_an_unreachable_database(storage: str, leaks: Callable[[str], None]):
    panel = seasonal_panel(length=30)
    options: dict[str, Any] = {"storage": storage, "use_mlflow": False, "study_name": "x"}
    text = told(lambda: create_auto_model("MLP", 2, panel, SPACE, **options, **TINY))
    leaks(text)
    assert "***@127.0.0.1:1" in text


@pytest.mark.parametrize(
    "storage",
    [f"nonsense://u:{SECRET}@host/db", f"postgresql://u:{SECRET}@:x/y", f"mysql://u:{SECRET}@h/d"],
)
def test_addresses_that_are_wrong(storage: str, leaks: Callable[[str], None]):
    panel = seasonal_panel(length=30)
    options: dict[str, Any] = {"storage": storage, "use_mlflow": False}
    leaks(told(lambda: create_auto_model("MLP", 2, panel, SPACE, **options, **TINY)))


def test_an_unreachable_tracking_server(leaks: Callable[[str], None]):
    panel = seasonal_panel(length=30)
    options: dict[str, Any] = {"storage": ":memory:", "mlflow_tracking_uri": SERVER}
    leaks(told(lambda: create_auto_model("MLP", 2, panel, SPACE, **options, **TINY)))
    result = ConfigValidator().validate_mlflow_config(SERVER)
    assert not result.is_valid
    leaks(str(result) + repr(result) + result._repr_html_())


def test_reprs(leaks: Callable[[str], None]):
    options = OptimizationConfig(storage=DATABASE, mlflow_tracking_uri=SERVER)
    assert "postgresql://***@127.0.0.1:1/db" in repr(options)
    assert options.storage == DATABASE
    leaks(repr(options) + str(options) + repr(replace(options, num_samples=3)))
    location = StudyLocation("study", DATABASE)
    leaks(repr(location) + str(location))
    forecaster = AutoNeuralForecaster(storage=DATABASE, mlflow_tracking_uri=SERVER)
    assert "***@127.0.0.1:1/db" in repr(forecaster)
    leaks(repr(forecaster) + str(forecaster) + forecaster._repr_html_())
    leaks(str(forecaster._repr_mimebundle_()))
    assert forecaster.get_params()["storage"] == DATABASE


def test_saved_forecasters_and_models(leaks: Callable[[str], None]):
    config = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    y = pd.Series([float(step % 4) for step in range(30)])
    forecaster = AutoNeuralForecaster("MLP", config, gpus=0).fit(y, fh=[1])
    # set_params would make it forget that it is fitted
    forecaster.storage, forecaster.mlflow_tracking_uri = DATABASE, SERVER
    forecaster.ray_address = f"ray://u:{SECRET}@head:10001"
    folder = forecaster.save("forecaster", "safe")
    back = AutoNeuralForecaster.load(folder)
    assert (back.storage, back.mlflow_tracking_uri) == (":memory:", None)
    leaks(repr(back) + repr(back.auto_model_))


@pytest.mark.slow
def test_a_search_that_went_well(leaks: Callable[[str], None], tmp_path: Path):
    """A real server, a real store: what is tracked, saved and reported is searched too."""
    with running_server() as server:
        user, place = server.url.split("@", 1)
        storage = f"{user.rsplit(':', 1)[0] if user.count(':') > 1 else user}:{SECRET}@{place}"
        model = create_auto_model(
            "MLP",
            2,
            seasonal_panel(length=30),
            {**SPACE, "hidden_size": 8},
            storage=storage,
            study_name="s",
            mlflow_tracking_uri=f"sqlite:///{tmp_path}/mlflow.db",
            **{**TINY, "num_samples": 2},
        )
    assert len(model.trials) == 2
    assert (tmp_path / "mlflow.db").is_file()
    model.save("model")
    leaks(repr(model) + str(model.strategy) + str(model.diagnose()) + model.trials.to_string())
