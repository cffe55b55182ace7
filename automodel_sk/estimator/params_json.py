"""Write a forecaster's parameters as JSON: those that shape forecasts, without addresses."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_type_hints

import pandas as pd
from pydantic import ConfigDict, Field, create_model

from automodel_sk.arguments.conversion import convert
from automodel_sk.auto_model import AutoModel
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.data.times.steps import plain_frequency
from automodel_sk.data.wording import shown
from automodel_sk.estimator.checks import HORIZON
from automodel_sk.estimator.layout_json import label_from_json, label_to_json
from automodel_sk.estimator.models import plain_names
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.options import OptimizationConfig
from automodel_sk.persistence.allowed_arguments import check_settings, passive
from automodel_sk.persistence.schema import Stored, checked
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.given_spaces import by_model
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.names import makes_ensemble, names_several, read_names

__all__ = [
    "checked_parameters",
    "parameters_from_json",
    "parameters_to_json",
    "plain_freq",
    "plain_parameter",
]

_ADDRESSES = frozenset(name for name, o in OptimizationConfig.declared().items() if o.address)
"""Left out: they are of the machine, may hold passwords, and where a stranger's forecaster
would send data to."""


_RULES = {**OptimizationConfig.rules(), "h": HORIZON}


class _Table(Stored):
    index: list[Any]
    columns: list[Any]
    values: list[list[float | str | None]]


class _OfModel(Stored):
    """Represents the loss of the fitted model."""

    model_config = ConfigDict(strict=True, extra="forbid")
    of: str


_STORED_TYPES: Mapping[str, Any] = {
    "config": dict[str, Any] | None,
    "freq": str | int | None,
    "hist_exog": list[Any],
    "loss": str | _OfModel | None,
    "non_negative": bool | Literal["auto"],
    "pruner": str | None,
    "random_state": int | None,
    "sampler": str | None,
    "static": _Table | None,
    "warm_start": None,
}


def parameters_to_json(forecaster: Any) -> dict[str, Any]:
    """Convert the parameters to JSON; objects are replaced by what they resulted in.

    Parameters
    ----------
    forecaster : AutoNeuralForecaster
        A fitted forecaster.

    Raises
    ------
    InvalidInputError
        If a parameter has no form that could be read again.
    """
    written = {
        name: _TO_JSON[name](value, forecaster)
        if name in _TO_JSON
        else plain_parameter(name, value)
        for name, value in forecaster.get_params(deep=False).items()
        if name not in _ADDRESSES
    }
    try:
        checked_parameters(type(forecaster), json.loads(json.dumps(written)), "it")
    except (TypeError, ValueError, ModelFileError) as exc:
        raise InvalidInputError(
            f"a parameter of the forecaster can't be saved safely ({exc}); use plain numbers, texts"
            " and lists as parameters, or save with serialization_format='pickle'"
        ) from exc
    return written


def plain_parameter(name: str, value: Any) -> Any:
    """Return a parameter as its rule reads it; True, False and None stay, whatever they mean.

    Examples
    --------
    >>> plain_parameter("calendar", ("month",)), plain_parameter("calendar", True)
    (['month'], True)
    """
    if name not in _RULES or value is None or isinstance(value, bool):
        return value
    plain = convert(_RULES[name], value)
    return list(plain) if isinstance(plain, tuple) else plain


def _config_to_json(config: Any, forecaster: Any) -> Any:
    """Return a plain configuration unchanged; replace a search space by the search's result."""
    if config is None:
        return None
    model = forecaster.auto_model_
    if not isinstance(model, AutoEnsemble):
        return _settings_to_json(model.model_name, config, forecaster.best_config_)
    if not names_several(forecaster.model):
        (name,) = read_names(forecaster.model) or ()
        return _settings_to_json(name, config, _best_of(name, model))
    return {
        name: _settings_to_json(name, space, _best_of(name, model))
        for name, space in by_model(config).items()
    }


def _settings_to_json(name: str, config: Any, best: Mapping[str, Any]) -> dict[str, Any]:
    try:
        plain = json.loads(json.dumps(config))
    except (TypeError, ValueError):
        plain = json.loads(json.dumps(best, default=lambda x: x.item()))
    return passive(name, plain)


def _best_of(name: str, ensemble: AutoEnsemble) -> Mapping[str, Any]:
    """Return the best configuration that was tried of one of several models."""
    tried = [each for each in ensemble.candidates if each.name == name and each.is_complete]
    return min(tried, key=lambda each: each.score).config if tried else {}


