"""Saved forecasters: a folder of JSON, plain arrays and a saved model; nothing in it ever runs.

::

    my_forecaster/
        forecaster.json    parameters, time index, horizon
        data.npz           the series that forecasts start from
        model/             the fitted model, see `automodel_sk.persistence`
        pretrained/        the pretrained model, where it is another one
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.auto_model import AutoModel
from automodel_sk.estimator.context import Context, Exogenous
from automodel_sk.estimator.layout_files import (
    label_from_json,
    label_to_json,
    layout_from_json,
    layout_to_json,
)
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.frames.layout import Layout
from automodel_sk.frames.rows import Rows

__all__ = ["load_forecaster", "save_forecaster"]

FORMAT = "automodel_sk forecaster"
FORMAT_VERSION = 1
_MANIFEST, _DATA, _MODEL, _PRETRAINED = "forecaster.json", "data.npz", "model", "pretrained"


def save_forecaster(forecaster: Any, path: Path) -> Path:
    """Write a fitted forecaster to a folder; see `AutoNeuralForecaster.save`."""
    if forecaster._is_vectorized:
        raise InvalidInputError(
            "a forecaster of several columns holds one forecaster for each; save them one by one, "
            "e.g. forecaster.forecasters_.iloc[0, 0].save(path, serialization_format='safe')"
        )
    if path.exists() and not (path / _MANIFEST).is_file():
        raise ModelFileError(
            f"{path} exists and is no saved forecaster; pass a path that is free, "
            f"e.g. {str(path) + '-forecaster'!r}"
        )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.mkdir(parents=True)
    try:
        _write(forecaster, draft)
        _replace(path, draft)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


def _write(forecaster: Any, folder: Path) -> None:
    forecaster.auto_model_.save(folder / _MODEL)
    pretrained = getattr(forecaster, "pretrained_model_", None)
    if pretrained is not None and pretrained is not forecaster.auto_model_:
        pretrained.save(folder / _PRETRAINED)
    context = forecaster._context
    arrays = _arrays("y", context.layout, context.y)
    if context.X is not None:
        known = context.X[context.layout.knows(context.X.index)]
        arrays |= _arrays("X", context.layout, known)
    np.savez(folder / _DATA, **arrays)
    text = json.dumps(_describe(forecaster, pretrained), allow_nan=True)
    (folder / _MANIFEST).write_text(text, encoding="utf-8")


def _replace(path: Path, draft: Path) -> None:
    """Put the new folder in the old one's place; the old one is whole until then."""
    former = draft.with_name(draft.name + ".former")
    if path.exists():
        path.rename(former)
    try:
        draft.rename(path)
    except OSError:
        if former.exists():
            former.rename(path)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _arrays(name: str, layout: Layout, frame: pd.DataFrame) -> dict[str, Any]:
    rows = layout.rows(frame.index)
    columns = {f"{name}_{i}": frame.iloc[:, i].to_numpy() for i in range(frame.shape[1])}
    return {f"{name}_series": rows.series, f"{name}_steps": rows.steps, **columns}


def _describe(forecaster: Any, pretrained: Any) -> dict[str, Any]:
    context = forecaster._context
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "parameters": _parameters(forecaster),
        "layout": layout_to_json(context.layout),
        "y": [label_to_json(column) for column in context.y.columns],
        "X": None if context.X is None else [label_to_json(c) for c in context.X.columns],
        "future": _names_to_json(context.exogenous.future),
        "past": _names_to_json(context.exogenous.past),
        "mtype": forecaster._y_metadata["mtype"],
        "series_name": label_to_json(forecaster._converter_store_y.get("name")),
        "fh": _horizon_to_json(forecaster),
        "pretrained": None
        if pretrained is None
        else (_MODEL if pretrained is forecaster.auto_model_ else _PRETRAINED),
    }


def _names_to_json(names: Mapping[Hashable, str]) -> list[Any]:
    return [[label_to_json(column), name] for column, name in names.items()]


def _horizon_to_json(forecaster: Any) -> dict[str, Any] | None:
    fh = forecaster._fh
    if fh is None:
        return None
    context, values = forecaster._context, fh.to_pandas()
    if not fh.is_relative:
        return {"relative": False, "values": context.layout.clock.units(values).tolist()}
    if pd.api.types.is_integer_dtype(values.dtype):
        return {"relative": True, "values": values.tolist()}
    steps = context.ahead(values, True, past=True)[0]
    return {"relative": True, "values": steps.tolist()}


def _parameters(forecaster: Any) -> dict[str, Any]:
    """Return the parameters as JSON, those that hold objects by what became of them."""
    stored = {}
    for name, value in forecaster.get_params(deep=False).items():
        special = _SPECIAL.get(name)
        stored[name] = value if special is None else special(value, forecaster)
    return stored


def _config_to_json(config: Any, forecaster: Any) -> Any:
    """Keep a plain configuration; of a search space, keep what the search found."""
    try:
        return json.loads(json.dumps(config))
    except (TypeError, ValueError):
        return json.loads(json.dumps(forecaster.best_config_, default=lambda x: x.item()))


def _loss_to_json(loss: Any, _: Any) -> Any:
    return loss if loss is None or isinstance(loss, str) else {"of": "model"}


