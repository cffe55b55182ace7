"""Group names by the reason that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

__all__ = ["by_reason"]


def by_reason(left_out: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield the names that have the same reason, and the reason.

    Parameters
    ----------
    left_out : mapping of str to str
        A reason by each name.

    Yields
    ------
    tuple of str and str

    Examples
    --------
    >>> list(by_reason({"TFT": "too short", "GRU": "too short", "TSB": "by name only"}))
    [('TFT, GRU', 'too short'), ('TSB', 'by name only')]
    """
    places = {reason: place for place, reason in reversed([*enumerate(left_out.values())])}
    ordered = sorted(left_out, key=lambda name: places[left_out[name]])
    for reason, names in groupby(ordered, key=lambda name: left_out[name]):
        yield ", ".join(names), reason
