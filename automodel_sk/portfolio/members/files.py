"""The folder of a saved member, read without trust: sizes are checked before values."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.persistence.schema import Stored, checked
from automodel_sk.persistence.sizes import check_file_sizes, tensor_shapes
from automodel_sk.persistence.strict_json import read_json

__all__ = [
    "Forecasts",
    "MemberFile",
    "check_files",
    "read_forecasts",
    "read_member",
    "write_member",
]

MEMBER_FILE, FORECASTS_FILE = "member.json", "forecasts.safetensors"
FORMAT = 1

_LARGEST = 2**31
Size = Annotated[int, Field(ge=1, le=_LARGEST)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class MemberFile(Stored):
    """Content of ``member.json``."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    season: Size = 1
    settings: dict[str, Any] = Field(default_factory=dict)


class _MemberFile(MemberFile):
    """Content of ``member.json`` with the size and origin of its forecasts."""

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    n_series: Size
    h: Size
    n_fallbacks: Count
    reason: Annotated[str, Field(max_length=2_000)] | None


@dataclass(frozen=True)
class Forecasts:
    """A member's forecasts of the training data.

    Parameters
    ----------
    point : array of float32, shape (n_series, h)
        The forecasts.
    n_fallbacks : int
        Series that hold the seasonal-naive forecast instead.
    reason : str, optional
        Why the member failed first.

    Examples
    --------
    >>> Forecasts(np.ones((2, 3), dtype=np.float32)).first(2, "Naive").shape
    (2, 2)
    """

    point: npt.NDArray[np.float32]
    n_fallbacks: int = 0
    reason: str | None = None

    @property
    def h(self) -> int:
        """Steps of the forecasts."""
        return int(self.point.shape[1])

    def first(self, h: int | None, name: str) -> npt.NDArray[np.float32]:
        """Return the first `h` steps; all of them if None.

        Raises
        ------
        InvalidInputError
            If there are fewer.
        """
        if h is not None and h > self.h:
            raise InvalidInputError(
                f"{name} holds forecasts of {self.h} steps, got h={h}; pass the rows to forecast"
                " from as history"
            )
        return self.point[:, :h].copy()

    def describe(self) -> dict[str, Any]:
        """Return how many forecasts are the fallback's, and why, where there are any."""
        if not self.n_fallbacks:
            return {}
        return {"n_fallbacks": self.n_fallbacks, "reason": self.reason}


def write_member(folder: Path, member: MemberFile, kept: Forecasts) -> None:
    """Write ``member.json`` and ``forecasts.safetensors`` to a folder.

    Parameters
    ----------
    folder : Path
        An existing folder.
    member : MemberFile
        Name and settings.
    kept : Forecasts
        The forecasts of the training data.
    """
    from safetensors.numpy import save_file

    n_series, h = kept.point.shape
    content = member.fields() | {
        "format": FORMAT,
        "n_series": n_series,
        "h": h,
        "n_fallbacks": kept.n_fallbacks,
        "reason": kept.reason and kept.reason[:2_000],
    }
    save_file({"point": np.ascontiguousarray(kept.point)}, folder / FORECASTS_FILE)
    text = json.dumps(content, indent=1, allow_nan=False)
    (folder / MEMBER_FILE).write_text(text + "\n", encoding="utf-8")


def read_member(folder: Path) -> _MemberFile:
    """Return the content of ``member.json``.

    Raises
    ------
    ModelFileError
        The file is missing or damaged.
    """
    if not folder.is_dir() or folder.is_symlink():
        raise ModelFileError(f"{folder} is no folder of a saved member; save the model again")
    file = folder / MEMBER_FILE
    return checked(_MemberFile, read_json(file), file)


def check_files(folder: Path, names: Collection[str]) -> None:
    """Raise if a folder holds other files than those of a member, or lacks one.

    Raises
    ------
    ModelFileError
        Names the file.
    """
    expected = {MEMBER_FILE, FORECASTS_FILE, *names}
    found = {entry.name: entry for entry in folder.iterdir()}
    for name, entry in found.items():
        if name not in expected or entry.is_symlink() or not entry.is_file():
            raise ModelFileError(f"{folder} holds {name[:100]!r}, which no saved member has")
    if missing := expected - set(found):
        raise ModelFileError(f"{folder} lacks {min(missing)}; save the model again")


def read_forecasts(folder: Path, stored: _MemberFile) -> Forecasts:
    """Return the forecasts of a folder if their sizes are those that ``member.json`` names.

    Raises
    ------
    ModelFileError
        The file is damaged, of another size, or holds values that are not finite.
    """
    from safetensors.numpy import load_file

    file = folder / FORECASTS_FILE
    expected = {"point": (stored.n_series, stored.h)}
    shapes = tensor_shapes(file)
    check_file_sizes([file])
    if shapes != expected:
        raise ModelFileError(
            f"{file} holds {str(shapes)[:200]}, not {expected}; save the model again"
        )
    point = load_file(file)["point"]
    if point.dtype != np.float32 or not np.isfinite(point).all():
        raise ModelFileError(f"{file} holds values that are no forecasts; save the model again")
    return Forecasts(point, stored.n_fallbacks, stored.reason)
