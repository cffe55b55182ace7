"""The `predict` command: forecast with a saved model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk._utils.plain_text import plain_text
from automodel_sk._utils.short_numbers import with_short_numbers
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
    checked_level,
    checked_quantile,
)
from automodel_sk.cli.output import is_terminal, print_json, rows_of
from automodel_sk.cli.reporting import reported
from automodel_sk.cli.tables import check_target, write_table
from automodel_sk.cli.targets import check_writable
from automodel_sk.cli.words import learn
from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.auto_model import AutoModel

__all__ = ["columns_of", "predict"]


@reported
def predict(
    model: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, metavar="MODEL", help="Folder of a saved model."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="DATA",
            help="Series to forecast; the training series if not given.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File for the forecast, .csv, .xlsx or .parquet."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for the forecasts of very many series: Parquet files of 10,000 series"
            " each. A stopped command resumes where it stopped.",
        ),
    ] = None,
    level: Annotated[
        list[float] | None,
        typer.Option(
            metavar="PERCENT",
            help="Level of a prediction interval in percent; repeatable. Without it and --quantile,"
            " the levels that were passed to `fit`.",
            callback=checked_level,
        ),
    ] = None,
    quantile: Annotated[
        list[float] | None,
        typer.Option(
            metavar="SHARE",
            help="Quantile between 0 and 1, instead of --level; repeatable.",
            callback=checked_quantile,
        ),
    ] = None,
    member: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The one model to forecast with, if several were combined; see"
            " `automodel-sk leaderboard`.",
        ),
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
    """Forecast the steps after the end of each series with a saved model.

    Prints CSV unless --output or --to is given.
    """
    _check_apart(level=level, quantile=quantile)
    _check_apart(output=output, to=to)
    _check_places(output, to, (data, futr, static))
    from automodel_sk.auto_model import AutoModel

    loaded = AutoModel.load(model)
    if quantile is None:
        level = level or list(loaded.levels) or None
    asked = Asked(sep, decimal, date_format)
    columns = columns_of(loaded, Columns(id_col, time_col, target_col, asked=asked, wide=wide))
    frame = None
    if data is not None:
        frame, columns = read_series(data, columns, quiet)
    more: dict[str, Any] = {} if member is None else {"member": member_of(loaded, model, member)}
    loaded.columns = columns.remembered()
    if to is not None:
        more["to"] = to
    forecast = loaded.predict(
        frame,
        futr_df=read_beside(futr, columns, ("unique_id", "ds")),
        static_df=read_beside(static, columns),
        level=level,
        quantiles=quantile,
        **more,
    )
    if to is not None:
        _name_files(forecast, to, as_json, quiet)
    else:
        _hand_over(forecast, output, as_json, quiet)


def _check_apart(**options: Any) -> None:
    """Raise if two options that exclude each other are given."""
    first, second = options
    if options[first] and options[second]:
        raise typer.BadParameter(f"--{first} and --{second} exclude each other; pass one of them")


def _check_places(output: Path | None, to: Path | None, inputs: Sequence[Path | None]) -> None:
    """Raise if the forecast can't be written later."""
    if output is not None:
        check_target(output, *inputs)
        check_writable(output.parent, "--output", "forecast.csv")
    if to is not None:
        check_writable(to, "--to", "forecasts")


def _name_files(files: pd.DataFrame, to: Path, as_json: bool, quiet: bool) -> None:
    """Say which files hold the forecasts."""
    rows, count = int(files["n_rows"].sum()), len(files)
    say(f"Forecast: {to} ({rows} rows in {count} file{'' if count == 1 else 's'})", quiet)
    if as_json:
        print_json({"to": to, "rows": rows, "files": rows_of(files)})


def member_of(model: AutoModel, path: Path, name: str) -> str:
    """Return the name of a member in any case; raise if the model has no members."""
    from automodel_sk.portfolio.ensemble import AutoEnsemble

    if not isinstance(model, AutoEnsemble):
        raise InvalidInputError(
            f"{path} is a single model, {model.model_name}; leave out --member {name}"
        )
    return {known.lower(): known for known in model.members}.get(name.lower(), name)


def columns_of(model: AutoModel, columns: Columns) -> Columns:
    """Return the column names, completed by those the model stores."""
    from automodel_sk.data.columns import ColumnNames

    names = zip(model.columns.names, ColumnNames().names, strict=True)
    id_col, time_col, target_col = (name if name != own else None for name, own in names)
    ids = model.state.ids
    only = ids[0] if len(ids) == 1 else None
    numeric = getattr(ids.dtype, "kind", "O") in "iuf"
    read = (*model.state.asked_ahead, *model.state.task.hist_exog)
    known = replace(
        columns,
        id=columns.id or id_col,
        time=columns.time or time_col,
        target=columns.target or target_col,
        series=only,
        id_type=ids.dtype if numeric else str,
        exogenous=read,
        unread=_unread(model, read),
        ids=tuple(ids),
    )
    learn(known)
    return known


def _unread(model: AutoModel, read: Sequence[str]) -> tuple[str, ...]:
    """Return the exogenous columns of an ensemble's training data that no member reads."""
    data = getattr(model.state, "data", None)
    given = () if data is None else (*data.futr_exog, *data.hist_exog)
    return tuple(name for name in given if name not in read)


def _hand_over(forecast: pd.DataFrame, output: Path | None, as_json: bool, quiet: bool) -> None:
    if output is not None:
        write_table(forecast, output)
        say(f"Forecast: {output} ({len(forecast)} rows)", quiet)
    if as_json:
        place = {} if output is None else {"output": output}
        rows = {"forecast": rows_of(forecast)} if output is None else {"rows": len(forecast)}
        print_json(place | rows)
    elif output is None:
        text = with_short_numbers(forecast).to_csv(index=False)
        shown = plain_text(text) if is_terminal() else text
        # Use UTF-8 whatever the terminal's encoding: half a table is worse than garbled letters.
        typer.get_binary_stream("stdout").write(shown.encode())
