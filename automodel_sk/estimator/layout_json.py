"""Write layouts and labels as JSON: types are preserved, and nothing is executable."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from automodel_sk.data.times.zones import plain_zone
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.frames.clocks import CalendarClock, Clock, FixedClock, IntegerClock, PeriodClock
from automodel_sk.frames.layout import Layout
from automodel_sk.persistence.schema import Stored, checked

__all__ = ["label_from_json", "label_to_json", "layout_from_json", "layout_to_json"]

_FIXED_WIDTH = re.compile(r"[<>=|]?[SUVa]\d")


class _StoredClock(Stored):
    kind: Literal["integer", "period", "fixed", "calendar"]
    width: int | None = None
    dtype: str | None = None
    offset: str | None = None
    unit: Literal["s", "ms", "us", "ns"] | None = None
    tz: str | None = None
    origin: str | None = None


class _StoredLevel(Stored):
    name: Any
    dtype: str
    values: list[Any]


class _StoredLayout(Stored):
    clock: _StoredClock
    time_name: Any
    levels: list[_StoredLevel] | None
    phases: list[int]
    origin: int


def label_to_json(label: Any) -> Any:
    """Convert a column name or series id to JSON.

    Parameters
    ----------
    label : hashable
        A string, number, boolean, None, timestamp or tuple of these.

    Raises
    ------
    InvalidInputError
        If the label has another type.

    Examples
    --------
    >>> label_to_json(("a", pd.Timestamp("2024-01-31")))
    {'tuple': ['a', {'timestamp': '2024-01-31T00:00:00'}]}
    """
    if isinstance(label, np.generic):
        label = label.item()
    if label is None or isinstance(label, (str, int, float, bool)):
        return label
    if isinstance(label, pd.Timestamp):
        return {"timestamp": label.isoformat()}
    if isinstance(label, tuple):
        return {"tuple": [label_to_json(part) for part in label]}
    raise InvalidInputError(
        f"label {label!r} can't be saved safely; use strings or numbers as names of columns and "
        "series, or save with serialization_format='pickle'"
    )


def label_from_json(stored: Any) -> Any:
    """Restore a label that `label_to_json` wrote.

    Examples
    --------
    >>> label_from_json({"tuple": ["a", 1]})
    ('a', 1)
    """
    if not isinstance(stored, dict):
        return stored
    if "timestamp" in stored:
        return pd.Timestamp(stored["timestamp"])
    return tuple(label_from_json(part) for part in stored["tuple"])


def layout_to_json(layout: Layout) -> dict[str, Any]:
    """Convert a layout to JSON.

    Examples
    --------
    >>> layout = Layout.learn(pd.DataFrame({"y": [1.0]}, index=pd.RangeIndex(1)))
    >>> layout_to_json(layout)["clock"]
    {'kind': 'integer', 'width': 1}
    """
    instances = layout.instances
    return {
        "clock": _clock_to_json(layout.clock),
        "time_name": label_to_json(layout.time_name),
        "levels": None if instances is None else _levels_to_json(instances),
        "phases": layout.phases.tolist(),
        "origin": layout.origin,
    }


def layout_from_json(stored: Mapping[str, Any]) -> Layout:
    """Restore a layout that `layout_to_json` wrote.

    Examples
    --------
    >>> layout = Layout.learn(pd.DataFrame({"y": [1.0]}, index=pd.RangeIndex(1)))
    >>> layout_from_json(layout_to_json(layout)).clock
    IntegerClock(width=1)
    """
    layout = checked(_StoredLayout, stored, "the saved time index")
    return Layout(
        clock=_CLOCKS[layout.clock.kind](layout.clock),
        time_name=label_from_json(layout.time_name),
        instances=None if layout.levels is None else _levels_from_json(layout.levels),
        phases=np.asarray(layout.phases, dtype=np.int64),
        origin=layout.origin,
    )


def _clock_to_json(clock: Clock) -> dict[str, Any]:
    if isinstance(clock, IntegerClock):
        return {"kind": "integer", "width": clock.width}
    if isinstance(clock, PeriodClock):
        return {"kind": "period", "dtype": str(clock.dtype)}
    if isinstance(clock, FixedClock):
        tz = None if clock.tz is None else str(plain_zone(clock.tz))
        offset = _alias(clock.offset)
        return {"kind": "fixed", "offset": offset, "unit": clock.unit, "tz": tz}
    assert isinstance(clock, CalendarClock)
    tz = None if clock.origin.tz is None else str(plain_zone(clock.origin.tz))
    return {
        "kind": "calendar",
        "offset": _alias(clock.offset),
        "unit": clock.unit,
        "origin": clock.origin.tz_localize(None).isoformat(),
        "tz": tz,
    }


def _alias(offset: pd.offsets.BaseOffset) -> str:
    """Return an offset's alias; raise if it does not describe the offset fully."""
    alias = str(offset.freqstr)
    try:
        whole = to_offset(alias) == offset
    except ValueError:
        whole = False
    if not whole:
        raise InvalidInputError(
            f"frequency {offset!r} can't be saved safely: its alias {alias!r} leaves out its "
            "calendar; save with serialization_format='pickle'"
        )
    return alias


def _fixed(stored: Any) -> Clock:
    zone = _zone(stored.tz)
    tz = None if zone is None else pd.Timestamp(0, tz=zone).tz
    return FixedClock(_offset(stored.offset), stored.unit, tz)


def _calendar(stored: Any) -> Clock:
    origin = pd.Timestamp(stored.origin).tz_localize(_zone(stored.tz))
    return CalendarClock(_offset(stored.offset), stored.unit, origin)


def _zone(name: str | None) -> str | None:
    """Return the name of a time zone; dateutil's are file names."""
    if name is not None and "dateutil" in name:
        raise ModelFileError(f"the saved time zone {name[:100]!r} is invalid; save it again")
    return name


def _offset(alias: str) -> pd.offsets.BaseOffset:
    offset: pd.offsets.BaseOffset = to_offset(alias)
    return offset


_CLOCKS: Mapping[str, Callable[[Any], Clock]] = {
    "integer": lambda stored: IntegerClock(stored.width),
    "period": lambda stored: PeriodClock(pd.PeriodDtype(stored.dtype[7:-1])),
    "fixed": _fixed,
    "calendar": _calendar,
}


def _levels_to_json(instances: pd.Index) -> list[dict[str, Any]]:
    levels = [instances.get_level_values(i) for i in range(instances.nlevels)]
    return [
        {
            "name": label_to_json(level.name),
            "dtype": str(level.dtype),
            "values": [label_to_json(value) for value in level],
        }
        for level in levels
    ]


def _levels_from_json(stored: Sequence[_StoredLevel]) -> pd.Index:
    levels = [
        _level([label_from_json(value) for value in level.values], level.dtype) for level in stored
    ]
    names = [label_from_json(level.name) for level in stored]
    if len(levels) > 1:
        return pd.MultiIndex.from_arrays(levels, names=names)
    single: pd.Index = levels[0].rename(names[0])
    return single


def _level(values: list[Any], dtype: str) -> pd.Index:
    """Return an index of the saved type, or of the type of its values if that no longer exists."""
    if "dateutil" in dtype or _FIXED_WIDTH.match(dtype):
        raise ModelFileError(
            f"the saved level type {dtype[:100]!r} is not supported; save it again"
        )
    try:
        typed: pd.Index = pd.Index(values, dtype=None if dtype == "category" else dtype)
    except (TypeError, ValueError):
        typed = pd.Index(values)
    return typed
