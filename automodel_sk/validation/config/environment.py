"""Validate the environment: Python, libraries, CUDA, memory and disk."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from automodel_sk._utils.machine import free_disk_bytes, free_memory_bytes, n_gpus
from automodel_sk._utils.versions import installed_version, release_of
from automodel_sk.arguments.number_rule import NumberRule, shown
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.validation.result import Findings

__all__ = ["NEEDED_BY_MODEL", "REQUIRED", "check_environment"]

REQUIRED: Mapping[str, str] = {
    "torch": "2.4",
    "pytorch-lightning": "2.4",
    "neuralforecast": "3.3",
    "optuna": "4.4",
    "ray": "2.40",
    "mlflow": "3.1",
}
"""The libraries that a search uses, and the lowest version of each."""

NEEDED_BY_MODEL: Mapping[str, tuple[str, ...]] = {"xLSTM": ("xlstm", "mlstm_kernels")}
"""The libraries that a single model uses and neuralforecast doesn't install."""

_LOWEST_PYTHON = (3, 10)
_COPIES_OF_DATASET = 3
_BASE_MEMORY_BYTES = 0.5e9
_DEFAULT_DISK_GB = 0.5
_MEGABYTE = 2**20


def check_environment(
    findings: Findings,
    *,
    required: Any = None,
    gpus: Any = None,
    dataset: Any = None,
    model_name: Any = None,
    min_memory_gb: Any = None,
    min_disk_gb: Any = None,
    folder: Any = ".",
) -> None:
    """Check Python, libraries, CUDA, memory and disk.

    Parameters
    ----------
    findings : Findings
        The collector to add to.
    required : mapping or iterable of str, optional
        Package names, or a mapping from names to minimum versions; `REQUIRED` if None.
    gpus : float, optional
        GPUs requested; CUDA is checked only if this is above 0.
    dataset : DataFrame, optional
        The data, used to estimate the memory needed.
    model_name : str, optional
        The model, used to estimate the memory needed and to check the libraries it requires.
    min_memory_gb, min_disk_gb : float, optional
        Required free memory and disk, in units of 10**9 bytes. If None, having less than the
        estimate is a warning.
    folder : str or Path, default "."
        The folder whose disk is checked.

    Examples
    --------
    >>> findings = Findings()
    >>> check_environment(findings, required=["no-such-package"])
    >>> findings.errors
    ['no-such-package is not installed; try pip install no-such-package']
    """
    if sys.version_info < _LOWEST_PYTHON:
        findings.error(f"Python {sys.version.split()[0]} is too old; install Python 3.10 or later")
    _check_packages(findings, REQUIRED if required is None else required)
    if isinstance(model_name, str):
        _check_packages(findings, NEEDED_BY_MODEL.get(model_name, ()))
    if NumberRule("gpus", 1, whole=False, low=0, low_open=True).accepts(gpus) and n_gpus() == 0:
        findings.warn(
            f"CUDA isn't available and gpus={gpus} is requested; training runs on the CPU: pass"
            " gpus=0, or install a driver and a torch with CUDA"
        )
    _check_memory(findings, min_memory_gb, _estimated_bytes(dataset, model_name))
    _check_disk(findings, min_disk_gb, folder)


def _check_packages(findings: Findings, required: Any) -> None:
    if isinstance(required, str):
        required = [required]
    if not isinstance(required, Iterable):
        findings.error(
            f"required must list names of packages, got {shown(required)}; try ['torch', 'mlflow']"
        )
        return
    lowest = required if isinstance(required, Mapping) else dict.fromkeys(map(str, required))
    for name, low in lowest.items():
        _check_package(findings, str(name), low)


def _check_package(findings: Findings, name: str, lowest: Any) -> None:
    known = isinstance(lowest, (str, int, float))
    lowest = str(lowest) if known else REQUIRED.get(name)
    found = installed_version(name)
    if found is None:
        wanted = f"'{name}>={lowest}'" if lowest else name
        findings.error(f"{name} is not installed; try pip install {wanted}")
        return
    if lowest and release_of(found) < release_of(lowest):
        findings.error(
            f"{name} {found} is too old, {lowest} or later is needed; "
            f"try pip install -U '{name}>={lowest}'"
        )


def _estimated_bytes(dataset: Any, model_name: Any) -> float:
    """Return the estimated memory that a search needs."""
    try:
        data = float(dataset.memory_usage(index=True).sum()) if dataset is not None else 0.0
    except Exception:  # an unusable dataset is reported by the data validator
        data = 0.0
    row = MODEL_CATALOG.get(model_name) if isinstance(model_name, str) else None
    footprint = row.memory_footprint_mb if row and math.isfinite(row.memory_footprint_mb) else 0.0
    return _BASE_MEMORY_BYTES + _COPIES_OF_DATASET * data + footprint * _MEGABYTE


def _check_memory(findings: Findings, min_memory_gb: Any, estimate: float) -> None:
    rule = NumberRule("min_memory_gb", 1.0, whole=False, low=0, also=(None,))
    free = free_memory_bytes() / 1e9
    if not rule.accepts(min_memory_gb):
        findings.error(rule.message(shown(min_memory_gb)))
        findings.correct(rule.name, rule.fix(min_memory_gb))
    elif min_memory_gb is not None and free < min_memory_gb:
        findings.error(
            f"memory: {free:.1f} GB are free, min_memory_gb={min_memory_gb} are required; close"
            f" other programs or try min_memory_gb={math.floor(free * 10) / 10}"
        )
        findings.correct(rule.name, math.floor(free * 10) / 10)
    if free * 1e9 < estimate:
        findings.warn(
            f"memory: {free:.1f} GB are free, but about {estimate / 1e9:.1f} GB are needed for"
            " data and model; try a smaller batch_size, fewer series, or fewer cpus"
        )


def _check_disk(findings: Findings, min_disk_gb: Any, folder: Any) -> None:
    rule = NumberRule("min_disk_gb", 1.0, whole=False, low=0, also=(None,))
    try:
        free = free_disk_bytes(Path(folder)) / 1e9
    except (OSError, TypeError, ValueError):
        findings.error(f"folder must be an existing folder, got {shown(folder)}; try folder='.'")
        findings.correct("folder", ".")
        return
    if not rule.accepts(min_disk_gb):
        findings.error(rule.message(shown(min_disk_gb)))
        findings.correct(rule.name, rule.fix(min_disk_gb))
    elif min_disk_gb is not None and free < min_disk_gb:
        findings.error(
            f"disk: {free:.1f} GB are free, min_disk_gb={min_disk_gb} are required; delete files"
            f" or try min_disk_gb={math.floor(free * 10) / 10}"
        )
        findings.correct(rule.name, math.floor(free * 10) / 10)
    elif min_disk_gb is None and free < _DEFAULT_DISK_GB:
        findings.warn(
            f"disk: {free:.1f} GB are free for trials and models; delete files, or work in a "
            "folder on a larger disk"
        )
