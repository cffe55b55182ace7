"""Options shared by several commands, and the parsers of their text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk.arguments.number_rule import nearest
from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PANELS",
    "Data",
    "DateFormat",
    "Debug",
    "Decimal",
    "FutrExog",
    "FutrFile",
    "HistExog",
    "IdCol",
    "Json",
    "Level",
    "Quiet",
    "Separator",
    "Space",
    "StatExog",
    "StaticFile",
    "TargetCol",
    "TimeCol",
    "Wide",
    "checked_level",
    "checked_metric",
    "checked_quantile",
    "hours",
    "one_of",
    "read_freq",
    "read_separator",
    "static_columns",
    "switch",
]

_COLUMNS, _EXOGENOUS = "Columns", "Exogenous variables"
PANELS = (None, "Search", _COLUMNS, "Data", _EXOGENOUS, "Machine", "Tracking")
"""The headings of a command's help, in their order."""

_HOURS = {"s": 1 / 3600, "m": 1 / 60, "h": 1.0, "d": 24.0}


def hours(text: str | None) -> float | None:
    """Parse a time budget in hours.

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
        If it is neither.

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
            f"must be a duration above 0, got {text!r}; try '10m', '1h' or a number of hours"
        )
    return float(match[1]) * _HOURS[match[2] or "h"]


def read_freq(text: str | None) -> str | int | None:
    """Parse a frequency; steps of integer times are numbers.

    Examples
    --------
    >>> read_freq("ME"), read_freq("1")
    ('ME', 1)
    """
    is_number = text is not None and text.isdecimal() and text.isascii() and len(text) < 10
    return int(text) if text is not None and is_number else text


def read_separator(text: str | None) -> str | None:
    r"""Parse a separator, including tab by name.

    Examples
    --------
    >>> read_separator("tab"), read_separator(";")
    ('\t', ';')
    """
    if text is None:
        return None
    character = "\t" if text.lower() in ("tab", "\\t") else text
    if len(character) != 1 or character.isalnum():
        raise typer.BadParameter(f"must be one character, got {text!r}; try ';' or 'tab'")
    return character


def hours_text(value: float) -> str:
    """Return a time budget as it is passed, in the largest unit of which it is a whole number.

    Examples
    --------
    >>> hours_text(0.5), hours_text(2.0), hours_text(45 / 3600)
    ('30m', '2h', '45s')
    """
    seconds = round(value * 3600, 3)
    unit = next((unit for unit in "hm" if seconds % (_HOURS[unit] * 3600) == 0), "s")
    return f"{seconds / (_HOURS[unit] * 3600):.10g}{unit}"


def one_of(names: Sequence[str]) -> Callable[[str | None], str | None]:
    """Return a callback that accepts one of the given names in any spelling.

    Examples
    --------
    >>> one_of(["mae", "studentt", "scaled_crps"])("Student-T")
    'studentt'
    """

    def check(value: str | None) -> str | None:
        if value is None:
            return None
        known = {re.sub("[-_]", "", name.lower()): name for name in names}
        key = re.sub("[-_]", "", value.lower())
        if key not in known:
            meant = nearest(key, known)
            hint = f"; did you mean {known[meant]}?" if meant else ""
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}{hint}")
        return known[key]

    return check


def switch(value: Any) -> bool | str:
    """Read an option that is on, off or decided by the data.

    Examples
    --------
    >>> switch("yes"), switch("auto"), switch(False)
    (True, 'auto', False)
    """
    words = {"yes": True, "true": True, "no": False, "false": False}
    text = str(value).lower()
    if text != "auto" and text not in words:
        raise typer.BadParameter(f"{value!r} is not one of yes, no, auto; try yes")
    return words.get(text, "auto")


def checked_metric(name: str | None) -> str | None:
    """Return the metric's name; list all metrics if it is unknown.

    Examples
    --------
    >>> checked_metric("MAE")
    'mae'
    """
    from automodel_sk.metrics import METRIC_NAMES

    return one_of(METRIC_NAMES)(name)


def checked_level(values: list[float] | None) -> list[float] | None:
    """Return levels in percent; None if there are none."""
    from automodel_sk.metrics.quantiles import read_levels

    return _checked(read_levels, values, "level")


def checked_quantile(values: list[float] | None) -> list[float] | None:
    """Return quantiles; None if there are none."""
    from automodel_sk.metrics.quantiles import read_quantiles

    return _checked(read_quantiles, values, "quantile")


def _checked(
    read: Callable[[Any], list[float]], values: list[float] | None, option: str
) -> list[float] | None:
    """Parse an option's value; report errors as the command line does."""
    try:
        return read(values or []) or None
    except InvalidInputError as exc:
        given = rf"\b{option}s?=\[?([\d., ]*\d)\]?"
        raise typer.BadParameter(
            re.sub(given, lambda m: " ".join(f"--{option} {n}" for n in m[1].split(", ")), str(exc))
        ) from None


def static_columns(static_df: pd.DataFrame | None, chosen: list[str] | None) -> list[str]:
    """Return the static columns to use: the chosen ones, or all columns of the file."""
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
        metavar="DATA",
        help="CSV, Excel or Parquet file with columns unique_id, ds and y. "
        "Without unique_id, the file is a single series.",
    ),
]
Space = Annotated[
    Path | None,
    _file(
        "--space",
        metavar="FILE",
        help='Search space in JSON or YAML: {"input_size": {"choice": [24, 48]},'
        ' "learning_rate": {"loguniform": [1e-4, 1e-2]}}. '
        "If all values are fixed, one model is trained without a search.",
        rich_help_panel="Search",
    ),
]
Level = Annotated[
    list[float] | None,
    typer.Option(
        metavar="PERCENT",
        help="Level of a prediction interval in percent; repeatable.",
        callback=checked_level,
    ),
]
IdCol = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Column with the series names.", rich_help_panel=_COLUMNS),
]
TimeCol = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Column with the times.", rich_help_panel=_COLUMNS),
]
TargetCol = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column to forecast.", rich_help_panel=_COLUMNS)
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--sep",
        metavar="CHARACTER",
        help="Separator of text files: a comma, ';', '|' or 'tab'; detected if not given.",
        callback=read_separator,
        rich_help_panel=_COLUMNS,
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        metavar="SIGN",
        help="Decimal mark of numbers, '.' or ','; detected if not given.",
        callback=one_of((".", ",")),
        rich_help_panel=_COLUMNS,
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="Format of the times, such as %d.%m.%Y; detected if not given.",
        rich_help_panel=_COLUMNS,
    ),
]
Wide = Annotated[
    bool,
    typer.Option(
        "--wide",
        help="Each series is a column, beside one of the times.",
        rich_help_panel=_COLUMNS,
    ),
]
FutrExog = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Column with known future values; repeatable.",
        rich_help_panel=_EXOGENOUS,
    ),
]
HistExog = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Column with unknown future values; repeatable.",
        rich_help_panel=_EXOGENOUS,
    ),
]
StatExog = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Column of the static file; all columns if not given.",
        rich_help_panel=_EXOGENOUS,
    ),
]
StaticFile = Annotated[
    Path | None,
    _file(
        "--static", metavar="FILE", help="File with one row per series.", rich_help_panel=_EXOGENOUS
    ),
]
FutrFile = Annotated[
    Path | None,
    _file(
        "--futr",
        metavar="FILE",
        help="File with the future values: unique_id, ds and the columns.",
        rich_help_panel=_EXOGENOUS,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