def _static_to_json(static: pd.DataFrame | None, forecaster: Any) -> Any:
    if static is None:
        return None
    index = forecaster._context.layout.in_order(static.index)  # names of levels are not saved
    return {
        "index": [label_to_json(label) for label in index],
        "columns": [label_to_json(label) for label in static.columns],
        "values": [[_cell_to_json(cell) for cell in row] for row in static.itertuples(index=False)],
    }


def _cell_to_json(cell: Any) -> float | str:
    """Return a category's name as it is, and all else as a number."""
    return cell if isinstance(cell, str) else float("nan" if pd.isna(cell) else cell)


def _seed_to_json(random_state: Any, forecaster: Any) -> int | None:
    if random_state is None:
        return None
    return int(forecaster.auto_model_.state.task.random_seed)


def plain_freq(freq: Any) -> str | int | None:
    """Return a frequency's name; if it is ambiguous, saving the layout raises.

    Examples
    --------
    >>> plain_freq(pd.offsets.MonthBegin()), plain_freq(None)
    ('MS', None)
    """
    if freq is None or isinstance(freq, str):
        return freq
    try:
        return plain_frequency(freq)
    except InvalidInputError:
        return str(freq.freqstr)


_TO_JSON: Mapping[str, Callable[[Any, Any], Any]] = {
    "config": _config_to_json,
    "freq": lambda freq, _: plain_freq(freq),
    "hist_exog": lambda columns, _: [label_to_json(column) for column in columns],
    "loss": lambda loss, _: loss if loss is None or isinstance(loss, str) else {"of": "model"},
    "model": lambda model, _: plain_names(model),
    "metric": lambda metric, _: metric if isinstance(metric, str) else None,
    "pruner": lambda pruner, _: pruner if isinstance(pruner, str) else None,
    "random_state": _seed_to_json,
    "sampler": lambda sampler, _: sampler if isinstance(sampler, str) else None,
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
    if not _is_of(parameters["model"], parameters["ensemble"], auto_model):
        raise ModelFileError(
            f"{source} is of a {shown(parameters['model'])}, but the model next to it is of"
            f" a {_named(auto_model)}; save the forecaster again"
        )
    if parameters["config"] is not None:
        of_one = not names_several(parameters["model"])
        _check_config(parameters["config"], auto_model, source, of_one=of_one)
    restored: dict[str, Any] = {
        "hist_exog": tuple(label_from_json(label) for label in parameters["hist_exog"])
    }
    if isinstance(parameters["loss"], _OfModel):
        restored["loss"] = _loss_of(auto_model)
    if parameters["static"] is not None:
        restored["static"] = _static_from_json(parameters["static"])
    return parameters | restored


def _is_of(model: Any, ensemble: Any, auto_model: AutoModel) -> bool:
    """Return whether a fitted model is one that the parameters can have led to."""
    if not isinstance(auto_model, AutoEnsemble):
        return bool(model == auto_model.model_name)
    try:
        names = read_names(model)
    except InvalidInputError:
        return False
    made = {part.member.name for part in auto_model.state.team.parts}
    return makes_ensemble(model, ensemble) and (names is None or made <= {*names})


def _named(auto_model: AutoModel) -> str:
    if not isinstance(auto_model, AutoEnsemble):
        return auto_model.model_name
    return f"{auto_model.model_name} of {shown(list(auto_model.members))}"


def _check_config(
    config: Mapping[str, Any], auto_model: AutoModel, source: object, *, of_one: bool
) -> None:
    """Raise if settings could do more than shape models."""
    if not isinstance(auto_model, AutoEnsemble):
        check_settings(auto_model.model_name, config, source)
        return
    if of_one:
        check_settings(auto_model.state.team.parts[0].member.name, config, source)
        return
    for name, settings in config.items():
        if name not in MODEL_CATALOG or not isinstance(settings, dict):
            raise ModelFileError(
                f"{source} has settings of {shown(name)}, which is no network; save the"
                " forecaster again"
            )
        check_settings(name, settings, source)


def _loss_of(auto_model: AutoModel) -> Any:
    """Return the loss that networks were trained with; None if there is no network."""
    if not isinstance(auto_model, AutoEnsemble):
        return auto_model.state.loss
    members = (part.member for part in auto_model.state.team.parts)
    networks = [member.model for member in members if isinstance(member, NeuralMember)]
    return networks[0].state.loss if networks else None


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
