"""Saved forecasters: a folder of JSON, plain arrays and a saved model, without executable content.

::

    my_forecaster/
        forecaster.json            parameters, time index, horizon
        content-1a2b3c4d/
            data.safetensors       the series that forecasts start from
            model/                 the fitted model, see `automodel_sk.persistence`
            pretrained/            the pretrained model, where it is another one
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal
from zipfile import is_zipfile

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from automodel_sk.auto_model import AutoModel
from automodel_sk.estimator.context import Context, ExogenousColumns, columns_of_calendar
from automodel_sk.estimator.layout_json import (
    label_from_json,
    label_to_json,
    layout_from_json,
    layout_to_json,
)
from automodel_sk.estimator.params_json import (
    checked_parameters,
    parameters_from_json,
    parameters_to_json,
)
from automodel_sk.estimator.upstream import (
    horizon_of,
    is_vectorized,
    mtype_of,
    restore_fit,
    series_name_of,
    set_fitted,
)
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.frames.layout import Layout
from automodel_sk.frames.rows import Rows
from automodel_sk.persistence.folders import FolderFormat
from automodel_sk.persistence.schema import Stored, checked
from automodel_sk.persistence.sizes import check_file_sizes, tensor_shapes

__all__ = ["load_forecaster", "save_forecaster"]

_FORMAT = FolderFormat(
    name="automodel_sk forecaster",
    version=2,
    oldest=2,
    manifest="forecaster.json",
    content="content",
    subject="saved forecaster",
    saver="save(path, serialization_format='safe')",
)
_DATA, _MODEL, _PRETRAINED = "data.safetensors", "model", "pretrained"


class _Horizon(Stored):
    relative: bool
    values: list[int]


class _Manifest(Stored):
    """The contents of ``forecaster.json``."""

    parameters: dict[str, Any]
    layout: dict[str, Any]
    y: list[Any]
    X: list[Any] | None
    future: list[Annotated[tuple[Any, str], Field(strict=False)]]
    past: list[Annotated[tuple[Any, str], Field(strict=False)]]
    mtype: str
    series_name: Any
    fh: _Horizon | None
    pretrained: Literal["model", "pretrained"] | None
    trained_on_data: bool = False
    categories: dict[str, list[Any]] = {}  # noqa: RUF012 - pydantic copies it


def save_forecaster(forecaster: Any, path: Path) -> Path:
    """Write a fitted forecaster to a folder; see `AutoNeuralForecaster.save`."""
    if is_vectorized(forecaster):
        raise InvalidInputError(
            "a forecaster of several columns holds one forecaster for each; save them one by one, "
            "e.g. forecaster.forecasters_.iloc[0, 0].save(path, serialization_format='safe')"
        )

    described = _describe(forecaster)  # refuses what can't be saved before anything is written
    pretrained = getattr(forecaster, "pretrained_model_", None)

    def write(folder: Path) -> Mapping[str, Any]:
        forecaster.auto_model_.save(folder / _MODEL)
        if pretrained is not None and pretrained is not forecaster.auto_model_:
            pretrained.save(folder / _PRETRAINED)
        _write_data(forecaster._context, folder / _DATA)
        return described

    return _FORMAT.write(path, write)


def _write_data(context: Context, file: Path) -> None:
    from safetensors.numpy import save_file

    arrays = _arrays("y", context.layout, context.y)
    if context.X is not None:
        known = context.layout.knows(context.X.index)
        arrays |= _arrays("X", context.layout, _with_codes(context.X)[known])
    save_file(arrays, file)


def _categories(X: pd.DataFrame | None) -> dict[int, pd.Index]:
    """Return the values of the categorical columns, by place."""
    columns = {} if X is None else {place: X.iloc[:, place] for place in range(X.shape[1])}
    is_number = pd.api.types.is_numeric_dtype
    return {
        place: pd.Index(column.astype(object).dropna().unique())
        for place, column in columns.items()
        if not is_number(column.dtype)
    }


def _with_codes(X: pd.DataFrame) -> pd.DataFrame:
    """Replace categories by their places in the manifest; -1 where there is none."""
    coded = {
        place: values.get_indexer(pd.Index(X.iloc[:, place].astype(object)))
        for place, values in _categories(X).items()
    }
    columns = {place: coded.get(place, X.iloc[:, place].array) for place in range(X.shape[1])}
    return pd.DataFrame(columns, index=X.index)


def _arrays(name: str, layout: Layout, frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    rows = layout.rows(frame.index)
    columns = {f"{name}_{i}": _numbers(frame.iloc[:, i]) for i in range(frame.shape[1])}
    arrays = {f"{name}_series": rows.series, f"{name}_steps": rows.steps, **columns}
    return {key: np.ascontiguousarray(values) for key, values in arrays.items()}


def _numbers(column: pd.Series) -> npt.NDArray[Any]:
    """Return a column as an array without Python objects."""
    plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf"
    return column.to_numpy() if plain else column.to_numpy(dtype=float, na_value=np.nan)


def _describe(forecaster: Any) -> dict[str, Any]:
    context = forecaster._context
    pretrained = getattr(forecaster, "pretrained_model_", None)
    return {
        "parameters": parameters_to_json(forecaster),
        "layout": layout_to_json(context.layout),
        "y": [label_to_json(column) for column in context.y.columns],
        "X": None if context.X is None else [label_to_json(c) for c in context.X.columns],
        "future": _names_to_json(context.exogenous.future),
        "past": _names_to_json(context.exogenous.past),
        "mtype": mtype_of(forecaster),
        "series_name": label_to_json(series_name_of(forecaster)),
        "fh": _horizon_to_json(forecaster),
        "pretrained": None
        if pretrained is None
        else (_MODEL if pretrained is forecaster.auto_model_ else _PRETRAINED),
        "trained_on_data": forecaster._is_trained_on(context),
        "categories": {
            str(place): [label_to_json(value) for value in values]
            for place, values in _categories(context.X).items()
        },
    }


def _names_to_json(names: Mapping[Hashable, str]) -> list[Any]:
    return [[label_to_json(column), name] for column, name in names.items()]


def _horizon_to_json(forecaster: Any) -> dict[str, Any] | None:
    fh = horizon_of(forecaster)
    if fh is None:
        return None
    context, values = forecaster._context, fh.to_pandas()
    if not fh.is_relative:
        return {"relative": False, "values": context.layout.clock.units(values).tolist()}
    if pd.api.types.is_integer_dtype(values.dtype):
        return {"relative": True, "values": values.tolist()}
    steps = context.ahead(values, True, past=True)[0]
    return {"relative": True, "values": steps.tolist()}


def load_forecaster(cls: type, path: Path) -> Any:
    """Read a forecaster from a folder; see `AutoNeuralForecaster.load`."""
    _refuse_sktimes_own(path)

    def restore(stored: dict[str, Any], folder: Path) -> Any:
        return _restore(cls, stored, folder, path / _FORMAT.manifest)

    return _FORMAT.load(path, restore)


def _refuse_sktimes_own(path: Path) -> None:
    """Raise for zip files in sktime's own formats, because they contain pickles."""
    if path.is_file() and is_zipfile(path):
        raise ModelFileError(
            f"{path} is a zip file, as sktime's own format makes them: read it with"
            f" sktime.base.load({str(path.with_suffix(''))!r}) if you trust whoever made it, or"
            f" save with {_FORMAT.saver}"
        )


