"""Texts of others as a terminal may show them."""

from __future__ import annotations

import re

__all__ = ["plain_text"]

# C0 but tab and line feed, DEL, C1, and what turns the direction of writing.
_ACTS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def plain_text(text: str) -> str:
    r"""Return a text whose control characters are written out, so that a terminal obeys none.

    Examples
    --------
    >>> plain_text("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _ACTS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
