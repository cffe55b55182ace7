"""Write a forecaster's parameters as JSON: those that shape forecasts, without addresses."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import pandas as pd
from pydantic import ConfigDict, Field, create_model

from automodel_sk.auto_model import AutoModel
from automodel_sk.data.times.steps import plain_frequency
from automodel_sk.estimator.layout_json import label_from_json, label_to_json
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.options import OptimizationConfig
from automodel_sk.persistence.allowed_arguments import check_settings, passive
from automodel_sk.persistence.schema import Stored, checked

__all__ = ["checked_parameters", "parameters_from_json", "parameters_to_json"]

_ADDRESSES = frozenset(name for name, o in OptimizationConfig.declared().items() if o.address)
"""Left out: they are of the machine, may hold passwords, and where a stranger's forecaster
would send data to."""


class _Table(Stored):
    index: list[Any]
    columns: list[Any]
    values: list[list[float | None]]


class _OfModel(Stored):
    """Represents the loss of the fitted model."""

    model_config = ConfigDict(strict=True, extra="forbid")
    of: str


_STORED_TYPES: Mapping[str, Any] = {
    "config": dict[str, Any] | None,
    "freq": str | int | None,
    "hist_exog": list[Any],
    "loss": str | _OfModel | None,
    "random_state": int | None,
    "static": _Table | None,
    "warm_start": None,
}


def parameters_to_json(forecaster: Any) -> dict[str, Any]:
    """Convert the parameters to JSON; objects are replaced by what they resulted in.

    Parameters
    ----------
    forecaster : AutoNeuralForecaster
        A fitted forecaster.
    """
    return {
        name: _TO_JSON[name](value, forecaster) if name in _TO_JSON else value
        for name, value in forecaster.get_params(deep=False).items()
        if name not in _ADDRESSES
    }


def _config_to_json(config: Any, forecaster: Any) -> Any:
    """Return a plain configuration unchanged; replace a search space by the search's result."""
    if config is None:
        return None
    try:
        plain = json.loads(json.dumps(config))
    except (TypeError, ValueError):
        plain = json.loads(json.dumps(forecaster.best_config_, default=lambda x: x.item()))
    return passive(forecaster.model, plain)


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
    return int(forecaster.auto_model_.state.task.random_seed)


def _freq_to_json(freq: Any) -> str | int | None:
    """Return a frequency's name; if it is ambiguous, saving the layout raises."""
    if freq is None or isinstance(freq, str):
        return freq
    try:
        return plain_frequency(freq)
    except InvalidInputError:
        return str(freq.freqstr)


_TO_JSON: Mapping[str, Callable[[Any, Any], Any]] = {
    "config": _config_to_json,
    "freq": lambda freq, _: _freq_to_json(freq),
    "hist_exog": lambda columns, _: [label_to_json(column) for column in columns],
    "loss": lambda loss, _: loss if loss is None or isinstance(loss, str) else {"of": "model"},
    "metric": lambda metric, _: metric if isinstance(metric, str) else None,
    "random_state": _seed_to_json,
    "static": _static_to_json,
    "warm_start": lambda *_: None,
}


def checked_parameters(cls: type[Any], stored: Mapping[str, Any], source: object) -> dict[str, Any]:
    """Check that stored parameters are the constructor's, and of its types.

    Parameters
    ----------
    cls : type
        The forecaster's class; its signature defines the parameters and their types.
    stored : mapping
        The mapping read from JSON.
    source : object
        The source of the mapping, for messages.

    Raises
    ------
    ModelFileError
        If a parameter is unknown or has another type.
    """
    return checked(_schema(cls), stored, source).fields()


def parameters_from_json(
    parameters: dict[str, Any], auto_model: AutoModel, source: object
) -> dict[str, Any]:
    """Return the arguments of a forecaster's constructor.

    Parameters
    ----------
    parameters : dict
        The result of `checked_parameters`.
    auto_model : AutoModel
        The fitted model.
    source : object
        The source of the parameters, for messages.

    Raises
    ------
    ModelFileError
        If they belong to another model, or could do more than shape forecasts.
    """
    if parameters["model"] != auto_model.model_name:
        raise ModelFileError(
            f"{source} is of a {str(parameters['model'])[:100]!r}, but the model next to it is of"
            f" a {auto_model.model_name}; save the forecaster again"
        )
    if parameters["config"] is not None:
        check_settings(auto_model.model_name, parameters["config"], source)
    restored: dict[str, Any] = {
        "hist_exog": tuple(label_from_json(label) for label in parameters["hist_exog"])
    }
    if isinstance(parameters["loss"], _OfModel):
        restored["loss"] = auto_model.state.loss
    if parameters["static"] is not None:
        restored["static"] = _static_from_json(parameters["static"])
    return parameters | restored


def _schema(cls: type[Any]) -> type[Stored]:
    """Return the constructor's signature as a schema that rejects addresses."""
    hints = get_type_hints(cls.__init__)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(cls.__init__).parameters.items():
        if name != "self" and name not in _ADDRESSES:
            default = ... if parameter.default is parameter.empty else parameter.default
            kind = _STORED_TYPES.get(name, hints[name])
            fields[name] = (kind, Field(default))
    schema: type[Stored] = create_model("Parameters", __base__=_Exact, **fields)
    return schema


class _Exact(Stored):
    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())


def _static_from_json(stored: _Table) -> pd.DataFrame:
    labels = [label_from_json(label) for label in stored.index]
    tuples = bool(labels) and isinstance(labels[0], tuple)
    return pd.DataFrame(
        stored.values,
        index=pd.MultiIndex.from_tuples(labels) if tuples else pd.Index(labels),
        columns=[label_from_json(label) for label in stored.columns],
    )
