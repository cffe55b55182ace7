"""Select the devices to train on and pass them to Lightning's trainer."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["take_gpu", "tensor_cores", "trainer_options"]


def trainer_options(gpus: float | None = None) -> dict[str, Any]:
    """Return the trainer's device arguments.

    Parameters
    ----------
    gpus : float, optional
        Number of GPUs that may be used; 0 for none. If None, use a GPU if there is one.

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


def take_gpu(place: int, gpus: float | None = None) -> None:
    """Assign one of the machine's GPUs to a worker process; call it before CUDA is first used.

    Parameters
    ----------
    place : int
        Index of the worker, from 0.
    gpus : float, optional
        GPUs that the search may use; all of them if None.
    """
    import torch

    count = torch.cuda.device_count()
    used = count if gpus is None else min(count, math.ceil(gpus))
    if used > 1:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count))))
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[place % used]


@contextmanager
def tensor_cores() -> Iterator[None]:
    """Let a GPU multiply float32 matrices as TF32; has no effect without a GPU."""
    import torch

    if not torch.cuda.is_available():
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
