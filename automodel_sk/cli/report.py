"""The `report` command: write a report about a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.inputs import Columns, read_beside, say
from automodel_sk.cli.options import (
    DateFormat,
    Debug,
    Decimal,
    FutrFile,
    IdCol,
    Quiet,
    Separator,
    TargetCol,
    TimeCol,
    Wide,
)
from automodel_sk.cli.predict import columns_of
from automodel_sk.cli.reporting import reported

__all__ = ["report"]


@reported
def report(
    model: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, metavar="FOLDER", help="Folder of a saved model."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", dir_okay=False, metavar="FILE", help="The page.")
    ] = Path("report.html"),
    futr: FutrFile = None,
    id_col: IdCol = None,
    time_col: TimeCol = None,
    target_col: TargetCol = None,
    sep: Separator = None,
    decimal: Decimal = None,
    date_format: DateFormat = None,
    wide: Wide = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a report about a saved model: its accuracy, its forecasts, the search.

    The report is a single HTML file that needs no network. Trains a single model's configuration
    once more, to forecast past steps that it was not trained on; several models were judged on such
    steps by their search.
    """
    say(f"Reading {model} ...", quiet)
    from automodel_sk.auto_model import AutoModel

    loaded = AutoModel.load(model)
    asked = Asked(sep, decimal, date_format)
    columns = columns_of(loaded, Columns(id_col, time_col, target_col, asked=asked, wide=wide))
    future = read_beside(futr, columns, ("unique_id", "ds"))
    loaded.columns = columns.remembered()
    written = loaded.report(output, futr_df=future)
    say(f"Report: {written}", quiet)
