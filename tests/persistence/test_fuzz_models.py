"""Saved models and forecasters, mutated at random: one clear error or a model, soon and small."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cpu_time import cpu_time_below
from hostile import copied, files_of, nothing_runs, peak_memory, with_header
from series import seasonal_panel

from automodel_sk import AutoModel, AutoNeuralForecaster, create_auto_model
from automodel_sk.exceptions import AutoModelError, InvalidInputError, ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = {"max_steps": 1, "input_size": 6, "hidden_size": 8, "num_layers": 1}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 2**31, 2**53, 2**63, 10**30, 0.5, -1e308),
    *(float("nan"), float("inf"), "", "a", "\x00", "\ud800", "é" * 5_000, "../../x", "/dev/zero"),
    *("object", "O", "U100000", "datetime64[ns]", "dateutil//dev/zero", "9999-12-31", "2024-01-01"),
    *("os.system", "ME", "D", "1D", "W-MON", "float32", "int64", "SGD", "LSTM", "tensor", "index"),
    *([], [1], [[]], [None], ["a", "a"], {}, {"a": 1}, {"__nf__": "tensor", "key": "x"}),
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("saved")
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    model = create_auto_model("MLP", 3, seasonal_panel(length=40), SMALL, cpus=1, gpus=0, **options)
    model.predict(level=[80])  # with the scores of its intervals
    model.save(folder / "model")
    times = pd.period_range("2020-01", periods=30, freq="M")
    y = pd.DataFrame({"sales": [float(step % 5) for step in range(30)]}, index=times)
    y = pd.concat({"a": y, "b": y}, names=["shop", "month"])
    forecaster = AutoNeuralForecaster("MLP", SMALL, gpus=0, cpus=1).fit(y, fh=[1, 2])
    forecaster.save(folder / "forecaster", "safe")
    return {kind: folder / kind for kind in ("model", "forecaster")}


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to each value in a document."""
    found = [path] if path else []
    if isinstance(document, dict):
        for key, value in document.items():
            found += places(value, (*path, key))
    elif isinstance(document, list):
        for k, value in enumerate(document[:3]):
            found += places(value, (*path, k))
    return found


def mutated(document: Any, chance: random.Random) -> Any:
    """Replace, remove, rename or repeat one value of a document."""
    ways = places(document)
    if not ways:
        return chance.choice(ODD)
    *above, last = chance.choice(ways)
    parent = document
    for step in above:
        parent = parent[step]
    kind = chance.random()
    if kind < 0.6:
        parent[last] = chance.choice(ODD)
    elif kind < 0.75:
        del parent[last]
    elif kind < 0.9 and isinstance(parent, dict):
        parent[f"{last}x"] = parent.pop(last)
    else:
        parent[last] = [parent[last]] * chance.choice([2, 1_000])
    return document


def change_json(file: Path, chance: random.Random) -> None:
    document = json.loads(file.read_text())
    for _ in range(chance.randint(1, 2)):
        document = mutated(document, chance)
    file.write_text(json.dumps(document))


def change_header(file: Path, chance: random.Random) -> None:
    if file.suffix == ".json":
        change_json(file, chance)
        return

    def change(header: dict[str, Any]) -> None:
        inner = header.get("__metadata__", {})
        if "hyper_parameters" in inner and chance.random() < 0.6:
            stored = mutated(json.loads(inner["hyper_parameters"]), chance)
            inner["hyper_parameters"] = json.dumps(stored)
        else:
            mutated(header, chance)

    with_header(file, change)


def flip(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    file.write_bytes(bytes(content))


def cut(file: Path, chance: random.Random) -> None:
    content = file.read_bytes()
    at = chance.randrange(len(content))
    more = chance.choice([b"", content[:at], b"\x00" * 1_000])
    file.write_bytes(content[:at] + more)


def swap(file: Path, chance: random.Random) -> None:
    other = chance.choice([path for path in file.parent.iterdir() if path.is_file()])
    file.write_bytes(other.read_bytes())


CHANGES: tuple[Callable[[Path, random.Random], None], ...] = (
    change_json,
    change_header,
    change_header,
    flip,
    cut,
    swap,
)


def change(folder: Path, seed: int) -> str:
    chance = random.Random(seed)
    how = chance.choice(CHANGES)
    suffix = ".json" if how is change_json else ""
    file = chance.choice([f for f in files_of(folder) if f.name.endswith(suffix)])
    how(folder / file, chance)
    return f"seed {seed}: {how.__name__} of {file}"


def tried(kind: str, folder: Path, what: str) -> bool:
    """Return whether a folder is loaded; what it forecasts is one error of ours, or nothing."""
    load: Any = AutoModel.load if kind == "model" else AutoNeuralForecaster.load
    with cpu_time_below(10, what):
        try:
            with nothing_runs():
                load(folder)
        except ModelFileError as error:
            assert len(str(error)) < 1_500, what  # noqa: PT017
            return False
    return True


@pytest.mark.parametrize("kind", ["model", "forecaster"])
@pytest.mark.parametrize("seeds", [range(60), pytest.param(range(800), marks=pytest.mark.slow)])
def test_mutated_folders(seeds: range, kind: str, saved: dict[str, Path], tmp_path: Path):
    loaded = 0

    def try_all() -> None:
        nonlocal loaded
        for seed in seeds:
            folder = copied(saved[kind], tmp_path / "copy")
            what = change(folder, seed)
            try:
                loaded += tried(kind, folder, what)
            except (AutoModelError, AssertionError):
                raise
            except BaseException as error:
                raise AssertionError(what) from error

    assert peak_memory(try_all) < 600 * 2**20
    assert 0 < loaded < len(seeds)


def test_names_that_no_file_holds_are_refused_before_the_training():
    panel = seasonal_panel(length=40)
    panel["unique_id"] = panel["unique_id"].astype(object).replace({"s1": "s\ud800"})
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    with pytest.raises(InvalidInputError, match="half of a surrogate pair"):
        create_auto_model("MLP", 3, panel, SMALL, cpus=1, gpus=0, **options)


@pytest.mark.parametrize("name", ["", "\x1b[2J", "a b", "'", "é"])
def test_odd_names_come_back(name: str, tmp_path: Path):
    panel = seasonal_panel(length=40)
    panel["unique_id"] = panel["unique_id"].replace({"s1": name})
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    model = create_auto_model("MLP", 3, panel, SMALL, cpus=1, gpus=0, **options)
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(loaded.predict(), model.predict())
    assert name in set(loaded.predict()["unique_id"])
