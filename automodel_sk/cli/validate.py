"""The command that checks data and configuration without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk.cli.inputs import Columns, read_beside, read_series
from automodel_sk.cli.options import (
    Config,
    Data,
    Debug,
    Freq,
    FutrExog,
    HistExog,
    IdCol,
    StatExog,
    StaticFile,
    Strict,
    TargetCol,
    TimeCol,
    checked_model,
    static_columns,
)
from automodel_sk.cli.reporting import reported
from automodel_sk.cli.space_file import read_space

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.validation import ValidationResult

__all__ = ["validate"]


@reported
def validate(
    data: Data,
    model: Annotated[
        str | None,
        typer.Option(help="Model to check the data and the space for.", callback=checked_model),
    ] = None,
    h: Annotated[int | None, typer.Option(min=1, help="Steps to forecast.")] = None,
    config: Config = None,
    freq: Freq = None,
    id_col: IdCol = None,
    time_col: TimeCol = None,
    target_col: TargetCol = None,
    futr_exog: FutrExog = None,
    hist_exog: HistExog = None,
    static: StaticFile = None,
    stat_exog: StatExog = None,
    strict: Strict = False,
    debug: Debug = False,
) -> None:
    """Check data, and with --model and --h a search on it, without training.

    Lists every error and warning with its fix. The exit status is 1 where there is an error.
    """
    if (model is not None or config is not None) and (model is None or h is None):
        raise typer.BadParameter("--model, --config and --h go together; try --model NHITS --h 12")
    frame, columns = read_series(data, Columns(id_col, time_col, target_col))
    static_df = read_beside(static, columns)
    wanted = {
        "freq": freq,
        "futr_exog": futr_exog or [],
        "hist_exog": hist_exog or [],
        "stat_exog": static_columns(static_df, stat_exog),
        "static_df": static_df,
    }
    result = _check(frame, model, h, config, strict, wanted)
    _show(data, frame, result, wanted)
    if not result.is_valid:
        raise typer.Exit(1)


def _check(
    frame: pd.DataFrame,
    model: str | None,
    h: int | None,
    config: Path | None,
    strict: bool,
    wanted: dict[str, Any],
) -> ValidationResult:
    """Check the data alone, or all that a search needs where a model is named."""
    from automodel_sk.data.preparation import read_times
    from automodel_sk.validation import DataValidator, validate_all

    frame = read_times(frame)
    if model is None:
        return DataValidator(strict).validate_dataset(frame, h=h, **wanted)
    lists = {f"{kind}_list": wanted[kind] for kind in ("futr_exog", "hist_exog", "stat_exog")}
    return validate_all(
        config=read_space(config),
        model_class_name=model,
        dataset=frame,
        h=h,
        strict_mode=strict,
        freq=wanted["freq"],
        static_df=wanted["static_df"],
        **lists,
    )


def _show(
    data: Path, frame: pd.DataFrame, result: ValidationResult, wanted: dict[str, Any]
) -> None:
    from automodel_sk.data.analysis import analyse_dataset
    from automodel_sk.data.preparation import read_times
    from automodel_sk.validation import ValidationResult

    if result.is_valid:
        typer.echo(f"{data}: {analyse_dataset(read_times(frame), **wanted)}")
    flat = ValidationResult(result.is_valid, result.errors, result.warnings)
    typer.echo(str(flat))
