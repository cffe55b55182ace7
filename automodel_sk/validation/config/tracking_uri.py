"""Validate the MLflow tracking URI and the experiment name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from automodel_sk._utils.network import DEADLINE_SECONDS, answer_of_port, answer_of_server
from automodel_sk._utils.plain_text import is_plain_line
from automodel_sk._utils.secrets import shown_address
from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.validation.result import Findings

__all__ = ["check_experiment_name", "check_tracking_uri", "without_secrets"]

_LONGEST_NAME = 500
_EXAMPLE = "sqlite:///mlflow.db"
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_WITH_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*)://", re.ASCII)
_HOST_AND_PORT = re.compile(r"^[\w.-]+:\d{1,5}(/.*)?$", re.ASCII)


def without_secrets(uri: str) -> str:
    """Remove user name, password and query from a URI.

    Parameters
    ----------
    uri : str
        Any URI, even a malformed one.

    Returns
    -------
    str

    Examples
    --------
    >>> without_secrets("http://me:secret@host:5000/path?token=abc")
    'http://***@host:5000/path'
    """
    return shown_address(uri)


def check_tracking_uri(
    findings: Findings, uri: Any, deadline_seconds: float = DEADLINE_SECONDS
) -> None:
    """Check that a tracking URI is well formed and reachable.

    Parameters
    ----------
    findings : Findings
        The collector to add to.
    uri : object
        The tracking URI as passed; None means ``MLFLOW_TRACKING_URI`` if it is set, else a SQLite
        file in the current folder.
    deadline_seconds : float, default 3.0
        Seconds to wait for the server, in total.

    Examples
    --------
    >>> findings = Findings()
    >>> check_tracking_uri(findings, "ftp://host/runs")
    >>> findings.errors[0]
    "mlflow_tracking_uri has the scheme 'ftp', got 'ftp://host/runs', which MLflow doesn't ..."
    """
    named = os.environ.get("MLFLOW_TRACKING_URI") or None if uri is None else uri
    if named is None:
        return
    text = os.fspath(named) if isinstance(named, os.PathLike) else named
    if not isinstance(text, str) or not text.strip():
        findings.error(
            f"mlflow_tracking_uri must be an address, got {without_secrets(shown(text))}; "
            f"try mlflow_tracking_uri='{_EXAMPLE}'"
        )
        findings.correct("mlflow_tracking_uri", _EXAMPLE)
        return
    if text != text.strip():
        findings.warn(
            f"mlflow_tracking_uri has spaces around it, got {shown(without_secrets(text))}; try"
            f" {shown(without_secrets(text.strip()))}"
        )
        _suggest(findings, text.strip())
    _check_by_scheme(findings, text.strip(), deadline_seconds)


def check_experiment_name(findings: Findings, name: Any) -> None:
    """Validate the name of an MLflow experiment.

    Parameters
    ----------
    findings : Findings
        The collector to add to.
    name : object
        The name as passed; None means the default name.

    Examples
    --------
    >>> findings = Findings()
    >>> check_experiment_name(findings, " ")
    >>> findings.errors[0]
    "mlflow_experiment_name must not be empty, got ' '; try mlflow_experiment_name='forecast'"
    """
    if name is None:
        return
    problem = _name_problem(name)
    if problem:
        meant = _meant_name(name)
        findings.error(
            f"mlflow_experiment_name must {problem}, got {shown(name)}; "
            f"try mlflow_experiment_name={shown(meant)}"
        )
        findings.correct("mlflow_experiment_name", meant)


def _name_problem(name: Any) -> str | None:
    """Return the rule that a name violates, phrased to follow "must"."""
    if not isinstance(name, str):
        return "be a string"
    if not name.strip():
        return "not be empty"
    if not is_plain_line(name):
        return "be on one line, without control characters"
    if len(name) > _LONGEST_NAME:
        return f"have at most {_LONGEST_NAME} characters ({len(name)} are too many)"
    return None


def _meant_name(name: Any) -> str:
    """Return a valid name similar to the given one."""
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        return "forecast"
    printable = "".join(c if is_plain_line(c) else " " for c in str(name)[:_LONGEST_NAME])
    return " ".join(printable.split()) or "forecast"


def _suggest(findings: Findings, uri: str) -> None:
    """Suggest a URI, unless it contains a secret that the report would show."""
    if without_secrets(uri) == uri:
        findings.correct("mlflow_tracking_uri", uri)


def _check_by_scheme(findings: Findings, uri: str, deadline: float) -> None:
    """Run the check for the URI's scheme."""
    match = _WITH_SCHEME.match(uri)
    if match is None:
        _check_without_scheme(findings, uri)
        return
    scheme = match.group(1).lower().split("+")[0]
    check = _CHECKS.get(scheme)
    if check is None:
        _refuse_scheme(findings, uri, scheme)
    else:
        check(findings, uri, deadline)


def _check_without_scheme(findings: Findings, uri: str) -> None:
    if uri in {"databricks", "databricks-uc", "uc"}:
        return
    if uri.startswith("sqlite:"):
        _check_sqlite(findings, uri, 0.0)
    elif _HOST_AND_PORT.match(uri):
        findings.error(
            f"mlflow_tracking_uri has no scheme, got '{without_secrets(uri)}'; try"
            f" 'http://{without_secrets(uri)}'"
        )
        _suggest(findings, f"http://{uri}")
    elif re.match(r"^[^/]*:[^/]*@", uri):
        findings.error(
            f"mlflow_tracking_uri has no scheme, got '{without_secrets(uri)}'; try"
            " 'http://user:password@host:5000'"
        )
    else:
        _check_folder(findings, uri, 0.0)


