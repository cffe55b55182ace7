"""Validate the parameter names of a configuration."""

from __future__ import annotations

import logging
from dataclasses import fields

from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.catalog.models import ModelCharacteristics
from automodel_sk.catalog.trainer_arguments import why_refused
from automodel_sk.options import OptimizationConfig
from automodel_sk.validation.config.editable_config import EditableConfig
from automodel_sk.validation.config.parameters import (
    ALIASES,
    OWNED,
    accepted_parameters,
    takers,
    unknown_parameters,
)
from automodel_sk.validation.domain_checks import values_of
from automodel_sk.validation.result import Findings

__all__ = ["check_names"]

_ALIKE = 0.8
_OPTIONS = frozenset(field.name for field in fields(OptimizationConfig))

_logger = logging.getLogger(__name__)


def check_names(
    findings: Findings, draft: EditableConfig, row: ModelCharacteristics | None
) -> None:
    """Check that the model accepts each parameter, and that the search does not set it itself.

    Parameters
    ----------
    findings : Findings
        The collector to add to.
    draft : EditableConfig
        The parameters; misspelled ones are renamed, unknown ones dropped.
    row : ModelCharacteristics, optional
        The model; None skips the check against its parameters.

    Examples
    --------
    >>> findings = Findings()
    >>> check_names(findings, EditableConfig({"h": 12}, {"h": 12}), None)
    >>> findings.errors
    ['h is not allowed in config, got 12; pass it outside the config: create_auto_model(..., h=24)']
    """
    if row is not None:
        _check_unknown(findings, draft, row.name)
    for name, advice in OWNED.items():
        if name in draft.names:
            found = shown(draft.entries.get(name))
            findings.error(f"{name} is not allowed in config, got {found}; {advice}")
            draft.drop(name)
    for name, entry in list(draft.entries.items()):
        _check_trainer(findings, draft, name, entry)
    if "random_seed" in draft.names:
        findings.warn(
            f"random_seed is not tuned, got {shown(draft.entries.get('random_seed'))} in config;"
            " it is removed from config and set by the option: pass random_seed=42 outside the"
            " config"
        )
        draft.drop("random_seed")


def _check_trainer(findings: Findings, draft: EditableConfig, name: str, entry: object) -> None:
    """Reject Trainer arguments that start processes or write files, whatever their value."""
    values = values_of(entry) or (entry,)
    advice = next((why for value in values if (why := why_refused(name, value))), None)
    if advice is not None:
        findings.error(f"{name} is not allowed in config, got {shown(entry)}; {advice}")
        draft.drop(name.split("/")[0])


def _check_unknown(findings: Findings, draft: EditableConfig, model_name: str) -> None:
    try:
        unknown = unknown_parameters(draft.names, model_name)
    except (ImportError, OSError) as error:
        # If the library is missing, the environment check reports it.
        _logger.debug("parameters of %s can't be looked up: %s", model_name, error)
        return
    for name in unknown:
        if name not in OWNED:
            _note_unknown(findings, draft, model_name, name)


def _note_unknown(findings: Findings, draft: EditableConfig, model_name: str, name: str) -> None:
    if name in _OPTIONS:
        findings.error(
            f"{name} is an option of the search, not a parameter of {model_name}; pass it outside"
            f" the config: create_auto_model(..., {name}=...)"
        )
        draft.drop(name)
        return
    known = accepted_parameters(model_name) | set(OWNED)
    meant = ALIASES.get(name.strip().casefold()) or nearest(name, known, cutoff=_ALIKE)
    if meant:
        findings.error(f"{name} is not a parameter of {model_name}; did you mean {meant}?")
        draft.rename(name, meant)
        return
    others = takers(name)
    if others:
        findings.warn(
            f"{name} is not a parameter of {model_name} (it is one of {', '.join(others[:3])}) "
            "and is left out; remove it"
        )
    else:
        findings.error(f"{name} is not a parameter of {model_name}; remove it")
    draft.drop(name)
