"""Folders of members from a stranger: one clear error each, and nothing is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hostile import copied, files_of, nothing_runs, paths_in, replaced, replacements, with_json
from member_data import seasonal_data

from automodel_sk.arguments.packages import refusal_without
from automodel_sk.exceptions import ModelFileError
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.table import load_member, member_of

NAMES = ["SeasonalNaive", "RidgeRegression"]
NAMES += ["LightGBM"] if refusal_without("lightgbm", "portfolio") is None else []
needs_lightgbm = pytest.mark.skipif("LightGBM" not in NAMES, reason="needs lightgbm")


@pytest.fixture(scope="module", params=NAMES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(request.param, tmp_path_factory.mktemp("member"))


@pytest.fixture(scope="module")
def saved_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of("LightGBM", tmp_path_factory.mktemp("tree"))


def folder_of(name: str, folder: Path) -> Path:
    member_of(name).fit(seasonal_data(n_series=2), Deadline()).save(folder)
    return folder


def load_refused(folder: Path) -> None:
    with nothing_runs(), pytest.raises(ModelFileError):
        load_member(folder)


def test_each_file_replaced_by_anything_is_refused(saved: Path, tmp_path: Path):
    for name in files_of(saved):
        for content in replacements(tmp_path / "canary").values():
            folder = copied(saved, tmp_path / "copy")
            (folder / name).write_bytes(content)
            load_refused(folder)
    assert not (tmp_path / "canary").exists()


def test_truncated_files_are_refused(saved: Path, tmp_path: Path):
    for name in files_of(saved):
        raw = (saved / name).read_bytes()
        for share in (0.1, 0.5, 0.9):
            folder = copied(saved, tmp_path / "copy")
            (folder / name).write_bytes(raw[: int(share * len(raw))])
            load_refused(folder)


def test_missing_foreign_and_linked_files_are_refused(saved: Path, tmp_path: Path):
    for name in files_of(saved):
        folder = copied(saved, tmp_path / "copy")
        (folder / name).unlink()
        load_refused(folder)
        (folder / name).symlink_to(saved / name)
        load_refused(folder)
    folder = copied(saved, tmp_path / "copy")
    (folder / "extra.pkl").write_bytes(b"")
    load_refused(folder)
    load_refused(tmp_path / "nothing")
    shutil.rmtree(folder)
    (tmp_path / "copy").symlink_to(saved)
    load_refused(tmp_path / "copy")


@pytest.mark.parametrize("value", [None, -1, 0, 2**62, 1.5, "x", [], {}, True])
def test_wrong_entries_load_as_nothing_wrong_or_are_refused(
    saved: Path, tmp_path: Path, value: object
):
    document = json.loads((saved / "member.json").read_text())
    for path in paths_in(document):
        folder = copied(saved, tmp_path / "copy")
        with_json(folder / "member.json", lambda old, at=path: replaced(old, at, value))
        try:
            with nothing_runs():
                forecast = load_member(folder).predict()
        except ModelFileError:
            continue
        assert forecast.shape == (2, 6), path


@pytest.mark.parametrize(
    ("entry", "value"),
    [("n_series", 3), ("h", 7), ("format", 2), ("name", "AutoETS"), ("name", "x")],
)
def test_entries_that_do_not_fit_are_refused(entry: str, value: object, tmp_path: Path):
    folder = folder_of("SeasonalNaive", tmp_path)
    with_json(folder / "member.json", lambda old: old | {entry: value})
    if value == "AutoETS":  # another local method forecasts other rows than those stored
        assert load_member(folder).name == "AutoETS"
    else:
        load_refused(folder)


TREE_CHANGES = {
    "a feature that does not exist": ("split_feature=", "split_feature=9999 "),
    "a feature below none": ("split_feature=", "split_feature=-7 "),
    "a child that does not exist": ("left_child=", "left_child=99999 "),
    "a leaf that does not exist": ("right_child=", "right_child=-99999 "),
    "a child that is its parent": ("left_child=", "left_child=0 "),
    "a split by categories": ("decision_type=", "decision_type=1 "),
    "a value that is no number": ("leaf_value=", "leaf_value=nan "),
    "a value without bounds": ("leaf_value=", "leaf_value=inf "),
    "a threshold that is no number": ("threshold=", "threshold=nan "),
    "a value that is text": ("threshold=", "threshold=x "),
}


@needs_lightgbm
@pytest.mark.parametrize("change", TREE_CHANGES)
def test_trees_that_would_read_beyond_their_arrays_are_refused(
    saved_tree: Path, tmp_path: Path, change: str
):
    key, start = TREE_CHANGES[change]
    folder = copied(saved_tree, tmp_path / "copy")
    lines = (folder / "model.txt").read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith(key))
    lines[place] = start + lines[place].removeprefix(key).partition(" ")[2]
    (folder / "model.txt").write_text("\n".join(lines) + "\n")
    load_refused(folder)


@needs_lightgbm
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("num_leaves=", "num_leaves=2\nx="),
        ("num_leaves=", "num_leaves=100000000000\nx="),
        ("num_cat=0", "num_cat=5"),
        ("is_linear=0", "is_linear=1"),
        ("max_feature_idx=", "max_feature_idx=2\nx="),
        ("split_gain=", "left_child="),
        ("Tree=", "Treat="),
    ],
)
def test_other_trees_than_this_package_writes_are_refused(
    saved_tree: Path, tmp_path: Path, old: str, new: str
):
    folder = copied(saved_tree, tmp_path / "copy")
    text = (folder / "model.txt").read_text()
    assert old in text
    changed = text.replace(old, new)
    (folder / "model.txt").write_text(changed)
    if old == "split_gain=":  # a later entry of the same name counts
        np.testing.assert_array_equal(
            load_member(folder).predict(), load_member(saved_tree).predict()
        )
    else:
        load_refused(folder)


@needs_lightgbm
def test_a_tail_that_does_not_fit_is_refused(saved_tree: Path, tmp_path: Path):
    from safetensors.numpy import load_file, save_file

    for name, change in {
        "y": lambda y: np.where(np.arange(len(y)) == 3, np.nan, y),
        "sizes": lambda sizes: sizes + np.array([1, -2]),
        "times": lambda times: times.astype(float),
        "observed": lambda observed: observed[:-1],
    }.items():
        folder = copied(saved_tree, tmp_path / "copy")
        tensors = load_file(folder / "tail.safetensors")
        save_file(tensors | {name: change(tensors[name])}, folder / "tail.safetensors")
        load_refused(folder)
