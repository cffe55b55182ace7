"""Categorical columns of X that no configuration names."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from sktime.datatypes import check_is_scitype

from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.data.wording import shown
from automodel_sk.estimator.models import known_names
from automodel_sk.exceptions import InvalidInputError

__all__ = ["CategoricalInputError", "categorical_columns", "refused_categories"]

_SCITYPES = ["Series", "Panel", "Hierarchical"]
_MOST_NAMES = 10


class CategoricalInputError(InvalidInputError, TypeError):
    """X holds categories that no model takes; sktime requires a TypeError."""


def categorical_columns(X: Any) -> list[Hashable]:
    """Return the columns that sktime takes for categories: text, and pandas' categories.

    Parameters
    ----------
    X : time series in an sktime container
        Exogenous data.

    Examples
    --------
    >>> import pandas as pd
    >>> categorical_columns(pd.DataFrame({"price": [1.0, 2.0], "day": ["Mon", "Tue"]}))
    ['day']
    """
    asked = ["feature_names", "feature_kind"]
    try:
        is_valid, _, found = check_is_scitype(X, _SCITYPES, return_metadata=asked)
    except Exception:  # of an odd object, which sktime then refuses in its own words
        return []
    if not is_valid:
        return []
    pairs = zip(found["feature_names"], found["feature_kind"], strict=True)
    return [name for name, kind in pairs if kind.name == "CATEGORICAL"]


def refused_categories(X: Any, model: Any) -> CategoricalInputError | None:
    """Return the error for categorical columns that the configuration does not name, if any.

    Parameters
    ----------
    X : time series in an sktime container
        Exogenous data.
    model : str or sequence of str
        The estimator's parameter.
    """
    names = categorical_columns(X)
    if not names:
        return None
    first, takes = shown(names[0]), _taking(model)
    with_model = "" if takes is None else f"with model={takes!r} "
    words, number = _values(X, names[0])
    return CategoricalInputError(
        f"X has the categorical columns {shown(names[:_MOST_NAMES])}, which hold no numbers; encode"
        f" each, e.g. X[{first}] = X[{first}].map({{{words}...}}), or {with_model}let the model"
        f" embed them: config={{'cat_exog_list': [{first}], 'categorical_cardinalities':"
        f" {{{first}: {number}}}, ...}}"
    )


def _values(X: Any, name: Hashable) -> tuple[str, int]:
    """Return the start of a table of numbers for a column's values, and how many values it has."""
    if not isinstance(X, pd.DataFrame):
        return "", 7
    try:
        values = list(X[name].dropna().unique())
    except TypeError:  # values that pandas can't compare
        return "", 7
    table = [f"{shown(value)}: {number}" for number, value in enumerate(values[:2])]
    return "".join(f"{entry}, " for entry in table), len(values)


def _taking(model: Any) -> str | None:
    """Return a model that takes categories; None if one of the estimator's own does."""
    able = [name for name, row in MODEL_CATALOG.items() if row.supports_categorical]
    own = known_names(model) or ()
    return None if any(name in able for name in own) else ["NHITS", *able][0]
