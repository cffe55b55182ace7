"""Options of the commands that search: the fields of `OptimizationConfig`, and `fit`'s own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer

from automodel_sk.arguments.kinds import Choices, Flag, Names
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.arguments.optuna_object import OptunaObject
from automodel_sk.arguments.switches import Switch
from automodel_sk.catalog.losses import LOSS_NAMES
from automodel_sk.cli.options import PANELS, checked_metric, hours, one_of, read_freq, switch
from automodel_sk.options import OptimizationConfig

__all__ = ["ForecastFile", "Horizon", "Loss", "ModelFolder", "takes_options"]

Command = TypeVar("Command", bound=Callable[..., None])

_READ: dict[str, Callable[[str | None], Any]] = {
    "time_budget_hours": hours,
    "metric": checked_metric,
    "freq": read_freq,
}
"""Options whose text is read in a way of the command line's own."""

_LAST = ("as_json", "debug")


def takes_options(*names: str) -> Callable[[Command], Command]:
    """Give a command options of a search, in place of its ``**options``.

    Parameters
    ----------
    *names : str
        Fields of `OptimizationConfig`; all of them when there are none.

    Examples
    --------
    >>> @takes_options("cpus")
    ... def search(study: str, **options: Any) -> None: ...
    >>> list(inspect.signature(search).parameters)
    ['study', 'cpus']
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        known = {field.name: field for field in fields(OptimizationConfig)}
        parameters += [_parameter(known[name]) for name in names or known]
        signature = signature.replace(parameters=sorted(parameters, key=_place))
        command.__signature__ = signature  # type: ignore[attr-defined]
        return command

    return decorate


def _parameter(field: Field[Any]) -> inspect.Parameter:
    """Return an option as a parameter that typer reads."""
    declared, read = field.metadata["option"], _READ.get(field.name)
    kind, further = _kind(declared.rule)
    typed = list[str] if isinstance(declared.rule, Names) else kind
    if read is not None:
        kind, typed, further = str, str, {"callback": read}
    metavar = declared.metavar or (None if kind is bool else "N" if kind is not str else "NAME")
    info = typer.Option(
        *declared.flags,
        metavar=metavar,
        help=declared.help,
        rich_help_panel=declared.panel,
        **further,
    )
    values: Any = typed | None if field.default is None else typed
    assert field.default is not MISSING, f"the option {field.name} needs a default"
    return inspect.Parameter(
        field.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default="no" if isinstance(declared.rule, Switch) else field.default,
        annotation=Annotated[values, info],
    )


def _kind(rule: Any) -> tuple[Any, dict[str, Any]]:
    """Return the type that a rule's values have as text is read, and how typer checks them."""
    if isinstance(rule, Flag):
        return bool, {}
    if isinstance(rule, NumberRule):
        return (int, {"min": rule.low}) if rule.whole else (float, {})
    if isinstance(rule, OptunaObject):
        return str, {"callback": _name_of(rule)}
    if isinstance(rule, Switch):
        return str, {"callback": switch}
    return str, {"callback": one_of(rule.choices)} if isinstance(rule, Choices) else {}


def _name_of(rule: OptunaObject) -> Callable[[str | None], str | None]:
    """Return a callback that accepts the name of a class of Optuna in any spelling."""

    def check(value: str | None) -> str | None:
        if rule.accepts(value):
            name: str | None = rule.convert(value)
            return name
        meant = rule.fix(value)
        hint = f"; did you mean {meant}?" if meant else ""
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(rule.names)}{hint}")

    return check


def _place(parameter: inspect.Parameter) -> tuple[int, bool]:
    """Return where a parameter stands: by its panel, what all commands share at the end."""
    of_typer = [info for info in get_args(parameter.annotation) if hasattr(info, "rich_help_panel")]
    panel = of_typer[0].rich_help_panel if of_typer else None
    return PANELS.index(panel), parameter.name in _LAST


Horizon = Annotated[int, typer.Option("--h", min=1, metavar="N", help="Steps to forecast.")]
ModelFolder = Annotated[
    Path | None,
    typer.Option(
        file_okay=False,
        metavar="FOLDER",
        help="Folder for the model; DATA_MODEL, such as sales_auto, by default. The run file is"
        " written next to it.",
    ),
]
ForecastFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File for the forecast, .csv, .xlsx or .parquet; DATA_MODEL_forecast.csv by default.",
    ),
]
Loss = Annotated[
    str,
    typer.Option(
        metavar="NAME", help=f"Training loss: {', '.join(LOSS_NAMES)}.", callback=one_of(LOSS_NAMES)
    ),
]
