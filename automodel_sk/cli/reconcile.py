"""The `reconcile` command: make the forecasts of a hierarchy add up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.inputs import Columns, read_beside, say
from automodel_sk.cli.options import Debug, Decimal, IdCol, Json, Separator, one_of
from automodel_sk.cli.output import print_json, print_line
from automodel_sk.cli.predict import columns_of
from automodel_sk.cli.reporting import reported
from automodel_sk.cli.targets import check_model_folder, save_somewhere

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.auto_model import AutoModel

__all__ = ["reconcile"]


def _checked_method(name: str | None) -> str | None:
    """Return the method's name; list all if it is unknown."""
    from automodel_sk.forecasting.reconciliation import METHODS

    return one_of(METHODS)(name)


@reported
def reconcile(
    model: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, metavar="MODEL", help="Folder of a saved model."
        ),
    ],
    hierarchy: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="HIERARCHY",
            help="File of the summing matrix: a row for each series, and a column for each bottom"
            " series, 1 where it is part of the row's series and 0 elsewhere.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Where the forecasts of bottom series come from: bottom_up, ols, wls_struct,"
            " wls_var, mint_shrink or mint_cov.",
            callback=_checked_method,
        ),
    ] = "mint_shrink",
    output: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            metavar="FOLDER",
            help="Folder for the reconciled model; MODEL_coherent by default.",
        ),
    ] = None,
    id_col: IdCol = None,
    sep: Separator = None,
    decimal: Decimal = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make the forecasts of a hierarchy add up: shops to regions, regions to a country.

    Writes a model whose forecasts are coherent, for predict and report. Trains nothing, unless a
    single model has too few errors of past forecasts for the method; then it trains once.
    """
    from automodel_sk.auto_model import AutoModel

    target = output or model.with_name(f"{model.resolve().name}_coherent")
    check_model_folder(target)
    loaded = AutoModel.load(model)
    columns = columns_of(loaded, Columns(id_col, asked=Asked(sep, decimal)))
    matrix = read_beside(hierarchy, columns)
    assert matrix is not None
    coherent = loaded.reconcile(_of_ids(matrix, columns), method=method)
    if coherent.levels and not _has_intervals(coherent):
        say(
            "The forecasts get no intervals: these need errors of all series in the validation"
            " windows, and some series are too short for them."
        )
        coherent.levels = ()
    save_somewhere(coherent, target)
    if as_json:
        print_json({"model": target, "method": method})
    else:
        print_line(f"Model: {target}")


def _has_intervals(model: AutoModel) -> bool:
    """Return whether an ensemble's windows have all series of the hierarchy."""
    from automodel_sk.portfolio.ensemble import AutoEnsemble

    if not isinstance(model, AutoEnsemble) or model.state.reconciliation is None:
        return True
    judged = model.state.record.windows().ids
    return judged is None or judged.equals(model.state.reconciliation.ids)


def _of_ids(matrix: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return a summing matrix whose columns have the type of the ids: a header is text."""
    names = matrix.columns.drop("unique_id")
    own = names.astype(str) if columns.id_type is str else names.astype(columns.id_type)
    return matrix.rename(columns=dict(zip(names, own, strict=True)))
