"""Check a request before forecasting: its columns, ids, options and size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "ID",
    "TARGET",
    "TIME",
    "check_epochs",
    "check_steps",
    "checked_columns",
    "checked_h",
    "checked_numbers",
    "has_rows",
    "known_ids",
    "quoted",
]

ID, TIME, TARGET = "unique_id", "ds", "y"

MOST_ROWS = 1_000_000
"""Maximum number of rows of a request, and of the forecast that answers it."""

"""Maximum number of levels or quantiles of a request."""

MOST_HORIZONS = 100
"""Maximum horizon of a request, as a multiple of the model's own."""

_EPOCH_UNITS = {"milliseconds": 10**11, "microseconds": 10**14, "nanoseconds": 10**17}


def quoted(name: str) -> str:
    """Return the user's name of a column, in quotes.

    Examples
    --------
    >>> quoted("ds")
    "'ds'"
    """
    return repr(wording().own(name))


def checked_h(h: Any, own: int, n_series: int) -> int:
    """Return the number of steps that a request asks for.

    Examples
    --------
    >>> checked_h(None, own=7, n_series=2), checked_h(14, own=7, n_series=2)
    (7, 14)
    >>> checked_h(0, own=7, n_series=2)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: h must be a whole number from 1 to 700, got 0; ...
    """
    if h is None:
        return own
    whole = isinstance(h, (int, np.integer)) and not isinstance(h, (bool, np.bool_))
    if not whole or not 1 <= h <= MOST_HORIZONS * own:
        raise InvalidInputError(
            f"h must be a whole number from 1 to {MOST_HORIZONS * own}, got {_short(h)}; leave it"
            f" out for the model's own {own} steps"
        )
    if h * n_series > max(MOST_ROWS, own * n_series):
        raise InvalidInputError(
            f"h={h} of {n_series:,} series are more than {MOST_ROWS:,} rows; request fewer series"
            " or steps at a time"
        )
    return int(h)


def checked_numbers(values: Any, read: Callable[[Any], list[float]]) -> list[float] | None:
    """Return levels or quantiles; None for an empty list, because MLflow cannot omit one.

    Examples
    --------
    >>> from automodel_sk.metrics.quantiles import read_levels
    >>> checked_numbers([95, 80], read_levels), checked_numbers([], read_levels)
    ([80.0, 95.0], None)
    """
    return None if values is None else read(values) or None


def has_rows(sent: Any) -> bool:
    """Return whether a request contains any rows, whatever the names of its columns.

    Examples
    --------
    >>> has_rows(pd.DataFrame(columns=["unique_id"])), has_rows([1])
    (False, True)
    """
    try:
        return sent is not None and len(sent) > 0
    except TypeError:
        return True


def checked_columns(frame: pd.DataFrame, sent: Any) -> pd.DataFrame:
    """Return a request's rows with their keys as columns, if the required columns exist.

    Examples
    --------
    >>> rows = pd.DataFrame({"unique_id": ["a"], "y": [1.0]})
    >>> checked_columns(rows, rows)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: the request has 'unique_id', 'y' and lacks 'ds'; ...
    """
    if len(frame) > MOST_ROWS:
        raise InvalidInputError(
            f"the request has {len(frame):,} rows, at most {MOST_ROWS:,} are taken; send fewer"
            " series or a shorter past"
        )
    frame = _without_index(frame)
    columns = [str(column) for column in frame.columns]
    doubles = [column for column in columns if columns.count(column) > 1]
    if doubles:
        raise InvalidInputError(f"the request has the column {_short(doubles[0])} twice")
    lacking = [ID] if ID not in columns else []
    lacking += [TIME] if TIME not in columns and (len(columns) > 1 or _foreign(sent)) else []
    if lacking:
        raise InvalidInputError(
            f"the request has {_columns_of(sent)} and lacks {' and '.join(map(quoted, lacking))};"
            f" name the columns {quoted(ID)}, {quoted(TIME)} and {quoted(TARGET)}, or send no rows"
            " to forecast after the training data"
        )
    if TIME in columns:
        _check_times(frame[TIME])
    return frame


def _foreign(sent: Any) -> bool:
    """Return whether a request has other columns than its ids."""
    if not isinstance(sent, pd.DataFrame):
        return False
    return len(set(map(str, sent.columns)) - {ID, wording().own(ID)}) > 0


def _columns_of(sent: Any) -> str:
    """Return the columns of the request, for a message."""
    names: list[Any] = list(sent.columns) if isinstance(sent, pd.DataFrame) else []
    names = list(sent) if isinstance(sent, Mapping) else names
    return ", ".join(_short(str(name)) for name in names[:20]) or "no columns"


