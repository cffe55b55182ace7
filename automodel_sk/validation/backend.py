"""Checks of how a search is run: backend, trials, cores, GPUs, time, seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automodel_sk.validation.machine import n_cpus, n_gpus
from automodel_sk.validation.result import Findings
from automodel_sk.validation.rules import NumberRule, nearest, shown

__all__ = ["BACKENDS", "check_backend"]

BACKENDS = ("optuna", "ray")

_RULES = {
    "num_samples": NumberRule("num_samples", 10, also=(None,), note="None: recommended"),
    "cpus": NumberRule("cpus", 1, whole=False, low=0, low_open=True, also=(None,)),
    "gpus": NumberRule("gpus", 0, whole=False, low=0, also=(None,), note="0.5: half of one"),
    "time_budget_hours": NumberRule(
        "time_budget_hours", 1.0, whole=False, low=0, low_open=True, also=(None,)
    ),
    "trial_timeout_minutes": NumberRule(
        "trial_timeout_minutes", 60.0, whole=False, low=0, low_open=True, also=(None,)
    ),
    "patience": NumberRule("patience", 20, also=(None,), note="None: never"),
    "trials_per_gpu": NumberRule(
        "trials_per_gpu", 2, also=(None,), note="None: as many as its memory holds"
    ),
    "n_windows": NumberRule("n_windows", 1, also=(None,)),
    "step_size": NumberRule("step_size", 12, also=(None,), note="None: the horizon"),
    "random_seed": NumberRule("random_seed", 42, low=0, high=2**32 - 1, also=(None,)),
}

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true")

_CHOICES = {
    "refit": ("full", "best_weights", "continue"),
    "precision": ("auto", *PRECISIONS),
    "refit_precision": PRECISIONS,
}


def check_backend(findings: Findings, backend: Any, options: dict[str, Any]) -> None:
    """Check the backend's name and the options of a search.

    Parameters
    ----------
    findings : Findings
        Filled here.
    backend : object
        What was passed as the backend.
    options : dict
        ``num_samples``, ``cpus``, ``gpus``, ``time_budget_hours``,
        ``trial_timeout_minutes``, ``n_windows``, ``step_size``, ``random_seed``,
        ``patience``, ``trials_per_gpu``, ``refit``, ``precision``, ``refit_precision``,
        ``ray_address``; those left out are not checked.

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
    elsewhere = options.get("ray_address") is not None
    if elsewhere:
        _check_address(findings, backend, options["ray_address"])
    for name, rule in _RULES.items():
        value = options.get(name)
        if not rule.accepts(value):
            findings.error(rule.message(shown(value)))
            findings.correct(name, rule.fix(value))
        elif value is not None and name in _AGAINST_MACHINE and not elsewhere:
            _AGAINST_MACHINE[name](findings, value)
    for name, choices in _CHOICES.items():
        if name in options and options[name] not in choices:
            _refuse(findings, name, options[name], choices)


def _refuse(findings: Findings, name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Say which choices there are, and which was meant."""
    meant = (nearest(value, choices) if isinstance(value, str) else None) or choices[0]
    listed = ", ".join(map(repr, choices))
    findings.error(f"{name} must be one of {listed}, got {shown(value)}; try {name}={meant!r}")
    findings.correct(name, meant)


def _check_name(findings: Findings, backend: Any) -> None:
    if isinstance(backend, str) and backend in BACKENDS:
        return
    meant = nearest(backend, BACKENDS) if isinstance(backend, str) else None
    hint = f"did you mean '{meant}'?" if meant else "try backend='optuna'"
    findings.error(f"backend must be 'optuna' or 'ray', got {shown(backend)}; {hint}")
    findings.correct("backend", meant or "optuna")


def _check_address(findings: Findings, backend: Any, address: Any) -> None:
    """Check where a Ray cluster is; whether it is there is seen when the search begins."""
    if not isinstance(address, str) or not address.strip():
        findings.error(
            f"ray_address must be a text or None (None: this machine), got {shown(address)}; "
            "try ray_address='auto'"
        )
        findings.correct("ray_address", None)
    elif address.startswith("ray://"):
        findings.error(
            f"ray_address={address!r} is an address of Ray's client, through which trials can't "
            "report: run the program on a machine of the cluster with ray_address='auto', for "
            "example by 'ray job submit'"
        )
        findings.correct("ray_address", "auto")
    elif backend == "optuna":
        findings.warn(
            f"ray_address={address!r} is for backend='ray' alone and the search runs on this "
            "machine: pass backend='ray', or leave ray_address out"
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
            f"gpus={gpus} is asked for and CUDA isn't available here; training runs on the "
            "CPU: pass gpus=0, or install a driver and a torch with CUDA"
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
