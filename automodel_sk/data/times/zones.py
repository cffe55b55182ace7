"""Convert time zones to ones that a saved model can restore by name."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

__all__ = ["named_zone", "plain_zone"]


def plain_zone(zone: Any) -> tzinfo | None:
    """Convert a pytz or dateutil zone to the one that pandas makes of its name.

    Parameters
    ----------
    zone : tzinfo
        The time zone of a date column.

    Returns
    -------
    tzinfo or None
        A zone of pandas' own kind (pytz's before pandas 3, so that forecasts can be put below
        history), or a fixed offset; None for a zone without a name, such as the machine's local
        zone.

    Examples
    --------
    >>> from dateutil.tz import gettz
    >>> str(plain_zone(gettz("Europe/Berlin")))
    'Europe/Berlin'
    """
    if isinstance(zone, (ZoneInfo, timezone)):
        return zone
    found = _named(getattr(zone, "zone", None) or getattr(zone, "_filename", None))
    if found is not None:
        return pd.Timestamp(0, tz=found.key).tz
    offset = zone.utcoffset(None)
    return timezone(offset) if isinstance(offset, timedelta) else None


def named_zone(name: str) -> tzinfo:
    """Return the zone that a zone of `plain_zone` names as text.

    Parameters
    ----------
    name : str
        Such as ``"Europe/Berlin"`` or ``"UTC+02:00"``.

    Raises
    ------
    ValueError
        There is no such zone.

    Examples
    --------
    >>> str(named_zone("Europe/Berlin")), str(named_zone("UTC-03:00"))
    ('Europe/Berlin', 'UTC-03:00')
    """
    offset = re.fullmatch(r"UTC([+-])(\d\d):(\d\d)(?::(\d\d))?", name)
    if offset is None:
        try:
            found = plain_zone(pd.Timestamp(0, tz=ZoneInfo(name).key).tz)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(f"unknown time zone {name[:100]!r}") from exc
        return found or timezone.utc
    hours, minutes, seconds = (int(part or 0) for part in offset.groups()[1:])
    size = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-size if offset[1] == "-" else size)


def _named(name: Any) -> ZoneInfo | None:
    """Return the zone with this name or from this zone file."""
    parts = str(name or "").split("/")
    for first in range(len(parts)):
        try:
            return ZoneInfo("/".join(parts[first:]))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return None
