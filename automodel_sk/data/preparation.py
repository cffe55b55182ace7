"""Prepare a user's long frame for training: read times, select columns, sort rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.ids import number_ids, plain_ids
from automodel_sk.data.times import read as times
from automodel_sk.data.times.text_times import text_order
from automodel_sk.data.times.wall_clock import as_integers
from automodel_sk.data.wording import shown, wording
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "MASK",
    "WEIGHT",
    "align_static",
    "date_order",
    "filled_target",
    "is_sorted",
    "observed_only",
    "observed_values",
    "prepare_frame",
    "read_times",
]

ID, TIME, TARGET = "unique_id", "ds", "y"
MASK, WEIGHT = "available_mask", "sample_weight"


def read_times(df: Any, order: str | None = None) -> Any:
    """Return the frame with `unique_id` as a column and `ds` as dates or 64-bit integers.

    A CSV file holds dates as text. Text that can't be read is left unchanged, and the validator
    reports it.

    Parameters
    ----------
    df : DataFrame
        Long frame; any other value is returned unchanged.
    order : {"day first", "month first"}, optional
        Order of day and month for ambiguous text.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a"], "ds": ["31.01.2024"], "y": [1.0]})
    >>> read_times(frame)["ds"].dt.year.tolist()
    [2024]
    """
    if not isinstance(df, pd.DataFrame):
        return df
    if ID not in df.columns and ID in df.index.names:
        df = df.reset_index(ID)
    if set(df.index.names) & {ID, TIME, TARGET} & set(df.columns):
        df = df.reset_index(drop=True)  # pandas can't sort by a name of both
    if not df.columns.is_unique:
        return df
    read: dict[str, Any] = {ID: plain_ids(df[ID])} if ID in df.columns else {}
    if TIME in df.columns:
        with suppress(InvalidInputError, TypeError):
            read[TIME] = times.read_time_column(df[TIME], order)
    return df.assign(**read)


def date_order(df: Any) -> str | None:
    """Return the order of day and month in a text column `ds`, or None if it is ambiguous.

    Examples
    --------
    >>> date_order(pd.DataFrame({"ds": ["01/13/2024"]})), date_order(pd.DataFrame({"ds": [1]}))
    ('month first', None)
    """
    if not isinstance(df, pd.DataFrame) or TIME not in df.columns or not df.columns.is_unique:
        return None
    return text_order(df[TIME]) if times.is_text(df[TIME]) else None


def prepare_frame(
    df: pd.DataFrame, exogenous: Sequence[str] = (), *, with_target: bool = True
) -> pd.DataFrame:
    """Return the columns that a model uses, sorted by series and time.

    Keeps `available_mask` and `sample_weight` if the frame has them: neuralforecast's models leave
    rows with mask 0 out of the loss and the scaling. Missing and infinite values in those rows
    become 0, as neuralforecast's guide recommends for missing ones.

    Parameters
    ----------
    df : DataFrame
        A validated long frame, as `read_times` returns it.
    exogenous : sequence of str
        Exogenous columns to keep.
    with_target : bool
        Whether the frame has a target. A frame of future values has none, and any target column in
        it is ignored.

    Returns
    -------
    DataFrame
        A new frame with a fresh index; `df` is not modified.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["b", "a"], "ds": [1, 1], "y": [2, 1], "z": [0, 0]})
    >>> prepare_frame(frame).values.tolist()
    [['a', 1, 1.0], ['b', 1, 2.0]]
    """
    columns = [ID, TIME, *([TARGET] if with_target else []), *exogenous]
    if with_target:
        columns += [c for c in (MASK, WEIGHT) if c in df.columns and c not in exogenous]
    chosen = df[columns]
    if isinstance(chosen[ID].dtype, pd.CategoricalDtype):
        chosen = chosen.assign(**{ID: chosen[ID].astype(chosen[ID].cat.categories.dtype)})
    if not is_sorted(chosen):
        chosen = chosen.sort_values([ID, TIME], kind="stable")
    prepared = _as_numbers(chosen, columns[2:]).reset_index(drop=True)
    return _without_gaps(prepared) if MASK in columns else prepared


def _as_numbers(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Convert columns to floats, and text columns (categories) to objects."""
    kinds = {c: object if _holds_text(frame[c]) else np.float64 for c in columns}
    return frame.astype(kinds)


def _holds_text(column: pd.Series[Any]) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.cat.categories)
    return times.is_text(column)


