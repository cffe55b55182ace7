"""Check that the values of a column are numbers a model can learn from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.panel import BoolArray, Panel
from automodel_sk.data.wording import Wording, wording
from automodel_sk.validation.data.missing import advice
from automodel_sk.validation.result import Findings

__all__ = [
    "HUGE",
    "check_constant",
    "check_finite",
    "check_resolution",
    "check_text",
    "count",
    "is_category",
    "is_text",
    "read_numbers",
    "where",
]

HUGE = float(np.sqrt(np.finfo(np.float32).max))
"""Largest magnitude whose square still fits float32, in which models train (1.8e19)."""

NumberArray = npt.NDArray[Any]

_MOST_CHARACTERS = 40
_MOST_CELLS = 10
_WITH_COMMAS = {
    "thousands": r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?",
    "decimal-comma": r"[+-]?\d+,\d+",
}
_LARGEST = float(np.finfo(np.float32).max)
_FEWEST_VALUES = 30
_SMALLEST_SPREAD = 1e-6
"""neuralforecast's scalers add so much to the scale, against division by zero."""

_AS_NUMBERS = "write numbers in the file, or leave the column out"
_ENCODE = (
    "encode it as numbers: {code} = {code}.map({{{encoded}}}), or choose a model that takes"
    " categories, such as 'NHITS'"
)
_FIXES = {
    "bool": ("true and false", "{code}.astype(float)", _AS_NUMBERS),
    "complex": ("complex numbers", "{code}.map(abs)", _AS_NUMBERS),
    "date": ("dates", "({code} - {code}.min()).dt.days", _AS_NUMBERS),
    "text": (
        "text (first: {first!r})",
        _ENCODE,
        "encode it as numbers in the file, such as 0 and 1, or choose a model that takes"
        " categories, such as --model NHITS",
    ),
    "words": (
        "text (first: {first!r})",
        "name the column of numbers to forecast with target_col=",
        "name the column of numbers to forecast with --target-col",
    ),
    "some-text": (
        "text among numbers ({rows})",
        "correct these cells, or empty them where the value is unknown:"
        " {code} = pd.to_numeric({code}.replace({bad!r}, np.nan))",
        "correct these cells in the file, or leave them empty where the value is unknown",
    ),
    "thousands": (
        "numbers with commas (first: {first!r})",
        'pd.to_numeric({code}.str.replace(",", ""))',
        "set the decimal mark with --decimal . or --decimal ,",
    ),
    "decimal-comma": (
        "numbers with a decimal comma (first: {first!r})",
        'pd.to_numeric({code}.str.replace(",", "."))',
        "pass --decimal ,",
    ),
    "timedelta": ("durations", "{code}.dt.total_seconds()", _AS_NUMBERS),
    "number-text": (
        "numbers as text (first: {first!r})",
        "pd.to_numeric({code})",
        "save it as a column of numbers",
    ),
    "category": ("categories", "{code}.cat.codes", _AS_NUMBERS),
    "object-number": (
        "numbers as Python objects (first: {first!r})",
        "{code}.astype(float)",
        _AS_NUMBERS,
    ),
    "other": ("{dtype} values", "{code}.astype(float)", _AS_NUMBERS),
}
_SENTENCES = frozenset({"text", "some-text"})
"""Kinds whose fix is a sentence, not the right side of an assignment."""


def read_numbers(
    column: pd.Series, findings: Findings, frame: str = "df", *, is_target: bool = False
) -> NumberArray | None:
    """Return a column's numbers, or None after noting what it holds instead."""
    kind = _kind(column)
    if kind == "number":
        if isinstance(column.dtype, np.dtype):
            return column.to_numpy()
        return column.to_numpy(dtype=float, na_value=np.nan)
    first = _first(column, kind)
    found, fix, plain = _FIXES["words" if kind == "text" and is_target else kind]
    name, words = str(column.name), wording()
    code = words.code(name, frame)
    shown = {"first": first, "code": code, "encoded": _encoded(column), "bad": _no_numbers(column)}
    fix = fix.format(**shown)
    fix = fix if kind in _SENTENCES else f"convert it: {code} = {fix}"
    found = found.format(**shown, rows=_rows(column, kind, words), dtype=column.dtype)
    findings.error(
        f"{words.column(name, frame)} must hold numbers, found {found}; {words.how(fix, plain)}"
    )
    return None


