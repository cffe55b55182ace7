"""Write prepared frames as plain arrays, and read them again without trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, FiniteFloat, StrictBool, StrictInt, StrictStr

from automodel_sk.data.preparation import is_sorted
from automodel_sk.data.times.wall_clock import as_integers
from automodel_sk.data.times.zones import named_zone
from automodel_sk.exceptions import ModelFileError
from automodel_sk.persistence.schema import Stored
from automodel_sk.persistence.sizes import check_file_sizes, tensor_shapes

__all__ = [
    "StoredFrame",
    "arrays_of",
    "described_frame",
    "expected_shapes",
    "frame_of",
    "read_arrays",
    "static_of",
]

Arrays = Mapping[str, npt.NDArray[Any]]
Ids = list[StrictStr] | list[StrictInt] | list[StrictBool] | list[FiniteFloat]

_KEYS = ("unique_id", "ds")
_TYPES = {"sizes": np.int64, "times": np.int64}


class StoredTable(Stored):
    """Columns of a frame: numbers by name, text by its distinct values."""

    numbers: Annotated[tuple[str, ...], Field(strict=False)]
    texts: dict[str, list[str]]

    @property
    def names(self) -> list[str]:
        """Names of the columns, numbers first."""
        return [*self.numbers, *self.texts]


class StoredFrame(Stored):
    """A frame without its arrays."""

    ids: Annotated[Ids, Field(min_length=1)]
    unit: Literal["s", "ms", "us", "ns"] | None
    zone: Annotated[str, Field(max_length=100)] | None
    columns: StoredTable
    static: StoredTable | None


def described_frame(frame: pd.DataFrame, static_df: pd.DataFrame | None) -> dict[str, Any]:
    """Return what is stored of a frame beside its arrays.

    Parameters
    ----------
    frame : DataFrame
        Prepared long frame.
    static_df : DataFrame, optional
        One row per series, in the order of the frame.
    """
    times = frame["ds"].dtype
    is_time = not pd.api.types.is_integer_dtype(times)
    zone = getattr(times, "tz", None)
    return {
        "ids": frame["unique_id"].drop_duplicates().tolist(),
        "unit": pd.DatetimeIndex(frame["ds"][:1]).unit if is_time else None,
        "zone": None if zone is None else str(zone),
        "columns": _described(frame),
        "static": None if static_df is None else _described(static_df),
    }


def _described(table: pd.DataFrame) -> dict[str, Any]:
    columns = [str(name) for name in table.columns if name not in _KEYS]
    texts = {name: _categories(table[name]) for name in columns if _is_text(table[name])}
    return {"numbers": [name for name in columns if name not in texts], "texts": texts}


def _is_text(column: pd.Series[Any]) -> bool:
    return not pd.api.types.is_numeric_dtype(column)


def _categories(column: pd.Series[Any]) -> list[str]:
    return sorted({str(value) for value in column.dropna().unique()})


def arrays_of(name: str, frame: pd.DataFrame, static_df: pd.DataFrame | None) -> dict[str, Any]:
    """Return the arrays of a frame, by names that begin with `name`."""
    sizes = frame.groupby("unique_id", observed=True, sort=False).size()
    times = frame["ds"]
    found: dict[str, Any] = {
        f"{name}.sizes": sizes.to_numpy(dtype=np.int64),
        f"{name}.times": as_integers(pd.Index(times)),
        **_columns(f"{name}.column", frame),
    }
    if static_df is not None:
        found |= _columns(f"{name}.static", static_df)
    return {key: np.ascontiguousarray(value) for key, value in found.items()}


def _columns(prefix: str, table: pd.DataFrame) -> dict[str, Any]:
    described = StoredTable(**_described(table))
    values = {column: table[column].to_numpy(dtype=np.float64) for column in described.numbers}
    for column, known in described.texts.items():
        codes = pd.Categorical(table[column].map(str, na_action="ignore"), categories=known).codes
        values[column] = codes.astype(np.float64)
    return {f"{prefix}.{place}": values[column] for place, column in enumerate(described.names)}


def read_arrays(file: Path, expected: Mapping[str, tuple[int, ...]], dtype: Any) -> Arrays:
    """Return the arrays of a file, if these are the expected ones.

    Parameters
    ----------
    file : Path
        A safetensors file.
    expected : mapping of str to tuple of int
        Shape of each array.
    dtype : numpy dtype
        Type of all arrays but those of whole numbers.

    Raises
    ------
    ModelFileError
        Arrays are missing, unknown, or of another size or type.
    """
    from safetensors.numpy import load_file

    shapes = tensor_shapes(file)
    check_file_sizes([file])
    if shapes != dict(expected):
        wrong = next(iter(set(shapes.items()) ^ set(expected.items())))
        raise ModelFileError(
            f"{file} does not hold the arrays that its manifest describes, first"
            f" {str(wrong)[:100]}; save the model again"
        )
    arrays: Arrays = load_file(file)
    for name, values in arrays.items():
        if values.dtype != _TYPES.get(name.rpartition(".")[2], dtype):
            raise ModelFileError(f"{file} holds {name[:100]} of the type {values.dtype}")
    return arrays


def expected_shapes(
    name: str, stored: StoredFrame, file_shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Return the shapes that a frame's arrays must have, given the length of its times."""
    times = file_shapes.get(f"{name}.times", ())
    rows, n_series = (times[0] if len(times) == 1 else -1), len(stored.ids)
    shapes: dict[str, tuple[int, ...]] = {f"{name}.sizes": (n_series,), f"{name}.times": (rows,)}
    shapes |= {f"{name}.column.{i}": (rows,) for i in range(len(stored.columns.names))}
    if stored.static is not None:
        shapes |= {f"{name}.static.{i}": (n_series,) for i in range(len(stored.static.names))}
    return shapes


