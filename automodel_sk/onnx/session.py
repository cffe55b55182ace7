"""Run an ONNX file, in blocks of series."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.exceptions import ModelFileError
from automodel_sk.onnx.packages import need

__all__ = ["BLOCK", "open_session", "run"]

Array = npt.NDArray[np.float32]

BLOCK = 4_096
"""Series of one call."""

_QUIET = 3
"""Errors alone."""


def open_session(path: Path) -> Any:
    """Return an inference session of a file.

    Raises
    ------
    ModelFileError
        The file is missing or no ONNX file.
    MissingDependencyError
        onnxruntime is not installed.
    """
    need("an ONNX file", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    if not path.is_file():
        raise ModelFileError(f"{path} is no file; write it with AutoModel.to_onnx")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # the library has an exception for each of its codes
        raise ModelFileError(f"{path} is no ONNX file that can be run ({_first(exc)})") from exc


def run(session: Any, inputs: Mapping[str, Array], *, together: bool) -> Array:
    """Return forecasts of shape (n_series, h, n_outputs).

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The session.
    inputs : mapping of str to array
        The inputs, with one row for each series.
    together : bool
        Whether all series are forecast in one call.
    """
    n_series = len(inputs["y"])
    size = n_series if together else BLOCK
    read = {one.name for one in session.get_inputs()}
    parts = []
    for first in range(0, n_series, size):
        own = {name: values[first : first + size] for name, values in inputs.items()}
        parts.append(session.run(None, {name: own[name] for name in read})[0])
    return np.concatenate(parts)


def _first(exc: Exception) -> str:
    return str(exc).splitlines()[0][:200] if str(exc) else type(exc).__name__
