"""Check that the categorical columns named in a configuration can be used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from automodel_sk.arguments.number_rule import nearest, shown
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.search_space import SearchSpace
from automodel_sk.validation.data.structure import some
from automodel_sk.validation.data.values import is_category
from automodel_sk.validation.result import Findings

__all__ = [
    "MOST_CATEGORIES",
    "categorical_names",
    "check_categories",
    "named_categories",
    "text_categories",
    "text_columns",
    "with_text",
]

MOST_CATEGORIES = 1_000
"""Text of more different values is no category, but a name or a comment."""

_PARAMETERS = ("cat_exog_list", "categorical_cardinalities")


def categorical_names(config: Any) -> tuple[str, ...]:
    """Return the categorical columns of a configuration, if they are the same in all trials.

    Examples
    --------
    >>> categorical_names({"cat_exog_list": ["day"], "max_steps": 100}), categorical_names(None)
    (('day',), ())
    """
    try:
        named = SearchSpace.parse(config).constants.get("cat_exog_list") or ()
    except Exception:  # an unreadable config is reported by the model's check
        return ()
    return tuple(named) if isinstance(named, (list, tuple)) else ()


def named_categories(config: Any) -> tuple[str, ...]:
    """Return the categorical columns that a configuration names, of one model or of several.

    Examples
    --------
    >>> named_categories({"cat_exog_list": ["day"], "max_steps": 100})
    ('day',)
    >>> named_categories({"NHITS": {"cat_exog_list": ["day"]}, "MLP": {"max_steps": 100}})
    ('day',)
    >>> named_categories(None)
    ()
    """
    names = list(categorical_names(config))
    if isinstance(config, Mapping):
        for own in config.values():
            names += categorical_names(own) if isinstance(own, (Mapping, SearchSpace)) else ()
    return tuple(dict.fromkeys(names))


def text_columns(names: Iterable[str], *frames: Any) -> tuple[str, ...]:
    """Return the columns that hold categories by their type: text that is no number.

    Parameters
    ----------
    names : iterable of str
        Exogenous columns.
    *frames : DataFrame, optional
        Frames that may have them.

    Examples
    --------
    >>> df = pd.DataFrame({"sky": ["sun", "rain"], "price": [1.0, 2.0], "size": ["1", "2"]})
    >>> text_columns(["sky", "price", "size"], df)
    ('sky',)
    """
    found = []
    for name in names:
        holders = (f for f in frames if isinstance(f, pd.DataFrame) and name in f.columns)
        column = next((f[name] for f in holders if f.columns.is_unique), None)
        if column is not None and is_category(column) and column.nunique() <= MOST_CATEGORIES:
            found.append(name)
    return tuple(found)


def text_categories(
    config: Any, model_name: Any, exogenous: Iterable[str], *frames: Any
) -> dict[str, Any]:
    """Return the settings by which a model takes columns of text as categories.

    Parameters
    ----------
    config : object
        As in `create_auto_model`.
    model_name : object
        The model.
    exogenous : iterable of str
        Exogenous columns of all kinds.
    *frames : DataFrame, optional
        Frames that may have them.

    Returns
    -------
    dict
        Empty if there is no such column, if the model embeds no categories, or if the configuration
        names some itself, is a function, or can't be read.

    Examples
    --------
    >>> df = pd.DataFrame({"sky": ["sun", "rain"]})
    >>> text_categories({"max_steps": 5}, "NHITS", ["sky"], df)
    {'cat_exog_list': ['sky'], 'categorical_cardinalities': {'sky': 2}}
    """
    row = MODEL_CATALOG.get(model_name) if isinstance(model_name, str) else None
    if row is None or not row.supports_categorical:
        return {}
    names = text_columns(exogenous, *frames)
    try:
        space = SearchSpace.parse({} if config is None else config)
    except Exception:  # an unreadable config is reported by the model's check
        return {}
    own = (name.split("/")[0] for name in (*space.domains, *space.constants))
    if not names or space.function is not None or any(name in _PARAMETERS for name in own):
        return {}
    sizes = {name: _distinct(name, *frames) for name in names}
    return {"cat_exog_list": list(names), "categorical_cardinalities": sizes}


def with_text(config: Any, implied: Mapping[str, Any]) -> Any:
    """Return a configuration with the settings of `text_categories`; a default one stays None.

    Examples
    --------
    >>> with_text({"max_steps": 5}, {"cat_exog_list": ["sky"]}).constants
    {'max_steps': 5, 'cat_exog_list': ['sky']}
    """
    return SearchSpace.parse(config).with_defaults(**implied) if implied and config else config


def check_categories(
    config: Any, model_name: Any, exogenous: Any, df: Any, static_df: Any, findings: Findings
) -> None:
    """Check categorical columns against the model, the exogenous lists and the cardinalities.

    Examples
    --------
    >>> findings = Findings()
    >>> df = pd.DataFrame({"day": [1, 2, 3]})
    >>> config = {"cat_exog_list": ["day"], "categorical_cardinalities": {"day": 2}}
    >>> check_categories(config, "NHITS", ["day"], df, None, findings)
    >>> findings.errors
    ["categorical_cardinalities gives 'day' 2, but the column holds 3 categories; try ..."]
    """
    try:
        space = SearchSpace.parse(config)
    except Exception:  # an unreadable config is reported by the model's check
        return
    tuned = [name for name in space.domains if name.split("/")[0] in _PARAMETERS]
    if tuned:
        findings.error(
            f"{tuned[0].split('/')[0]} must be one plain value for all trials, got"
            f" {shown(space.domains[tuned[0]])}: the data are encoded once; try"
            " cat_exog_list=['day']"
        )
    names = categorical_names(config)
    if not names:
        return
    row = MODEL_CATALOG.get(model_name) if isinstance(model_name, str) else None
    if row is not None and not row.supports_categorical:
        able = [name for name, other in MODEL_CATALOG.items() if other.supports_categorical]
        findings.error(
            f"cat_exog_list: {model_name} does not accept categorical variables, got"
            f" {some(list(names))}; encode them as numbers, or choose a model that does, such as"
            f" {' or '.join(able[:3])}"
        )
    _check_each(names, space, list(exogenous), df, static_df, findings)


def _check_each(
    names: tuple[str, ...],
    space: SearchSpace,
    exogenous: list[str],
    df: Any,
    static_df: Any,
    findings: Findings,
) -> None:
    declared = _nested(space, "categorical_cardinalities")
    for name in names:
        if name not in exogenous:
            meant = nearest(str(name), exogenous)
            fix = f"did you mean {meant!r}?" if meant else f"try futr_exog_list=[{name!r}]"
            findings.error(
                f"cat_exog_list names {name!r}, which none of futr_exog_list, hist_exog_list and"
                f" stat_exog_list does; {fix}"
            )
            continue
        number = _distinct(name, df, static_df)
        given = declared.get(name)
        if number is None:
            continue
        if given is None:
            findings.error(
                f"categorical_cardinalities lacks {name!r}, which holds {number} categories; add"
                f" 'categorical_cardinalities': {{{name!r}: {number}}}"
            )
        elif not isinstance(given, int) or given < number:
            findings.error(
                f"categorical_cardinalities gives {name!r} {shown(given)}, but the column holds"
                f" {number} categories; try {{{name!r}: {number}}}"
            )


def _nested(space: SearchSpace, parameter: str) -> dict[str, Any]:
    """Return a constant with nested values, whether it was flattened or not."""
    whole = space.constants.get(parameter)
    if isinstance(whole, dict):
        return whole
    start = f"{parameter}/"
    return {k[len(start) :]: v for k, v in space.constants.items() if k.startswith(start)}


def _distinct(name: str, *frames: Any) -> int | None:
    """Return the number of categories in a column; None if the column does not exist."""
    for frame in reversed(frames):
        if isinstance(frame, pd.DataFrame) and name in frame.columns:
            return int(frame[name].nunique())
    return None
