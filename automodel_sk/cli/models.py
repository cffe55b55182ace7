"""The `models` command: list the networks and the other models."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

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
    """List the models: networks that can be tuned, and those that are fitted as they are.

    Without --model, a fit draws from those of auto. Of the networks, input is the recommended input
    size. Exogenous variables are F future-known, H historic, S static. A joint model forecasts all
    series together. Minutes of one CPU thread and megabytes are those of 1,000 training steps on a
    small panel.
    """
    from automodel_sk.portfolio.networks import AUTO_NETWORKS

    rows = list(MODEL_CATALOG.values())
    if as_json:
        networks = [
            {**asdict(row), "family": "neural", "in_auto": row.name in AUTO_NETWORKS}
            for row in rows
        ]
        print_json([*networks, *_members()])
    else:
        _show_members()
        _show(rows, AUTO_NETWORKS)


def _members() -> list[dict[str, Any]]:
    """Return the models that are no networks, and what they need."""
    from automodel_sk.arguments.packages import refusal_without
    from automodel_sk.portfolio.members.table import MEMBERS

    return [
        {
            "name": row.name,
            "family": row.family,
            "in_auto": row.in_auto,
            "needs": row.needs,
            "installed": row.needs is None or refusal_without(row.needs, "portfolio") is None,
        }
        for row in MEMBERS.values()
    ]


def _show_members() -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    members = _members()
    title = f"{len(members)} models without a search"
    table = Table(title=title, box=SIMPLE, header_style="bold cyan")
    for heading in ("model", "family", "auto", "needs"):
        table.add_column(heading, no_wrap=True)
    for row in members:
        missing = "" if row["installed"] else f"{row['needs']}, which is not installed"
        table.add_row(
            styled(row["name"], "bold"),
            row["family"],
            "yes" if row["in_auto"] else "",
            styled(missing or row["needs"] or "", "yellow" if missing else ""),
        )
    show(table)


def _show(rows: list[ModelCharacteristics], auto: tuple[str, ...]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(
        title=f"{len(rows)} networks that can be tuned; of auto: {', '.join(auto)}",
        caption="automodel-sk fit data.csv --h 12 --model NAME --model OTHER",
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
