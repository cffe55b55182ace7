"""A real tracking server and its page in a browser, a model served over real HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from browser import chromium, wait_for
from mlflow import MlflowClient
from mlflow_store import closed_port, make_tables, mlflow_server, running
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.search_space import Float

pytestmark = pytest.mark.slow

EXPERIMENT = "seasons"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    make_tables(folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        # A busy machine's server is slow, not dead.
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
        with mlflow_server(folder) as uri:
            yield uri


@pytest.fixture(scope="module")
def models(server: str) -> list[AutoModel]:
    """Two searches on the server."""
    return [
        create_auto_model(
            "NLinear",
            6,
            seasonal_panel(length=length),
            {
                "input_size": 12,
                "max_steps": 20,
                "val_check_steps": 2,
                "learning_rate": Float(1e-4, 1e-2, log=True),
            },
            num_samples=3,
            cpus=1,
            study_name=f"panel of {length}",
            storage=":memory:",
            verbose=False,
            mlflow_tracking_uri=server,
            mlflow_experiment_name=EXPERIMENT,
            mlflow_register_as="seasons",
        )
        for length in (80, 120)
    ]


@pytest.fixture
def client(server: str, models: list[AutoModel]) -> MlflowClient:
    return MlflowClient(server)


def experiment_of(client: MlflowClient) -> str:
    return str(client.get_experiment_by_name(EXPERIMENT).experiment_id)


def runs_of(client: MlflowClient) -> dict[str, str]:
    runs = client.search_runs([experiment_of(client)])
    return {run.info.run_name: run.info.run_id for run in runs}


# --- a model -----------------------------------------------------------------------------


def test_a_model_comes_back_from_a_server(
    client: MlflowClient, server: str, models: list[AutoModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    versions = {v.version: v.run_id for v in client.search_model_versions("name='seasons'")}
    for model, version in zip(models, ("1", "2"), strict=True):
        loaded = mlflow.pyfunc.load_model(f"models:/seasons/{version}")
        pd.testing.assert_frame_equal(loaded.predict(pd.DataFrame()), model.predict())
        output = client.get_run({str(k): v for k, v in versions.items()}[version]).outputs
        assert loaded.model_id == output.model_outputs[0].model_id


def ask(url: str, body: dict[str, Any]) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{url}/invocations",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_served_model_answers_over_http(
    server: str, models: list[AutoModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    model = models[1]
    command = ["models", "serve", "-m", "models:/seasons/2", "--env-manager", "local"]
    with running(command, tmp_path, closed_port(), "/ping") as url:
        status, answer = ask(url, {"dataframe_records": []})
        assert status == 200
        assert_same(answer, model.predict())

        other = seasonal_panel(n_series=1, length=50)
        rows = other.assign(ds=other["ds"].astype(str)).to_dict("records")
        status, answer = ask(url, {"dataframe_records": rows, "params": {"quantiles": [0.1, 0.9]}})
        assert status == 200
        assert_same(answer, model.predict(other, quantiles=[0.1, 0.9]))

        status, answer = ask(url, {"dataframe_records": [{"unique_id": "unknown"}]})
        assert status == 400
        assert "the series 'unknown' was not trained on and has no past" in answer["message"]


def assert_same(answer: Any, expected: pd.DataFrame) -> None:
    result = pd.DataFrame(answer["predictions"])
    result["ds"] = pd.to_datetime(result["ds"])
    pd.testing.assert_frame_equal(result, expected, check_dtype=False, rtol=1e-5)


# --- the page ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        opened.set_window_size(1600, 1200)
        yield opened


def look(browser: Any, url: str, *words: str) -> str:
    """Open a page of MLflow's and wait until it shows some words; return all that it shows."""
    browser.get(url)

    def shown() -> str:
        return str(browser.execute_script("return document.body.innerText"))

    wait_for(browser, lambda: all(word in shown() for word in words))
    return shown()


def test_searches_stand_beside_each_other_on_the_page(
    browser: Any, client: MlflowClient, server: str, models: list[AutoModel]
) -> None:
    experiment = experiment_of(client)
    text = look(browser, f"{server}/#/experiments/{experiment}/runs", "panel of 80", "panel of 120")
    assert "dataset" in text
    assert "Training runs" in text
    runs = runs_of(client)
    chosen = [runs["panel of 80"], runs["panel of 120"]]
    query = f'runs=["{chosen[0]}","{chosen[1]}"]&experiments=["{experiment}"]'
    text = look(browser, f"{server}/#/compare-runs?{query}", "best_score", "n_series")
    for model in models:
        assert f"{model.best_score:.2f}"[:-1] in text


def test_the_page_of_a_search_and_of_a_trial(
    browser: Any, client: MlflowClient, server: str, models: list[AutoModel]
) -> None:
    experiment, runs = experiment_of(client), runs_of(client)
    page = f"{server}/#/experiments/{experiment}/runs"
    text = look(browser, f"{page}/{runs['panel of 120']}", "best_score", "NLinear", "dataset")
    assert "seasons" in text
    assert "algorithm" in text
    text = look(browser, f"{page}/{runs['trial 0']}", "best_val_loss", "learning_rate")
    assert "duration_seconds" in text
    look(browser, f"{page}/{runs['trial 0']}/model-metrics", "val_loss")
