"""Infer the frequency of a panel, check it, and look up its season length."""

from __future__ import annotations

from math import lcm
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Day, Tick

from automodel_sk.data.panel import Panel
from automodel_sk.data.times.calendar_positions import MONTHS_PER_STEP
from automodel_sk.data.times.steps import DAY, nanoseconds, parse_frequency, step_alias
from automodel_sk.data.times.time_grid import TimeGrid
from automodel_sk.data.times.wall_clock import as_integers, distances, wall_times
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "infer_frequency",
    "infer_panel_frequency",
    "likely_frequency",
    "monthly_advice",
    "parse_frequency",
    "season_length",
]

MIN_REGULAR = 0.5
"""Share of a series' steps that must agree for a frequency to be inferred."""

_SHORTEST_MONTH = 28
"""Days between one day of the month and the same of the next, at the least."""

_SAMPLE = 10_000
_SECOND = 10**9

_MONTHS_PER_STEP = {**MONTHS_PER_STEP, "REQ": 3, "RE": 12}
_STEPS_PER_CYCLE = {"SME": 24, "SMS": 24, "B": 5, "C": 5, "bh": 8, "cbh": 8}

_CYCLES = ((10**9, 10**9), (60 * 10**9, 3600 * 10**9), (DAY, DAY), (7 * DAY, 7 * DAY))
_DAYS_PER_YEAR = 365.25


def infer_frequency(df: pd.DataFrame, id_col: str = "unique_id", time_col: str = "ds") -> str | int:
    """Infer the frequency of a long frame.

    Tries the longest series, then the distinct times of all series, then the longest series again
    with gaps allowed.

    Parameters
    ----------
    df : pandas.DataFrame
        Long frame.
    id_col, time_col : str
        Names of the id and time columns.

    Returns
    -------
    str or int
        A pandas offset alias, or 1 if the times are integers.

    Raises
    ------
    InvalidInputError
        If no step fits at least half of the longest series.

    Examples
    --------
    >>> times = pd.date_range("2020-01-31", periods=4, freq="ME")
    >>> infer_frequency(pd.DataFrame({"unique_id": "a", "ds": times}))
    'ME'
    >>> infer_frequency(pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3]}))
    1
    """
    missing = [name for name in (id_col, time_col) if name not in df.columns]
    if missing:
        raise InvalidInputError(
            f"column {missing[0]!r} is missing, found {list(map(str, df.columns))}; "
            f'rename one, e.g. df.rename(columns={{"{df.columns[0]}": "{missing[0]}"}})'
            if len(df.columns)
            else f"column {missing[0]!r} is missing: the frame has no columns"
        )
    return infer_panel_frequency(Panel.of(df[id_col], df[time_col]), time_col)


def infer_panel_frequency(panel: Panel, time_col: str = "ds") -> str | int:
    """Infer the frequency of a panel.

    Parameters
    ----------
    panel : Panel
        The panel.
    time_col : str
        Name of the time column, for messages.

    Returns
    -------
    str or int

    Raises
    ------
    InvalidInputError
        As `infer_frequency`.

    Examples
    --------
    >>> times = pd.Series(pd.date_range("2020-01-01", periods=3, freq="15min"))
    >>> infer_panel_frequency(Panel.of(pd.Series(["a", "a", "a"]), times))
    '15min'
    """
    if panel.has_integer_times:
        return 1
    longest = pd.DatetimeIndex(
        panel.times_of(int(panel.lengths.argmax())) if len(panel.ids) else []
    )
    if len(longest) < 2:
        raise InvalidInputError(
            f"the frequency of {time_col!r} can't be inferred: no series has two different times; "
            'pass it, e.g. freq="ME"'
        )
    monthly = monthly_advice(longest, time_col)
    if monthly is not None:
        raise InvalidInputError(monthly)
    found = _ask_pandas(longest) or _fitting(_ask_pandas(pd.DatetimeIndex(panel.times)), longest)
    if found is None:
        found = _best_candidate(longest[:_SAMPLE])
    if found is None:
        step = step_alias(_common_step(longest))
        code = f'df = utilsforecast.preprocessing.fill_gaps(df, freq="{step}", end="per_serie")'
        fill = wording().how(f": {code}, then fill the target", " with a row for each missing time")
        raise InvalidInputError(
            f"the times of {time_col!r} are not regularly spaced (first: {longest[0]},"
            f" {longest[1]}); fill the gaps{fill}; or pass the frequency, "
            'e.g. freq="D"'
        )
    return found


