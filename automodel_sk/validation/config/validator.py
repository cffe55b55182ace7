"""`ConfigValidator`: every check except those of the data, as methods of one class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from automodel_sk._utils.network import DEADLINE_SECONDS
from automodel_sk.search_options import with_options
from automodel_sk.validation.config.editable_config import draft_of
from automodel_sk.validation.config.environment import check_environment
from automodel_sk.validation.config.model import ModelContext, check_model
from automodel_sk.validation.config.options import check_backend
from automodel_sk.validation.config.tracking_uri import check_experiment_name, check_tracking_uri
from automodel_sk.validation.result import Findings, ValidationResult, never_raises

__all__ = ["ConfigValidator", "model_result"]


class ConfigValidator:
    """Validate options, search space, environment and tracking before training starts.

    No method raises because of the values it checks. Each returns a `ValidationResult` whose
    messages name the parameter, the value found and the fix.

    Parameters
    ----------
    strict_mode : bool, default False
        Whether warnings count as errors.

    Examples
    --------
    >>> validator = ConfigValidator()
    >>> result = validator.validate_backend_config(backend="Optuna ", num_samples=0)
    >>> result.is_valid, result.corrected_config
    (False, {'backend': 'optuna', 'num_samples': 10})
    """

    def __init__(self, strict_mode: bool = False) -> None:
        self.strict_mode = strict_mode

    @with_options
    @never_raises("the arguments can't be checked; pass plain numbers, strings and mappings")
    def validate_backend_config(
        self,
        backend: Any = "optuna",
        config: Any = None,
        num_samples: Any = None,
        cpus: Any = None,
        gpus: Any = None,
        *,
        n_windows: Any = None,
        **further: Any,
    ) -> ValidationResult:
        """Validate the backend and the search options, and check that the space can be parsed.

        Parameters
        ----------
        backend : {"optuna", "ray"}, default "optuna"
            The search backend.
        config : mapping, callable or SearchSpace, optional
            The search space; `validate_model_config` checks its values.
        num_samples : int, optional
            Number of trials, at least 1.
        cpus, gpus : float, optional
            CPU cores and GPUs the search may use; more than the machine has is a warning.
        n_windows : int, optional
            Number of validation windows, at least 1.
        **further
            Other fields of `OptimizationConfig`.

        Returns
        -------
        ValidationResult
            ``corrected_config`` maps argument names to suggested values; call again with them.

        Examples
        --------
        >>> ConfigValidator().validate_backend_config("optuna", num_samples=50).is_valid
        True
        """
        findings = Findings()
        options = {
            "num_samples": num_samples,
            "cpus": cpus,
            "gpus": gpus,
            **({} if n_windows is None else {"n_windows": n_windows}),
            **further,
        }
        check_backend(findings, backend, options)
        draft = draft_of(findings, config)
        if draft is not None and draft.changed:
            findings.correct("config", draft.corrected)
        return findings.result(self.strict_mode)

    @never_raises("the arguments can't be checked; pass plain numbers, strings and mappings")
    def validate_model_config(
        self,
        config: Any = None,
        model_name: Any = None,
        *,
        h: Any = None,
        n_series: int | None = None,
        futr_exog_list: Any = (),
        hist_exog_list: Any = (),
        stat_exog_list: Any = (),
    ) -> ValidationResult:
        """Validate the model's name and all values that its search space can produce.

        Parameters
        ----------
        config : mapping, callable or SearchSpace, optional
            The search space or a fixed configuration; the model's default space if None.
        model_name : str, optional
            The model; if None, parameter names are not checked.
        h : int, optional
            The horizon, in time steps.
        n_series : int, optional
            Number of series in the data.
        futr_exog_list, hist_exog_list, stat_exog_list : sequence of str
            Exogenous variables by kind.

        Returns
        -------
        ValidationResult
            ``corrected_config`` is the whole corrected configuration; pass it as ``config``.

        Examples
        --------
        >>> validator = ConfigValidator()
        >>> result = validator.validate_model_config({"max_steps": 500, "batch_size": 0})
        >>> result.corrected_config
        {'max_steps': 500, 'batch_size': 32}
        >>> validator.validate_model_config(result.corrected_config).is_valid
        True
        """
        findings = Findings()
        context = ModelContext(h, n_series, futr_exog_list, hist_exog_list, stat_exog_list)
        check_model(findings, config, model_name, context)
        return model_result(findings, self.strict_mode)

    @never_raises("the arguments can't be checked; pass plain numbers, strings and mappings")
    def validate_environment(
        self,
        required: Any = None,
        *,
        gpus: Any = None,
        dataset: Any = None,
        model_name: Any = None,
        min_memory_gb: Any = None,
        min_disk_gb: Any = None,
        folder: Any = ".",
    ) -> ValidationResult:
        """Validate Python, libraries, CUDA, memory and disk.

        Parameters
        ----------
        required : mapping or iterable of str, optional
            Package names, or a mapping from names to minimum versions; the packages that a search
            uses if None.
        gpus : float, optional
            GPUs requested; CUDA is checked only if this is above 0.
        dataset : DataFrame, optional
            The data, used to estimate the memory needed.
        model_name : str, optional
            The model, used to estimate the memory needed.
        min_memory_gb, min_disk_gb : float, optional
            Required free memory and disk, in units of 10**9 bytes.
        folder : str or Path, default "."
            The folder whose disk is checked.

        Returns
        -------
        ValidationResult

        Examples
        --------
        >>> ConfigValidator().validate_environment(["optuna"], min_memory_gb=0).is_valid
        True
        """
        findings = Findings()
        check_environment(
            findings,
            required=required,
            gpus=gpus,
            dataset=dataset,
            model_name=model_name,
            min_memory_gb=min_memory_gb,
            min_disk_gb=min_disk_gb,
            folder=folder,
        )
        return findings.result(self.strict_mode)

    @never_raises("the arguments can't be checked; pass plain numbers, strings and mappings")
    def validate_mlflow_config(
        self,
        tracking_uri: Any = None,
        experiment_name: Any = None,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> ValidationResult:
        """Check that the MLflow store is reachable, and validate the experiment name.

        Parameters
        ----------
        tracking_uri : str, optional
            ``sqlite:///mlflow.db``, ``http://host:5000``, a database, or ``databricks``. If None,
            ``MLFLOW_TRACKING_URI`` if it is set, else a SQLite file in the current folder.
        experiment_name : str, optional
            One line of at most 500 characters.
        deadline_seconds : float, default 3.0
            Seconds to wait for the server, in total.

        Returns
        -------
        ValidationResult
            Its messages contain no user name, password or token.

        Examples
        --------
        >>> result = ConfigValidator().validate_mlflow_config("mlruns", "weekly sales")
        >>> result.corrected_config
        {'mlflow_tracking_uri': 'sqlite:///mlflow.db'}
        """
        findings = Findings()
        check_tracking_uri(findings, tracking_uri, deadline_seconds)
        check_experiment_name(findings, experiment_name)
        return findings.result(self.strict_mode)


def model_result(findings: Findings, strict_mode: bool) -> ValidationResult:
    """Return the findings about a model, with only the corrected configuration.

    Parameters
    ----------
    findings : Findings
        The collector that `check_model` filled.
    strict_mode : bool
        Whether warnings count as errors.

    Returns
    -------
    ValidationResult

    Examples
    --------
    >>> findings = Findings(corrections={"config": {"max_steps": 500}})
    >>> model_result(findings, False).corrected_config
    {'max_steps': 500}
    """
    config = findings.corrections.get("config")
    corrected = dict(config) if isinstance(config, Mapping) else None
    return replace(findings.result(strict_mode), corrected_config=corrected)
