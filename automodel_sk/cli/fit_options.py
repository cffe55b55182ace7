"""Options of the command that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automodel_sk.cli.options import checked_model, hours, one_of
from automodel_sk.losses import LOSS_NAMES, METRIC_NAMES

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
    str, typer.Option(help="Model to tune; see `automodel-sk models`.", callback=checked_model)
]
Horizon = Annotated[int, typer.Option("--h", min=1, help="Steps to forecast.")]
ModelFolder = Annotated[
    Path | None, typer.Option(file_okay=False, help="Folder for the model; DATA_MODEL by default.")
]
ForecastFile = Annotated[
    Path | None,
    typer.Option(
        help="File for the forecast, .csv or .parquet; DATA_MODEL_forecast.csv by default."
    ),
]
Loss = Annotated[
    str,
    typer.Option(help=f"Training loss: {', '.join(LOSS_NAMES)}.", callback=one_of(LOSS_NAMES)),
]
Verbose = Annotated[
    bool, typer.Option("--verbose/--quiet", " /-q", help="Show progress and a summary, or not.")
]

NumSamples = Annotated[
    int | None,
    typer.Option(min=1, help="Trials; recommended when left out.", rich_help_panel=_SEARCH),
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        "--time-budget",
        help="Time for search and final training: hours, or 10m, 1h.",
        callback=hours,
        rich_help_panel=_SEARCH,
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help=f"Validation metric: {', '.join(METRIC_NAMES)}; the training loss by default.",
        callback=one_of(METRIC_NAMES),
        rich_help_panel=_SEARCH,
    ),
]
SeasonLength = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Steps of one season, by which intervals are scaled; from --freq when left out.",
        rich_help_panel=_SEARCH,
    ),
]
NWindows = Annotated[
    int, typer.Option(min=1, help="Validation windows of h steps.", rich_help_panel=_SEARCH)
]
StepSize = Annotated[
    int | None,
    typer.Option(
        min=1, help="Steps between validation windows; h by default.", rich_help_panel=_SEARCH
    ),
]
Refit = Annotated[
    str,
    typer.Option(
        help="Final model: full trains anew on all rows, best_weights keeps the best trial's"
        " weights, continue trains on from them.",
        callback=one_of(("full", "best_weights", "continue")),
        rich_help_panel=_SEARCH,
    ),
]
WarmStart = Annotated[
    str | None,
    typer.Option(
        help="A saved model whose best configurations are tried first.", rich_help_panel=_SEARCH
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="End the search after so many trials without a better one.",
        rich_help_panel=_SEARCH,
    ),
]
TrialTimeout = Annotated[
    float | None,
    typer.Option(
        "--trial-timeout", help="Minutes after which a trial has failed.", rich_help_panel=_SEARCH
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        help="Precision of the trials: auto, 32-true, bf16-mixed.", rich_help_panel=_MACHINE
    ),
]
RefitPrecision = Annotated[
    str, typer.Option(help="Precision of the final training.", rich_help_panel=_MACHINE)
]
TrialsPerGpu = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Trials that share a GPU; as many as fit when left out.",
        rich_help_panel=_MACHINE,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="Ray cluster to search on, with --backend ray.", rich_help_panel=_MACHINE),
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
    int, typer.Option("--seed", min=0, help="Seed of search and models.", rich_help_panel=_SEARCH)
]
StudyName = Annotated[
    str | None,
    typer.Option(
        help="Name of the study; the same command with it goes on where a search stopped.",
        rich_help_panel=_SEARCH,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        help="Where trials are kept: a folder (automodel_sk_runs by default), a database URL,"
        " or :memory:.",
        rich_help_panel=_SEARCH,
    ),
]
Resume = Annotated[
    str,
    typer.Option(
        help="If the study exists: auto goes on with it, never refuses, overwrite starts anew.",
        callback=one_of(("auto", "never", "overwrite")),
        rich_help_panel=_SEARCH,
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        help="Library that searches: optuna or ray.",
        callback=one_of(("optuna", "ray")),
        rich_help_panel=_MACHINE,
    ),
]
Cpus = Annotated[float | None, typer.Option(help="CPUs to use in all.", rich_help_panel=_MACHINE)]
Gpus = Annotated[float | None, typer.Option(help="GPUs to use in all.", rich_help_panel=_MACHINE)]
Mlflow = Annotated[
    bool,
    typer.Option("--mlflow/--no-mlflow", help="Track in MLflow.", rich_help_panel=_TRACKING),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="MLflow server or database; the file mlflow.db by default.", rich_help_panel=_TRACKING
    ),
]
Experiment = Annotated[
    str, typer.Option("--mlflow-experiment", help="MLflow experiment.", rich_help_panel=_TRACKING)
]
