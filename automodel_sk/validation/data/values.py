"""Check that the values of a column are numbers a model can learn from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.panel import BoolArray, Panel
from automodel_sk.data.wording import wording
from automodel_sk.validation.data.missing import advice
from automodel_sk.validation.result import Findings

__all__ = [
    "HUGE",
    "check_constant",
    "check_finite",
    "check_resolution",
    "check_text",
    "count",
    "is_text",
    "read_numbers",
    "where",
]

HUGE = float(np.sqrt(np.finfo(np.float32).max))
"""Largest magnitude whose square still fits float32, in which models train (1.8e19)."""

NumberArray = npt.NDArray[Any]

_MOST_CHARACTERS = 40
_WITH_COMMAS = {
    "thousands": r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?",
    "decimal-comma": r"[+-]?\d+,\d+",
}
_LARGEST = float(np.finfo(np.float32).max)
_FEWEST_VALUES = 30
_SMALLEST_SPREAD = 1e-6
"""neuralforecast's scalers add so much to the scale, against division by zero."""

_FIXES = {
    "bool": ("true and false", "{code}.astype(float)"),
    "complex": ("complex numbers", "{code}.map(abs)"),
    "date": ("dates", "({code} - {code}.min()).dt.days"),
    "text": ("text (first: {first!r})", "{code}.map({{{first!r}: 0, ...}})"),
    "some-text": (
        "text among numbers (first: {first!r})",
        "pd.to_numeric({code}.replace({first!r}, np.nan))",
    ),
    "thousands": (
        "numbers with commas (first: {first!r})",
        'pd.to_numeric({code}.str.replace(",", ""))',
    ),
    "decimal-comma": (
        "numbers with a decimal comma (first: {first!r})",
        'pd.to_numeric({code}.str.replace(",", "."))',
    ),
    "timedelta": ("durations", "{code}.dt.total_seconds()"),
    "number-text": ("numbers as text (first: {first!r})", "pd.to_numeric({code})"),
    "category": ("categories", "{code}.cat.codes"),
    "object-number": ("numbers as Python objects (first: {first!r})", "{code}.astype(float)"),
    "other": ("{dtype} values", "{code}.astype(float)"),
}


def read_numbers(column: pd.Series, findings: Findings, frame: str = "df") -> NumberArray | None:
    """Return a column's numbers; if it has other values, add an error and return None."""
    kind = _kind(column)
    if kind == "number":
        if isinstance(column.dtype, np.dtype):
            return column.to_numpy()
        return column.to_numpy(dtype=float, na_value=np.nan)
    first = _first(column, kind)
    found, fix = _FIXES[kind]
    name = str(column.name)
    words = wording()
    fix = fix.format(code=words.code(name, frame), first=first)
    found = found.format(first=first, dtype=column.dtype)
    findings.error(
        f"{words.column(name, frame)} must hold numbers, found {found}; "
        f"convert it: {words.code(name, frame)} = {fix}"
    )
    return None


def _first(column: pd.Series, kind: str) -> Any:
    """Return an example value: the first one, or the first text among numbers."""
    present = column.dropna()
    if kind == "some-text":
        present = present[pd.to_numeric(present, errors="coerce").isna()]
    first = present.iloc[0] if len(present) else None
    if isinstance(first, str) and len(first) > _MOST_CHARACTERS:
        return f"{first[:_MOST_CHARACTERS]}..."
    return first


def check_finite(
    values: NumberArray,
    name: str,
    panel: Panel | None,
    findings: Findings,
    *,
    used: BoolArray | None = None,
    frame: str = "df",
) -> None:
    """Add an error for missing, infinite and huge values, with the first position of each."""
    bad = ~np.isfinite(values)
    if used is not None:
        bad &= used
    if bad.any():
        missing = bad & np.isnan(values)
        _note_missing(missing, name, panel, findings, frame)
        _note_infinite(bad & ~missing, name, panel, findings, frame)
    elif len(values) and max(float(values.max()), -float(values.min())) > HUGE:
        row, words = int(np.argmax(np.abs(values))), wording()
        findings.warn(
            f"{words.column(name, frame)} holds {values[row]:.3g}, {where(panel, row)}; above "
            f"{HUGE:.1g} its square leaves float32, in which models train; "
            f"scale it, e.g. {words.code(name, frame)} /= 1e12"
        )


