"""Rows that came after the training data: windows of them, and forecasts made without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.calendar import with_calendar
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.future_values import times_after
from automodel_sk.portfolio.data import PortfolioData

__all__ = [
    "EveryWindow",
    "LaterWindow",
    "joined",
    "known_ahead",
    "later_windows",
    "rows_after",
    "with_past",
]


class EveryWindow(PortfolioData):
    """Data of which every series takes part, each being long enough."""

    @cached_property
    def is_judged(self) -> npt.NDArray[np.bool_]:
        """All series."""
        return np.ones(len(self.lengths), dtype=bool)


@dataclass(frozen=True)
class LaterWindow:
    """One horizon of later rows, and what came before it.

    Parameters
    ----------
    data : PortfolioData
        The series that have rows in the window, up to its start.
    future : DataFrame
        Ids, times and future-known columns of the window's rows.
    """

    data: PortfolioData
    future: pd.DataFrame


def later_windows(
    data: PortfolioData, later: pd.DataFrame, times: pd.DataFrame, known: pd.DataFrame
) -> Iterator[LaterWindow]:
    """Yield the horizons that follow the training data, one after the other.

    Parameters
    ----------
    data : PortfolioData
        The training data.
    later : DataFrame
        The result of `rows_after`.
    times : DataFrame
        Ids and times of all steps after the training data that may be needed, `h` at a time.
    known : DataFrame
        The result of `known_ahead`.

    Raises
    ------
    InvalidInputError
        If a row is missing between the training data and the later ones.
    """
    _check_complete(later, times)
    rows, steps = (
        frame.groupby("unique_id", observed=True, sort=False).cumcount().to_numpy()
        for frame in (later, times)
    )
    for first in range(0, int(rows.max()) + 1, data.h):
        inside = (rows >= first) & (rows < first + data.h)
        future = later.loc[inside, ["unique_id", "ds"]]
        if len(known.columns) > len(future.columns):
            ahead = times[(steps >= first) & (steps < first + data.h)]
            ahead = ahead[ahead["unique_id"].isin(future["unique_id"])]
            future = _with_known(ahead, known)
            if future.isna().to_numpy().any():
                return  # the future values of the last steps are not known
        yield _window(data, later[rows < first], later[inside], future.reset_index(drop=True))


def _with_known(ahead: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return steps with the columns that are known ahead; those of the calendar are computed."""
    columns = [name for name in known.columns if name not in ("unique_id", "ds")]
    computed = with_calendar(ahead, columns)
    given = known.drop(columns=[name for name in columns if name in computed.columns])
    both = computed.merge(given, on=["unique_id", "ds"], how="left", validate="one_to_one")
    return both[["unique_id", "ds", *columns]]


def known_ahead(
    later: pd.DataFrame, columns: Sequence[str], futr_df: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the columns that are known ahead, of later rows and of the steps after them.

    Parameters
    ----------
    later : DataFrame
        The result of `rows_after`.
    columns : sequence of str
        The columns.
    futr_df : DataFrame, optional
        Prepared values of them, which may be of the same steps and of later ones.

    Examples
    --------
    >>> later = pd.DataFrame({"unique_id": ["a"], "ds": [1], "price": [2.0]})
    >>> futr_df = pd.DataFrame({"unique_id": "a", "ds": [1, 2], "price": [0.0, 3.0]})
    >>> known_ahead(later, ["price"], futr_df)["price"].tolist()
    [2.0, 3.0]
    """
    own = later[["unique_id", "ds", *columns]]
    if futr_df is None:
        return own
    both = pd.concat([own, futr_df[own.columns]], ignore_index=True)
    return both.drop_duplicates(["unique_id", "ds"])


def rows_after(data: PortfolioData, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a prepared frame that came after the training data.

    Raises
    ------
    InvalidInputError
        If a series was not trained on, or no row came later.
    """
    ends = data.frame.groupby("unique_id", observed=True, sort=False)["ds"].last()
    unknown = frame.loc[~frame["unique_id"].isin(ends.index), "unique_id"].unique()
    if len(unknown):
        raise InvalidInputError(
            f"{wording().series(unknown[0])} was not trained on, {len(unknown)} such in all; pass"
            " rows that follow the training data"
        )
    later = frame[frame["ds"].to_numpy() > frame["unique_id"].map(ends).to_numpy()]
    if later.empty:
        raise InvalidInputError(
            f"no row came after the training data, which end at {ends.max()}; pass later rows"
        )
    return later.reset_index(drop=True)


def with_past(data: PortfolioData, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a prepared frame, with the training rows before series of which it has none of these.

    Columns that the frame lacks are left out.

    Raises
    ------
    InvalidInputError
        If a row is missing between the training data and the later ones.
    """
    train = data.frame
    ends, starts = (
        train["unique_id"].map(rows.groupby("unique_id", observed=True, sort=False)["ds"].agg(end))
        for rows, end in ((train, "last"), (frame, "first"))
    )
    past = train[starts.notna() & (starts > ends)]
    if past.empty:
        return frame
    firsts = frame[frame["unique_id"].isin(past["unique_id"])].drop_duplicates("unique_id")
    _check_complete(firsts, times_after(past, data.freq, 1))
    return joined(past.loc[:, past.columns.isin([*frame.columns, MASK, WEIGHT])], frame)


def _check_complete(later: pd.DataFrame, times: pd.DataFrame) -> None:
    """Raise if rows are missing between the training data and the later ones."""
    keys = ["unique_id", "number"]
    frames = (later, times)
    own, all_steps = (
        f[["unique_id", "ds"]].assign(number=f.groupby("unique_id", sort=False).cumcount())
        for f in frames
    )
    both = own.merge(all_steps, on=keys, suffixes=("", "_expected"), validate="one_to_one")
    wrong = both[both["ds"] != both["ds_expected"]]
    if len(wrong):
        first = wrong.iloc[0]
        raise InvalidInputError(
            f"{wording().series(first['unique_id'])} lacks the row of {first['ds_expected']}, the"
            f" next one is of {first['ds']}; pass all rows since the training data"
        )


def _window(
    data: PortfolioData, before: pd.DataFrame, inside: pd.DataFrame, future: pd.DataFrame
) -> LaterWindow:
    kept = data.frame["unique_id"].isin(inside["unique_id"])
    known = before[before["unique_id"].isin(inside["unique_id"])]
    static = data.static_df
    if static is not None:
        static = static[static["unique_id"].isin(inside["unique_id"])].reset_index(drop=True)
    return LaterWindow(
        replace(data, frame=joined(data.frame[kept], known), static_df=static), future
    )


def joined(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of two prepared frames of the same series, sorted.

    Examples
    --------
    >>> earlier = pd.DataFrame({"unique_id": ["a", "b"], "ds": [1, 1], "y": [1.0, 2.0]})
    >>> later = pd.DataFrame({"unique_id": ["a"], "ds": [2], "y": [0.0], "available_mask": [0.0]})
    >>> joined(earlier, later)["available_mask"].tolist()
    [1.0, 0.0, 1.0]
    """
    flags = [c for c in (MASK, WEIGHT) if c in earlier.columns or c in later.columns]
    columns = list(dict.fromkeys([*earlier.columns, *flags]))
    both = pd.concat([earlier, later], ignore_index=True)[columns]
    both = both.fillna(dict.fromkeys(flags, 1.0))
    return both.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
