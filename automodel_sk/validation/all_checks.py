"""Run every validation and return one report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from automodel_sk.arguments.conversion import accepted
from automodel_sk.arguments.kinds import Flag
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.catalog.models import MODEL_CATALOG, is_joint
from automodel_sk.data.held_out import held_out_steps
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.default_spaces import default_search_space
from automodel_sk.validation.config.editable_config import EditableConfig
from automodel_sk.validation.config.model import ModelContext, check_model
from automodel_sk.validation.config.validator import ConfigValidator, model_result
from automodel_sk.validation.data.categories import categorical_names, check_categories
from automodel_sk.validation.data.validator import DataValidator
from automodel_sk.validation.domain_checks import bounds_of
from automodel_sk.validation.result import Findings, ValidationReport, ValidationResult

__all__ = ["largest_input_size", "validate_all"]

_STRICT = Flag("strict_mode", example=False)
_NOTHING_FOUND = ValidationResult(True, [], [])


def validate_all(
    backend: Any = "optuna",
    config: Any = None,
    num_samples: Any = None,
    cpus: Any = None,
    gpus: Any = None,
    model_class_name: Any = None,
    dataset: Any = None,
    h: Any = None,
    strict_mode: bool = False,
    *,
    freq: Any = None,
    n_windows: Any = 1,
    step_size: Any = None,
    use_mlflow: bool = False,
    mlflow_tracking_uri: Any = None,
    mlflow_experiment_name: Any = None,
    futr_exog_list: Any = (),
    hist_exog_list: Any = (),
    stat_exog_list: Any = (),
    static_df: Any = None,
    check_environment: bool = True,
    **further: Any,
) -> ValidationReport:
    """Validate all arguments of a search before training starts.

    Parameters
    ----------
    backend : {"optuna", "ray"}, default "optuna"
        The search backend.
    config : mapping, callable or SearchSpace, optional
        The search space or a fixed configuration; the model's default space if None.
    num_samples : int, optional
        Number of trials.
    cpus, gpus : float, optional
        CPU cores and GPUs the search may use.
    model_class_name : str
        Name of the model, such as ``"NHITS"``.
    dataset : pandas.DataFrame
        Long frame with columns ``unique_id``, ``ds`` and ``y``.
    h : int
        The horizon, in time steps.
    strict_mode : bool, default False
        Whether warnings count as errors.
    freq : str or int, optional
        Frequency of the data; inferred when None.
    n_windows : int, default 1
        Number of validation windows.
    step_size : int, optional
        Steps between validation windows; the horizon if None.
    use_mlflow : bool, default False
        Whether to check the tracking server.
    mlflow_tracking_uri, mlflow_experiment_name : str, optional
        Tracking URI and experiment name for MLflow.
    futr_exog_list, hist_exog_list, stat_exog_list : sequence of str
        Exogenous variables by kind.
    static_df : pandas.DataFrame, optional
        Static features, one row per series.
    check_environment : bool, default True
        Whether to check libraries, memory and disk.
    **further
        Other fields of `OptimizationConfig`.

    Returns
    -------
    ValidationReport
        With sections ``backend``, ``model``, ``environment``, ``mlflow`` and ``data``.
        ``corrected_config`` maps argument names to suggested values; call the function again with
        them.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=100, freq="D")
    >>> df = pd.DataFrame({"unique_id": "a", "ds": days, "y": range(100)})
    >>> report = validate_all(
    ...     "Optuna", {"max_steps": 0}, dataset=df, h=7, model_class_name="NHITS"
    ... )
    >>> report["backend"].errors
    ["backend must be 'optuna' or 'ray', got 'Optuna'; did you mean 'optuna'?"]
    >>> report.corrected_config
    {'backend': 'optuna', 'config': {'max_steps': 1000}}
    """
    asked_strict, strict_mode = strict_mode, accepted(_STRICT, strict_mode) and bool(strict_mode)
    validator = ConfigValidator(strict_mode)
    exogenous = (futr_exog_list, hist_exog_list, stat_exog_list)
    model, draft = _check_model(config, model_class_name, h, _n_series(dataset, config), exogenous)
    columns = [name for names in exogenous if isinstance(names, (list, tuple)) for name in names]
    check_categories(config, model_class_name, columns, dataset, static_df, model)
    sections = {
        "backend": validator.validate_backend_config(
            backend,
            num_samples=num_samples,
            cpus=cpus,
            gpus=gpus,
            n_windows=n_windows,
            step_size=step_size,
            strict_mode=asked_strict,
            **further,
        ),
        "model": model_result(model, strict_mode),
        "environment": _NOTHING_FOUND,
        "mlflow": _NOTHING_FOUND,
        "data": DataValidator(strict_mode).validate_dataset(
            dataset,
            freq=freq,
            h=h,
            input_size=largest_input_size(config, draft, model_class_name, h),
            val_size=_val_size(h, n_windows, step_size) if _is_validated(config) else 0,
            n_windows=n_windows if NumberRule("n_windows", 1).accepts(n_windows) else None,
            joint=isinstance(model_class_name, str)
            and model_class_name in MODEL_CATALOG
            and is_joint(model_class_name),
            categories=categorical_names(config),
            futr_exog=_listed(futr_exog_list),
            hist_exog=_listed(hist_exog_list),
            static_df=static_df,
            stat_exog=_listed(stat_exog_list),
        ),
    }
    if check_environment:
        sections["environment"] = validator.validate_environment(
            dataset=dataset, model_name=model_class_name
        )
    if use_mlflow:
        sections["mlflow"] = validator.validate_mlflow_config(
            mlflow_tracking_uri, mlflow_experiment_name
        )
    return _report(sections, model.corrections)


def _check_model(
    config: Any, model_name: Any, h: Any, n_series: int | None, exogenous: tuple[Any, Any, Any]
) -> tuple[Findings, EditableConfig | None]:
    """Return the findings about the model and its space, including missing required arguments."""
    findings = Findings()
    if h is None:
        findings.error("h must be a whole number of at least 1, got None; try h=12")
    if model_name is None:
        findings.error("model_class_name must be a string, got None; try 'NHITS'")
    draft = check_model(findings, config, model_name, ModelContext(h, n_series, *exogenous))
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


def _listed(columns: Any) -> Any:
    return () if columns is None else columns


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
        entry = default_search_space(model_name, horizon).domains.get("input_size", 2 * horizon)
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
