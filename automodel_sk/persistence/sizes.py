"""Check the declared sizes in tensor files against each other before reading a tensor."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automodel_sk.exceptions import ModelFileError

__all__ = ["check_file_sizes", "check_shapes", "tensor_shapes"]

Shapes = Mapping[str, tuple[int, ...]]

_FREE_BYTES = 64 * 2**20
# A compressing file system stores real data in a few times fewer blocks, not in 50 times fewer.
_MOST_HOLLOW = 50
_BLOCK = 512


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes in a tensor file; its header is checked, and no tensor is read.

    Parameters
    ----------
    file : Path
        A safetensors file.

    Returns
    -------
    dict of str to tuple of int

    Raises
    ------
    ModelFileError
        Not a safetensors file, or its tensors overlap or leave gaps after the header.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as tensors:
            names: list[str] = tensors.keys()
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in names}
    except (SafetensorError, OSError, ValueError) as exc:
        reason = str(exc)[:200]
        raise ModelFileError(f"{file} is damaged ({reason}); save the model again") from exc


def check_file_sizes(files: list[Path]) -> None:
    """Raise if files need much more memory than their disk space, or than is available.

    Parameters
    ----------
    files : list of Path
        Files of tensors.

    Raises
    ------
    ModelFileError
        Names the file.
    """
    import psutil

    states = {file: file.stat() for file in files}
    for file, state in states.items():
        held = getattr(state, "st_blocks", 0) * _BLOCK  # 0 if the file system does not report it
        if state.st_size > _FREE_BYTES and 0 < held < state.st_size / _MOST_HOLLOW:
            raise ModelFileError(
                f"{file} claims {state.st_size:,} bytes and holds {held:,}; save the model again"
            )
    total = sum(state.st_size for state in states.values())
    free = psutil.virtual_memory().available
    if total > max(free, _FREE_BYTES):
        raise ModelFileError(
            f"{files[0].parent} holds {total:,} bytes of tensors and {free:,} bytes of memory are"
            " free; load it where there is more"
        )


def check_shapes(configuration: Any, dataset: Any, shapes: Shapes, bounds: Any) -> None:
    """Raise if the numbers of series, times and values are inconsistent.

    Parameters
    ----------
    configuration : mapping
        Content of ``configuration.json``, checked.
    dataset : mapping
        Content of ``dataset.json``, checked.
    shapes : mapping
        Shapes of all tensors that the two files name.
    bounds : array
        Start and end of each series: one more entry than there are ids.

    Raises
    ------
    ModelFileError
        Names the inconsistency.
    """
    described, fields = configuration["configuration"], dataset["fields"]
    _check_references([configuration, dataset], shapes)
    n_series, n_rows = _length(described.get("uids"), shapes), int(bounds[-1])
    n_columns = _length(fields.get("temporal_cols"), shapes)
    static = fields.get("static")
    expected: dict[str, tuple[Any, Any]] = {
        "the bounds of the series": (len(bounds), n_series + 1),
        "the values": (_shape(fields.get("temporal"), shapes), (n_rows, n_columns)),
        "the times": (_length(described.get("ds"), shapes), n_rows),
        "the last times": (_length(described.get("last_dates"), shapes), n_series),
    }
    if static is not None:
        width = _length(fields.get("static_cols"), shapes)
        expected["the static values"] = (_shape(static, shapes), (n_series, width))
    for name, (found, right) in expected.items():
        if found != right:
            raise ModelFileError(
                f"the saved data are inconsistent: {name} are {found}, not {right}; save the"
                " model again"
            )


def _check_references(documents: list[Any], shapes: Shapes) -> None:
    """Raise if a tensor is referenced twice, since each reference takes memory, or not at all."""
    named = Counter(key for document in documents for key in _references(document))
    if any(count > 1 for count in named.values()) or set(named) != set(shapes):
        raise ModelFileError(
            "the saved data are inconsistent: each tensor must be named once; save the model again"
        )


def _references(document: Any) -> Iterator[str]:
    waiting = [document]
    for item in waiting:
        if isinstance(item, dict):
            if item.get("__nf__") == "tensor":
                yield str(item.get("key"))
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _shape(described: Any, shapes: Shapes) -> tuple[int, ...] | None:
    """Return the shape of a described tensor, list or column; None if it has none."""
    if isinstance(described, list):
        return (len(described),)
    if not isinstance(described, dict):
        return None
    if described.get("__nf__") == "tensor":
        return shapes.get(str(described.get("key")))
    if "data" in described:
        return _shape(described["data"], shapes)
    if described.get("__nf__") == "array":
        shape = described.get("shape")
        return tuple(shape) if isinstance(shape, list) else None
    return _shape(described.get("values"), shapes)


def _length(described: Any, shapes: Shapes) -> int:
    shape = _shape(described, shapes)
    if shape is None or len(shape) != 1 or type(shape[0]) is not int:
        return -1
    return math.prod(shape)
