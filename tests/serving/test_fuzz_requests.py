"""Requests of every kind to a served model: a forecast or one error of MLflow's, soon."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from cpu_time import cpu_time_below
from hostile import nothing_runs
from mlflow.exceptions import MlflowException
from mlflow_store import make_tables

from automodel_sk import create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.serving.requests import answer

pytestmark = pytest.mark.filterwarnings("ignore")

H = 7
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    3,
    2.5,
    float("nan"),
    float("inf"),
    10**18,
    10**150,
    "",
    "a",
    "7",
    "\x00",
    "²",
    "x" * 10_000,
    "\u202e",
    "2024-01-31",
    "9999-12-31",
    "0001-01-01",
    [],
    [1],
    {},
    {"a": 1},
    (),
    b"bytes",
    pd.NaT,
    pd.NA,
    pd.Timestamp("2024-05-05"),
    pd.Timestamp("2024-05-05", tz="Asia/Tokyo"),
    np.float32(1),
    np.datetime64("2024-01-01"),
    1 + 2j,
    object(),
)


@pytest.fixture(scope="module")
def model() -> Any:
    days = pd.date_range("2024-01-01", periods=60)
    frame = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": days, "y": np.arange(60.0) % 7}) for name in "ab"
    )
    config = {"input_size": 14, "max_steps": 1, "hidden_size": 8, "num_layers": 1}
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    return create_auto_model("MLP", H, frame, config, cpus=1, gpus=0, **options)


@pytest.fixture(scope="module")
def served(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    database = make_tables(Path(tmp_path_factory.mktemp("store")) / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
        return mlflow.pyfunc.load_model(model.log_to_mlflow(f"sqlite:///{database}"))


def rows(chance: random.Random) -> pd.DataFrame:
    length = chance.choice([0, 1, 2, 20, 60])
    return pd.DataFrame(
        {
            "unique_id": pd.Series([chance.choice(["a", "b", "new"])] * length, dtype=object),
            "ds": pd.Series(list(pd.date_range("2024-03-01", periods=length)), dtype=object),
            "y": pd.Series([float(k % 7) for k in range(length)], dtype=object),
        }
    )


def with_odd_cells(frame: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    for _ in range(chance.randint(1, 3)):
        column = chance.choice(["unique_id", "ds", "y"])
        values = list(frame[column])
        for k in range(len(values)):
            if chance.random() < chance.choice([0.05, 1.0]):
                values[k] = chance.choice(ODD)
        frame = frame.assign(**{column: pd.Series(values, dtype=object)})
    return frame


def with_other_names(frame: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    names = ["unique_id", "ds", "y", "UNIQUE_ID", "date", "value", 0, "", None, ("a", "b"), "y "]
    return frame.set_axis(chance.choices(names, k=3), axis=1)


def with_an_index(frame: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    keys = chance.sample(["unique_id", "ds"], chance.randint(1, 2))
    return frame.set_index(keys, drop=chance.random() < 0.5)


def as_json(frame: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    orient: Any = chance.choice(["records", "split", "columns"])
    text = frame.to_json(orient=orient, default_handler=str)
    content = json.loads(text)
    return pd.DataFrame(**content) if orient == "split" else pd.DataFrame(content)


def shuffled(frame: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    return pd.concat([frame, frame]).sample(frac=1, random_state=chance.randint(0, 9))


CHANGES: tuple[Callable[[pd.DataFrame, random.Random], pd.DataFrame], ...] = (
    with_odd_cells,
    with_other_names,
    with_an_index,
    as_json,
    shuffled,
)


def params(chance: random.Random) -> dict[str, Any]:
    if chance.random() < 0.6:
        return {}
    name = chance.choice(["h", "level", "quantiles", "other"])
    odd = chance.choice(ODD)
    return {name: odd if chance.random() < 0.5 else [odd] * chance.choice([1, 2, 500])}


def request_of(seed: int) -> tuple[Any, dict[str, Any]]:
    chance = random.Random(seed)
    frame = rows(chance)
    for _ in range(chance.randint(1, 2)):
        try:
            frame = chance.choice(CHANGES)(frame, chance)
            hash(tuple(frame.columns))  # MLflow and pandas fail on a list as a name
        except Exception:  # pandas itself can't make this one
            return rows(chance), params(chance)
    return frame, params(chance)


def outcome(work: Callable[[], Any], error: type[Exception]) -> Any:
    """Return an answer, or the message of the one kind of error that there may be."""
    try:
        return work()
    except error as problem:
        return str(problem)


@pytest.mark.parametrize("seeds", [range(150), pytest.param(range(3_000), marks=pytest.mark.slow)])
def test_requests_get_a_forecast_or_a_sentence(seeds: range, model: Any, served: Any):
    answered = 0
    for seed in seeds:
        sent, options = request_of(seed)
        with cpu_time_below(10, seed), nothing_runs():
            result = outcome(partial(served.predict, sent, options), MlflowException)
            again = outcome(partial(answer, model, sent, options), InvalidInputError)
        for told in (result, again):
            assert not isinstance(told, str) or "Traceback" not in told, (seed, told)
        assert not isinstance(again, str) or len(again) < 2_000, (seed, again[:3_000])
        answered += isinstance(result, pd.DataFrame)
    assert 0 < answered < len(seeds)
