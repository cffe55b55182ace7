"""Saving while others save and load, and where it can't be done."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from series import seasonal_panel

from automodel_sk import AutoModel, AutoNeuralForecaster, create_auto_model
from automodel_sk.cli.targets import Targets, save_somewhere
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.persistence import folder_lock

pytestmark = pytest.mark.filterwarnings("ignore")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to start at once")

SMALL = {"max_steps": 2, "input_size": 6, "hidden_size": 8, "num_layers": 1}


@pytest.fixture(scope="module")
def model() -> AutoModel:
    panel = seasonal_panel(length=40)
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    return create_auto_model("MLP", 3, panel, SMALL, cpus=1, gpus=0, **options)


@pytest.fixture(scope="module")
def forecaster() -> AutoNeuralForecaster:
    y = pd.Series([float(step % 4) for step in range(40)])
    return AutoNeuralForecaster("MLP", SMALL, gpus=0, cpus=1).fit(y, fh=[1, 2])


def in_child(work: Callable[[], Any]) -> int:
    """Do work in a child process; its exit status tells whether it raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    try:
        work()
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    os._exit(0)


def together(*works: Callable[[], Any]) -> list[int]:
    """Do works in processes that start at the same moment; return their exit statuses."""
    start = time.time() + 0.05

    def at_start(work: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: (time.sleep(max(0.0, start - time.time())), work())

    children = [in_child(at_start(work)) for work in works]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@forks
@pytest.mark.parametrize("pairs", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_two_saves_to_one_folder_leave_a_whole_model(pairs: int, model: AutoModel, tmp_path: Path):
    for k in range(pairs):
        folder = tmp_path / f"model-{k // 2}"  # each folder once new, once there
        assert together(*[lambda folder=folder: model.save(folder)] * 2) == [0, 0]
        AutoModel.load(folder)
        assert len(list(folder.iterdir())) == 2


@forks
@pytest.mark.parametrize("pairs", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_two_saves_of_a_forecaster(pairs: int, forecaster: AutoNeuralForecaster, tmp_path: Path):
    for k in range(pairs):
        folder = tmp_path / f"forecaster-{k // 2}"
        assert together(*[lambda folder=folder: forecaster.save(folder, "safe")] * 2) == [0, 0]
        AutoNeuralForecaster.load(folder)
        assert len(list(folder.iterdir())) == 2


@forks
@pytest.mark.parametrize("seconds", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_models_are_loaded_while_others_save(seconds: float, model: AutoModel, tmp_path: Path):
    folder, end = model.save(tmp_path / "model"), time.time() + seconds

    def until_the_end(work: Callable[[], Any]) -> Callable[[], None]:
        def repeat() -> None:
            while time.time() < end:
                work()

        return repeat

    read = until_the_end(lambda: AutoModel.load(folder))
    write = until_the_end(lambda: (model.save(folder), time.sleep(0.05)))
    assert together(write, read, read) == [0, 0, 0]


def test_threads_save_one_after_another(model: AutoModel, tmp_path: Path):
    errors: list[BaseException] = []

    def save() -> None:
        try:
            model.save(tmp_path / "model")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    AutoModel.load(tmp_path / "model")


@pytest.mark.skipif(folder_lock.fcntl is None, reason="the lock of POSIX systems")
def test_a_lock_that_is_never_given_back(
    model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = model.save(tmp_path / "model")
    monkeypatch.setattr(folder_lock, "PATIENCE_SECONDS", 0.1)
    with folder_lock.locked(folder, ".lock"), pytest.raises(ModelFileError, match="locked by"):
        model.save(folder)
    AutoModel.load(folder)


def test_a_lock_in_a_file_where_folders_have_none(
    model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As on network drives and on Windows."""
    monkeypatch.setattr(folder_lock, "_acquire", lambda *_: False)
    for _ in range(2):
        folder = model.save(tmp_path / "model")
    AutoModel.load(folder)
    monkeypatch.setattr(folder_lock, "PATIENCE_SECONDS", 0.1)
    with (
        folder_lock.locked(folder, ".automodel.json.lock"),
        pytest.raises(ModelFileError, match="locked by"),
    ):
        model.save(folder)


@pytest.mark.parametrize("place", ["/proc/automodel", "{tmp}/file/model"])
def test_folders_that_cannot_be_written(place: str, model: AutoModel, tmp_path: Path):
    if not Path("/proc").is_dir():
        pytest.skip("needs a folder that nobody can write to")
    (tmp_path / "file").write_text("a file")
    with pytest.raises(ModelFileError, match=r"can't be written"):
        model.save(place.format(tmp=tmp_path))


def test_a_full_disk_is_named(model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from safetensors import SafetensorError

    def full(*_: Any) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device")

    monkeypatch.setattr("automodel_sk.persistence.models._describe", full)
    with pytest.raises(ModelFileError, match=r"can't be written .*No space left"):
        model.save(tmp_path / "model")
    assert list((tmp_path / "model").iterdir()) == []


def test_the_home_folder_is_meant_by_a_tilde(
    model: AutoModel,
    forecaster: AutoNeuralForecaster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert model.save("~/a") == tmp_path / "home" / "a"
    assert AutoModel.load("~/a").h == 3
    assert forecaster.save("~/b", "safe") == tmp_path / "home" / "b"
    AutoNeuralForecaster.load("~/b")
    assert [entry.name for entry in tmp_path.iterdir()] == ["home"]


def test_sktimes_own_file_is_named(forecaster: AutoNeuralForecaster, tmp_path: Path):
    forecaster.save(tmp_path / "fc")
    with pytest.raises(ModelFileError, match=r"sktime\.base\.load"):
        AutoNeuralForecaster.load(tmp_path / "fc.zip")


class TestCommandLine:
    """A search of hours isn't lost for a folder that can't be written."""

    def test_the_folder_is_tried_before_the_search(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("a file")
        with pytest.raises(InvalidInputError, match=r"can't be written .*--output"):
            Targets.choose(Path("sales.csv"), "MLP", tmp_path / "file" / "model", None)
        with pytest.raises(InvalidInputError, match=r"can't be written .*--forecast"):
            Targets.choose(
                Path("sales.csv"), "MLP", tmp_path / "m", tmp_path / "file" / "forecast.csv"
            )
        assert [entry.name for entry in tmp_path.iterdir()] == ["file"]

    def test_a_saved_model_may_be_replaced(self, model: AutoModel, tmp_path: Path) -> None:
        folder = model.save(tmp_path / "model")
        assert Targets.choose(Path("sales.csv"), "MLP", folder, None).model == folder

    def test_the_model_is_kept_elsewhere(
        self, model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").write_text("a file")
        with pytest.raises(ModelFileError, match="the model is kept in") as caught:
            save_somewhere(model, tmp_path / "file" / "model")
        AutoModel.load(str(caught.value).rpartition(" in ")[2])
