"""Parse, name and interpolate levels and quantiles."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.arguments.number_rule import shown
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "check_within",
    "column_ending",
    "interpolate_quantiles",
    "levels_to_quantiles",
    "quantile_columns",
    "quantile_of",
    "read_levels",
    "read_quantiles",
]

Array = npt.NDArray[np.float64]

_MOST_NUMBERS = 100


def quantile_of(ending: str) -> float | None:
    """Return the quantile of an output's column ending; None for other outputs.

    Parameters
    ----------
    ending : str
        Text after the model's name in neuralforecast's column of this output.

    Returns
    -------
    float or None

    Examples
    --------
    >>> [quantile_of(ending) for ending in ("", "-median", "-lo-80", "-hi-80", "_ql0.05")]
    [None, 0.5, 0.1, 0.9, 0.05]
    >>> quantile_of("_q0.9_d1.0")
    0.9
    """
    if ending == "-median":
        return 0.5
    single = re.fullmatch(r"_ql?([\d.]+)(_d.*)?", ending)  # HuberQLoss: "_q0.9_d1.0"
    if single:
        return float(single[1])
    for side, sign in (("-lo-", -1.0), ("-hi-", 1.0)):
        if ending.startswith(side):
            return round(0.5 + sign * float(ending.removeprefix(side)) / 200, 12)
    return None


def column_ending(ending: str) -> str:
    """Return the column ending of `predict`: neuralforecast's ``-lo-80.0`` becomes ``-lo-80``.

    Examples
    --------
    >>> [column_ending(ending) for ending in ("-lo-80.0", "-hi-97.5", "-median", "-df")]
    ['-lo-80', '-hi-97.5', '-median', '-df']
    """
    for side in ("-lo-", "-hi-"):
        if ending.startswith(side):
            return f"{side}{_plain(float(ending.removeprefix(side)))}"
    return ending


def read_levels(values: Any) -> list[float]:
    """Parse interval levels in percent: one number or several.

    Parameters
    ----------
    values : float or iterable of float

    Returns
    -------
    list of float
        Ascending, without duplicates.

    Raises
    ------
    InvalidInputError
        If a level is not a number between 0 and 100, or levels are fractions instead of percent.

    Examples
    --------
    >>> read_levels(80), read_levels(np.array([95, 80, 80.0]))
    ([80.0], [80.0, 95.0])
    >>> read_levels(0.9)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: level is in percent, got 0.9; did you mean level=90?
    """
    levels = _numbers("level", values, "level=[80, 95]")
    for level in levels:
        if 0 < level < 1:
            meant = _plain(100 * level)
            raise InvalidInputError(
                f"level is in percent, got {_plain(level)}; did you mean level={meant}?"
            )
        if not 0 < level < 100:
            raise InvalidInputError(
                f"level must lie between 0 and 100 percent, got {_plain(level)}; try level=[80, 95]"
            )
    return levels


def read_quantiles(values: Any) -> list[float]:
    """Parse quantiles: one number or several.

    Parameters
    ----------
    values : float or iterable of float

    Returns
    -------
    list of float
        Ascending, without duplicates.

    Raises
    ------
    InvalidInputError
        If a quantile is not a number between 0 and 1.

    Examples
    --------
    >>> read_quantiles((0.9, 0.1))
    [0.1, 0.9]
    >>> read_quantiles(95)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: quantiles must lie between 0 and 1, got 95; ...
    """
    example = "quantiles=[0.1, 0.9]"
    quantiles = _numbers("quantiles", values, example)
    for quantile in quantiles:
        if not 0 < quantile < 1:
            meant = 1 < quantile < 100
            advice = (
                f"did you mean {_plain(quantile / 100)}?" if meant else "try quantiles=[0.1, 0.9]"
            )
            raise InvalidInputError(
                f"quantiles must lie between 0 and 1, got {_plain(quantile)}; {advice}"
            )
    return quantiles


def _numbers(name: str, values: Any, example: str) -> list[float]:
    """Return the distinct numbers of a parameter, ascending."""
    several = _several(values)
    wrong = [value for value in several if not _is_number(value)]
    if wrong:
        raise InvalidInputError(
            f"{name} must be a number or a list of numbers, got {shown(wrong[0])}; try {example}"
        )
    numbers = sorted({_exact(value) for value in several})
    if len(numbers) > _MOST_NUMBERS:
        raise InvalidInputError(
            f"{name} holds {len(numbers)} numbers, {_MOST_NUMBERS} at most can be given at once;"
            f" try {example}"
        )
    return numbers


def _several(values: Any) -> list[Any]:
    """Return the items of a list or array; anything else is its only item."""
    if isinstance(values, np.ndarray) and values.ndim == 0:
        return [values.item()]
    no_list = isinstance(values, (str, bytes, Mapping)) or hasattr(values, "columns")
    if no_list or not isinstance(values, Iterable):
        return [values]
    try:
        return list(values)
    except Exception:  # an object may raise anything when it is looked at
        return [values]


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    try:
        return is_real and not math.isnan(float(value))
    except OverflowError:
        return False


def _exact(value: Any) -> float:
    """Remove rounding errors of single precision and of sums: 0.9 stays exactly 0.9."""
    short = isinstance(value, np.floating) and value.dtype.itemsize < 8
    return round(float(str(value)) if short else float(value), 10)


def _plain(number: float) -> str:
    return f"{number:.10g}"


def levels_to_quantiles(levels: Any) -> dict[str, float]:
    """Return the quantiles at both ends of central intervals, by column suffix.

    Parameters
    ----------
    levels : float or iterable of float
        Coverages in percent, above 0 and below 100.

    Returns
    -------
    dict of str to float
        From the lowest to the highest quantile.

    Raises
    ------
    InvalidInputError
        As `read_levels`.

    Examples
    --------
    >>> levels_to_quantiles([90])
    {'-lo-90': 0.05, '-hi-90': 0.95}
    """
    ordered = read_levels(levels)
    low = {f"-lo-{_plain(level)}": round(0.5 - level / 200, 12) for level in reversed(ordered)}
    high = {f"-hi-{_plain(level)}": round(0.5 + level / 200, 12) for level in ordered}
    return {**low, **high}


def quantile_columns(name: str, level: Any, quantiles: Any) -> dict[str, float]:
    """Return the requested quantiles by column name.

    Parameters
    ----------
    name : str
        Name of the model.
    level : float or iterable of float, optional
        Interval levels in percent.
    quantiles : float or iterable of float, optional
        Quantiles between 0 and 1, instead of `level`.

    Returns
    -------
    dict of str to float
        Empty if neither is given.

    Raises
    ------
    InvalidInputError
        If both are given, or `read_levels` or `read_quantiles` raises.

    Examples
    --------
    >>> quantile_columns("NHITS", [80], None)
    {'NHITS-lo-80': 0.1, 'NHITS-hi-80': 0.9}
    >>> quantile_columns("NHITS", None, 0.5)
    {'NHITS_ql0.5': 0.5}
    """
    if level is not None and quantiles is not None:
        raise InvalidInputError("level and quantiles are both given; pass one of them")
    if level is not None:
        return {f"{name}{ending}": q for ending, q in levels_to_quantiles(level).items()}
    wanted = [] if quantiles is None else read_quantiles(quantiles)
    return {f"{name}_ql{_plain(q)}": q for q in wanted}


def interpolate_quantiles(known: Sequence[float], values: Array, wanted: Sequence[float]) -> Array:
    """Interpolate between the quantiles that a model was trained for.

    Parameters
    ----------
    known : sequence of float
        Trained quantiles, ascending.
    values : array of shape (n_rows, n_known)
        Their forecasts; they are sorted here, so quantiles never cross.
    wanted : sequence of float
        Requested quantiles, within the trained range.

    Returns
    -------
    array of shape (n_rows, n_wanted)

    Raises
    ------
    InvalidInputError
        If a quantile lies outside the trained range.

    Examples
    --------
    >>> interpolate_quantiles([0.1, 0.5, 0.9], np.array([[1.0, 2.0, 4.0]]), [0.5, 0.7])
    array([[2., 3.]])
    """
    check_within(known, wanted)
    rising = np.sort(values, axis=1)
    position = np.interp(wanted, known, np.arange(len(known), dtype=float))
    left = np.floor(position).astype(int)
    right = np.minimum(left + 1, len(known) - 1)
    share = position - left
    blended: Array = rising[:, left] * (1 - share) + rising[:, right] * share
    return blended


def check_within(known: Sequence[float], wanted: Sequence[float]) -> None:
    """Raise if a quantile lies outside the trained range.

    Parameters
    ----------
    known : sequence of float
        Trained quantiles, ascending.
    wanted : sequence of float
        Requested quantiles.

    Raises
    ------
    InvalidInputError
        If a quantile is outside; the message names the first one.

    Examples
    --------
    >>> check_within([0.9], [0.5])
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: quantile 0.5 lies outside ... (only 0.9); ...
    """
    low, high = known[0], known[-1]
    outside = [q for q in wanted if not low - 1e-9 <= q <= high + 1e-9]
    if outside:
        trained = f"only {low:g}" if low == high else f"{low:g} to {high:g}"
        raise InvalidInputError(
            f"quantile {outside[0]:g} lies outside those that the model was trained for"
            f" ({trained}); train with a wider loss, for example"
            f" MQLoss(quantiles={sorted({*(round(k, 6) for k in known), *outside})})"
        )
