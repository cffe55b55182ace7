"""Checks for models that take all series at once and know each series by its position."""

from __future__ import annotations

from typing import Any

import pandas as pd

from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = ["check_places", "uneven_ends"]


def check_places(ids: Any, trained_on: Any, model_name: str) -> None:
    """Raise if the series differ from those the model was trained on.

    Parameters
    ----------
    ids, trained_on : sequence
        Series ids in order: of the data, and of the training data.
    model_name : str
        Name of the model, for the message.

    Raises
    ------
    InvalidInputError
        If they differ; the message names the first difference.

    Examples
    --------
    >>> check_places([9, 10], [9, 10], "TSMixer")
    >>> check_places(["10", "9"], [9, 10], "TSMixer")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: unique_id holds text, TSMixer was trained on ...
    """
    given, known = pd.Index(ids), pd.Index(trained_on)
    if list(given) == list(known):
        return
    kinds = _kind(given), _kind(known)
    if kinds[0] != kinds[1]:
        kind = "str" if kinds[1] == "text" else "int"
        raise InvalidInputError(
            f"unique_id holds {kinds[0]}, {model_name} was trained on {kinds[1]}; convert it, e.g."
            f' df["unique_id"] = df["unique_id"].astype({kind})'
        )
    lacking, new = known[~known.isin(given)], given[~given.isin(known)]
    other = f" and has {wording().series(new[0])} in its place" if len(new) else ""
    what = f"lacks {wording().series(lacking[0])}{other}" if len(lacking) else "has other series"
    raise InvalidInputError(
        f"dataset {what}: {model_name} forecasts all series together and identifies each by its"
        f" position; pass the {len(known)} series that it was trained on, or call refit(dataset)"
    )


def _kind(ids: pd.Index) -> str:
    if pd.api.types.is_integer_dtype(ids.dtype):
        return "whole numbers"
    inferred = pd.api.types.infer_dtype(ids, skipna=False)
    return {"string": "text", "integer": "whole numbers"}.get(inferred, inferred)


def uneven_ends(ids: Any, ends: Any) -> str | None:
    """Return a warning if series end at different times, else None.

    Parameters
    ----------
    ids : sequence
        The series ids.
    ends : sequence
        The last time of each series.

    Examples
    --------
    >>> uneven_ends(["a", "b"], [5, 5]) is None
    True
    >>> uneven_ends(["a", "b"], [5, 3])
    "1 of 2 series end before the last time (5), first series 'b' at 3; the model aligns all ..."
    """
    last = pd.Index(ends)
    early = [place for place, end in enumerate(last) if end != last.max()]
    if not early:
        return None
    first, latest = early[0], pd.Index(ids)[int(last.argmax())]
    end = wording().time(latest, last.max())
    return (
        f"{len(early)} of {len(last)} series end before the last time ({end}), first"
        f" {wording().series(pd.Index(ids)[first])} at"
        f" {wording().time(pd.Index(ids)[first], last[first])}; the model aligns all series at"
        " their ends, so it would relate values of different times; make them end together, e.g."
        " cut the others or fill the missing rows with available_mask=0"
    )
