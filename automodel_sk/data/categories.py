"""Encode categorical exogenous columns as the integer codes that models embed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "UnknownCategoriesError",
    "Vocabulary",
    "check_cardinalities",
    "check_known",
    "decoded",
    "encoded",
    "vocabulary",
]

Vocabulary = Mapping[str, Mapping[Any, int]]
"""The code of each category, by column."""

logger = logging.getLogger(__name__)


class UnknownCategoriesError(InvalidInputError):
    """A model knows no category of a column: likely these are not the column's values."""


def vocabulary(
    names: Sequence[str], frame: pd.DataFrame, static_df: pd.DataFrame | None = None
) -> dict[str, dict[Any, int]]:
    """Return the code of each category: 1, 2, ... in sorted order, as in neuralforecast.

    Parameters
    ----------
    names : sequence of str
        The categorical columns.
    frame, static_df : DataFrame
        Prepared frames; each column is read from the frame that has it.

    Examples
    --------
    >>> vocabulary(["day"], pd.DataFrame({"day": ["Tue", "Mon", "Tue"]}))
    {'day': {'Mon': 1, 'Tue': 2}}
    """
    found = {}
    for name in names:
        holder = frame if static_df is None or name not in static_df.columns else static_df
        values = sorted(holder[name].dropna().unique().tolist())
        found[name] = {value: code for code, value in enumerate(values, 1)}
    return found


def encoded(frame: pd.DataFrame, codes: Vocabulary) -> pd.DataFrame:
    """Replace categories by their codes; unknown categories become 0.

    Examples
    --------
    >>> encoded(pd.DataFrame({"day": ["Tue", "Sun"]}), {"day": {"Mon": 1, "Tue": 2}}).day.tolist()
    [2.0, 0.0]
    """
    known = {name: of for name, of in codes.items() if name in frame.columns}
    return frame.assign(
        **{name: frame[name].map(of).fillna(0).astype(float) for name, of in known.items()}
    )


def decoded(frame: pd.DataFrame, codes: Vocabulary) -> pd.DataFrame:
    """Replace codes by their categories.

    Examples
    --------
    >>> decoded(pd.DataFrame({"day": [2.0, 1.0]}), {"day": {"Mon": 1, "Tue": 2}}).day.tolist()
    ['Tue', 'Mon']
    """
    known = {name: of for name, of in codes.items() if name in frame.columns}
    return frame.assign(
        **{
            name: frame[name].map({code: value for value, code in of.items()})
            for name, of in known.items()
        }
    )


def check_cardinalities(codes: Vocabulary, declared: Mapping[str, int]) -> None:
    """Raise if the data hold more categories than the model was built for.

    Examples
    --------
    >>> check_cardinalities({"day": {"Mon": 1, "Tue": 2}}, {"day": 1})
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: column 'day' holds 2 categories, the model has ...
    """
    for name, of in codes.items():
        if len(of) > declared.get(name, len(of)):
            raise InvalidInputError(
                f"column {name!r} holds {len(of)} categories, the model has room for"
                f" {declared[name]}; search again with categorical_cardinalities"
                f"={{{name!r}: {len(of)}}}"
            )


def check_known(
    frame: pd.DataFrame,
    codes: Vocabulary,
    frame_name: str,
    effect: str = "forecasts use the mean of the known ones",
) -> None:
    """Raise if no category of a column is known, and warn about each unknown one.

    Parameters
    ----------
    frame : DataFrame
        The prepared frame.
    codes : mapping
        The categories seen in training.
    frame_name : str
        Name of the frame, for the message.
    effect : str
        What the model does with unknown categories, for the warning.

    Raises
    ------
    UnknownCategoriesError
        No category of a column is known.

    Examples
    --------
    >>> check_known(pd.DataFrame({"day": ["1", "2"]}), {"day": {1.0: 1, 2.0: 2}}, "df")
    Traceback (most recent call last):
        ...
    automodel_sk.data.categories.UnknownCategoriesError: column 'day' of df has no category ...
    """
    for name, of in codes.items():
        if name not in frame.columns:
            continue
        values = frame[name].dropna().unique()
        new = [value for value in values if value not in of]
        if new and len(new) == len(values):
            raise UnknownCategoriesError(
                f"{wording().column(name, frame_name)} has no category known to the model (first"
                f" {new[0]!r}); pass the categories seen in training, with the same type:"
                f" {', '.join(map(repr, list(of)[:5]))}"
            )
        if new:
            logger.warning(
                "%s holds %d categories that the model was not trained on, first %r; %s",
                wording().column(name, frame_name),
                len(new),
                new[0],
                effect,
            )