def _without_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill unobserved rows with numbers, and drop the mask if every row is observed.

    A NaN would spread through the model's layers even though the loss masks it; so would infinity.
    """
    gone = frame[MASK] == 0
    if not gone.any():
        return frame.drop(columns=MASK)
    values = frame.columns[2:].intersection(frame.select_dtypes("number").columns)
    return frame.assign(**{c: frame[c].mask(gone & ~np.isfinite(frame[c]), 0.0) for c in values})


def observed_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a prepared frame with the target set to NaN where `available_mask` is 0.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, 0.0], "available_mask": [1.0, 0.0]})
    >>> observed_values(frame)["y"].tolist()
    [1.0, nan]
    """
    if MASK not in frame.columns:
        return frame
    return frame.assign(**{TARGET: frame[TARGET].where(frame[MASK] != 0)})


def filled_target(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a prepared frame whose unobserved rows repeat the last observed value.

    Rows before the first observed value take that value. Used by methods that ignore the mask.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": "a", "y": [1.0, 0.0], "available_mask": [1.0, 0.0]})
    >>> filled_target(frame)["y"].tolist()
    [1.0, 1.0]
    """
    if MASK not in frame.columns:
        return frame
    series = observed_values(frame).groupby(ID, observed=True, sort=False)[TARGET]
    forward = series.ffill()
    first = series.transform("first")
    return frame.assign(**{TARGET: forward.fillna(first).fillna(frame[TARGET])})


def observed_only(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Set the target of past rows to NaN where a prepared frame is unobserved.

    Examples
    --------
    >>> table = pd.DataFrame({"unique_id": "a", "ds": [2], "cutoff": [1], "y": [0.0]})
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": [1, 2], "available_mask": [1.0, 0.0]})
    >>> observed_only(table, frame)["y"].tolist()
    [nan]
    """
    if MASK not in frame.columns:
        return table
    gone = pd.MultiIndex.from_frame(frame.loc[frame[MASK] == 0, [ID, TIME]])
    rows = pd.MultiIndex.from_frame(table[[ID, TIME]])
    return table.assign(**{TARGET: table[TARGET].mask(rows.isin(gone))})


def is_sorted(df: pd.DataFrame) -> bool:
    """Return whether rows are sorted by series, and by time within each.

    Examples
    --------
    >>> is_sorted(pd.DataFrame({"unique_id": ["a", "a"], "ds": [2, 1]}))
    False
    """
    codes, ids = number_ids(df[ID])
    if not ids.is_monotonic_increasing or np.any(np.diff(codes) < 0):
        return False
    dates = hasattr(df[TIME], "dt")
    numbers = as_integers(pd.Index(df[TIME])) if dates else df[TIME].to_numpy()
    within = codes[1:] == codes[:-1]
    return bool(np.all(numbers[1:][within] > numbers[:-1][within]))


def align_static(
    static_df: pd.DataFrame | None, frame: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame | None:
    """Return one row of static columns per series, in the frame's series order.

    Models read static values by position: with rows in another order, series would silently get the
    values of other series.

    Parameters
    ----------
    static_df : DataFrame, optional
        Frame with `unique_id` and the static columns, in any order.
    frame : DataFrame
        The prepared long frame.
    columns : sequence of str
        Static columns that the model uses.

    Returns
    -------
    DataFrame or None
        None if the model uses no static columns.

    Raises
    ------
    InvalidInputError
        If a series has no static values, or `static_df` is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a", "b"], "ds": [1, 1], "y": [0.0, 0.0]})
    >>> static = pd.DataFrame({"unique_id": ["b", "a"], "size": [2, 1]})
    >>> align_static(static, frame, ["size"]).values.tolist()
    [['a', 1.0], ['b', 2.0]]
    """
    if not columns:
        return None
    words = wording()
    if static_df is None:
        raise InvalidInputError(
            f"{words.frame('static_df')} is missing; the model uses {list(columns)}: pass"
            f" {words.how('a frame', '--static')} with {words.own(ID)!r} and these columns, one row"
            " per series"
        )
    ids = pd.Index(frame[ID].unique())
    table = static_df.reset_index() if ID not in static_df.columns else static_df
    lacking = [column for column in columns if column not in table.columns]
    if lacking:
        raise InvalidInputError(
            f"{words.frame('static_df')} lacks {lacking} (it has {words.columns(table.columns)});"
            f" the model uses {list(columns)}: add one value per series"
        )
    table = _as_numbers(table.set_index(ID)[list(columns)], columns)
    missing = ids[~ids.isin(table.index)]
    if len(missing):
        raise InvalidInputError(
            f"{words.frame('static_df')} has no row for {words.own(ID)} {shown(missing[0])}"
            f" ({len(missing)} missing in total); add one row per series"
        )
    values = table.reindex(ids).reset_index(drop=True)
    return values.assign(**{ID: ids})[[ID, *columns]]
