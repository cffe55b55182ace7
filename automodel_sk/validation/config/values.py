"""Validate the values of a configuration over its whole search space."""

from __future__ import annotations

import math
from dataclasses import replace

from automodel_sk.arguments.number_rule import NumberRule, nearest, shown
from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS
from automodel_sk.search_space import Choice
from automodel_sk.validation.config.editable_config import EditableConfig
from automodel_sk.validation.domain_checks import bounds_of, corrected, fault, values_of
from automodel_sk.validation.result import Findings

__all__ = ["check_values"]

_RULES = (
    NumberRule("max_steps", 1000, floats=True),
    NumberRule("learning_rate", 0.001, whole=False, low=0, low_open=True, unusual_above=1),
    NumberRule("batch_size", 32, floats=True),
    NumberRule("valid_batch_size", 32, also=(None,), floats=True),
    NumberRule("windows_batch_size", 256, also=(None,), floats=True),
    NumberRule("inference_windows_batch_size", 256, also=(-1, None)),
    NumberRule("val_check_steps", 100, floats=True),
    NumberRule("early_stop_patience_steps", -1, also=(-1,), floats=True, note="-1: never"),
    NumberRule("num_lr_decays", 3, low=0, also=(-1,)),
    NumberRule("step_size", 1, floats=True),
    NumberRule("n_series", 1),
    NumberRule("h_train", 1),
)
_SIZES = ("input_size", "inference_input_size")
_SCALERS = frozenset(
    {"identity", "standard", "robust", "minmax", "minmax1", "invariant", "revin", None}
)


def check_values(findings: Findings, draft: EditableConfig, example_input_size: int) -> None:
    """Apply each parameter's rule to all the values it can take.

    Parameters
    ----------
    findings : Findings
        The collector to add to.
    draft : EditableConfig
        The parameters; invalid values are corrected in place.
    example_input_size : int
        The input size to suggest, in time steps.

    Examples
    --------
    >>> findings = Findings()
    >>> draft = EditableConfig({"batch_size": 0}, {"batch_size": 0})
    >>> check_values(findings, draft, 24)
    >>> findings.errors, draft.corrected
    (['batch_size must be a whole number of at least 1, got 0; try batch_size=32'],
     {'batch_size': 32})
    """
    sizes = [_size_rule(name, example_input_size) for name in _SIZES]
    dropouts = [
        NumberRule(name, 0.1, whole=False, low=0, high=1, high_open=True)
        for name in draft.entries
        if "dropout" in name.split("/")[-1]
    ]
    _check_negative_sizes(findings, draft, sizes)
    for rule in (*_RULES, *sizes, *dropouts):
        if rule.name in draft.entries:
            _check_value(findings, draft, rule)
    _check_scaler(findings, draft)
    _check_val_check_steps(findings, draft)
    _check_patience(findings, draft)


def _size_rule(name: str, example: int) -> NumberRule:
    return NumberRule(name, example, also=(-1,), floats=True)


def _check_negative_sizes(
    findings: Findings, draft: EditableConfig, sizes: list[NumberRule]
) -> None:
    """Warn about sizes below -1: neuralforecast's spaces contain them and mean -1 by them."""
    for rule in sizes:
        below = NumberRule(rule.name, -1, low=-math.inf, high=-2, floats=True)
        entry = draft.entries.get(rule.name)
        negative = [value for value in values_of(entry) if below.accepts(value)]
        if negative:
            findings.warn(
                f"{rule.name} below 0 stands for 3 horizons, got {shown(negative[0])}; "
                f"try {rule.name}=-1 for that, or {rule.name}={rule.example}"
            )
            kept = [-1 if below.accepts(value) else value for value in values_of(entry)]
            unique = list({(type(v).__name__, repr(v)): v for v in kept}.values())
            draft.put(rule.name, Choice(unique) if isinstance(entry, Choice) else -1)


def _check_value(findings: Findings, draft: EditableConfig, rule: NumberRule) -> None:
    entry = draft.entries[rule.name]
    found = fault(rule, entry)
    if found is not None:
        findings.error(rule.message(found))
        draft.put(rule.name, corrected(rule, entry))
        return
    bounds = bounds_of(entry)
    if bounds and rule.unusual_above is not None and bounds[1] > rule.unusual_above:
        capped = replace(rule, high=rule.unusual_above)
        findings.warn(
            f"{rule.name} is unusually large, got {fault(capped, entry)}; "
            f"try {rule.name}={rule.example}"
        )
        draft.put(rule.name, corrected(capped, entry))


def _check_scaler(findings: Findings, draft: EditableConfig) -> None:
    name = "scaler_type"
    known = sorted(scaler for scaler in _SCALERS if scaler)
    for value in values_of(draft.entries.get(name)):
        if value is not None and not (isinstance(value, str) and value in _SCALERS):
            meant = nearest(shown(value).strip("'"), known) or "standard"
            findings.error(
                f"{name} must be one of {', '.join(known)} or None, got {shown(value)}; "
                f"try {name}='{meant}'"
            )
            draft.put(name, meant)
            return


def _smallest_max_steps(draft: EditableConfig) -> int:
    bounds = bounds_of(draft.entries.get("max_steps", DEFAULT_MAX_STEPS))
    return int(bounds[0]) if bounds else DEFAULT_MAX_STEPS


def _check_val_check_steps(findings: Findings, draft: EditableConfig) -> None:
    name = "val_check_steps"
    steps = _smallest_max_steps(draft)
    bounds = bounds_of(draft.entries.get(name))
    if bounds is None or bounds[1] <= steps:
        return
    capped = NumberRule(name, steps, high=steps, floats=True)
    findings.warn(
        f"{name} must be at most the smallest max_steps, {steps}, got "
        f"{fault(capped, draft.entries[name])}; it is lowered to max_steps: try {name}={steps}"
    )
    draft.put(name, corrected(capped, draft.entries[name]))


def _check_patience(findings: Findings, draft: EditableConfig) -> None:
    """Check that a trial has enough validation steps for early stopping to occur."""
    name = "early_stop_patience_steps"
    steps = _smallest_max_steps(draft)
    patience = bounds_of(draft.entries.get(name))
    interval = bounds_of(draft.entries.get("val_check_steps", 1))
    if patience is None or interval is None:
        return
    checks = int(steps // max(interval[1], 1))
    if patience[1] < checks or patience[1] < 1:
        return
    lower = checks // 2 or -1
    findings.warn(
        f"{name}={patience[1]:g} never stops a trial early: {steps} steps have {checks} "
        f"validations at most; try {name}={lower}, or a smaller val_check_steps"
    )
    capped = NumberRule(name, lower, high=max(checks - 1, 1), also=(-1,), floats=True)
    draft.put(name, corrected(capped, draft.entries[name]))
