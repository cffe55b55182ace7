"""The versions of installed packages."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version

__all__ = ["installed_version", "own_version", "release_of"]


def installed_version(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed.

    Examples
    --------
    >>> installed_version("no-such-package") is None
    True
    """
    try:
        return version(package)
    except (PackageNotFoundError, ValueError):  # the name may be empty
        return None


def own_version() -> str:
    """Return the version of this package, which may run from a folder without being installed.

    Examples
    --------
    >>> release_of(own_version()) >= (0, 1)
    True
    """
    version_of_package: str = sys.modules[__name__.partition(".")[0]].__version__
    return version_of_package


def release_of(text: str) -> tuple[int, ...]:
    """Return the release segment of a version as numbers; suffixes are dropped.

    Examples
    --------
    >>> release_of("2.13.0+cpu"), release_of("3.3.0rc1")
    ((2, 13, 0), (3, 3, 0))
    """
    numbers = re.match(r"\d+(\.\d+)*", text.strip())
    return tuple(map(int, numbers.group().split("."))) if numbers else ()