def likely_frequency(times: pd.DatetimeIndex, least: float = MIN_REGULAR) -> str | None:
    """Return the frequency that reaches every time and fits most steps.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        Times of one series, ascending and distinct.
    least : float, default 0.5
        Share of the steps that must fit; 1 if none may be missing.

    Returns
    -------
    str or None
        None if no frequency does.

    Examples
    --------
    >>> times = pd.bdate_range("2024-01-01", periods=19)[::2]
    >>> likely_frequency(times, least=1.0)
    '2B'
    >>> print(likely_frequency(times.delete(3), least=1.0), likely_frequency(times.delete(3)))
    None 2B
    """
    sample = times[:_SAMPLE]
    scores = {freq: _fit(freq, sample) for freq in _candidates(sample)}
    for freq in sorted(scores, key=lambda freq: -scores[freq]):
        if scores[freq] < least:
            return None
        if _reaches(freq, times):
            return freq
    return None


def _reaches(freq: str, times: pd.DatetimeIndex) -> bool:
    """Return whether every time is a whole number of steps after the first."""
    grid = TimeGrid.of(times, freq)
    return not np.isnan(grid.steps(np.zeros(len(times), dtype=int), np.arange(len(times)))).any()


def monthly_advice(times: pd.DatetimeIndex, time_col: str = "ds") -> str | None:
    """Say how to move times that fall on one day of the month, for which pandas has no frequency.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        Times of one series, ascending and distinct.
    time_col : str
        Name of the time column.

    Returns
    -------
    str or None
        None if the times do not fall on one day of the month.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-15", "2024-02-15", "2024-03-15"])
    >>> print(monthly_advice(days))
    column 'ds' holds day 15 of each month, which is not a pandas frequency; move it to ...
    """
    wall = times.tz_localize(None)
    days = wall.to_numpy("M8[D]").astype(np.int64)  # nanoseconds overflow over 292 years
    if (np.diff(days) < _SHORTEST_MONTH).any():  # quick, and true of most data
        return None
    day = int(wall.day.max()) if len(wall) > 2 else 1
    at_end = wall.is_month_end
    shared = (wall.day == day) | (at_end & (wall.day < day))
    months = np.diff(wall.year.to_numpy() * 12 + wall.month.to_numpy())
    if day == 1 or at_end.all() or not shared.all() or (months < 1).any():
        return None
    zone = "" if times.tz is None else ".dt.tz_localize(None)"
    code = f': df["{time_col}"] = df["{time_col}"]{zone}.dt.to_period("M").dt.to_timestamp()'
    return (
        f"column {time_col!r} holds day {day} of each month, which is not a pandas frequency; "
        f"move it to the start of the month{wording().how(code, ', such as 2024-01-01')}"
    )


def season_length(freq: str | int | BaseOffset) -> int:
    """Return the number of steps after which the seasonal pattern repeats.

    Parameters
    ----------
    freq : str, int or pandas offset
        The frequency, e.g. ``"ME"`` or ``"15min"``; an integer has no season.

    Returns
    -------
    int
        Steps per year for months, quarters and weeks; per week for days; per
        day for hours and minutes; per hour for seconds. At least 1.

    Raises
    ------
    InvalidInputError
        If the frequency is unknown.

    Examples
    --------
    >>> [season_length(f) for f in ("ME", "QE", "W", "D", "B", "h", "2h", "15min", "YE", 1)]
    [12, 4, 52, 7, 5, 24, 12, 96, 1, 1]
    """
    offset = parse_frequency(freq)
    if isinstance(offset, int):
        return 1
    if isinstance(offset, (Tick, Day)):
        return _season_of_nanoseconds(nanoseconds(offset))
    prefix = offset.base.name.split("-")[0]
    if prefix == "W":
        return max(1, round(52 / offset.n))
    if prefix in _MONTHS_PER_STEP:
        months = _MONTHS_PER_STEP[prefix] * offset.n
        return lcm(months, 12) // months
    cycle = _STEPS_PER_CYCLE.get(prefix, 1)
    return lcm(offset.n, cycle) // offset.n


