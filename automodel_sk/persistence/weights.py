"""Read weights and data in neuralforecast's own safe format after checking all of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.catalog.models import model_class
from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.exceptions import ModelFileError
from automodel_sk.persistence.allowed_arguments import check_settings
from automodel_sk.persistence.reconciliations import RECONCILIATION_FILE
from automodel_sk.persistence.sizes import check_file_sizes, check_shapes, tensor_shapes
from automodel_sk.persistence.strict_json import parse_json, read_json
from automodel_sk.persistence.targets import TARGET_FILE
from automodel_sk.persistence.upstream_json import (
    check_configuration,
    check_dataset,
    check_hyper_parameters,
)
from automodel_sk.training.build import network_of
from automodel_sk.training.patches.isolation import isolated_random_state, quiet
from automodel_sk.training.patches.torch_modes import plain_torch
from automodel_sk.training.patches.upstream import decode_mapping

__all__ = ["load_fitted"]

_OWN_FILES = {"configuration.json", "dataset.json", "dataset.safetensors"}
_MAYBE = {"configuration.safetensors"}
_BESIDE = {RECONCILIATION_FILE, TARGET_FILE}
_HPARAM = "__hparams__."
_SPARE = 4
_FREE_ELEMENTS, _FREE_TENSORS = 2**20, 1_000
_MOST_SERIES = 2**28


def load_fitted(folder: Path, model_name: str) -> Any:
    """Return the fitted object of a folder.

    Parameters
    ----------
    folder : Path
        The output of `NeuralForecast.save`.
    model_name : str
        The expected model.

    Returns
    -------
    neuralforecast.NeuralForecast

    Raises
    ------
    ModelFileError
        A file is missing, unknown, damaged, or requests more than it contains.
    """
    from neuralforecast import NeuralForecast

    weights = folder / _model_file(folder)
    configuration = read_json(folder / "configuration.json")
    check_configuration(configuration, model_name)
    dataset = read_json(folder / "dataset.json")
    check_dataset(dataset)
    files = sorted(folder.glob("*.safetensors"))
    for file in files:
        tensor_shapes(file)
    check_file_sizes(files)
    longest = _check_data_files(folder, configuration, dataset)
    hyper_parameters = _hyper_parameters(weights)
    check_hyper_parameters(hyper_parameters, longest)
    check_settings(model_name, hyper_parameters, weights.name)
    with quiet(), isolated_random_state(), plain_torch():
        _build_without_memory(model_name, hyper_parameters, weights)
        with _no_more_than(tensor_shapes(weights)):
            fitted = NeuralForecast.load(str(folder), allow_pickle=False)
    _check_data(fitted)
    network_of(fitted).alias = hyper_parameters.get("alias")
    return fitted


def _model_file(folder: Path) -> str:
    """Return the name of the weights: the one file that is not common to all models."""
    for entry in folder.iterdir():
        if entry.is_symlink() or not entry.is_file():
            raise ModelFileError(f"{entry} is not a regular file, as saved models require")
    names = {entry.name for entry in folder.iterdir()}
    weights = names - _OWN_FILES - _MAYBE - _BESIDE
    foreign = [name for name in weights if not name.endswith("_0.safetensors")]
    missing = _OWN_FILES - names
    if foreign:
        raise ModelFileError(f"{folder} holds {foreign[0]!r}, which saved models never contain")
    if missing or len(weights) != 1:
        lacking = min(missing) if missing else "the weights of one model"
        raise ModelFileError(f"{folder} lacks {lacking}; save the model again")
    return weights.pop()


def _check_data_files(folder: Path, configuration: Any, dataset: Any) -> int:
    """Check the shapes of the data against each other; return the rows of the longest series."""
    shapes = tensor_shapes(folder / "dataset.safetensors")
    for file in filter(Path.exists, (folder / name for name in _MAYBE)):
        for name, shape in tensor_shapes(file).items():
            if shapes.setdefault(name, shape) is not shape:
                raise ModelFileError(f"{folder} holds {name[:100]!r} twice; save the model again")
    bounds = _bounds(folder / "dataset.safetensors")
    check_shapes(configuration, dataset, shapes, bounds)
    return int(bounds.diff().max())


def _bounds(file: Path) -> Any:
    """Return the bounds of the series if their size is limited."""
    from safetensors import safe_open

    name = f"{_HPARAM}indptr"
    shape = tensor_shapes(file).get(name, ())
    if len(shape) != 1 or not 2 <= shape[0] <= _MOST_SERIES:
        raise ModelFileError(f"{file} lacks the bounds of the series; save the model again")
    with safe_open(file, framework="pt") as tensors:
        return tensors.get_tensor(name)


def _own_tensors(file: Path) -> dict[str, Any]:
    """Return the tensors next to a model's weights, without reading the weights."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as tensors:
        names: list[str] = tensors.keys()
        return {name: tensors.get_tensor(name) for name in names if name.startswith(_HPARAM)}


def _hyper_parameters(weights: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(weights, framework="numpy") as tensors:
        text = (tensors.metadata() or {}).get("hyper_parameters", "null")
    stored = parse_json(text, weights.name)
    if not isinstance(stored, dict):
        raise ModelFileError(f"{weights} lacks the model's arguments; save the model again")
    return stored


@contextmanager
def _no_more_than(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[None]:
    """Abort the construction of a model that is much larger than the stored weights."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    sizes = [math.prod(shape) for shape in shapes.values()]
    left = [_SPARE * sum(sizes) + _FREE_ELEMENTS, _SPARE * len(sizes) + _FREE_TENSORS]

    def count(_module: Any, name: str, parameter: Any) -> None:
        left[0] -= 0 if parameter is None else parameter.numel()
        left[1] -= 1
        if min(left) < 0:
            raise ModelFileError(
                f"the described model is larger than its weights (at {name!r}); the file is"
                " damaged, save the model again"
            )

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _build_without_memory(model_name: str, hyper_parameters: dict[str, Any], file: Path) -> None:
    """Build the model on torch's meta device, and compare its shapes with the file's."""
    import torch

    shapes = tensor_shapes(file)
    with torch.device("meta"), _no_more_than(shapes):
        try:
            model = model_class(model_name)(**decode_mapping(hyper_parameters, _own_tensors(file)))
        except NotImplementedError:  # an initialisation that needs real numbers
            return
    for name, value in model.state_dict().items():
        if shapes.get(name, value.shape) != tuple(value.shape):
            raise ModelFileError(
                f"{file} holds {name} of another shape than the model has; save the model again"
            )


def _check_data(fitted: Any) -> None:
    """Raise if ids, times and values are inconsistent and would be misread."""
    parse_frequency(fitted.freq)
    data, ids = fitted.dataset, fitted.uids
    bounds = np.asarray(data.indptr)
    sizes = np.diff(bounds)
    columns = list(data.temporal_cols)
    consistent = (
        bounds.ndim == 1
        and len(bounds) == len(ids) + 1
        and bounds[0] == 0
        and bool((sizes > 0).all())
        and data.temporal.ndim == 2
        and tuple(data.temporal.shape) == (bounds[-1], len(columns))
        and len(fitted.ds) == bounds[-1]
        and len(fitted.last_dates) == len(ids)
        and columns.count("y") == 1
        and "available_mask" in columns
        and data.y_idx == columns.index("y")
        and isinstance(fitted.freq, int) == pd.api.types.is_integer_dtype(fitted.ds)
        and (data.static is None or tuple(data.static.shape) == (len(ids), len(data.static_cols)))
    )
    if not consistent:
        raise ModelFileError("the saved data are inconsistent; save the model again")
