"""The parts of the calendar that a column can hold, from the shortest cycle to the longest."""

from __future__ import annotations

__all__ = ["CALENDAR_PARTS"]

CALENDAR_PARTS = ("minute", "hour", "weekday", "day", "week", "month", "quarter")
