"""How a search is run: one frozen value object that travels through all layers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from automodel_sk._utils.secrets import mask_secrets, remember_address
from automodel_sk.arguments.conversion import convert_all
from automodel_sk.arguments.kinds import Choices, Flag, Place, Rule, Text
from automodel_sk.arguments.number_rule import NumberRule, nearest
from automodel_sk.exceptions import InvalidInputError

__all__ = ["BACKENDS", "PRECISIONS", "OptimizationConfig", "unknown_option"]

BACKENDS = ("optuna", "ray")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true")


_SYNONYMS = {
    "n_trials": "num_samples",
    "trials": "num_samples",
    "max_trials": "num_samples",
    "n_iter": "num_samples",
    "time_limit": "time_budget_hours",
    "time_budget": "time_budget_hours",
    "time_budget_minutes": "time_budget_hours",
    "time_budget_s": "time_budget_hours",
    "timeout": "time_budget_hours",
    "max_time": "time_budget_hours",
    "seed": "random_seed",
    "random_state": "random_seed",
    "n_jobs": "cpus",
    "num_cpus": "cpus",
    "num_gpus": "gpus",
    "eval_metric": "metric",
    "scoring": "metric",
    "num_val_windows": "n_windows",
    "early_stopping": "patience",
    "tracking_uri": "mlflow_tracking_uri",
    "experiment_name": "mlflow_experiment_name",
}
"""Names that other libraries have for these options."""


def unknown_option(name: str, known: Sequence[str]) -> str:
    """Return the sentence about an option that there is not.

    Parameters
    ----------
    name : str
        What was passed.
    known : sequence of str
        The options that there are.

    Returns
    -------
    str

    Examples
    --------
    >>> unknown_option("n_trials", ["num_samples", "resume"])
    "unknown option 'n_trials'; did you mean 'num_samples'?"
    """
    meant = _SYNONYMS.get(name)
    if meant not in known:
        meant = nearest(name, known)
    hint = f"did you mean {meant!r}?" if meant else f"choose from {', '.join(known)}"
    return f"unknown option {name!r}; {hint}"


def _option(default: Any, rule: Rule | None = None) -> Any:
    """Return a field with its default and what it may be."""
    return field(default=default, metadata={"rule": rule})


@dataclass(frozen=True)
class OptimizationConfig:
    """How a search is run, tracked and stored.

    Nothing is checked when the object is made: `converted` holds each option against
    its rule, and `validate_all` all of them together with the data and the search space.

    Parameters
    ----------
    backend : {"optuna", "ray"}, default "optuna"
        The library that searches.
    num_samples : int, optional
        Trials in all. Recommended from the model, the data, the space and the
        time budget when None.
    cpus, gpus : float, optional
        What the search may use in all, shared among its parallel trials.
        None: the machine's CPUs; a GPU if there is one.
    use_mlflow : bool, default True
        Track the search and each trial in MLflow.
    mlflow_tracking_uri : str, optional
        Where MLflow keeps its runs; a SQLite file `mlflow.db` in the current
        folder when None and none is set in MLflow itself.
    mlflow_experiment_name : str, default "automodel_sk"
        The MLflow experiment.
    mlflow_register_as : str, optional
        Name in MLflow's model registry: the fitted model becomes a new version
        of it. Not registered when None.
    use_pruning : bool, default True
        Stop trials early whose validation losses fall behind.
    time_budget_hours : float, optional
        Hours for search and refit together.
    random_seed : int, optional, default 42
        Seeds the sampler and every model; drawn anew when None.
    verbose : bool, default True
        Show progress and a summary.
    study_name : str, optional
        Name of the study. The same call with the same name goes on where a
        stopped search left off. A name of date and time when None.
    storage : str or Path, optional
        Where trials are kept: a folder or a ``.journal`` file, a database URL
        (``postgresql://...``, ``sqlite:///...``), or ``":memory:"`` to keep
        nothing. The folder ``automodel_sk_runs`` when None.
    resume : {"auto", "never", "overwrite"}, default "auto"
        What happens when a study of that name exists. ``"auto"``: go on if
        data, space and model match, refuse if they don't. ``"never"``: refuse.
        ``"overwrite"``: delete it and start anew.
    metric : str or callable, optional
        What the search minimises, on the data's own scale, as the mean over
        windows and series: the name of a function of `utilsforecast.losses`,
        such as "mae", "smape", "mase" or "scaled_crps", or "huber"; a function
        of its signature ``(df, models, id_col, target_col, ...)``; or one of
        ``(y_true, y_pred)``, called with each window of each series. The
        training loss when None.
    n_windows : int, default 1
        Validation windows of `h` steps held out at the end of each series.
    step_size : int, optional
        Steps between validation windows; `h` when None.
    refit : {"full", "best_weights", "continue"}, default "full"
        The final model: ``"full"`` trains the best configuration anew on all
        the data; ``"best_weights"`` keeps the best trial's weights, which never
        saw the validation windows; ``"continue"`` trains on from those weights
        on all the data, a fifth of the steps.
    warm_start : AutoModel, path, DataFrame or sequence of mappings, optional
        Configurations to try before any other: the best of an earlier model, of
        a saved one or of a table of trials, or configurations as they are.
    patience : int, optional
        End the search once so many trials in a row were no better than the
        best; never when None.
    precision : str, default "auto"
        Lightning's precision of the trials, such as "32-true" or "bf16-mixed".
        ``"auto"`` takes bfloat16 where a short measurement on this machine and
        model finds it faster.
    refit_precision : str, default "32-true"
        Precision of the final training.
    trials_per_gpu : int, optional
        Trials that share one GPU; as many as its memory allows when None.
    trial_timeout_minutes : float, optional
        A trial that takes longer, or hangs for as long, is ended and recorded
        as failed; no limit when None.
    ray_address : str, optional
        A Ray cluster to search on, such as "auto" or "head:6379"; one of
        this process's own when None.
    freq : str or int, optional
        Frequency of the data, a pandas offset alias or 1 for integer times;
        inferred when None.
    season_length : int, optional
        Steps of one season, by which intervals are scaled; from `freq` when None.
    strict_mode : bool, default False
        Treat the validator's warnings as errors.

    Examples
    --------
    >>> OptimizationConfig(num_samples=20).backend
    'optuna'
    """

    backend: str = _option("optuna", Choices("backend", BACKENDS))
    num_samples: int | None = _option(
        None, NumberRule("num_samples", 10, also=(None,), note="None: recommended")
    )
    cpus: float | None = _option(
        None, NumberRule("cpus", 1, whole=False, low=0, low_open=True, also=(None,))
    )
    gpus: float | None = _option(
        None, NumberRule("gpus", 0, whole=False, low=0, also=(None,), note="0.5: half of one")
    )
    use_mlflow: bool = _option(True, Flag("use_mlflow"))
    mlflow_tracking_uri: str | None = _option(
        None, Place("mlflow_tracking_uri", "sqlite:///mlflow.db", optional=True, addresses=True)
    )
    mlflow_experiment_name: str = _option(
        "automodel_sk", Text("mlflow_experiment_name", "automodel_sk", longest=500)
    )
    mlflow_register_as: str | None = _option(
        None, Text("mlflow_register_as", "sales-forecast", optional=True)
    )
    use_pruning: bool = _option(True, Flag("use_pruning"))
    time_budget_hours: float | None = _option(
        None, NumberRule("time_budget_hours", 1.0, whole=False, low=0, low_open=True, also=(None,))
    )
    random_seed: int = _option(
        42, NumberRule("random_seed", 42, low=0, high=2**32 - 1, also=(None,), note="None: drawn")
    )
    verbose: bool = _option(True, Flag("verbose"))
    study_name: str | None = _option(None, Text("study_name", "weekly-sales", optional=True))
    storage: str | Path | None = _option(
        None, Place("storage", "automodel_sk_runs", optional=True, addresses=True)
    )
    resume: str = _option("auto", Choices("resume", ("auto", "never", "overwrite")))
    metric: str | Callable[..., Any] | None = _option(None)
    n_windows: int = _option(1, NumberRule("n_windows", 1))
    step_size: int | None = _option(
        None, NumberRule("step_size", 12, also=(None,), note="None: the horizon")
    )
    refit: str = _option("full", Choices("refit", ("full", "best_weights", "continue")))
    warm_start: Any = _option(None)
    patience: int | None = _option(
        None, NumberRule("patience", 20, also=(None,), note="None: never")
    )
    precision: str = _option("auto", Choices("precision", ("auto", *PRECISIONS)))
    refit_precision: str = _option("32-true", Choices("refit_precision", PRECISIONS))
    trials_per_gpu: int | None = _option(
        None,
        NumberRule("trials_per_gpu", 2, also=(None,), note="None: as many as its memory holds"),
    )
    trial_timeout_minutes: float | None = _option(
        None,
        NumberRule("trial_timeout_minutes", 60.0, whole=False, low=0, low_open=True, also=(None,)),
    )
    ray_address: str | None = _option(None, Text("ray_address", "auto", optional=True))
    freq: str | int | None = _option(None)
    season_length: int | None = _option(
        None, NumberRule("season_length", 12, also=(None,), note="None: from freq")
    )
    strict_mode: bool = _option(False, Flag("strict_mode", example=False))

    def __new__(cls, *_values: Any, **options: Any) -> OptimizationConfig:
        """Refuse options that there are not, by the names that were likely meant."""
        for name in options:
            if name not in cls.__dataclass_fields__:
                raise InvalidInputError(unknown_option(name, list(cls.__dataclass_fields__)))
        return super().__new__(cls)

    @classmethod
    def rules(cls) -> dict[str, Rule]:
        """Return what each option may be, by its name; options that other code reads left out.

        Returns
        -------
        dict of str to Rule

        Examples
        --------
        >>> OptimizationConfig.rules()["patience"].accepts(0)
        False
        """
        found = {field.name: field.metadata.get("rule") for field in fields(cls)}
        return {name: rule for name, rule in found.items() if rule is not None}

    def converted(self) -> OptimizationConfig:
        """Return the options as plain Python objects, or raise what is wrong with them.

        Returns
        -------
        OptimizationConfig
            NumPy's numbers as Python's, ``~`` in paths replaced, a seed drawn where
            `random_seed` is None.

        Raises
        ------
        InvalidInputError
            One line per option that can't be used.

        Examples
        --------
        >>> import numpy as np
        >>> type(OptimizationConfig(n_windows=np.int64(2)).converted().n_windows).__name__
        'int'
        """
        values = {name: getattr(self, name) for name in self.rules()}
        if values["random_seed"] is None:
            values["random_seed"] = secrets.randbelow(2**32)
        return replace(self, **convert_all(self.rules(), values))

    def __post_init__(self) -> None:
        """Remember the passwords of addresses, so that no text shows them."""
        for address in (self.storage, self.mlflow_tracking_uri, self.ray_address):
            if isinstance(address, str):
                remember_address(address)

    def __repr__(self) -> str:
        """Return all options, the passwords in addresses masked."""
        options = ", ".join(f"{name}={value!r}" for name, value in self.to_dict().items())
        return mask_secrets(f"OptimizationConfig({options})")

    def to_dict(self) -> dict[str, Any]:
        """Return the options as a plain dict.

        Examples
        --------
        >>> OptimizationConfig().to_dict()["random_seed"]
        42
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}
