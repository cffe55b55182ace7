"""Convert between Nixtla's long frames and sktime's containers."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.times.read import is_text, read_time_column
from automodel_sk.data.wording import short_text, show_time, shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.checks import check_container, check_levels, check_long, check_times

__all__ = ["from_long", "looks_like_long_frame", "to_long"]


def from_long(
    df: pd.DataFrame,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
    *,
    levels: Sequence[Hashable] | None = None,
    period: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Convert a long frame to the input of sktime forecasters.

    Parameters
    ----------
    df : pandas.DataFrame
        One row per series and time point.
    id_col, time_col, target_col : str
        Column names of the series id, the time and the target.
    levels : sequence of hashable, optional
        Names of a hierarchy's levels, if `id_col` holds ids that `to_long` created from a
        hierarchy, such as `["north", "shop 1"]`.
    period : str, optional
        Period frequency, e.g. "M", to convert timestamps to.

    Returns
    -------
    y : pandas.DataFrame
        One column, indexed by series (or the levels) and time, sorted.
    X : pandas.DataFrame or None
        All other columns with the same index; None if there are none.

    Raises
    ------
    InvalidInputError
        If a column is missing or a series has a duplicate time.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": ["a", "a"], "ds": [1, 2], "y": [5.0, 6.0]})
    >>> y, X = from_long(df)
    >>> y.index.names, X is None
    (FrozenList(['unique_id', 'ds']), True)
    """
    with _boundary("df", "turned into sktime data"):
        check_long(df, {"id_col": id_col, "time_col": time_col, "target_col": target_col})
        check_levels(levels)
        times = _times(df[time_col], period)
        index = _index(pd.Index(df[id_col]), times.rename(time_col), levels)
        frame = df.drop(columns=[id_col, time_col]).set_axis(index)
        if not index.is_monotonic_increasing:
            frame = frame.take(_sorting_order(index))
        if frame.index.has_duplicates:
            twice = frame.index[frame.index.duplicated()][0]
            raise InvalidInputError(f"there are two rows for {_entry(twice)}; drop one of them")
        X = frame.drop(columns=target_col)
        return frame[[target_col]], X if X.shape[1] else None


def to_long(y: pd.Series | pd.DataFrame, X: pd.DataFrame | None = None) -> pd.DataFrame:
    """Convert sktime data to a long frame.

    Parameters
    ----------
    y : pandas.Series or pandas.DataFrame
        A series, panel or hierarchy with one column.
    X : pandas.DataFrame, optional
        Exogenous columns with every row of `y`.

    Returns
    -------
    pandas.DataFrame
        Columns `unique_id`, `ds`, `y` and those of `X`. A single series has the id `y.name` or "y".
        The ids of a hierarchy are its levels as JSON text, e.g. `["north", 1]`: readable,
        unambiguous, and split again by `from_long(levels=...)`. Periods become the timestamps of
        their start.

    Raises
    ------
    InvalidInputError
        If `y` has several columns, or `X` lacks rows or has a column with a reserved name.

    Examples
    --------
    >>> y = pd.Series([1.0, 2.0], index=pd.period_range("2024-01", periods=2, freq="M"), name="s")
    >>> to_long(y)
      unique_id         ds    y
    0         s 2024-01-01  1.0
    1         s 2024-02-01  2.0
    """
    with _boundary("y", "turned into a long frame"):
        check_container(y, "y")
        frame = y.to_frame() if isinstance(y, pd.Series) else y
        if frame.shape[1] != 1:
            raise InvalidInputError(
                f"y must have one column, got {shown(list(frame.columns))}; select one, e.g. "
                "y[['sales']]"
            )
        times = frame.index.get_level_values(-1)
        long = pd.DataFrame(
            {
                "unique_id": _ids(frame),
                "ds": times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times,
                "y": frame.iloc[:, 0].to_numpy(),
            }
        )
        return long if X is None else pd.concat([long, _aligned(X, frame.index)], axis=1)


def looks_like_long_frame(data: Any) -> bool:
    """Return whether data is a long frame rather than an sktime container.

    Parameters
    ----------
    data : object
        The value passed as `y` or `X`.

    Returns
    -------
    bool
        True for a DataFrame with the columns `unique_id` and `ds`.

    Examples
    --------
    >>> looks_like_long_frame(pd.DataFrame({"unique_id": [1], "ds": [1], "y": [1.0]}))
    True
    >>> looks_like_long_frame(pd.Series([1.0]))
    False
    """
    return isinstance(data, pd.DataFrame) and {"unique_id", "ds"} <= set(data.columns)


