"""Options that several commands share, and how their text is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Config",
    "Data",
    "Debug",
    "Freq",
    "FutrExog",
    "FutrFile",
    "HistExog",
    "IdCol",
    "Level",
    "StatExog",
    "StaticFile",
    "Strict",
    "TargetCol",
    "TimeCol",
    "checked_level",
    "checked_model",
    "checked_quantile",
    "hours",
    "one_of",
    "read_freq",
    "static_columns",
]

_COLUMNS, _EXOGENOUS = "Columns", "Exogenous variables"
_HOURS = {"s": 1 / 3600, "m": 1 / 60, "h": 1.0, "d": 24.0}


def hours(text: str | None) -> float | None:
    """Return a time budget in hours.

    Parameters
    ----------
    text : str, optional
        A number of hours, or a number with the unit s, m, h or d.

    Returns
    -------
    float or None

    Raises
    ------
    typer.BadParameter
        It is neither.

    Examples
    --------
    >>> hours("90m"), hours("2")
    (1.5, 2.0)
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([smhd]?)", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise typer.BadParameter(
            f"a time above 0 is needed, got {text!r}; try '10m', '1h' or a number of hours"
        )
    return float(match[1]) * _HOURS[match[2] or "h"]


def read_freq(text: str | None) -> str | int | None:
    """Return a frequency, steps of integer times as a number.

    Examples
    --------
    >>> read_freq("ME"), read_freq("1")
    ('ME', 1)
    """
    return int(text) if text is not None and text.isdigit() else text


def one_of(names: Sequence[str]) -> Callable[[str | None], str | None]:
    """Return a callback that accepts one of some names, however it is spelt.

    Examples
    --------
    >>> one_of(["mae", "studentt"])("Student-T")
    'studentt'
    """

    def check(value: str | None) -> str | None:
        key = None if value is None else re.sub("[-_]", "", value.lower())
        if key is not None and key not in names:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}")
        return key

    return check


def checked_model(name: str | None) -> str | None:
    """Return a model's name, or say the nearest."""
    from automodel_sk.catalog import get_characteristics

    if name is None:
        return None
    try:
        return get_characteristics(name).name
    except InvalidInputError as exc:
        raise typer.BadParameter(f"{exc}; `automodel-sk models` lists all") from None


def checked_level(values: list[float] | None) -> list[float] | None:
    """Return coverages in percent, None where there are none."""
    for value in values or ():
        if not 0 < value < 100:
            raise typer.BadParameter(f"{value:g} is not between 0 and 100 percent; try 90")
    return values or None


def checked_quantile(values: list[float] | None) -> list[float] | None:
    """Return quantiles, None where there are none."""
    for value in values or ():
        if not 0 < value < 1:
            raise typer.BadParameter(f"{value:g} is not between 0 and 1; try 0.9")
    return values or None


def static_columns(static_df: pd.DataFrame | None, chosen: list[str] | None) -> list[str]:
    """Return the static columns to use: those chosen, else all of the file."""
    if chosen or static_df is None:
        return chosen or []
    return [str(name) for name in static_df.columns if name != "unique_id"]


def _file(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, exists=True, dir_okay=False, **settings)


Data = Annotated[
    Path,
    typer.Argument(
        exists=True,
        dir_okay=False,
        help="CSV or Parquet file with columns unique_id, ds and y. Without unique_id it is"
        " one series.",
    ),
]
Freq = Annotated[
    str | None,
    typer.Option(
        help="Step of the times, such as D, h, ME, or 1; found out when left out.",
        callback=read_freq,
    ),
]
Config = Annotated[
    Path | None,
    _file(
        help='Search space in JSON: {"max_steps": 500, "input_size": {"choice": [24, 48]},'
        ' "learning_rate": {"loguniform": [1e-4, 1e-2]}}. Plain values alone are trained once,'
        " without a search.",
        rich_help_panel="Search",
    ),
]
Level = Annotated[
    list[float] | None,
    typer.Option(
        help="Prediction interval, coverage in percent; repeat for several.",
        callback=checked_level,
    ),
]
IdCol = Annotated[
    str | None,
    typer.Option(help="Column of the series' names.", rich_help_panel=_COLUMNS),
]
TimeCol = Annotated[str | None, typer.Option(help="Column of the times.", rich_help_panel=_COLUMNS)]
TargetCol = Annotated[
    str | None, typer.Option(help="Column to forecast.", rich_help_panel=_COLUMNS)
]
FutrExog = Annotated[
    list[str] | None,
    typer.Option(
        help="Column whose future is known; repeat for several.", rich_help_panel=_EXOGENOUS
    ),
]
HistExog = Annotated[
    list[str] | None,
    typer.Option(
        help="Column known in the past only; repeat for several.", rich_help_panel=_EXOGENOUS
    ),
]
StatExog = Annotated[
    list[str] | None,
    typer.Option(
        help="Column of the static file; all of them when left out.", rich_help_panel=_EXOGENOUS
    ),
]
StaticFile = Annotated[
    Path | None,
    _file("--static", help="File with one row per series.", rich_help_panel=_EXOGENOUS),
]
FutrFile = Annotated[
    Path | None,
    _file(
        "--futr",
        help="File with the future values: unique_id, ds and the columns.",
        rich_help_panel=_EXOGENOUS,
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
