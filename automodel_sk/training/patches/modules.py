"""What a torch module keeps besides its weights, buffers and submodules.

Written for torch 2.9 to 2.13.
"""

from __future__ import annotations

from typing import Any

__all__ = ["REGISTRIES", "TRAINERS", "own_attributes"]

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
