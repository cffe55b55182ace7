"""The folder of a saved member, read without trust: sizes are checked before values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.persistence.schema import Stored, checked
from automodel_sk.persistence.sizes import check_file_sizes, tensor_shapes
from automodel_sk.persistence.strict_json import read_json

__all__ = [
    "Count",
    "Forecasts",
    "LocalFile",
    "MemberFile",
    "Size",
    "check_files",
    "read_member",
    "read_tensors",
    "write_member",
    "write_tensors",
]

MEMBER_FILE = "member.json"
FORMAT = 1

_LARGEST = 2**31
Size = Annotated[int, Field(ge=1, le=_LARGEST)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class MemberFile(Stored):
    """Content of ``member.json`` that all members have."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    season: Size
    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT


class LocalFile(MemberFile):
    """Content of a local member's ``member.json``: size and origin of its forecasts too."""

    n_series: Size
    h: Size
    n_fallbacks: Count
    reason: Annotated[str, Field(max_length=2_000)] | None


_AnyFile = TypeVar("_AnyFile", bound=MemberFile)


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


def write_member(folder: Path, member: MemberFile) -> None:
    """Write ``member.json`` to a folder.

    Parameters
    ----------
    folder : Path
        An existing folder.
    member : MemberFile
        The content.
    """
    text = json.dumps(member.model_dump(mode="json"), indent=1, allow_nan=False)
    (folder / MEMBER_FILE).write_text(text + "\n", encoding="utf-8")


def read_member(folder: Path, schema: type[_AnyFile]) -> _AnyFile:
    """Return the content of ``member.json``.

    Parameters
    ----------
    folder : Path
        The folder.
    schema : type
        The expected entries.

    Raises
    ------
    ModelFileError
        The file is missing or damaged.
    """
    if not folder.is_dir() or folder.is_symlink():
        raise ModelFileError(f"{folder} is no folder of a saved member; save the model again")
    file = folder / MEMBER_FILE
    return checked(schema, read_json(file), file)


def check_files(folder: Path, names: Collection[str]) -> None:
    """Raise if a folder holds other files than those of a member, or lacks one.

    Raises
    ------
    ModelFileError
        Names the file.
    """
    expected = {MEMBER_FILE, *names}
    found = {entry.name: entry for entry in folder.iterdir()}
    for name, entry in found.items():
        if name not in expected or entry.is_symlink() or not entry.is_file():
            raise ModelFileError(f"{folder} holds {name[:100]!r}, which no saved member has")
    if missing := expected - set(found):
        raise ModelFileError(f"{folder} lacks {min(missing)}; save the model again")


def write_tensors(file: Path, **tensors: npt.NDArray[Any]) -> None:
    """Write arrays by name."""
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, file)


def read_tensors(
    file: Path, shapes: Mapping[str, tuple[int, ...]], kinds: Mapping[str, str]
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a file if their sizes and types are the expected ones.

    Parameters
    ----------
    file : Path
        A safetensors file.
    shapes : mapping of str to tuple of int
        Expected names and shapes.
    kinds : mapping of str to str
        Expected names and types, such as ``"float32"``.

    Raises
    ------
    ModelFileError
        The file is damaged, or holds anything else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    found = tensor_shapes(file)
    check_file_sizes([file])
    if found != dict(shapes):
        raise ModelFileError(
            f"{file} holds {str(found)[:300]}, not {str(dict(shapes))[:300]}; save the model again"
        )
    try:
        tensors: dict[str, npt.NDArray[Any]] = load_file(file)
    except (SafetensorError, KeyError, TypeError, ValueError) as exc:
        raise ModelFileError(f"{file} is damaged ({str(exc)[:200]}); save it again") from exc
    for name, tensor in tensors.items():
        if str(tensor.dtype) != kinds[name]:
            raise ModelFileError(f"{file} holds {name} as {tensor.dtype}, not {kinds[name]}")
    return tensors
