"""Convert time zones to ones that a saved model can restore by name."""

from __future__ import annotations

from datetime import timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["plain_zone"]


def plain_zone(zone: Any) -> tzinfo | None:
    """Convert a pytz or dateutil zone to the standard library's.

    Parameters
    ----------
    zone : tzinfo
        The time zone of a date column.

    Returns
    -------
    tzinfo or None
        A `ZoneInfo` or a fixed offset; None for a zone without a name, such as the machine's local
        zone.

    Examples
    --------
    >>> from dateutil.tz import gettz
    >>> plain_zone(gettz("Europe/Berlin"))
    zoneinfo.ZoneInfo(key='Europe/Berlin')
    """
    if isinstance(zone, (ZoneInfo, timezone)):
        return zone
    found = _named(getattr(zone, "zone", None) or getattr(zone, "_filename", None))
    if found is not None:
        return found
    offset = zone.utcoffset(None)
    return timezone(offset) if isinstance(offset, timedelta) else None


def _named(name: Any) -> ZoneInfo | None:
    """Return the zone with this name or from this zone file."""
    parts = str(name or "").split("/")
    for first in range(len(parts)):
        try:
            return ZoneInfo("/".join(parts[first:]))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return None
