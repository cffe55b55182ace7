"""Validate the options of a search: backend, trials, CPUs, GPUs, time and seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automodel_sk._utils.machine import n_cpus, n_gpus
from automodel_sk.arguments.conversion import accepted
from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.options import BACKENDS, OptimizationConfig
from automodel_sk.selection.requested import only_for_optuna
from automodel_sk.validation.result import Findings

__all__ = ["check_backend"]


def check_backend(findings: Findings, backend: Any, options: dict[str, Any]) -> None:
    """Validate the backend and the options of a search.

    Parameters
    ----------
    findings : Findings
        The collector to add to.
    backend : object
        The backend as passed.
    options : dict
        Fields of `OptimizationConfig`; missing ones are not checked.

    Examples
    --------
    >>> findings = Findings()
    >>> check_backend(findings, "optuna", {"num_samples": 0})
    >>> findings.errors[0]
    'num_samples must be a whole number of at least 1 or None (None: recommended), got 0; ...'
    >>> findings.corrections
    {'num_samples': 10}
    """
    _check_name(findings, backend)
    _check_optuna_objects(findings, backend, options)
    elsewhere = options.get("ray_address") is not None
    if elsewhere:
        _check_address(findings, backend, options["ray_address"])
    for name, rule in OptimizationConfig.rules().items():
        if name not in options or name == "backend":
            continue
        value = options[name]
        if not accepted(rule, value):
            findings.error(rule.refusal(value))
            findings.correct(name, rule.fix(value))
        elif value is not None and name in _AGAINST_MACHINE and not elsewhere:
            _AGAINST_MACHINE[name](findings, value)


def _check_name(findings: Findings, backend: Any) -> None:
    if isinstance(backend, str) and backend in BACKENDS:
        return
    meant = nearest(backend, BACKENDS) if isinstance(backend, str) else None
    hint = f"did you mean '{meant}'?" if meant else "try backend='optuna'"
    findings.error(f"backend must be 'optuna' or 'ray', got {shown(backend)}; {hint}")
    findings.correct("backend", meant or "optuna")


def _check_optuna_objects(findings: Findings, backend: Any, options: dict[str, Any]) -> None:
    """Check that a sampler or pruner is of the backend that searches, and that there is pruning."""
    for name in ("sampler", "pruner"):
        if options.get(name) is not None and backend == "ray":
            findings.error(only_for_optuna(name))
            findings.correct(name, None)
    if options.get("pruner") is not None and options.get("use_pruning") is False:
        findings.error(
            "pruner is passed and use_pruning=False; leave one out, e.g. pass use_pruning=True"
        )
        findings.correct("use_pruning", True)


def _check_address(findings: Findings, backend: Any, address: Any) -> None:
    """Check the form of a Ray cluster's address; the search itself tests the connection."""
    if not isinstance(address, str):
        return  # its rule reports it
    if address.startswith("ray://"):
        findings.error(
            f"ray_address={address!r} is an address of Ray's client, through which trials can't "
            "report: run the program on a machine of the cluster with ray_address='auto', for "
            "example by 'ray job submit'"
        )
        findings.correct("ray_address", "auto")
    elif backend == "optuna":
        findings.warn(
            f"ray_address={address!r} is only for backend='ray', but the search runs on this"
            " machine: pass backend='ray', or leave ray_address out"
        )
        findings.correct("ray_address", None)


def _check_cpus(findings: Findings, cpus: float) -> None:
    available = n_cpus()
    if cpus > available:
        findings.warn(
            f"cpus={cpus} is above the {available} that this machine has; "
            f"the search uses {available}: try cpus={available}"
        )
        findings.correct("cpus", available)


def _check_gpus(findings: Findings, gpus: float) -> None:
    if gpus == 0:
        return
    available = n_gpus()
    if available == 0:
        findings.warn(
            f"gpus={gpus} is requested, but CUDA isn't available here; training runs on the CPU:"
            " pass gpus=0, or install a driver and a torch with CUDA"
        )
    elif gpus > available:
        findings.warn(
            f"gpus={gpus} is above the {available} that this machine has; "
            f"the search uses {available}: try gpus={available}"
        )
    if gpus > available:
        findings.correct("gpus", available)


_AGAINST_MACHINE: dict[str, Callable[[Findings, float], None]] = {
    "cpus": _check_cpus,
    "gpus": _check_gpus,
}
