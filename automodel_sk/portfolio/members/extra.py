"""Optional packages of members."""

from __future__ import annotations

import importlib.util

from automodel_sk.exceptions import MissingDependencyError

__all__ = ["need", "refusal_without"]

_INSTALL = "pip install 'automodel_sk[portfolio]'"


def refusal_without(package: str) -> str | None:
    """Return how to install a package, or None if it is installed.

    Examples
    --------
    >>> refusal_without("numpy")
    >>> refusal_without("no_such_package")
    "no_such_package is not installed: pip install 'automodel_sk[portfolio]'"
    """
    if importlib.util.find_spec(package) is not None:
        return None
    return f"{package} is not installed: {_INSTALL}"


def need(package: str, member: str) -> None:
    """Raise if a package is not installed.

    Raises
    ------
    MissingDependencyError
        Says how to install it.

    Examples
    --------
    >>> need("numpy", "AutoETS")
    """
    if importlib.util.find_spec(package) is None:
        raise MissingDependencyError(f"{member} needs {package}; install it with: {_INSTALL}")
