"""The `fit` command: tune, fit, save and forecast."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from automodel_sk.cli import fit_options as of
from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.future import future_errors
from automodel_sk.cli.inputs import Columns, read_beside, read_series, say
from automodel_sk.cli.mappings import read_mapping
from automodel_sk.cli.model_names import Model, label_of, single_or_several
from automodel_sk.cli.options import (
    Data,
    DateFormat,
    Debug,
    Decimal,
    FutrExog,
    FutrFile,
    HistExog,
    IdCol,
    Json,
    Level,
    Separator,
    Space,
    StatExog,
    StaticFile,
    TargetCol,
    TimeCol,
    Wide,
    static_columns,
)
from automodel_sk.cli.output import print_json, print_line, rows_of
from automodel_sk.cli.reporting import reported
from automodel_sk.cli.run_file import RunFile, command_of, inline_space, write_run
from automodel_sk.cli.space_file import spaces_from_json
from automodel_sk.cli.tables import base_name, write_table
from automodel_sk.cli.targets import Targets, save_somewhere
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.auto_model import AutoModel
    from automodel_sk.auto_model_factory import AutoModelFactory
    from automodel_sk.search.study.storage import StudyLocation

__all__ = ["fit"]


@reported
@of.takes_options()
def fit(
    ctx: typer.Context,
    data: Data,
    h: of.Horizon,
    model: Model = None,
    config: RunFile = None,
    output: of.ModelFolder = None,
    forecast: of.ForecastFile = None,
    level: Level = None,
    loss: of.Loss = "mae",
    as_json: Json = False,
    debug: Debug = False,
    space_file: Space = None,
    id_col: IdCol = None,
    time_col: TimeCol = None,
    target_col: TargetCol = None,
    sep: Separator = None,
    decimal: Decimal = None,
    date_format: DateFormat = None,
    wide: Wide = False,
    futr_exog: FutrExog = None,
    hist_exog: HistExog = None,
    futr: FutrFile = None,
    static: StaticFile = None,
    stat_exog: StatExog = None,
    **options: Any,
) -> None:
    """Tune one or several models on a table, fit them on all rows, save them and forecast.

    Without --model, naive, statistical, tree and neural models are tried within five minutes, and
    the best are combined; --time-budget and --preset change the time. The data is validated first.
    All options are written to a run file next to the model; --config repeats the run from it.
    Ctrl-C keeps the finished trials and says how to resume.
    """
    models, label = single_or_several(model), label_of(model)
    options["study_name"] = options["study_name"] or _study_name(data, label, h)
    targets = Targets.choose(data, label, output, forecast, futr, static)
    run = _Run(
        ctx, targets, models, inline_space(ctx) if space_file is None else read_mapping(space_file)
    )
    domains = spaces_from_json(run.space, models)
    say(f"Reading {data} ...", quiet=not options["verbose"])
    asked = Asked(sep, decimal, date_format)
    frame, columns = read_series(
        data,
        Columns(
            id_col,
            time_col,
            target_col,
            asked=asked,
            wide=wide,
            exogenous=(*(futr_exog or ()), *(hist_exog or ())),
        ),
        quiet=not options["verbose"],
    )
    future, static_df = (
        read_beside(futr, columns, ("unique_id", "ds")),
        read_beside(static, columns),
    )
    if future is not None:
        _check_future(future, frame, ctx.params)
    exogenous: dict[str, Any] = {
        "futr_exog_list": futr_exog,
        "hist_exog_list": hist_exog,
        "stat_exog_list": static_columns(static_df, stat_exog),
        "static_df": static_df,
    }
    from automodel_sk.cli.search import CommandLineFactory

    factory = CommandLineFactory(models, h, OptimizationConfig(**options), run.interrupted)
    id_col, time_col, target_col = columns.remembered().names
    fitted = factory.create_auto_model(
        columns.restored(frame),
        domains,
        loss,
        **exogenous,
        id_col=id_col,
        time_col=time_col,
        target_col=target_col,
    )
    fitted.levels = tuple(level or ())
    save_somewhere(fitted, targets.model)
    run.write()
    result = _forecast(fitted, future, level, targets)
    if result is not None:
        write_table(columns.restored(result), targets.forecast)
    _print_results(targets, result, _details(factory, fitted) if as_json else None)


@dataclass(frozen=True)
class _Run:
    """The options of a run, in a form that can be written and repeated."""

    ctx: typer.Context
    targets: Targets
    models: str | list[str]
    space: dict[str, Any] | None

    def write(self) -> list[str] | None:
        """Write the run file and return the secrets it omits; None if the run came from this file.

        A run file that the user provided is left unchanged.
        """
        path, read = self.targets.run, self.ctx.params["config"]
        if read is not None and path.resolve() == read.resolve():
            return None
        from automodel_sk.search.study.storage import DEFAULT_FOLDER

        storage = self.ctx.params["storage"] or DEFAULT_FOLDER
        effective = {
            "model": self.models,
            "output": self.targets.model,
            "storage": storage,
        }
        return write_run(path, self.ctx, effective, self.space)

    def interrupted(self, location: StudyLocation) -> None:
        """Say how to resume the search."""
        if location.in_memory:
            say("No trials were kept because --storage is :memory:.")
            return
        secrets, name = self.write(), location.study_name
        command = (
            f"the same command with --study-name {shlex.quote(name)}"
            if secrets is None
            else command_of(self.targets.run, secrets, study_name=name)
        )
        say(f"Finished trials are kept in {location}.\nTo resume:\n  {command}")


def _study_name(data: Path, label: str, h: int) -> str:
    """Return a name that no earlier search used."""
    return f"{base_name(data)}-{label}-h{h}-{datetime.now():%Y%m%d-%H%M%S}"


def _check_future(future: pd.DataFrame, frame: pd.DataFrame, asked: dict[str, Any]) -> None:
    """Raise where the forecast would fail, after the search, for want of future values."""
    errors = future_errors(future, asked["futr_exog"] or (), frame, asked["h"], asked["freq"])
    if errors:
        raise InvalidInputError("\n".join(errors))


def _forecast(
    fitted: AutoModel, future: pd.DataFrame | None, level: list[float] | None, targets: Targets
) -> pd.DataFrame | None:
    """Forecast, or say how to if future values are required and were not given."""
    if future is None and fitted.state.asked_ahead:
        say(
            f"No forecast was made: it needs the future values of"
            f" {', '.join(fitted.state.asked_ahead)}; pass them to:"
            f" automodel-sk predict {targets.model} --futr future.csv"
        )
        return None
    result = fitted.predict(futr_df=future, level=level)
    if level:
        fitted.save(targets.model)  # save again, now with the calibration of the intervals
    return result


def _details(factory: AutoModelFactory, fitted: AutoModel) -> dict[str, Any]:
    """Return the summary of the search, and the leaderboard of several models."""
    from automodel_sk.portfolio.ensemble import AutoEnsemble

    summary = {"summary": dict(factory.get_optimization_summary())}
    if not isinstance(fitted, AutoEnsemble):
        return summary
    return {**summary, "leaderboard": rows_of(fitted.leaderboard())}


def _print_results(
    targets: Targets, result: pd.DataFrame | None, details: dict[str, Any] | None
) -> None:
    """Say where the results are; as JSON, with details, if the user asked for it."""
    forecast = None if result is None else {"path": targets.forecast, "rows": len(result)}
    if details is not None:
        places = {"model": targets.model, "run": targets.run, "forecast": forecast}
        print_json({**places, **details})
        return
    print_line(f"Model: {targets.model}")
    if forecast is not None:
        print_line(f"Forecast: {targets.forecast} ({forecast['rows']} rows)")
    print_line(f"Run: {command_of(targets.run)}")
