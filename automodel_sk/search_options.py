"""The options of a search as keyword arguments, for editors, type checkers and `help`.

`OptimizationConfig` declares the options. The classes here repeat their names and types, since a
type checker reads no declaration that is made at run time; a test compares both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from automodel_sk.options import OptimizationConfig

__all__ = ["FurtherOptions", "SearchOptions", "with_options"]

F = TypeVar("F", bound=Callable[..., Any])


class FurtherOptions(TypedDict, total=False):
    """Options that `validate_all` takes beside its own arguments; see `OptimizationConfig`."""

    use_pruning: bool
    mlflow_register_as: str | None
    time_budget_hours: float | None
    random_seed: int
    verbose: bool
    study_name: str | None
    storage: str | Path | None
    resume: str
    metric: str | Callable[..., Any] | None
    refit: str
    warm_start: Any
    patience: int | None
    precision: str
    refit_precision: str
    trials_per_gpu: int | None
    trial_timeout_minutes: float | None
    ray_address: str | None
    season_length: int | None
    preset: str
    ensemble: str | None
    exclude: Sequence[str] | None
    sampler: Any
    pruner: Any
    fill_gaps: str | None
    calendar: bool | Sequence[str] | None
    holidays: str | None
    non_negative: bool | str
    space: str


class SearchOptions(FurtherOptions, total=False):
    """Options of `create_auto_model`, all of them optional; see `OptimizationConfig`."""

    backend: str
    num_samples: int | None
    cpus: float | None
    gpus: float | None
    use_mlflow: bool
    mlflow_tracking_uri: str | None
    mlflow_experiment_name: str
    n_windows: int | None
    step_size: int | None
    freq: str | int | None
    strict_mode: bool


def with_options(function: F) -> F:
    """Show the options of a search in a function's signature, in place of its ``**options``.

    Parameters
    ----------
    function : callable
        Takes the options as keywords.

    Returns
    -------
    callable
        The same function.

    Examples
    --------
    >>> @with_options
    ... def search(name, *, resume="never", **options): ...
    >>> shown = inspect.signature(search).parameters
    >>> str(shown["n_windows"]), str(shown["resume"]), "options" in shown
    ("n_windows: 'int | None' = None", "resume='never'", False)
    """
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=field.type,
        )
        for field in fields(OptimizationConfig)
        if field.name not in signature.parameters
    ]
    shown = signature.replace(parameters=[*own, *options])
    function.__signature__ = shown  # type: ignore[attr-defined]
    return function
