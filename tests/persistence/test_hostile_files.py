"""Saved folders from a stranger: one clear error each, nothing run, little memory, quickly."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import shutil
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from cpu_time import cpu_time_below
from hostile import (
    at,
    copied,
    files_of,
    header_of,
    killed_while,
    nothing_runs,
    paths_in,
    peak_memory,
    replaced,
    replacements,
    truncations,
    with_arguments,
    with_header,
    with_json,
)
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.exceptions import ModelFileError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.persistence.manifest import (
    StoredProfile,
    StoredScores,
    StoredStrategy,
    StoredTask,
    StoredTrial,
    StoredValidation,
)
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.search_space import Float, SearchSpace
from automodel_sk.training.task import TrainingTask
from automodel_sk.trials import TrialRecord
from automodel_sk.validation import ValidationResult

pytestmark = pytest.mark.filterwarnings("ignore")

SPACE = {
    "max_steps": 4,
    "val_check_steps": 2,
    "input_size": 6,
    "hidden_size": 8,
    "num_layers": 1,
    "learning_rate": Float(1e-3, 1e-2, log=True),
}
MEGABYTE = 2**20
NOT_SAVED = {"loss", "valid_loss", "trainer_options", "lengths", "objective", "plateau", "weights"}
NOT_SAVED |= {"cat_exog", "keep", "keep_forecasts", "forecasts", "slot_seconds"}
"""Of a training task: weights, profile or configuration have them, or only a search needs them."""


@pytest.fixture(scope="module")
def model() -> AutoModel:
    tuned = create_auto_model(
        "MLP",
        4,
        seasonal_panel(length=60),
        SPACE,
        num_samples=2,
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
        cpus=1,
        gpus=0,
    )
    return tuned.calibrate(n_windows=1)


@pytest.fixture(scope="module")
def saved(model: AutoModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model.save(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture(scope="module")
def forecaster() -> AutoNeuralForecaster:
    times = pd.period_range("2020-01", periods=30, freq="M")
    y = pd.DataFrame({"sales": [float(step % 5) for step in range(30)]}, index=times)
    y = pd.concat({"a": y, "b": y}, names=["shop", "month"])
    static = pd.DataFrame({"size": [1.0, 2.0]}, index=["a", "b"])
    config = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
    return AutoNeuralForecaster("MLP", config, gpus=0, static=static).fit(y, fh=[1, 2])


@pytest.fixture(scope="module")
def saved_forecaster(
    forecaster: AutoNeuralForecaster, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return forecaster.save(tmp_path_factory.mktemp("saved") / "forecaster", "safe")


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "canary"
    assert not (tmp_path / "canary").exists()


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return copied(saved, tmp_path / "model")


def content_of(folder: Path) -> Path:
    return next(folder.glob("model-*"))


def weights_of(folder: Path) -> Path:
    return content_of(folder) / "MLP_0.safetensors"


def refused(folder: Path, load: Callable[[Path], Any] = AutoModel.load) -> str:
    """Return the message of the one error that loading gives, at once."""
    with cpu_time_below(5), nothing_runs(), pytest.raises(ModelFileError) as caught:
        load(folder)
    message = str(caught.value)
    assert len(message) < 1_000
    return message


# The folders as they are


def test_all_of_a_model_comes_back(model: AutoModel, folder: Path):
    with nothing_runs():
        back = AutoModel.load(folder)
    pd.testing.assert_frame_equal(back.predict(level=[80]), model.predict(level=[80]))
    pd.testing.assert_frame_equal(back.trials, model.trials)
    assert back.space == model.space == SearchSpace.parse(SPACE)
    for name in ("best_config", "best_step", "best_score", "strategy", "profile", "validation"):
        ours, theirs = getattr(back, name), getattr(model, name)
        assert ours == theirs or vars(ours).items() <= vars(theirs).items(), name


def test_settings_that_act_are_not_saved(
    model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    config = {**model.best_config, "dataloader_kwargs": {"num_workers": 0, "pin_memory": False}}
    acting = {"detect_anomaly": True, "sync_batchnorm": False}
    options = {"use_mlflow": False, "verbose": False, "gpus": 0}
    config |= {**acting, "optimizer": torch.optim.SGD, "max_steps": 2, "alias": "mine"}
    own = create_auto_model("MLP", 4, seasonal_panel(length=60), config, **options)
    back = AutoModel.load(own.save(tmp_path / "own"))
    assert not set(acting) & set(back.best_config)
    assert back.best_config["dataloader_kwargs"] == {"pin_memory": False}
    assert back.best_config["optimizer"] is config["optimizer"]
    pd.testing.assert_frame_equal(back.predict(), own.predict())
    assert own.to_neuralforecast().models[0].hparams["detect_anomaly"] is True
    pd.testing.assert_frame_equal(back.cross_validation(), own.cross_validation())


@pytest.mark.parametrize(
    ("schema", "kept", "left_out"),
    [
        (StoredTrial, TrialRecord, set()),
        (StoredStrategy, SearchStrategy, set()),
        (StoredProfile, DatasetProfile, set()),
        (StoredValidation, ValidationResult, set()),
        (StoredScores, ConformalScores, set()),
        (StoredTask, TrainingTask, NOT_SAVED),
    ],
)
def test_the_schema_has_every_field(schema: type, kept: type, left_out: set[str]):
    """A field that is new in a result has to be given a type there, or named here."""
    assert set(schema.model_fields) == {field.name for field in fields(kept)} - left_out


# Damage


def test_truncated_anywhere(saved: Path, tmp_path: Path):
    cases = list(truncations(saved))
    assert len(cases) > 10
    for name, size in cases:
        folder = copied(saved, tmp_path / "model")
        os.truncate(folder / name, size)
        refused(folder)


def test_any_file_replaced(saved: Path, tmp_path: Path, canary: Path):
    for content in replacements(canary).values():
        for name in files_of(saved):
            folder = copied(saved, tmp_path / "model")
            (folder / name).write_bytes(content)
            refused(folder)


def test_any_file_missing_or_a_folder(saved: Path, tmp_path: Path):
    for name in files_of(saved):
        folder = copied(saved, tmp_path / "model")
        (folder / name).unlink()
        refused(folder)
        (folder / name).mkdir()
        refused(folder)


def test_foreign_files_beside_the_weights(folder: Path, canary: Path):
    for name, content in (
        ("alias_to_model.pkl", replacements(canary)["pickle"]),
        ("MLP_1.safetensors", weights_of(folder).read_bytes()),
        ("notes.txt", b"hello"),
    ):
        (content_of(folder) / name).write_bytes(content)
        refused(folder)
        (content_of(folder) / name).unlink()


def test_an_archive_or_nothing_in_place_of_the_folder(folder: Path, tmp_path: Path):
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))
    assert "extract" in refused(archive)
    assert "is missing" in refused(tmp_path / "nowhere")


# Links and paths


@pytest.mark.parametrize("part", ["automodel.json", "content", "MLP_0.safetensors", "dataset.json"])
def test_links_out_of_the_folder(part: str, folder: Path, tmp_path: Path):
    content = content_of(folder)
    inside = {"automodel.json": folder / part, "content": content}.get(part, content / part)
    outside = tmp_path / "outside"
    inside.rename(outside)
    inside.symlink_to(outside)
    refused(folder)


def test_a_pipe_is_not_waited_for(folder: Path):
    file = content_of(folder) / "dataset.json"
    file.unlink()
    os.mkfifo(file)
    refused(folder)


@pytest.mark.parametrize(
    "name",
    [
        *("../../x", "/etc", "..", "", ".", "~", "model-00000000/../..", "file:///etc"),
        *("model-00000000", "model-00000000\n", "model-0000000G", "http://localhost/x"),
        *(3, None, ["a"]),
    ],
)
def test_names_that_lead_elsewhere(name: Any, folder: Path):
    with_json(folder / "automodel.json", lambda manifest: manifest | {"model": name})
    refused(folder)


@pytest.mark.parametrize(
    "name",
    [
        *("__class__", "os.system", "neuralforecast.models.MLP", "MLP.__init__", "../MLP", ""),
        *("TimeLLM", "HINT", "NHITS", "AutoMLP", "mlp"),
    ],
)
def test_models_that_are_not_there(name: str, folder: Path):
    def rename(manifest: dict[str, Any]) -> None:
        manifest["task"]["model_name"] = name

    with_json(folder / "automodel.json", rename)
    refused(folder)


# The manifest, entry by entry

FREE = ("best_config", "params", "tags", "algorithm_kwargs", "pruner_kwargs", "corrected_config")
OPTIONAL = ("space", "step_size", "metric", "failure", "average_weights", "goes_by_data")
FREE += ("constants", "left_out", "values")
WRONG: dict[type, tuple[Any, ...]] = {
    bool: ("yes", 1, [], {}),
    int: ("12", 1.5, True, [], {}, -1, 2**70, 10**400, float("nan"), float("inf")),
    float: ("1.0", True, [], {}, float("nan"), float("inf"), float("-inf")),
    str: (12, True, [], {}),
    list: ({}, "abc", 3, True),
    dict: ([], "abc", 3, True),
    type(None): (),
}
OTHER_TYPES: dict[type, tuple[Any, ...]] = {
    **dict.fromkeys((bool, int, float), ("12", [], {})),
    **{kind: WRONG[kind] for kind in (str, list, dict, type(None))},
}
ANYTHING = (None, [], {}, "x" * 10_000, -1, 0, 2**70, 1e308, float("nan"), [[]], {"": None})


def is_free(path: tuple[Any, ...]) -> bool:
    return any(part in FREE for part in path[:-1])


def test_wrong_types_anywhere_in_the_manifest(folder: Path):
    file = folder / "automodel.json"
    manifest = json.loads(file.read_text())
    typed = [path for path in paths_in(manifest) if not is_free(path)]
    assert len(typed) > 70
    for path in typed:
        for value in WRONG[type(at(manifest, path))]:
            if path == ("profile", "freq") and value == 12:
                continue  # a frequency as well
            file.write_text(json.dumps(replaced(manifest, path, value)))
            print(path, repr(value)[:60])
            refused(folder)


def test_anything_anywhere_in_the_manifest(folder: Path):
    """What is of the right type loads; whatever else is one clear error."""
    file = folder / "automodel.json"
    manifest = json.loads(file.read_text())
    chosen = random.Random(3)
    for path in paths_in(manifest):
        for value in chosen.sample(ANYTHING, 2):
            file.write_text(json.dumps(replaced(manifest, path, value)))
            with nothing_runs(), contextlib.suppress(ModelFileError):
                repr(AutoModel.load(folder))


def test_missing_entries(folder: Path):
    file = folder / "automodel.json"
    manifest = json.loads(file.read_text())
    for path in paths_in(manifest):
        if is_free(path) or path[-1] in OPTIONAL or path[-1] == 0:
            continue
        if path[-2:-1] in (("intermediate_values",), ("domains",)):
            continue
        lacking = replaced(manifest, path, None)
        del at(lacking, path[:-1])[path[-1]]
        file.write_text(json.dumps(lacking))
        print(path)
        refused(folder)


def test_deep_nesting_and_names_given_twice(saved: Path, tmp_path: Path):
    deep = 100_000 * "[" + 100_000 * "]"
    for name in [name for name in files_of(saved) if name.suffix == ".json"]:
        text = (saved / name).read_text()
        for hostile in (
            deep,
            text.replace("{", '{"deep": ' + deep + ", ", 1),
            100_000 * '{"a":' + "1" + 100_000 * "}",
            text.replace("{", '{"format": 1, "format": 1, ', 1),
            text + text,
            text.replace("{", "{'", 1),
            text.replace('"', "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), 1),
        ):
            folder = copied(saved, tmp_path / "model")
            (folder / name).write_text(hostile)
            refused(folder)


def test_a_manifest_of_gigabytes_is_not_read(folder: Path):
    os.truncate(folder / "automodel.json", 2**34)
    assert "bytes" in refused(folder)
    os.truncate(content_of(folder) / "dataset.json", 2**34)
    refused(folder)


# Settings that would act

ACTING: dict[str, Any] = {
    "callbacks": ["os.system"],
    "default_root_dir": "/tmp/elsewhere",
    "logger": True,
    "enable_checkpointing": True,
    "profiler": "advanced",
    "plugins": ["x"],
    "strategy": "ddp_spawn",
    "num_nodes": 2,
    "local_files_only": False,
    "llm": "someone/model",
    "dataloader_kwargs": {"num_workers": 64},
    "__class__": "os.system",
    "self": 1,
    "": 1,
}


@pytest.mark.parametrize("name", ACTING)
def test_settings_that_act_are_refused(name: str, saved: Path, tmp_path: Path):
    folder = copied(saved, tmp_path / "model")
    with_arguments(weights_of(folder), **{name: ACTING[name]})
    assert name in refused(folder)
    folder = copied(saved, tmp_path / "model")

    def change(manifest: dict[str, Any]) -> None:
        manifest["best_config"][name] = ACTING[name]

    with_json(folder / "automodel.json", change)
    assert name in refused(folder)


LOSS = {"__nf__": "loss", "cls": "MAE", "args": {}}


@pytest.mark.parametrize(
    "arguments",
    [
        {"loss": "os.system"},
        {"loss": LOSS | {"cls": "os.system"}},
        {"loss": LOSS | {"cls": "Module"}},
        {"loss": LOSS | {"args": {"__class__": 1}}},
        {"loss": LOSS | {"state": {"forward": 1}}},
        {"loss": LOSS | {"__nf__": "pickle"}},
        {"loss": LOSS | {"__nf__": "dataframe", "kind": "polars", "columns": []}},
        {"optimizer": {"__nf__": "torch_cls", "kind": "dataset", "name": "LocalFiles"}},
        {"optimizer": {"__nf__": "torch_cls", "kind": "optimizer", "name": "os.system"}},
        {"lr_scheduler": {"__nf__": "torch_cls", "kind": "lr_scheduler", "name": "__import__"}},
        {"futr_exog_list": ["price"]},
        {"h": 5},
        {"h": -1},
        {"h": "4"},
        {"h": None},
        {"input_size": 7},
        {"hidden_size": 9},
        {"num_layers": 2},
        {"scaler_type": "os.system"},
        {"hidden_size": {"__nf__": "tensor", "key": "nowhere", "kind": "torch"}},
    ],
    ids=str,
)
def test_other_arguments_of_the_model(arguments: dict[str, Any], folder: Path):
    with_arguments(weights_of(folder), **arguments)
    refused(folder)


# Sizes that are claimed

CLAIMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "2**62 bytes": lambda tensor: tensor.update(data_offsets=[0, 2**62]),
    "2**62 elements": lambda tensor: tensor.update(shape=[2**62]),
    "2**31 by 2**31": lambda tensor: tensor.update(shape=[2**31, 2**31]),
    "2**70": lambda tensor: tensor.update(shape=[2**70]),
    "negative": lambda tensor: tensor.update(shape=[-1]),
    "backwards": lambda tensor: tensor.update(data_offsets=tensor["data_offsets"][::-1]),
    "overlapping": lambda tensor: tensor.update(data_offsets=[0, 8]),
    "type": lambda tensor: tensor.update(dtype="OBJECT"),
    "no shape": lambda tensor: tensor.pop("shape"),
    "text": lambda tensor: tensor.update(shape="4"),
    "other shape": lambda tensor: tensor.update(shape=[1, *tensor["shape"]]),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_headers_that_claim_too_much(claim: str, saved: Path, tmp_path: Path):
    for name in [name for name in files_of(saved) if name.suffix == ".safetensors"]:
        folder = copied(saved, tmp_path / "model")
        tensors = [key for key in header_of(folder / name) if key != "__metadata__"]
        if claim == "other shape" and name.name != "MLP_0.safetensors":
            continue
        with_header(folder / name, lambda header, key=tensors[-1]: CLAIMS[claim](header[key]))
        refused(folder)


@pytest.mark.parametrize("length", [0, 2**20, 10**8 + 1, 2**62, 2**64 - 1])
def test_headers_of_claimed_length(length: int, saved: Path, tmp_path: Path):
    for name in [name for name in files_of(saved) if name.suffix == ".safetensors"]:
        folder = copied(saved, tmp_path / "model")
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(length.to_bytes(8, "little") + raw[8:])
        refused(folder)


BOMBS: dict[str, dict[str, Any]] = {
    "wide": {"hidden_size": 90_000},
    "wider": {"hidden_size": 10**9},
    "deep": {"num_layers": 90_000},
    "deeper": {"num_layers": 10**9},
    "far": {"h": 10**9},
    "long": {"input_size": 900_000},
    "longer": {"input_size": 10**12},
    "loss of many outputs": {"loss": LOSS | {"cls": "GMM", "args": {"n_components": 90_000}}},
}


def _fill(configuration: dict[str, Any]) -> None:
    labels = ["x" * 1_000_000, *("x" for _ in range(100_000))]
    index = {"__nf__": "index", "kind": "numpy", "dtype": "<U9", "values": labels}
    configuration["configuration"]["uids"] = index


def _fixed_width(configuration: dict[str, Any]) -> None:
    index = {"__nf__": "index", "kind": "pandas", "dtype": "U100000000", "values": ["a"] * 100}
    configuration["configuration"]["uids"] = index


def _wide_tensor(configuration: dict[str, Any]) -> None:
    configuration["configuration"]["last_dates"]["data"]["dtype"] = "S10000000"


def _zone_in_a_file(configuration: dict[str, Any]) -> None:
    configuration["configuration"]["last_dates"]["tz"] = "dateutil//dev/zero"


@pytest.mark.parametrize("bomb", BOMBS)
def test_small_files_that_ask_for_much_memory(bomb: str, folder: Path):
    with_arguments(weights_of(folder), **BOMBS[bomb])
    assert peak_memory(lambda: refused(folder)) < 100 * MEGABYTE


@pytest.mark.parametrize("change", [_fill, _fixed_width, _wide_tensor, _zone_in_a_file])
def test_small_labels_that_ask_for_much_memory(change: Callable[..., None], folder: Path):
    with_json(content_of(folder) / "configuration.json", change)
    assert peak_memory(lambda: refused(folder)) < 100 * MEGABYTE


def _hollow(file: Path, rows: int) -> None:
    """Let a file claim many rows of each tensor, as holes that take no place on the disk."""

    def grow(header: dict[str, Any]) -> None:
        end = 0
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            if tensor["shape"][0] > 4:
                tensor["shape"][0] = rows
            size = {"I32": 4, "F32": 4, "I64": 8}[tensor["dtype"]] * math.prod(tensor["shape"])
            tensor["data_offsets"] = [end, end + size]
            end += size

    with_header(file, grow)
    header = header_of(file)
    ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
    (length,) = struct.unpack("<Q", file.read_bytes()[:8])
    os.truncate(file, 8 + length + max(ends))


def test_a_small_archive_does_not_take_gigabytes(saved: Path, tmp_path: Path):
    for part in ("dataset", "configuration", "both"):
        folder = copied(saved, tmp_path / "model")
        names = ["dataset", "configuration"] if part == "both" else [part]
        for name in names:
            for file in folder.rglob(f"{name}.safetensors"):
                _hollow(file, 300_000_000)
        assert peak_memory(lambda folder=folder: refused(folder)) < 100 * MEGABYTE


def test_a_tensor_that_is_named_many_times(folder: Path):
    def repeat(document: dict[str, Any]) -> None:
        configuration = document["configuration"]
        configuration["more"] = [configuration["ds"]] * 3

    with_json(content_of(folder) / "configuration.json", repeat)
    assert "must be named once" in refused(folder)


def test_data_that_do_not_fit_together(saved: Path, tmp_path: Path):
    def alter(part: str, **changes: Any) -> None:
        folder = copied(saved, tmp_path / "model")
        name = "dataset.json" if part == "fields" else "configuration.json"
        with_json(
            content_of(folder) / name,
            lambda document: document | {part: document[part] | changes},
        )
        refused(folder)

    one_name = {"__nf__": "index", "kind": "pandas", "dtype": "str", "name": None, "values": ["y"]}
    alter("fields", y_idx=1)
    alter("fields", y_idx=-2)
    alter("fields", temporal_cols=one_name)
    alter("fields", indptr={"__nf__": "tensor", "key": "__hparams__.temporal", "kind": "torch"})
    alter("fields", files_ds=["/etc/passwd"])
    alter("configuration", ds=None)
    alter("configuration", uids=one_name)
    alter("configuration", id_col="y")
    alter("configuration", freq=None)
    alter("configuration", freq="os.system")
    alter("configuration", _fitted=False)
    alter("configuration", scalers_={"y": {"__nf__": "scaler", "type": "standard"}})
    alter("configuration", alias_to_model={"MLP": "timellm"})
    folder = copied(saved, tmp_path / "model")
    local = {"dataset_class": "LocalFilesTimeSeriesDataset"}
    with_json(content_of(folder) / "dataset.json", lambda document: document | local)
    refused(folder)


# Forecasters


def load_forecaster(folder: Path) -> AutoNeuralForecaster:
    loaded: AutoNeuralForecaster = AutoNeuralForecaster.load(folder)
    return loaded


class TestForecasters:
    def test_truncated_anywhere(self, saved_forecaster: Path, tmp_path: Path):
        for name, size in truncations(saved_forecaster):
            folder = copied(saved_forecaster, tmp_path / "forecaster")
            os.truncate(folder / name, size)
            refused(folder, load_forecaster)

    def test_any_file_replaced_or_missing(
        self, saved_forecaster: Path, tmp_path: Path, canary: Path
    ):
        contents = [*replacements(canary).values(), None]
        for name in files_of(saved_forecaster):
            for content in contents:
                folder = copied(saved_forecaster, tmp_path / "forecaster")
                (folder / name).unlink()
                if content is not None:
                    (folder / name).write_bytes(content)
                refused(folder, load_forecaster)

    def test_wrong_types_anywhere_in_the_manifest(self, saved_forecaster: Path, tmp_path: Path):
        folder = copied(saved_forecaster, tmp_path / "forecaster")
        file = folder / "forecaster.json"
        manifest = json.loads(file.read_text())
        typed = [path for path in paths_in(manifest) if not self.is_label(path)]
        assert len(typed) > 50
        for path in typed:
            for value in OTHER_TYPES[type(at(manifest, path))]:
                file.write_text(json.dumps(replaced(manifest, path, value)))
                print(path, repr(value)[:60])
                refused(folder, load_forecaster)

    @staticmethod
    def is_label(path: tuple[Any, ...]) -> bool:
        """Tell whether any JSON may be there: names are of any type."""
        return path[-1] in ("series_name", "time_name", "name") or any(
            part in ("config", "index", "columns", "values", "y") for part in path[:-1]
        )

    @pytest.mark.parametrize("name", ["callbacks", "default_root_dir", "logger", "__class__"])
    def test_settings_that_act_are_refused(self, name: str, saved_forecaster: Path, tmp_path: Path):
        folder = copied(saved_forecaster, tmp_path / "forecaster")

        def change(manifest: dict[str, Any]) -> None:
            manifest["parameters"]["config"][name] = "x"

        with_json(folder / "forecaster.json", change)
        assert name in refused(folder, load_forecaster)

    @pytest.mark.parametrize("name", ["storage", "mlflow_tracking_uri", "ray_address", "new", ""])
    def test_unknown_parameters_and_addresses_are_refused(
        self, name: str, saved_forecaster: Path, tmp_path: Path
    ):
        folder = copied(saved_forecaster, tmp_path / "forecaster")

        def change(manifest: dict[str, Any]) -> None:
            manifest["parameters"][name] = "http://127.0.0.1:1"

        with_json(folder / "forecaster.json", change)
        refused(folder, load_forecaster)

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("layout", "clock", "kind"), "os.system"),
            (("layout", "clock", "dtype"), "period[os]"),
            (("layout", "levels", 0, "dtype"), "datetime64[ns, dateutil//dev/zero]"),
            (("layout", "levels", 0, "dtype"), "U100000000"),
            (("layout", "phases"), ["a"]),
            (("mtype",), "os.system"),
            (("parameters", "model"), "TimeLLM"),
            (("parameters", "model"), "NHITS"),
            (("content",), "../.."),
        ],
        ids=str,
    )
    def test_other_contents(
        self, place: tuple[Any, ...], value: Any, saved_forecaster: Path, tmp_path: Path
    ):
        folder = copied(saved_forecaster, tmp_path / "forecaster")
        with_json(folder / "forecaster.json", lambda manifest: replaced(manifest, place, value))
        assert peak_memory(lambda: refused(folder, load_forecaster)) < 100 * MEGABYTE

    def test_links_out_of_the_folder(self, saved_forecaster: Path, tmp_path: Path):
        for part in ("data.safetensors", "model"):
            folder = copied(saved_forecaster, tmp_path / "forecaster")
            inside = next(folder.glob("content-*")) / part
            outside = tmp_path / f"outside-{part}"
            inside.rename(outside)
            inside.symlink_to(outside)
            refused(folder, load_forecaster)


# Saves that are cut off


def kills(default: int, slow: int) -> list[Any]:
    """Return the seeds of the moments of death, more of them among the slow tests."""
    seeds: list[Any] = list(range(default))
    return seeds + [pytest.param(k, marks=pytest.mark.slow) for k in range(default, slow)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to kill without starting anew")
@pytest.mark.parametrize("seed", kills(6, 60))
def test_a_killed_save_leaves_a_whole_model(seed: int, model: AutoModel, tmp_path: Path):
    folder = model.save(tmp_path / "model")
    expected = model.predict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        killed_while(lambda: model.save(folder), random.Random(seed).uniform(0.0, 0.1))
    pd.testing.assert_frame_equal(AutoModel.load(folder).predict(), expected)
    model.save(folder)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to kill without starting anew")
@pytest.mark.parametrize("seed", kills(3, 30))
def test_a_killed_save_leaves_a_whole_forecaster(
    seed: int, forecaster: AutoNeuralForecaster, tmp_path: Path
):
    folder = forecaster.save(tmp_path / "forecaster", "safe")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        killed_while(
            lambda: forecaster.save(folder, "safe"), random.Random(seed).uniform(0.0, 0.15)
        )
    pd.testing.assert_frame_equal(load_forecaster(folder).predict(), forecaster.predict())
    forecaster.save(folder, "safe")
    assert len(list(folder.iterdir())) == 2


def test_a_failed_save_leaves_the_former_model(
    model: AutoModel, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    before = files_of(folder)
    monkeypatch.setattr("automodel_sk.persistence.models._describe", full)
    with pytest.raises(ModelFileError, match=r"can't be written .No space"):
        model.save(folder)
    assert files_of(folder) == before
    AutoModel.load(folder)
