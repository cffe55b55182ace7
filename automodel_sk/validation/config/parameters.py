"""Which parameters a model accepts, and which are set outside its search space."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache
from types import MappingProxyType

from automodel_sk.catalog.models import MODEL_CATALOG, model_parameters

__all__ = ["ALIASES", "OWNED", "accepted_parameters", "takers", "unknown_parameters"]

OWNED = MappingProxyType(
    {
        "h": "pass it outside the config: create_auto_model(..., h=24)",
        "loss": "pass it outside the config: create_auto_model(..., loss=MAE())",
        "valid_loss": "the training loss validates; name another with metric='mae'",
        "futr_exog_list": "pass it outside the config: futr_exog_list=['price']",
        "hist_exog_list": "pass it outside the config: hist_exog_list=['visits']",
        "stat_exog_list": "pass it outside the config: stat_exog_list=['region']",
        "max_epochs": "training is counted in steps: try max_steps=1000",
        "local_scaler_type": "scaling is the model's own: try scaler_type='standard'",
    }
)
"""Parameters that a search space can't hold, and where to pass each instead."""

ALIASES = MappingProxyType(
    {
        "lr": "learning_rate",
        "horizon": "h",
        "lookback": "input_size",
        "patience": "early_stop_patience_steps",
        "seed": "random_seed",
        "steps": "max_steps",
    }
)
"""What some parameters are called elsewhere."""


@cache
def accepted_parameters(model_name: str) -> frozenset[str]:
    """Return the parameters a model accepts, including the Trainer's arguments.

    Imports neuralforecast, which takes several seconds.

    Parameters
    ----------
    model_name : str
        A model in the catalog.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> {"n_blocks", "accelerator"} <= accepted_parameters("NHITS")
    True
    """
    from pytorch_lightning import Trainer

    trainer = inspect.signature(Trainer.__init__).parameters
    return model_parameters(model_name) | (frozenset(trainer) - {"self"})


def unknown_parameters(names: Iterable[str], model_name: str) -> tuple[str, ...]:
    """Return the parameters that a model does not accept.

    Parameters
    ----------
    names : iterable of str
        Parameter names; for a nested one ("a/b") only the first part is checked.
    model_name : str
        A model in the catalog.

    Returns
    -------
    tuple of str
        Top-level names, sorted. Empty for a model that wraps another one.

    Examples
    --------
    >>> unknown_parameters(["max_steps", "n_head"], "NHITS")
    ('n_head',)
    """
    if not MODEL_CATALOG[model_name].has_default_space:
        return ()
    return tuple(sorted({name.split("/")[0] for name in names} - accepted_parameters(model_name)))


@cache
def takers(parameter: str) -> tuple[str, ...]:
    """Return the models that accept a parameter.

    Parameters
    ----------
    parameter : str
        Name of the parameter.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "TFT" in takers("n_head"), takers("no_such_parameter")
    (True, ())
    """
    return tuple(name for name in MODEL_CATALOG if parameter in model_parameters(name))
