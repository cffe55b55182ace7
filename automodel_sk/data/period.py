"""Name the steps of a forecast as people do: days, months, quarters."""

from __future__ import annotations

from typing import Any

__all__ = ["frequency_in_words", "season_in_words", "steps_in_words", "unit_of"]

_UNITS = {
    "B": "business day",
    "BM": "month",
    "BME": "month",
    "BMS": "month",
    "BQE": "quarter",
    "BQS": "quarter",
    "BYE": "year",
    "BYS": "year",
    "C": "business day",
    "D": "day",
    "H": "hour",
    "M": "month",
    "ME": "month",
    "MS": "month",
    "Q": "quarter",
    "QE": "quarter",
    "QS": "quarter",
    "S": "second",
    "T": "minute",
    "W": "week",
    "Y": "year",
    "YE": "year",
    "YS": "year",
    "h": "hour",
    "min": "minute",
    "s": "second",
}


def unit_of(freq: Any) -> str:
    """Return what one step is, in the singular.

    Parameters
    ----------
    freq : str or int
        A pandas frequency, or a number for times that are numbers.

    Examples
    --------
    >>> unit_of("MS"), unit_of("W-SUN"), unit_of("15min"), unit_of(1)
    ('month', 'week', 'step', 'step')
    """
    return _UNITS.get(str(freq).partition("-")[0], "step")


def steps_in_words(count: int, freq: Any) -> str:
    """Return a number of steps in words.

    Parameters
    ----------
    count : int
        Number of steps.
    freq : str or int
        As in `unit_of`.

    Examples
    --------
    >>> steps_in_words(12, "MS"), steps_in_words(1, "D"), steps_in_words(96, "15min")
    ('12 months', '1 day', '96 steps of 15min')
    """
    unit = unit_of(freq)
    counted = f"{count:,} {unit}" + ("" if count == 1 else "s")
    return f"{counted} of {freq}" if unit == "step" and isinstance(freq, str) else counted


def frequency_in_words(freq: Any) -> str:
    """Return the step between two times.

    Parameters
    ----------
    freq : str or int
        As in `unit_of`.

    Examples
    --------
    >>> frequency_in_words("MS"), frequency_in_words(1)
    ("freq 'MS'", 'steps of 1')
    """
    return f"freq {freq!r}" if isinstance(freq, str) else f"steps of {freq}"


def season_in_words(season: int, freq: Any) -> str:
    """Return the length of a season, if there is one.

    Parameters
    ----------
    season : int
        Number of steps; 1 if there is no season, or none is known.
    freq : str or int
        As in `unit_of`; nothing is known of steps that are numbers.

    Examples
    --------
    >>> season_in_words(12, "MS"), season_in_words(1, "YE"), season_in_words(1, 1)
    ('season 12', 'no season', 'season unknown')
    """
    if season > 1:
        return f"season {season}"
    return "no season" if isinstance(freq, str) else "season unknown"
