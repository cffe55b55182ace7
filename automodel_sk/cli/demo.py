"""The `demo` command: run a search from beginning to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automodel_sk.cli.options import Debug
from automodel_sk.cli.reporting import reported

__all__ = ["demo"]


@reported
def demo(
    output: Annotated[
        Path, typer.Option(file_okay=False, metavar="FOLDER", help="Folder for the output.")
    ] = Path("demo_output"),
    debug: Debug = False,
) -> None:
    """Combine several models on two monthly series and compare them with a naive forecast.

    The series are air passengers. Takes about a minute. Writes the forecast, a plot, a report, the
    model and the MLflow store.
    """
    from automodel_sk.cli.demo_search import run_demo

    run_demo(output, typer.echo)
