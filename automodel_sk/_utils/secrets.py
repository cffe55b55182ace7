"""Remove users, passwords and tokens from texts and addresses.

A value that is an address is parsed, and only its scheme, host, port and path are shown; what
cannot be parsed is not shown. Its secrets are remembered and replaced wherever they occur in later
texts: messages, log records, tracebacks and tags.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

__all__ = ["has_secrets", "mask_secrets", "remember_address", "shown_address"]

_HIDDEN = "***"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,30}://")
_HOST = re.compile(r"(?:[\w.,\-]|:\w{0,10}(?=[,:]|$)|\[[0-9A-Fa-f:.%]{2,60}\]){1,255}")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_NOT_IN_PATHS = re.compile(r"[=;&@?#]")
_BLANK = re.compile(r"\s")
_OUTSIDE = re.compile(r"['\"<>]")
_IN_FRAGMENTS = re.compile(r"[=@]")
_BARE_USER = re.compile(r"(?<![^\s'\"(=,\[])[\w.+%\-]{1,64}:(?!//)[^\s@'\"]{1,128}@(?=[\w\[])")
_SECRET_NAME = "passw(?:or)?d|pwd|secret|token|sig(?:nature)?|auth|jwt|credentials?|(?:api_?)?key"
_NAMED = re.compile(
    r"(?<!\w)((?:access_|auth_|client_|api_)?"
    r"(?:passw(?:or)?d|pwd|secret|token|sig|signature|jwt|api_?key|credential)=)"
    r"(?:\{[^}]{1,256}\}|[^\s&;,)]{1,256})",
    re.IGNORECASE,
)
_NAMES_SECRET = re.compile(rf"{_SECRET_NAME}|code|connect", re.IGNORECASE)
_ODD = re.compile(r"[^\w\s.,\-]")
_ODBC = re.compile(r"(?:pwd|password)=(\{[^}]*\}|[^;]*)", re.IGNORECASE)

_LONGEST_ADDRESS = 4_096
_MOST_REMEMBERED = 256
_remembered: dict[str, str] = {}
"""Addresses and secrets seen in this process, with their replacements."""


def shown_address(uri: str) -> str:
    """Return only the scheme, host, port and path of an address.

    Parameters
    ----------
    uri : str
        Any address or path, even malformed. Its secrets are remembered.

    Returns
    -------
    str

    Examples
    --------
    >>> shown_address("postgresql://me:se'c ret@db:5432/study?sslmode=require")
    'postgresql://***@db:5432/study'
    >>> shown_address("mssql+pyodbc:///?odbc_connect=Driver=x;PWD=secret")
    'mssql+pyodbc:///'
    >>> shown_address("me:secret@127.0.0.1/x")
    '***@127.0.0.1/x'
    """
    remember_address(uri)
    return _shown(uri)


def _shown(uri: str) -> str:
    if len(uri) > _LONGEST_ADDRESS:
        return _HIDDEN
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return _shown_schemeless(uri)
    if rest.startswith("/"):  # a file: everything except its options is its path
        return f"{scheme}://{rest.partition('?')[0]}"
    if not _SCHEME.fullmatch(f"{scheme}://"):
        return _HIDDEN
    user, place = _parted(rest)
    place = re.split(r"[?#]", place, maxsplit=1)[0]
    host, slash, path = place.partition("/")
    start = f"{scheme}://{_HIDDEN}@" if user else f"{scheme}://"
    if not _HOST.fullmatch(host):
        return f"{scheme}://{_HIDDEN}" if rest else uri
    if _NOT_IN_PATHS.search(path):
        path = _HIDDEN
    return f"{start}{host}{slash}{path}"


def _shown_schemeless(uri: str) -> str:
    user, _, place = uri.rpartition("@")
    if ":" not in user or _DRIVE.match(uri):
        return _named_hidden(uri)
    place = re.split(r"[?#]", place, maxsplit=1)[0]
    host, _, path = place.partition("/")
    usable = _HOST.fullmatch(host) and not _NOT_IN_PATHS.search(path)
    return f"{_HIDDEN}@{place}" if usable else _HIDDEN


def _parted(rest: str) -> tuple[str, str]:
    """Split the rest after the scheme into credentials and location.

    A password may contain any character, including ``/``, ``?``, ``#`` and ``@``.
    """
    front = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" not in front and ":" not in front:
        return "", rest
    user, at, place = rest.rpartition("@")
    return (user, place) if at else ("", rest)


def has_secrets(value: str) -> bool:
    """Return whether an address has a user, a password or options, which a plain file never has.

    Examples
    --------
    >>> has_secrets("sqlite:///study.db"), has_secrets("http://me:secret@host")
    (False, True)
    """
    return _shown(value) != value or mask_secrets(value) != value


def remember_address(uri: str) -> None:
    """Replace an address and its secrets in all texts shown from now on.

    Parameters
    ----------
    uri : str
        Any address.
    """
    if not isinstance(uri, str) or len(uri) > _LONGEST_ADDRESS:
        return
    shown = _shown(uri)
    if shown == uri:
        return
    _remember(uri, shown)
    for secret in _secrets_of(uri):
        for text in {secret, unquote(secret), quote(secret, safe=""), repr(secret)[1:-1]}:
            if _is_distinctive(text):
                _remember(text, _HIDDEN)


def _remember(text: str, shown: str) -> None:
    while len(_remembered) >= _MOST_REMEMBERED:
        _remembered.pop(next(iter(_remembered)), None)
    _remembered.setdefault(text, shown)


def _secrets_of(uri: str) -> list[str]:
    """Return the passwords and tokens of an address."""
    rest = uri.partition("://")[2] or uri
    user, place = _parted(rest)
    name, colon, password = user.partition(":")
    found = [password if colon else name]
    for part in re.split(r"[?&#]", place)[1:]:
        key, _, value = part.partition("=")
        if _NAMES_SECRET.search(key):
            found.append(value)
            found += [text.strip("{}") for text in _ODBC.findall(unquote(value))]
    found += [text.strip("{}") for text in _ODBC.findall(rest)]
    return [text for text in found if text]


def _is_distinctive(text: str) -> bool:
    """Return whether a secret is no common word, such as ``mlflow``, that occurs in other texts."""
    if len(text) < 9 and text.isalpha() and text.islower():
        return False
    return len(text) >= 6 or (len(text) >= 3 and _ODD.search(text) is not None)


def mask_secrets(text: str) -> str:
    """Return a text with users, passwords and tokens replaced.

    Parameters
    ----------
    text : str
        A text that may contain addresses.

    Returns
    -------
    str
        The same text with each secret replaced by ``***``: those of addresses in it, and those of
        addresses seen earlier in this process.

    Examples
    --------
    >>> mask_secrets("can't reach postgresql://me:p@ss@db:5432/study")
    "can't reach postgresql://***@db:5432/study"
    >>> mask_secrets("https://host/api?user=me&access_token=abc")
    'https://host/api?***'
    """
    for secret, shown in sorted(_remembered.items(), key=lambda item: -len(item[0])):
        if secret in text:
            text = text.replace(secret, shown)
    if "=" in text:
        text = _named_hidden(text)
    if "@" in text or "://" in text:
        text = _urls_hidden(text)
    return _BARE_USER.sub(f"{_HIDDEN}@", text) if "@" in text else text


def _named_hidden(text: str) -> str:
    return _NAMED.sub(rf"\1{_HIDDEN}", text)


def _urls_hidden(text: str) -> str:
    """Mask the secrets of all addresses in a text; each ends at a space or the next address."""
    starts = [match.end() for match in _SCHEME.finditer(text)]
    if not starts:
        return text
    parts = [text[: starts[0]]]
    for begin, end in zip(starts, [*starts[1:], len(text)], strict=True):
        blank = _BLANK.search(text, begin, end)
        stop = blank.start() if blank else end
        parts += [_token_hidden(text[begin:stop]), text[stop:end]]
    return "".join(parts)


def _token_hidden(token: str) -> str:
    if not token.startswith("/"):
        user, place = _parted(token)
        token = f"{_HIDDEN}@{place}" if user else token
    place, mark, options = _cut(token, "?")
    if mark:
        end = _OUTSIDE.search(options)
        return f"{place}?{_HIDDEN}{options[end.start() :] if end else ''}" if options else token
    place, mark, fragment = _cut(token, "#")
    return f"{place}#{_HIDDEN}" if mark and _IN_FRAGMENTS.search(fragment) else token


def _cut(token: str, mark: str) -> tuple[str, str, str]:
    place, found, rest = token.partition(mark)
    return (place, found, rest) if not _OUTSIDE.match(rest) else (token, "", "")
