"""Look up backends by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search.study.request import SearchBackend

__all__ = ["make_backend"]

_BACKENDS: Mapping[str, tuple[str, str]] = {
    "optuna": ("automodel_sk.search.optuna.backend", "OptunaBackend"),
    "ray": ("automodel_sk.search.ray.backend", "RayBackend"),
}


def make_backend(backend: str) -> SearchBackend:
    """Return a search backend; its library is imported only here.

    Parameters
    ----------
    backend : {"optuna", "ray"}
        The library that runs the trials.

    Returns
    -------
    SearchBackend

    Raises
    ------
    InvalidInputError
        There is no such backend.

    Examples
    --------
    >>> type(make_backend("optuna")).__name__
    'OptunaBackend'
    """
    if backend not in _BACKENDS:
        raise InvalidInputError(
            f"backend {backend!r} can't run searches; use backend={next(iter(_BACKENDS))!r}"
        )
    module, name = _BACKENDS[backend]
    make: Callable[[], SearchBackend] = getattr(import_module(module), name)
    return make()
