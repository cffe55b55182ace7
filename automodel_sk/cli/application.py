"""The command-line application and its entry point."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from automodel_sk import __version__
from automodel_sk.cli import (
    demo,
    fit,
    leaderboard,
    models,
    predict,
    reconcile,
    report,
    trials,
    validate,
    worker,
)
from automodel_sk.cli.usage import Command, Commands

__all__ = ["app", "main"]

app = typer.Typer(
    name="automodel-sk",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tune forecasting models on a table of time series.",
    epilog="Exit status: 0 done, 1 data, configuration or search failed, 2 wrong usage,"
    " 130 interrupted, 143 terminated (128 and the signal's number).",
)
app.command("fit", cls=Command)(fit.fit)
app.command("predict", cls=Command)(predict.predict)
app.command("leaderboard", cls=Command)(leaderboard.leaderboard)
app.command("reconcile", cls=Command)(reconcile.reconcile)
app.command("trials", cls=Command)(trials.trials)
app.command("report", cls=Command)(report.report)
app.command("models", cls=Command)(models.models)
app.command("validate", cls=Command)(validate.validate)
app.command("worker", cls=Command)(worker.worker)
app.command("demo", cls=Command)(demo.demo)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"automodel-sk {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Tune forecasting models on a table of time series."""


def main() -> None:
    """Run the command line; entry point of ``automodel-sk``."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    app(prog_name="automodel-sk")
