"""The `models` command: list the models."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from automodel_sk.catalog.models import MODEL_CATALOG, ModelCharacteristics
from automodel_sk.cli.options import Debug, Json
from automodel_sk.cli.output import print_json, show, styled
from automodel_sk.cli.reporting import reported

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["models"]

_HEADINGS = ("model", "complexity", "input", "exogenous", "joint", "minutes", "MB")
_COLOURS = {"simple": "green", "moderate": "yellow", "complex": "red"}
_NUMERIC = ("minutes", "MB")


@reported
def models(
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the models that can be tuned.

    Input is the recommended input size. Exogenous variables are F future-known, H historic, S
    static. A joint model forecasts all series together. Minutes of one CPU thread and megabytes are
    those of 1,000 training steps on a small panel.
    """
    rows = list(MODEL_CATALOG.values())
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        _show(rows)


def _show(rows: list[ModelCharacteristics]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(
        title=f"{len(rows)} models",
        caption="automodel-sk fit data.csv --model NAME",
        box=SIMPLE,
        header_style="bold cyan",
    )
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _NUMERIC else "left", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    show(table)


def _cells(row: ModelCharacteristics) -> list[RenderableType]:
    low, high = row.recommended_input_size_range
    kinds = {
        "F": row.supports_future_exogenous,
        "H": row.supports_historic_exogenous,
        "S": row.supports_static,
    }
    return [
        styled(row.name, "bold"),
        styled(row.complexity.value, _COLOURS[row.complexity.value]),
        f"{low}-{high}",
        " ".join(letter if has else " " for letter, has in kinds.items()),
        "yes" if row.multivariate else "",
        _figure(row.typical_training_time_minutes, ".2f"),
        _figure(row.memory_footprint_mb, ".0f"),
    ]


def _figure(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)
