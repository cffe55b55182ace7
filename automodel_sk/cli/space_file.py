"""Read search spaces from JSON or YAML files."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Domain, Float, Integer

__all__ = ["space_from_json", "spaces_from_json"]


def _numbers(make: type[Float] | type[Integer], log: bool) -> Callable[[list[Any]], Domain]:
    def read(values: list[Any]) -> Domain:
        if len(values) not in (2, 3):
            raise InvalidInputError(f"needs [low, high] or [low, high, step], got {values}")
        low, high, *step = values
        return make(low, high, log=log, **({"step": step[0]} if step else {}))

    return read


_DOMAINS: Mapping[str, Callable[[list[Any]], Domain]] = {
    "choice": lambda values: Choice(values),
    "grid": lambda values: Choice(values, grid=True),
    "uniform": _numbers(Float, log=False),
    "loguniform": _numbers(Float, log=True),
    "int": _numbers(Integer, log=False),
    "logint": _numbers(Integer, log=True),
}


def space_from_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """Convert parsed JSON to a search space.

    An object with the single key "choice", "grid", "uniform", "loguniform", "int" or "logint" and a
    list is a domain, with inclusive bounds; everything else is a constant.

    Parameters
    ----------
    content : mapping
        Parameters by name.

    Returns
    -------
    dict

    Raises
    ------
    InvalidInputError
        If a list does not define a valid domain.

    Examples
    --------
    >>> space_from_json({"max_steps": 100, "dropout": {"uniform": [0, 0.5]}})
    {'max_steps': 100, 'dropout': Float(low=0.0, high=0.5, log=False, step=None)}
    """
    return {name: _entry(name, value) for name, value in content.items()}


def spaces_from_json(
    content: Mapping[str, Any] | None, models: str | Sequence[str]
) -> dict[str, Any] | None:
    """Convert parsed JSON to a search space, or to one by model where several are tuned.

    Parameters
    ----------
    content : mapping, optional
        Parameters by name; for several models, such mappings by the model's name in any case.
    models : str or sequence of str
        As in `create_auto_model`.

    Returns
    -------
    dict or None
        None if there is no content.

    Raises
    ------
    InvalidInputError
        As `space_from_json`; or several models have a single space.

    Examples
    --------
    >>> spaces_from_json({"nhits": {"max_steps": 100}}, "auto")
    {'NHITS': {'max_steps': 100}}
    """
    from automodel_sk.portfolio.names import names_several, read_names

    if content is None or not names_several(models):
        return None if content is None else space_from_json(content)
    single = next((name for name, space in content.items() if not isinstance(space, dict)), None)
    if single is not None:
        raise InvalidInputError(
            f"--space holds a parameter {single!r}, and several models are tuned: it needs a space"
            f' by model, such as {{"NHITS": {{"max_steps": 500}}}}, or one model, such as --model'
            " NHITS; `automodel-sk models` lists all"
        )
    names = read_names(list(content)) if content else ()
    spaces = zip(names or (), content.values(), strict=True)
    return {name: space_from_json(space) for name, space in spaces}


def _entry(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        return space_from_json(value)
    [(kind, values)] = value.items()
    if not isinstance(values, list):
        return space_from_json(value)
    if kind in _DOMAINS:
        try:
            return _DOMAINS[kind](values)
        except InvalidInputError as exc:
            raise InvalidInputError(f"{name}: {kind} {exc}") from exc
    _refuse_misspelt(name, kind, list(_DOMAINS))
    return value


def _refuse_misspelt(name: str, kind: str, known: Sequence[str]) -> None:
    """Raise if a key is close to a domain's name; other keys may be the model's own."""
    near = difflib.get_close_matches(kind.lower(), known, n=1, cutoff=0.75)
    if near:
        raise InvalidInputError(
            f"{name}: {kind!r} is not a kind of domain; choose from {', '.join(known)}; did you"
            f" mean {near[0]!r}?"
        )
