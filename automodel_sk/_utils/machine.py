"""Inspect the machine: cores, GPUs, free memory, free disk space."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

__all__ = [
    "cpu_quota",
    "free_disk_bytes",
    "free_gpu_memory_gb",
    "free_memory_bytes",
    "n_cpus",
    "n_gpus",
]

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def n_cpus() -> int:
    """Return the number of cores that this process may use, limited by its container's share.

    Examples
    --------
    >>> n_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0)) or 1
    else:
        count = os.cpu_count() or 1
    quota = cpu_quota()
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def cpu_quota() -> float | None:
    """Return the number of cores in a container's CPU quota, or None if there is no limit.

    Examples
    --------
    >>> cpu_quota() is None or cpu_quota() > 0
    True
    """
    quotas = [quota for folder in _groups() for quota in (_quota_of(folder),) if quota]
    return min(quotas, default=None)


def _groups() -> list[Path]:
    """Return the folders of this process's control groups and their parents."""
    try:
        lines = _OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    paths = [Path("/")]
    for line in lines:
        _, kinds, own = line.split(":", 2)
        if not kinds or "cpu" in kinds.split(","):
            paths += [Path(own), *Path(own).parents]
    roots = (_CGROUP, _CGROUP / "cpu", _CGROUP / "cpu,cpuacct")
    return [root / path.relative_to("/") for root in roots for path in dict.fromkeys(paths)]


def _quota_of(folder: Path) -> float | None:
    """Return the quota of one control group, from the file of version 2 or version 1."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        share = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" is not a number
        return None
    return share if share > 0 else None


def n_gpus() -> int:
    """Return the number of CUDA devices; 0 if torch is missing or detects none.

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
    """Return the free memory of the first CUDA device in GiB; 0 if there is none.

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
    """Return the memory that this process may still allocate, limited by its container.

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
    """Return a number from the container's control group, or None if there is no limit."""
    try:
        return int((_CGROUP / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
