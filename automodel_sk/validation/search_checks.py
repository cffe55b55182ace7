"""Validate the search of one model, on data that may be checked already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from automodel_sk.arguments.conversion import accepted
from automodel_sk.arguments.kinds import Flag
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.catalog.models import MODEL_CATALOG, is_joint
from automodel_sk.data.held_out import held_out_steps
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space
from automodel_sk.validation.config.editable_config import EditableConfig
from automodel_sk.validation.config.model import ModelContext, check_model
from automodel_sk.validation.config.validator import ConfigValidator, model_result
from automodel_sk.validation.data.categories import (
    categorical_names,
    check_categories,
    text_categories,
    with_text,
)
from automodel_sk.validation.data.checked import CheckedData
from automodel_sk.validation.data.validator import DataValidator
from automodel_sk.validation.domain_checks import bounds_of
from automodel_sk.validation.result import Findings, ValidationReport, ValidationResult

__all__ = ["SearchArguments", "largest_input_size", "validate_search"]

_STRICT = Flag("strict_mode", example=False)
_NOTHING_FOUND = ValidationResult(True, [], [])


@dataclass(frozen=True)
class SearchArguments:
    """The arguments of a search as passed: any of them may be unusable.

    Parameters
    ----------
    model_name, h, config, dataset, static_df, backend
        As in `validate_all`.
    exogenous : tuple
        `futr_exog_list`, `hist_exog_list` and `stat_exog_list`.
    options : mapping
        Other fields of `OptimizationConfig`.
    """

    model_name: Any
    h: Any
    config: Any
    dataset: Any
    static_df: Any = None
    exogenous: tuple[Any, Any, Any] = ((), (), ())
    backend: Any = "optuna"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exogenous_columns(self) -> list[Any]:
        """Names in the exogenous lists; what is no list has none."""
        lists = (names for names in self.exogenous if isinstance(names, (list, tuple)))
        return [name for names in lists for name in names]


def validate_search(
    asked: SearchArguments,
    check: Callable[[tuple[str, ...]], CheckedData],
    *,
    check_environment: bool = True,
    tracking: tuple[Any, Any] | None = None,
) -> ValidationReport:
    """Validate all arguments of the search of one model, on data that may be checked already.

    Parameters
    ----------
    asked : SearchArguments
        The arguments.
    check : callable
        Returns the checked data, given the names of the categorical columns.
    check_environment : bool, default True
        Whether to check libraries, memory and disk.
    tracking : tuple, optional
        MLflow's tracking URI and the experiment's name, if they are to be checked.

    Returns
    -------
    ValidationReport
    """
    strict = _is_strict(asked.options.get("strict_mode", False))
    validator = ConfigValidator(strict)
    implied = text_categories(*_of_text(asked))
    asked = replace(asked, config=with_text(asked.config, implied))
    model, draft = _check_model(asked)
    environment = mlflow = _NOTHING_FOUND
    if check_environment:
        environment = validator.validate_environment(
            dataset=asked.dataset, model_name=asked.model_name
        )
    if tracking is not None:
        mlflow = validator.validate_mlflow_config(*tracking)
    sections = {
        "backend": validator.validate_backend_config(asked.backend, **asked.options),
        "model": model_result(model, strict),
        "environment": environment,
        "mlflow": mlflow,
        "data": _data_result(asked, draft, partial(check, _categories(asked, implied)), strict),
    }
    return _report(sections, model.corrections)


def _of_text(asked: SearchArguments) -> tuple[Any, ...]:
    """Return what the categories among the columns are found by."""
    columns = asked.exogenous_columns
    return (asked.config, asked.model_name, columns, asked.dataset, asked.static_df)


def _categories(asked: SearchArguments, implied: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that may hold text."""
    return categorical_names(asked.config) or tuple(implied.get("cat_exog_list", ()))


def _is_strict(strict_mode: Any) -> bool:
    return accepted(_STRICT, strict_mode) and bool(strict_mode)


