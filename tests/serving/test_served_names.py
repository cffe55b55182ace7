"""A model that was fitted with the user's own column names is asked and answers in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from command_line import run
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow_store import make_tables
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model

pytestmark = pytest.mark.filterwarnings("ignore")

H = 6
NAMES = {"unique_id": "shop", "ds": "day", "y": "sales"}
OWN = {"id_col": "shop", "time_col": "day", "target_col": "sales"}
TINY = {"input_size": 12, "max_steps": 5, "hidden_size": 8}
MODELS = [["MLP"], ["SeasonalNaive", "RWD"]]


def panel(n_series: int = 2, length: int = 72, start: str = "2010-01-31") -> pd.DataFrame:
    frame = seasonal_panel(n_series, length, start=start)
    return frame.assign(price=frame.index % 5 * 1.0).rename(columns=NAMES)


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = make_tables(tmp_path_factory.mktemp("store") / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
        yield f"sqlite:///{database}"


@pytest.fixture(scope="module", params=MODELS, ids=["one", "several"])
def fitted(request: pytest.FixtureRequest, store: str, tmp_path_factory: Any) -> Path:
    """A model's folder, fitted and logged by the command line."""
    folder: Path = tmp_path_factory.mktemp("fitted")
    panel().to_csv(folder / "sales.csv", index=False)
    models = [word for name in request.param for word in ("--model", name)]
    columns = ["--id-col", "shop", "--time-col", "day", "--target-col", "sales"]
    more = ["--output", folder / "model", "--mlflow-tracking-uri", store, "--cpus", 1]
    more += ["--mlflow-experiment", "-".join(request.param), "--storage", ":memory:"]
    if request.param == ["MLP"]:
        (folder / "space.json").write_text(json.dumps(TINY))
        more += ["--space", folder / "space.json"]
    result = run("fit", folder / "sales.csv", "--h", H, *models, *columns, *more, "--quiet")
    assert result.exit_code == 0, result.output
    return folder / "model"


@pytest.fixture(scope="module")
def search(fitted: Path, store: str) -> Any:
    """The run of the search in MLflow."""
    name = "MLP" if AutoModel.load(fitted).model_name == "MLP" else "SeasonalNaive-RWD"
    experiment = MlflowClient(store).get_experiment_by_name(name)
    runs = MlflowClient(store).search_runs([experiment.experiment_id])
    (search,) = [each for each in runs if "mlflow.parentRunId" not in each.data.tags]
    return search


@pytest.fixture(scope="module")
def served(search: Any) -> Any:
    (output,) = search.outputs.model_outputs
    return mlflow.pyfunc.load_model(f"models:/{output.model_id}")


def test_what_the_command_line_fitted_answers_in_the_files_names(served: Any, fitted: Path):
    model = AutoModel.load(fitted)
    expected = model.predict()
    assert expected.columns.tolist() == ["shop", "day", model.state.column]
    pd.testing.assert_frame_equal(served.predict(pd.DataFrame()), expected)
    newer = panel(1, 60, start="2020-01-31")
    expected = model.predict(newer)
    assert expected["day"].min() == pd.Timestamp("2025-01-31")
    pd.testing.assert_frame_equal(served.predict(newer), expected)
    pd.testing.assert_frame_equal(served.predict(newer.set_index(["shop", "day"])), expected)
    alone = served.predict(pd.DataFrame({"shop": ["s1"]}))
    assert alone["shop"].unique().tolist() == ["s1"]
    pd.testing.assert_frame_equal(
        alone, model.predict().query("shop == 's1'").reset_index(drop=True)
    )


def test_signature_example_and_dataset_have_the_files_names(served: Any, search: Any, fitted: Path):
    signature = served.metadata.signature
    assert signature.inputs.input_names()[:3] == ["shop", "day", "sales"]
    column = AutoModel.load(fitted).state.column
    assert signature.outputs.input_names() == ["shop", "day", column]
    assert served.input_example.columns[:3].tolist() == ["shop", "day", "sales"]
    assert len(served.predict(served.input_example)) == H
    (used,) = search.inputs.dataset_inputs
    columns = json.loads(used.dataset.schema)["mlflow_colspec"]
    assert {column["name"] for column in columns} == {"shop", "day", "sales"}


def test_messages_speak_of_the_files_names(served: Any):
    newer = panel(1, 60, start="2020-01-31")
    for rows, message in (
        (newer.drop(columns="day"), "has 'shop', 'sales', 'price' and lacks 'day'; name the"),
        (newer.rename(columns={"shop": "store"}), "has 'store', 'day'.* lacks 'shop'; name the"),
        (newer.assign(day=[{"a": 1}] * 60), "'day' must hold times, got a dict"),
        (newer.assign(shop=[[1]] * 60), "'shop' must hold text or numbers, got a list"),
        (newer.set_index("shop", drop=False), "'shop' as index and as column"),
        (pd.DataFrame({"shop": ["new"]}), "pass its last rows with 'day' and 'sales'"),
        (newer[["shop", "day"]].assign(shop="s0"), "lacks 'sales' and is not one of the steps"),
    ):
        with pytest.raises(MlflowException, match=message) as caught:
            served.predict(rows)
        assert not any(f"'{name}'" in str(caught.value) for name in ("ds", "y")), message


def test_the_command_lines_search_has_a_report(search: Any, store: str, fitted: Path):
    files = MlflowClient(store).list_artifacts(search.info.run_id)
    has_report = "report.html" in {file.path for file in files}
    assert has_report == (AutoModel.load(fitted).model_name == "AutoEnsemble")


def test_future_values_under_names_given_in_python(store: str):
    whole = panel()
    past = whole.groupby("shop").head(72 - H)
    model = create_auto_model(
        "MLP",
        H,
        past,
        TINY,
        futr_exog_list=["price"],
        **OWN,
        use_mlflow=False,
        cpus=1,
        verbose=False,
    )
    served = mlflow.pyfunc.load_model(model.log_to_mlflow(store))
    ahead = whole.groupby("shop").tail(H).drop(columns="sales")
    expected = model.predict(futr_df=ahead)
    assert expected.columns.tolist() == ["shop", "day", "MLP"]
    asked = pd.concat([past, ahead])
    pd.testing.assert_frame_equal(served.predict(asked), expected)
    pd.testing.assert_frame_equal(served.predict(ahead), expected)
