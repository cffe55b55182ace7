"""Columns of the calendar: computed from the times wherever a model reads them.

A calendar column says by its name what it holds, such as ``calendar_weekday_sin1`` or
``calendar_holiday_DE-BY``. So a model that reads some needs no future values of them from anybody,
and nothing beside its list of columns has to be saved with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.data.times.steps import parse_frequency, plain_frequency
from automodel_sk.data.times.wall_clock import wall_times
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError

__all__ = [
    "PARTS",
    "calendar_columns",
    "is_calendar",
    "with_calendar",
    "without_calendar",
]

Floats = npt.NDArray[np.float64]


class _Part(NamedTuple):
    """A part of the calendar: its cycle, and the days from which a step spans all of it."""

    phase: Callable[[pd.DatetimeIndex], Any]
    harmonics: int
    longest: float


# As sine and cosine waves, which join the end of a cycle to its beginning; three waves of a week
# tell all weekdays apart.
PARTS: Mapping[str, _Part] = {
    "minute": _Part(lambda t: t.minute / 60, 1, 1 / 24.5),
    "hour": _Part(lambda t: (t.hour + t.minute / 60) / 24, 2, 0.99),
    "weekday": _Part(lambda t: t.dayofweek / 7, 3, 6.9),
    "day": _Part(lambda t: (t.day - 1) / t.days_in_month, 2, 27.0),
    "week": _Part(lambda t: (t.dayofyear - 1) / 365.25, 2, 180.0),
    "month": _Part(lambda t: (t.month - 1) / 12, 2, 180.0),
    "quarter": _Part(lambda t: (t.quarter - 1) / 4, 1, 180.0),
}
"""The parts that a column can hold."""

_CHOSEN: Sequence[tuple[float, tuple[str, ...]]] = (
    (0.99, ("hour", "weekday", "month")),
    (6.9, ("weekday", "month")),
    (27.0, ("week",)),
    (80.0, ("month",)),
    (180.0, ("quarter",)),
)
"""The parts that are chosen for steps of fewer days."""

AUTO = "auto"
_WAVE = re.compile(rf"calendar_({'|'.join(PARTS)})_(sin|cos)([1-9])")
_HOLIDAY = re.compile(r"calendar_holiday_([A-Z]{2,4})(?:-([A-Za-z0-9]{1,10}))?")
_CODE = re.compile(r"([A-Z]{2,4})(?:-([A-Za-z0-9]{1,10}))?")


def is_calendar(name: Any) -> bool:
    """Return whether a name is that of a column of the calendar.

    Examples
    --------
    >>> is_calendar("calendar_weekday_sin1"), is_calendar("calendar_holiday_DE"), is_calendar("x")
    (True, True, False)
    """
    text = str(name)
    return _WAVE.fullmatch(text) is not None or _HOLIDAY.fullmatch(text) is not None


def without_calendar(names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns whose values come from the user.

    Examples
    --------
    >>> without_calendar(["price", "calendar_month_cos1"])
    ('price',)
    """
    return tuple(name for name in names if not is_calendar(name))


def calendar_columns(parts: Sequence[str], holidays: str | None, freq: Any) -> tuple[str, ...]:
    """Return the names of the columns that hold parts of the calendar.

    Parameters
    ----------
    parts : sequence of str
        Keys of `PARTS`, or ``"auto"`` for those that suit the frequency.
    holidays : str, optional
        Code of a country, or of a part of it, such as ``"DE"`` or ``"US-CA"``.
    freq : str, int or pandas offset
        Step of the data.

    Returns
    -------
    tuple of str

    Raises
    ------
    InvalidInputError
        If the times are no dates, or a part or the holidays say nothing at that frequency.
    MissingDependencyError
        If the package holidays is not installed.

    Examples
    --------
    >>> calendar_columns(["auto"], None, "ME")
    ('calendar_month_sin1', 'calendar_month_cos1', 'calendar_month_sin2', 'calendar_month_cos2')
    >>> calendar_columns(["hour"], None, "D")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: calendar names 'hour', which is the same at all ...
    """
    if not parts and holidays is None:
        return ()
    days, freq = _days_of_step(freq), plain_frequency(freq)
    names = dict.fromkeys(name for part in parts for name in _parts_of(part, days, freq))
    columns = [
        f"calendar_{name}_{wave}{number}"
        for name in names
        for number in range(1, PARTS[name].harmonics + 1)
        for wave in ("sin", "cos")
    ]
    return (*columns, *(() if holidays is None else (_holiday_column(holidays, days, freq),)))


def _parts_of(part: str, days: float, freq: str | int) -> tuple[str, ...]:
    """Return the parts that a name stands for; raise if they say nothing."""
    if part == AUTO:
        found = next((names for longest, names in _CHOSEN if days < longest), ())
        if not found:
            raise InvalidInputError(
                f"calendar has nothing to say at freq={freq!r}, whose steps are a year or about"
                " that long; leave it out"
            )
        return found
    if days >= PARTS[part].longest:
        raise InvalidInputError(
            f"calendar names {part!r}, which is the same at all steps of freq={freq!r} or follows"
            " from their number; leave it out, or pass calendar=['auto']"
        )
    return (part,)