def _restore(cls: type, stored: dict[str, Any], folder: Path, source: Path) -> Any:
    manifest = checked(_Manifest, stored, source)
    parameters = checked_parameters(cls, manifest.parameters, source)
    try:
        context = _context(manifest, folder / _DATA)
        auto_model = _load_part(folder / _MODEL)
        forecaster: Any = cls(**parameters_from_json(parameters, auto_model, source))
        forecaster._context = context
        _resume(forecaster, manifest)
    except ModelFileError:
        raise
    except Exception as exc:
        reason = f"{type(exc).__name__}: {exc}"[:300]
        raise ModelFileError(
            f"{source.parent} is damaged ({reason}); save the forecaster again"
        ) from exc
    layout = context.layout
    context = replace(context, calendar=columns_of_calendar(layout, *forecaster._calendar()))
    forecaster._context = context
    forecaster._adopt(auto_model, context if manifest.trained_on_data else None)
    if manifest.pretrained is not None:
        own = manifest.pretrained == _MODEL
        forecaster.pretrained_model_ = auto_model if own else _load_part(folder / _PRETRAINED)
    set_fitted(forecaster, () if manifest.pretrained is None else ("pretrained_model_",))
    return forecaster


def _load_part(folder: Path) -> AutoModel:
    if folder.is_symlink():
        raise ModelFileError(f"{folder} is a link, which saved forecasters never contain")
    return AutoModel.load(folder)


