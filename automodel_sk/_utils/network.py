"""Check whether a server is reachable, within a strict deadline."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

__all__ = ["DEADLINE_SECONDS", "Answer", "answer_of_port", "answer_of_server"]

DEADLINE_SECONDS = 3.0

# Where MLflow and requests look for certificates to trust.
_CERTIFICATES = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The response of a server.

    Parameters
    ----------
    status : int, optional
        The HTTP status.
    problem : str, optional
        Why there is no usable response, as a phrase that follows the server's name.

    Examples
    --------
    >>> Answer(status=200).problem is None
    True
    """

    status: int | None = None
    problem: str | None = None


def answer_of_server(address: str, deadline_seconds: float = DEADLINE_SECONDS) -> Answer:
    """Query an MLflow server at ``/health``.

    Parameters
    ----------
    address : str
        Address of the server, without user and password.
    deadline_seconds : float, default 3.0
        Time limit for the whole request, including the DNS lookup.

    Returns
    -------
    Answer

    Examples
    --------
    >>> answer_of_server("http://127.0.0.1:1", 2.0).status is None
    True
    """
    return _with_deadline(deadline_seconds, lambda: _ask(address, deadline_seconds))


def answer_of_port(host: str, port: int, deadline_seconds: float = DEADLINE_SECONDS) -> str | None:
    """Connect to a port and disconnect again.

    Parameters
    ----------
    host : str
        Host name or address.
    port : int
        The port.
    deadline_seconds : float, default 3.0
        Time limit for the whole request, including the DNS lookup.

    Returns
    -------
    str or None
        Why the port is unreachable; None if it is reachable.

    Examples
    --------
    >>> answer_of_port("127.0.0.1", 1, 2.0) is None
    False
    """
    return _with_deadline(deadline_seconds, lambda: _connect(host, port, deadline_seconds)).problem


def _with_deadline(deadline_seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Return a response, or a time-out problem once the deadline has passed.

    A socket's own timeout restarts with each packet and does not cover the DNS lookup, hence the
    thread.
    """
    answers: list[Answer] = []
    asker = threading.Thread(target=lambda: answers.append(_translated(ask)), daemon=True)
    asker.start()
    asker.join(deadline_seconds)
    return answers[0] if answers else Answer(problem=_silence(deadline_seconds))


def _translated(ask: Callable[[], Answer]) -> Answer:
    """Return a response, with any exception converted to a problem."""
    try:
        return ask()
    except Exception as error:
        _logger.debug("no answer: %s", type(error).__name__)
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        return Answer(problem=_described_error(cause))


def _described_error(error: object) -> str:
    """Describe an exception without its own text, which may contain parts of the address."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    return f"can't be queried ({type(error).__name__})"


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "didn't answer in time"),
    (socket.gaierror, "has an unknown host name"),
    (ConnectionRefusedError, "refused the connection"),
    (ssl.SSLCertVerificationError, "has an untrusted certificate"),
    (ssl.SSLError, "doesn't speak TLS properly (http:// rather than https://?)"),
    (HTTPException, "doesn't speak HTTP properly"),
    (OSError, "can't be connected to"),
)


def _silence(deadline_seconds: float) -> str:
    return f"didn't answer within {deadline_seconds:g} s"


def _ask(address: str, timeout: float) -> Answer:
    """Return the status that a server answers at /health."""
    request = urllib.request.Request(address.rstrip("/") + "/health")
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=_tls()) as response:
            return Answer(status=int(response.status))
    except urllib.error.HTTPError as error:
        with error:
            status = int(error.code)
    return Answer(status=status, problem=f"answered {status}" if status >= 500 else None)


def _tls() -> ssl.SSLContext:
    """Return the TLS context, configured like MLflow's own client."""
    context = ssl.create_default_context()
    own = next((path for name in _CERTIFICATES if (path := os.environ.get(name))), None)
    if own is not None:
        is_folder = Path(own).is_dir()
        context.load_verify_locations(None if is_folder else own, own if is_folder else None)
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"1", "true"}:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _connect(host: str, port: int, timeout: float) -> Answer:
    with socket.create_connection((host, port), timeout=timeout):
        return Answer()
