"""Check `available_mask` and `sample_weight`, two columns that neuralforecast reads by name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from automodel_sk.data.panel import BoolArray, Panel
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.data.wording import wording
from automodel_sk.validation.data.values import NumberArray, read_numbers, where
from automodel_sk.validation.result import Findings

__all__ = ["check_unobserved", "check_weights", "observed_rows"]

_FAR = 10.0
"""Values under the mask beyond so many times the largest observed one are no imputed values."""

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


def check_unobserved(
    values: NumberArray, name: str, panel: Panel, used: BoolArray, findings: Findings
) -> None:
    """Warn about series without an observed row, and values far out in rows that were not observed.

    Networks read the values of unobserved rows, although they are not trained to forecast them.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": ["a", "a", "b"], "ds": [1, 2, 1], "y": [1.0, 9e9, 1.0]})
    >>> panel, findings = Panel.of(df["unique_id"], df["ds"]), Findings()
    >>> check_unobserved(df["y"].to_numpy(), "y", panel, np.array([True, False, False]), findings)
    >>> print(findings.warnings[0])
    1 of 2 series never observed, first series 'b': column 'available_mask' is 0 in each ...
    >>> print(findings.warnings[1])
    column 'y' holds 9e+09 in series 'a' at 2, which column 'available_mask' marks as not ...
    """
    n_series, codes = len(panel.ids), panel.codes
    known = codes >= 0
    never = np.flatnonzero(
        (np.bincount(codes[known], minlength=n_series) > 0)
        & (np.bincount(codes[known & used], minlength=n_series) == 0)
    )
    words = wording()
    if len(never):
        findings.warn(
            f"{len(never)} of {n_series} series never observed, first"
            f" {words.series(panel.ids[int(never[0])])}: column {MASK!r} is 0 in each of its rows,"
            " so its forecast rests on nothing known; leave such series out"
        )
    sizes = np.abs(np.where(np.isfinite(values), values, 0).astype(float))
    most = np.zeros(n_series + 1)
    np.maximum.at(most, codes[known & used], sizes[known & used])
    far = known & ~used & (most[codes] > 0) & (sizes > _FAR * most[codes])
    if far.any():
        row = int(np.where(far, sizes, -1).argmax())
        findings.warn(
            f"{words.column(name)} holds {values[row]:.4g} in {panel.place(row)}, which column"
            f" {MASK!r} marks as not observed, and at most {most[codes[row]]:.4g} where it was;"
            " models read such rows as inputs; empty them, or put a plausible value there"
        )


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
