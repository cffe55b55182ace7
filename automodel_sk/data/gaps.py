"""Fill gaps in series, if asked to: times without a row, and rows without a value."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.preparation import ID, MASK, TARGET, TIME
from automodel_sk.data.times.wall_dates import day_zone, in_zone, on_wall
from automodel_sk.data.wording import wording

__all__ = ["Filled", "fill_gaps", "without_gaps"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Filled:
    """What was filled.

    Parameters
    ----------
    rows : int
        Rows that were added.
    values : int
        Rows whose value was empty.
    series : int
        Series that had gaps.
    first : tuple, optional
        Series and time of the first gap.
    method : str
        One of `FILLS`.

    Examples
    --------
    >>> str(Filled(2, 1, 1, ("a", 3), "zero"))
    "gaps of 1 series are filled with 0: 2 rows added, 1 empty value, first in series 'a' at 3"
    """

    rows: int
    values: int
    series: int
    first: tuple[Any, Any] | None
    method: str

    def __str__(self) -> str:
        how = {
            "zero": "filled with 0",
            "ffill": "filled with the value before",
            "interpolate": "filled by interpolation",
            "mask": "marked as not observed",
        }[self.method]
        added = f"{self.rows:,} row{'' if self.rows == 1 else 's'} added"
        empty = f"{self.values:,} empty value{'' if self.values == 1 else 's'}"
        words, where = wording(), ""
        if self.first is not None:
            name, time = self.first
            where = f", first in {words.series(name)} at {words.time(name, time)}"
        return f"gaps of {self.series:,} series are {how}: {added}, {empty}{where}"


def without_gaps(
    df: pd.DataFrame,
    method: str | None,
    freq: str | int,
    categories: Collection[str] = (),
    *,
    quiet: bool = False,
) -> pd.DataFrame:
    """Return a frame whose gaps are filled, and warn of what was filled; unchanged for None."""
    if method is None:
        return df
    frame, filled = fill_gaps(df, method, freq, categories)
    if filled.series and not quiet:
        logger.warning("%s", filled)
    return frame


def fill_gaps(
    df: pd.DataFrame, method: str, freq: str | int, categories: Collection[str] = ()
) -> tuple[pd.DataFrame, Filled]:
    """Fill the gaps between the first and the last value of each series.

    Rows before the first value of a series and after its last one are left as they are. The other
    columns of added rows repeat the row before; with "interpolate", those of floats that are no
    categories are interpolated, as the target is. A value under the mask is none to fill from: an
    added row without an observed value before it, or beside it, is marked as not observed.

    Parameters
    ----------
    df : DataFrame
        Long frame with times that are read; distinct, on the grid of the frequency.
    method : str
        One of `FILLS`.
    freq : str or int
        Step of the data.
    categories : collection of str
        Columns whose numbers stand for categories.

    Returns
    -------
    DataFrame, Filled
        A frame with duplicate rows, or with rows off the grid, is returned unchanged: it has to be
        corrected first.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 5], "y": [1.0, 2.0, 8.0]})
    >>> fill_gaps(df, "interpolate", 1)[0]["y"].tolist()
    [1.0, 2.0, 4.0, 6.0, 8.0]
    >>> fill_gaps(df, "mask", 1)[0]["available_mask"].tolist()
    [1.0, 1.0, 0.0, 0.0, 1.0]
    """
    nothing = Filled(0, 0, 0, None, method)
    if df[[ID, TIME]].isna().any(axis=None) or df.duplicated([ID, TIME]).any():
        return df, nothing
    if not pd.api.types.is_numeric_dtype(df[TARGET].dtype):
        return df, nothing
    whole, is_new = _with_every_time(df, freq)
    if whole is None:
        return df, nothing
    gap = is_new | (whole[TARGET].isna() & _within(whole, method) & _seen(whole)).to_numpy()
    if not gap.any():
        return df, nothing
    first = whole.loc[gap, [ID, TIME]].iloc[0]
    values = int(gap.sum() - is_new.sum())
    series = int(whole.loc[gap, ID].nunique())
    filled = Filled(int(is_new.sum()), values, series, (first[ID], first[TIME]), method)
    straight = [
        name
        for name in whole.columns
        if method == "interpolate"
        and name not in (ID, TIME, TARGET, MASK, *categories)
        and pd.api.types.is_float_dtype(whole[name].dtype)
    ]
    whole = _with_target(_with_columns(whole, is_new, straight), gap, method)
    if MASK in whole.columns:
        whole = _marked(whole, is_new & whole[TARGET].isna().to_numpy(), observed=False)
    return whole, filled


def _seen(frame: pd.DataFrame) -> Any:
    """Return which rows count as observed."""
    return frame[MASK] != 0 if MASK in frame.columns else np.ones(len(frame), dtype=bool)


def _marked(frame: pd.DataFrame, rows: Any, *, observed: bool) -> pd.DataFrame:
    """Return the frame with a mask that marks rows as observed or not, of the type that it has."""
    mask = frame[MASK] if MASK in frame.columns else pd.Series(1.0, index=frame.index)
    is_bool = pd.api.types.is_bool_dtype(mask.dtype)
    return frame.assign(**{MASK: mask.where(~rows, observed if is_bool else int(observed))})


def _with_every_time(df: pd.DataFrame, freq: str | int) -> tuple[Any, Any]:
    """Return the frame, sorted, with a row for each time, and which rows are new.

    New rows repeat the row before, without its target. None if a row is off the grid.
    """
    from utilsforecast.preprocessing import fill_gaps as with_rows

    zone = getattr(df[TIME].dtype, "tz", None)
    by_day = day_zone(df[TIME], freq)
    plain = on_wall(df[[ID, TIME]], freq)
    if zone is not None and by_day is None:
        plain = plain.assign(**{TIME: df[TIME].dt.tz_convert("UTC").dt.tz_localize(None)})
    try:
        keys = with_rows(plain, freq, start="per_serie", end="per_serie")
    except (ValueError, TypeError, OverflowError):  # times that no such frequency reaches
        return None, None
    keys = keys[[ID, TIME]].astype({TIME: plain[TIME].dtype})
    numbered = plain.assign(row=np.arange(len(plain)))
    rows = keys.merge(numbered, on=[ID, TIME], how="left")["row"]
    is_new = rows.isna().to_numpy()
    if int((~is_new).sum()) != len(plain):
        return None, None
    keys = in_zone(keys, by_day)
    if zone is not None and by_day is None:
        keys = keys.assign(**{TIME: keys[TIME].dt.tz_localize("UTC").dt.tz_convert(zone)})
    whole = df.take(rows.ffill().astype(int)).reset_index(drop=True)
    return whole.assign(**{TIME: keys[TIME], TARGET: whole[TARGET].where(~is_new)}), is_new


def _known(frame: pd.DataFrame, method: str) -> pd.Series[Any]:
    """Return the target, without what unobserved rows hold if gaps are filled from values."""
    target = frame[TARGET]
    return target.where(_seen(frame)) if method in ("ffill", "interpolate") else target


def _within(frame: pd.DataFrame, method: str) -> pd.Series[Any]:
    """Return which rows lie between the first and the last value of their series."""
    values = _known(frame, method).groupby(frame[ID], observed=True, sort=False)
    return values.ffill().notna() & values.bfill().notna()


def _with_columns(frame: pd.DataFrame, is_new: Any, straight: Collection[str]) -> pd.DataFrame:
    """Return the frame with values in the other columns of the new rows.

    Those repeat the last value, or lie on a straight line in the columns `straight`.
    """
    changed: dict[str, Any] = {}
    for name in frame.columns.difference([ID, TIME, TARGET, MASK], sort=False):
        if name in straight:
            changed[name] = frame[name].where(~is_new, _interpolated(frame, name, ~is_new))
        elif frame.loc[is_new, name].isna().any():
            before = frame.groupby(ID, observed=True, sort=False)[name].ffill()
            changed[name] = frame[name].where(~is_new, before)
    frame = frame.assign(**changed)
    return _marked(frame, is_new, observed=True) if MASK in frame.columns else frame


def _with_target(frame: pd.DataFrame, gap: Any, method: str) -> pd.DataFrame:
    if method == "mask":
        return _marked(frame, gap, observed=False)
    values: Any = 0.0
    if method == "ffill":
        values = _known(frame, method).groupby(frame[ID], observed=True, sort=False).ffill()
    elif method == "interpolate":
        values = _interpolated(frame, TARGET, _seen(frame))
    return frame.assign(**{TARGET: frame[TARGET].astype(np.float64).where(~gap, values)})


def _interpolated(frame: pd.DataFrame, name: str, known: Any) -> pd.Series[Any]:
    """Return a column of known values, its gaps filled on straight lines by series."""
    column = frame[name].astype(np.float64).where(known)
    groups = column.groupby(frame[ID], observed=True, sort=False)
    return groups.transform(lambda values: values.interpolate(limit_area="inside"))