def _days_of_step(freq: str | int) -> float:
    """Return the length of a step in days."""
    step = parse_frequency(freq)
    if isinstance(step, int):
        raise InvalidInputError(
            "calendar and holidays need times that are dates, and the times are whole numbers;"
            " leave them out, or pass dates"
        )
    first = pd.Timestamp("2001-01-01") + step
    return float((first + step - first) / pd.Timedelta(days=1))


def _holiday_column(code: str, days: float, freq: str | int) -> str:
    if days > 4:  # steps of business days span weekends
        raise InvalidInputError(
            f"holidays={code!r} needs steps of a day or less, and freq={freq!r}; leave it out"
        )
    known = _CODE.fullmatch(code)
    if known is None:
        raise InvalidInputError(
            f"holidays must be the code of a country, or of a part of it, got {shown(code)}; try"
            " holidays='DE' or holidays='US-CA'"
        )
    _holidays_of(known[1], known[2], [2000])
    return f"calendar_holiday_{code}"


def with_calendar(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return a frame with the values of those columns that belong to the calendar.

    Parameters
    ----------
    frame : DataFrame
        Frame with a column `ds`. If it holds no dates, the frame is returned as it is: the
        estimator counts steps, and computes the columns before.
    columns : iterable of str
        Columns that a model reads; others than those of the calendar are ignored.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> frame = pd.DataFrame({"ds": pd.to_datetime(["2024-01-01", "2024-04-01"])})
    >>> with_calendar(frame, ["calendar_month_sin1", "price"]).round(3).iloc[:, 1].tolist()
    [0.0, 1.0]
    """
    wanted = [name for name in columns if is_calendar(name)]
    if not wanted or "ds" not in frame.columns:
        return frame
    if not pd.api.types.is_datetime64_any_dtype(frame["ds"].dtype):
        return frame
    codes, distinct = pd.factorize(frame["ds"])
    values = calendar_values(pd.DatetimeIndex(distinct), wanted)
    of_rows = {name: np.append(of_time, np.nan)[codes] for name, of_time in values.items()}
    return frame.assign(**of_rows)


def calendar_values(times: pd.DatetimeIndex, columns: Iterable[str]) -> dict[str, Floats]:
    """Return the values of columns of the calendar at some times, on the clocks of their zone.

    Examples
    --------
    >>> days = pd.date_range("2024-01-05", periods=3, freq="D")
    >>> calendar_values(days, ["calendar_weekday_cos1"])["calendar_weekday_cos1"].round(2).tolist()
    [-0.9, -0.22, 0.62]
    """
    wall = wall_times(times)
    return {name: _values(wall, name) for name in columns}


def _values(times: pd.DatetimeIndex, name: str) -> Floats:
    wave = _WAVE.fullmatch(name)
    if wave is None:
        return _on_holidays(times, name)
    angle = 2 * np.pi * int(wave[3]) * np.asarray(PARTS[wave[1]].phase(times), dtype=float)
    return np.asarray(np.sin(angle) if wave[2] == "sin" else np.cos(angle), dtype=float)


def _on_holidays(times: pd.DatetimeIndex, name: str) -> Floats:
    """Return 1 for times on a public holiday, else 0."""
    found = _HOLIDAY.fullmatch(name)
    assert found is not None, "only names of the calendar arrive here"
    known = _holidays_of(found[1], found[2], sorted({int(year) for year in times.year.unique()}))
    days = pd.DatetimeIndex(sorted(known)) if known else pd.DatetimeIndex([])
    return np.asarray(times.normalize().isin(days), dtype=float)


def _holidays_of(country: str, subdivision: str | None, years: Sequence[int]) -> Any:
    """Return the public holidays of a country, or of a part of it, by date."""
    try:
        import holidays
    except ImportError as exc:
        raise MissingDependencyError(
            "holidays needs the package holidays; install it with: pip install"
            " 'automodel_sk[holidays]'"
        ) from exc
    supported = holidays.list_supported_countries()
    if country not in supported:
        meant = nearest(country, supported)
        hint = f"; try {meant!r}" if meant else ""
        raise InvalidInputError(
            f"holidays: the country {country!r} is not known; pass its code of two letters, such"
            f" as 'DE' or 'US'{hint}"
        )
    parts = supported[country]
    if subdivision is not None and subdivision not in parts:
        listed = ", ".join(parts[:20]) or "none"
        raise InvalidInputError(
            f"holidays: {country} has no part {subdivision!r}; its parts are {listed}"
        )
    return holidays.country_holidays(country, subdiv=subdivision, years=list(years))
