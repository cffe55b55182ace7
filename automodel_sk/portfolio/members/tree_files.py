"""The folder of a saved tree member: its settings and the last rows of the training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.portfolio.members.files import MemberFile, Size, read_tensors
from automodel_sk.portfolio.members.tree_panel import TreePanel

__all__ = ["TAIL_FILE", "TAIL_KINDS", "TreeFile", "read_tail"]

TAIL_FILE = "tail.safetensors"
TAIL_KINDS = {
    "y": "float64",
    "sizes": "int64",
    "times": "int64",
    "futr": "float64",
    "hist": "float64",
    "stat": "float64",
    "observed": "bool",
}


def _known_frequency(freq: int | str) -> int | str:
    try:
        parse_frequency(freq)
    except InvalidInputError as exc:
        raise ValueError("is no frequency") from exc
    return freq


_Names = Annotated[tuple[str, ...], Field(strict=False, max_length=10_000)]
_Part = Literal["minute", "hour", "dayofweek", "day", "month"]


class TreeFile(MemberFile):
    """Content of a tree's ``member.json``."""

    h: Annotated[int, Field(ge=1, le=100_000)]
    season: Annotated[int, Field(ge=1, le=1_000_000)]
    freq: Annotated[int | str, AfterValidator(_known_frequency)]
    dated: bool
    n_series: Size
    n_rows: Size
    futr: _Names
    hist: _Names
    stat: _Names
    categories: dict[str, list[str]]
    calendar: Annotated[tuple[_Part, ...], Field(strict=False, max_length=5)]


def read_tail(file: Path, stored: TreeFile) -> TreePanel:
    """Return the last rows of the training data, if they fit ``member.json``.

    Raises
    ------
    ModelFileError
        The file is damaged, or does not fit.
    """
    rows, series = (stored.n_rows,), (stored.n_series,)
    shapes = {
        "y": rows,
        "sizes": series,
        "times": rows,
        "futr": (*rows, len(stored.futr)),
        "hist": (*rows, len(stored.hist)),
        "stat": (*series, len(stored.stat)),
        "observed": rows,
    }
    tensors = read_tensors(file, shapes, TAIL_KINDS)
    sizes = tensors["sizes"]
    fits = (
        np.isfinite(tensors["y"]).all()
        and ((sizes >= 1) & (sizes <= stored.n_rows)).all()
        and sizes.sum() == stored.n_rows
        and isinstance(stored.freq, int) != stored.dated
    )
    if not fits:
        raise ModelFileError(f"{file} holds rows that do not fit; save the model again")
    return TreePanel(dated=stored.dated, **tensors)
