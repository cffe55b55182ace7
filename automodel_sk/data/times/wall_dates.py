"""Frames of a time zone lent to upstream without it, where steps are days or longer.

Upstream adds days in the time zone, which fails where a midnight does not exist and
goes on at 01:00 after one that was skipped. Days are counted on the wall instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from automodel_sk.data.times.steps import counts_days
from automodel_sk.data.times.wall_clock import localised, wall_times

__all__ = ["day_zone", "in_zone", "on_wall", "with_wall_dates"]


def with_wall_dates(
    fitted: Any, ask: Callable[..., Any], history: pd.DataFrame | None, futr_df: Any
) -> tuple[Any, Any]:
    """Ask a fitted object for steps after the end of each series, on the clock of the wall.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        The fitted object.
    ask : callable
        Takes `df` and `futr_df`; returns what upstream does.
    history, futr_df : DataFrame, optional
        Prepared frames.

    Returns
    -------
    result : object
        What `ask` returned.
    zone : tzinfo or None
        The zone that its times are to be put into by `in_zone`; None for none.
    """
    zone = day_zone(pd.Index(fitted.ds[:1]) if history is None else history["ds"], fitted.freq)
    if zone is None:
        return ask(df=history, futr_df=futr_df), None
    with _stored_on_wall(fitted):
        return ask(df=on_wall(history, fitted.freq), futr_df=on_wall(futr_df, fitted.freq)), zone


def day_zone(times: Any, freq: Any) -> Any:
    """Return the zone of times that are counted in days on its wall clocks.

    Parameters
    ----------
    times : Series or Index
        The times.
    freq : str or int
        Their frequency.

    Returns
    -------
    tzinfo or None
        None for times without a zone, and for steps of absolute time.

    Examples
    --------
    >>> days = pd.date_range("2024-04-25", periods=1, tz="Africa/Cairo")
    >>> str(day_zone(days, "D")), day_zone(days, "h")
    ('Africa/Cairo', None)
    """
    if not isinstance(getattr(times, "dtype", None), pd.DatetimeTZDtype):
        return None
    return times.dtype.tz if counts_days(freq) else None


def on_wall(frame: Any, freq: Any) -> Any:
    """Return a frame whose times are those on the wall, where the frequency counts days.

    Parameters
    ----------
    frame : DataFrame, optional
        With a column `ds`; None is returned as it is.
    freq : str or int
        The frequency.

    Returns
    -------
    DataFrame or None

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-04-25", "2024-04-26 01:00"], tz="Africa/Cairo")
    >>> on_wall(pd.DataFrame({"ds": days}), "D")["ds"].astype(str).tolist()
    ['2024-04-25', '2024-04-26']
    """
    if frame is None or day_zone(frame["ds"], freq) is None:
        return frame
    return frame.assign(ds=wall_times(pd.DatetimeIndex(frame["ds"])))


def in_zone(frame: pd.DataFrame, zone: Any) -> pd.DataFrame:
    """Return a forecast with its times in a zone again.

    Parameters
    ----------
    frame : DataFrame
        With columns `ds` and perhaps `cutoff`.
    zone : tzinfo or None
        None returns the frame as it is.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> table = pd.DataFrame({"ds": pd.DatetimeIndex(["2024-04-26"])})
    >>> in_zone(table, "Africa/Cairo")["ds"][0].hour
    1
    """
    if zone is None:
        return frame
    names = [name for name in ("ds", "cutoff") if name in frame.columns]
    return frame.assign(**{n: localised(pd.DatetimeIndex(frame[n]), zone) for n in names})


@contextmanager
def _stored_on_wall(fitted: Any) -> Iterator[None]:
    """Hold the ends of the stored series on the wall."""
    kept = fitted.last_dates
    fitted.last_dates = wall_times(pd.DatetimeIndex(kept))
    try:
        yield
    finally:
        fitted.last_dates = kept