def check_steps(result: pd.DataFrame, future: pd.DataFrame | None, sent: Any) -> None:
    """Raise if a row without `y` is at no forecast time, since its `y` may be missing by mistake.

    Parameters
    ----------
    result : DataFrame
        The forecast.
    future : DataFrame, optional
        Rows without `y`.
    sent : object
        The original request, for the message.
    """
    if future is None:
        return
    keys = result[[ID, TIME]]
    asked = pd.MultiIndex.from_frame(future[[ID, TIME]].astype(keys.dtypes.to_dict()))
    foreign = asked[~asked.isin(pd.MultiIndex.from_frame(keys))]
    if len(foreign):
        series, time = foreign[0]
        first = keys.loc[keys[ID] == series, TIME].min()
        raise InvalidInputError(
            f"the request has {_columns_of(sent)} and the row of series {_short(series)} at {time}"
            f" lacks {quoted(TARGET)} and is not one of the steps to forecast, which begin at"
            f" {first}; send the past with its column {quoted(TARGET)}, and future rows for those"
            " steps alone"
        )


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose keys are columns, including those that were levels of its index."""
    names = [name for name in frame.index.names if name in (ID, TIME)]
    both = [name for name in names if name in frame.columns]
    if both:
        raise InvalidInputError(
            f"the request has {quoted(both[0])} as index and as column; keep one of them, e.g."
            " df.reset_index(drop=True)"
        )
    if not names:
        return frame.reset_index(drop=True)
    return frame.reset_index(level=names).reset_index(drop=True)


def _check_times(times: pd.Series[Any]) -> None:
    """Raise for invalid times, and for times of several types."""
    kinds: dict[type, Any] = {}
    for value in times.dropna() if times.dtype == object else times.head(1):
        if isinstance(value, (list, dict, set, tuple, bool, np.ndarray)):
            raise InvalidInputError(
                f"{quoted(TIME)} must hold times, got {_short(value)}; e.g. '2024-01-31'"
            )
        kinds.setdefault(type(value), value)
    if len(kinds) > 1:
        first, second, *_ = kinds.values()
        raise InvalidInputError(
            f"{quoted(TIME)} holds times of several kinds, such as {_short(first)} and"
            f" {_short(second)}; send all as text such as '2024-01-31', or all as whole numbers"
        )


def check_epochs(times: pd.Series[Any], freq: Any) -> None:
    """Raise for times that are numbers since 1970, the default in JSON of a frame.

    Examples
    --------
    >>> check_epochs(pd.Series([1, 2, 3]), freq=1)
    """
    if isinstance(freq, int) or not pd.api.types.is_numeric_dtype(times) or times.isna().all():
        return
    largest = float(times.abs().max())
    unit = next((u for u, low in reversed(_EPOCH_UNITS.items()) if largest >= low), None)
    meant = f"{unit} since 1970? " if unit else ""
    raise InvalidInputError(
        f"'ds' holds numbers such as {times.iloc[0]:.0f}, the model was trained on dates ({meant}"
        "send text such as '2024-01-31'; df.to_json(date_format='iso') writes it)"
    )


def known_ids(asked: pd.Series[Any], known: pd.Series[Any]) -> pd.Series[Any]:
    """Return a request's ids as the model knows them, since JSON turns numbers into text.

    Parameters
    ----------
    asked : Series
        Ids of a request.
    known : Series
        Ids of the training data.

    Returns
    -------
    Series
        Ids unknown to the model are converted to the type of the known ids if possible.

    Examples
    --------
    >>> known_ids(pd.Series(["101", 102.0]), pd.Series([101, 102])).tolist()
    [101, 102]
    >>> known_ids(pd.Series([7, 8]), pd.Series(["7", "9"])).tolist()
    ['7', '8']
    """
    for value in asked:
        _check_id(value)
    kind = pd.api.types.infer_dtype(known, skipna=False)
    convert = {"string": _as_text, "integer": _as_whole}.get(kind)
    if convert is None:
        return asked
    table = {value: convert(value) for value in asked.unique()}
    if len(set(table.values())) < len(table):
        twice = next(k for k, v in table.items() if list(table.values()).count(v) > 1)
        raise InvalidInputError(
            f"the request writes the series {_short(twice)} in two ways; write each id in one way"
        )
    result: pd.Series[Any] = asked.map(table)
    return result.astype(known.dtype)


def _check_id(value: Any) -> None:
    whole = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if isinstance(value, str) and _is_plain(value):
        return
    if not (whole or isinstance(value, (pd.Timestamp, np.datetime64))) or pd.isna(value):
        raise InvalidInputError(
            f"{quoted(ID)} must hold text or numbers, got {_short(value)}; e.g. 'shop_1'"
        )


def _is_plain(text: str) -> bool:
    """Return whether a text can be encoded; half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(value: Any) -> str:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _as_whole(value: Any) -> int:
    try:
        number = float(value) if isinstance(value, str) else value
        whole = int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else number
        if int(whole) == whole and abs(whole) < 2**63:
            return int(whole)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidInputError(
        f"{quoted(ID)} holds whole numbers in the training data, got {_short(value)}; send ids"
        " such as 101"
    )


def _short(value: Any) -> str:
    """Return a value as text that fits in a message."""
    if isinstance(value, (list, dict, set, tuple, np.ndarray)):
        return f"a {type(value).__name__}"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and abs(value) > 10**20:
        return "a number of many digits"
    return repr(value)[:60].encode("ascii", "backslashreplace").decode()
