"""Describe the machine and the software of a benchmark."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "automodel_sk",
    "mlflow",
    "neuralforecast",
    "numpy",
    "optuna",
    "pandas",
    "pytorch-lightning",
    "ray",
    "sktime",
    "torch",
)
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def describe() -> dict[str, Any]:
    return {
        "CPU": _cpu(),
        "cores": f"{_usable_cores()} usable of {os.cpu_count()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "instructions": ", ".join(f for f in FLAGS if f in _cpu_field("flags").split()) or "-",
        "bfloat16 instructions": _has_bfloat16(),
        "GPU": ", ".join(gpus()) or "none",
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    }


def gpus() -> list[str]:
    """Return the names of NVIDIA GPUs without torch, which is slow to import."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.split("\n")[:-1] if told.returncode == 0 else []


def _cpu() -> str:
    return _cpu_field("model name") or platform.processor() or platform.machine()


def _has_bfloat16() -> str:
    flags = _cpu_field("flags").split()
    return "yes" if {"avx512_bf16", "amx_bf16"} & set(flags) else "no"


def _cpu_field(name: str) -> str:
    """Return a field of the first CPU from Linux's /proc/cpuinfo; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text(encoding="utf-8").splitlines():
        field, _, value = line.partition(":")
        if field.strip() == name:
            return value.strip()
    return ""


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"
