"""Neuralforecast's own JSON form of losses and hyperparameters.

Written for neuralforecast 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["decode_mapping", "decode_value", "encode_value"]


def encode_value(value: Any, name: str) -> Any:
    """Return a value in neuralforecast's JSON form.

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
