"""The options of a search, as one frozen object that is passed through all layers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from automodel_sk._utils.secrets import mask_secrets, remember_address
from automodel_sk.arguments.conversion import convert_all
from automodel_sk.arguments.kinds import Choices, Flag, Names, Place, Rule, Text
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.arguments.option import FieldSignature, Option, option, unknown_option
from automodel_sk.arguments.optuna_object import OptunaObject
from automodel_sk.arguments.switches import Parts, Switch
from automodel_sk.catalog.data_options import CALENDAR_PARTS, FILLS
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "BACKENDS",
    "ENSEMBLES",
    "PRECISIONS",
    "PRESET_NAMES",
    "PRUNERS",
    "SAMPLERS",
    "OptimizationConfig",
]

BACKENDS = ("optuna", "ray")
PRESET_NAMES = ("balanced", "quick", "best")
ENSEMBLES = ("auto", "best", "mean", "median", "greedy")
SAMPLERS = (
    "TPESampler",
    "RandomSampler",
    "CmaEsSampler",
    "GPSampler",
    "QMCSampler",
    "GridSampler",
    "BruteForceSampler",
)
PRUNERS = ("MedianPruner", "HyperbandPruner", "SuccessiveHalvingPruner", "NopPruner")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true")
_SEARCH, _MACHINE, _TRACKING = "Search", "Machine", "Tracking"
_DATA = "Data"


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
        Total number of trials. If None, at most the number recommended for the model, the data and
        the search space, and as many as fit into the time.
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
        Time limit in hours for search and refit together. If None, that of `preset`, or no limit if
        `num_samples` is given or a fixed configuration is trained.
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
    space : {"default", "neuralforecast"}, default "default"
        Search space of networks without a `config`. ``"default"`` is the one that forecast best on
        public data sets; ``"neuralforecast"`` is that of neuralforecast's own Auto class.
    n_windows : int, optional
        Number of validation windows of `h` steps held out at the end of each series. If None, one;
        for an ensemble 5 with fewer than 20 series, 3 with fewer than 100, else 2.
    step_size : int, optional
        Steps between validation windows. If None, `h`.
    refit : {"full", "best_weights", "continue"}, default "full"
        How the final model is obtained: ``"full"`` retrains the best configuration on all the data;
        ``"best_weights"`` keeps the best trial's weights, which were not trained on the validation
        windows; ``"continue"`` continues from those weights on all the data, with a fifth of the
        steps.
    warm_start : AutoModel, path, DataFrame or sequence of mappings, optional
        Configurations to try first: the best ones of a fitted model, of a saved model or of a table
        of trials, or a sequence of configurations. For the search of one model.
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
    preset : {"balanced", "quick", "best"}, default "balanced"
        Time of a search if neither `time_budget_hours` nor `num_samples` is given: 5 minutes, 1
        minute or 30 minutes.
    ensemble : {"auto", "best", "mean", "median", "greedy"}, optional
        How several models are combined, or the best trials of one: ``"auto"`` chooses by leaving
        one validation window out. If None, ``"auto"`` for several models, and the best trial alone
        for one.
    exclude : sequence of str, optional
        Models that "auto" leaves out.
    sampler : str or optuna.samplers.BaseSampler, optional
        What draws the trials of one model with the backend "optuna", such as "TPESampler", "cmaes"
        or ``TPESampler(n_startup_trials=20)``. Each trial's random numbers are derived from
        `random_seed` and the number of the trial. If None, chosen for the search.
    pruner : str or optuna.pruners.BasePruner, optional
        What stops trials early with the backend "optuna", such as "HyperbandPruner" or
        ``PercentilePruner(25.0)``. Its steps are the validations of a trial, counted from 1. If
        None, chosen for the search.
    fill_gaps : {"zero", "ffill", "interpolate", "mask"}, optional
        How missing rows and empty values between the first and the last value of a series are
        filled; ``"mask"`` marks them as not observed instead. If None, missing rows are warned of
        and empty values refused. What was filled is counted in a warning. The model does the same
        with the data that it forecasts from.
    calendar : bool or sequence of str, optional
        Columns of the calendar, known in the future without `futr_df`: True for those that suit
        the frequency, or some of "minute", "hour", "weekday", "day", "week", "month" and
        "quarter".
    holidays : str, optional
        Code of a country, or of a part of it, such as "DE" or "US-CA", whose public holidays are a
        column that is known in the future.
    non_negative : bool or "auto", default False
        Whether forecasts, quantiles and sampled paths below zero become zero; ``"auto"`` if the
        training data hold no negative value.

    Examples
    --------
    >>> OptimizationConfig(num_samples=20).backend
    'optuna'
    """

    backend: str = option(
        "optuna",
        "Library that runs the trials: optuna or ray.",
        Choices("backend", BACKENDS),
        panel=_MACHINE,
        shared=True,
    )
    num_samples: int | None = option(
        None,
        "Total number of trials; as many as fit into the time if not given.",
        NumberRule("num_samples", 10, also=(None,), note="None: recommended"),
        panel=_SEARCH,
    )
    cpus: float | None = option(
        None,
        "CPUs for the whole search; those of the machine by default.",
        NumberRule("cpus", 1, whole=False, low=0, low_open=True, also=(None,)),
        panel=_MACHINE,
    )
    gpus: float | None = option(
        None,
        "GPUs for the whole search; one by default, if there is one.",
        NumberRule("gpus", 0, whole=False, low=0, also=(None,), note="0.5: half of one"),
        panel=_MACHINE,
    )
    use_mlflow: bool = option(
        True,
        "Track in MLflow.",
        Flag("use_mlflow"),
        panel=_TRACKING,
        flags=("--mlflow/--no-mlflow",),
    )
    mlflow_tracking_uri: str | None = option(
        None,
        "MLflow server or database; the file mlflow.db by default.",
        Place(
            "mlflow_tracking_uri",
            "sqlite:///mlflow.db",
            optional=True,
            addresses=True,
            as_text=True,
        ),
        panel=_TRACKING,
        metavar="URI",
        address=True,
    )
    mlflow_experiment_name: str = option(
        "automodel_sk",
        "MLflow experiment.",
        Text("mlflow_experiment_name", "automodel_sk", longest=500),
        panel=_TRACKING,
        flags=("--mlflow-experiment",),
    )
    mlflow_register_as: str | None = option(
        None,
        "Registered model in MLflow; the fitted model is added to it as a new version.",
        Text("mlflow_register_as", "sales-forecast", optional=True),
        panel=_TRACKING,
    )
    use_pruning: bool = option(
        True,
        "Stop unpromising trials early, or run each to its end.",
        Flag("use_pruning"),
        panel=_SEARCH,
        flags=("--pruning/--no-pruning",),
        shared=True,
    )
    time_budget_hours: float | None = option(
        None,
        "Hours for search and refit together, on the command line also 10m or 90s; those of the"
        " preset by default.",
        NumberRule("time_budget_hours", 1.0, whole=False, low=0, low_open=True, also=(None,)),
        panel=_SEARCH,
        flags=("--time-budget",),
        metavar="TIME",
    )
    random_seed: int = option(
        42,
        "Seed of the sampler and the models.",
        NumberRule("random_seed", 42, low=0, high=2**32 - 1, also=(None,), note="None: drawn"),
        panel=_SEARCH,
        flags=("--seed",),
        shared=True,
    )
    verbose: bool = option(
        True,
        "Show progress and a summary.",
        Flag("verbose"),
        flags=("--verbose/--quiet", " /-q"),
    )
    study_name: str | None = option(
        None,
        "Name of the study; the same call with it resumes a stopped search.",
        Text("study_name", "weekly-sales", optional=True),
        panel=_SEARCH,
    )
    storage: str | Path | None = option(
        None,
        "Where trials are stored: a folder (automodel_sk_runs by default), a database URL, or"
        " :memory:.",
        Place("storage", "automodel_sk_runs", optional=True, addresses=True),
        panel=_SEARCH,
        metavar="PLACE",
        address=True,
    )
    resume: str = option(
        "auto",
        "If the study exists: auto resumes it, never refuses, overwrite deletes it.",
        Choices("resume", ("auto", "never", "overwrite")),
        panel=_SEARCH,
        metavar="HOW",
    )
    space: str = option(
        "default",
        "Search space of networks without a config: default, the one that forecast best on public"
        " data, or neuralforecast, that library's own.",
        Choices("space", ("default", "neuralforecast")),
        panel=_SEARCH,
        flags=("--default-space",),
        metavar="WHICH",
    )
    metric: str | Callable[..., Any] | None = option(
        None,
        "Metric to minimise, such as mae, smape or mase; the training loss by default.",
        panel=_SEARCH,
        shared=True,
    )
    n_windows: int | None = option(
        None,
        "Validation windows of h steps; one by default, two to five for an ensemble.",
        NumberRule("n_windows", 1, also=(None,), note="None: one, or more for an ensemble"),
        panel=_SEARCH,
        shared=True,
    )
    step_size: int | None = option(
        None,
        "Steps between validation windows; h by default.",
        NumberRule("step_size", 12, also=(None,), note="None: the horizon"),
        panel=_SEARCH,
        shared=True,
    )
    refit: str = option(
        "full",
        "Final model: full trains the best configuration from scratch on all rows, best_weights"
        " keeps the best trial's weights, continue trains on from them.",
        Choices("refit", ("full", "best_weights", "continue")),
        panel=_SEARCH,
        metavar="HOW",
    )
    warm_start: Any = option(
        None,
        "An earlier model, whose best configurations are tried first.",
        panel=_SEARCH,
        metavar="MODEL",
    )
    patience: int | None = option(
        None,
        "Stop the search after this many consecutive trials without improvement.",
        NumberRule("patience", 20, also=(None,), note="None: never"),
        panel=_SEARCH,
        shared=True,
    )
    precision: str = option(
        "auto",
        "Precision of the trials: auto, 32-true, bf16-mixed.",
        Choices("precision", ("auto", *PRECISIONS)),
        panel=_MACHINE,
    )
    refit_precision: str = option(
        "32-true",
        "Precision of the refit.",
        Choices("refit_precision", PRECISIONS),
        panel=_MACHINE,
    )
    trials_per_gpu: int | None = option(
        None,
        "Trials that share a GPU; as many as fit its memory by default.",
        NumberRule("trials_per_gpu", 2, also=(None,), note="None: as many as its memory holds"),
        panel=_MACHINE,
    )
    trial_timeout_minutes: float | None = option(
        None,
        "Minutes after which a trial is stopped and recorded as failed.",
        NumberRule("trial_timeout_minutes", 60.0, whole=False, low=0, low_open=True, also=(None,)),
        panel=_SEARCH,
        flags=("--trial-timeout",),
        metavar="MINUTES",
        shared=True,
    )
    ray_address: str | None = option(
        None,
        "Address of a Ray cluster, with the backend ray.",
        Text("ray_address", "auto", optional=True),
        panel=_MACHINE,
        metavar="ADDRESS",
        address=True,
    )
    freq: str | int | None = option(
        None,
        "Frequency of the times, such as D, h or ME, or 1 for integers; inferred if not given.",
        metavar="STEP",
        shared=True,
    )
    season_length: int | None = option(
        None,
        "Steps in a season, used to scale intervals; taken from the frequency if not given.",
        NumberRule("season_length", 12, also=(None,), note="None: from freq"),
        panel=_SEARCH,
        shared=True,
    )
    strict_mode: bool = option(
        False,
        "Treat warnings as errors.",
        Flag("strict_mode", example=False),
        flags=("--strict",),
    )
    preset: str = option(
        "balanced",
        "Time of a search without a time budget or a number of trials: quick (1 minute), balanced"
        " (5), best (30).",
        Choices("preset", PRESET_NAMES),
        panel=_SEARCH,
        shared=True,
    )
    ensemble: str | None = option(
        None,
        "How several models, or the trials of one, are combined: auto chooses on the validation"
        " windows; by default auto for several, and the best trial of one.",
        Choices("ensemble", ENSEMBLES, optional=True),
        panel=_SEARCH,
        shared=True,
    )
    exclude: Sequence[str] | None = option(
        None,
        "Models that auto leaves out.",
        Names("exclude", "AutoCES", "model names"),
        panel=_SEARCH,
        metavar="MODEL",
        shared=True,
    )
    sampler: Any = option(
        None,
        "Sampler of Optuna that draws the trials, such as TPESampler; chosen if not given.",
        OptunaObject("sampler", SAMPLERS),
        panel=_SEARCH,
        shared=True,
    )
    pruner: Any = option(
        None,
        "Pruner of Optuna that stops trials, such as HyperbandPruner; chosen if not given.",
        OptunaObject("pruner", PRUNERS),
        panel=_SEARCH,
        shared=True,
    )
    fill_gaps: str | None = option(
        None,
        "Fill missing rows and empty values within a series: zero, ffill, interpolate, or mask to"
        " mark them as not observed.",
        Choices("fill_gaps", FILLS, optional=True),
        panel=_DATA,
        metavar="HOW",
        shared=True,
    )
    calendar: bool | Sequence[str] | None = option(
        None,
        "Columns of the calendar, known in the future: auto, or hour, weekday, month and others.",
        Parts("calendar", "weekday", "parts of the calendar", CALENDAR_PARTS),
        panel=_DATA,
        metavar="PART",
    )
    holidays: str | None = option(
        None,
        "Country whose public holidays are a column known in the future, such as DE or US-CA.",
        Text("holidays", "DE", optional=True),
        panel=_DATA,
        metavar="CODE",
    )
    non_negative: bool | str = option(
        False,
        "Raise forecasts below zero to zero: yes, no, or auto if the data hold no negative value.",
        Switch("non_negative"),
        panel=_DATA,
        metavar="WHEN",
    )

    __signature__ = FieldSignature()

    def __new__(cls, *_values: Any, **options: Any) -> OptimizationConfig:
        """Refuse unknown options, suggesting the names that were probably meant."""
        for name in options:
            if name not in cls.__dataclass_fields__:
                raise InvalidInputError(unknown_option(name, list(cls.__dataclass_fields__)))
        return super().__new__(cls)

    @classmethod
    def declared(cls) -> dict[str, Option]:
        """Return what is declared of each option, by its name.

        Returns
        -------
        dict of str to Option

        Examples
        --------
        >>> OptimizationConfig.declared()["patience"].shared
        True
        """
        return {field.name: field.metadata["option"] for field in fields(cls)}

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
        return {name: o.rule for name, o in cls.declared().items() if o.rule is not None}

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
        """Remember the passwords of addresses, so that no text shows them."""
        for name, known in self.declared().items():
            address = getattr(self, name) if known.address else None
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
