"""Pass frames to neuralforecast without their time zone if steps are days or longer.

neuralforecast adds days in the time zone. That fails where a midnight does not exist, and continues
at 01:00 after a skipped one. Wall-clock dates avoid both.
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
    """Call a fitted object on wall-clock dates, without time zones.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        The fitted object.
    ask : callable
        Function of `df` and `futr_df` that calls neuralforecast and returns its result.
    history, futr_df : DataFrame, optional
        The prepared frames.

    Returns
    -------
    result : object
        The return value of `ask`.
    zone : tzinfo or None
        The zone for `in_zone` to restore; None if there is none.
    """
    zone = day_zone(pd.Index(fitted.ds[:1]) if history is None else history["ds"], fitted.freq)
    if zone is None:
        return ask(df=history, futr_df=futr_df), None
    with _stored_on_wall(fitted):
        return ask(df=on_wall(history, fitted.freq), futr_df=on_wall(futr_df, fitted.freq)), zone


def day_zone(times: Any, freq: Any) -> Any:
    """Return the time zone of times whose steps are counted in wall-clock days.

    Parameters
    ----------
    times : Series or Index
        The times.
    freq : str or int
        Their frequency.

    Returns
    -------
    tzinfo or None
        None for times without a zone and for steps of absolute time.

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
    """Convert the times of a frame to wall-clock times, if the frequency counts days.

    Parameters
    ----------
    frame : DataFrame, optional
        Frame with a column `ds`; None is returned unchanged.
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
    """Restore the time zone of a forecast.

    Parameters
    ----------
    frame : DataFrame
        Frame with a column `ds` and optionally `cutoff`.
    zone : tzinfo or None
        The zone; None returns the frame unchanged.

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
    names = [name for name in ("ds", "cutoff") if _holds_dates(frame, name)]
    return frame.assign(**{n: localised(pd.DatetimeIndex(frame[n]), zone) for n in names})


def _holds_dates(frame: pd.DataFrame, name: str) -> bool:
    """Return whether a frame has a column of dates; a user's own column may have its name."""
    return name in frame.columns and not pd.api.types.is_numeric_dtype(frame[name].dtype)


@contextmanager
def _stored_on_wall(fitted: Any) -> Iterator[None]:
    """Temporarily store the last time of each series as wall-clock time."""
    kept = fitted.last_dates
    fitted.last_dates = wall_times(pd.DatetimeIndex(kept))
    try:
        yield
    finally:
        fitted.last_dates = kept
