"""Make untrusted text safe to print in a terminal."""

from __future__ import annotations

import re

__all__ = ["is_plain_line", "plain_text"]

# C0 except tab and line feed, DEL, C1, and characters that change the writing direction.
_ACTS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def is_plain_line(text: str) -> bool:
    r"""Return whether a text is one line without control characters.

    Joiners and blanks that don't break, as names in Persian or French have, are welcome;
    `str.isprintable` refuses them.

    Examples
    --------
    >>> is_plain_line("prix\xa0: \u0645\u06cc\u200c\u0634\u0648\u062f"), is_plain_line("a\nb")
    (True, False)
    """
    return not (_ACTS.search(text) or "\n" in text or "\t" in text)


def plain_text(text: str) -> str:
    r"""Escape the control characters of a text, so that a terminal does not interpret them.

    Examples
    --------
    >>> plain_text("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _ACTS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
