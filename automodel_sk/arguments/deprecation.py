"""Deprecated names: kept for two minor releases, with a warning that names the replacement."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["renamed_argument", "warn_deprecated"]

P = ParamSpec("P")
R = TypeVar("R")


def warn_deprecated(old: str, new: str, removed_in: str, stacklevel: int = 3) -> None:
    """Warn that a name is deprecated.

    Parameters
    ----------
    old, new : str
        The deprecated name and its replacement.
    removed_in : str
        The first release without it.
    stacklevel : int
        Number of frames from the warning to the caller's line.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_deprecated("trials=", "num_samples=", "0.3")
    >>> str(caught[0].message)
    'trials= is deprecated and will be removed in 0.3; use num_samples='
    """
    warnings.warn(
        f"{old} is deprecated and will be removed in {removed_in}; use {new}",
        FutureWarning,
        stacklevel=stacklevel,
    )


def renamed_argument(
    old: str, new: str, removed_in: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that lets a function accept a keyword by its former name.

    Parameters
    ----------
    old, new : str
        The keyword's former and current name.
    removed_in : str
        The first release without the former name.

    Examples
    --------
    >>> @renamed_argument("steps", "h", "0.3")
    ... def double(h): return 2 * h
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     double(steps=3)
    6
    >>> double(h=3)
    6
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def renamed(*args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs:
                warn_deprecated(f"{old}=", f"{new}=", removed_in)
                if new in kwargs:
                    raise TypeError(f"{old}= and {new}= are both given; pass only {new}=")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renamed

    return decorate
