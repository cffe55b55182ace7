"""Make untrusted text safe to print in a terminal."""

from __future__ import annotations

import re

__all__ = ["plain_text"]

# C0 except tab and line feed, DEL, C1, and characters that change the writing direction.
_ACTS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def plain_text(text: str) -> str:
    r"""Escape the control characters of a text, so that a terminal does not interpret them.

    Examples
    --------
    >>> plain_text("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _ACTS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
