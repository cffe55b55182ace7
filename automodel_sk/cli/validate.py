"""The `validate` command: check data and configuration without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.fit_options import takes_options
from automodel_sk.cli.future import future_errors
from automodel_sk.cli.inputs import Columns, read_beside, read_series
from automodel_sk.cli.mappings import read_mapping
from automodel_sk.cli.model_names import Model, single_or_several
from automodel_sk.cli.options import (
    Data,
    DateFormat,
    Debug,
    Decimal,
    FutrExog,
    FutrFile,
    HistExog,
    IdCol,
    Json,
    Quiet,
    Separator,
    Space,
    StatExog,
    StaticFile,
    TargetCol,
    TimeCol,
    Wide,
    static_columns,
)
from automodel_sk.cli.output import is_terminal, print_json, print_line, show, styled
from automodel_sk.cli.reporting import reported
from automodel_sk.cli.run_file import RunFile, inline_space
from automodel_sk.cli.space_file import spaces_from_json
from automodel_sk.cli.words import in_options
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from automodel_sk.data.analysis import DatasetProfile
    from automodel_sk.validation import ValidationResult

__all__ = ["validate"]

_OF_DATA = ("freq", "strict_mode", "fill_gaps", "calendar", "holidays")
_OF_SEARCH = ("n_windows", "step_size", "metric", "exclude")


@reported
@takes_options(*_OF_DATA, *_OF_SEARCH)
def validate(
    ctx: typer.Context,
    data: Data,
    model: Model = None,
    h: Annotated[
        int | None, typer.Option("--h", min=1, metavar="N", help="Steps to forecast.")
    ] = None,
    config: RunFile = None,
    space_file: Space = None,
    id_col: IdCol = None,
    time_col: TimeCol = None,
    target_col: TargetCol = None,
    sep: Separator = None,
    decimal: Decimal = None,
    date_format: DateFormat = None,
    wide: Wide = False,
    futr_exog: FutrExog = None,
    hist_exog: HistExog = None,
    futr: FutrFile = None,
    static: StaticFile = None,
    stat_exog: StatExog = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Check data without training; with --model and --h, check a search on it.

    Lists every error and warning with its fix. The exit status is 1 if there is an error.
    """
    content = inline_space(ctx) if space_file is None else read_mapping(space_file)
    if (model or content is not None) and h is None:
        raise typer.BadParameter("--model, --space and --h go together; try --model NHITS --h 12")
    if futr is not None and h is None:
        raise typer.BadParameter("--futr and --h go together; try --h 12")
    models = single_or_several(model) if model or content is not None else None
    asked = Asked(sep, decimal, date_format)
    exogenous = (*(futr_exog or ()), *(hist_exog or ()))
    columns = Columns(id_col, time_col, target_col, asked=asked, wide=wide, exogenous=exogenous)
    frame, columns = read_series(data, columns, quiet)
    static_df = read_beside(static, columns)
    future = read_beside(futr, columns, ("unique_id", "ds"))
    series = frame
    from automodel_sk.data.analysis import analyse_dataset
    from automodel_sk.data.preparation import read_times
    from automodel_sk.data.treatment import treated
    from automodel_sk.validation.data.categories import named_categories

    asked_of_data = ("fill_gaps", "calendar", "holidays")
    checked = OptimizationConfig(**{name: options[name] for name in asked_of_data}).converted()
    given = {name: getattr(checked, name) for name in asked_of_data}
    domains = None if models is None else spaces_from_json(content, models)
    given |= {"freq": options["freq"], "categories": named_categories(domains)}
    frame, futr_known = treated(read_times(frame), futr_exog or (), **given)
    wanted: dict[str, Any] = {
        "freq": options["freq"],
        "futr_exog": list(futr_known),
        "hist_exog": hist_exog or [],
        "stat_exog": static_columns(static_df, stat_exog),
        "static_df": static_df,
    }
    kept = {name: options[name] for name in ("freq", "strict_mode", *_OF_SEARCH)}
    found = _check(frame, models, h, domains, OptimizationConfig(**kept, use_mlflow=False), wanted)
    if future is not None and found.result.is_valid:
        assert h is not None
        errors = future_errors(future, futr_exog or (), series, h, options["freq"])
        found = found.with_errors(errors)
    result = found.result
    profile = analyse_dataset(read_times(frame), **wanted) if result.is_valid else None
    if as_json:
        print_json(_document(found, profile))
    elif not (quiet and result.is_valid):
        _show(data, found, profile)
    if not result.is_valid:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Found:
    """The findings; for several models, which take part and why others do not."""

    result: ValidationResult
    models: tuple[str, ...] | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    def with_errors(self, more: list[str]) -> _Found:
        """Return the findings with further errors."""
        known, valid = self.result, self.result.is_valid and not more
        return replace(self, result=replace(known, is_valid=valid, errors=[*known.errors, *more]))