def _data_result(
    asked: SearchArguments,
    draft: EditableConfig | None,
    check: Callable[[], CheckedData],
    strict: bool,
) -> ValidationResult:
    name, config = asked.model_name, asked.config
    given = asked.options.get("n_windows")
    n_windows = given if accepted(NumberRule("n_windows", 1), given) else 1
    step_size = asked.options.get("step_size")
    return DataValidator(strict).validate_for_model(
        check,
        asked.h,
        input_size=largest_input_size(config, draft, name, asked.h),
        val_size=_val_size(asked.h, n_windows, step_size) if _is_validated(config) else 0,
        n_windows=n_windows,
        joint=isinstance(name, str) and name in MODEL_CATALOG and is_joint(name),
        is_padded=draft is None or draft.entries.get("start_padding_enabled") is not False,
    )


def _check_model(asked: SearchArguments) -> tuple[Findings, EditableConfig | None]:
    """Return the findings about the model and its space, including missing required arguments."""
    findings, config = Findings(), asked.config
    if asked.h is None:
        findings.error("h must be a whole number of at least 1, got None; try h=12")
    if asked.model_name is None:
        findings.error("model_class_name must be a string, got None; try 'NHITS'")
    context = ModelContext(asked.h, _n_series(asked.dataset, config), *asked.exogenous)
    draft = check_model(findings, config, asked.model_name, context)
    _, name, columns, dataset, static_df = _of_text(asked)
    check_categories(config, name, columns, dataset, static_df, findings)
    return findings, draft


def _val_size(h: Any, n_windows: Any, step_size: Any) -> int | None:
    """Return the number of steps held out for validation, if `h` and `n_windows` are usable."""
    count = NumberRule("n_windows", 1)
    step = h if step_size is None else step_size
    if not all(count.accepts(value) for value in (h, n_windows, step)):
        return None
    return held_out_steps(int(h), int(n_windows), int(step))


def _is_validated(config: Any) -> bool:
    """Return whether the search holds out rows; it does not for a fixed configuration."""
    if config is None:
        return True
    try:
        return SearchSpace.parse(config).needs_validation
    except Exception:  # an unreadable config is reported by the model's check
        return True


def largest_input_size(
    config: Any, draft: EditableConfig | None, model_name: Any, h: Any
) -> int | None:
    """Return the largest input size that the search space contains.

    Parameters
    ----------
    config : object
        The configuration as passed; None means the default space.
    draft : EditableConfig, optional
        The configuration after parsing.
    model_name : object
        The model.
    h : object
        The horizon, in time steps.

    Returns
    -------
    int or None
        Time steps; None if unknown.

    Examples
    --------
    >>> largest_input_size(None, None, "NHITS", 12)
    60
    >>> largest_input_size({}, EditableConfig({"input_size": -1}, {}), "RNN", 12)
    36
    """
    if not NumberRule("h", 12).accepts(h):
        return None
    horizon = int(h)
    if draft is not None:
        entry = draft.entries.get("input_size", 2 * horizon)
    elif config is None and _has_default_space(model_name):
        entry = neuralforecast_space(model_name, horizon).domains.get("input_size", 2 * horizon)
    else:
        return None
    bounds = bounds_of(entry)
    if bounds is None:
        return None
    # neuralforecast reads a size below 1 as three horizons.
    return max(int(bounds[1]), 3 * horizon if bounds[0] < 1 else 1)


def _has_default_space(model_name: Any) -> bool:
    row = MODEL_CATALOG.get(model_name) if isinstance(model_name, str) else None
    return row is not None and row.has_default_space


def _n_series(dataset: Any, config: Any) -> int | None:
    """Return the number of series, or the one that the configuration sets."""
    if not isinstance(config, Mapping) or "n_series" not in config:
        return None
    try:
        return int(dataset["unique_id"].nunique())
    except Exception:  # an unusable dataset is reported by the data validator
        return None


def _report(
    sections: Mapping[str, ValidationResult], model_corrections: Mapping[str, Any]
) -> ValidationReport:
    """Return one report whose corrections are keyed by argument instead of parameter."""
    corrected: dict[str, Any] = {}
    for name, result in sections.items():
        found = model_corrections if name == "model" else result.corrected_config
        corrected.update(found or {})
    return replace(ValidationReport.merge(sections), corrected_config=corrected or None)
