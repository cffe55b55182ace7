"""What the machine has: cores, GPUs, free memory, free disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["free_disk_bytes", "free_gpu_memory_gb", "free_memory_bytes", "n_cpus", "n_gpus"]

_CGROUP = Path("/sys/fs/cgroup")


def n_cpus() -> int:
    """Return the number of cores that this process may use.

    Examples
    --------
    >>> n_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def n_gpus() -> int:
    """Return the number of CUDA devices; 0 where torch is missing or sees none.

    Examples
    --------
    >>> n_gpus() >= 0
    True
    """
    try:
        import torch
    except (ImportError, OSError):
        return 0
    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def free_gpu_memory_gb() -> float:
    """Return the free memory of the first CUDA device in GiB; 0 where there is none.

    Examples
    --------
    >>> free_gpu_memory_gb() >= 0
    True
    """
    if not n_gpus():
        return 0.0
    import torch

    free, _ = torch.cuda.mem_get_info()
    return float(free) / 2**30


def free_memory_bytes() -> int:
    """Return the memory that this process may still take, a container's limit included.

    Examples
    --------
    >>> free_memory_bytes() > 0
    True
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    limit = _cgroup_number("memory.max")
    used = _cgroup_number("memory.current")
    return free if limit is None or used is None else max(0, min(free, limit - used))


def free_disk_bytes(folder: str | Path = ".") -> int:
    """Return the free space of the disk that holds a folder.

    Parameters
    ----------
    folder : str or Path
        An existing folder.

    Returns
    -------
    int
        Bytes.

    Examples
    --------
    >>> free_disk_bytes(".") >= 0
    True
    """
    return shutil.disk_usage(folder).free


def _cgroup_number(name: str) -> int | None:
    """Return a number from the container's control group; None where there is no limit."""
    try:
        return int((_CGROUP / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