def _encoded(column: pd.Series) -> str:
    """Return the start of a table of numbers for words."""
    names = [cell for cell in column.dropna().unique()[:2] if isinstance(cell, str)]
    parts = [f"{name[:_MOST_CHARACTERS]!r}: {number}" for number, name in enumerate(names)]
    return ", ".join([*parts, "..."])


def _no_numbers(column: pd.Series) -> list[Any]:
    """Return the first distinct cells that are no numbers."""
    present = column.dropna()
    return list(present[pd.to_numeric(present, errors="coerce").isna()].unique()[:_MOST_CELLS])


def _rows(column: pd.Series, kind: str, words: Wording) -> str:
    """Return the places of text among numbers: the first few, and how many there are."""
    if kind != "some-text":
        return ""
    bad = column.notna() & pd.to_numeric(column, errors="coerce").isna()
    places = np.flatnonzero(bad)
    texts = [repr(str(column.iloc[at])[:_MOST_CHARACTERS]) for at in places[:3]]
    cells = [f"{t} in row {words.row(int(at))}" for t, at in zip(texts, places, strict=False)]
    return ", ".join(cells) + (f", ... ({len(places)} such rows)" if len(places) > 3 else "")


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
        return
    sizes = np.abs(np.where(np.isfinite(values), values, 0).astype(float))
    if len(values) and sizes.max() > HUGE:
        row, words = int(sizes.argmax()), wording()
        findings.warn(
            f"{words.column(name, frame)} holds {values[row]:.3g}, {where(panel, row)}; above"
            f" {HUGE:.1g} its square overflows float32, which models use; scale"
            f" it{words.how(f', e.g. {words.code(name, frame)} /= 1e12', ' in the file')}"
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
        name, words, filler = str(column.name), wording(), '"none"'
        code = words.code(name, frame)
        findings.error(
            f"{words.column(name, frame)} has {count(int(missing.sum()), 'missing value')}, first "
            f"{where(panel, int(missing.argmax()))}; give them a category of their own, e.g. "
            f"{words.how(f'{code} = {code}.fillna({filler})', 'none')}"
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
            f"{words.column(name)} is constant in {len(constant)} of {count(n_series, 'series')},"
            f" first in {words.series(panel.ids[code])} (always {first[code]:g}); a model learns"
            " nothing from it; leave such series out, or forecast them with their last value"
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
            "float32, which models use, hardly distinguishes such values",
            f"subtract the level{words.how(f', e.g. {code} -= {level}', ' in the file')}",
        ),
        (
            varies & (spread < _SMALLEST_SPREAD),
            "scalers treat such a small spread as zero",
            f"choose a smaller unit{words.how(f', e.g. {code} *= 1e6', ' in the file')}",
        ),
    ):
        if blurred.any():
            first = int(blurred.argmax())
            findings.warn(
                f"{words.column(name)} varies by no more than {spread[first]:.2g} around"
                f" {highest[first]:.3g} in {words.series(panel.ids[first])}"
                f" ({count(int(blurred.sum()), 'series')} like it): {found}; {fix}"
            )


def is_category(column: pd.Series) -> bool:
    """Return whether a column holds categories by its type: pandas' own, or text without numbers.

    Examples
    --------
    >>> is_category(pd.Series(["sun", "rain"])), is_category(pd.Series(["1", "x"]))
    (True, False)
    """
    return _kind(column) in ("category", "text")


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
        return _kind_of_text(sample, column)
    known = (int, float, np.number, Decimal)
    if all(isinstance(cell, known) for cell in sample):
        whole = column.dropna()
        numeric = len(whole) == len(sample) or all(isinstance(cell, known) for cell in whole)
        return "object-number" if numeric else "some-text"
    return "some-text" if all(isinstance(cell, (*known, str)) for cell in sample) else "other"


def _kind_of_text(sample: pd.Series, column: pd.Series) -> str:
    """Return what texts stand for: numbers, numbers written with commas, or words."""
    numbers = pd.to_numeric(sample, errors="coerce").notna()
    if numbers.all():
        rest = pd.to_numeric(column.dropna(), errors="coerce")
        return "number-text" if rest.notna().all() else "some-text"
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
        fix = f", e.g. {code} = {code}.replace([np.inf, -np.inf], np.nan).ffill()"
        findings.error(
            f"{words.column(name, frame)} has {count(n_infinite, 'infinite value')}, first "
            f"{where(panel, int(infinite.argmax()))}; replace them{words.how(fix, ' in the file')}"
        )
