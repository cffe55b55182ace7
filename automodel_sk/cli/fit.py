"""The command that tunes, fits, saves and forecasts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from automodel_sk.cli import fit_options as of
from automodel_sk.cli.inputs import Columns, read_beside, read_series, say
from automodel_sk.cli.options import (
    Config,
    Data,
    Debug,
    Freq,
    FutrExog,
    FutrFile,
    HistExog,
    IdCol,
    Level,
    StatExog,
    StaticFile,
    Strict,
    TargetCol,
    TimeCol,
    static_columns,
)
from automodel_sk.cli.reporting import INTERRUPTED, reported
from automodel_sk.cli.space_file import read_space
from automodel_sk.cli.tables import check_target, write_table
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.auto_model import AutoModel

__all__ = ["fit"]


@reported
def fit(
    ctx: typer.Context,
    data: Data,
    model: of.Model,
    h: of.Horizon,
    output: of.ModelFolder = None,
    forecast: of.ForecastFile = None,
    level: Level = None,
    loss: of.Loss = "mae",
    freq: Freq = None,
    strict_mode: Strict = False,
    verbose: of.Verbose = True,
    debug: Debug = False,
    config: Config = None,
    num_samples: of.NumSamples = None,
    time_budget_hours: of.TimeBudget = None,
    metric: of.Metric = None,
    n_windows: of.NWindows = 1,
    step_size: of.StepSize = None,
    refit: of.Refit = "full",
    warm_start: of.WarmStart = None,
    patience: of.Patience = None,
    trial_timeout_minutes: of.TrialTimeout = None,
    season_length: of.SeasonLength = None,
    use_pruning: of.Pruning = True,
    random_seed: of.Seed = 42,
    study_name: of.StudyName = None,
    storage: of.Storage = None,
    resume: of.Resume = "auto",
    id_col: IdCol = None,
    time_col: TimeCol = None,
    target_col: TargetCol = None,
    futr_exog: FutrExog = None,
    hist_exog: HistExog = None,
    futr: FutrFile = None,
    static: StaticFile = None,
    stat_exog: StatExog = None,
    backend: of.Backend = "optuna",
    cpus: of.Cpus = None,
    gpus: of.Gpus = None,
    trials_per_gpu: of.TrialsPerGpu = None,
    precision: of.Precision = "auto",
    refit_precision: of.RefitPrecision = "32-true",
    ray_address: of.RayAddress = None,
    use_mlflow: of.Mlflow = True,
    mlflow_tracking_uri: of.TrackingUri = None,
    mlflow_experiment_name: of.Experiment = "automodel_sk",
) -> None:
    """Tune a model on a table, fit it on all rows, save it and forecast.

    The data is checked first, and what is wrong said in a sentence. Ctrl-C keeps the finished
    trials; the same command with the study's name goes on with them.
    """
    # Every field of OptimizationConfig is a parameter of its name.
    options = {field.name: ctx.params[field.name] for field in fields(OptimizationConfig)}
    options["study_name"] = study_name or _study_name(data, model, h)
    targets = _Targets.choose(data, model, output, forecast)
    space = read_space(config)
    frame, columns = read_series(data, Columns(id_col, time_col, target_col), quiet=not verbose)
    future, static_df = read_beside(futr, columns), read_beside(static, columns)
    _check_future(future, futr_exog or [])
    exogenous = {
        "futr_exog_list": futr_exog,
        "hist_exog_list": hist_exog,
        "stat_exog_list": static_columns(static_df, stat_exog),
        "static_df": static_df,
    }
    fitted = _search(model, h, frame, space, loss, exogenous, options)
    fitted.save(targets.model)
    typer.echo(f"Model: {targets.model}")
    if future is None and fitted.profile is not None and fitted.profile.futr_exog:
        say(_how_to_forecast(targets, fitted.profile.futr_exog))
        return
    result = fitted.predict(futr_df=future, level=level)
    if level:
        fitted.save(targets.model)  # again, with what its intervals were calibrated by
    write_table(columns.restored(result), targets.forecast)
    typer.echo(f"Forecast: {targets.forecast} ({len(result)} rows)")


@dataclass(frozen=True)
class _Targets:
    """Where a fit's results go."""

    model: Path
    forecast: Path

    @classmethod
    def choose(cls, data: Path, model: str, folder: Path | None, forecast: Path | None) -> _Targets:
        """Return the targets, checked before hours are spent on what goes there."""
        folder = folder or Path(f"{_stem(data)}_{model}")
        forecast = forecast or folder.with_name(f"{folder.name}_forecast.csv")
        check_target(forecast)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "automodel.json").exists():
            raise InvalidInputError(
                f"{folder} exists and is no saved model; pass another folder,"
                f" for example --output {folder}-model"
            )
        return cls(folder, forecast)


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _study_name(data: Path, model: str, h: int) -> str:
    """Return a name that no earlier search has."""
    return f"{_stem(data)}-{model}-h{h}-{datetime.now():%Y%m%d-%H%M%S}"


def _check_future(future: pd.DataFrame | None, needed: list[str]) -> None:
    """Raise where the forecast would fail, after the search, for want of columns."""
    if future is None:
        return
    missing = [c for c in ("unique_id", "ds", *needed) if c not in future.columns]
    if missing:
        raise InvalidInputError(
            f"the file of --futr lacks the column {missing[0]!r}, it has"
            f" {', '.join(map(repr, map(str, future.columns)))}; add it for the steps to forecast"
        )


def _search(
    model: str,
    h: int,
    frame: pd.DataFrame,
    space: dict[str, Any] | None,
    loss: str,
    exogenous: dict[str, Any],
    options: dict[str, Any],
) -> AutoModel:
    """Search and fit; where that is interrupted, say how to go on."""
    try:
        from automodel_sk.auto_model_factory import create_auto_model

        return create_auto_model(model, h, frame, space, loss, **exogenous, **options)
    except KeyboardInterrupt:
        say(_how_to_go_on(options))
        raise typer.Exit(INTERRUPTED) from None


def _how_to_go_on(options: dict[str, Any]) -> str:
    from automodel_sk.search.storage import StudyLocation

    location = StudyLocation(options["study_name"], options["storage"])
    if location.in_memory:
        return "Interrupted: no trial was kept, as --storage is :memory:."
    return (
        f"Interrupted: finished trials are kept in {location}; to go on with them, run the same"
        f" command with --study-name {options['study_name']}"
    )


def _how_to_forecast(targets: _Targets, columns: tuple[str, ...]) -> str:
    return (
        f"No forecast was made: it needs the future values of {', '.join(columns)};"
        f" pass them to: automodel-sk predict {targets.model} --futr future.csv"
    )
