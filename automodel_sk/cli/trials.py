"""The `trials` command: list the trials of a saved model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk.cli.options import Debug, Json, one_of
from automodel_sk.cli.output import print_json, print_line, rows_of, show, styled
from automodel_sk.cli.reporting import reported

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["trials"]

_MODEL = "params_model"
"""Column of the model, where several were searched."""
_COLOURS = {"COMPLETE": "green", "PRUNED": "yellow", "FAIL": "red"}


@reported
def trials(
    model: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, metavar="MODEL", help="Folder of a saved model."
        ),
    ],
    sort: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Sort by number, or by value with the best first.",
            callback=one_of(("number", "value")),
        ),
    ] = "number",
    top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Show only the first N; all by default.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the trials of the search that a saved model comes from.

    The score of a trial is its best on the validation windows, under the name of the metric; step
    is the training step that reached it. Parameters that are the same in all trials are not shown.
    """
    from automodel_sk.persistence.models import load_metric_name, load_trials
    from automodel_sk.trials import trials_frame

    metric = load_metric_name(model)
    frame = _sorted(trials_frame(load_trials(model), metric), sort)[:top]
    if as_json:
        print_json(rows_of(frame))
    elif frame.empty:
        print_line(
            f"{model} has no trials: its configuration was fixed, or the time ended before the"
            " first."
        )
    else:
        show(_table(frame, metric))


def _sorted(frame: pd.DataFrame, sort: str) -> pd.DataFrame:
    """Sort the trials; those without a value come last."""
    by = ["number"] if sort == "number" else ["value", "number"]
    return frame.sort_values(by, na_position="last")


def _table(frame: pd.DataFrame, metric: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    from automodel_sk._utils.plain_text import plain_text
    from automodel_sk.metrics import display_name

    table = Table(box=SIMPLE, header_style="bold cyan")
    several = _MODEL in frame
    score = plain_text(display_name(metric)[:20])
    for heading in ("trial", *(["model"] if several else []), "state", score, "step", "time"):
        is_word = heading in ("model", "state")
        table.add_column(heading, justify="left" if is_word else "right", no_wrap=True)
    table.add_column("parameters")
    complete = frame["value"].where((frame["state"] == "COMPLETE") & frame["reason"].isna())
    searched = _searched(frame)
    for row in rows_of(frame):
        best = row["state"] == "COMPLETE" and row["value"] == complete.min()
        table.add_row(*_cells(row, searched), style="bold" if best else None)
    return table


def _searched(frame: pd.DataFrame) -> list[str]:
    """Return the parameter columns that differ between trials of the same model."""
    columns = [str(name) for name in frame.columns if str(name).startswith("params_")]
    models = frame[_MODEL] if _MODEL in frame else frame["number"] * 0
    return [n for n in columns if frame[n].map(repr).groupby(models).nunique().max() > 1]


def _cells(row: Mapping[str, Any], searched: Iterable[str]) -> list[Any]:
    words = [
        f"{name.removeprefix('params_')} {_figure(row[name])}"
        for name in searched
        if row[name] is not None
    ]
    model = [styled(str(row[_MODEL]), "")] if _MODEL in row else []
    return [
        str(row["number"]),
        *model,
        styled(row["state"].lower(), _COLOURS[row["state"]]),
        "" if row["value"] is None else f"{row['value']:.5g}",
        "" if row["best_step"] is None else f"{row['best_step']:.0f}",
        f"{row['duration']:.1f}s",
        styled(row["reason"] or ", ".join(words), ""),
    ]


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