def frame_of(name: str, stored: StoredFrame, arrays: Arrays) -> pd.DataFrame:
    """Return a stored frame.

    Raises
    ------
    ModelFileError
        If its arrays are inconsistent.
    """
    sizes, times = arrays[f"{name}.sizes"], arrays[f"{name}.times"]
    if (sizes < 1).any() or (sizes > len(times)).any() or int(sizes.sum()) != len(times):
        raise ModelFileError("the saved data are inconsistent: sizes of the series; save it again")
    keys = {
        "unique_id": np.repeat(np.asarray(_ids(stored.ids)), sizes),
        "ds": _times(stored, times),
    }
    frame = pd.DataFrame(keys).assign(**_values(f"{name}.column", stored.columns, arrays))
    ordered = frame if {"y"} <= set(frame.columns) else frame.iloc[:0]
    if not len(ordered) or not is_sorted(frame) or frame["unique_id"].nunique() != len(sizes):
        raise ModelFileError("the saved data are inconsistent: series and times; save it again")
    return frame


def static_of(name: str, stored: StoredFrame, arrays: Arrays) -> pd.DataFrame | None:
    """Return the stored static values, one row per series."""
    if stored.static is None:
        return None
    ids = pd.DataFrame({"unique_id": np.asarray(_ids(stored.ids))})
    return ids.assign(**_values(f"{name}.static", stored.static, arrays))


def _ids(ids: Sequence[Any]) -> Any:
    if isinstance(ids[0], str):
        column = np.empty(len(ids), dtype=object)
        column[:] = ids
        return column
    return ids


def _times(stored: StoredFrame, numbers: npt.NDArray[Any]) -> Any:
    if stored.unit is None:
        return numbers
    times = pd.DatetimeIndex(numbers.view(f"datetime64[{stored.unit}]"))
    if stored.zone is None:
        return times
    return times.tz_localize("UTC").tz_convert(named_zone(stored.zone))


def _values(prefix: str, table: StoredTable, arrays: Arrays) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, column in enumerate(table.names):
        values = arrays[f"{prefix}.{place}"]
        known = table.texts.get(column)
        found[column] = values if known is None else _texts(values, known)
    return found


def _texts(codes: npt.NDArray[Any], known: Sequence[str]) -> npt.NDArray[Any]:
    """Return the texts that codes stand for; -1 stands for a missing one."""
    if not np.isin(codes, np.arange(-1, len(known))).all():
        raise ModelFileError("the saved data are inconsistent: codes of text; save it again")
    texts = np.array([*known, None], dtype=object)
    return texts[codes.astype(np.int64)]