@contextmanager
def _boundary(name: str, purpose: str) -> Iterator[None]:
    """Turn pandas' exceptions into one sentence."""
    try:
        yield
    except InvalidInputError:
        raise
    except Exception as error:
        raise InvalidInputError(
            f"{name} can't be {purpose} ({type(error).__name__}: {short_text(str(error))}); its "
            "series must be named by text or numbers, its times be dates, periods or whole numbers"
        ) from error


def _times(column: pd.Series, period: str | None) -> pd.Index:
    """Return a column of times; text is read as dates, dates become periods if requested."""
    times = read_time_column(column) if is_text(column) else pd.Index(column)
    check_times(times, f"column {shown(column.name)}")
    if period is None:
        return times
    try:
        return pd.DatetimeIndex(times).to_period(period)
    except Exception as error:
        raise InvalidInputError(
            f"period={shown(period)} is not a frequency for which the times, {times.dtype}, can be"
            " converted to periods; try period='M', or leave it out"
        ) from error


def _index(ids: pd.Index, times: pd.Index, levels: Sequence[Hashable] | None) -> pd.MultiIndex:
    """Build the container's index, splitting hierarchical ids."""
    if levels is None:
        return pd.MultiIndex.from_arrays([ids, times])
    codes, unique = pd.factorize(ids)
    parts = pd.MultiIndex.from_tuples([_parts(text, len(levels)) for text in unique])
    columns = [parts.get_level_values(i).take(codes) for i in range(len(levels))]
    return pd.MultiIndex.from_arrays([*columns, times], names=[*levels, times.name])


def _sorting_order(index: pd.MultiIndex) -> Any:
    """Return the order by series and time; ids of mixed types keep their order of appearance."""
    try:
        return index.argsort()
    except TypeError:
        series, _ = pd.factorize(index.droplevel(-1))
        return np.lexsort((index.get_level_values(-1), series))


def _parts(text: Any, n_levels: int) -> tuple[Any, ...]:
    try:
        parts = json.loads(text)
    except (TypeError, ValueError):
        parts = None
    if not isinstance(parts, list) or len(parts) != n_levels:
        raise InvalidInputError(
            f"id {shown(text)} is not the JSON list of {n_levels} levels that to_long writes; "
            "leave out levels for plain ids"
        )
    return tuple(parts)


def _ids(frame: pd.DataFrame) -> Any:
    index = frame.index
    if not isinstance(index, pd.MultiIndex):
        name: Any = frame.columns[0]
        return np.repeat("y" if name in (None, 0) else str(name), len(index))
    if index.nlevels == 2:
        return index.get_level_values(0)
    codes, unique = pd.factorize(index.droplevel(-1))
    return pd.Index([_text(key) for key in unique]).take(codes)


def _text(key: tuple[Any, ...]) -> str:
    parts = [part.item() if isinstance(part, np.generic) else part for part in key]
    try:
        return json.dumps(parts, ensure_ascii=False)
    except TypeError as error:
        raise InvalidInputError(
            f"instance {shown(key)} can't be written as an id; make its levels strings or numbers"
        ) from error


def _entry(entry: Any) -> str:
    """Format an index entry for a message."""
    if not isinstance(entry, tuple):
        return show_time(entry)
    series = entry[0] if len(entry) == 2 else entry[:-1]
    return f"{show_time(entry[-1])} of series {shown(series)}"


def _aligned(X: pd.DataFrame | pd.Series, index: pd.Index) -> pd.DataFrame:
    """Return the rows of X at an index."""
    check_container(X, "X")
    X = X.to_frame() if isinstance(X, pd.Series) else X
    if X.index.has_duplicates:
        twice = _entry(X.index[X.index.duplicated()][0])
        raise InvalidInputError(f"X has two rows for {twice}; drop one of them")
    clash = [column for column in ("unique_id", "ds", "y") if column in X.columns]
    if clash:
        raise InvalidInputError(
            f"X has a column {clash[0]!r}, a name that is reserved in the long frame; rename it"
        )
    places = np.arange(len(X)) if X.index.equals(index) else X.index.get_indexer(index)
    if (places < 0).any():
        raise InvalidInputError(f"X has no row for {_entry(index[places < 0][0])}; add it")
    return X.take(places).reset_index(drop=True)
