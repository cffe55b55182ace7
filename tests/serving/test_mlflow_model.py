"""The fitted model in MLflow: stored without pickle, loaded, forecast with, registered."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Run
from mlflow.exceptions import MlflowException
from mlflow_store import closed_port, make_tables
from series import seasonal_panel

import automodel_sk
from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError, TrackingError
from automodel_sk.search_space import Float
from automodel_sk.tracking import MLflowTracker, ModelRecord, SearchRecord, make_tracker
from automodel_sk.tracking.records import model_record

TINY = {"input_size": 12, "max_steps": 10, "val_check_steps": 5}
SPACE = {**TINY, "learning_rate": Float(1e-3, 1e-2, log=True)}
H = 6


class Tracked(NamedTuple):
    """A search with its store."""

    model: AutoModel
    uri: str
    client: MlflowClient
    run: Run

    @property
    def stored(self) -> LoggedModel:
        (output,) = self.run.outputs.model_outputs
        return self.client.get_logged_model(output.model_id)

    @property
    def folder(self) -> Path:
        return Path(self.stored.artifact_location.removeprefix("file://"))


def parents(client: MlflowClient, experiment: str) -> list[Run]:
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id])
    return [run for run in runs if "mlflow.parentRunId" not in run.data.tags]


def search(uri: str, panel: pd.DataFrame, config: Any = SPACE, **options: Any) -> Tracked:
    options = {
        "num_samples": 2,
        "cpus": 1,
        "storage": ":memory:",
        "verbose": False,
        "mlflow_tracking_uri": uri,
        **options,
    }
    model = create_auto_model("NLinear", H, panel, config, **options)
    client = MlflowClient(uri)
    run, *_ = parents(client, options.get("mlflow_experiment_name", "automodel_sk"))
    return Tracked(model, uri, client, run)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tables(tmp_path_factory.mktemp("empty") / "mlflow.db")


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> Tracked:
    folder = tmp_path_factory.mktemp("tracked")
    shutil.copy(empty, folder / "mlflow.db")
    return search(f"sqlite:///{folder}/mlflow.db", seasonal_panel(), mlflow_register_as="air")


@pytest.fixture(scope="module")
def served(tracked: Tracked) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracked.uri)
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        return mlflow.pyfunc.load_model(tracked.stored.model_uri)


@pytest.fixture
def uri(tmp_path: Path, empty: Path) -> str:
    shutil.copy(empty, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(autouse=True)
def no_global_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


# --- what is stored --------------------------------------------------------------------


def test_the_model_is_what_the_search_has_made(tracked: Tracked) -> None:
    stored = tracked.stored
    assert (stored.name, stored.status.value) == ("NLinear", "READY")
    assert stored.source_run_id == tracked.run.info.run_id
    rate = tracked.model.best_config["learning_rate"]
    assert float(stored.params["learning_rate"]) == rate
    metrics = {metric.key: metric.value for metric in stored.metrics}
    assert metrics["best_score"] == tracked.model.best_score
    (used,) = tracked.run.inputs.dataset_inputs
    assert {metric.dataset_digest for metric in stored.metrics} == {used.dataset.digest}
    assert tracked.run.data.metrics["best_score"] == tracked.model.best_score
    assert tracked.run.info.status == "FINISHED"


def test_no_file_is_a_pickle(tracked: Tracked) -> None:
    files = [path for path in tracked.folder.rglob("*") if path.is_file()]
    assert {"MLmodel", "script.py", "automodel.json"} <= {path.name for path in files}
    plain = {"", ".json", ".py", ".safetensors", ".st", ".txt", ".yaml"}
    assert {path.suffix for path in files} <= plain
    # What a pickle of any protocol since the second begins with.
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]


def test_what_it_needs_is_named_and_pinned(tracked: Tracked) -> None:
    lines = (tracked.folder / "requirements.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines)
    assert pinned["neuralforecast"] == version("neuralforecast")
    assert pinned["automodel_sk"] == automodel_sk.__version__
    assert pinned["torch"] == version("torch").split("+")[0]


def test_the_data_is_distinguished_but_not_copied(tracked: Tracked, uri: str) -> None:
    (used,) = tracked.run.inputs.dataset_inputs
    columns = json.loads(used.dataset.schema)["mlflow_colspec"]
    kinds = {column["name"]: column["type"] for column in columns}
    assert kinds == {"unique_id": "string", "ds": "datetime", "y": "double"}
    assert json.loads(used.dataset.profile) == {
        "num_rows": 360,
        "num_series": 3,
        "freq": "ME",
        "first": "2010-01-31 00:00:00",
        "last": "2019-12-31 00:00:00",
    }
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "training"}

    panel = seasonal_panel()
    digests = []
    for frame in (panel, panel.assign(y=panel["y"] + (panel.index == 7))):
        other = search(uri, frame, TINY)
        digests.append(other.run.inputs.dataset_inputs[0].dataset.digest)
    assert digests[0] == used.dataset.digest != digests[1]


# --- what it answers -------------------------------------------------------------------


def test_no_rows_are_a_request_for_what_follows_the_training(tracked: Tracked, served: Any) -> None:
    for nothing in (pd.DataFrame(), pd.DataFrame(columns=["unique_id", "ds", "y"])):
        pd.testing.assert_frame_equal(served.predict(nothing), tracked.model.predict())


def test_other_rows_are_forecast_from(tracked: Tracked, served: Any) -> None:
    other = seasonal_panel(n_series=2, length=60, start="2030-01-31")
    expected = tracked.model.predict(other)
    assert expected["ds"].min() == pd.Timestamp("2035-01-31")
    pd.testing.assert_frame_equal(served.predict(other), expected)


def test_whole_numbers_and_times_as_text_will_do(tracked: Tracked, served: Any) -> None:
    other = seasonal_panel(n_series=1, length=40).assign(y=range(40))
    expected = tracked.model.predict(other.assign(y=other["y"].astype(float)))
    result = served.predict(other.assign(ds=other["ds"].astype(str)))
    pd.testing.assert_frame_equal(result, expected, check_dtype=False)


def test_a_mask_counts_in_a_request_to_a_model_trained_without_one(
    tracked: Tracked, served: Any
) -> None:
    other = seasonal_panel(n_series=1, length=60, start="2030-01-31")
    gone = other.index.isin([52, 55, 56])
    masked = other.assign(y=other["y"].mask(gone), available_mask=1.0 - gone)
    expected = tracked.model.predict(masked)
    pd.testing.assert_frame_equal(served.predict(masked), expected)
    with pytest.raises(MlflowException, match="has 3 missing values"):
        served.predict(masked.drop(columns="available_mask"))


def test_intervals_and_longer_horizons_are_parameters(tracked: Tracked, served: Any) -> None:
    nothing = pd.DataFrame()
    levels = served.predict(nothing, params={"level": [50, 80]})
    expected = tracked.model.predict(level=[50, 80])
    assert "NLinear-hi-80" in levels
    pd.testing.assert_frame_equal(levels, expected)
    quantiles = served.predict(nothing, params={"quantiles": [0.25]})
    pd.testing.assert_frame_equal(quantiles, tracked.model.predict(quantiles=[0.25]))
    longer = served.predict(nothing, params={"h": 2 * H})
    pd.testing.assert_frame_equal(longer, tracked.model.predict(h=2 * H))
    assert len(longer) == 2 * len(served.predict(nothing))


def test_a_known_series_is_asked_for_by_its_name(tracked: Tracked, served: Any) -> None:
    alone = served.predict(pd.DataFrame({"unique_id": ["s1"]}))
    everything = tracked.model.predict()
    expected = everything[everything["unique_id"] == "s1"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected)


def test_a_series_without_a_past_is_refused_in_a_sentence(served: Any) -> None:
    with pytest.raises(MlflowException, match="series 'new' was not trained on and has no past"):
        served.predict(pd.DataFrame({"unique_id": ["s1", "new"]}))
    with pytest.raises(MlflowException, match="lacks 'unique_id' and 'ds'"):
        served.predict(pd.DataFrame({"y": [1.0, 2.0]}))


def test_the_example_is_answered(tracked: Tracked, served: Any) -> None:
    example = served.input_example
    assert served.predict(example)["ds"].tolist() == [
        *tracked.model.predict().query("unique_id == 's0'")["ds"]
    ]


def test_exogenous_and_static_columns_come_in_the_same_table(uri: str, tmp_path: Path) -> None:
    panel = seasonal_panel(n_series=2, length=60)
    panel["price"] = panel.groupby("unique_id").cumcount() % 7 * 1.0
    panel["visits"] = panel["y"] / 2
    static = pd.DataFrame({"unique_id": ["s0", "s1"], "size": [1.0, 2.0]})
    model = create_auto_model(
        "MLP",
        H,
        panel.groupby("unique_id").head(60 - H),
        {"input_size": 12, "max_steps": 5, "hidden_size": 8},
        static_df=static,
        futr_exog_list=["price"],
        hist_exog_list=["visits"],
        stat_exog_list=["size"],
        use_mlflow=False,
        cpus=1,
        verbose=False,
    )
    served = mlflow.pyfunc.load_model(_local_copy(model.log_to_mlflow(uri), uri, tmp_path))
    names = served.metadata.signature.inputs.input_names()
    assert names == ["unique_id", "ds", "y", "price", "visits", "size", "available_mask"]

    future = panel.groupby("unique_id").tail(H)
    expected = model.predict(futr_df=future)
    ahead = future.drop(columns=["y", "visits"])
    pd.testing.assert_frame_equal(served.predict(ahead), expected)
    table = panel.merge(static)
    table.loc[table.groupby("unique_id").tail(H).index, ["y", "visits"]] = None
    pd.testing.assert_frame_equal(served.predict(table), expected)
    dearer = served.predict(ahead.assign(price=50.0))
    assert not dearer["MLP"].equals(expected["MLP"])
    assert len(served.predict(served.input_example)) == H
    with pytest.raises(MlflowException, match="price"):
        served.predict(panel.drop(columns="price"))


def _local_copy(model_uri: str, store: str, folder: Path) -> str:
    model = MlflowClient(store).get_logged_model(model_uri.removeprefix("models:/"))
    return str(shutil.copytree(model.artifact_location.removeprefix("file://"), folder / "copy"))


# --- where it is stored ----------------------------------------------------------------


def test_each_search_is_a_version_of_the_registered_model(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tracked.client.get_model_version("air", "1")
    assert first.run_id == tracked.run.info.run_id
    listed = json.loads(tracked.stored.tags["mlflow.modelVersions"])
    assert [(one["name"], int(one["version"])) for one in listed] == [("air", 1)]
    tracked.model.log_to_mlflow(tracked.uri, "by hand", register_as="air")
    versions = tracked.client.search_model_versions("name='air'")
    assert sorted(int(one.version) for one in versions) == [1, 2]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracked.uri)
    for one in versions:
        model = mlflow.pyfunc.load_model(f"models:/air/{one.version}")
        pd.testing.assert_frame_equal(model.predict(pd.DataFrame()), tracked.model.predict())


def test_a_model_is_logged_by_hand_in_a_run_of_its_own(tracked: Tracked, uri: str) -> None:
    made = tracked.model.log_to_mlflow(uri, "by hand")
    client = MlflowClient(uri)
    (run,) = parents(client, "by hand")
    assert (run.info.run_name, run.info.status) == ("NLinear", "FINISHED")
    assert run.data.metrics == {"best_score": tracked.model.best_score}
    assert made == f"models:/{run.outputs.model_outputs[0].model_id}"


def test_a_model_is_logged_into_the_run_that_is_open_or_named(tracked: Tracked, uri: str) -> None:
    mlflow.set_tracking_uri(uri)
    with mlflow.start_run(experiment_id=mlflow.create_experiment("weekly")) as mine:
        tracked.model.log_to_mlflow()
        assert mlflow.active_run().info.run_id == mine.info.run_id
    client = MlflowClient(uri)
    assert len(client.get_run(mine.info.run_id).outputs.model_outputs) == 1
    tracked.model.log_to_mlflow(uri, run_id=mine.info.run_id)
    assert len(client.get_run(mine.info.run_id).outputs.model_outputs) == 2
    assert client.get_experiment_by_name("automodel_sk") is None or not parents(
        client, "automodel_sk"
    )


def test_nothing_is_printed_and_nothing_global_changes(
    tracked: Tracked, uri: str, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri("sqlite:////nowhere/at/all.db")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("_MLFLOW")}
    level = logging.getLogger("mlflow.pyfunc").level
    capfd.readouterr()
    tracked.model.log_to_mlflow(uri, register_as="quiet")
    assert capfd.readouterr() == ("", "")
    assert {k: v for k, v in os.environ.items() if not k.startswith("_MLFLOW")} == environment
    assert logging.getLogger("mlflow.pyfunc").level == level
    assert mlflow.get_tracking_uri() == "sqlite:////nowhere/at/all.db"
    assert mlflow.active_run() is None


# --- what goes wrong -------------------------------------------------------------------


def tracker_with(uri: str, model: ModelRecord, **options: Any) -> MLflowTracker:
    tracker = MLflowTracker(uri, "broken", **options)
    tracker.start(SearchRecord("broken", "NLinear"))
    tracker.finish("FINISHED", metrics={"best_score": 0.5}, model=model)
    return tracker


def unsaved(model: AutoModel) -> ModelRecord:
    def full_disk(_folder: Path) -> None:
        raise OSError("No space left on device")

    record = model_record(model)
    return ModelRecord(
        "NLinear", record.script, full_disk, record.example, record.columns, record.forecast
    )


def test_a_model_that_can_not_be_saved_costs_a_warning(
    tracked: Tracked, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = tracker_with(uri, unsaved(tracked.model))
    (run,) = parents(MlflowClient(uri), "broken")
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"best_score": 0.5, "best_val_loss": 0.5}
    assert run.outputs.model_outputs == []
    assert tracker.model_id is None
    (warning,) = [r.getMessage() for r in caplog.records if r.name.startswith("automodel_sk")]
    assert warning == (
        f"MLflow at {uri} did not store the model: No space left on device. The search is tracked;"
        " AutoModel.log_to_mlflow() tries again."
    )


def test_a_registry_that_is_gone_costs_a_warning(
    tracked: Tracked, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.MonkeyPatch.context() as patch:  # `mlflow.set_registry_uri` would outlive the test
        patch.setenv("MLFLOW_REGISTRY_URI", f"http://127.0.0.1:{closed_port()}")
        tracker = tracker_with(uri, model_record(tracked.model), register_as="air")
    (run,) = parents(MlflowClient(uri), "broken")
    assert run.outputs.model_outputs[0].model_id == tracker.model_id
    assert "not registered as 'air', the connection was refused" in caplog.text


def test_a_model_logged_by_hand_says_what_is_wrong(tracked: Tracked) -> None:
    port = closed_port()
    with pytest.raises(TrackingError, match=r"at http://\*\*\*@127.0.0.1:\d+ did not store") as e:
        tracked.model.log_to_mlflow(f"http://me:s3cret@127.0.0.1:{port}")
    assert "the connection was refused" in str(e.value)
    assert e.value.__context__ is None


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", 3])
def test_a_name_that_no_registry_takes_is_refused_at_once(name: Any, uri: str) -> None:
    with pytest.raises(InvalidInputError, match="mlflow_register_as must be a name without"):
        make_tracker(True, uri, register_as=name).start(SearchRecord("s", "NHITS"))


def test_a_model_is_not_registered_without_mlflow() -> None:
    with pytest.raises(InvalidInputError, match="needs MLflow; pass use_mlflow=True"):
        make_tracker(False, register_as="air")
