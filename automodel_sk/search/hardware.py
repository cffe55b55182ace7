"""Where to train: what Lightning's trainer is told of this machine."""

from __future__ import annotations

from typing import Any

__all__ = ["trainer_options"]


def trainer_options(gpus: float | None = None) -> dict[str, Any]:
    """Return the trainer's device arguments.

    Parameters
    ----------
    gpus : float, optional
        GPUs that may be used; 0 for none, one where there is one when None.

    Returns
    -------
    dict
        Arguments of Lightning's `Trainer`.

    Examples
    --------
    >>> trainer_options(gpus=0)
    {'accelerator': 'cpu', 'devices': 1}
    """
    if gpus == 0:
        return {"accelerator": "cpu", "devices": 1}
    import torch

    return {"accelerator": "gpu" if torch.cuda.is_available() else "cpu", "devices": 1}
