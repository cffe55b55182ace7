"""The `leaderboard` command: the models that were tried, and what they weigh in the ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.inputs import Columns, read_beside, read_series, say
from automodel_sk.cli.options import (
    DateFormat,
    Debug,
    Decimal,
    FutrFile,
    IdCol,
    Json,
    Quiet,
    Separator,
    StaticFile,
    TargetCol,
    TimeCol,
    Wide,
)
from automodel_sk.cli.output import print_json, rows_of, show, styled
from automodel_sk.cli.predict import columns_of
from automodel_sk.cli.reporting import reported
from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from automodel_sk.portfolio.ensemble import AutoEnsemble

__all__ = ["leaderboard"]

_SHOWN = {
    "model": "model",
    "member": "member",
    "score": "score",
    "skill": "skill",
    "weight": "weight",
    "seconds": "seconds",
    "mae": "later MAE",
    "rmse": "later RMSE",
    "mase": "later MASE",
    "state": "state",
}
"""The columns of the table and their headings; the JSON has all."""
_TEXT = ("model", "member", "state")
_FORMATS = {"skill": ".0%", "weight": ".2f", "seconds": ".1f"}


@reported
def leaderboard(
    model: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, metavar="MODEL", help="Folder of a saved model."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Series with rows after the training data; adds the errors on these rows.",
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Show only the first N; all by default.")
    ] = None,
    futr: FutrFile = None,
    static: StaticFile = None,
    id_col: IdCol = None,
    time_col: TimeCol = None,
    target_col: TargetCol = None,
    sep: Separator = None,
    decimal: Decimal = None,
    date_format: DateFormat = None,
    wide: Wide = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the models that were tried, the best first, and their weights in the forecast.

    Score is the mean error on the validation windows; that of the ensemble is measured on windows
    that its weights were not chosen by. Skill is the improvement on the seasonal-naive forecast.
    Nothing is trained.
    """
    from automodel_sk._utils.by_reason import by_reason
    from automodel_sk.auto_model import AutoModel

    if data is None and (futr or static):
        raise typer.BadParameter("--futr and --static go with --data; try --data later.csv")
    loaded = _several(AutoModel.load(model), model)
    rows: dict[str, Any] = {}
    if data is not None:
        asked = Asked(sep, decimal, date_format)
        columns = columns_of(loaded, Columns(id_col, time_col, target_col, asked=asked, wide=wide))
        rows["test_df"], columns = read_series(data, columns, quiet)
        rows["futr_df"] = read_beside(futr, columns, ("unique_id", "ds"))
        rows["static_df"] = read_beside(static, columns)
        loaded.columns = columns.remembered()
    table = loaded.leaderboard(**rows)[:top]
    if as_json:
        metric = loaded.state.record.metric_name
        document = {"metric": metric, "leaderboard": rows_of(table)}
        print_json({**document, "left_out": loaded.left_out})
        return
    say(_metric_line(loaded), quiet)
    show(_table(table))
    for names, reason in by_reason(loaded.left_out):
        say(f"left out: {names}: {reason}", quiet)


def _several(model: Any, path: Path) -> AutoEnsemble:
    """Return a model of several, or raise what to do for a single one."""
    from automodel_sk.portfolio.ensemble import AutoEnsemble

    if not isinstance(model, AutoEnsemble):
        raise InvalidInputError(
            f"{path} is a single model, {model.model_name}, without a leaderboard; its trials:"
            f" automodel-sk trials {path}"
        )
    return model


def _metric_line(model: AutoEnsemble) -> str:
    """Return what the scores are."""
    from automodel_sk.portfolio.conclusion import outcome_of

    return outcome_of(model).sentence()


def _table(table: pd.DataFrame) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    shown = [name for name in _SHOWN if name in table.columns]
    rendered = Table(box=SIMPLE, header_style="bold cyan")
    for name in shown:
        rendered.add_column(
            _SHOWN[name], justify="left" if name in _TEXT else "right", no_wrap=True
        )
    for row in rows_of(table):
        used = bool(row["weight"])
        rendered.add_row(*(_cell(name, row[name]) for name in shown), style="bold" if used else "")
    return rendered


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return ""
    if name in _TEXT:
        return styled(value.lower() if name == "state" else str(value), "")
    return format(value, _FORMATS.get(name, ".4g"))
