"""Private names of neuralforecast, Lightning and torch that need no patch of their own.

Written for neuralforecast 3.3 and torch 2.9 to 2.13; ``tests/training/test_patches_upstream.py``
fails if a release changes one of these names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = [
    "REGISTRIES",
    "TRAINERS",
    "decode_mapping",
    "decode_value",
    "encode_value",
    "forecast_with",
    "own_attributes",
    "restore_quantiles",
    "same_codes",
]

REGISTRIES = ("_parameters", "_buffers", "_modules")
"""The attributes in which a torch module keeps weights, buffers and submodules."""

TRAINERS = ("_trainer", "_pred_trainer")
"""The attributes in which Lightning and neuralforecast keep a model's trainers."""


def own_attributes(module: Any) -> dict[str, Any]:
    """Return a module's attributes other than weights, buffers and submodules.

    Examples
    --------
    >>> import torch
    >>> "weight" in own_attributes(torch.nn.Linear(1, 1))
    False
    """
    return {name: value for name, value in vars(module).items() if name not in REGISTRIES}


def forecast_with(model: Any, trainer: Any, restart_seed: Callable[[int | None], Any]) -> None:
    """Make a model's forecasts use a trainer, and a function that seeds their random numbers.

    Parameters
    ----------
    model : neuralforecast model
    trainer : object
        Its ``predict(model, datamodule)`` returns the forecasts of each batch.
    restart_seed : callable
        Replaces the method that seeds the global generators.
    """
    model._restart_seed = restart_seed
    model._pred_trainer = trainer
    model._pred_trainer_kwargs = dict(model.trainer_kwargs)  # else it builds a trainer of its own


def restore_quantiles(model: Any) -> None:
    """Set a loss's quantiles to those that the model was built with, before it forecasts."""
    model._set_quantiles()


@contextmanager
def same_codes(fitted: Any) -> Iterator[None]:
    """Keep the category codes, which a fit would otherwise derive from the new rows alone."""
    codes = fitted.categorical_vocab_

    def keep(*_: Any) -> None:
        fitted.categorical_vocab_ = codes

    fitted._build_categorical_vocab = keep
    try:
        yield
    finally:
        del fitted._build_categorical_vocab


def encode_value(value: Any, name: str) -> Any:
    """Return a loss or a hyperparameter in neuralforecast's own JSON form.

    Raises
    ------
    TypeError
        The value has no such form.
    """
    from neuralforecast._serialization import SerializationError
    from neuralforecast._serialization import encode_value as encode

    try:
        return encode(value, None, name)
    except SerializationError as exc:
        raise TypeError(str(exc)) from exc


def decode_value(encoded: Any) -> Any:
    """Return the value of a JSON form, of a class of neuralforecast or of torch."""
    from neuralforecast._serialization import decode_value as decode

    return decode(encoded)


def decode_mapping(encoded: Mapping[str, Any], tensors: Any) -> dict[str, Any]:
    """Return hyperparameters of their JSON form, with the tensors that they refer to."""
    from neuralforecast._serialization import decode_mapping as decode

    decoded: dict[str, Any] = decode(encoded, tensors)
    return decoded