def _refuse_scheme(findings: Findings, uri: str, scheme: str) -> None:
    meant = nearest(scheme, [*_CHECKS])
    hint = f"did you mean '{meant}'?" if meant else f"try '{_EXAMPLE}' or 'http://host:5000'"
    findings.error(
        f"mlflow_tracking_uri has the scheme '{scheme}', got '{without_secrets(uri)}', which "
        f"MLflow doesn't know; {hint}"
    )


def _check_folder(findings: Findings, uri: str, _deadline: float) -> None:
    """Reject a folder store, unless MLflow is set to allow it."""
    if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in {"1", "true"}:
        return
    findings.error(
        f"mlflow_tracking_uri names a folder, got '{without_secrets(uri)}', and MLflow refuses "
        f"folders as stores by default; try mlflow_tracking_uri='{_EXAMPLE}', or set "
        "MLFLOW_ALLOW_FILE_STORE=true"
    )
    findings.correct("mlflow_tracking_uri", _EXAMPLE)


def _check_sqlite(findings: Findings, uri: str, _deadline: float) -> None:
    path = unquote(re.sub(r"^sqlite(\+\w+)?:", "", uri, flags=re.IGNORECASE).split("?")[0])
    if path in {"//", "", "///", "///:memory:"}:
        findings.error(
            f"mlflow_tracking_uri keeps its runs in memory, got '{without_secrets(uri)}', and "
            f"other processes can't see them; try mlflow_tracking_uri='{_EXAMPLE}'"
        )
        findings.correct("mlflow_tracking_uri", _EXAMPLE)
    elif not path.startswith("///"):
        meant = f"sqlite:///{path.lstrip('/')}"
        findings.error(
            f"mlflow_tracking_uri needs three slashes after 'sqlite:', got "
            f"'{without_secrets(uri)}'; try mlflow_tracking_uri='{without_secrets(meant)}'"
        )
        _suggest(findings, meant)
    else:
        _check_sqlite_file(findings, Path(path[3:]))


def _check_sqlite_file(findings: Findings, path: Path) -> None:
    """Check that a database file can be created or written at a path."""
    try:
        problem = _file_problem(path)
    except (OSError, ValueError):
        problem = "can't be used as a path"
    if problem:
        findings.error(
            f"mlflow_tracking_uri names the file '{path}', which {problem}; try"
            f" mlflow_tracking_uri='{_EXAMPLE}' in a writable folder"
        )
        findings.correct("mlflow_tracking_uri", _EXAMPLE)


def _file_problem(path: Path) -> str | None:
    if path.is_dir():
        return "is a folder"
    if not path.parent.is_dir():
        return f"is in a folder that doesn't exist ('{path.parent}')"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return "can't be written"
    return None


def _split_server(findings: Findings, uri: str, example: str) -> SplitResult | None:
    """Split a server's URI into its parts; add an error and return None if it has no host."""
    try:
        parts = urlsplit(uri)
        usable = bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", uri)
    except ValueError:
        usable = False
    if usable:
        return parts
    findings.error(
        f"mlflow_tracking_uri must name a host and a port from 1 to 65535, got "
        f"'{without_secrets(uri)}'; try mlflow_tracking_uri='{example}'"
    )
    return None


def _check_server(findings: Findings, uri: str, deadline: float) -> None:
    parts = _split_server(findings, uri, "http://localhost:5000")
    if parts is None:
        return
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    answer = answer_of_server(address.geturl(), deadline)
    name = without_secrets(uri)
    if answer.problem:
        findings.error(
            f"mlflow_tracking_uri can't be reached: '{name}' {answer.problem}; start the server "
            f"(mlflow server --port 5000), correct the address, or try '{_EXAMPLE}'"
        )
    elif answer.status in {401, 403} and _has_credentials(parts):
        return
    elif answer.status != 200:
        findings.warn(
            f"mlflow_tracking_uri: '{name}' answered {answer.status} at /health where an MLflow "
            "server says 200; check the address, or set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD"
        )


def _has_credentials(parts: SplitResult) -> bool:
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_TOKEN")
    return parts.username is not None or any(os.environ.get(name) for name in names)


def _check_database(findings: Findings, uri: str, deadline: float) -> None:
    scheme = uri.split(":")[0].split("+")[0].lower()
    parts = _split_server(findings, uri, f"{scheme}://user:password@host/mlflow")
    if parts is None or parts.hostname is None:
        return
    problem = answer_of_port(parts.hostname, parts.port or _DATABASE_PORTS[scheme], deadline)
    if problem:
        findings.error(
            f"mlflow_tracking_uri can't be reached: '{without_secrets(uri)}' {problem}; start the "
            f"database, correct the address, or try '{_EXAMPLE}'"
        )


def _accept(_findings: Findings, _uri: str, _deadline: float) -> None:
    """Accept a URI whose server only its own client can reach."""


_CHECKS: dict[str, Callable[[Findings, str, float], None]] = {
    "http": _check_server,
    "https": _check_server,
    "sqlite": _check_sqlite,
    "file": _check_folder,
    "databricks": _accept,
    "databricks-uc": _accept,
    "uc": _accept,
    **dict.fromkeys(_DATABASE_PORTS, _check_database),
}
