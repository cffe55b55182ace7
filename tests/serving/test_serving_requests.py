"""What a served model is asked: right answers, and a sentence for all that has none."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow_store import closed_port, make_tables, running

from automodel_sk import AutoModel, create_auto_model

pytestmark = pytest.mark.filterwarnings("ignore")

H = 7
CONFIG = {"input_size": 14, "max_steps": 2, "hidden_size": 8, "num_layers": 1}
DAYS = pd.date_range("2024-01-01", periods=80)
TRAINED = pd.concat(
    pd.DataFrame({"unique_id": name, "ds": DAYS, "y": np.arange(80.0) % 7 + k})
    for k, name in enumerate(["a", "7"])
)
LATER = pd.DataFrame(
    {
        "unique_id": "a",
        "ds": pd.date_range("2024-10-27", periods=80),
        "y": np.arange(80.0) % 7 + 1000,
    }
)


def trained(frame: pd.DataFrame, **options: Any) -> AutoModel:
    more: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    return create_auto_model("MLP", H, frame, CONFIG, cpus=1, gpus=0, **more, **options)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = make_tables(tmp_path_factory.mktemp("store") / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
        yield f"sqlite:///{database}"


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return trained(TRAINED)


@pytest.fixture(scope="module")
def address(model: AutoModel, store: str) -> str:
    return model.log_to_mlflow(store)


@pytest.fixture(scope="module")
def served(address: str) -> Any:
    return mlflow.pyfunc.load_model(address)


@pytest.fixture(scope="module")
def numbered(store: str) -> Any:
    """A model whose series have whole numbers for names."""
    frame = TRAINED.assign(unique_id=TRAINED["unique_id"].map({"a": 101, "7": 102}))
    return mlflow.pyfunc.load_model(trained(frame).log_to_mlflow(store))


def refused(served: Any, rows: Any, params: dict[str, Any] | None = None) -> str:
    with pytest.raises(MlflowException) as caught:
        served.predict(rows, params=params)
    message = str(caught.value)
    assert "Traceback" not in message
    assert len(message) < 1_000
    return message


def first(answer: pd.DataFrame) -> str:
    return str(answer["ds"].min())[:10]


# --- columns that are missing or misnamed ------------------------------------------------


def test_the_rows_are_forecast_from(served: Any, model: AutoModel):
    pd.testing.assert_frame_equal(served.predict(LATER), model.predict(LATER))
    assert first(served.predict(LATER)) == "2025-01-15"


@pytest.mark.parametrize(
    ("change", "has", "lacks"),
    [
        (lambda df: df.rename(columns={"ds": "date"}), "'unique_id', 'date', 'y'", "'ds'"),
        (lambda df: df.rename(columns={"y": "value"}), "'unique_id', 'ds', 'value'", "'y'"),
        (lambda df: df.rename(columns=str.upper), "'UNIQUE_ID', 'DS', 'Y'", "'unique_id' and 'ds'"),
        (lambda df: df.rename(columns=str.title), "'Unique_Id', 'Ds', 'Y'", "'unique_id' and 'ds'"),
        (lambda df: df.rename(columns={"unique_id": "id"}), "'id', 'ds', 'y'", "'unique_id'"),
        (lambda df: df.drop(columns="ds"), "'unique_id', 'y'", "'ds'"),
        (lambda df: df.drop(columns="y"), "'unique_id', 'ds'", "'y'"),
        (lambda df: df.drop(columns="unique_id"), "'ds', 'y'", "'unique_id'"),
        (lambda df: df.set_index("ds").rename_axis(None), "'unique_id', 'y'", "'ds'"),
        (lambda df: df.assign(y=None), "'unique_id', 'ds', 'y'", "'y'"),
        (lambda df: df[["unique_id"]].rename(columns=str.upper), "'UNIQUE_ID'", "'unique_id'"),
        (lambda df: df[["unique_id"]].assign(region="x", value=1.0), "'region', 'value'", "'ds'"),
        (lambda df: pd.DataFrame([1]), "'0'", "'unique_id'"),
        (lambda df: [1], "no columns", "'unique_id'"),
        (lambda df: {"a": 1}, "'a'", "'unique_id'"),
    ],
)
def test_no_answer_from_the_training_data_for_misnamed_columns(
    change: Callable[[pd.DataFrame], Any], has: str, lacks: str, served: Any
):
    message = refused(served, change(LATER))
    assert has in message
    assert lacks in message.replace(has, "")


def test_keys_in_the_index(served: Any, model: AutoModel):
    expected = model.predict(LATER)
    for keys in (["ds"], ["unique_id"], ["unique_id", "ds"]):
        pd.testing.assert_frame_equal(served.predict(LATER.set_index(keys)), expected)
    assert "as index and as column" in refused(served, LATER.set_index("unique_id", drop=False))


def test_rows_without_y_are_the_steps_to_forecast_alone(served: Any, model: AutoModel):
    steps = model.predict().query("unique_id == 'a'")[["unique_id", "ds"]]
    pd.testing.assert_frame_equal(
        served.predict(steps), model.predict().query("unique_id == 'a'").reset_index(drop=True)
    )
    longer = pd.concat([steps, steps.assign(ds=steps["ds"] + pd.Timedelta(days=H))])
    assert "is not one of the steps" in refused(served, longer)
    assert len(served.predict(longer, params={"h": 2 * H})) == 2 * H
    far = pd.concat([LATER, steps.assign(ds=steps["ds"] + pd.Timedelta(days=900), y=None)])
    assert "is not one of the steps" in refused(served, far)


# --- ids as JSON and CSV have them -------------------------------------------------------


@pytest.mark.parametrize("name", [101, "101", 101.0, "101.0", np.int32(101)])
def test_whole_numbers_as_names_in_any_form(name: Any, numbered: Any):
    expected = numbered.predict(pd.DataFrame({"unique_id": [101]}))
    assert expected["unique_id"].tolist() == [101] * H
    pd.testing.assert_frame_equal(numbered.predict(pd.DataFrame({"unique_id": [name]})), expected)
    assert first(numbered.predict(LATER.assign(unique_id=name))) == "2025-01-15"


def test_text_that_looks_like_numbers(served: Any, model: AutoModel):
    expected = model.predict().query("unique_id == '7'").reset_index(drop=True)
    for name in ("7", 7, 7.0):
        answer = served.predict(pd.DataFrame({"unique_id": [name]}))
        pd.testing.assert_frame_equal(answer, expected)


def test_new_series_get_names_of_the_models_kind(numbered: Any, served: Any):
    assert numbered.predict(LATER.assign(unique_id="5"))["unique_id"].tolist() == [5] * H
    assert served.predict(LATER.assign(unique_id=5))["unique_id"].tolist() == ["5"] * H


@pytest.mark.parametrize("name", ["abc", 101.5, 1e300, "9" * 400, "²"])
def test_names_that_are_no_whole_numbers(name: Any, numbered: Any):
    assert "whole numbers" in refused(numbered, pd.DataFrame({"unique_id": [name]}))


@pytest.mark.parametrize("name", [["a"], {"a": 1}, None, True, float("nan"), ("a",)])
def test_names_that_are_none(name: Any, numbered: Any, served: Any):
    for asked in (numbered, served):
        rows = pd.DataFrame({"unique_id": pd.Series([name], dtype=object)})
        assert "must hold text or numbers" in refused(asked, rows)


def test_one_series_written_in_two_ways(numbered: Any):
    rows = pd.DataFrame({"unique_id": pd.Series([101, "101"], dtype=object)})
    assert "in two ways" in refused(numbered, rows)


# --- parameters and sizes ----------------------------------------------------------------


@pytest.mark.parametrize("h", [0, -1, 100 * H + 1, 10**9, 10**18, 10**150, True, 2.5, "3", [3]])
def test_horizons_that_are_refused(h: Any, served: Any):
    refused(served, pd.DataFrame(), {"h": h})
    refused(served, LATER, {"h": h})


def test_horizons(served: Any, model: AutoModel):
    everything = model.predict(h=3 * H)
    for h in (1, 3, H, H + 1, 3 * H):
        answer = served.predict(pd.DataFrame(), params={"h": h})
        expected = everything.groupby("unique_id").head(h).reset_index(drop=True)
        pd.testing.assert_frame_equal(answer, expected, rtol=1e-4)


@pytest.mark.parametrize(
    "params",
    [
        {"level": [None]},
        {"level": [float("nan")]},
        {"level": [[80]]},
        {"level": ["80"]},
        {"level": list(np.linspace(1, 99, 101))},
        {"level": {"a": 1}},
        {"quantiles": [2.0]},
        {"quantiles": [-1.0]},
        {"quantiles": list(np.linspace(0.01, 0.99, 10_000))},
    ],
)
def test_levels_and_quantiles_that_are_refused(params: dict[str, Any], served: Any):
    refused(served, pd.DataFrame(), params)


def test_times_that_are_refused_in_words(served: Any):
    milliseconds = LATER["ds"].astype("datetime64[ms]").astype("int64")
    assert "milliseconds since 1970?" in refused(served, LATER.assign(ds=milliseconds))
    mixed = pd.Series(["2024-01-01", 5] * 40, dtype=object)
    assert "several kinds" in refused(served, LATER.assign(ds=mixed.to_numpy()))
    assert "must hold times" in refused(served, LATER.assign(ds=[{"a": 1}] * 80))


def test_too_many_rows(served: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("automodel_sk.serving.request_checks.MOST_ROWS", 79)
    assert "at most 79 are taken" in refused(served, LATER)


def test_whatever_goes_wrong_is_a_sentence(
    served: Any, model: AutoModel, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(AutoModel, "predict", fail)
    message = refused(served, LATER)
    assert "can't be used (RuntimeError: first line)" in message
    assert "second" not in message


# --- over HTTP ---------------------------------------------------------------------------


def ask(url: str, body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{url}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.slow
def test_a_real_server(address: str, store: str, tmp_path: Path):
    rows = LATER.assign(ds=LATER["ds"].astype(str)).to_dict("records")
    command = ["models", "serve", "-m", address, "--env-manager", "local"]
    with running(command, tmp_path, closed_port(), "/ping") as url:
        status, answer = ask(url, {"dataframe_records": rows, "params": {"h": 3}})
        assert (status, len(answer["predictions"])) == (200, 3)
        status, answer = ask(url, {"dataframe_records": [{"unique_id": 7}]})
        assert (status, len(answer["predictions"])) == (200, H)
        for body in (
            {"dataframe_records": [{k.upper(): v for k, v in row.items()} for row in rows]},
            {"dataframe_records": [{"unique_id": r["unique_id"], "y": r["y"]} for r in rows]},
            {"dataframe_records": [{"unique_id": r["unique_id"], "ds": r["ds"]} for r in rows]},
            {"dataframe_records": [{"unique_id": ["a"]}]},
            {"dataframe_records": [{"unique_id": "\ud800"}]},
            {"dataframe_records": [], "params": {"h": 10**9}},
            {"dataframe_records": [], "params": {"h": 0}},
            {"dataframe_records": [], "params": {"h": True}},
            {"dataframe_records": [{"unique_id": "a", "ds": {"a": 1}, "y": 1}]},
            {"instances": [1]},
            {"inputs": [1]},
        ):
            status, answer = ask(url, body)
            assert status == 400, body
            assert "Traceback" not in json.dumps(answer), answer
        assert ask(url, {"dataframe_records": []})[0] == 200
