"""Labels that represent categories in storages that hold only scalars."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from automodel_sk.search_space.fingerprint import without_address

__all__ = ["Label", "labels_of", "same_label"]

Label: TypeAlias = str | int | float | bool | None

_LONGEST = 200


def labels_of(values: Sequence[Any]) -> tuple[Label, ...]:
    """Return one label per category, all different under ``==``.

    Scalars are their own labels; any other value is labelled by its JSON text. If two labels would
    be equal (``1`` and ``True``, ``[1]`` and ``"[1]"``), all become text, and numbered text as a
    last resort.

    Examples
    --------
    >>> labels_of([None, "a", [1, 2]])
    (None, 'a', '[1, 2]')
    >>> labels_of([1, True])
    ('1', 'true')
    >>> labels_of([[1], (1,)])
    ('0: [1]', '1: [1]')
    """
    texts = [_text(index, value) for index, value in enumerate(values)]
    natives = [_native(value, text) for value, text in zip(values, texts, strict=True)]
    for labels in (natives, texts):
        if _all_different(labels):
            return tuple(labels)
    return tuple(f"{index}: {text}" for index, text in enumerate(texts))


def same_label(left: Any, right: Any) -> bool:
    """Compare two labels by type and value; NaN equals NaN."""
    return type(left) is type(right) and (left == right or repr(left) == repr(right))


def _native(value: Any, text: str) -> Label:
    """Return the Python scalar of a scalar, else the text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return str.__str__(value) if isinstance(value, str) else text


def _text(index: int, value: Any) -> str:
    """Return a category as JSON, or as numbered text if JSON can't represent it."""
    if isinstance(value, np.generic):
        value = value.item()
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = f"{index}: {without_address(value)}"
    return text if len(text) <= _LONGEST else f"{index}: {text[:_LONGEST]}..."


def _all_different(labels: Sequence[Label]) -> bool:
    keys = {"nan" if isinstance(x, float) and math.isnan(x) else ("value", x) for x in labels}
    return len(keys) == len(labels)
