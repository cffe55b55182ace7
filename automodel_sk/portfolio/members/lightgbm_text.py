"""Read LightGBM's text format without trusting it.

LightGBM's own reader checks little: a child or a feature that does not exist makes it read beyond
its arrays. Here each tree is parsed and checked, and LightGBM gets a text that was written anew
from the checked numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from automodel_sk.exceptions import ModelFileError

__all__ = ["MODEL_FILE", "read_booster", "text_of", "write_booster"]

MODEL_FILE = "model.txt"

_MOST_BYTES, _MOST_TREES, _MOST_LEAVES = 64 * 2**20, 10_000, 10_000
_NUMERIC_DECISIONS = frozenset({0, 2, 4, 6, 8, 10})


def write_booster(booster: Any, folder: Path) -> None:
    """Write ``model.txt``, without the parameters of training.

    Parameters
    ----------
    booster : lightgbm.Booster
        A trained booster of one output with numeric splits.
    folder : Path
        An existing folder.
    """
    (folder / MODEL_FILE).write_text(text_of(booster), encoding="ascii")


def text_of(booster: Any) -> str:
    """Return what is written of a booster: its trees, the same before saving and after loading."""
    return _rewritten(booster.model_to_string(), booster.num_feature(), Path(MODEL_FILE))


def read_booster(folder: Path, n_features: int) -> Any:
    """Return the booster of ``model.txt``.

    Parameters
    ----------
    folder : Path
        A folder that holds the file.
    n_features : int
        Features that the booster must have.

    Returns
    -------
    lightgbm.Booster

    Raises
    ------
    ModelFileError
        The file is damaged or has other features.
    """
    import lightgbm as lgb

    file = folder / MODEL_FILE
    if file.stat().st_size > _MOST_BYTES:
        raise ModelFileError(f"{file} has {file.stat().st_size:,} bytes, too many for a model")
    try:
        text = file.read_text(encoding="ascii")
    except UnicodeDecodeError as exc:
        raise ModelFileError(f"{file} is damaged ({exc.reason}); save the model again") from exc
    checked = _rewritten(text, n_features, file)
    return lgb.Booster(model_str=checked)


def _rewritten(text: str, n_features: int, file: Path) -> str:
    """Return a text of LightGBM's that holds what was checked, and nothing else."""
    body, end, _ = text.partition("\nend of trees\n")
    head, *trees = body.split("\nTree=")
    try:
        if not end:
            raise ValueError("cut off")
        if not 1 <= len(trees) <= _MOST_TREES:
            raise ValueError(f"{len(trees)} trees")
        found = int(_entries(head)["max_feature_idx"]) + 1
        if found != n_features:
            raise ValueError(f"{found} features, not {n_features}")
        checked = [_tree(number, tree, n_features) for number, tree in enumerate(trees)]
    except (ValueError, KeyError, OverflowError) as exc:
        raise ModelFileError(f"{file} is damaged ({str(exc)[:200]}); save the model again") from exc
    return _head(n_features) + "".join(checked) + "end of trees\n"


def _head(n_features: int) -> str:
    names = " ".join(f"f{i}" for i in range(n_features))
    infos = " ".join(["[-1e308:1e308]"] * n_features)
    return (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
        f"max_feature_idx={n_features - 1}\nobjective=regression\n"
        f"feature_names={names}\nfeature_infos={infos}\n\n"
    )


def _entries(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines())
    return {key: value for key, sign, value in lines if sign}


def _tree(number: int, text: str, n_features: int) -> str:
    """Return one tree written anew from its checked numbers."""
    entries = _entries(text)
    n_leaves = int(entries["num_leaves"])
    if not 1 <= n_leaves <= _MOST_LEAVES or int(entries.get("num_cat", "0")):
        raise ValueError(f"tree {number}: {n_leaves} leaves")
    if int(entries.get("is_linear", "0")):
        raise ValueError(f"tree {number} is linear")
    lines = [f"Tree={number}", f"num_leaves={n_leaves}", "num_cat=0"]
    if n_leaves > 1:
        lines += _splits(entries, n_leaves - 1, n_features)
    lines.append(f"leaf_value={_joined(_numbers(entries, 'leaf_value', n_leaves, _finite))}")
    return "\n".join([*lines, "is_linear=0", "shrinkage=1", "\n\n"])


def _splits(entries: dict[str, str], count: int, n_features: int) -> Iterator[str]:
    """Yield the lines of a tree's splits."""
    features = _numbers(entries, "split_feature", count, int)
    decisions = _numbers(entries, "decision_type", count, int)
    left, right = (_numbers(entries, f"{side}_child", count, int) for side in ("left", "right"))
    if not all(0 <= feature < n_features for feature in features):
        raise ValueError("a split of no feature")
    if not _NUMERIC_DECISIONS.issuperset(decisions):
        raise ValueError("a split that is not numeric")
    _check_children(left, right)
    yield f"split_feature={_joined(features)}"
    yield f"split_gain={_joined([0] * count)}"
    yield f"threshold={_joined(_numbers(entries, 'threshold', count, _threshold))}"
    yield f"decision_type={_joined(decisions)}"
    yield f"left_child={_joined(left)}"
    yield f"right_child={_joined(right)}"


def _check_children(left: list[Any], right: list[Any]) -> None:
    """Raise unless each split and leaf but the root is the child of one earlier split."""
    count = len(left)
    if any(0 <= child <= parent for side in (left, right) for parent, child in enumerate(side)):
        raise ValueError("a split above itself")
    if sorted(left + right) != [*range(-count - 1, 0), *range(1, count)]:
        raise ValueError("a split without children")


def _numbers(
    entries: dict[str, str], key: str, count: int, read: Callable[[str], float]
) -> list[Any]:
    parts = entries[key].split(" ")
    if len(parts) != count:
        raise ValueError(f"{len(parts)} values of {key}, not {count}")
    return [read(part) for part in parts]


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number


def _threshold(text: str) -> float:
    number = float(text)  # infinite where a split parts missing values from all others
    if math.isnan(number):
        raise ValueError("a threshold that is no number")
    return number


def _joined(numbers: list[Any]) -> str:
    return " ".join(map(repr, numbers))
