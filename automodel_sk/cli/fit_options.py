"""Options of the `fit` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automodel_sk.catalog.losses import LOSS_NAMES
from automodel_sk.cli.options import checked_metric, checked_model, complete_model, hours, one_of

__all__ = [
    "Backend",
    "Cpus",
    "Experiment",
    "ForecastFile",
    "Gpus",
    "Horizon",
    "Loss",
    "Metric",
    "Mlflow",
    "Model",
    "ModelFolder",
    "NWindows",
    "NumSamples",
    "Pruning",
    "RegisterAs",
    "Resume",
    "SeasonLength",
    "Seed",
    "Storage",
    "StudyName",
    "TimeBudget",
    "TrackingUri",
    "Verbose",
]

_SEARCH, _TRACKING, _MACHINE = "Search", "Tracking", "Machine"

Model = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Model to tune; see `automodel-sk models`.",
        callback=checked_model,
        autocompletion=complete_model,
    ),
]
Horizon = Annotated[int, typer.Option("--h", min=1, metavar="N", help="Steps to forecast.")]
ModelFolder = Annotated[
    Path | None,
    typer.Option(
        file_okay=False,
        metavar="FOLDER",
        help="Folder for the model; DATA_MODEL by default. The run file goes beside it.",
    ),
]
ForecastFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File for the forecast, .csv or .parquet; DATA_MODEL_forecast.csv by default.",
    ),
]
Loss = Annotated[
    str,
    typer.Option(
        metavar="NAME", help=f"Training loss: {', '.join(LOSS_NAMES)}.", callback=one_of(LOSS_NAMES)
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose/--quiet", " /-q", help="Show progress and a summary, or not.")
]

NumSamples = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Trials; recommended when left out.", rich_help_panel=_SEARCH
    ),
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        "--time-budget",
        metavar="TIME",
        help="Time for search and final training: hours, or 10m, 1h.",
        callback=hours,
        rich_help_panel=_SEARCH,
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Validation metric, such as mae, smape or mase; the training loss by default.",
        callback=checked_metric,
        rich_help_panel=_SEARCH,
    ),
]
SeasonLength = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Steps of one season, by which intervals are scaled; from --freq when left out.",
        rich_help_panel=_SEARCH,
    ),
]
NWindows = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Validation windows of h steps.", rich_help_panel=_SEARCH
    ),
]
StepSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Steps between validation windows; h by default.",
        rich_help_panel=_SEARCH,
    ),
]
Refit = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="Final model: full trains anew on all rows, best_weights keeps the best trial's"
        " weights, continue trains on from them.",
        callback=one_of(("full", "best_weights", "continue")),
        rich_help_panel=_SEARCH,
    ),
]
WarmStart = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="A saved model whose best configurations are tried first.",
        rich_help_panel=_SEARCH,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="End the search after so many trials without a better one.",
        rich_help_panel=_SEARCH,
    ),
]
TrialTimeout = Annotated[
    float | None,
    typer.Option(
        "--trial-timeout",
        metavar="MINUTES",
        help="Minutes after which a trial has failed.",
        rich_help_panel=_SEARCH,
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Precision of the trials: auto, 32-true, bf16-mixed.",
        rich_help_panel=_MACHINE,
    ),
]
RefitPrecision = Annotated[
    str,
    typer.Option(metavar="NAME", help="Precision of the final training.", rich_help_panel=_MACHINE),
]
TrialsPerGpu = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Trials that share a GPU; as many as fit when left out.",
        rich_help_panel=_MACHINE,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Ray cluster to search on, with --backend ray.",
        rich_help_panel=_MACHINE,
    ),
]
Pruning = Annotated[
    bool,
    typer.Option(
        "--pruning/--no-pruning",
        help="Stop trials that fall behind, or run every one to its end.",
        rich_help_panel=_SEARCH,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", min=0, metavar="N", help="Seed of search and models.", rich_help_panel=_SEARCH
    ),
]
StudyName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Name of the study; the same command with it goes on where a search stopped.",
        rich_help_panel=_SEARCH,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="Where trials are kept: a folder (automodel_sk_runs by default), a database URL,"
        " or :memory:.",
        rich_help_panel=_SEARCH,
    ),
]
Resume = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="If the study exists: auto goes on with it, never refuses, overwrite starts anew.",
        callback=one_of(("auto", "never", "overwrite")),
        rich_help_panel=_SEARCH,
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Library that searches: optuna or ray.",
        callback=one_of(("optuna", "ray")),
        rich_help_panel=_MACHINE,
    ),
]
Cpus = Annotated[
    float | None, typer.Option(metavar="N", help="CPUs to use in all.", rich_help_panel=_MACHINE)
]
Gpus = Annotated[
    float | None, typer.Option(metavar="N", help="GPUs to use in all.", rich_help_panel=_MACHINE)
]
Mlflow = Annotated[
    bool,
    typer.Option("--mlflow/--no-mlflow", help="Track in MLflow.", rich_help_panel=_TRACKING),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="MLflow server or database; the file mlflow.db by default.",
        rich_help_panel=_TRACKING,
    ),
]
Experiment = Annotated[
    str,
    typer.Option(
        "--mlflow-experiment", metavar="NAME", help="MLflow experiment.", rich_help_panel=_TRACKING
    ),
]
RegisterAs = Annotated[
    str | None,
    typer.Option(
        "--mlflow-register-as",
        metavar="NAME",
        help="Name in MLflow's registry for the fitted model.",
        rich_help_panel=_TRACKING,
    ),
]