def _check(
    frame: pd.DataFrame,
    models: str | list[str] | None,
    h: int | None,
    space: dict[str, Any] | None,
    options: OptimizationConfig,
    wanted: dict[str, Any],
) -> _Found:
    """Check only the data, or the whole search if models are given."""
    from automodel_sk.data.preparation import read_times
    from automodel_sk.portfolio.names import names_several
    from automodel_sk.validation import DataValidator, validate_all
    from automodel_sk.validation.data.categories import text_columns

    frame = read_times(frame)
    if models is None or h is None:
        columns = (*wanted["futr_exog"], *wanted["hist_exog"], *wanted["stat_exog"])
        text = text_columns(columns, frame, wanted["static_df"])
        validator = DataValidator(options.strict_mode)
        return _Found(validator.validate_dataset(frame, h=h, categories=text, **wanted))
    if names_several(models):
        return _check_several(frame, models, h, space, options, wanted)
    lists = {f"{kind}_list": wanted[kind] for kind in ("futr_exog", "hist_exog", "stat_exog")}
    return _Found(
        validate_all(
            config=space,
            model_class_name=models,
            dataset=frame,
            h=h,
            strict_mode=options.strict_mode,
            n_windows=options.n_windows,
            step_size=options.step_size,
            freq=wanted["freq"],
            static_df=wanted["static_df"],
            **lists,
        )
    )


def _check_several(
    frame: pd.DataFrame,
    models: Any,
    h: int,
    space: dict[str, Any] | None,
    options: OptimizationConfig,
    wanted: dict[str, Any],
) -> _Found:
    """Plan a search over several models, as far as the data allow it."""
    from automodel_sk.portfolio.plan import plan_portfolio
    from automodel_sk.search.planning import UserInput
    from automodel_sk.validation import ValidationResult

    lists = [tuple(wanted[kind]) for kind in ("futr_exog", "hist_exog", "stat_exog")]
    given = UserInput(models, h, frame, space, None, wanted["static_df"], *lists)
    try:
        plan = plan_portfolio(given, options.converted())
    except InvalidInputError as exc:
        failed = ValidationResult(False, [str(exc)], [])
        return _Found(failed if exc.result is None else exc.result)
    return _Found(plan.validation, plan.names, plan.left_out)


def _document(found: _Found, profile: DatasetProfile | None) -> dict[str, Any]:
    """Return the findings and the profile of the data, without the length of each series."""
    figures = None if profile is None else {**asdict(profile)}
    if figures is not None:
        del figures["lengths"]
    result = found.result
    said = {"errors": _said(result.errors), "warnings": _said(result.warnings)}
    document = {"is_valid": result.is_valid, **said, "data": figures}
    if found.models is None:
        return document
    return {**document, "models": list(found.models), "left_out": dict(found.left_out)}


def _said(messages: list[str]) -> list[str]:
    return [in_options(message) for message in messages]


def _show(data: Path, found: _Found, profile: DatasetProfile | None) -> None:
    """Print the findings: as a table on a terminal, one per line elsewhere."""
    from automodel_sk._utils.by_reason import by_reason
    from automodel_sk.validation import ValidationResult

    result = found.result
    flat = ValidationResult(result.is_valid, _said(result.errors), _said(result.warnings))
    if profile is not None:
        print_line(f"{data}: {profile}")
    if found.models is not None:
        print_line(f"models: {', '.join(found.models)}")
    for names, reason in by_reason(found.left_out):
        print_line(f"left out: {names}: {reason}")
    if not is_terminal():
        print_line(str(flat))
        return
    show(styled(str(flat).splitlines()[0], "bold green" if flat.is_valid else "bold red"))
    if flat.errors or flat.warnings:
        show(_findings(flat))


def _findings(result: ValidationResult) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, show_header=False)
    for word, colour, messages in (
        ("error", "bold red", result.errors),
        ("warning", "yellow", result.warnings),
    ):
        for message in messages:
            table.add_row(styled(word, colour), styled(message, ""))
    return table
