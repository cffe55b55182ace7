"""Check that a value to convert is a frame with the required columns, ids and times."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError

__all__ = ["check_container", "check_levels", "check_long", "check_times"]


def check_long(df: Any, columns: Mapping[str, Any]) -> None:
    """Raise if a value is not a long frame with these columns.

    Parameters
    ----------
    df : object
        The value passed.
    columns : mapping of str to object
        Column names by parameter: series id, time, target.

    Raises
    ------
    InvalidInputError
        If it is not a frame, lacks a column, has one twice, or has missing ids or times.

    Examples
    --------
    >>> check_long([1], {"id_col": "unique_id"})
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: df must be a pandas DataFrame, got list; ...
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(
            f"df must be a pandas DataFrame, got {type(df).__name__}; pass one with a row per "
            "series and time"
        )
    if not len(df):
        raise InvalidInputError("df has no rows; pass at least one series")
    for parameter, column in columns.items():
        _check_column(df, parameter, column)
    if len(set(columns.values())) < len(columns):
        raise InvalidInputError(
            f"{', '.join(columns)} must name different columns, got "
            f"{shown(list(columns.values()))}; pass the column of each"
        )
    for column in list(columns.values())[:2]:
        missing = df[column].isna()
        if missing.any():
            raise InvalidInputError(
                f"column {shown(column)} of df has {int(missing.sum())} missing value(s), first in "
                f"row {int(missing.to_numpy().argmax())}; drop such rows: df = "
                f"df.dropna(subset=[{shown(column)}])"
            )


def _check_column(df: pd.DataFrame, parameter: str, column: Any) -> None:
    if not isinstance(column, Hashable) or column not in df.columns:
        raise InvalidInputError(
            f"{parameter}={shown(column)} is not a column of the frame, which has"
            f" {shown(list(df.columns))}; pass the right name, e.g."
            f" {parameter}={shown(df.columns[0]) if len(df.columns) else repr('y')}"
        )
    if isinstance(df[column], pd.DataFrame):
        raise InvalidInputError(
            f"df has the column {shown(column)} more than once; keep one: "
            "df = df.loc[:, ~df.columns.duplicated()]"
        )


def check_levels(levels: Any) -> None:
    """Raise if a hierarchy's levels are not a list of distinct names.

    Parameters
    ----------
    levels : object
        The value passed; None is valid.

    Raises
    ------
    InvalidInputError
        If it is not a list of names, or has a duplicate.

    Examples
    --------
    >>> check_levels(["region", "shop"])
    """
    if levels is None:
        return
    is_list = isinstance(levels, (list, tuple, pd.Index)) and len(levels) > 0
    if not is_list or not all(isinstance(name, Hashable) for name in levels):
        raise InvalidInputError(
            f"levels must be a list of the hierarchy's level names, got {shown(levels)}; try "
            "levels=['region', 'shop']"
        )
    if len(set(levels)) < len(levels):
        raise InvalidInputError(f"levels names a level twice, got {shown(levels)}; rename one")


def check_container(data: Any, name: str) -> None:
    """Raise if data is not a Series or DataFrame whose last index level holds times.

    Parameters
    ----------
    data : object
        The value passed as `y` or `X`.
    name : str
        Name of the parameter.

    Raises
    ------
    InvalidInputError
        If it has another type, or its index does not hold times.

    Examples
    --------
    >>> check_container(pd.Series([1.0]), "y")
    """
    if not isinstance(data, (pd.Series, pd.DataFrame)):
        raise InvalidInputError(
            f"{name} must be a pandas Series or DataFrame in an sktime format, got"
            f" {type(data).__name__}; convert it, e.g. pd.Series({name})"
        )
    check_times(data.index.get_level_values(-1), f"the index of {name}")


def check_times(times: pd.Index, where: str) -> None:
    """Raise if an index does not hold times: integers, periods or timestamps.

    Parameters
    ----------
    times : pandas.Index
        The times.
    where : str
        Description of the source of the times, for messages.

    Raises
    ------
    InvalidInputError
        If it holds anything else.

    Examples
    --------
    >>> check_times(pd.RangeIndex(3), "column 'ds'")
    """
    is_date = isinstance(times, (pd.DatetimeIndex, pd.PeriodIndex))
    if is_date or pd.api.types.is_integer_dtype(times.dtype):
        return
    raise InvalidInputError(
        f"{where} must hold time stamps, periods or whole numbers, got {times.dtype}; convert it, "
        "e.g. with pd.to_datetime"
    )
