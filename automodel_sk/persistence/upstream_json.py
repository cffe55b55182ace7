"""Check the JSON next to the weights before neuralforecast creates objects from it.

neuralforecast resolves names through closed registries and runs no code. However, a small text
could still request large amounts of memory, or a file; such requests are refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from automodel_sk.exceptions import ModelFileError

__all__ = ["check_configuration", "check_dataset", "check_hyper_parameters"]

_TAG = "__nf__"
_IN_CONFIGURATION = frozenset({"array", "datetime64", "index", "mapping", "series", "tensor"})
_IN_DATASET = frozenset({"index", "tensor"})
_IN_HYPER_PARAMETERS = frozenset({"array", "loss", "mapping", "tensor", "torch_cls"})

_NUMERIC = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|bfloat16")
_FIXED_WIDTH = re.compile(r"[<>=|]?[SUVa]\d")
_UNITS = ("s", "ms", "us", "ns")
_PADDING = 64
_SMALL = 2**20

_STEPS = ("h", "input_size", "inference_input_size", "h_train")
_LONGEST_WINDOW = 1_000
_WINDOW_PER_ROW = 4
_TRAINING_ALONE = frozenset(
    {
        "batch_size",
        "categorical_cardinalities",
        "early_stop_patience_steps",
        "inference_windows_batch_size",
        "lr_decay_steps",
        "max_epochs",
        "max_steps",
        "min_steps",
        "num_lr_decays",
        "random_seed",
        "val_check_steps",
        "valid_batch_size",
        "windows_batch_size",
    }
)
_MOST = 100_000


def check_configuration(document: Any, model_name: str) -> None:
    """Raise if the file about series and times differs from that of a saved model.

    Parameters
    ----------
    document : object
        Content of ``configuration.json``.
    model_name : str
        The model that it must name.

    Raises
    ------
    ModelFileError
        Names the problem.
    """
    configuration = _mapping(document, "configuration.json").get("configuration")
    configuration = _mapping(configuration, "configuration.json")
    expected: dict[str, Any] = {
        "_fitted": True,
        "local_scaler_type": None,
        "local_static_scaler_type": None,
        "scalers_": {},
        "static_scalers_": {},
        "id_col": "unique_id",
        "time_col": "ds",
        "target_col": "y",
        "prediction_intervals": None,
        "_cs_df": None,
    }
    for name, value in expected.items():
        if name not in configuration or configuration[name] != value:
            raise _damaged(f"configuration.json must have {name} = {value!r}")
    classes = _mapping(configuration.get("alias_to_model"), "alias_to_model")
    if list(classes.values()) != [model_name.lower()]:
        raise _damaged(f"configuration.json must name only {model_name} as its model")
    if type(configuration.get("freq")) not in (str, int):
        raise _damaged("freq in configuration.json must be a text or a number")
    _check_tags(configuration, _IN_CONFIGURATION, "configuration.json")


def check_dataset(document: Any) -> None:
    """Raise if the file about the data requests more than the tensors next to it.

    Parameters
    ----------
    document : object
        Content of ``dataset.json``.

    Raises
    ------
    ModelFileError
        Names the problem.
    """
    dataset = _mapping(document, "dataset.json")
    if dataset.get("dataset_class") != "TimeSeriesDataset":  # others read files by name
        raise _damaged("dataset.json must hold a TimeSeriesDataset")
    _check_tags(dataset, _IN_DATASET, "dataset.json")


def check_hyper_parameters(stored: Any, longest: int) -> None:
    """Raise if a model's arguments are not plain data, or implausibly large.

    Parameters
    ----------
    stored : object
        Arguments of the model's constructor, from the header of its weights.
    longest : int
        Rows of the longest series: windows may be larger, but not by orders of magnitude.

    Raises
    ------
    ModelFileError
        Names the argument.
    """
    arguments = _mapping(stored, "the weights' header")
    _check_tags(arguments, _IN_HYPER_PARAMETERS, "the weights' header")
    longest_window = max(_LONGEST_WINDOW, _WINDOW_PER_ROW * longest)
    for name, value in arguments.items():
        most = longest_window if name in _STEPS else _MOST
        if name not in _TRAINING_ALONE and _largest(value) > most:
            raise _damaged(f"the weights' header has {name[:100]} above {most:,}")


def _largest(value: Any) -> int:
    """Return the largest integer within a value, or 0 if there is none."""
    return max((abs(item) for item in _walk(value) if type(item) is int), default=0)


def _walk(value: Any) -> Iterator[Any]:
    """Yield a value and all values nested in it, breadth first."""
    waiting = [value]
    for item in waiting:
        yield item
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _damaged(f"{name} must be a mapping")
    return value


def _check_tags(document: Any, known: frozenset[str], source: str) -> None:
    for value in _walk(document):
        if not isinstance(value, dict) or _TAG not in value:
            continue
        tag = value[_TAG]
        if not isinstance(tag, str) or tag not in known:
            raise _damaged(f"{source} holds {str(tag)[:100]!r}, which saved models never contain")
        if tag in _CHECKS and not _CHECKS[tag](value):
            raise _damaged(f"{source} holds a {tag} that saved models never contain")


def _is_tensor(value: Mapping[str, Any]) -> bool:
    if value.get("kind") == "torch":
        return True
    return value.get("kind") == "numpy" and _is_numeric(value.get("dtype"))


def _is_array(value: Mapping[str, Any]) -> bool:
    shape, values = value.get("shape"), value.get("values")
    return (
        value.get("kind") in ("numpy", "torch")
        and _is_numeric(value.get("dtype"))
        and isinstance(values, list)
        and isinstance(shape, list)
    )


def _is_numeric(dtype: Any) -> bool:
    return isinstance(dtype, str) and _NUMERIC.fullmatch(dtype) is not None


def _is_index(value: Mapping[str, Any]) -> bool:
    """Return whether labels take about as much memory as their text."""
    values, dtype = value.get("values"), value.get("dtype")
    if value.get("kind") not in ("numpy", "pandas") or not isinstance(values, list):
        return False
    if not isinstance(dtype, str):
        return False
    if value["kind"] == "pandas":
        return not _FIXED_WIDTH.match(dtype)
    widths = [len(label) for label in values if isinstance(label, str)]
    padded = max(widths, default=0) * len(values)
    return padded <= max(_SMALL, _PADDING * sum(widths))


def _is_series(value: Mapping[str, Any]) -> bool:
    dtype = value.get("dtype")
    return (
        value.get("kind") == "pandas" and isinstance(dtype, str) and not (_FIXED_WIDTH.match(dtype))
    )


def _is_datetime(value: Mapping[str, Any]) -> bool:
    """Return whether times have a unit and a named zone; zones of dateutil are files."""
    zone = value.get("tz")
    return (
        value.get("kind") in ("numpy", "pandas")
        and value.get("unit") in _UNITS
        and (zone is None or (isinstance(zone, str) and not zone.startswith("dateutil")))
    )


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "array": _is_array,
    "datetime64": _is_datetime,
    "index": _is_index,
    "series": _is_series,
    "tensor": _is_tensor,
}


def _damaged(what: str) -> ModelFileError:
    return ModelFileError(f"the saved model is damaged: {what}; save the model again")
