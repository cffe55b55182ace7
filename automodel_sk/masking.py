"""Texts without the users, passwords and tokens of the URLs in them."""

from __future__ import annotations

import re

__all__ = ["mask_secrets"]

_USER_INFO = re.compile(
    r"(?<=://)(?:[^\s/?#'\"]*@"
    # A raw slash in the password: what follows the colon isn't a port.
    r"|[^\s/?#'\":@]*:(?!\d+(?:[/?#\s'\",;:)]|$))[^\s'\"]*@)"
)
_SECRET_QUERY = re.compile(
    r"([?&][^=&\s]*(?:pass|pwd|token|secret|key|credential|signature)[^=&\s]*=)[^&\s'\"#]+",
    re.IGNORECASE,
)


def mask_secrets(text: str) -> str:
    """Return a text with what URLs in it hold of users, passwords and tokens replaced.

    Parameters
    ----------
    text : str
        A URL, or a text with URLs in it.

    Returns
    -------
    str
        The same text, each secret replaced by ``***``.

    Examples
    --------
    >>> mask_secrets("can't reach postgresql://me:p@ss@db:5432/study")
    "can't reach postgresql://***@db:5432/study"
    >>> mask_secrets("https://host/api?user=me&access_token=abc")
    'https://host/api?user=me&access_token=***'
    """
    return _SECRET_QUERY.sub(r"\1***", _USER_INFO.sub("***@", text))