def is_text(column: pd.Series) -> bool:
    """Return whether a column holds only text, as objects, strings or pandas categories."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.cat.categories)
    present = column.dropna()
    return len(present) > 0 and all(isinstance(cell, str) for cell in present.unique())


def check_text(
    column: pd.Series,
    panel: Panel | None,
    findings: Findings,
    *,
    used: BoolArray | None = None,
    frame: str = "df",
) -> None:
    """Add an error for missing categories."""
    missing = column.isna().to_numpy()
    if used is not None:
        missing = missing & used
    if missing.any():
        name = str(column.name)
        findings.error(
            f"column {name!r} of {frame} has {count(int(missing.sum()), 'missing value')}, first "
            f"{where(panel, int(missing.argmax()))}; give them a category of their own, e.g. "
            f'{frame}["{name}"] = {frame}["{name}"].fillna("none")'
        )


def check_constant(
    values: NumberArray, name: str, panel: Panel, findings: Findings, used: BoolArray | None = None
) -> None:
    """Warn about series whose observed values are all equal."""
    n_series, codes = len(panel.ids), panel.codes
    if used is not None:
        values, codes = values[used], codes[used]
    # The slot after the last series collects the rows without a series.
    first = np.empty(n_series + 1, dtype=values.dtype)
    first[codes[::-1]] = values[::-1]
    varies = np.zeros(n_series + 1, dtype=bool)
    varies[codes[values != first[codes]]] = True
    rows = np.bincount(codes[codes >= 0], minlength=n_series)
    constant = np.flatnonzero(~varies[:-1] & (rows > 1))
    if len(constant):
        code, words = int(constant[0]), wording()
        findings.warn(
            f"{words.column(name)} is constant in {len(constant)} of {count(n_series, 'series')}, "
            f"first in {words.series(panel.ids[code])} (always {first[code]:g}); a model learns "
            "nothing there; leave such series out, or forecast them with their last value"
        )


def check_resolution(
    values: NumberArray, name: str, panel: Panel, findings: Findings, used: BoolArray | None = None
) -> None:
    """Warn about series whose variation is too small for float32 or a scaler."""
    known = np.isfinite(values) & (panel.codes >= 0)
    known = known if used is None else known & used
    codes, numbers = panel.codes[known], values[known].astype(float)
    highest = np.full(len(panel.ids), -np.inf)
    lowest = np.full(len(panel.ids), np.inf)
    np.maximum.at(highest, codes, numbers)
    np.minimum.at(lowest, codes, numbers)
    with np.errstate(all="ignore"):
        spread = highest - lowest
        sizes = np.maximum(np.abs(highest), np.abs(lowest))
        step = np.spacing(np.minimum(sizes, _LARGEST).astype(np.float32))
    varies = np.isfinite(spread) & (spread > 0)
    words = wording()
    code = words.code(name, "df")
    level = f'{words.by_series(name, "df")}.transform("mean")'
    for blurred, found, fix in (
        (
            varies & (spread < _FEWEST_VALUES * step),
            "float32, in which models train, hardly tells such values apart",
            f"subtract the level, e.g. {code} -= {level}",
        ),
        (
            varies & (spread < _SMALLEST_SPREAD),
            "a scaler takes that for nothing",
            f"choose a smaller unit, e.g. {code} *= 1e6",
        ),
    ):
        if blurred.any():
            first = int(blurred.argmax())
            findings.warn(
                f"{words.column(name)} varies by no more than {spread[first]:.2g} around"
                f" {highest[first]:.3g} in {words.series(panel.ids[first])}"
                f" ({count(int(blurred.sum()), 'series')} like it): {found}; {fix}"
            )


def where(panel: Panel | None, row: int) -> str:
    """Format the position of a row for a message."""
    return f"in row {row}" if panel is None else f"in {panel.place(row)}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural if needed."""
    plural = noun if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _kind(column: pd.Series) -> str:
    """Return the kind of values in a column: a key of the table of fixes."""
    types, dtype = pd.api.types, column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    tests = {
        "bool": types.is_bool_dtype,
        "complex": types.is_complex_dtype,
        "date": types.is_datetime64_any_dtype,
        "timedelta": types.is_timedelta64_dtype,
        "number": types.is_numeric_dtype,
    }
    for kind, test in tests.items():
        if test(dtype):
            return kind
    if types.is_object_dtype(dtype) or types.is_string_dtype(dtype):
        return _kind_of_objects(column)
    return "other"


def _kind_of_objects(column: pd.Series) -> str:
    """Return the kind of values in an object or text column, judged from a sample."""
    sample = column.dropna().iloc[:1000]
    if len(sample) and all(isinstance(cell, str) for cell in sample):
        return _kind_of_text(sample)
    numeric = all(isinstance(cell, (int, float, np.number, Decimal)) for cell in sample)
    return "object-number" if numeric else "other"


def _kind_of_text(sample: pd.Series) -> str:
    """Return what the texts contain: numbers, numbers with commas, or words."""
    numbers = pd.to_numeric(sample, errors="coerce").notna()
    if numbers.all():
        return "number-text"
    for kind, pattern in _WITH_COMMAS.items():
        if (numbers | sample.str.fullmatch(pattern)).all():
            return kind
    return "some-text" if numbers.any() else "text"


def _note_missing(
    missing: BoolArray, name: str, panel: Panel | None, findings: Findings, frame: str
) -> None:
    n_missing = int(missing.sum())
    if n_missing:
        words = wording()
        findings.error(
            f"{words.column(name, frame)} has {count(n_missing, 'missing value')}, first "
            f"{where(panel, int(missing.argmax()))}; {advice(missing, panel, name, frame)}"
        )


def _note_infinite(
    infinite: BoolArray, name: str, panel: Panel | None, findings: Findings, frame: str
) -> None:
    n_infinite = int(infinite.sum())
    if n_infinite:
        words = wording()
        code = words.code(name, frame)
        findings.error(
            f"{words.column(name, frame)} has {count(n_infinite, 'infinite value')}, first "
            f"{where(panel, int(infinite.argmax()))}; replace them, e.g. "
            f"{code} = {code}.replace([np.inf, -np.inf], np.nan).ffill()"
        )
