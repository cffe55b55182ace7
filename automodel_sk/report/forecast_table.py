"""The forecast as tables with totals, and as a file to download."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk._utils.short_numbers import with_short_numbers
from automodel_sk.report.templating import figure_of

__all__ = ["ForecastTables", "day_of", "forecast_tables"]

_MOST_SERIES = 20
_MOST_STEPS = 400
_MOST_BYTES = 5_000_000
"""Size of the file that the page holds; a longer one ends at the series that still fits."""


@dataclass(frozen=True)
class ForecastTables:
    """The forecast of a report.

    Parameters
    ----------
    heading : sequence of str
        Heading of the table by time.
    by_time : sequence of rows
        The forecast by time, of all series together.
    by_series : sequence of rows
        Name, total and mean of the series with the largest totals, and of all others together.
    total, mean : str
        Sum and mean over all series and times.
    first, last : str
        The first and the last time.
    download : str
        The whole forecast as the address of a CSV file.
    left_out : int
        Series that the file does not hold.
    """

    heading: Sequence[str]
    by_time: Sequence[Sequence[str]]
    by_series: Sequence[Sequence[str]]
    total: str
    mean: str
    first: str
    last: str
    download: str = field(repr=False)
    left_out: int = 0


def forecast_tables(
    ahead: pd.DataFrame, column: str, level: Sequence[float], names: Sequence[str]
) -> ForecastTables:
    """Return a forecast as tables.

    Parameters
    ----------
    ahead : DataFrame
        The forecast: `unique_id`, `ds`, the model's column and those of its intervals.
    column : str
        The model's column.
    level : sequence of float
        Levels of its intervals.
    names : sequence of str
        The user's names of the columns of series, times and values.

    Examples
    --------
    >>> times = pd.date_range("2024-01-01", periods=2)
    >>> ahead = pd.DataFrame({"unique_id": ["a", "a", "b", "b"], "ds": [*times, *times]})
    >>> tables = forecast_tables(ahead.assign(MLP=[1.0, 2.0, 5.0, 6.0]), "MLP", [], "sty")
    >>> tables.by_time
    [['2024-01-01', '6.00'], ['2024-01-02', '8.00']]
    >>> tables.by_series, tables.total
    ([['b', '11.00', '5.50'], ['a', '3.00', '1.50']], '14.00')
    """
    many = ahead["unique_id"].nunique() > 1
    spans = [] if many else [f"{c:.10g}" for c in sorted(level)]
    bounds = [(f"{column}-lo-{c}", f"{column}-hi-{c}") for c in spans]
    columns = [column, *(bound for pair in bounds for bound in pair)]
    sums = ahead.groupby("ds", sort=True)[columns].sum(min_count=1)
    texts = _amounts(sums.to_numpy(dtype=float))
    by_time = [[day_of(time), *row] for time, row in zip(sums.index, texts, strict=True)]
    heading = [names[1], "all series" if many else "forecast"]
    heading += [f"{side} ({c}%)" for c in spans for side in ("lowest", "highest")]
    totals = _totals(ahead, column)
    csv, left_out = _csv(ahead, column, level, names)
    every = ahead[column].to_numpy(dtype=float)
    return ForecastTables(
        heading,
        by_time[:_MOST_STEPS],
        totals if many else [],
        _amount(float(np.nansum(every)), every),
        _amount(float(np.nanmean(every)), every),
        day_of(sums.index[0]),
        day_of(sums.index[-1]),
        f"data:text/csv;charset=utf-8;base64,{base64.b64encode(csv).decode()}",
        left_out,
    )


def day_of(time: Any) -> str:
    """Return a time as text, without the time of day at midnight.

    Examples
    --------
    >>> day_of(pd.Timestamp("2024-01-01")), day_of(pd.Timestamp("2024-01-01 06:00")), day_of(7)
    ('2024-01-01', '2024-01-01 06:00', '7')
    """
    text = str(time).removesuffix(" 00:00:00")
    return text.removesuffix(":00") if text.count(":") == 2 and "+" not in text else text


def _totals(ahead: pd.DataFrame, column: str) -> list[list[str]]:
    """Return name, total and mean of each series, the largest first."""
    own = ahead.groupby("unique_id", sort=False, observed=True)[column].agg(["sum", "mean"])
    ranked = own.sort_values("sum", ascending=False, kind="stable")
    shown = ranked.head(_MOST_SERIES)
    texts = _amounts(shown.to_numpy(dtype=float))
    rows = [[str(name), *row] for name, row in zip(shown.index, texts, strict=True)]
    others = ranked.iloc[_MOST_SERIES:]
    if len(others):
        sizes = ahead[column].to_numpy(dtype=float)
        values = (float(others["sum"].sum()), float(others["mean"].mean()))
        rows.append([f"{len(others):,} others", *(_amount(value, sizes) for value in values)])
    return rows


def _amounts(values: Any) -> list[list[str]]:
    return [[_amount(float(value), values) for value in row] for row in values]


def _amount(value: float, like: Any) -> str:
    """Return a number with as many decimals as others of its size need."""
    if not np.isfinite(value):
        return figure_of(float("nan"))
    sizes = np.abs(like[np.isfinite(like)])
    largest = float(sizes.max()) if sizes.size else 0.0
    whole = bool(sizes.size) and largest >= 1000
    decimals = 0 if whole else 1 if largest >= 100 else 2 if largest >= 1 else 4
    return f"{value:,.{decimals}f}"


def _csv(
    ahead: pd.DataFrame, column: str, level: Sequence[float], names: Sequence[str]
) -> tuple[bytes, int]:
    """Return the forecast as CSV with the user's names of columns, and the series left out."""
    renamed = {"unique_id": names[0], "ds": names[1], column: names[2]}
    for coverage in level:
        text = f"{coverage:.10g}"
        renamed |= {f"{column}-{s}-{text}": f"{names[2]}-{s}-{text}" for s in ("lo", "hi")}
    kept = with_short_numbers(ahead[list(renamed)].rename(columns=renamed))
    text = kept.to_csv(index=False)
    if len(text) <= _MOST_BYTES:
        return text.encode(), 0
    ids = ahead["unique_id"].unique()
    fitting = max(1, int(len(ids) * _MOST_BYTES / len(text)))
    some = kept[ahead["unique_id"].isin(ids[:fitting]).to_numpy()]
    return some.to_csv(index=False).encode(), len(ids) - fitting
