"""Run every validation and return one report."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.arguments.conversion import accepted, convert
from automodel_sk.arguments.kinds import Names
from automodel_sk.arguments.other_frames import as_pandas
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.preparation import read_times
from automodel_sk.data.treatment import treated
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError
from automodel_sk.options import OptimizationConfig
from automodel_sk.search_options import FurtherOptions, with_options
from automodel_sk.validation.data.categories import named_categories
from automodel_sk.validation.data.checked import CheckedData, check_data
from automodel_sk.validation.data.lengths import checked_whole_number
from automodel_sk.validation.result import Findings, ValidationReport
from automodel_sk.validation.search_checks import SearchArguments, validate_search

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["validate_all"]


@with_options
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
    n_windows: Any = None,
    step_size: Any = None,
    use_mlflow: bool = False,
    mlflow_tracking_uri: Any = None,
    mlflow_experiment_name: Any = None,
    futr_exog_list: Any = (),
    hist_exog_list: Any = (),
    stat_exog_list: Any = (),
    static_df: Any = None,
    check_environment: bool = True,
    id_col: Any = "unique_id",
    time_col: Any = "ds",
    target_col: Any = "y",
    **further: Unpack[FurtherOptions],
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
    model_class_name : str or sequence of str
        Name of the model, such as ``"NHITS"``; or "auto" or several names, of which the report says
        which take part, which are left out and why, and how long the search takes.
    dataset : pandas.DataFrame
        Long frame with columns ``unique_id``, ``ds`` and ``y``.
    h : int
        The horizon, in time steps.
    strict_mode : bool, default False
        Whether warnings count as errors.
    freq : str or int, optional
        Frequency of the data; inferred when None.
    n_windows : int, optional
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
    id_col, time_col, target_col : str
        Names of the columns of series, times and values, which the messages use too.
    **further
        The other options of the search, which `OptimizationConfig` describes.

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
    options = {"num_samples": num_samples, "cpus": cpus, "gpus": gpus, "n_windows": n_windows}
    options |= {"step_size": step_size, "strict_mode": strict_mode, **further}
    dataset = as_pandas(dataset)
    exogenous = (futr_exog_list, hist_exog_list, stat_exog_list)
    asked = SearchArguments(
        model_class_name, h, config, dataset, as_pandas(static_df), exogenous, backend, options
    )
    further_checks: dict[str, Any] = {
        "check_environment": check_environment,
        "tracking": (mlflow_tracking_uri, mlflow_experiment_name) if use_mlflow else None,
    }
    try:
        names = ColumnNames(id_col, time_col, target_col)
        asked = _under_own_names(asked, names)
    except InvalidInputError as exc:
        found = Findings()
        found.error(str(exc))
        sections = _validated(asked, freq, further_checks).sections
        return ValidationReport.merge({**sections, "data": found.result(strict_mode is True)})
    with names.worded() if names.differ else nullcontext():
        return _validated(asked, freq, further_checks)


def _under_own_names(asked: SearchArguments, names: ColumnNames) -> SearchArguments:
    """Return the arguments with frames under the names that the package uses.

    Raises
    ------
    InvalidInputError
        A column is missing, or there twice.
    """
    frame, static = asked.dataset, asked.static_df
    if not names.differ:
        return asked
    if isinstance(frame, pd.DataFrame) and frame.columns.nlevels == 1:
        names.check_present(frame, "dataset")
        frame = names.own(frame, "dataset")
    if isinstance(static, pd.DataFrame) and static.columns.nlevels == 1:
        static = names.own(static, "static_df", ("unique_id",))
    return replace(asked, dataset=frame, static_df=static)


def _validated(
    asked: SearchArguments, freq: Any, further_checks: Mapping[str, Any]
) -> ValidationReport:
    """Return the report of one or several models."""
    asked, why_not = _as_models_see_it(asked, freq)
    check = partial(_check_data, asked, freq, why_not)
    if _names_several(asked.model_name):
        # Planning several models needs rooms above this one.
        several = import_module("automodel_sk.portfolio.validation")
        report: ValidationReport = several.validate_several(
            asked, check, freq=freq, **further_checks
        )
        return report
    return validate_search(asked, check, **further_checks)


def _names_several(model_name: Any) -> bool:
    if isinstance(model_name, str):
        if model_name in MODEL_CATALOG:
            return False
        names = import_module("automodel_sk.portfolio.names")
        return bool(names.names_several(model_name))
    return isinstance(model_name, (list, tuple, set, frozenset))


def _as_models_see_it(asked: SearchArguments, freq: Any) -> tuple[SearchArguments, str | None]:
    """Return the arguments with gaps filled and the calendar, if asked for; or why it can't be."""
    rules, options = OptimizationConfig.rules(), asked.options
    given = {
        name: convert(rules[name], options[name])
        for name in ("fill_gaps", "calendar", "holidays")
        if options.get(name) is not None and accepted(rules[name], options[name])
    }
    if not given:
        return asked, None
    futr, hist, stat = asked.exogenous
    rule = Names("futr_exog_list", "price")
    is_list = accepted(rule, futr)  # what is none is reported with the data
    categories = named_categories(asked.config)
    try:
        known = convert(rule, futr) if is_list else ()
        dataset = read_times(asked.dataset)
        dataset, known = treated(dataset, known, freq=freq, categories=categories, **given)
    except (InvalidInputError, MissingDependencyError) as exc:
        return asked, str(exc)
    futr = known if is_list else futr
    return replace(asked, dataset=dataset, exogenous=(futr, hist, stat)), None


def _check_data(
    asked: SearchArguments, freq: Any, why_not: str | None, categories: tuple[str, ...]
) -> CheckedData:
    """Check the data of a search of one model."""
    findings = Findings()
    if why_not is not None:
        findings.error(why_not)
    futr, hist, stat = asked.exogenous
    return check_data(
        asked.dataset,
        freq=freq,
        h=checked_whole_number(asked.h, "h", 1, findings),
        futr_exog=futr,
        hist_exog=hist,
        static_df=asked.static_df,
        stat_exog=stat,
        categories=categories,
        findings=findings,
    )
