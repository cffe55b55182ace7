"""Optional packages, and the extras that install them."""

from __future__ import annotations

import importlib.util

from automodel_sk.exceptions import MissingDependencyError

__all__ = ["need", "refusal_without"]


def refusal_without(package: str, extra: str) -> str | None:
    """Return how to install a package, or None if it is installed.

    Parameters
    ----------
    package : str
        Name that it is imported by.
    extra : str
        The extra of this package that installs it.

    Examples
    --------
    >>> refusal_without("numpy", "report")
    >>> refusal_without("no_such_package", "report")
    "no_such_package is not installed: pip install 'automodel_sk[report]'"
    """
    if importlib.util.find_spec(package) is not None:
        return None
    return f"{package} is not installed: {_install(extra)}"


def need(package: str, extra: str, user: str) -> None:
    """Raise if a package is not installed.

    Parameters
    ----------
    package, extra : str
        As in `refusal_without`.
    user : str
        What needs the package.

    Raises
    ------
    MissingDependencyError
        Says how to install it.

    Examples
    --------
    >>> need("numpy", "report", user="report")
    """
    if importlib.util.find_spec(package) is None:
        raise MissingDependencyError(f"{user} needs {package}; install it with: {_install(extra)}")


def _install(extra: str) -> str:
    return f"pip install 'automodel_sk[{extra}]'"
