"""Check `available_mask` and `sample_weight`, two columns that neuralforecast reads by name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from automodel_sk.data.panel import BoolArray, Panel
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.data.wording import wording
from automodel_sk.validation.data.values import NumberArray, read_numbers, where
from automodel_sk.validation.result import Findings

__all__ = ["check_weights", "observed_rows"]

_WEIGHTS = f', e.g. df["{WEIGHT}"] = 1.0'


def observed_rows(df: pd.DataFrame, panel: Panel | None, findings: Findings) -> BoolArray | None:
    """Return the rows that `available_mask` marks as observed; None if all are.

    Examples
    --------
    >>> findings = Findings()
    >>> observed_rows(pd.DataFrame({"available_mask": [1.0, 0.5]}), None, findings)
    >>> print(findings.errors[0])
    column 'available_mask' holds 0.5, in row 1; it must be 1 for a row that was observed, ...
    """
    mask = _numbers(df, MASK, findings)
    if mask is None:
        return None
    wrong = ~np.isin(mask, (0.0, 1.0))
    if wrong.any():
        row = int(wrong.argmax())
        findings.error(
            f"column {MASK!r} holds {mask[row]:g}, {where(panel, row)}; it must be 1 for a row that"
            f" was observed, else 0{_observed()}"
        )
        return None
    used: BoolArray = mask == 1
    if not used.any():
        findings.error(
            f"column {MASK!r} is 0 in every row, so there is nothing to learn from; set it to 1"
            f" where the values were observed{_observed()}"
        )
    return used


def _observed() -> str:
    """Return the code of a mask, where there is code."""
    words = wording()
    return words.how(f', e.g. df["{MASK}"] = {words.code("y", "df")}.notna().astype(float)', "")


def check_weights(
    df: pd.DataFrame, panel: Panel | None, findings: Findings, used: BoolArray | None
) -> None:
    """Add an error for weights missing or negative in observed rows, or 0 everywhere.

    Examples
    --------
    >>> findings = Findings()
    >>> check_weights(pd.DataFrame({"sample_weight": [1.0, -2.0]}), None, findings, None)
    >>> print(findings.errors[0])
    column 'sample_weight' holds -2, in row 1; a weight must be a finite number of at least ...
    """
    weights = _numbers(df, WEIGHT, findings)
    if weights is None:
        return
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if used is not None:
        wrong &= used
    if wrong.any():
        row = int(wrong.argmax())
        findings.error(
            f"column {WEIGHT!r} holds {weights[row]:g}, {where(panel, row)}; a weight must be a"
            f" finite number of at least 0{wording().how(_WEIGHTS, ', such as 1')}"
        )
    elif not (weights > 0).any():
        findings.error(
            f"column {WEIGHT!r} is 0 in every row, so a model would learn nothing; give the rows"
            f" that matter a weight above 0{wording().how(_WEIGHTS, ', such as 1')}"
        )


def _numbers(df: pd.DataFrame, name: str, findings: Findings) -> NumberArray | None:
    """Return a column as floats, with True as 1; None if it is absent or not numeric."""
    if name not in df.columns:
        return None
    column = df[name]
    if pd.api.types.is_bool_dtype(column.dtype):
        column = column.astype(float)
    numbers = read_numbers(column, findings)
    return None if numbers is None else np.asarray(numbers, dtype=float)
