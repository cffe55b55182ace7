"""A real `mlflow models serve`, asked by many clients at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from benchmarks.serving import answered, body, served

pytestmark = pytest.mark.slow

DATA = seasonal_panel(n_series=2, length=60)
PASTS = [DATA[DATA["ds"] <= end] for end in DATA["ds"].unique()[20:40]]
WISHES: list[dict[str, Any]] = [{}, {"level": [80.0]}, {"quantiles": [0.1, 0.5, 0.7]}]


def made(number: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    return PASTS[number % len(PASTS)], WISHES[number % len(WISHES)]


@pytest.fixture(scope="module", params=[None, "normal"])
def model(request: pytest.FixtureRequest) -> AutoModel:
    config = {"input_size": 7, "max_steps": 20, "hidden_size": 8, "num_layers": 1}
    quiet: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}
    model = create_auto_model("MLP", 3, DATA, config, request.param, storage=":memory:", **quiet)
    return model if request.param else model.calibrate()


@pytest.fixture(scope="module")
def address(model: AutoModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("served")
    with served(model, folder) as address:
        yield address


@pytest.mark.parametrize("clients", [1, 4, 16])
def test_each_client_gets_its_own_answer(clients: int, model: AutoModel, address: str):
    def ask(number: int) -> pd.DataFrame:
        past, wish = made(number)
        return answered(address, body(past, **wish))

    with ThreadPoolExecutor(clients) as pool:
        got = list(pool.map(ask, range(64)))
    for number, answer in enumerate(got):
        past, wish = made(number)
        answer["ds"] = pd.to_datetime(answer["ds"])
        expected = model.predict(past, **wish)
        pd.testing.assert_frame_equal(answer, expected, check_dtype=False, rtol=1e-5)
