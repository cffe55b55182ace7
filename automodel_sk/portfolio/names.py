"""Read the names of models where several are allowed."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from automodel_sk.arguments.number_rule import shown
from automodel_sk.catalog.models import MODEL_CATALOG, read_model_name
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.members.table import MEMBERS

__all__ = ["AUTO", "makes_ensemble", "names_several", "read_names"]

AUTO = "auto"
_MOST = 100


def names_several(model_name: Any) -> bool:
    """Return whether an argument stands for several models, or for one that is no network.

    Examples
    --------
    >>> names_several("auto"), names_several(["NHITS"]), names_several("NHITS")
    (True, True, False)
    >>> names_several("AutoETS"), names_several("Naive")
    (True, True)
    """
    kind: type = type(model_name)  # reading the class of an object may raise anything
    if issubclass(kind, str):
        return model_name.lower() == AUTO or _member(model_name) is not None
    return issubclass(kind, (list, tuple, set, frozenset))


def makes_ensemble(model_name: Any, ensemble: Any) -> bool:
    """Return whether a search ends in an ensemble: of several models, or of the trials of one.

    Parameters
    ----------
    model_name : object
        Name, names, or "auto".
    ensemble : object
        The option `ensemble`.

    Examples
    --------
    >>> makes_ensemble("NHITS", "mean"), makes_ensemble(["NHITS"], None)
    (True, True)
    >>> makes_ensemble("NHITS", None), makes_ensemble("NHITS", "best")
    (False, False)
    """
    of_trials = issubclass(type(ensemble), str) and ensemble != "best"
    return of_trials or names_several(model_name)


def read_names(model_name: Any) -> tuple[str, ...] | None:
    """Return the names as in the tables, or None for "auto".

    Parameters
    ----------
    model_name : str or sequence of str
        "auto", or names in any case; classes of neuralforecast too.

    Raises
    ------
    InvalidInputError
        If a name is unknown or given twice, or there is none.

    Examples
    --------
    >>> read_names("AUTO"), read_names(["nhits", "seasonalnaive"])
    (None, ('NHITS', 'SeasonalNaive'))
    >>> read_names(["NHITS", "AutoEST"])
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: unknown model 'AutoEST'; did you mean 'AutoETS'?
    """
    if isinstance(model_name, str) and model_name.lower() == AUTO:
        return None
    given = [model_name] if isinstance(model_name, (str, type)) else list(model_name)
    if isinstance(model_name, (set, frozenset)):  # in an order that is the same in each process
        given.sort(key=str)
    if not 1 <= len(given) <= _MOST:
        raise InvalidInputError(
            f"model must name 1 to {_MOST} models, got {len(given)}; try 'auto', or"
            " ['NHITS', 'AutoETS']"
        )
    names = tuple(_known(name) for name in given)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInputError(f"model {twice!r} is given twice; name each model once")
    return names


def _member(name: str) -> str | None:
    return {known.lower(): known for known in MEMBERS}.get(name.lower())


def _known(given: Any) -> str:
    """Return a model's name in its table."""
    if isinstance(given, str) and (member := _member(given)) is not None:
        return member
    name = read_model_name(given)
    if isinstance(name, str) and name in MODEL_CATALOG:
        return name
    if isinstance(given, str) and given.lower() == AUTO:
        raise InvalidInputError("'auto' stands alone; pass model='auto', or the names of models")
    raise InvalidInputError(f"unknown model {shown(given)}; {_hint(given)}")


def _hint(given: Any) -> str:
    known = {name.lower(): name for name in (*MEMBERS, *MODEL_CATALOG)}
    typed = "".join(letter for letter in str(given).lower() if letter.isalnum())
    close = get_close_matches(typed, known, n=1) if isinstance(given, str) else []
    return f"did you mean {known[close[0]]!r}?" if close else "try 'auto', or ['NHITS', 'AutoETS']"
