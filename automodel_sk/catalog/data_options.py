"""Names of what can be done to the data on request."""

from __future__ import annotations

__all__ = ["CALENDAR_PARTS", "FILLS"]

CALENDAR_PARTS = ("minute", "hour", "weekday", "day", "week", "month", "quarter")
"""Parts of the calendar that a column can hold, from the shortest cycle to the longest."""

FILLS = ("zero", "ffill", "interpolate", "mask")
"""How gaps of the series can be filled; ``mask`` marks values as not observed instead."""