def _season_of_nanoseconds(step: int) -> int:
    """Return the steps per second, hour, day or week, or per year for longer steps."""
    for longest, cycle in _CYCLES:
        if step < longest:
            return lcm(step, cycle) // step
    return max(1, round(_DAYS_PER_YEAR * DAY / step))


def _ask_pandas(times: pd.DatetimeIndex) -> str | None:
    """Return the frequency that pandas infers from ascending, distinct times."""
    if len(times) < 3:
        return None
    return pd.infer_freq(times)


def _fitting(freq: str | None, times: pd.DatetimeIndex) -> str | None:
    """Return the frequency if it fits at least half of the steps, else None."""
    return freq if freq is not None and _fit(freq, times) >= MIN_REGULAR else None


def _best_candidate(times: pd.DatetimeIndex) -> str | None:
    """Return the candidate frequency that fits most steps, gaps allowed."""
    scores = {freq: _fit(freq, times) for freq in _candidates(times)}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] >= MIN_REGULAR else None


def _candidates(times: pd.DatetimeIndex) -> list[str]:
    """Return calendar frequencies that reach the first time, and the most common step."""
    month, day = times[0].strftime("%b").upper(), times[0].strftime("%a").upper()
    values, counts = np.unique(_gaps(times), return_counts=True)
    commonest = int(values[counts.argmax()]) * _per_unit(times)
    months = max(1, round(commonest / DAY / _DAYS_PER_YEAR * 12))
    yearly = [f"{kind}-{month}" for kind in ("YE", "YS", "QE", "QS")]
    business = [f"{kind}-{month}" for kind in ("BYE", "BYS", "BQE", "BQS")]
    monthly = ["ME", "MS", "SME", "SMS", "BME", "BMS", f"{months}ME", f"{months}MS"]
    several = _business_days(times)
    return [*yearly, *business, *monthly, f"W-{day}", "D", "B", step_alias(commonest), *several]


def _business_days(times: pd.DatetimeIndex) -> list[str]:
    """Return the most common step in business days, if it is several and no time is on a weekend.

    Every second business day is two or four days after the one before, so no fixed step fits.
    """
    wall = wall_times(times)
    if (wall.dayofweek > 4).any():
        return []
    days = wall.to_numpy().astype("datetime64[D]")
    steps, counts = np.unique(np.busday_count(days[:-1], days[1:]), return_counts=True)
    commonest = int(steps[counts.argmax()])
    return [f"{commonest}B"] if commonest > 1 else []


def _common_step(times: pd.DatetimeIndex) -> int:
    """Return the greatest common divisor of the steps in nanoseconds; a day if it is tiny."""
    step = int(np.gcd.reduce(_gaps(times))) * _per_unit(times)
    return step if step >= _SECOND else DAY


def _gaps(times: pd.DatetimeIndex) -> npt.NDArray[np.uint64]:
    """Return the distance of each time from the one before, by the wall clock."""
    numbers = as_integers(wall_times(times))
    return distances(numbers[:-1], numbers[1:])


def _per_unit(times: pd.DatetimeIndex) -> int:
    """Return the nanoseconds per unit of the times' resolution."""
    unit: Any = pd.Timedelta(1, unit=times.unit)
    return nanoseconds(to_offset(unit))


def _fit(freq: str, times: pd.DatetimeIndex) -> float:
    """Return the share of steps that equal the frequency; 0 if it can't reach the times."""
    ranks = np.arange(len(times))
    try:
        grid = TimeGrid.of(times, freq)
    except InvalidInputError:
        return 0.0
    return float((grid.steps(ranks[:-1], ranks[1:]) == 1).mean())
