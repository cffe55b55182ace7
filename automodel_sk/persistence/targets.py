"""Keep the target as it was given, beside the data in single precision that models train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.exceptions import ModelFileError
from automodel_sk.persistence.sizes import check_file_sizes, tensor_shapes

__all__ = ["TARGET_FILE", "check_target", "read_target", "write_target"]

TARGET_FILE = "target.st"
"""A safetensors file of another ending: neuralforecast takes all `*.safetensors` for models."""


def write_target(folder: Path, target: npt.NDArray[np.float64] | None) -> None:
    """Write the values of the target, if single precision does not hold them."""
    from safetensors.numpy import save_file

    if target is not None:
        save_file({"y": np.ascontiguousarray(target, dtype=np.float64)}, folder / TARGET_FILE)


def check_target(folder: Path, is_stored: bool) -> bool:
    """Return whether the values of the target were stored; raise if the file says otherwise."""
    if (folder / TARGET_FILE).exists() != is_stored:
        lacks = "lacks" if is_stored else "does not describe"
        raise ModelFileError(f"{folder} {lacks} {TARGET_FILE}; save the model again")
    return is_stored


def read_target(folder: Path, known: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the stored values of the target.

    Parameters
    ----------
    folder : Path
        The folder of content.
    known : array
        The same values in single precision.

    Raises
    ------
    ModelFileError
        The file holds anything but these values.
    """
    from safetensors.numpy import load_file

    file = folder / TARGET_FILE
    shapes = tensor_shapes(file)
    check_file_sizes([file])
    target = load_file(file)["y"] if shapes == {"y": known.shape} else np.empty(0)
    if target.dtype != np.float64 or not np.array_equal(target.astype(np.float32), known):
        raise ModelFileError(f"{file} holds other values than the data; save the model again")
    return np.asarray(target)
