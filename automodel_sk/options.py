"""The options of a search, as one frozen object that is passed through all layers."""

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
"""Names that other libraries use for these options."""


def unknown_option(name: str, known: Sequence[str]) -> str:
    """Return the sentence that reports an unknown option.

    Parameters
    ----------
    name : str
        The name passed.
    known : sequence of str
        The valid options.

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
    """Return a field with its default and its rule."""
    return field(default=default, metadata={"rule": rule})


@dataclass(frozen=True)
class OptimizationConfig:
    """Options that control how a search runs, is tracked and is stored.

    Creating the object checks nothing: `converted` checks each option against its rule, and
    `validate_all` checks all of them together with the data and the search space.

    Parameters
    ----------
    backend : {"optuna", "ray"}, default "optuna"
        The library that runs the trials.
    num_samples : int, optional
        Total number of trials. If None, recommended from the model, the data, the search space and
        the time budget.
    cpus, gpus : float, optional
        Resources for the whole search, shared by its parallel trials. If None, all CPUs of the
        machine, and a GPU if there is one.
    use_mlflow : bool, default True
        Track the search and each trial in MLflow.
    mlflow_tracking_uri : str, optional
        Where MLflow stores its runs. If None, the URI set in MLflow, or else a SQLite file
        `mlflow.db` in the current folder.
    mlflow_experiment_name : str, default "automodel_sk"
        Name of the MLflow experiment.
    mlflow_register_as : str, optional
        Name in MLflow's model registry to register the fitted model under as a new version. If
        None, the model is not registered.
    use_pruning : bool, default True
        Stop trials early if their validation losses fall behind.
    time_budget_hours : float, optional
        Time limit in hours for search and refit together.
    random_seed : int, optional, default 42
        Seed of the sampler and of every model. If None, a random seed is drawn.
    verbose : bool, default True
        Show progress and a summary.
    study_name : str, optional
        Name of the study. The same call with the same name resumes a stopped search. If None, the
        name is made from the current date and time.
    storage : str or Path, optional
        Where trials are stored: a folder or a ``.journal`` file, a database URL
        (``postgresql://...``, ``sqlite:///...``), or ``":memory:"`` to keep nothing. If None, the
        folder ``automodel_sk_runs``.
    resume : {"auto", "never", "overwrite"}, default "auto"
        What to do if a study of that name exists. ``"auto"``: resume it if data, search space and
        model match, else raise an error. ``"never"``: raise an error. ``"overwrite"``: delete it
        and start again.
    metric : str or callable, optional
        What the search minimises, on the original scale of the data, averaged over windows and
        series: the name of a function in `utilsforecast.losses`, such as "mae", "smape", "mase" or
        "scaled_crps", or "huber"; a function with the same signature ``(df, models, id_col,
        target_col, ...)``; or a function of ``(y_true, y_pred)``, called with each window of each
        series. If None, the training loss.
    n_windows : int, default 1
        Number of validation windows of `h` steps held out at the end of each series.
    step_size : int, optional
        Steps between validation windows. If None, `h`.
    refit : {"full", "best_weights", "continue"}, default "full"
        How the final model is obtained: ``"full"`` retrains the best configuration on all the data;
        ``"best_weights"`` keeps the best trial's weights, which were not trained on the validation
        windows; ``"continue"`` continues from those weights on all the data, with a fifth of the
        steps.
    warm_start : AutoModel, path, DataFrame or sequence of mappings, optional
        Configurations to try first: the best ones of a fitted model, of a saved model or of a table
        of trials, or a sequence of configurations.
    patience : int, optional
        Stop after this many consecutive trials without improvement. If None, never.
    precision : str, default "auto"
        Lightning's precision for the trials, such as "32-true" or "bf16-mixed". ``"auto"`` uses
        bfloat16 if a short measurement on this machine and model shows that it is faster.
    refit_precision : str, default "32-true"
        Precision of the refit.
    trials_per_gpu : int, optional
        Number of trials that share a GPU. If None, as many as its memory allows.
    trial_timeout_minutes : float, optional
        Time limit in minutes for one trial. A trial that takes longer, or hangs for as long, is
        stopped and recorded as failed. If None, there is no limit.
    ray_address : str, optional
        Address of a Ray cluster, such as "auto" or "head:6379". If None, a local Ray instance is
        started.
    freq : str or int, optional
        Frequency of the data: a pandas offset alias, or 1 for integer times. If None, it is
        inferred.
    season_length : int, optional
        Steps per season, used to scale the intervals. If None, derived from `freq`.
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
        None,
        Place(
            "mlflow_tracking_uri",
            "sqlite:///mlflow.db",
            optional=True,
            addresses=True,
            as_text=True,
        ),
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
        """Refuse unknown options, suggesting the names that were probably meant."""
        for name in options:
            if name not in cls.__dataclass_fields__:
                raise InvalidInputError(unknown_option(name, list(cls.__dataclass_fields__)))
        return super().__new__(cls)

    @classmethod
    def rules(cls) -> dict[str, Rule]:
        """Return the rule of each option by name, except for options that are checked elsewhere.

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
        """Return the options as plain Python objects, or raise an error that lists what is wrong.

        Returns
        -------
        OptimizationConfig
            NumPy numbers are converted, ``~`` in paths is expanded, and a seed is drawn if
            `random_seed` is None.

        Raises
        ------
        InvalidInputError
            One line per invalid option.

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
        """Remember the passwords in addresses, so that no text shows them."""
        for address in (self.storage, self.mlflow_tracking_uri, self.ray_address):
            if isinstance(address, str):
                remember_address(address)

    def __repr__(self) -> str:
        """Return all options, with passwords in addresses masked."""
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
