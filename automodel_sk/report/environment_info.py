"""The software versions and the hardware on which a report was made."""

from __future__ import annotations

import platform

from automodel_sk._utils.machine import n_cpus, n_gpus
from automodel_sk._utils.versions import installed_version

__all__ = ["environment_info"]

_PACKAGES = (
    "automodel_sk neuralforecast torch pytorch-lightning optuna ray mlflow sktime pandas numpy"
)


def environment_info() -> dict[str, str]:
    """Return versions and hardware as text.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> "Python" in environment_info(), "torch" in environment_info()
    (True, True)
    """
    return {
        "Python": platform.python_version(),
        **{name: found for name in _PACKAGES.split() if (found := installed_version(name))},
        "system": f"{platform.system()} {platform.machine()}",
        "CPUs": str(n_cpus()),
        "memory": f"{_memory_gib():.0f} GiB",
        "GPU": _gpu(),
    }


def _memory_gib() -> float:
    import psutil

    return float(psutil.virtual_memory().total / 2**30)


def _gpu() -> str:
    if not n_gpus():
        return "none"
    import torch

    return str(torch.cuda.get_device_name(0))
