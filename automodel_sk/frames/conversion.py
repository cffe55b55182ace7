"""Convert sktime containers to long frames of integers, and forecasts back.

Models see only integers: `unique_id` numbers the series in order of appearance, and `ds` counts the
steps of each series' regular grid (frequency 1). Index types, frequencies, time zones, level names
and column names are stored in the layout and restored in the forecasts. All operations are
vectorised; none loops over series.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.clocks import IntegerClock, Integers, PeriodClock
from automodel_sk.frames.layout import Layout
from automodel_sk.frames.nixtla import from_long, looks_like_long_frame, to_long
from automodel_sk.frames.rows import Rows, find_rows, sorting_order

__all__ = [
    "Layout",
    "exogenous_names",
    "from_long",
    "future_exogenous",
    "known_future",
    "last_steps",
    "looks_like_long_frame",
    "to_engine",
    "to_long",
]

Flags = npt.NDArray[np.bool_]
RESERVED = ("unique_id", "ds", "y", "available_mask", "sample_weight")


def to_engine(
    layout: Layout,
    y: pd.DataFrame,
    X: pd.DataFrame | None = None,
    exog: Mapping[Hashable, str] | None = None,
) -> pd.DataFrame:
    """Convert a container to a long frame of integers.

    Parameters
    ----------
    layout : Layout
        Layout that contains every series of `y`.
    y : pandas.DataFrame
        The target, one column.
    X : pandas.DataFrame, optional
        Exogenous columns with every row of `y`; further rows are allowed.
    exog : mapping of column to str, optional
        Columns of `X` to keep, with their names in the long frame.

    Returns
    -------
    pandas.DataFrame
        Columns `unique_id`, `ds`, `y` and the exogenous ones; sorted and without gaps.

    Raises
    ------
    InvalidInputError
        If rows are duplicate or missing, or `X` lacks rows of `y`.

    Examples
    --------
    >>> y = pd.DataFrame({"sales": [1.0, 2.0]}, index=pd.period_range("2024-01", periods=2))
    >>> to_engine(Layout.learn(y), y)
       unique_id  ds    y
    0          0   0  1.0
    1          0   1  2.0
    """
    rows = layout.rows(y.index)
    order = sorting_order(rows)
    sorted_rows = rows if order is None else rows.take(order)
    _check_regular(layout, sorted_rows)
    values = y.iloc[:, 0].to_numpy()
    columns: dict[str, Any] = {
        "unique_id": sorted_rows.series,
        "ds": sorted_rows.steps,
        "y": values if order is None else values[order],
    }
    if X is not None and exog:
        columns |= _exogenous(layout, X, exog, sorted_rows, y.index if order is None else None)
    return pd.DataFrame(columns)


def future_exogenous(
    layout: Layout,
    X: pd.DataFrame,
    exog: Mapping[Hashable, str],
    cutoffs: Integers,
    h: int,
    needed: Integers | None = None,
) -> pd.DataFrame:
    """Return the exogenous rows of the `h` steps after the end of each series.

    Parameters
    ----------
    layout : Layout
        Layout of the target.
    X : pandas.DataFrame
        Exogenous columns; rows outside the window are ignored.
    exog : mapping of column to str
        Columns to keep, with their names in the long frame.
    cutoffs : numpy.ndarray of int, shape (n_series,)
        Last step of each series.
    h : int
        Steps ahead.
    needed : numpy.ndarray of int, shape (n_series,), optional
        Number of steps whose rows must be in `X`. `X` must then also contain the row at the end of
        each series, and later missing rows repeat the last known one. If None, all `h` rows are
        required.

    Returns
    -------
    pandas.DataFrame
        Columns `unique_id`, `ds` and the exogenous ones, `n_series * h` rows.

    Raises
    ------
    InvalidInputError
        If a row or a column is missing.

    Examples
    --------
    >>> X = pd.DataFrame({"price": [1.0, 2.0, 3.0]}, index=pd.RangeIndex(3))
    >>> layout = Layout.learn(X.iloc[:1])
    >>> future_exogenous(layout, X, {"price": "price"}, np.array([0]), h=2)
       unique_id  ds  price
    0          0   1    2.0
    1          0   2    3.0
    >>> more = future_exogenous(layout, X, {"price": "price"}, np.array([0]), 4, np.array([1]))
    >>> more["price"].tolist()
    [2.0, 3.0, 3.0, 3.0]
    """
    steps = np.arange(1 if needed is None else 0, h + 1)
    last = np.full(len(cutoffs), h) if needed is None else needed
    places = _future_places(layout, X.index, cutoffs, steps)
    _check_future(layout, cutoffs, (places < 0) & (steps <= last[:, None]), steps, last)
    repeated = np.maximum.accumulate(np.where(places < 0, 0, np.arange(len(steps))), axis=1)
    places = np.take_along_axis(places, repeated, axis=1)[:, steps > 0].ravel()
    columns: dict[str, Any] = {
        "unique_id": np.repeat(np.arange(len(cutoffs)), h),
        "ds": (cutoffs[:, None] + np.arange(1, h + 1)).ravel(),
    }
    return pd.DataFrame(columns | _taken(X, exog, places))


def known_future(layout: Layout, index: pd.Index, cutoffs: Integers, h: int) -> Flags:
    """Return which of the `h` steps after the end of each series an index contains.

    Parameters
    ----------
    layout : Layout
        Layout of the target.
    index : pandas.Index
        Index of the exogenous data.
    cutoffs : numpy.ndarray of int, shape (n_series,)
        Last step of each series.
    h : int
        Steps ahead.

    Returns
    -------
    numpy.ndarray of bool, shape (n_series, h)

    Examples
    --------
    >>> y = pd.DataFrame({"y": [1.0, 2.0]}, index=pd.RangeIndex(2))
    >>> known_future(Layout.learn(y), pd.RangeIndex(2, 4), np.array([1]), h=3).tolist()
    [[True, True, False]]
    """
    return _future_places(layout, index, cutoffs, np.arange(1, h + 1)) >= 0


def last_steps(long: pd.DataFrame) -> Integers:
    """Return the last step of each series, in the order of their numbers.

    Parameters
    ----------
    long : pandas.DataFrame
        Long frame from `to_engine` with all series of the layout.

    Returns
    -------
    numpy.ndarray of int, shape (n_series,)
        Last value of `ds` per series.

    Examples
    --------
    >>> last_steps(pd.DataFrame({"unique_id": [0, 0, 1], "ds": [0, 1, 5]})).tolist()
    [1, 5]
    """
    series, steps = long["unique_id"].to_numpy(), long["ds"].to_numpy()
    return np.asarray(steps[np.append(np.diff(series) > 0, True)], dtype=np.int64)


def exogenous_names(columns: pd.Index) -> dict[Hashable, str]:
    """Give each column of X a valid internal name: a unique, unreserved string.

    Parameters
    ----------
    columns : pandas.Index
        Columns of X, of any type.

    Returns
    -------
    dict of hashable to str
        The name of each column; its own name if possible.

    Examples
    --------
    >>> exogenous_names(pd.Index(["price", "y", 0, ""]))
    {'price': 'price', 'y': 'y_', 0: '0', '': '_'}
    """
    taken = set(RESERVED)
    names: dict[Hashable, str] = {}
    for column in columns:
        name = str(column)
        while not name or name in taken:
            name += "_"
        taken.add(name)
        names[column] = name
    return names


def _check_regular(layout: Layout, rows: Rows) -> None:
    """Raise for the first duplicate row or gap."""
    jumps = np.diff(rows.steps)
    wrong = (jumps != 1) & (np.diff(rows.series) == 0)
    if not wrong.any():
        return
    row = int(np.flatnonzero(wrong)[0])
    number = int(rows.series[row])
    first, second = (layout.time(number, int(step)) for step in rows.steps[row : row + 2])
    if jumps[row] == 0:
        problem, fix = f"has two rows for {first}", "drop one, e.g. y[~y.index.duplicated()]"
    else:
        problem = f"has a gap of {jumps[row] - 1} row(s) between {first} and {second}"
        fix = f"fill it, e.g. {_filling(layout)}"
        if layout.clock.step == "D":
            fix += ", or pass the frequency, e.g. freq='B'"
    raise InvalidInputError(f"{layout.describe(number)} {problem}; {fix}")


def _filling(layout: Layout) -> str:
    """Return code that fills gaps."""
    if layout.instances is None:
        return f"y.{_regular('y', layout)}.interpolate()"
    levels = list(range(layout.instances.nlevels))
    rows = f"(z := rows.droplevel({levels})).{_regular('z', layout)}.interpolate()"
    return f"y.groupby(level={levels}).apply(lambda rows: {rows})"


def _regular(name: str, layout: Layout) -> str:
    """Return the call that adds the missing rows of a single series."""
    clock, ends = layout.clock, f"{name}.index.min(), {name}.index.max()"
    if isinstance(clock, PeriodClock):
        return f"reindex(pd.period_range({ends}))"
    if isinstance(clock, IntegerClock):
        return f"reindex(range({ends} + 1, {clock.width}))"
    return f"asfreq({clock.step!r})"


def _exogenous(
    layout: Layout,
    X: pd.DataFrame,
    exog: Mapping[Hashable, str],
    wanted: Rows,
    same_as: pd.Index | None,
) -> dict[str, Any]:
    """Return the columns of `X` at the wanted rows."""
    if same_as is not None and X.index.equals(same_as) and X.index.names == same_as.names:
        return _taken(X, exog, None)
    places = _places(layout, X.index, wanted)
    if (places < 0).any():
        at = _place(layout, wanted, int(np.flatnonzero(places < 0)[0]))
        raise InvalidInputError(
            f"X has no row at {at}; pass X with each row of y, and with the steps after it up to "
            "the last point of fh"
        )
    return _taken(X, exog, places)


def _taken(
    X: pd.DataFrame, exog: Mapping[Hashable, str], places: Integers | None
) -> dict[str, Any]:
    """Return rows of the columns of `X` with internal names; all rows if None."""
    missing = [name for name in exog if name not in X.columns]
    if missing:
        raise InvalidInputError(
            f"X lacks the column {shown(missing[0])} that fit got; X has {shown(list(X.columns))}"
        )
    columns = {exog[name]: X[name].to_numpy() for name in exog}
    return columns if places is None else {name: v[places] for name, v in columns.items()}


def _places(layout: Layout, index: pd.Index, wanted: Rows) -> Integers:
    """Return the position of each wanted row in the index of `X`; -1 if it is missing."""
    have, places = _known_rows(layout, index)
    found, twice = find_rows(have, wanted)
    if len(twice):
        at = _place(layout, have, int(twice[0]))
        raise InvalidInputError(f"X has two rows at {at}; drop one, e.g. X[~X.index.duplicated()]")
    return np.where(found < 0, -1, places[found]) if len(places) else found


def _future_places(layout: Layout, index: pd.Index, cutoffs: Integers, steps: Integers) -> Integers:
    """Return the position in `index` of each step after the end of each series."""
    wanted = Rows(
        np.repeat(np.arange(len(cutoffs)), len(steps)), (cutoffs[:, None] + steps).ravel()
    )
    return _places(layout, index, wanted).reshape(len(cutoffs), len(steps))


def _check_future(
    layout: Layout, cutoffs: Integers, lacking: Flags, steps: Integers, last: Integers
) -> None:
    """Raise for the first required future row that is missing."""
    if not lacking.any():
        return
    series, place = np.argwhere(lacking)[0]
    at = layout.place(int(series), int(cutoffs[series] + steps[place]))
    number = int(last[series])
    raise InvalidInputError(
        f"X has no row at {at}; the model uses X at every step from the end of the series to the "
        f"last point of fh, also between the points of fh: pass these {number} rows, or where "
        f"they can't be passed (evaluate, ForecastX), forecast each step: fh=range(1, {number + 1})"
    )


def _known_rows(layout: Layout, index: pd.Index) -> tuple[Rows, Integers]:
    """Return the rows of `X` that belong to known series, and their positions."""
    known = layout.knows(index)
    places = np.flatnonzero(known)
    return layout.rows(index if known.all() else index[places]), places


def _place(layout: Layout, rows: Rows, row: int) -> str:
    return layout.place(int(rows.series[row]), int(rows.steps[row]))