def _context(manifest: _Manifest, file: Path) -> Context:
    layout = layout_from_json(manifest.layout)
    arrays = _read_data(file, _names("y", manifest.y) | _names("X", manifest.X))
    y = _frame("y", layout, arrays, manifest.y)
    X = None if manifest.X is None else _frame("X", layout, arrays, manifest.X)
    for place, stored in manifest.categories.items():
        assert X is not None, "categories are those of X"
        X.isetitem(int(place), _of_codes(X.iloc[:, int(place)], stored))
    future, past = (
        {label_from_json(column): name for column, name in pairs}
        for pairs in (manifest.future, manifest.past)
    )
    return Context(y, X, layout, ExogenousColumns(future, past))


def _of_codes(codes: pd.Series, stored: list[Any]) -> npt.NDArray[Any]:
    """Return the categories of codes."""
    values = np.empty(len(stored) + 1, dtype=object)
    values[:-1] = [label_from_json(value) for value in stored]
    values[-1] = np.nan
    places = codes.to_numpy()
    if places.dtype.kind != "i" or not ((places >= -1) & (places < len(stored))).all():
        raise ModelFileError("the categories of X are not numbered; save the forecaster again")
    categories: npt.NDArray[Any] = values[places]
    return categories


def _names(name: str, columns: list[Any] | None) -> set[str]:
    """Return the names of a frame's arrays."""
    if columns is None:
        return set()
    parts: list[Any] = ["series", "steps", *range(len(columns))]
    return {f"{name}_{part}" for part in parts}


def _read_data(file: Path, names: set[str]) -> dict[str, npt.NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if file.is_symlink() or not file.is_file():
        raise ModelFileError(f"{file} is missing or not a regular file; save the forecaster again")
    check_file_sizes([file])
    shapes = tensor_shapes(file)
    rows = {name: shapes.get(name) == shapes.get(f"{name[0]}_series") for name in names}
    if set(shapes) != names or not all(rows.values()):
        raise ModelFileError(f"{file} has unexpected columns; save it again")
    try:
        arrays: dict[str, npt.NDArray[Any]] = load_file(file)
    except (SafetensorError, OSError, ValueError) as exc:
        reason = str(exc)[:200]
        raise ModelFileError(f"{file} is damaged ({reason}); save the forecaster again") from exc
    return arrays


def _frame(
    name: str, layout: Layout, arrays: Mapping[str, npt.NDArray[Any]], columns: list[Any]
) -> pd.DataFrame:
    rows = Rows(arrays[f"{name}_series"], arrays[f"{name}_steps"])
    if rows.series.dtype.kind != "i" or rows.steps.dtype.kind != "i":
        raise ModelFileError(f"the rows of {name} are not numbered; save the forecaster again")
    values = {i: arrays[f"{name}_{i}"] for i in range(len(columns))}
    frame = pd.DataFrame(values, index=layout.index_of(rows))
    return frame.set_axis([label_from_json(column) for column in columns], axis=1)


def _resume(forecaster: Any, manifest: _Manifest) -> None:
    """Restore the state that the base class had after fit."""
    from sktime.datatypes import convert_to
    from sktime.forecasting.base import ForecastingHorizon

    context = forecaster._context
    if manifest.mtype == "pd.Series":
        y: Any = context.y.iloc[:, 0].rename(label_from_json(manifest.series_name))
    else:
        y = convert_to(context.y, manifest.mtype)
    fh = None
    if manifest.fh is not None:
        relative, values = manifest.fh.relative, np.asarray(manifest.fh.values)
        points = values if relative else context.layout.clock.times(values)
        fh = ForecastingHorizon(points, is_relative=relative)
    restore_fit(forecaster, y, fh)
