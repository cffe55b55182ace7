"""Values that nobody should pass, drawn at random but seeded."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.search_space import Choice, Float, Integer


class Hostile:
    """Raises whatever is asked of it."""

    def _raise(self, *_: Any) -> Any:
        raise RuntimeError("hostile")

    __repr__ = __str__ = __len__ = __eq__ = __bool__ = __iter__ = __float__ = __int__ = _raise  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __lt__ = __gt__ = __getitem__ = __contains__ = __array__ = _raise


SCALARS: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 7,
    lambda: 2.5,
    lambda: math.nan,
    lambda: math.inf,
    lambda: 10**400,
    lambda: -(10**30),
    lambda: 1 + 2j,
    lambda: Decimal("NaN"),
    lambda: Fraction(1, 3),
    lambda: np.int8(3),
    lambda: np.float32("inf"),
    lambda: np.datetime64("NaT"),
    lambda: pd.NA,
    lambda: pd.NaT,
    lambda: pd.Timestamp("2024-01-01", tz="UTC"),
    lambda: "",
    lambda: "a\x00b",
    lambda: "\ud800",
    lambda: "x" * 10_000,
    lambda: "NHITS",
    lambda: "2024-01-01",
    lambda: b"bytes",
    lambda: ...,
    object,
    Hostile,
    lambda: Hostile,
    lambda: len,
    lambda: lambda trial: trial,
    lambda: Path("no/such"),
    lambda: Choice([1, "a", None]),
    lambda: Integer(1, 9),
    lambda: Float(1e-5, 1.0, log=True),
)


def junk(rng: np.random.Generator, depth: int = 2) -> Any:
    """Return a value of any kind, nested at most so deep."""
    kind = rng.integers(12)
    if depth == 0 or kind < 6:
        return SCALARS[rng.integers(len(SCALARS))]()
    items = [junk(rng, depth - 1) for _ in range(rng.integers(4))]
    if kind == 6:
        return items
    if kind == 7:
        return tuple(items)
    if kind == 8:
        return {f"k{place}": item for place, item in enumerate(items)}
    if kind == 9:
        return dict(enumerate(items))
    if kind == 10:
        return iter(items)
    return frame(rng, depth - 1)


def frame(rng: np.random.Generator, depth: int = 1) -> pd.DataFrame:
    """Return a long frame whose cells, columns or index are odd."""
    n = int(rng.integers(0, 30))
    columns: dict[Any, Any] = {
        "unique_id": rng.choice(["a", "b"], n),
        "ds": pd.date_range("2024-01-01", periods=n, freq=str(rng.choice(["D", "h", "MS"]))),
        "y": rng.normal(size=n),
    }
    table = pd.DataFrame(columns)
    for _ in range(rng.integers(1, 4)):
        with suppress(Exception):  # pandas itself refuses some damage
            table = _DAMAGES[rng.integers(len(_DAMAGES))](table, rng, depth)
    return table


def _odd_cell(table: pd.DataFrame, rng: np.random.Generator, depth: int) -> pd.DataFrame:
    if table.empty:
        return table
    name = table.columns[rng.integers(table.shape[1])]
    values = list(table[name]) if not isinstance(table[name], pd.DataFrame) else [0] * len(table)
    values[rng.integers(len(values))] = SCALARS[rng.integers(len(SCALARS))]()
    return table.assign(**{str(name): pd.Series(values, dtype=object, index=table.index)})


def _odd_column(table: pd.DataFrame, rng: np.random.Generator, depth: int) -> pd.DataFrame:
    return table.rename(
        columns={table.columns[rng.integers(table.shape[1])]: rng.choice(["y", "z"])}
    )


def _no_column(table: pd.DataFrame, rng: np.random.Generator, depth: int) -> pd.DataFrame:
    return table.drop(columns=[table.columns[0]]) if table.shape[1] > 1 else table


def _in_index(table: pd.DataFrame, rng: np.random.Generator, depth: int) -> pd.DataFrame:
    name = table.columns[rng.integers(table.shape[1])]
    return table.set_index(name, drop=bool(rng.integers(2)))


def _other_type(table: pd.DataFrame, rng: np.random.Generator, depth: int) -> pd.DataFrame:
    name = table.columns[rng.integers(table.shape[1])]
    kind = str(rng.choice(["object", "category", "string"]))
    if isinstance(table[name], pd.DataFrame):
        return table
    return table.assign(**{str(name): table[name].astype(kind)})


def _far_time(table: pd.DataFrame, rng: np.random.Generator, depth: int) -> pd.DataFrame:
    if table.empty or "ds" not in table.columns or isinstance(table["ds"], pd.DataFrame):
        return table
    values = list(table["ds"])
    values[0] = pd.Timestamp("9999-12-31") if rng.integers(2) else pd.Timestamp("1700-01-01")
    return table.assign(ds=values)


_DAMAGES = (_odd_cell, _odd_column, _no_column, _in_index, _other_type, _far_time)