def _static_to_json(static: pd.DataFrame | None, _: Any) -> Any:
    if static is None:
        return None
    return {
        "index": [label_to_json(label) for label in static.index],
        "columns": [label_to_json(label) for label in static.columns],
        "values": static.to_numpy(dtype=float).tolist(),
    }


def _seed_to_json(random_state: Any, forecaster: Any) -> int | None:
    if random_state is None:
        return None
    return int(forecaster.auto_model_.to_neuralforecast().models[0].random_seed)


def _freq_to_json(freq: Any, _: Any) -> Any:
    return freq if freq is None or isinstance(freq, (str, int)) else str(freq.freqstr)


_SPECIAL: Mapping[str, Callable[[Any, Any], Any]] = {
    "config": _config_to_json,
    "freq": _freq_to_json,
    "hist_exog": lambda columns, _: [label_to_json(column) for column in columns],
    "loss": _loss_to_json,
    "metric": lambda metric, _: metric if isinstance(metric, str) else None,
    "random_state": _seed_to_json,
    "static": _static_to_json,
    "storage": lambda storage, _: None if storage is None else str(storage),
}


def load_forecaster(cls: type, path: Path) -> Any:
    """Read a forecaster from a folder; see `AutoNeuralForecaster.load`."""
    manifest = _read_manifest(path)
    auto_model = AutoModel.load(path / _MODEL)
    try:
        forecaster = cls(**_restored_parameters(manifest["parameters"], auto_model))
        forecaster._context = _context(manifest, path)
        _resume(forecaster, manifest)
    except ModelFileError:
        raise
    except Exception as exc:
        raise ModelFileError(
            f"{path} is damaged ({type(exc).__name__}: {exc}); save the forecaster again"
        ) from exc
    forecaster._adopt(auto_model)
    if manifest["pretrained"] is not None:
        own = manifest["pretrained"] == _MODEL
        forecaster.pretrained_model_ = auto_model if own else AutoModel.load(path / _PRETRAINED)
        forecaster._pretrained_attrs = ["pretrained_model_"]
    forecaster._state = "fitted"
    return forecaster


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / _MANIFEST
    if not file.is_file():
        raise ModelFileError(
            f"{path} holds no saved forecaster: {_MANIFEST} is missing; pass the folder that "
            "save(path, serialization_format='safe') wrote"
        )
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as exc:
        raise ModelFileError(f"{file} is damaged ({exc}); save the forecaster again") from exc
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelFileError(f"{file} is no saved forecaster of automodel_sk")
    if manifest.get("version") != FORMAT_VERSION:
        raise ModelFileError(
            f"{file} has format version {manifest.get('version')!r}, this release reads "
            f"{FORMAT_VERSION}; update with: pip install --upgrade automodel_sk"
        )
    return manifest


def _restored_parameters(stored: Mapping[str, Any], auto_model: AutoModel) -> dict[str, Any]:
    parameters = dict(stored)
    parameters["hist_exog"] = tuple(label_from_json(label) for label in stored["hist_exog"])
    if isinstance(stored["loss"], dict):
        parameters["loss"] = auto_model.to_neuralforecast().models[0].loss
    if stored["static"] is not None:
        labels = [label_from_json(label) for label in stored["static"]["index"]]
        tuples = bool(labels) and isinstance(labels[0], tuple)
        parameters["static"] = pd.DataFrame(
            stored["static"]["values"],
            index=pd.MultiIndex.from_tuples(labels) if tuples else pd.Index(labels),
            columns=[label_from_json(label) for label in stored["static"]["columns"]],
        )
    return parameters


def _context(manifest: Mapping[str, Any], path: Path) -> Context:
    layout = layout_from_json(manifest["layout"])
    with np.load(path / _DATA, allow_pickle=False) as data:
        y = _frame("y", layout, data, manifest["y"])
        X = None if manifest["X"] is None else _frame("X", layout, data, manifest["X"])
    future, past = (
        {label_from_json(column): name for column, name in manifest[kind]}
        for kind in ("future", "past")
    )
    return Context(y, X, layout, Exogenous(future, past))


def _frame(name: str, layout: Layout, data: Any, columns: list[Any]) -> pd.DataFrame:
    rows = Rows(data[f"{name}_series"], data[f"{name}_steps"])
    values = {i: data[f"{name}_{i}"] for i in range(len(columns))}
    frame = pd.DataFrame(values, index=layout.index_of(rows))
    return frame.set_axis([label_from_json(column) for column in columns], axis=1)


def _resume(forecaster: Any, manifest: Mapping[str, Any]) -> None:
    """Bring the base class into the state that it had after fit."""
    from sktime.datatypes import convert_to
    from sktime.forecasting.base import ForecastingHorizon

    context = forecaster._context
    if manifest["mtype"] == "pd.Series":
        y: Any = context.y.iloc[:, 0].rename(label_from_json(manifest["series_name"]))
    else:
        y = convert_to(context.y, manifest["mtype"])
    _, inner = forecaster._check_X_y(y=y)
    forecaster._update_y_X(inner)
    forecaster._is_vectorized = False
    if manifest["fh"] is None:
        return
    relative, values = manifest["fh"]["relative"], np.asarray(manifest["fh"]["values"])
    points = values if relative else context.layout.clock.times(values)
    forecaster._check_fh(ForecastingHorizon(points, is_relative=relative))
