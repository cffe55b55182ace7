"""Validate a search over several models: which take part, and why others do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from automodel_sk._utils.by_reason import by_reason
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.description import describe_plan, ignored_columns
from automodel_sk.portfolio.first_trials import within_budget
from automodel_sk.portfolio.names import AUTO, read_names
from automodel_sk.portfolio.plan import PortfolioPlan, plan_portfolio
from automodel_sk.portfolio.presets import with_preset
from automodel_sk.portfolio.workers import workers_of
from automodel_sk.search.planning import UserInput
from automodel_sk.validation.config.validator import ConfigValidator
from automodel_sk.validation.data.categories import named_categories, text_columns
from automodel_sk.validation.data.checked import CheckedData
from automodel_sk.validation.result import (
    Findings,
    ValidationReport,
    ValidationResult,
    never_raises,
)
from automodel_sk.validation.search_checks import SearchArguments

__all__ = ["validate_several"]

_NOTHING_FOUND = ValidationResult(True, [], [])


def validate_several(
    asked: SearchArguments,
    check: Callable[[tuple[str, ...]], CheckedData],
    *,
    freq: Any = None,
    check_environment: bool = True,
    tracking: tuple[Any, Any] | None = None,
) -> ValidationReport:
    """Validate a search over several models; see `validate_all`.

    Parameters
    ----------
    asked : SearchArguments
        The arguments; `model_name` is "auto" or a list of names.
    check : callable
        Returns the checked data.
    freq : str or int, optional
        Frequency of the data.
    check_environment, tracking
        As in `validate_search`.

    Returns
    -------
    ValidationReport
        Models that are left out are warnings of the section ``"model"``, with the reason.
    """
    strict = asked.options.get("strict_mode", False) is True
    validator = ConfigValidator(strict)
    names = _names(asked.model_name, asked.h)
    data = check(_categories(asked)).findings.result(strict)
    options = {name: value for name, value in asked.options.items() if value is not None}
    sections = {
        "backend": validator.validate_backend_config(asked.backend, **asked.options),
        "model": names,
        "environment": _NOTHING_FOUND,
        "mlflow": _NOTHING_FOUND,
        "data": data,
    }
    if check_environment:
        sections["environment"] = validator.validate_environment(dataset=asked.dataset)
    if tracking is not None:
        sections["mlflow"] = validator.validate_mlflow_config(*tracking)
    if all(sections[name].is_valid for name in ("backend", "model", "data")):
        sections["model"] = _planned(asked, {**options, "freq": freq}, strict)
    return ValidationReport.merge(sections)


def _categories(asked: SearchArguments) -> tuple[str, ...]:
    """Return the columns that may hold text, as in planning the search."""
    text = text_columns(asked.exogenous_columns, asked.dataset, asked.static_df)
    return tuple(dict.fromkeys([*named_categories(asked.config), *text]))


def _names(model_name: Any, h: Any) -> ValidationResult:
    findings = Findings()
    if h is None:
        findings.error("h must be a whole number of at least 1, got None; try h=12")
    try:
        read_names(model_name)
    except InvalidInputError as exc:
        findings.error(str(exc))
    return findings.result()


@never_raises("the search over several models can't be planned; check the arguments and the data")
def _planned(asked: SearchArguments, options: Mapping[str, Any], strict: bool) -> ValidationResult:
    """Return the findings of planning the search, which trains nothing."""
    findings = Findings()
    known = {field.name for field in fields(OptimizationConfig)} - {"strict_mode"}
    own = {name: value for name, value in options.items() if name in known}
    futr, hist, stat = ([*(names or ())] for names in asked.exogenous)
    try:
        settings = with_preset(OptimizationConfig(**{**own, "backend": asked.backend}).converted())
        given = UserInput(
            asked.model_name, asked.h, asked.dataset, asked.config, None, asked.static_df
        )
        given = replace(given, futr_exog_list=futr, hist_exog_list=hist, stat_exog_list=stat)
        hours = settings.time_budget_hours
        seconds = None if hours is None else 3600.0 * hours
        planned = plan_portfolio(given, settings)
        plan = within_budget(planned, seconds, workers_of(planned, settings))
    except InvalidInputError as exc:
        for line in str(exc).splitlines():
            findings.error(line)
        return findings.result()
    _tell(plan, findings)
    named = not (isinstance(asked.model_name, str) and asked.model_name.lower() == AUTO)
    result = findings.result(strict and named)  # "auto" always leaves some out
    names = [name for name in plan.names if name not in plan.left_out]
    note = f"planned: {', '.join(names)}; {describe_plan(plan, settings)}"
    return replace(result, warnings=[*result.warnings, note])


def _tell(plan: PortfolioPlan, findings: Findings) -> None:
    for left_out, reason in by_reason(plan.left_out):
        findings.warn(f"{left_out} {'are' if ', ' in left_out else 'is'} left out: {reason}")
    blind = ignored_columns(plan)
    for columns in dict.fromkeys(blind.values()):
        names = [name for name, own in blind.items() if own == columns]
        verb = "does" if len(names) == 1 else "do"
        findings.warn(f"{', '.join(names)} {verb} not read {', '.join(map(repr, columns))}")
    if plan.sample_note is not None:
        findings.warn(plan.sample_note)
